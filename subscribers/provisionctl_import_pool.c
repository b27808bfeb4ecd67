/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_import_pool.c: a worker-manager pool (API v106) as a workerType: launch configurations become regions,
 * zones and instance types. Runs in: provisionctl. What has no counterpart is said on standard error. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_import.h"

/* ---- worker-manager: one pool of launch configurations ---- */

/* Of the document itself: printed only as JSON, so nothing need be made harmless for a terminal. */
static const char *word_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

struct pool {
    const char *type;
    json_t *document, *types, *regions, *zones;
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
        if (strcmp(word_of(element, member), word) == 0)
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
        import_lost(pool->type, path, "another capacityPerInstance for the same instance type: the first one counts");
    if (json_object_get(manager, "maxCapacity"))
        import_lost(pool->type, path, "maxCapacity of one launch configuration: only the type has a ceiling");
    if (json_object_get(manager, "initialWeight"))
        import_lost(pool->type, path, "initialWeight: placements rank by price and by what failed there");
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
        if (import_is_known(name, copied))
            json_object_set(layer, name, value);
        else if (!import_is_known(name, spoken_for))
            import_lost(pool->type, where, "left out");
    }
}

static void add_price(struct pool *pool, const json_t *launch)
{
    const json_t *options = json_object_get(launch, "InstanceMarketOptions");
    const char *market = word_of(options, "MarketType");
    const char *price = word_of(json_object_get(options, "SpotOptions"), "MaxPrice");
    double dollars = atof(price);
    json_object_set_new(pool->document, strcmp(market, "spot") == 0 ? "canUseSpot" : "canUseOndemand", json_true());
    if (dollars > pool->max_price)
        pool->max_price = dollars;
}

static void add_config(struct pool *pool, json_t *config, size_t index)
{
    char path[64];
    json_t *launch = json_object_get(config, "launchConfig"), *layer = json_object();
    const char *region = word_of(config, "region"), *type = word_of(launch, "InstanceType");
    const char *zone = word_of(json_object_get(launch, "Placement"), "AvailabilityZone");
    text_format(path, sizeof path, "launchConfigs[%zu]", index);
    add_type(pool, type, json_object_get(config, "workerManager"), path);
    add_price(pool, launch);
    add_launch(pool, launch, layer, path);
    json_t *there = find_by(pool->regions, "region", region);
    if (!there) {
        there = json_pack("{s:s, s:{s:s}, s:{}}", "region", region, "launchSpec", "ImageId", word_of(launch, "ImageId"),
                          "userData");
        json_array_append_new(pool->regions, there);
        json_object_update(json_object_get(there, "userData"), json_object_get(config, "additionalUserData"));
    } else if (!text_equal(word_of(json_object_get(there, "launchSpec"), "ImageId"), word_of(launch, "ImageId"))) {
        import_lost(pool->type, path, "another ImageId in the same region: use an AMI set; the first one counts");
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
        import_lost(pool->type, path, "workers idle out themselves; maxLifetime bounds them");
    }
}

/* Accepts the pool as the API gives it ({workerPoolId, config}) and the config alone. */
json_t *import_worker_manager(json_t *source, const char *fallback)
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
    import_key(type, pool.document);
    return pool.document;
}
