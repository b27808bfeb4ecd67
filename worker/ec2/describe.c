/* SPDX-License-Identifier: MPL-2.0 */
/* describe.c: the forms of the reading calls and of TerminateInstances. A listing filters by the deployment's tag and
 * by nothing else: every version has set that one (case B35). Runs in: region workers, type workers. Pure. Owns
 * nothing: the caller frees the forms. */
#include "worker/ec2/describe.h"

static void add_list(struct ec2_form *form, const char *name, const char *const *values, size_t count)
{
    char numbered[64];

    for (size_t i = 0; i < count; i++) {
        text_format(numbered, sizeof numbered, "%s.%zu", name, i + 1);
        ec2_form_add(form, numbered, values[i]);
    }
}

static void add_filter(struct ec2_form *form, int number, const char *filter, const char *const *values, size_t count)
{
    char name[64];

    text_format(name, sizeof name, "Filter.%d.Name", number);
    ec2_form_add(form, name, filter);
    text_format(name, sizeof name, "Filter.%d.Value", number);
    add_list(form, name, values, count);
}

static void add_page(struct ec2_form *form, const char *next_token)
{
    ec2_form_add_integer(form, "MaxResults", EC2_PAGE_ROWS);
    if (next_token && next_token[0])
        ec2_form_add(form, "NextToken", next_token);
}

void ec2_describe_deployment(struct ec2_form *form, const char *deployment_id, const char *next_token)
{
    ec2_form_start(form, "DescribeInstances");
    add_filter(form, 1, "tag:" EC2_DEPLOYMENT_TAG, &deployment_id, 1);
    add_page(form, next_token);
}

void ec2_describe_client_token(struct ec2_form *form, const char *token)
{
    ec2_form_start(form, "DescribeInstances");
    add_filter(form, 1, "client-token", &token, 1);
    add_page(form, NULL);
}

void ec2_describe_ids(struct ec2_form *form, const char *const *ids, size_t count)
{
    ec2_form_start(form, "DescribeInstances");
    add_list(form, "InstanceId", ids, count);
}

void ec2_terminate_instances(struct ec2_form *form, const char *const *ids, size_t count)
{
    ec2_form_start(form, "TerminateInstances");
    add_list(form, "InstanceId", ids, count);
}

void ec2_describe_spot_prices(struct ec2_form *form, const char *const *instance_types, size_t count, struct wall start,
                              const char *next_token)
{
    char since[40];

    ec2_form_start(form, "DescribeSpotPriceHistory");
    add_list(form, "InstanceType", instance_types, count);
    ec2_form_add(form, "ProductDescription.1", "Linux/UNIX");
    wall_format(start, since, sizeof since);
    ec2_form_add(form, "StartTime", since);
    add_page(form, next_token);
}

struct catalogue_call {
    const char *action;
    const char *filter; /* names are given as this filter: a list of ids is refused as a whole for one unknown id */
    int page;           /* MaxResults; 0: the call has none */
};

/* EC2's own limits: DescribeInstanceTypes 100 rows a page; DescribeKeyPairs and DescribeAvailabilityZones are not
 * paged, and DescribeImages of a few ids need not be. */
static const struct catalogue_call catalogue[] = {
    [EC2_IMAGES] = {"DescribeImages", "image-id", 0},
    [EC2_INSTANCE_TYPES] = {"DescribeInstanceTypes", "instance-type", 100},
    [EC2_OFFERINGS] = {"DescribeInstanceTypeOfferings", "instance-type", 1000},
    [EC2_SUBNETS] = {"DescribeSubnets", "subnet-id", 1000},
    [EC2_SECURITY_GROUPS] = {"DescribeSecurityGroups", "group-id", 1000},
    [EC2_SECURITY_GROUP_NAMES] = {"DescribeSecurityGroups", "group-name", 1000},
    [EC2_KEY_PAIRS] = {"DescribeKeyPairs", "key-name", 0},
    [EC2_ZONES] = {"DescribeAvailabilityZones", "zone-name", 0},
};

void ec2_describe_catalogue(struct ec2_form *form, enum ec2_catalogue what, const char *const *names, size_t count,
                            const char *next_token)
{
    const struct catalogue_call *call = &catalogue[what];

    ec2_form_start(form, call->action);
    if (what == EC2_OFFERINGS)
        ec2_form_add(form, "LocationType", "availability-zone");
    if (count > 0)
        add_filter(form, 1, call->filter, names, count);
    if (call->page)
        ec2_form_add_integer(form, "MaxResults", call->page);
    if (next_token && next_token[0])
        ec2_form_add(form, "NextToken", next_token);
}
