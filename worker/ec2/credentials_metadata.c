/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_metadata.c: the role's credentials from the instance metadata service, version 2 only: a token by PUT,
 * the name of the role, its credentials. Each call ends within 3 s; the usual reason for none is the hop limit (case
 * B50). Runs in: the credentials helper. Never blocks. Owns: the metadata token, its one request. */
#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_sources.h"

#define CALL_LIMIT SPAN_MS(2500)
#define CONNECT_LIMIT SPAN_MS(1000)
#define ANSWER_LIMIT 65536
#define TOKEN_SECONDS "21600"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

enum metadata_step { METADATA_IDLE, METADATA_TOKEN, METADATA_ROLE, METADATA_KEYS };

struct metadata {
    struct http_client *http;
    char endpoint[256];
    credentials_function *on_done;
    void *context;
    enum metadata_step step;
    struct secret *token;
    bool token_renewed; /* in this fetch */
    char role[256];
};

static void begin(struct metadata *metadata, enum metadata_step step);

static void conclude(struct metadata *metadata, struct aws_credentials *credentials, const char *problem)
{
    metadata->step = METADATA_IDLE;
    metadata->on_done(metadata->context, credentials, problem);
}

/* The first line, which must be one plain word. */
static int take_word(char *out, size_t size, const char *text)
{
    size_t length = strcspn(text, "\r\n");

    if (length == 0 || length >= size || strcspn(text, " \t/?#%\"") < length)
        return -1;
    memcpy(out, text, length);
    out[length] = '\0';
    return 0;
}

static void on_token(struct metadata *metadata, const struct http_response *response)
{
    size_t length = strcspn(response->body, "\r\n \t");

    if (length == 0 || length > 1024) {
        conclude(metadata, NULL, "metadata service: its token cannot be used");
        return;
    }
    secret_destroy(&metadata->token);
    metadata->token = secret_create(response->body, length);
    begin(metadata, METADATA_ROLE);
}

static void on_keys(struct metadata *metadata, const struct http_response *response)
{
    struct aws_credentials credentials;
    struct error err;

    if (credentials_from_json(&credentials, "metadata service", response->body, response->body_size, &err) != 0)
        conclude(metadata, NULL, err.text);
    else
        conclude(metadata, &credentials, "");
}

static void on_status(struct metadata *metadata, int status)
{
    static const char *const calls[] = {[METADATA_TOKEN] = "its token",
                                        [METADATA_ROLE] = "the role's name",
                                        [METADATA_KEYS] = "the role's credentials"};
    char text[160];

    if (status == 401 && metadata->step != METADATA_TOKEN && !metadata->token_renewed) {
        metadata->token_renewed = true; /* it had run out: a new one, once */
        begin(metadata, METADATA_TOKEN);
        return;
    }
    if (status == 404 && metadata->step == METADATA_ROLE)
        text_copy(text, sizeof text, "metadata service: this instance has no role (instance profile)");
    else
        text_format(text, sizeof text, "metadata service: HTTP %d instead of %s", status, calls[metadata->step]);
    conclude(metadata, NULL, text);
}

static void on_answer(void *context, const struct http_response *response)
{
    struct metadata *metadata = context;
    char text[256];

    if (response->outcome != HTTP_ANSWERED) {
        text_format(text, sizeof text,
                    "no AWS credentials in the environment or a file, and no answer from the metadata "
                    "service%s",
                    metadata->step == METADATA_TOKEN && response->outcome != HTTP_NOT_SENT
                        ? " to PUT: in a container its hop limit must be 2 (HttpPutResponseHopLimit)"
                        : "");
        conclude(metadata, NULL, text);
    } else if (response->status != 200) {
        on_status(metadata, response->status);
    } else if (metadata->step == METADATA_TOKEN) {
        on_token(metadata, response);
    } else if (metadata->step == METADATA_KEYS) {
        on_keys(metadata, response);
    } else if (take_word(metadata->role, sizeof metadata->role, response->body) == 0) {
        begin(metadata, METADATA_KEYS);
    } else {
        conclude(metadata, NULL, "metadata service: the role's name cannot be used");
    }
}

static void begin(struct metadata *metadata, enum metadata_step step)
{
    bool token_call = step == METADATA_TOKEN;
    struct buffer url = {0}, header = {0};
    struct error err;

    metadata->step = step;
    buffer_print(&url, "%s%s%s", metadata->endpoint, token_call ? "/latest/api/token" : ROLE_PATH,
                 step == METADATA_KEYS ? metadata->role : "");
    if (token_call)
        buffer_print(&header, "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_SECONDS);
    else
        buffer_print(&header, "X-aws-ec2-metadata-token: %s", secret_reveal(metadata->token));
    const char *headers[] = {header.bytes, NULL};
    struct http_request request = {.method = token_call ? "PUT" : "GET",
                                   .url = url.bytes,
                                   .headers = headers,
                                   .body = token_call ? "" : NULL,
                                   .connect_limit = CONNECT_LIMIT,
                                   .total_limit = CALL_LIMIT,
                                   .size_limit = ANSWER_LIMIT,
                                   .on_done = on_answer,
                                   .context = metadata};
    int64_t id = http_start(metadata->http, &request, &err);
    buffer_free(&url);
    buffer_free(&header);
    if (id < 0)
        conclude(metadata, NULL, err.text);
}

struct metadata *metadata_create(struct http_client *http, const char *endpoint, credentials_function *on_done,
                                 void *context)
{
    struct metadata *metadata = calloc(1, sizeof *metadata);

    if (!metadata)
        abort();
    metadata->http = http;
    metadata->on_done = on_done;
    metadata->context = context;
    text_copy(metadata->endpoint, sizeof metadata->endpoint, endpoint);
    return metadata;
}

void metadata_destroy(struct metadata **metadata)
{
    if (!metadata || !*metadata)
        return;
    secret_destroy(&(*metadata)->token);
    free(*metadata);
    *metadata = NULL;
}

bool metadata_busy(const struct metadata *metadata)
{
    return metadata->step != METADATA_IDLE;
}

void metadata_fetch(struct metadata *metadata)
{
    if (metadata_busy(metadata))
        return;
    metadata->token_renewed = metadata->token == NULL;
    begin(metadata, metadata->token ? METADATA_ROLE : METADATA_TOKEN);
}
