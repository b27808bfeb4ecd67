/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_container.c: a container's role by the endpoint that its environment names (ECS, EKS Pod Identity).
 * Plain http goes only to loopback and to the link-local addresses that common/http knows.
 * Runs in: the credentials helper. Never blocks. Owns: its one request, the token of the environment. */
#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_sources.h"

#define CALL_LIMIT SPAN_SECONDS(5)
#define CONNECT_LIMIT SPAN_SECONDS(2)
#define ANSWER_LIMIT 65536
#define TOKEN_LIMIT 16384
#define ECS_HOST "http://169.254.170.2"

struct container {
    struct http_client *http;
    credentials_function *on_done;
    void *context;
    char url[1024];
    struct secret *token; /* of the environment; NULL: from the file, or none */
    char token_file[512];
    bool busy;
};

struct container *container_create(struct http_client *http, credentials_function *on_done, void *context)
{
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (!(relative && *relative) && !(full && *full))
        return NULL;
    struct container *container = calloc(1, sizeof *container);
    if (!container)
        abort();
    container->http = http;
    container->on_done = on_done;
    container->context = context;
    /* A text that is too long is cut, and the endpoint says that it does not know it. */
    text_format(container->url, sizeof container->url, "%s%s", relative && *relative ? ECS_HOST : "",
                relative && *relative ? relative : full);
    text_copy(container->token_file, sizeof container->token_file, getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    container->token = secret_from_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return container;
}

void container_destroy(struct container **container)
{
    if (!container || !*container)
        return;
    secret_destroy(&(*container)->token);
    free(*container);
    *container = NULL;
}

static void conclude(struct container *container, struct aws_credentials *credentials, const char *problem)
{
    container->busy = false;
    container->on_done(container->context, credentials, problem);
}

static void on_answer(void *context, const struct http_response *response)
{
    struct container *container = context;
    struct aws_credentials credentials;
    struct error err = {0};

    if (response->outcome != HTTP_ANSWERED)
        error_set(&err, ERROR_REMOTE, "container endpoint: %s", response->problem);
    else if (response->status != 200)
        error_set(&err, ERROR_REMOTE, "container endpoint: HTTP %d", response->status);
    else if (credentials_from_json(&credentials, "container endpoint", response->body, response->body_size, &err) ==
             0) {
        conclude(container, &credentials, "");
        return;
    }
    conclude(container, NULL, err.text);
}

/* NULL: there is none; *failed: there should be one. The file is read each time: its token is renewed in place. */
static struct secret *read_token(const struct container *container, bool *failed, struct error *err)
{
    struct secret *token = container->token ? secret_copy(container->token) : NULL;

    if (!token && *container->token_file)
        token = secret_from_file(container->token_file, TOKEN_LIMIT, err);
    *failed = !token && *container->token_file;
    if (token && strpbrk(secret_reveal(token), "\r\n")) { /* it would end the header */
        secret_destroy(&token);
        *failed = true;
        error_set(err, ERROR_INPUT, "container endpoint: its authorization token has more than one line");
    }
    return token;
}

void container_fetch(struct container *container)
{
    struct buffer header = {0};
    struct error err;
    bool failed;

    if (container->busy)
        return;
    struct secret *token = read_token(container, &failed, &err);
    if (failed) {
        conclude(container, NULL, err.text);
        return;
    }
    if (token)
        buffer_print(&header, "Authorization: %s", secret_reveal(token));
    secret_destroy(&token);
    const char *headers[] = {header.size ? header.bytes : NULL, NULL};
    struct http_request request = {.method = "GET",
                                   .url = container->url,
                                   .headers = headers,
                                   .connect_limit = CONNECT_LIMIT,
                                   .total_limit = CALL_LIMIT,
                                   .size_limit = ANSWER_LIMIT,
                                   .on_done = on_answer,
                                   .context = container};
    container->busy = true;
    int64_t id = http_start(container->http, &request, &err);
    buffer_free(&header);
    if (id < 0)
        conclude(container, NULL, err.text);
}
