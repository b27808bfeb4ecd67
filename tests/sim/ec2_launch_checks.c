/* SPDX-License-Identifier: MPL-2.0 */
/* Whether EC2 grants a launch: first what is wrong with the definition whatever the hour
 * (checked for a dry run too), then what today's prices, quotas and capacity leave. Messages
 * are worded like EC2's, since people will read them in logs. */
#include "ec2.h"

#include "journal.h"
#include "world.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool check_image(struct ec2_call *call, struct launch_request *request)
{
    const char *id = request->launch->image_id;
    const struct image *image = request->image = table_get(&call->world->images, id);
    size_t digits = strncmp(id, "ami-", 4) == 0 ? strspn(id + 4, "0123456789abcdef") : 0;
    if (image == NULL && (digits < 8 || id[4 + digits] != '\0'))
        return ec2_error(call, "InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id);
    if (image == NULL || !image_in_region(image, call->region->name) || strcmp(image->state, "deregistered") == 0)
        return ec2_error(call, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id);
    if (image->denied)
        return ec2_error(call, "AuthFailure", "Not authorized for images: [%s]", id);
    if (image->opt_in)
        return ec2_error(call, "OptInRequired",
                         "In order to use this AWS Marketplace product you need to "
                         "accept terms and subscribe.");
    if (strcmp(image->state, "available") != 0)
        return ec2_error(call, "InvalidAMIID.Unavailable", "The image ID '%s' is not available", id);
    request->launch->virtualization = image->virtualization;
    request->launch->architecture = image->architecture;
    return true;
}

static bool check_type(struct ec2_call *call, struct launch_request *request)
{
    const char *name = ec2_parameter(call, "InstanceType");
    name = name != NULL ? name : "m1.small";
    request->type = table_get(&call->world->instance_types, name);
    if (request->type == NULL)
        return ec2_error(call, "InvalidParameterValue", "Invalid value '%s' for InstanceType.", name);
    request->launch->type = request->type;
    return true;
}

/* The fault of 2016-07-21 and its cousins. */
static bool check_fit(struct ec2_call *call, struct launch_request *request)
{
    const struct image *image = request->image;
    const struct instance_type *type = request->type;
    if ((type->virtualizations & image->virtualization) == 0)
        return ec2_error(call, "InvalidParameterCombination",
                         "Non-Windows instances with a virtualization type of '%s' are currently not supported "
                         "for this instance type.",
                         word_name(virtualization_words, image->virtualization));
    unsigned architectures = type->architectures;
    if (architectures & ARCHITECTURE_X86_64 && type->vcpus == 1)
        architectures |= ARCHITECTURE_I386;
    if ((architectures & image->architecture) == 0)
        return ec2_error(call, "InvalidParameterValue",
                         "The architecture '%s' of the specified instance type does not match the architecture "
                         "'%s' of the specified AMI. Specify an instance type and an AMI that have matching "
                         "architectures, and try again.",
                         type->architectures & ARCHITECTURE_ARM64 ? "arm64" : "x86_64",
                         word_name(architecture_words, image->architecture));
    bool bootable =
        image->boot_mode == 0 || image->boot_mode == BOOT_UEFI_PREFERRED || (type->boot_modes & image->boot_mode) != 0;
    if (!bootable)
        return ec2_error(call, "InvalidParameterCombination",
                         "The instance type '%s' does not support an AMI with boot mode '%s'.", type->name,
                         word_name(boot_mode_words, image->boot_mode));
    if (type->ena == ENA_REQUIRED && !image->ena)
        return ec2_error(call, "InvalidParameterCombination",
                         "Enhanced networking with the Elastic Network Adapter (ENA) is required for the '%s' "
                         "instance type. Ensure that you are using an AMI that is enabled for ENA.",
                         type->name);
    return true;
}

static bool check_key(struct ec2_call *call, struct launch_request *request)
{
    const char *key = request->launch->key_name;
    if (key == NULL || json_lists_word(call->region->key_pairs, key))
        return true;
    return ec2_error(call, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", key);
}

static bool check_profile(struct ec2_call *call, struct launch_request *request)
{
    const char *profile = request->launch->profile;
    if (profile == NULL || call->region->instance_profiles == NULL)
        return true;
    const char *slash = strrchr(profile, '/'); /* of an ARN */
    if (json_lists_word(call->region->instance_profiles, slash != NULL ? slash + 1 : profile))
        return true;
    return ec2_error(call, "InvalidParameterValue",
                     "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
                     profile);
}

/* Groups may be named by id or by name. */
static bool group_exists(const struct region *region, const char *group)
{
    if (table_get(&region->groups, group) != NULL)
        return true;
    for (size_t i = 0; i < region->groups.count; i++)
        if (strcmp(region->groups.entries[i].value, group) == 0)
            return true;
    return false;
}

static bool check_network(struct ec2_call *call, struct launch_request *request)
{
    struct launch *launch = request->launch;
    for (size_t i = 0; i < launch->group_count; i++)
        if (!group_exists(call->region, launch->group_ids[i]))
            return ec2_error(call, "InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'",
                             launch->group_ids[i], call->region->vpc);
    const char *subnet = ec2_parameter(call, "SubnetId");
    subnet = subnet != NULL ? subnet : ec2_parameter(call, "NetworkInterface.1.SubnetId");
    if (subnet == NULL)
        return true;
    launch->subnet = table_get(&call->region->subnets, subnet);
    if (launch->subnet == NULL)
        return ec2_error(call, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnet);
    if (request->zone != NULL && strcmp(request->zone, launch->subnet->zone) != 0)
        return ec2_error(call, "InvalidParameterValue",
                         "Value (%s) for parameter availabilityZone is invalid. The subnet '%s' is in %s",
                         request->zone, subnet, launch->subnet->zone);
    request->zone = launch->subnet->zone;
    return true;
}

static bool check_zone(struct ec2_call *call, struct launch_request *request)
{
    const char *zone = request->zone;
    if (zone == NULL)
        return true;
    if (!region_has_zone(call->region, zone))
        return ec2_error(call, "InvalidParameterValue", "Invalid availability zone: [%s]", zone);
    if (!type_offered_in(request->type, zone))
        return ec2_error(call, "Unsupported",
                         "Your requested instance type (%s) is not supported in your requested Availability Zone "
                         "(%s). Please retry your request by not specifying an Availability Zone or choosing "
                         "another.",
                         request->type->name, zone);
    return true;
}

bool launch_check_definition(struct ec2_call *call, struct launch_request *request)
{
    static bool (*const checks[])(struct ec2_call *, struct launch_request *) = {
        check_image, check_type, check_fit, check_key, check_profile, check_network, check_zone};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (!checks[i](call, request))
            return false;
    return true;
}

/* Without a zone EC2 picks one: here the one with the most room. */
bool launch_choose_zone(struct ec2_call *call, struct launch_request *request)
{
    struct region *region = call->region;
    int best = -1;
    if (request->zone != NULL) {
        request->launch->pool = region_pool(region, request->zone, request->type);
        return true;
    }
    for (size_t i = 0; i < region->zone_count; i++) {
        struct pool *pool = region_pool(region, region->zones[i], request->type);
        if (!type_offered_in(request->type, region->zones[i]) || pool_free(pool) <= best)
            continue;
        best = pool_free(pool);
        request->launch->pool = pool;
    }
    return request->launch->pool != NULL ||
           ec2_error(call, "Unsupported",
                     "The requested configuration is currently not supported. Please check "
                     "the documentation for supported configurations.");
}

static bool price_is_enough(struct ec2_call *call, const struct launch_request *request)
{
    const char *price = pool_price(request->launch->pool), *offered = request->launch->max_price;
    if (request->launch->market != MARKET_SPOT || price == NULL || offered == NULL || atof(offered) >= atof(price))
        return true;
    return ec2_error(call, "SpotMaxPriceTooLow",
                     "Your Spot request price of %s is lower than the minimum required Spot request fulfillment "
                     "price of %s.",
                     offered, price);
}

int launch_count_possible(struct ec2_call *call, struct launch_request *request)
{
    struct launch *launch = request->launch;
    const char *quota_code = "InstanceLimitExceeded";
    int quota = region_quota_left(call->region, request->type, launch->market, &quota_code);
    int room = pool_free(launch->pool);
    int addresses = launch->subnet != NULL ? launch->subnet->free_addresses : INT_MAX;
    int possible = request->maximum;
    possible = quota < possible ? quota : possible;
    possible = addresses < possible ? addresses : possible;
    possible = room < possible ? room : possible;
    if (!price_is_enough(call, request))
        return 0;
    if (possible >= request->minimum)
        return possible;
    if (quota < request->minimum)
        ec2_error(call, quota_code,
                  "You have requested more instances (%d) than your current limit allows for the instance bucket "
                  "that the instance type %s belongs to (%d left).",
                  request->minimum, request->type->name, quota);
    else if (addresses < request->minimum)
        ec2_error(call, "InsufficientFreeAddressesInSubnet",
                  "There are not enough free addresses in subnet '%s' to satisfy the requested number of "
                  "instances.",
                  launch->subnet->id);
    else
        ec2_error(call, "InsufficientInstanceCapacity",
                  "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "
                  "Our system will be working on provisioning additional capacity.",
                  request->type->name, launch->pool->zone);
    return 0;
}
