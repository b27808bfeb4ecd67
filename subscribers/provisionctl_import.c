/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_import.c: import aws-provisioner FILE, import worker-manager FILE: existing definitions as ours,
 * printed; what has no counterpart is said on standard error. Runs in: provisionctl. Asks no daemon. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define FILE_LIMIT (16 * 1024 * 1024)

static void lost(const char *type, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s has no counterpart: %s\n", type, path, why);
}

/* ---- aws-provisioner: our schema is built on its own ---- */

static const char *const aws_known[] = {"workerType",
                                        "description",
                                        "owner",
                                        "lastModified",
                                        "minCapacity",
                                        "maxCapacity",
                                        "scalingRatio",
                                        "minPrice",
                                        "maxPrice",
                                        "canUseOndemand",
                                        "canUseSpot",
                                        "instanceTypes",
                                        "regions",
                                        "availabilityZones",
                                        "launchSpec",
                                        "userData",
                                        "secrets",
                                        "scopes",
                                        NULL};

static bool is_known(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* Secrets are never stored here: what a definition holds of them is dropped, and said. */
static void drop_secrets(const char *type, json_t *layer, const char *path)
{
    json_t *secrets = json_object_get(layer, "secrets");
    char where[128];
    if (json_object_size(secrets) > 0) {
        text_format(where, sizeof where, "%s%ssecrets", path, *path ? "." : "");
        lost(type, where, "secrets are kept in the secrets service, named by reference; they were left out");
        json_object_clear(secrets);
    }
}

static void drop_list_secrets(const char *type, json_t *document, const char *list)
{
    json_t *element;
    size_t i;
    char path[64];
    json_array_foreach(json_object_get(document, list), i, element)
    {
        text_format(path, sizeof path, "%s[%zu]", list, i);
        drop_secrets(type, element, path);
    }
}

static json_t *from_aws_provisioner(json_t *source, const char *fallback)
{
    json_t *document = json_object(), *value;
    const char *name, *given = json_string_value(json_object_get(source, "workerType"));
    const char *type = given ? given : fallback;
    json_object_foreach(source, name, value)
    {
        if (is_known(name, aws_known))
            json_object_set(document, name, value);
        else
            lost(type, name, "left out");
    }
    if (!given) /* a create request names it in the URL, not in the document */
        json_object_set_new(document, "workerType", json_string(fallback));
    drop_secrets(type, document, "");
    drop_list_secrets(type, document, "regions");
    drop_list_secrets(type, document, "availabilityZones");
    drop_list_secrets(type, document, "instanceTypes");
    if (!json_is_true(json_object_get(document, "canUseSpot")) &&
        !json_is_true(json_object_get(document, "canUseOndemand")))
        json_object_set_new(document, "canUseSpot", json_true()); /* it ignored both and always used spot */
    return document;
}

/* ---- worker-manager: one pool of launch configurations ---- */

struct pool {
    const char *type;
    json_t *document, *types, *regions, *zones, *common;
    double max_price;
};

/* worker-manager's ratio is the share of pending tasks that it launches for; ours the backlog it tolerates as a share
 * of what runs: the opposite. Their 1 is our 0; below that ours depends on what runs, so 1 - ratio is the nearest. */
static void import_ratio(struct pool *pool, const json_t *config)
{
    const json_t *ratio = json_object_get(config, "scalingRatio");
    if (!json_is_number(ratio))
        return;
    double ours = 1 - json_number_value(ratio);
    json_object_set_new(pool->document, "scalingRatio", json_real(ours < 0 ? 0 : ours));
    if (json_number_value(ratio) < 1)
        fprintf(stderr,
                "%s: scalingRatio %g means a share of pending tasks to launch for; here it is the tolerated backlog as "
                "a share of running capacity: %g is the nearest, look at it\n",
                pool->type, json_number_value(ratio), ours);
}

static json_t *find_by(json_t *list, const char *member, const char *word)
{
    json_t *element;
    size_t i;
    json_array_foreach(list, i, element)
    {
        if (strcmp(ctl_word_of(element, member), word) == 0)
            return element;
    }
    return NULL;
}

static void add_type(struct pool *pool, const char *instance_type, const json_t *manager, const char *path)
{
    const json_t *capacity = json_object_get(manager, "capacityPerInstance");
    json_int_t units = json_is_integer(capacity) ? json_integer_value(capacity) : 1;
    const json_t *there = find_by(pool->types, "instanceType", instance_type);
    if (!there)
        json_array_append_new(pool->types, json_pack("{s:s, s:I, s:f}", "instanceType", instance_type, "capacity",
                                                     units, "utility", (double)units));
    else if (json_integer_value(json_object_get(there, "capacity")) != units)
        lost(pool->type, path, "another capacityPerInstance for the same instance type: the first one counts");
    if (json_object_get(manager, "maxCapacity"))
        lost(pool->type, path, "maxCapacity of one launch configuration: only the type has a ceiling");
    if (json_object_get(manager, "initialWeight"))
        lost(pool->type, path, "initialWeight: placements rank by price and by what failed there");
}

static const char *const copied[] = {
    "SubnetId",   "SecurityGroupIds",    "SecurityGroups",     "KeyName",           "EbsOptimized",
    "CpuOptions", "BlockDeviceMappings", "IamInstanceProfile", "NetworkInterfaces", "Placement",
    NULL};
static const char *const spoken_for[] = {"ImageId",  "InstanceType", "InstanceMarketOptions", "MinCount",
                                         "MaxCount", "UserData",     "TagSpecifications",     NULL};

static void add_launch(struct pool *pool, const json_t *launch, json_t *layer, const char *path)
{
    const char *name;
    json_t *value;
    char where[200];
    json_object_foreach((json_t *)launch, name, value)
    {
        text_format(where, sizeof where, "%s.launchConfig.%s", path, name);
        if (is_known(name, copied))
            json_object_set(layer, name, value);
        else if (!is_known(name, spoken_for))
            lost(pool->type, where, "left out");
    }
}

static void add_price(struct pool *pool, const json_t *launch)
{
    const json_t *options = json_object_get(launch, "InstanceMarketOptions");
    const char *market = ctl_word_of(options, "MarketType");
    const char *price = ctl_word_of(json_object_get(options, "SpotOptions"), "MaxPrice");
    double dollars = atof(price);
    json_object_set_new(pool->document, strcmp(market, "spot") == 0 ? "canUseSpot" : "canUseOndemand", json_true());
    if (dollars > pool->max_price)
        pool->max_price = dollars;
}

static void add_config(struct pool *pool, json_t *config, size_t index)
{
    char path[64];
    json_t *launch = json_object_get(config, "launchConfig"), *layer = json_object();
    const char *region = ctl_word_of(config, "region"), *type = ctl_word_of(launch, "InstanceType");
    const char *zone = ctl_word_of(json_object_get(launch, "Placement"), "AvailabilityZone");
    text_format(path, sizeof path, "launchConfigs[%zu]", index);
    add_type(pool, type, json_object_get(config, "workerManager"), path);
    add_price(pool, launch);
    add_launch(pool, launch, layer, path);
    json_t *there = find_by(pool->regions, "region", region);
    if (!there) {
        there = json_pack("{s:s, s:{s:s}, s:{}}", "region", region, "launchSpec", "ImageId",
                          ctl_word_of(launch, "ImageId"), "userData");
        json_array_append_new(pool->regions, there);
        json_object_update(json_object_get(there, "userData"), json_object_get(config, "additionalUserData"));
    } else if (strcmp(ctl_word_of(json_object_get(there, "launchSpec"), "ImageId"), ctl_word_of(launch, "ImageId"))) {
        lost(pool->type, path, "another ImageId in the same region: use an AMI set; the first one counts");
    }
    if (*zone) {
        json_object_del(layer, "Placement");
        if (!find_by(pool->zones, "availabilityZone", zone))
            json_array_append_new(pool->zones, json_pack("{s:s, s:s, s:O}", "region", region, "availabilityZone", zone,
                                                         "launchSpec", layer));
    } else {
        json_object_update(json_object_get(there, "launchSpec"), layer);
    }
    if (json_object_get(config, "workerConfig"))
        json_object_set(json_object_get(pool->document, "userData"), "workerConfig",
                        json_object_get(config, "workerConfig"));
    json_decref(layer);
}

static void import_lifecycle(struct pool *pool, const json_t *lifecycle)
{
    const char *name;
    json_t *value;
    char path[100];
    json_object_foreach((json_t *)lifecycle, name, value)
    {
        if (strcmp(name, "registrationTimeout") == 0 && json_is_integer(value)) {
            json_object_set(pool->document, "bootLimit", value);
            continue;
        }
        text_format(path, sizeof path, "lifecycle.%s", name);
        lost(pool->type, path, "workers idle out themselves; maxLifetime bounds them");
    }
}

/* Accepts the pool as the API gives it ({workerPoolId, config}) and the config alone. */
static json_t *from_worker_manager(json_t *source, const char *fallback)
{
    json_t *config = json_object_get(source, "config") ? json_object_get(source, "config") : source, *element;
    const char *id = json_string_value(json_object_get(source, "workerPoolId"));
    const char *slash = id ? strchr(id, '/') : NULL, *type = slash ? slash + 1 : fallback;
    struct pool pool = {.type = type, .types = json_array(), .regions = json_array(), .zones = json_array()};
    size_t i;
    pool.document =
        json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:{}}", "workerType", type, "canUseSpot", 0, "canUseOndemand", 0,
                  "instanceTypes", pool.types, "regions", pool.regions, "availabilityZones", pool.zones, "userData");
    static const char *const plain[] = {"minCapacity", "maxCapacity", NULL};
    for (size_t k = 0; plain[k]; k++)
        if (json_object_get(config, plain[k]))
            json_object_set(pool.document, plain[k], json_object_get(config, plain[k]));
    json_object_set(pool.document, "description", json_object_get(source, "description"));
    json_object_set(pool.document, "owner", json_object_get(source, "owner"));
    import_ratio(&pool, config);
    import_lifecycle(&pool, json_object_get(config, "lifecycle"));
    json_array_foreach(json_object_get(config, "launchConfigs"), i, element) add_config(&pool, element, i);
    json_object_set_new(pool.document, "maxPrice", json_real(pool.max_price > 0 ? pool.max_price : 1));
    if (pool.max_price <= 0)
        fprintf(stderr, "%s: no SpotOptions.MaxPrice: maxPrice is set to $1 an hour, look at it\n", type);
    return pool.document;
}

/* ---- the command ---- */

/* The file's name without its ending: the type where the document does not name one. */
static void name_from(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *dot = strrchr(file, '.');
    text_format(out, size, "%.*s", (int)(dot ? dot - file : (ptrdiff_t)strlen(file)), file);
}

enum ctl_exit ctl_import(struct ctl *ctl)
{
    static const struct {
        const char *form;
        json_t *(*convert)(json_t *source, const char *fallback);
    } forms[] = {{"aws-provisioner", from_aws_provisioner}, {"worker-manager", from_worker_manager}};
    char name[200];
    struct error err;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].form, ctl->name) != 0)
            continue;
        json_t *source = json_read_file(ctl->second, FILE_LIMIT, &err);
        if (!source)
            return ctl_fail(CTL_USAGE, &err);
        name_from(ctl->second, name, sizeof name);
        json_t *document = forms[i].convert(source, name);
        ctl_print_json(document, stdout);
        json_decref(document);
        json_decref(source);
        return CTL_OK;
    }
    error_set(&err, ERROR_USAGE, "\"%s\" is neither aws-provisioner nor worker-manager", ctl->name);
    return ctl_fail(CTL_USAGE, &err);
}
