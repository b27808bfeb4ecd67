/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_webhook.c: the lane that POSTs JSON. Runs in: provisiond-notifier, on common/http. Owns nothing.
 * What the answer proves: 2xx told; no byte sent, or an answer that refuses, not told; anything else may have been
 * told: no answer in time, and 502 and 504, by which a gateway says that it does not know either. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

#define ANSWER_LIMIT ((size_t)64 * 1024) /* nobody reads it */

static enum result result_of(const struct http_response *response)
{
    if (response->outcome == HTTP_NOT_SENT || response->outcome == HTTP_CANCELLED)
        return RESULT_FAILED;
    if (response->status >= 200 && response->status < 300)
        return RESULT_DONE;
    if (response->outcome == HTTP_UNKNOWN || response->status == 502 || response->status == 504)
        return RESULT_UNKNOWN;
    return RESULT_FAILED;
}

static void on_done(void *context, const struct http_response *response)
{
    char why[256];

    if (response->status > 0)
        text_format(why, sizeof why, "status %d", response->status);
    else
        text_copy(why, sizeof why, response->problem);
    lanes_finish(context, result_of(response), why);
}

int webhook_start(struct attempt *attempt, const json_t *document, const struct notice *notice, struct error *err)
{
    struct notifier *notifier = attempt->notifier;
    char key[STREAM_INCARNATION_SIZE + 80];
    char *body = json_dumps(document, JSON_COMPACT);

    /* The same for each attempt: a receiver that knows it can drop what it has already. */
    text_format(key, sizeof key, "Idempotency-Key: %s-%lld-%s", notice->incarnation, (long long)notice->id,
                phase_name(attempt->phase));
    const char *const headers[] = {"Content-Type: application/json; charset=utf-8", key, NULL};
    struct http_request request = {.method = "POST",
                                   .url = secret_reveal(notifier->webhook),
                                   .headers = headers,
                                   .body = body,
                                   .body_size = body ? strlen(body) : 0,
                                   .connect_limit = notifier->config.webhook_limit,
                                   .total_limit = notifier->config.webhook_limit,
                                   .size_limit = ANSWER_LIMIT,
                                   .fresh_connection = true,
                                   .on_done = on_done,
                                   .context = attempt};
    int64_t id = body ? http_start(notifier->http, &request, err) : error_set(err, ERROR_LOCAL, "memory ended");
    free(body);
    return id > 0 ? 0 : -1;
}
