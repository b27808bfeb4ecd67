/* SPDX-License-Identifier: MPL-2.0 */
/* definition_launch.c: which keys a launchSpec may hold, of which type, and at which level of a definition.
 * Runs in: supervisor and type worker. Pure. The list is aws-provisioner's (facts/taskcluster.md)
 * and the two later keys of facts/ec2.md. */
#include <string.h>

#include "proto/definition_parts.h"

#define LAUNCH_KEYS(K)                                                                                                 \
    K("AddressingType", JSON_STRING)                                                                                   \
    K("BlockDeviceMappings", JSON_ARRAY)                                                                               \
    K("CpuOptions", JSON_OBJECT)                                                                                       \
    K("CreditSpecification", JSON_OBJECT)                                                                              \
    K("EbsOptimized", JSON_TRUE)                                                                                       \
    K("IamInstanceProfile", JSON_OBJECT)                                                                               \
    K("ImageId", JSON_STRING)                                                                                          \
    K("KernelId", JSON_STRING)                                                                                         \
    K("KeyName", JSON_STRING)                                                                                          \
    K("MonitoringEnabled", JSON_TRUE)                                                                                  \
    K("NetworkInterfaces", JSON_ARRAY)                                                                                 \
    K("Placement", JSON_OBJECT)                                                                                        \
    K("RamdiskId", JSON_STRING)                                                                                        \
    K("SecurityGroupIds", JSON_ARRAY)                                                                                  \
    K("SecurityGroups", JSON_ARRAY)                                                                                    \
    K("SubnetId", JSON_STRING)

struct launch_key {
    const char *name;
    json_type type; /* JSON_TRUE: true or false */
};

#define KEY_ROW(name, type) {name, type},
#define KEY_NAME(name, type) name,
static const struct launch_key keys[] = {LAUNCH_KEYS(KEY_ROW)};
static const char *const key_names[] = {LAUNCH_KEYS(KEY_NAME) NULL};

json_t *definition_launch_schema(bool with_image)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *type = keys[i].type == JSON_STRING   ? "string"
                           : keys[i].type == JSON_ARRAY  ? "array"
                           : keys[i].type == JSON_OBJECT ? "object"
                                                         : "boolean";
        if (!with_image && strcmp(keys[i].name, "ImageId") == 0)
            continue;
        json_object_set_new(properties, keys[i].name,
                            keys[i].type == JSON_STRING ? json_pack("{s:s, s:i, s:i}", "type", type, "minLength", 1,
                                                                    "maxLength", NAME_SIZE * 4 - 1)
                                                        : json_pack("{s:s}", "type", type));
    }
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
}

static int check_text(const json_t *value, const struct json_at *at, struct error *err)
{
    if (!json_is_string(value))
        return json_complain(at, err, "must be text");
    size_t length = json_string_length(value);
    if (length == 0 || length >= NAME_SIZE * 4)
        return json_complain(at, err, "must have 1 to %d characters, not %zu", NAME_SIZE * 4 - 1, length);
    return 0;
}

static int check_type(const struct launch_key *key, const json_t *value, const struct json_at *at, struct error *err)
{
    switch (key->type) {
    case JSON_STRING:
        return check_text(value, at, err);
    case JSON_ARRAY:
        return json_is_array(value) ? 0 : json_complain(at, err, "must be a list");
    case JSON_OBJECT:
        return json_is_object(value) ? 0 : json_complain(at, err, "must be an object");
    default:
        return json_is_boolean(value) ? 0 : json_complain(at, err, "must be true or false");
    }
}

/* Keys that have another place in a definition; the message says which. */
static int check_place(const json_t *launch, const struct json_at *at, const char *list, struct error *err)
{
    struct json_at image = json_at_member(at, "ImageId"), type = json_at_member(at, "InstanceType");
    struct json_at data = json_at_member(at, "UserData");
    if (json_object_get(launch, "InstanceType"))
        return json_complain(&type, err, "may not be here: it comes from instanceTypes[].instanceType");
    if (json_object_get(launch, "UserData"))
        return json_complain(&data, err, "may not be here: it is made from userData");
    if (json_object_get(launch, "ImageId") && (!list || strcmp(list, "regions") != 0))
        return json_complain(&image, err, "may not be here: images belong to a region, in regions[].launchSpec");
    return 0;
}

int definition_check_launch(const json_t *launch, const struct json_at *at, const char *list, struct error *err)
{
    if (check_place(launch, at, list, err) < 0 || json_only_members(launch, at, key_names, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *value = json_object_get(launch, keys[i].name);
        struct json_at member = json_at_member(at, keys[i].name);
        if (value && check_type(&keys[i], value, &member, err) < 0)
            return -1;
    }
    return 0;
}
