/* SPDX-License-Identifier: MPL-2.0 */
/* One EC2 region: its zones, network, capacity pools, prices, quotas, token buckets, and the
 * instances that were launched in it, in order of launch. */
#ifndef SIM_REGION_H
#define SIM_REGION_H

#include "catalogue.h"
#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct world;
struct instance;

enum market { MARKET_ON_DEMAND, MARKET_SPOT, MARKET_COUNT };
extern const char *const market_names[MARKET_COUNT];

enum bucket_kind {
    BUCKET_NONE,
    BUCKET_DESCRIBE,
    BUCKET_RUN_REQUESTS,
    BUCKET_RUN_INSTANCES,
    BUCKET_TERMINATE,
    BUCKET_COUNT
};

/* How a bucket is filled is the same in all regions (struct world); what is in it is not. */
struct bucket_rate {
    double burst, refill;
};
struct bucket {
    double level, at;
    bool started;
};

struct subnet {
    char *id, *zone;
    int free_addresses;
};

struct price_row {
    double at; /* wall seconds, as the rest of the world's time stamps */
    char *price;
};

/* Machines of one type in one zone. */
struct pool {
    struct region *region;
    const char *zone;
    struct instance_type *type;
    int live;
    struct price_row *rows; /* oldest first; the last is the present price */
    size_t row_count;
    bool priced; /* false: no price at present */
};

struct region {
    struct world *world;
    char *name;
    char **zones;
    size_t zone_count;
    char *vpc;
    json_t *capacity, *prices, *quotas; /* as in the scenario */
    json_t *key_pairs, *instance_profiles;
    int price_history_rows;
    struct table subnets;             /* id -> struct subnet */
    struct table groups;              /* id -> name */
    struct table pools;               /* zone/type -> struct pool */
    struct table tokens;              /* zone|token -> struct launch */
    struct table vcpus[MARKET_COUNT]; /* quota class -> int */
    int live[MARKET_COUNT];
    struct bucket buckets[BUCKET_COUNT];
    struct instance **instances; /* by sequence; forgotten ones are taken out in passing */
    size_t instance_count, instance_room, forgotten_count;
};

struct region *region_create(struct world *world, const char *name);
void region_set_zones(struct region *region, const json_t *zones); /* NULL: a, b, c */
bool region_has_zone(const struct region *region, const char *zone);
const char *region_zone(const struct region *region, const char *zone); /* our own copy of the name */

struct pool *region_pool(struct region *region, const char *zone, struct instance_type *type);
int pool_free(const struct pool *pool);          /* INT_MAX when unlimited */
const char *pool_price(const struct pool *pool); /* NULL: none */
void region_set_price(struct region *region, const char *key, const json_t *price);

/* How many more instances of the type the quotas allow, and the code that says so at 0. */
int region_quota_left(struct region *region, const struct instance_type *type, enum market market,
                      const char **code_out);
/* The quota in vCPUs for a class, or NULL: a bare number is the standard families'. */
const json_t *region_vcpu_quota(const struct region *region, enum market market, const char *class);
void region_count(struct region *region, struct pool *pool, enum market market, int change);

bool bucket_take(struct region *region, enum bucket_kind kind, double amount);

void region_add_instance(struct region *region, struct instance *instance);
void region_note_forgotten(struct region *region);

#endif
