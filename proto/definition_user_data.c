/* SPDX-License-Identifier: MPL-2.0 */
/* definition_user_data.c: whether the user data of every specification fits EC2's limit, before anything is launched.
 * Runs in: supervisor and type worker. Pure. The object that is measured is the one that worker/ec2/launch.c writes
 * (aws-provisioner's names); what differs from launch to launch counts at its longest (case B56). */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/definition_parts.h"

#define LONGEST_TOKEN "0123456789012345678901234567890123456789012345678901234567890123" /* 64: ClientToken */
#define LONGEST_PRICE 99999.100000000006 /* a double that needs all of 17 digits */
#define NEVER_MODIFIED "1970-01-01T00:00:00.000Z"

/* Bytes of the user data with an empty `data`, region, zone, instance type and the highest capacity. */
static size_t frame_size(const struct definition *definition, const char *provisioner_id, const char *root_url)
{
    const char *modified = json_string_value(json_object_get(definition->document, "lastModified"));
    struct buffer base = {0};
    modified = modified ? modified : NEVER_MODIFIED;
    buffer_print(&base, "%s/api/aws-provisioner/v1", root_url);
    json_t *object =
        json_pack("{s:s, s:I, s:{}, s:s, s:s, s:s, s:f, s:s, s:s, s:s, s:s, s:f, s:s, s:s}", "availabilityZone", "",
                  "capacity", (json_int_t)definition->largest_capacity, "data", "instanceType", "", "lastModified",
                  modified, "launchSpecGenerated", modified, "price", LONGEST_PRICE, "provisionerBaseUrl",
                  buffer_text(&base), "provisionerId", provisioner_id, "region", "", "securityToken", LONGEST_TOKEN,
                  "spotBid", LONGEST_PRICE, "taskclusterRootUrl", root_url, "workerType", definition->name);
    buffer_free(&base);
    char *text = object ? json_text(object) : NULL;
    size_t size = text ? strlen(text) : SIZE_MAX / 2;
    free(text);
    json_decref(object);
    return size - strlen("{}");
}

static size_t text_size(const json_t *value)
{
    size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT);
    return size;
}

int definition_check_user_data(const struct definition *definition, const char *provisioner_id, const char *root_url,
                               struct error *err)
{
    size_t frame = frame_size(definition, provisioner_id, root_url), data_size = 0;
    const json_t *measured = NULL;
    for (size_t i = 0; i < definition->spec_count; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        if (spec->user_data != measured)
            data_size = text_size(spec->user_data);
        measured = spec->user_data;
        size_t size = frame + data_size + strlen(spec->region) + strlen(spec->zone) + strlen(spec->instance_type);
        if (size > USER_DATA_LIMIT)
            return error_set(err, ERROR_INPUT,
                             "%s: userData: %s: %zu bytes for %s, %s, and EC2 takes %d before base64 (userData itself "
                             "has %zu)",
                             definition->file, definition->name, size, spec->zone, spec->instance_type, USER_DATA_LIMIT,
                             data_size);
    }
    return 0;
}
