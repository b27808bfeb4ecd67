/* SPDX-License-Identifier: MPL-2.0 */
/* Subnets, security groups, key pairs and zones: what a launch refers to by name. */
#include "ec2.h"

#include "journal.h"
#include "world.h"

#include <string.h>

/* The first of PREFIX.1, PREFIX.2 ... that exists() denies, or NULL. */
static const char *first_missing(const struct ec2_call *call, const char *prefix,
                                 bool (*exists)(const struct region *, const char *))
{
    const char *name;
    for (int i = 1; (name = ec2_parameterf(call, "%s.%d", prefix, i)) != NULL; i++)
        if (!exists(call->region, name))
            return name;
    return NULL;
}

/* Applies filters whose only known names are the two given. */
static bool pair_accepted(const struct ec2_call *call, const char *name_a, const char *value_a, const char *name_b,
                          const char *value_b)
{
    const char *name;
    for (int i = 1; (name = ec2_parameterf(call, "Filter.%d.Name", i)) != NULL; i++) {
        const char *value = strcmp(name, name_a) == 0   ? value_a
                            : strcmp(name, name_b) == 0 ? value_b
                                                        : call->region->vpc;
        if (!ec2_filter_matches(call, i, value))
            return false;
    }
    return true;
}

static bool subnet_exists(const struct region *region, const char *id)
{
    return table_get(&region->subnets, id) != NULL;
}

static void subnet_row(struct ec2_call *call, const struct subnet *subnet)
{
    struct text *xml = call->xml;
    xml_open(xml, "item");
    xml_text(xml, "subnetId", subnet->id);
    xml_text(xml, "state", "available");
    xml_text(xml, "vpcId", call->region->vpc);
    xml_text(xml, "cidrBlock", "10.0.0.0/20");
    xml_integer(xml, "availableIpAddressCount", subnet->free_addresses > 0 ? subnet->free_addresses : 0);
    xml_text(xml, "availabilityZone", subnet->zone);
    xml_bool(xml, "defaultForAz", true);
    xml_bool(xml, "mapPublicIpOnLaunch", true);
    xml_text(xml, "ownerId", call->world->account_id);
    xml_close(xml, "item");
}

void ec2_describe_subnets(struct ec2_call *call)
{
    static const char *const names[] = {"subnet-id", "availability-zone", "vpc-id", NULL};
    if (!ec2_filters_known(call, names))
        return;
    const char *missing = first_missing(call, "SubnetId", subnet_exists);
    if (missing != NULL) {
        ec2_error(call, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", missing);
        return;
    }
    ec2_begin(call);
    xml_open(call->xml, "subnetSet");
    for (size_t i = 0; i < call->region->subnets.count; i++) {
        const struct subnet *subnet = call->region->subnets.entries[i].value;
        if (ec2_listed(call, "SubnetId", subnet->id) &&
            pair_accepted(call, "subnet-id", subnet->id, "availability-zone", subnet->zone))
            subnet_row(call, subnet);
    }
    xml_close(call->xml, "subnetSet");
    ec2_end(call);
}

static bool group_id_exists(const struct region *region, const char *id)
{
    return table_get(&region->groups, id) != NULL;
}

static bool group_name_exists(const struct region *region, const char *name)
{
    for (size_t i = 0; i < region->groups.count; i++)
        if (strcmp(region->groups.entries[i].value, name) == 0)
            return true;
    return false;
}

static void group_row(struct ec2_call *call, const char *id, const char *name)
{
    struct text *xml = call->xml;
    xml_open(xml, "item");
    xml_text(xml, "ownerId", call->world->account_id);
    xml_text(xml, "groupId", id);
    xml_text(xml, "groupName", name);
    xml_text(xml, "groupDescription", "simulated");
    xml_text(xml, "vpcId", call->region->vpc);
    text_add(xml, "<ipPermissions/><ipPermissionsEgress/>");
    xml_close(xml, "item");
}

void ec2_describe_security_groups(struct ec2_call *call)
{
    static const char *const names[] = {"group-id", "group-name", "vpc-id", NULL};
    if (!ec2_filters_known(call, names))
        return;
    const char *missing = first_missing(call, "GroupId", group_id_exists);
    if (missing == NULL)
        missing = first_missing(call, "GroupName", group_name_exists);
    if (missing != NULL) {
        ec2_error(call, "InvalidGroup.NotFound", "The security group '%s' does not exist", missing);
        return;
    }
    ec2_begin(call);
    xml_open(call->xml, "securityGroupInfo");
    for (size_t i = 0; i < call->region->groups.count; i++) {
        const struct table_entry *group = &call->region->groups.entries[i];
        if (ec2_listed(call, "GroupId", group->key) && ec2_listed(call, "GroupName", group->value) &&
            pair_accepted(call, "group-id", group->key, "group-name", group->value))
            group_row(call, group->key, group->value);
    }
    xml_close(call->xml, "securityGroupInfo");
    ec2_end(call);
}

static bool key_exists(const struct region *region, const char *name)
{
    return json_lists_word(region->key_pairs, name);
}

void ec2_describe_key_pairs(struct ec2_call *call)
{
    static const char *const names[] = {"key-name", NULL};
    size_t i;
    json_t *item;
    if (!ec2_filters_known(call, names))
        return;
    const char *missing = first_missing(call, "KeyName", key_exists);
    if (missing != NULL) {
        ec2_error(call, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", missing);
        return;
    }
    ec2_begin(call);
    xml_open(call->xml, "keySet");
    json_array_foreach(call->region->key_pairs, i, item)
    {
        const char *name = json_string_value(item);
        if (!ec2_listed(call, "KeyName", name) || !pair_accepted(call, "key-name", name, "", ""))
            continue;
        xml_open(call->xml, "item");
        text_addf(call->xml, "<keyPairId>key-%016zx</keyPairId>", i + 1);
        xml_text(call->xml, "keyName", name);
        xml_text(call->xml, "keyType", "rsa");
        xml_text(call->xml, "keyFingerprint", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33");
        xml_close(call->xml, "item");
    }
    xml_close(call->xml, "keySet");
    ec2_end(call);
}

void ec2_describe_zones(struct ec2_call *call)
{
    static const char *const names[] = {"zone-name", "region-name", NULL};
    if (!ec2_filters_known(call, names))
        return;
    ec2_begin(call);
    xml_open(call->xml, "availabilityZoneInfo");
    for (size_t i = 0; i < call->region->zone_count; i++) {
        const char *zone = call->region->zones[i];
        if (!ec2_listed(call, "ZoneName", zone) ||
            !pair_accepted(call, "zone-name", zone, "region-name", call->region->name))
            continue;
        xml_open(call->xml, "item");
        xml_text(call->xml, "zoneName", zone);
        xml_text(call->xml, "zoneState", "available");
        xml_text(call->xml, "regionName", call->region->name);
        xml_text(call->xml, "zoneType", "availability-zone");
        xml_close(call->xml, "item");
    }
    xml_close(call->xml, "availabilityZoneInfo");
    ec2_end(call);
}
