/* SPDX-License-Identifier: MPL-2.0 */
/* launch.c: the one RunInstances request of a grant. Everything in it comes from the grant, the spec and the
 * definition, nothing from the clock or from chance: a repeat with the same ClientToken must be the same request, or
 * EC2 answers IdempotentParameterMismatch. What images can see of it is fixed by a golden test (case B35). Runs in:
 * type workers. Pure. Owns nothing: the caller frees the form. User data is never logged (case B54). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/ec2/ec2.h"
#include "worker/ec2/launch_spec.h"

#define NEVER_MODIFIED "1970-01-01T00:00:00.000Z"

static int check_grant(const struct ec2_launch *launch, struct error *err)
{
    const struct proto_GRANT *grant = launch->grant;
    const struct launch_spec *spec = launch->spec;

    if (strcmp(grant->specHash, spec->hash) != 0 || strcmp(grant->region, spec->region) != 0 ||
        strcmp(grant->zone, spec->zone) != 0 || strcmp(grant->instanceType, spec->instance_type) != 0)
        return error_set(err, ERROR_INPUT,
                         "grant %" PRId64
                         " is for %s/%s and spec %.12s, which the definition no longer gives (%s/%s, %.12s)",
                         grant->grant, grant->zone, grant->instanceType, grant->specHash, spec->zone,
                         spec->instance_type, spec->hash);
    if (market_of(grant->market) < 0 || grant->count < 1 || !grant->token[0])
        return error_set(err, ERROR_INPUT, "grant %" PRId64 " cannot be a launch", grant->grant);
    return 0;
}

static const char *image_of(const struct launch_spec *spec)
{
    const char *image = json_string_value(json_object_get(spec->launch, "ImageId"));

    return spec->image[0] ? spec->image : image;
}

/* An ordinary on-demand machine is what EC2 starts when the spot option is missing or misplaced (case B40), and a
 * persistent request outlives our decision (case B41): both words are always there. */
