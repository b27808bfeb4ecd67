/* SPDX-License-Identifier: MPL-2.0 */
/* DescribeInstances and DescribeInstanceStatus: the listing as clients see it, which faults
 * and eventual consistency can make differ from the truth. */
#include "ec2.h"

#include "world.h"

#include <string.h>

static const char *const instance_filters[] = {
    "tag:",           "tag-key",  "client-token",       "instance-state-name", "instance-id", "availability-zone",
    "image-id",       "key-name", "instance-lifecycle", "instance-type",       "subnet-id",   "vpc-id",
    "reservation-id", "owner-id", "architecture",       "virtualization-type", NULL};

static const json_t *effect(const struct ec2_call *call, const char *key)
{
    return call->exchange->fault != NULL ? json_object_get(call->exchange->fault->effect, key) : NULL;
}

static const struct tag_set *visible_tags(const struct instance *instance)
{
    static const struct tag_set none = {0};
    return instance->tagged_from <= instance->launch->region->world->now ? &instance->tags : &none;
}

static void groups(struct ec2_call *call, const struct launch *launch)
{
    xml_open(call->xml, "groupSet");
    for (size_t i = 0; i < launch->group_count; i++) {
        const char *name = table_get(&launch->region->groups, launch->group_ids[i]);
        xml_open(call->xml, "item");
        xml_text(call->xml, "groupId", launch->group_ids[i]);
        xml_text(call->xml, "groupName", name != NULL ? name : launch->group_ids[i]);
        xml_close(call->xml, "item");
    }
    xml_close(call->xml, "groupSet");
}

void ec2_reservation_head(struct ec2_call *call, const struct launch *launch)
{
    xml_text(call->xml, "reservationId", launch->reservation);
    xml_text(call->xml, "ownerId", call->world->account_id);
    groups(call, launch);
}

static void state(struct text *xml, const char *element, int code, const char *name)
{
    xml_open(xml, element);
    xml_integer(xml, "code", code);
    xml_text(xml, "name", name);
    xml_close(xml, element);
}

static void reason(struct text *xml, const struct instance *instance)
{
    if (instance->reason_code == NULL && instance->state != STATE_PENDING) {
        xml_text(xml, "reason", "");
        return;
    }
    bool pending = instance->reason_code == NULL;
    xml_text(xml, "reason", pending ? "" : instance->reason_text);
    xml_open(xml, "stateReason");
    xml_text(xml, "code", pending ? "pending" : instance->reason_code);
    xml_text(xml, "message", pending ? "pending" : instance->reason_text);
    xml_close(xml, "stateReason");
}

static void placement(struct text *xml, const struct instance *instance)
{
    xml_open(xml, "placement");
    xml_text(xml, "availabilityZone", instance->launch->pool->zone);
    xml_text(xml, "groupName", "");
    xml_text(xml, "tenancy", "default");
    xml_close(xml, "placement");
}

static void volumes(struct text *xml, const struct instance *instance, const char *stamp)
{
    xml_open(xml, "blockDeviceMapping");
    if (instance->state != STATE_TERMINATED) {
        xml_open(xml, "item");
        xml_text(xml, "deviceName", "/dev/sda1");
        xml_open(xml, "ebs");
        xml_text(xml, "volumeId", instance->volume);
        xml_text(xml, "status", "attached");
        xml_text(xml, "attachTime", stamp);
        xml_bool(xml, "deleteOnTermination", instance->launch->delete_volumes);
        xml_close(xml, "ebs");
        xml_close(xml, "item");
    }
    xml_close(xml, "blockDeviceMapping");
}

static void metadata(struct text *xml, const struct instance *instance)
{
    const char *tokens = instance->launch->http_tokens;
    xml_open(xml, "metadataOptions");
    xml_text(xml, "state", "applied");
    xml_text(xml, "httpTokens", tokens != NULL ? tokens : "optional");
    xml_integer(xml, "httpPutResponseHopLimit", 1);
    xml_text(xml, "httpEndpoint", "enabled");
    xml_close(xml, "metadataOptions");
}

/* Addresses are invented from the sequence number. */
static void network(struct ec2_call *call, const struct instance *instance)
{
    struct text *xml = call->xml;
    unsigned long long n = instance->sequence;
    char address[40], name[80];
    if (instance->state == STATE_TERMINATED)
        return;
    snprintf(address, sizeof address, "10.%llu.%llu.%llu", n >> 16 & 255, n >> 8 & 255, n & 255);
    snprintf(name, sizeof name, "ip-10-%llu-%llu-%llu.ec2.internal", n >> 16 & 255, n >> 8 & 255, n & 255);
    xml_text(xml, "privateDnsName", name);
    xml_text(xml, "privateIpAddress", address);
    xml_text(xml, "vpcId", instance->launch->region->vpc);
    if (instance->launch->subnet != NULL)
        xml_text(xml, "subnetId", instance->launch->subnet->id);
}

