/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_sts.c: a role's credentials from STS: AssumeRole, signed with other credentials, or
 * AssumeRoleWithWebIdentity, whose token is its proof. A refusal for the clock is tried once more with STS's own time.
 * Runs in: the credentials helper. Never blocks. Owns: its one request and, for the second try, its body. */
#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_sources.h"
#include "worker/ec2/offset.h"

#define CALL_LIMIT SPAN_SECONDS(10)
#define CONNECT_LIMIT SPAN_SECONDS(3)
#define ANSWER_LIMIT 65536

struct sts {
    struct http_client *http;
    credentials_function *on_done;
    void *context;
    char endpoint[256], region[NAME_SIZE];
    struct clock_offset offset;
    bool busy, second_try;
    struct buffer body;
    struct aws_credentials base; /* own copies; access_key "": not signed */
    struct wall signed_at;
};

static void send_request(struct sts *sts);

struct sts *sts_create(struct http_client *http, const char *endpoint, const char *region,
                       credentials_function *on_done, void *context)
{
    struct sts *sts = calloc(1, sizeof *sts);

    if (!sts)
        abort();
    sts->http = http;
    sts->on_done = on_done;
    sts->context = context;
    text_copy(sts->endpoint, sizeof sts->endpoint, endpoint);
    text_copy(sts->region, sizeof sts->region, region);
    return sts;
}

static void forget(struct sts *sts)
{
    aws_credentials_clear(&sts->base);
    buffer_free(&sts->body);
    sts->busy = false;
}

void sts_destroy(struct sts **sts)
{
    if (!sts || !*sts)
        return;
    forget(*sts);
    free(*sts);
    *sts = NULL;
}

static void conclude(struct sts *sts, struct aws_credentials *credentials, const char *problem)
{
    forget(sts);
    sts->on_done(sts->context, credentials, problem);
}

static void on_answer(void *context, const struct http_response *response)
{
    struct sts *sts = context;
    struct aws_credentials credentials;
    struct ec2_error code;
    struct error err = {0};
    struct span took = mono_since(response->sent, response->finished);

    if (response->outcome != HTTP_ANSWERED) {
        error_set(&err, ERROR_REMOTE, "STS: %s", response->problem);
    } else if (credentials_from_sts(&credentials, response->status, response->body, response->body_size, &code, &err) ==
               0) {
        clock_offset_accepted(&sts->offset, response->date, clock_wall(), took);
        conclude(sts, &credentials, "");
        return;
    } else if (!sts->second_try && *sts->base.access_key &&
               clock_offset_refused(&sts->offset, &code, response->date, sts->signed_at, clock_wall(), took)) {
        sts->second_try = true;
        send_request(sts);
        return;
    }
    conclude(sts, NULL, err.text);
}

static void send_request(struct sts *sts)
{
    static const char *const unsigned_headers[] = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
                                                   NULL};
    struct ec2_signed headers = {0};
    struct error err;
    bool is_signed = *sts->base.access_key != '\0';

    sts->signed_at = clock_wall();
    if (is_signed && ec2_sign(&headers, sts->endpoint, sts->body.bytes, sts->body.size, "sts", sts->region, &sts->base,
                              clock_offset_apply(&sts->offset, sts->signed_at), &err) < 0) {
        conclude(sts, NULL, err.text);
        return;
    }
    struct http_request request = {.method = "POST",
                                   .url = sts->endpoint,
                                   .headers = is_signed ? headers.headers : unsigned_headers,
                                   .body = sts->body.bytes,
                                   .body_size = sts->body.size,
                                   .connect_limit = CONNECT_LIMIT,
                                   .total_limit = CALL_LIMIT,
                                   .size_limit = ANSWER_LIMIT,
                                   .on_done = on_answer,
                                   .context = sts};
    int64_t id = http_start(sts->http, &request, &err);
    if (is_signed)
        ec2_signed_clear(&headers);
    if (id < 0)
        conclude(sts, NULL, err.text);
}

static void add(struct buffer *body, const char *name, const char *value)
{
    buffer_print(body, "&%s=", name);
    text_url_encode(body, value);
}

void sts_fetch(struct sts *sts, const struct sts_role *role)
{
    if (sts->busy)
        return;
    sts->busy = true;
    sts->second_try = false;
    buffer_print(&sts->body, "Action=%s&Version=2011-06-15", role->base ? "AssumeRole" : "AssumeRoleWithWebIdentity");
    add(&sts->body, "RoleArn", role->arn);
    add(&sts->body, "RoleSessionName", role->session_name);
    if (role->base && *role->external_id)
        add(&sts->body, "ExternalId", role->external_id);
    if (role->base) {
        sts->base = *role->base;
        sts->base.secret_key = secret_copy(role->base->secret_key);
        sts->base.session_token = secret_copy(role->base->session_token);
    } else {
        add(&sts->body, "WebIdentityToken", secret_reveal(role->web_token));
    }
    send_request(sts);
}