static void add_market(struct ec2_form *form, const struct proto_GRANT *grant)
{
    char price[32];

    if (market_of(grant->market) != MARKET_SPOT)
        return;
    money_format(MONEY(grant->maxPrice), price, sizeof price);
    ec2_form_add(form, "InstanceMarketOptions.MarketType", "spot");
    ec2_form_add(form, "InstanceMarketOptions.SpotOptions.MaxPrice", price);
    ec2_form_add(form, "InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
    ec2_form_add(form, "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate");
}

/* ---- tags ---- */

/* Where the next tag goes. */
struct tag_list {
    struct ec2_form *form;
    int resource;
    int count;
};

static void add_tag(struct tag_list *list, const char *key, const char *value)
{
    char name[64];

    list->count++;
    text_format(name, sizeof name, "TagSpecification.%d.Tag.%d.Key", list->resource, list->count);
    ec2_form_add(list->form, name, key);
    text_format(name, sizeof name, "TagSpecification.%d.Tag.%d.Value", list->resource, list->count);
    ec2_form_add(list->form, name, value);
}

static void add_number_tag(struct tag_list *list, const char *key, int64_t value)
{
    char text[32];

    text_format(text, sizeof text, "%" PRId64, value);
    add_tag(list, key, text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of their names, since a definition may be read back with its members in another order. */
static void add_user_tags(struct tag_list *list, json_t *tags)
{
    size_t count = json_object_size(tags), i = 0;
    const char **names = calloc(count + 1, sizeof *names);
    const char *name;
    json_t *value;

    if (!names)
        abort();
    json_object_foreach(tags, name, value) names[i++] = name;
    qsort(names, count, sizeof *names, compare_names);
    for (i = 0; i < count; i++) {
        const char *text = json_string_value(json_object_get(tags, names[i]));
        if (text && !text_starts(names[i], "provisiond:"))
            add_tag(list, names[i], text);
    }
    free(names);
}

static void add_tags(struct ec2_form *form, const struct ec2_launch *launch, int resource, const char *resource_type)
{
    const struct proto_GRANT *grant = launch->grant;
    struct tag_list list = {form, resource, 0};
    char name[64];

    text_format(name, sizeof name, "TagSpecification.%d.ResourceType", resource);
    ec2_form_add(form, name, resource_type);
    add_tag(&list, "provisiond:deployment", launch->deployment_id);
    add_tag(&list, "provisiond:incarnation", launch->incarnation);
    add_tag(&list, "provisiond:type", launch->definition->name);
    add_number_tag(&list, "provisiond:grant", grant->grant);
    add_number_tag(&list, "provisiond:revision", grant->revision);
    add_tag(&list, "provisiond:spec", grant->specHash);
    add_number_tag(&list, "provisiond:capacity", grant->capacity);
    add_user_tags(&list, launch->definition->tags);
}

/* ---- user data ---- */

static json_t *last_modified(const struct definition *definition)
{
    const char *text = json_string_value(json_object_get(definition->document, "lastModified"));

    return json_string(text ? text : NEVER_MODIFIED);
}

/* What worker-runner's static provider reads, but for the worker's id and its secret, which the instance makes of its
 * id and the grant's secret (docs/registration.md). */
static json_t *static_provider_object(const struct ec2_launch *launch)
{
    char pool[160];

    text_format(pool, sizeof pool, "%s/%s", launch->provisioner_id, launch->definition->name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "providerType", "static", "rootURL", launch->root_url,
                     "providerID", launch->static_provider_id, "workerPoolID", pool, "workerGroup",
                     launch->grant->region, "grantSecret", secret_reveal(launch->grant_secret));
}

/* The object that aws-provisioner gave, under its names: images read it. Times come from the definition, since the
 * clock would make each repeat another request. */
static json_t *user_data_object(const struct ec2_launch *launch)
{
    const struct proto_GRANT *grant = launch->grant;
    double dollars = (double)grant->maxPrice / 1e6;
    struct buffer base = {0};

    buffer_print(&base, "%s/api/aws-provisioner/v1", launch->root_url);
    json_t *object =
        json_pack("{s:s, s:I, s:O, s:s, s:o, s:o, s:f, s:s, s:s, s:s, s:s, s:f, s:s, s:s}", "availabilityZone",
                  grant->zone, "capacity", (json_int_t)grant->capacity, "data", launch->spec->user_data, "instanceType",
                  grant->instanceType, "lastModified", last_modified(launch->definition), "launchSpecGenerated",
                  last_modified(launch->definition), "price", dollars, "provisionerBaseUrl", buffer_text(&base),
                  "provisionerId", launch->provisioner_id, "region", grant->region, "securityToken", grant->token,
                  "spotBid", dollars, "taskclusterRootUrl", launch->root_url, "workerType", launch->definition->name);
    buffer_free(&base);
    if (launch->grant_secret && object)
        json_object_set_new(object, "workerRunner", static_provider_object(launch));
    return object;
}

static int add_user_data(struct ec2_form *form, const struct ec2_launch *launch, struct error *err)
{
    json_t *object = user_data_object(launch);
    char *text = object ? json_text(object) : NULL;
    struct buffer encoded = {0};
    int result = 0;

    json_decref(object);
    if (!text)
        return error_set(err, ERROR_INPUT, "the user data of grant %" PRId64 " cannot be written",
                         launch->grant->grant);
    size_t size = strlen(text);
    if (size > USER_DATA_LIMIT) {
        result = error_set(err, ERROR_LIMIT, "user data of %s: %zu bytes, and EC2 takes %d", launch->definition->name,
                           size, USER_DATA_LIMIT);
    } else {
        text_base64(&encoded, text, size);
        ec2_form_add(form, "UserData", buffer_text(&encoded));
    }
    buffer_free(&encoded);
    secret_wipe(text, size);
    free(text);
    return result;
}

/* ---- the request ---- */

/* Defaults of EC2 that would bite: an idled-out worker would stop and stay on the bill; any process on the instance
 * could read its role's credentials without a token. */
static void add_fixed(struct ec2_form *form)
{
    ec2_form_add(form, "InstanceInitiatedShutdownBehavior", "terminate");
    ec2_form_add(form, "MetadataOptions.HttpTokens", "required");
}

static int add_launch(struct ec2_form *form, const struct ec2_launch *launch, struct error *err)
{
    const struct proto_GRANT *grant = launch->grant;
    const char *image = image_of(launch->spec);

    if (!image)
        return error_set(err, ERROR_INPUT, "no image for %s in %s", launch->definition->name, grant->region);
    if (launch->dry_run)
        ec2_form_add_bool(form, "DryRun", true);
    ec2_form_add(form, "ClientToken", grant->token);
    ec2_form_add_integer(form, "MinCount", 1); /* takes what there is: the rest of the lease goes back */
    ec2_form_add_integer(form, "MaxCount", grant->count);
    ec2_form_add(form, "ImageId", image);
    ec2_form_add(form, "InstanceType", grant->instanceType);
    ec2_form_add(form, "Placement.AvailabilityZone", grant->zone);
    add_market(form, grant);
    add_fixed(form);
    if (launch_spec_add(form, launch->spec->launch, err) != 0)
        return error_prefix(err, "%s", launch->definition->file);
    add_tags(form, launch, 1, "instance");
    add_tags(form, launch, 2, "volume");
    return add_user_data(form, launch, err);
}

int ec2_run_instances(struct ec2_form *form, const struct ec2_launch *launch, struct error *err)
{
    *form = (struct ec2_form){0};
    if (check_grant(launch, err) != 0)
        return -1;
    ec2_form_start(form, "RunInstances");
    if (add_launch(form, launch, err) != 0) {
        ec2_form_free(form);
        return -1;
    }
    return 0;
}