static void market(struct ec2_call *call, const struct instance *instance)
{
    const json_t *shown = effect(call, "showMarket");
    if (shown != NULL ? strcmp(json_string_value(shown), "spot") != 0 : instance->market != MARKET_SPOT)
        return;
    xml_text(call->xml, "instanceLifecycle", "spot");
    xml_text(call->xml, "spotInstanceRequestId", instance->spot_request);
}

void ec2_instance_row(struct ec2_call *call, const struct instance *instance)
{
    const struct launch *launch = instance->launch;
    const char *shown_state = json_string_value(effect(call, "showState"));
    struct text *xml = call->xml;
    char stamp[32];
    clock_format(instance->launch_stamp, stamp);
    xml_open(xml, "item");
    xml_text(xml, "instanceId", instance->id);
    xml_text(xml, "imageId", launch->image_id);
    state(xml, "instanceState", shown_state != NULL ? 99 : state_codes[instance->state],
          shown_state != NULL ? shown_state : state_names[instance->state]);
    network(call, instance);
    xml_text(xml, "dnsName", "");
    reason(xml, instance);
    xml_text(xml, "keyName", launch->key_name);
    xml_integer(xml, "amiLaunchIndex", instance->launch_index);
    text_add(xml, "<productCodes/>");
    xml_text(xml, "instanceType", launch->type->name);
    xml_text(xml, "launchTime", stamp);
    placement(xml, instance);
    text_add(xml, "<monitoring><state>disabled</state></monitoring>");
    groups(call, launch);
    xml_text(xml, "architecture", word_name(architecture_words, launch->architecture));
    xml_text(xml, "rootDeviceType", "ebs");
    xml_text(xml, "rootDeviceName", "/dev/sda1");
    volumes(xml, instance, stamp);
    xml_text(xml, "virtualizationType", word_name(virtualization_words, launch->virtualization));
    xml_text(xml, "clientToken", launch->token != NULL ? launch->token : "");
    ec2_tags(call, visible_tags(instance));
    xml_text(xml, "hypervisor", "xen");
    market(call, instance);
    if (launch->profile != NULL)
        text_addf(xml,
                  "<iamInstanceProfile><arn>arn:aws:iam::%s:instance-profile/sim</arn>"
                  "<id>AIPASIM</id></iamInstanceProfile>",
                  call->world->account_id);
    xml_bool(xml, "ebsOptimized", launch->ebs_optimized);
    metadata(xml, instance);
    xml_close(xml, "item");
}

