/* SPDX-License-Identifier: MPL-2.0 */
/* region_quotas.c: the account's vCPU quotas, asked of Service Quotas for the catalogue (lane 4), one at a time.
 * Runs in: region worker. Owns: the one call under way.
 * Where it is not to be asked, refuses, or does not answer, the quota is simply not known: no finding comes of it. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/quotas.h"
#include "worker/region_worker.h"

#define ANSWER_LIMIT 65536 /* bytes */

struct quota_call {
    char code[32];
    region_quota_done *done;
    void *context;
};

static void on_answer(void *context, const struct http_response *response)
{
    struct region_worker *worker = context;
    struct quota_call call = *worker->quota;
    struct error err = {0};
    json_t *item = NULL;
    free(worker->quota);
    worker->quota = NULL;
    if (response->outcome == HTTP_ANSWERED)
        item = quotas_read(response->status, response->body, response->body_size, call.code, &err);
    else
        error_set(&err, ERROR_REMOTE, "%s", response->problem);
    if (!item)
        log_repeating(LOG_WARN_LEVEL, "quotas.unread", call.code, err.text, "code=%s problem=%s", call.code,
                      log_quote(err.text));
    call.done(call.context, item);
}

static int send(struct region_worker *worker, const char *endpoint, const char *code, struct error *err)
{
    const struct aws_credentials *credentials = keys_now(worker->keys);
    struct buffer body = {0};
    struct ec2_signed headers = {0};
    if (!credentials)
        return error_set(err, ERROR_REMOTE, "no AWS credentials: %s", keys_problem(worker->keys));
    quotas_request(&body, code);
    struct ec2_post post = {.url = endpoint,
                            .body = body.bytes,
                            .body_size = body.size,
                            .service = QUOTAS_SERVICE,
                            .region = worker->options->name,
                            .target = QUOTAS_TARGET};
    struct http_request request = {.method = "POST",
                                   .url = endpoint,
                                   .headers = headers.headers,
                                   .body = body.bytes,
                                   .body_size = body.size,
                                   .connect_limit = worker->config.connect_limit,
                                   .total_limit = region_page_limit(worker),
                                   .size_limit = ANSWER_LIMIT,
                                   .on_done = on_answer,
                                   .context = worker};
    CRASH_POINT(region_before_catalogue_call);
    int result =
        ec2_sign_post(&headers, &post, credentials, clock_offset_apply(&worker->cloud.offset, clock_wall()), err);
    if (result == 0)
        result = http_start(worker->http, &request, err) > 0 ? 0 : -1;
    ec2_signed_clear(&headers);
    buffer_free(&body);
    return result;
}

int region_quota_ask(struct region_worker *worker, const char *code, region_quota_done *done, void *context)
{
    char endpoint[256];
    struct error err = {0};
    config_quotas_endpoint(&worker->config, worker->options->name, endpoint, sizeof endpoint);
    if (!*endpoint || worker->quota)
        return -1;
    worker->quota = calloc(1, sizeof *worker->quota);
    if (!worker->quota)
        log_panic("memory.ended", "part=quotas");
    *worker->quota = (struct quota_call){.done = done, .context = context};
    text_copy(worker->quota->code, sizeof worker->quota->code, code);
    if (send(worker, endpoint, code, &err) == 0)
        return 0;
    log_repeating(LOG_WARN_LEVEL, "quotas.unsent", code, err.text, "code=%s problem=%s", code, log_quote(err.text));
    region_quota_clear(worker);
    return -1;
}

void region_quota_clear(struct region_worker *worker)
{
    free(worker->quota);
    worker->quota = NULL;
}
