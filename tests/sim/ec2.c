/* SPDX-License-Identifier: MPL-2.0 */
/* The EC2 Query API as a service: the table of actions, authentication, throttling, errors. */
#include "ec2.h"

#include "ec2_errors.h"
#include "encoding.h"
#include "journal.h"
#include "memory.h"
#include "sigv4.h"
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGED "MaxResults", "NextToken"
#define FILTERED "DryRun", "Filter.N.Name", "Filter.N.Value.N"
#define NAMES(...)                                                                                                     \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

static const struct ec2_action actions[] = {
    {"RunInstances", ec2_run_instances, BUCKET_RUN_REQUESTS, true, run_instances_parameters},
    {"DescribeInstances", ec2_describe_instances, BUCKET_DESCRIBE, false, NAMES(FILTERED, PAGED, "InstanceId.N")},
    {"DescribeInstanceStatus", ec2_describe_instance_status, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "InstanceId.N", "IncludeAllInstances")},
    {"DescribeImages", ec2_describe_images, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "ImageId.N", "Owner.N", "ExecutableBy.N", "IncludeDeprecated", "IncludeDisabled")},
    {"DescribeInstanceTypes", ec2_describe_instance_types, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "InstanceType.N")},
    {"DescribeInstanceTypeOfferings", ec2_describe_offerings, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "LocationType")},
    {"DescribeSpotPriceHistory", ec2_describe_spot_prices, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "AvailabilityZone", "StartTime", "EndTime", "InstanceType.N", "ProductDescription.N")},
    {"DescribeSubnets", ec2_describe_subnets, BUCKET_DESCRIBE, false, NAMES(FILTERED, PAGED, "SubnetId.N")},
    {"DescribeSecurityGroups", ec2_describe_security_groups, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, PAGED, "GroupId.N", "GroupName.N")},
    {"DescribeKeyPairs", ec2_describe_key_pairs, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, "KeyName.N", "KeyPairId.N", "IncludePublicKey")},
    {"DescribeAvailabilityZones", ec2_describe_zones, BUCKET_DESCRIBE, false,
     NAMES(FILTERED, "ZoneName.N", "ZoneId.N", "AllAvailabilityZones")},
    {"TerminateInstances", ec2_terminate_instances, BUCKET_NONE, true,
     NAMES("DryRun", "InstanceId.N", "Force", "SkipOsShutdown")},
    {"CreateTags", ec2_create_tags, BUCKET_NONE, true, NAMES("DryRun", "ResourceId.N", "Tag.N.Key", "Tag.N.Value")},
    {"GetCallerIdentity", sts_get_caller_identity, BUCKET_NONE, false, NAMES("Version")},
};

