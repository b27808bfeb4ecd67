/* SPDX-License-Identifier: MPL-2.0 */
/* What a RunInstances call asks for: from parameters to a struct launch, and the part of it
 * that the journal shows. Whether EC2 would grant it is in ec2_launch_checks.c. */
#include "ec2.h"

#include "encoding.h"
#include "memory.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static json_t *object_of(char *text, size_t length)
{
    json_t *json = text != NULL ? json_loadb(text, length, 0, NULL) : NULL;
    if (json != NULL && json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

/* User data is base64; what is in it may be JSON, or base64 of JSON once more. */
static void read_user_data(struct ec2_call *call)
{
    const char *encoded = ec2_parameter(call, "UserData");
    if (encoded == NULL)
        return;
    call->user_data = base64_decode(encoded, strlen(encoded), &call->user_data_length);
    if (call->user_data == NULL)
        return;
    call->user_json = object_of(call->user_data, call->user_data_length);
    if (call->user_json == NULL) {
        size_t length = 0;
        char *inner = base64_decode(call->user_data, call->user_data_length, &length);
        call->user_json = object_of(inner, length);
        free(inner);
    }
}

/* Calls visit for every tag of the specifications for a resource type. */
static void collect_tags(const struct ec2_call *call, const char *resource, struct tag_set *tags)
{
    const char *type, *key;
    for (int i = 1; (type = ec2_parameterf(call, "TagSpecification.%d.ResourceType", i)) != NULL; i++) {
        if (strcmp(type, resource) != 0)
            continue;
        for (int j = 1; (key = ec2_parameterf(call, "TagSpecification.%d.Tag.%d.Key", i, j)) != NULL; j++) {
            const char *value = ec2_parameterf(call, "TagSpecification.%d.Tag.%d.Value", i, j);
            tag_set_put(tags, key, value != NULL ? value : "");
        }
    }
}

static json_t *tags_as_json(const struct ec2_call *call, const char *resource)
{
    struct tag_set tags = {0};
    json_t *object = json_object();
    collect_tags(call, resource, &tags);
    for (size_t i = 0; i < tags.count; i++) {
        json_object_set_new(object, tags.tags[i].key, json_string(tags.tags[i].value));
        free(tags.tags[i].key);
        free(tags.tags[i].value);
    }
    free(tags.tags);
    return object;
}

/* The parameter's own text, which lives as long as the call. */
static const char *named_worker_type(const struct ec2_call *call)
{
    const char *type, *key;
    for (int i = 1; (type = ec2_parameterf(call, "TagSpecification.%d.ResourceType", i)) != NULL; i++) {
        if (strcmp(type, "instance") != 0)
            continue;
        for (int j = 1; (key = ec2_parameterf(call, "TagSpecification.%d.Tag.%d.Key", i, j)) != NULL; j++)
            if (strcmp(key, "provisiond:type") == 0)
                return ec2_parameterf(call, "TagSpecification.%d.Tag.%d.Value", i, j);
    }
    return json_string_value(json_object_get(call->user_json, "workerType"));
}

static const char *first_subnet(const struct ec2_call *call)
{
    const char *id = ec2_parameter(call, "SubnetId");
    return id != NULL ? id : ec2_parameter(call, "NetworkInterface.1.SubnetId");
}

void launch_note(struct ec2_call *call)
{
    static const char *const shown[][2] = {{"token", "ClientToken"},
                                           {"min", "MinCount"},
                                           {"max", "MaxCount"},
                                           {"zone", "Placement.AvailabilityZone"},
                                           {"instanceType", "InstanceType"},
                                           {"imageId", "ImageId"},
                                           {"maxPrice", "InstanceMarketOptions.SpotOptions.MaxPrice"},
                                           {"subnet", "SubnetId"},
                                           {"key", "KeyName"},
                                           {"profile", "IamInstanceProfile.Name"},
                                           {"shutdownBehavior", "InstanceInitiatedShutdownBehavior"}};
    struct subject *subject = &call->exchange->subject;
    json_t *parameters = json_object();
    read_user_data(call);
    subject->worker_type = named_worker_type(call);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        const char *value = ec2_parameter(call, shown[i][1]);
        bool number = strcmp(shown[i][0], "min") == 0 || strcmp(shown[i][0], "max") == 0;
        if (value != NULL)
            json_object_set_new(parameters, shown[i][0], number ? json_integer(atoi(value)) : json_string(value));
    }
    json_object_set_new(parameters, "market", json_string(subject->market));
    json_object_set_new(parameters, "dryRun", json_boolean(ec2_flag(call, "DryRun")));
    json_object_set_new(parameters, "tags", tags_as_json(call, "instance"));
    json_object_set_new(parameters, "volumeTags", tags_as_json(call, "volume"));
    call->exchange->parameters = parameters;
    const char *subnet_id = first_subnet(call);
    const struct subnet *subnet =
        call->region != NULL && subnet_id != NULL ? table_get(&call->region->subnets, subnet_id) : NULL;
    if (subject->zone == NULL && subnet != NULL)
        subject->zone = subnet->zone;
}

static bool read_count(struct ec2_call *call, const char *name, int *out)
{
    const char *text = ec2_parameter(call, name);
    char *end;
    if (text == NULL)
        return ec2_missing(call, name);
    long count = strtol(text, &end, 10);
    if (*end != '\0' || end == text || count < 1 || count > 100000)
        return ec2_error(call, "InvalidParameterValue", "Value (%s) for parameter %s is invalid.", text, name);
    *out = (int)count;
    return true;
}

static bool parse_groups(struct ec2_call *call, struct launch *launch)
{
    static const char *const prefixes[] = {"SecurityGroupId.%d", "SecurityGroup.%d",
                                           "NetworkInterface.1.SecurityGroupId.%d"};
    if (ec2_parameter(call, "SecurityGroup.1") != NULL && first_subnet(call) != NULL)
        return ec2_error(call, "InvalidParameterCombination",
                         "The parameter groupName cannot be used with the parameter subnet");
    if (ec2_has_prefix(call, "NetworkInterface.") &&
        (ec2_parameter(call, "SubnetId") != NULL || ec2_has_prefix(call, "SecurityGroup")))
        return ec2_error(call, "InvalidParameterCombination",
                         "Network interfaces and an instance-level subnet ID or security groups may not be "
                         "specified on the same request");
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        for (int j = 1;; j++) {
            char name[64];
            snprintf(name, sizeof name, prefixes[i], j);
            const char *group = ec2_parameter(call, name);
            if (group == NULL)
                break;
            launch->group_ids = must_resize(launch->group_ids, (launch->group_count + 1) * sizeof(char *));
            launch->group_ids[launch->group_count++] = must_copy(group);
        }
    }
    return true;
}

