/* SPDX-License-Identifier: MPL-2.0 */
/* quotas.c: see quotas.h. Runs in: region workers. Pure.
 * Source: Service Quotas API Reference, GetServiceQuota; botocore's model of it is what a test compares with. */
#include "worker/ec2/quotas.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

void quotas_request(struct buffer *out, const char *code)
{
    json_t *body = json_pack("{s:s, s:s}", "ServiceCode", "ec2", "QuotaCode", code);
    char *text = json_text(body);
    buffer_add(out, text, strlen(text));
    free(text);
    json_decref(body);
}

/* "com.amazon.coral#AccessDeniedException" or the bare word: what follows the # counts. */
static int refused(int status, const json_t *answer, struct error *err)
{
    const char *type = json_string_value(json_object_get(answer, "__type"));
    const char *mark = type ? strrchr(type, '#') : NULL;
    return error_set(err, ERROR_REMOTE, "%s",
                     mark            ? mark + 1
                     : type          ? type
                     : status == 200 ? "UnreadableAnswer"
                                     : "NoCode");
}

json_t *quotas_read(int status, const char *body, size_t size, const char *code, struct error *err)
{
    json_t *answer = json_read_text("Service Quotas", body, size, err), *item = NULL;
    const json_t *quota = json_object_get(answer, "Quota"), *value = json_object_get(quota, "Value");
    const char *its = json_string_value(json_object_get(quota, "QuotaCode"));
    char text[32];
    if (!answer)
        return NULL;
    if (status == 200 && json_is_number(value) && json_number_value(value) >= 0 && text_equal(its, code)) {
        text_format(text, sizeof text, "%.0f", json_number_value(value));
        item = json_pack("{s:s}", "value", text);
    } else {
        refused(status, answer, err);
    }
    json_decref(answer);
    return item;
}