static const struct ec2_action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static void write_error(struct ec2_call *call, int status, const char *code, const char *message)
{
    struct text *xml = call->xml;
    text_free(xml);
    text_add(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (call->sts) {
        text_add(xml, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>");
        xml_text(xml, "Type", "Sender");
    } else {
        text_add(xml, "<Response><Errors><Error>");
    }
    xml_text(xml, "Code", code);
    xml_text(xml, "Message", message);
    text_add(xml, call->sts ? "</Error>" : "</Error></Errors>");
    xml_text(xml, call->sts ? "RequestId" : "RequestID", call->request_id);
    text_add(xml, call->sts ? "</ErrorResponse>" : "</Response>");
    call->exchange->status = status;
    call->exchange->content_type = "text/xml;charset=UTF-8";
    snprintf(call->exchange->code, sizeof call->exchange->code, "%s", code);
}

bool ec2_error(struct ec2_call *call, const char *code, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        abort();
    va_end(arguments);
    write_error(call, ec2_error_status(code), code, message);
    free(message);
    return false;
}

bool ec2_missing(struct ec2_call *call, const char *parameter)
{
    return ec2_error(call, "MissingParameter", "The request must contain the parameter %s", parameter);
}

void ec2_begin(struct ec2_call *call)
{
    text_addf(call->xml,
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<%sResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">",
              call->action->name);
    xml_text(call->xml, "requestId", call->request_id);
    call->exchange->status = 200;
    call->exchange->content_type = "text/xml;charset=UTF-8";
}

void ec2_end(struct ec2_call *call)
{
    text_addf(call->xml, "</%sResponse>", call->action->name);
}

void ec2_tags(struct ec2_call *call, const struct tag_set *tags)
{
    if (tags->count == 0)
        return;
    xml_open(call->xml, "tagSet");
    for (size_t i = 0; i < tags->count; i++) {
        xml_open(call->xml, "item");
        xml_text(call->xml, "key", tags->tags[i].key);
        xml_text(call->xml, "value", tags->tags[i].value);
        xml_close(call->xml, "item");
    }
    xml_close(call->xml, "tagSet");
}

/* /ec2/REGION/ names the region; / leaves it to the credential scope. */
static void find_region(struct ec2_call *call, const struct sigv4_result *signature)
{
    const char *path = call->exchange->path;
    char name[64];
    snprintf(name, sizeof name, "%s", signature->region);
    if (strncmp(path, "/ec2/", 5) == 0)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(path + 5, "/"), path + 5);
    call->region = table_get(&call->world->regions, name);
    if (call->region != NULL)
        call->exchange->subject.region = call->region->name;
}

static bool region_is_right(struct ec2_call *call, const struct sigv4_result *signature)
{
    const char *path = call->exchange->path;
    bool named = strncmp(path, "/ec2/", 5) == 0;
    if (!named && strcmp(path, "/") != 0 && strncmp(path, "/sts", 4) != 0)
        return ec2_error(call, "InvalidRequest", "There is nothing at this path");
    if (call->region == NULL && (named || !call->sts))
        return ec2_error(call, "AuthFailure", "This region is not known here");
    if (named && signature->region[0] != '\0' && strcmp(signature->region, call->region->name) != 0)
        return ec2_error(call, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.");
    return true;
}

/* The texts that faults can match on, and that the journal shows. */
static void describe_subject(struct ec2_call *call)
{
    struct subject *subject = &call->exchange->subject;
    bool run = strcmp(call->action->name, "RunInstances") == 0;
    subject->action = call->action->name;
    subject->page = ec2_page_number(call);
    call->exchange->mutates = call->action->mutates;
    if (!run)
        return;
    const char *market = ec2_parameter(call, "InstanceMarketOptions.MarketType");
    subject->zone = ec2_parameter(call, "Placement.AvailabilityZone");
    subject->instance_type = ec2_parameter(call, "InstanceType");
    subject->image_id = ec2_parameter(call, "ImageId");
    subject->token = ec2_parameter(call, "ClientToken");
    subject->market = market != NULL && strcmp(market, "spot") == 0 ? "spot" : "on-demand";
}

static bool known_parameters(struct ec2_call *call)
{
    const char *version = ec2_parameter(call, "Version");
    if (version == NULL)
        return ec2_missing(call, "Version");
    if (strcmp(version, call->sts ? "2011-06-15" : "2016-11-15") != 0)
        return ec2_error(call, "NoSuchVersion", "The requested version (%s) is not valid.", version);
    for (size_t i = 0; i < call->parameter_count; i++)
        if (!ec2_parameter_allowed(call->action, call->parameters[i].name))
            return ec2_error(call, "UnknownParameter", "The parameter %s is not recognized", call->parameters[i].name);
    return true;
}

static bool permitted(struct ec2_call *call)
{
    if (call->credential == NULL || !json_lists_word(call->credential->deny, call->action->name))
        return true;
    return ec2_error(call, "UnauthorizedOperation",
                     "You are not authorized to perform this operation. User: "
                     "arn:aws:iam::%s:user/sim is not authorized to perform: ec2:%s",
                     call->world->account_id, call->action->name);
}

static struct ec2_call *new_call(struct exchange *exchange)
{
    struct ec2_call *call = must_alloc(sizeof *call);
    *call = (struct ec2_call){.exchange = exchange, .world = exchange->world, .xml = &exchange->answer};
    uint64_t high = random_bits(&call->world->random_ids), low = random_bits(&call->world->random_ids);
    snprintf(call->request_id, sizeof call->request_id, "%08x-%04x-4%03x-9%03x-%012llx", (unsigned)high,
             (unsigned)(high >> 32) & 0xffff, (unsigned)(high >> 48) & 0xfff, (unsigned)(low >> 52),
             (unsigned long long)low & 0xffffffffffff);
    if (exchange->body.length > 0)
        ec2_parse_form(call, exchange->body.data);
    else if (exchange->query != NULL)
        ec2_parse_form(call, exchange->query);
    return call;
}

static bool ec2_prepare(struct exchange *exchange)
{
    struct ec2_call *call = new_call(exchange);
    struct sigv4_result signature;
    exchange->service_data = call;
    sigv4_check(exchange, &signature);
    const char *action = ec2_parameter(call, "Action");
    call->action = action != NULL ? find_action(action) : NULL;
    call->sts = strcmp(signature.service, "sts") == 0 || strncmp(exchange->path, "/sts", 4) == 0 ||
                (action != NULL && strcmp(action, "GetCallerIdentity") == 0);
    if (call->sts)
        exchange->subject.service = "sts";
    find_region(call, &signature);
    if (call->action != NULL)
        describe_subject(call);
    if (call->action != NULL && call->action->perform == ec2_run_instances)
        launch_note(call);
    if (signature.error_code != NULL)
        return ec2_error(call, signature.error_code, "%s", signature.error_message);
    call->credential = signature.credential;
    if (action == NULL)
        return ec2_missing(call, "Action");
    if (call->action == NULL)
        return ec2_error(call, "InvalidAction", "The action %s is not valid for this web service.", action);
    return region_is_right(call, &signature) && known_parameters(call);
}

static void ec2_perform(struct exchange *exchange)
{
    struct ec2_call *call = exchange->service_data;
    if (call->region != NULL && !bucket_take(call->region, call->action->bucket, 1))
        ec2_error(call, "RequestLimitExceeded", "Request limit exceeded.");
    else if (permitted(call))
        call->action->perform(call);
}

static void ec2_service_error(struct exchange *exchange, int status, const char *code, const char *message)
{
    write_error(exchange->service_data, status, code, message);
}

static void ec2_release(struct exchange *exchange)
{
    struct ec2_call *call = exchange->service_data;
    if (call == NULL)
        return;
    ec2_release_parameters(call);
    free(call->user_data);
    json_decref(call->user_json);
    free(call);
}

const struct service ec2_service = {"ec2", "/", ec2_prepare, ec2_perform, ec2_service_error, ec2_release};