/* The value an instance has for a filter's name; NULL when it has none. */
static const char *filter_value(const struct instance *instance, const char *name)
{
    const struct launch *launch = instance->launch;
    const struct {
        const char *name, *value;
    } values[] = {{"client-token", launch->token},
                  {"instance-state-name", state_names[instance->state]},
                  {"instance-id", instance->id},
                  {"availability-zone", launch->pool->zone},
                  {"image-id", launch->image_id},
                  {"key-name", launch->key_name},
                  {"instance-lifecycle", instance->market == MARKET_SPOT ? "spot" : NULL},
                  {"instance-type", launch->type->name},
                  {"subnet-id", launch->subnet != NULL ? launch->subnet->id : NULL},
                  {"vpc-id", launch->region->vpc},
                  {"reservation-id", launch->reservation},
                  {"owner-id", launch->region->world->account_id},
                  {"architecture", word_name(architecture_words, launch->architecture)},
                  {"virtualization-type", word_name(virtualization_words, launch->virtualization)}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (strcmp(values[i].name, name) == 0)
            return values[i].value;
    return NULL;
}

static bool tag_key_matches(const struct ec2_call *call, int filter, const struct tag_set *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        if (ec2_filter_matches(call, filter, tags->tags[i].key))
            return true;
    return false;
}

/* ids: the ones asked for; empty: all. */
static bool wanted(const struct ec2_call *call, const struct instance *instance, const struct table *ids)
{
    const char *name;
    if (!instance_is_listed(instance) || (ids->count > 0 && table_get(ids, instance->id) == NULL))
        return false;
    const struct tag_set *tags = visible_tags(instance);
    for (int i = 1; (name = ec2_parameterf(call, "Filter.%d.Name", i)) != NULL; i++) {
        bool matches;
        if (strcmp(name, "tag-key") == 0)
            matches = tag_key_matches(call, i, tags);
        else if (strncmp(name, "tag:", 4) == 0)
            matches = ec2_filter_matches(call, i, tag_value(tags, name + 4));
        else
            matches = ec2_filter_matches(call, i, filter_value(instance, name));
        if (!matches)
            return false;
    }
    return true;
}

static void collect_ids(const struct ec2_call *call, struct table *ids)
{
    const char *id;
    for (int i = 1; (id = ec2_parameterf(call, "InstanceId.%d", i)) != NULL; i++)
        table_put(ids, id, ids);
}

/* All named ids must be visible here. */
static bool ids_exist(struct ec2_call *call)
{
    const char *id;
    for (int i = 1; (id = ec2_parameterf(call, "InstanceId.%d", i)) != NULL; i++) {
        const struct instance *instance = table_get(&call->world->instances, id);
        if (strncmp(id, "i-", 2) != 0)
            return ec2_error(call, "InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id);
        if (instance == NULL || instance->launch->region != call->region || !instance_is_listed(instance))
            return ec2_error(call, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id);
    }
    return true;
}

/* Calls row for every wanted instance of the page, in order of launch. */
static void list_page(struct ec2_call *call, struct ec2_page *page,
                      void (*row)(struct ec2_call *, const struct instance *, const struct instance *),
                      bool (*also)(const struct ec2_call *, const struct instance *), unsigned long long *last,
                      bool *more)
{
    struct region *region = call->region;
    const struct instance *previous = NULL;
    struct table ids = {0};
    size_t count = 0;
    *last = page->after;
    *more = page->empty;
    if (page->empty || json_is_true(effect(call, "emptyListing")))
        return;
    collect_ids(call, &ids);
    for (size_t i = 0; i < region->instance_count; i++) {
        const struct instance *instance = region->instances[i];
        if (instance->sequence <= page->after || !wanted(call, instance, &ids) || !also(call, instance))
            continue;
        if (count == page->limit) {
            *more = true;
            break;
        }
        row(call, instance, previous);
        previous = instance;
        *last = instance->sequence;
        count++;
    }
    row(call, NULL, previous);
    table_clear(&ids);
}

/* Takes an element out of the row that begins at start, should a fault want that. */
static void omit_element(struct ec2_call *call, size_t start)
{
    const char *name = json_string_value(effect(call, "omit"));
    char open[64], close[64];
    if (name == NULL)
        return;
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    char *from = strstr(call->xml->data + start, open), *to = from != NULL ? strstr(from, close) : NULL;
    if (to == NULL)
        return;
    to += strlen(close);
    memmove(from, to, strlen(to) + 1);
    call->xml->length -= (size_t)(to - from);
}

/* Neighbours of one launch share a reservation. instance NULL: the end. */
static void reservation_row(struct ec2_call *call, const struct instance *instance, const struct instance *previous)
{
    bool same = instance != NULL && previous != NULL && instance->launch == previous->launch;
    if (previous != NULL && !same)
        text_add(call->xml, "</instancesSet></item>");
    if (instance == NULL)
        return;
    if (!same) {
        xml_open(call->xml, "item");
        ec2_reservation_head(call, instance->launch);
        xml_open(call->xml, "instancesSet");
    }
    size_t start = call->xml->length;
    ec2_instance_row(call, instance);
    if (previous == NULL)
        omit_element(call, start);
}

static bool every_instance(const struct ec2_call *call, const struct instance *instance)
{
    (void)call, (void)instance;
    return true;
}

static bool page_of_ids_allowed(struct ec2_call *call)
{
    if (ec2_parameter(call, "InstanceId.1") == NULL || ec2_parameter(call, "MaxResults") == NULL)
        return true;
    return ec2_error(call, "InvalidParameterCombination",
                     "The parameter instancesSet cannot be used with the parameter maxResults");
}

void ec2_describe_instances(struct ec2_call *call)
{
    struct ec2_page page;
    unsigned long long last;
    bool more;
    if (!ec2_filters_known(call, instance_filters) || !page_of_ids_allowed(call) || !ids_exist(call) ||
        !ec2_page_begin(call, 5, 1000, &page))
        return;
    ec2_begin(call);
    xml_open(call->xml, "reservationSet");
    list_page(call, &page, reservation_row, every_instance, &last, &more);
    xml_close(call->xml, "reservationSet");
    ec2_page_end(call, &page, last, more);
    ec2_end(call);
}

static void status_row(struct ec2_call *call, const struct instance *instance, const struct instance *previous)
{
    static const char *const checks[] = {"systemStatus", "instanceStatus"};
    (void)previous;
    if (instance == NULL)
        return;
    struct text *xml = call->xml;
    xml_open(xml, "item");
    xml_text(xml, "instanceId", instance->id);
    xml_text(xml, "availabilityZone", instance->launch->pool->zone);
    state(xml, "instanceState", state_codes[instance->state], state_names[instance->state]);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        xml_open(xml, checks[i]);
        xml_text(xml, "status", instance->state == STATE_RUNNING ? "ok" : "not-applicable");
        xml_close(xml, checks[i]);
    }
    xml_close(xml, "item");
}

/* Without IncludeAllInstances only the running ones are reported. */
static bool has_status(const struct ec2_call *call, const struct instance *instance)
{
    return instance->state == STATE_RUNNING || ec2_flag(call, "IncludeAllInstances");
}

void ec2_describe_instance_status(struct ec2_call *call)
{
    static const char *const names[] = {"availability-zone", "instance-state-name", NULL};
    struct ec2_page page;
    unsigned long long last;
    bool more;
    if (!ec2_filters_known(call, names) || !page_of_ids_allowed(call) || !ids_exist(call) ||
        !ec2_page_begin(call, 5, 1000, &page))
        return;
    ec2_begin(call);
    xml_open(call->xml, "instanceStatusSet");
    list_page(call, &page, status_row, has_status, &last, &more);
    xml_close(call->xml, "instanceStatusSet");
    ec2_page_end(call, &page, last, more);
    ec2_end(call);
}
