/* SPDX-License-Identifier: MPL-2.0 */
/* preflight_network.c: subnet, security groups and key pair of a specification. Pure. Runs in: type worker. */
#include <stdlib.h>

#include "common/text.h"
#include "worker/preflight_parts.h"

static void check_subnet(struct preflight_look *look, const json_t **subnet)
{
    char path[160];
    if (!*look->spec->subnet)
        return;
    path_of_key(look->input->definition, look->spec, "SubnetId", path, sizeof path);
    enum fact fact = fact_of(look->facts, CATALOGUE_SUBNETS, look->spec->subnet, subnet);
    if (fact == FACT_ABSENT)
        preflight_add(look, FINDING_SUBNET_MISSING, SEVERITY_ERROR, true, path, "%s is not in %s", look->spec->subnet,
                      look->spec->region);
    if (fact != FACT_THERE)
        return;
    const char *zone = fact_text(*subnet, "availabilityZone"), *free = fact_text(*subnet, "availableIpAddressCount");
    if (*zone && !text_equal(zone, look->spec->zone))
        preflight_add(look, FINDING_SUBNET_ZONE, SEVERITY_ERROR, true, path, "%s is in %s, not in %s",
                      look->spec->subnet, zone, look->spec->zone);
    else if (text_equal(free, "0")) /* may change at any time: the breaker of the subnet is what stops launches */
        preflight_add(look, FINDING_SUBNET_FULL, SEVERITY_WARNING, false, path, "%s has no free address",
                      look->spec->subnet);
}

static void check_groups(struct preflight_look *look, const char *key, enum catalogue_kind kind, const json_t *subnet)
{
    const json_t *value, *group;
    size_t i;
    char path[160];
    path_of_key(look->input->definition, look->spec, key, path, sizeof path);
    json_array_foreach(json_object_get(look->spec->launch, key), i, value)
    {
        const char *name = json_string_value(value);
        enum fact fact = name ? fact_of(look->facts, kind, name, &group) : FACT_UNKNOWN;
        const char *vpc = fact == FACT_THERE ? fact_text(group, "vpcId") : "", *its = fact_text(subnet, "vpcId");
        if (fact == FACT_ABSENT)
            preflight_add(look, FINDING_GROUP_MISSING, SEVERITY_ERROR, true, path, "security group %s is not in %s",
                          name, look->spec->region);
        else if (*vpc && *its && !text_equal(vpc, its))
            preflight_add(look, FINDING_GROUP_VPC, SEVERITY_ERROR, true, path,
                          "security group %s is of %s, and %s of %s", name, vpc, look->spec->subnet, its);
    }
}

static void check_key(struct preflight_look *look)
{
    const char *name = json_string_value(json_object_get(look->spec->launch, "KeyName"));
    const json_t *pair;
    char path[160];
    if (!name || fact_of(look->facts, CATALOGUE_KEYS, name, &pair) != FACT_ABSENT)
        return;
    path_of_key(look->input->definition, look->spec, "KeyName", path, sizeof path);
    preflight_add(look, FINDING_KEY_MISSING, SEVERITY_ERROR, true, path, "key pair %s is not in %s", name,
                  look->spec->region);
}

void preflight_check_network(struct preflight_look *look)
{
    const json_t *subnet = NULL;
    check_subnet(look, &subnet);
    check_groups(look, "SecurityGroupIds", CATALOGUE_GROUPS, subnet);
    check_groups(look, "SecurityGroups", CATALOGUE_GROUP_NAMES, NULL);
    check_key(look);
}