static bool parse_market(struct ec2_call *call, struct launch *launch)
{
    const char *market = ec2_parameter(call, "InstanceMarketOptions.MarketType");
    const char *price = ec2_parameter(call, "InstanceMarketOptions.SpotOptions.MaxPrice");
    const char *kind = ec2_parameter(call, "InstanceMarketOptions.SpotOptions.SpotInstanceType");
    char *end;
    if (market == NULL && ec2_has_prefix(call, "InstanceMarketOptions."))
        return ec2_missing(call, "InstanceMarketOptions.MarketType");
    if (market != NULL && strcmp(market, "spot") != 0)
        return ec2_error(call, "InvalidParameterValue", "Value (%s) for parameter marketType is invalid.", market);
    if (price != NULL && (strtod(price, &end) <= 0 || *end != '\0'))
        return ec2_error(call, "InvalidParameterValue",
                         "Value (%s) for parameter price is invalid. \"%s\" is an "
                         "invalid spot instance price",
                         price, price);
    if (kind != NULL && strcmp(kind, "one-time") != 0 && strcmp(kind, "persistent") != 0)
        return ec2_error(call, "InvalidParameterValue", "Value (%s) for parameter instanceType is invalid.", kind);
    launch->market = market != NULL ? MARKET_SPOT : MARKET_ON_DEMAND;
    launch->max_price = must_copy(price);
    return true;
}

