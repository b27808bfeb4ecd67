/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_world.h: a small world for the arbiter's tests: types, lots, leases as literal structs, and what the
 * supervisor would do with the grants. Included by test_arbiter_*.c only; owns nothing but what world_end frees.
 * By default nothing limits anything: each test lowers the one cap that it is about. */
#ifndef TESTS_UNIT_ARBITER_WORLD_H
#define TESTS_UNIT_ARBITER_WORLD_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "supervisor/arbiter.h"

#define WORLD_TYPES 320
#define WORLD_LOTS 8
#define WORLD_REGIONS 3
#define WORLD_LEASES 4096
#define MAYBE_UNUSED __attribute__((unused))

struct world {
    struct arbiter *arbiter;
    struct arbiter_settings settings;
    struct arbiter_region regions[WORLD_REGIONS];
    size_t region_count;
    struct arbiter_type types[WORLD_TYPES];
    struct arbiter_lot lots[WORLD_TYPES][WORLD_LOTS];
    size_t type_count;
    struct arbiter_lease leases[WORLD_LEASES];
    size_t lease_count;
    struct budget_day day;
    int64_t other_units, other_instances;
    struct mono now;
    int64_t last_grant;
    struct arbiter_output out; /* of the last step */
    int64_t granted[WORLD_TYPES];
};

MAYBE_UNUSED static struct world *world_begin(void)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->arbiter = arbiter_create();
    world->now = MONO_ZERO;
    world->now.us = 1000000000;
    world->settings = (struct arbiter_settings){
        .max_units = 1000000,
        .max_instances = 1000000,
        .money = {.hourly = MONEY_MAX, .daily = MONEY_MAX, .daily_horizon = SPAN_SECONDS(3600)},
        .headroom_percent = 0,
        .lot_max = 10,
        .leases_per_region = 1000,
        .lease_share = 1000,
        .policy = POLICY_ROUND_ROBIN,
        .seed = 1,
        .launch_share = 0,
        .calls_refill = 2,
        .instances_refill = 2,
        .calls_depth = 5,
        .instances_depth = 1000,
        .tick = SPAN_SECONDS(10),
    };
    world->region_count = 2;
    (void)text_copy(world->regions[0].name, NAME_SIZE, "us-east-1");
    (void)text_copy(world->regions[1].name, NAME_SIZE, "us-west-2");
    (void)text_copy(world->regions[2].name, NAME_SIZE, "eu-central-1");
    return world;
}

MAYBE_UNUSED static void world_end(struct world *world)
{
    arbiter_output_clear(&world->out);
    arbiter_destroy(&world->arbiter);
    free(world);
}

/* Types must be added in the order of their names. Returns the type's index. */
MAYBE_UNUSED static size_t world_type(struct world *world, const char *name)
{
    struct arbiter_type *type = &world->types[world->type_count];

    *type = (struct arbiter_type){.max_units = 1000000, .largest_capacity = 1, .max_price = MONEY(100000)};
    (void)text_copy(type->name, NAME_SIZE, name);
    type->lots = world->lots[world->type_count];
    return world->type_count++;
}

/* A lot of ten instances of one unit for ten cents each, in the first region. */
MAYBE_UNUSED static struct arbiter_lot *world_lot(struct world *world, size_t type)
{
    struct arbiter_lot *lot = &world->types[type].lots[world->types[type].lot_count];

    *lot = (struct arbiter_lot){
        .count = 10, .capacity = 1, .max_price = MONEY(100000), .spec_hash = "spec", .canary_room = INT64_MAX};
    (void)text_copy(lot->placement.region, NAME_SIZE, world->regions[0].name);
    (void)text_copy(lot->placement.zone, NAME_SIZE, "us-east-1a");
    (void)text_format(lot->placement.instance_type, NAME_SIZE, "m3.size%zu", world->types[type].lot_count);
    world->types[type].lot_count++;
    return lot;
}

MAYBE_UNUSED static void world_bid(struct world *world, size_t type, int64_t units)
{
    world->types[type].bids = units > 0;
    world->types[type].number++;
    world->types[type].seen = world->last_grant;
    world->types[type].units = units;
    world->types[type].pending = units;
}

/* A type with so many lots that asks for so many units. */
MAYBE_UNUSED static size_t world_bidder(struct world *world, const char *name, int lots, int64_t units)
{
    size_t type = world_type(world, name);

    for (int i = 0; i < lots; i++)
        (void)world_lot(world, type);
    world_bid(world, type, units);
    return type;
}

MAYBE_UNUSED static struct arbiter_input world_input(struct world *world)
{
    return (struct arbiter_input){.now = world->now,
                                  .settings = &world->settings,
                                  .regions = world->regions,
                                  .region_count = world->region_count,
                                  .types = world->types,
                                  .type_count = world->type_count,
                                  .leases = world->leases,
                                  .lease_count = world->lease_count,
                                  .other_units = world->other_units,
                                  .other_instances = world->other_instances,
                                  .day = world->day};
}

/* One step; its grants become leases as the supervisor's ledger would have them. */
MAYBE_UNUSED static void world_step(struct world *world)
{
    struct arbiter_input input = world_input(world);

    arbiter_output_clear(&world->out);
    memset(world->granted, 0, sizeof world->granted);
    arbiter_step(world->arbiter, &input, &world->out);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        const struct arbiter_lot *lot = &world->types[grant->type].lots[grant->lot];
        assert_true(world->lease_count < WORLD_LEASES);
        world->granted[grant->type] += grant->count;
        world->leases[world->lease_count++] = (struct arbiter_lease){.grant = ++world->last_grant,
                                                                     .type = grant->type,
                                                                     .placement = lot->placement,
                                                                     .count = grant->count,
                                                                     .capacity = lot->capacity,
                                                                     .max_price = lot->max_price};
    }
}

MAYBE_UNUSED static void world_later(struct world *world, int64_t milliseconds)
{
    world->now = mono_add(world->now, SPAN_MS(milliseconds));
}

/* All leases launched and were listed: they are held now. */
MAYBE_UNUSED static void world_list(struct world *world)
{
    for (size_t i = 0; i < world->lease_count; i++) {
        const struct arbiter_lease *lease = &world->leases[i];
        struct arbiter_type *type = &world->types[lease->type];
        type->held_units += lease->count * lease->capacity;
        type->serving_units += lease->count * lease->capacity;
        type->held_instances += lease->count;
        type->held_cost = money_add(type->held_cost, money_times(lease->max_price, lease->count));
    }
    world->lease_count = 0;
}

/* So many instances of one unit and ten cents that the type holds. */
MAYBE_UNUSED static void world_hold(struct world *world, size_t type, int64_t instances)
{
    struct arbiter_type *at = &world->types[type];

    at->held_instances = at->held_units = at->serving_units = instances;
    at->held_cost = MONEY(100000 * instances);
}

/* The rule that cut or refused a lot in the last step; DENIED_NOT if none did. */
MAYBE_UNUSED static enum denial world_denial(const struct world *world, size_t type, size_t lot)
{
    for (size_t i = 0; i < world->out.denial_count; i++)
        if (world->out.denials[i].type == type && world->out.denials[i].lot == lot)
            return world->out.denials[i].by;
    return DENIED_NOT;
}

MAYBE_UNUSED static int64_t world_granted(const struct world *world)
{
    int64_t sum = 0;

    for (size_t i = 0; i < world->out.grant_count; i++)
        sum += world->out.grants[i].count;
    return sum;
}

#endif
