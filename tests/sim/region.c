/* SPDX-License-Identifier: MPL-2.0 */
/* Regions: what is finite in them (capacity, quotas, request rate) and their instance list.
 * See region.h. */
#include "region.h"

#include "instances.h"
#include "memory.h"
#include "world.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const market_names[MARKET_COUNT] = {"on-demand", "spot"};

void region_set_zones(struct region *region, const json_t *zones)
{
    size_t count = zones != NULL ? json_array_size(zones) : 3;
    must_keep(region->zones);
    region->zones = must_alloc((count + 1) * sizeof *region->zones);
    region->zone_count = count;
    table_retire(&region->subnets);
    for (size_t i = 0; i < count; i++) {
        region->zones[i] = zones != NULL ? must_copy(json_string_value(json_array_get(zones, i)))
                                         : must_format("%s%c", region->name, (int)('a' + i));
        struct subnet *subnet = must_alloc(sizeof *subnet);
        subnet->id = must_format("subnet-%s", region->zones[i]);
        subnet->zone = region->zones[i];
        subnet->free_addresses = 4091;
        table_put(&region->subnets, subnet->id, subnet);
    }
}

static void add_group(struct region *region, const char *prefix, const char *name)
{
    char *id = must_format("%s-%s", prefix, region->name);
    table_put(&region->groups, id, must_copy(name));
    free(id);
}

struct region *region_create(struct world *world, const char *name)
{
    struct region *region = must_alloc(sizeof *region);
    region->world = world;
    region->name = must_copy(name);
    region->vpc = must_format("vpc-%s", name);
    region->capacity = json_object();
    region->prices = json_object();
    region->quotas = json_object();
    region->key_pairs = json_pack("[s]", "sim-key");
    region->price_history_rows = 2;
    region_set_zones(region, NULL);
    add_group(region, "sg", "sim-group");
    add_group(region, "sg-default", "default");
    table_put(&world->regions, name, region);
    return region;
}

const char *region_zone(const struct region *region, const char *zone)
{
    for (size_t i = 0; i < region->zone_count; i++)
        if (strcmp(region->zones[i], zone) == 0)
            return region->zones[i];
    return NULL;
}

bool region_has_zone(const struct region *region, const char *zone)
{
    return region_zone(region, zone) != NULL;
}

/* The scenario's figure for a pool: zone/type, else type, else "*". */
static json_t *pool_figure(const json_t *figures, const struct pool *pool)
{
    char key[256];
    snprintf(key, sizeof key, "%s/%s", pool->zone, pool->type->name);
    json_t *figure = json_object_get(figures, key);
    if (figure == NULL)
        figure = json_object_get(figures, pool->type->name);
    return figure != NULL ? figure : json_object_get(figures, "*");
}

static void pool_add_row(struct pool *pool, double at, char *price)
{
    pool->rows = must_resize(pool->rows, (pool->row_count + 1) * sizeof *pool->rows);
    pool->rows[pool->row_count++] = (struct price_row){at, price};
}

static char *price_text(double price)
{
    return must_format("%.6f", price);
}

/* The text of a price, or NULL for none. */
static char *pool_wanted_price(const struct pool *pool)
{
    const json_t *figure = pool_figure(pool->region->prices, pool);
    if (figure == NULL)
        return pool->type->on_demand_price > 0 ? price_text(0.3 * pool->type->on_demand_price) : NULL;
    if (json_is_string(figure))
        return must_copy(json_string_value(figure));
    return json_is_number(figure) ? price_text(json_number_value(figure)) : NULL;
}

static void pool_start_prices(struct pool *pool)
{
    char *price = pool_wanted_price(pool);
    pool->priced = price != NULL;
    if (price == NULL)
        return;
    double start = pool->region->world->start_wall;
    for (int hours = pool->region->price_history_rows; hours > 0; hours--) {
        double factor = hours % 2 == 1 ? 0.98 : 1.02;
        pool_add_row(pool, start - 3600.0 * hours, price_text(atof(price) * factor));
    }
    pool_add_row(pool, start - 60, price);
}

struct pool *region_pool(struct region *region, const char *zone, struct instance_type *type)
{
    char key[256];
    snprintf(key, sizeof key, "%s/%s", zone, type->name);
    struct pool *pool = table_get(&region->pools, key);
    if (pool == NULL) {
        pool = must_alloc(sizeof *pool);
        pool->region = region;
        pool->zone = region_zone(region, zone);
        pool->type = type;
        table_put(&region->pools, key, pool);
        pool_start_prices(pool);
    }
    return pool;
}