static bool parse_tags(struct ec2_call *call, struct launch *launch)
{
    static const char *const known = " instance volume network-interface spot-instances-request elastic-gpu ";
    const char *type;
    for (int i = 1; (type = ec2_parameterf(call, "TagSpecification.%d.ResourceType", i)) != NULL; i++) {
        char word[64];
        snprintf(word, sizeof word, " %.50s ", type);
        if (strstr(known, word) == NULL)
            return ec2_error(call, "InvalidParameterValue",
                             "'%s' is not a valid taggable resource type for this "
                             "operation.",
                             type);
    }
    collect_tags(call, "instance", &launch->tags);
    collect_tags(call, "volume", &launch->volume_tags);
    for (size_t i = 0; i < launch->tags.count; i++) {
        const struct tag *tag = &launch->tags.tags[i];
        if (strncmp(tag->key, "aws:", 4) == 0 || strlen(tag->key) > 128 || strlen(tag->value) > 256)
            return ec2_error(call, "InvalidParameterValue", "Tag '%.140s' is reserved or too long", tag->key);
    }
    if (launch->tags.count > 50)
        return ec2_error(call, "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
    return true;
}

/* Whether every volume of the mapping goes with its instance. */
static bool volumes_are_deleted(const struct ec2_call *call)
{
    for (int i = 1; ec2_parameterf(call, "BlockDeviceMapping.%d.DeviceName", i) != NULL; i++) {
        const char *flag = ec2_parameterf(call, "BlockDeviceMapping.%d.Ebs.DeleteOnTermination", i);
        if (flag != NULL && strcmp(flag, "false") == 0)
            return false;
    }
    return true;
}

static bool parse_user_data(struct ec2_call *call, struct launch *launch)
{
    if (ec2_parameter(call, "UserData") != NULL && call->user_data == NULL)
        return ec2_error(call, "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
    if (call->user_data_length > 16384)
        return ec2_error(call, "InvalidParameterValue", "User data is limited to 16384 bytes");
    const char *worker_type = call->exchange->subject.worker_type;
    launch->queue = worker_type != NULL ? queue_for_type(call->world, worker_type) : NULL;
    const json_t *capacity = json_object_get(call->user_json, "capacity");
    launch->units = json_is_integer(capacity) && json_integer_value(capacity) > 0 ? (int)json_integer_value(capacity)
                    : launch->queue != NULL                                       ? launch->queue->capacity
                                                                                  : 1;
    return true;
}

static bool parse_rest(struct ec2_call *call, struct launch *launch)
{
    const char *token = ec2_parameter(call, "ClientToken");
    const char *behavior = ec2_parameter(call, "InstanceInitiatedShutdownBehavior");
    const char *profile = ec2_parameter(call, "IamInstanceProfile.Name");
    char digest[65];
    if (token != NULL && (strlen(token) == 0 || strlen(token) > 64))
        return ec2_error(call, "InvalidParameterValue",
                         "Value (%.80s) for parameter clientToken is invalid. "
                         "Length exceeds maximum of 64.",
                         token);
    if (behavior != NULL && strcmp(behavior, "stop") != 0 && strcmp(behavior, "terminate") != 0)
        return ec2_error(call, "InvalidParameterValue",
                         "Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid.", behavior);
    launch->terminate_on_shutdown = behavior != NULL && strcmp(behavior, "terminate") == 0;
    launch->token = must_copy(token);
    launch->key_name = must_copy(ec2_parameter(call, "KeyName"));
    launch->profile = must_copy(profile != NULL ? profile : ec2_parameter(call, "IamInstanceProfile.Arn"));
    launch->http_tokens = must_copy(ec2_parameter(call, "MetadataOptions.HttpTokens"));
    launch->ebs_optimized = ec2_flag(call, "EbsOptimized");
    launch->delete_volumes = volumes_are_deleted(call);
    launch->image_id = must_copy(ec2_parameter(call, "ImageId"));
    ec2_digest_parameters(call, digest);
    launch->parameter_digest = must_copy(digest);
    return true;
}

bool launch_parse(struct ec2_call *call, struct launch_request *request)
{
    struct launch *launch = must_alloc(sizeof *launch);
    *request = (struct launch_request){.launch = launch, .zone = call->exchange->subject.zone};
    launch->region = call->region;
    if (ec2_parameter(call, "ImageId") == NULL)
        return ec2_missing(call, "ImageId");
    if (!read_count(call, "MinCount", &request->minimum) || !read_count(call, "MaxCount", &request->maximum))
        return false;
    if (request->minimum > request->maximum)
        return ec2_error(call, "InvalidParameterCombination", "MinCount may not be greater than MaxCount");
    return parse_market(call, launch) && parse_groups(call, launch) && parse_tags(call, launch) &&
           parse_rest(call, launch) && parse_user_data(call, launch);
}

static void free_tags(struct tag_set *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        free(tags->tags[i].key);
        free(tags->tags[i].value);
    }
    free(tags->tags);
}

void launch_free(struct launch *launch)
{
    char *texts[] = {launch->image_id, launch->token,     launch->parameter_digest, launch->key_name,
                     launch->profile,  launch->max_price, launch->http_tokens};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (size_t i = 0; i < launch->group_count; i++)
        free(launch->group_ids[i]);
    free(launch->group_ids);
    free_tags(&launch->tags);
    free_tags(&launch->volume_tags);
    free(launch);
}