int pool_free(const struct pool *pool)
{
    const json_t *figure = pool_figure(pool->region->capacity, pool);
    if (!json_is_number(figure))
        return INT_MAX;
    int left = (int)json_number_value(figure) - pool->live;
    return left > 0 ? left : 0;
}

const char *pool_price(const struct pool *pool)
{
    return pool->priced ? pool->rows[pool->row_count - 1].price : NULL;
}

void region_set_price(struct region *region, const char *key, const json_t *price)
{
    json_object_set_new(region->prices, key, json_deep_copy(price));
    for (size_t i = 0; i < region->pools.count; i++) {
        struct pool *pool = region->pools.entries[i].value;
        char *wanted = pool_wanted_price(pool);
        const char *present = pool_price(pool);
        if (wanted != NULL && (present == NULL || strcmp(wanted, present) != 0)) {
            pool_add_row(pool, clock_timestamp(region->world), wanted);
            wanted = NULL;
            pool->priced = true;
        } else if (wanted == NULL && pool->priced) {
            pool->priced = false;
            pool->row_count = 0;
        }
        free(wanted);
    }
}

static int *vcpus_in_use(struct region *region, enum market market, const char *class)
{
    int *used = table_get(&region->vcpus[market], class);
    if (used == NULL) {
        used = must_alloc(sizeof *used);
        table_put(&region->vcpus[market], class, used);
    }
    return used;
}

const json_t *region_vcpu_quota(const struct region *region, enum market market, const char *class)
{
    const json_t *quota = json_object_get(region->quotas, market == MARKET_SPOT ? "spotVcpus" : "onDemandVcpus");
    if (json_is_number(quota))
        return strcmp(class, "standard") == 0 ? quota : NULL;
    return json_object_get(quota, class);
}

int region_quota_left(struct region *region, const struct instance_type *type, enum market market,
                      const char **code_out)
{
    int left = INT_MAX;
    const json_t *instances =
        json_object_get(region->quotas, market == MARKET_SPOT ? "spotInstances" : "onDemandInstances");
    if (json_is_number(instances)) {
        left = (int)json_number_value(instances) - region->live[market];
        *code_out = market == MARKET_SPOT ? "MaxSpotInstanceCountExceeded" : "InstanceLimitExceeded";
    }
    const json_t *vcpus = region_vcpu_quota(region, market, type->quota_class);
    if (json_is_number(vcpus)) {
        int free_vcpus = (int)json_number_value(vcpus) - *vcpus_in_use(region, market, type->quota_class);
        int by_vcpus = free_vcpus / type->vcpus;
        if (by_vcpus < left) {
            left = by_vcpus;
            *code_out = market == MARKET_SPOT ? "MaxSpotInstanceCountExceeded" : "VcpuLimitExceeded";
        }
    }
    return left > 0 ? left : 0;
}

void region_count(struct region *region, struct pool *pool, enum market market, int change)
{
    pool->live += change;
    region->live[market] += change;
    *vcpus_in_use(region, market, pool->type->quota_class) += change * pool->type->vcpus;
}

bool bucket_take(struct region *region, enum bucket_kind kind, double amount)
{
    const struct world *world = region->world;
    const struct bucket_rate *rate = &world->bucket_rates[kind];
    struct bucket *bucket = &region->buckets[kind];
    if (!world->throttle || kind == BUCKET_NONE)
        return true;
    if (!bucket->started)
        *bucket = (struct bucket){rate->burst, world->now, true};
    bucket->level = fmin(rate->burst, bucket->level + (world->now - bucket->at) * rate->refill);
    bucket->at = world->now;
    if (bucket->level < amount)
        return false;
    bucket->level -= amount;
    return true;
}

void region_add_instance(struct region *region, struct instance *instance)
{
    if (region->instance_count == region->instance_room) {
        region->instance_room = region->instance_room > 0 ? region->instance_room * 2 : 64;
        region->instances = must_resize(region->instances, region->instance_room * sizeof *region->instances);
    }
    region->instances[region->instance_count++] = instance;
}

void region_note_forgotten(struct region *region)
{
    if (++region->forgotten_count * 2 <= region->instance_count)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < region->instance_count; i++)
        if (!region->instances[i]->forgotten)
            region->instances[kept++] = region->instances[i];
    region->instance_count = kept;
    region->forgotten_count = 0;
}
