/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_random.h: random worlds for the arbiter's properties: types, lots, caps, and what happens to them tick by
 * tick: bids that know less than is true, leases that end in every way, instances that die, breakers, removed types.
 * Included by test_arbiter_property.c and test_arbiter_record.c. Each value is drawn by its own key, so that a case
 * stays the same case when a type, a lot, a step or a feature is taken away: that is how failures are shrunk. */
#ifndef TESTS_UNIT_ARBITER_RANDOM_H
#define TESTS_UNIT_ARBITER_RANDOM_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/arbiter_parts.h"

#define CASE_TYPES 6
#define CASE_LOTS 4
#define CASE_STEPS 14
#define SQUEEZE_STEPS 30
#define CASE_LEASES 600
#define CASE_INSTANCES 600

/* What a case may contain; each bit can be taken away. */
enum feature {
    HAS_UNITS_CAP,
    HAS_INSTANCES_CAP,
    HAS_HOURLY_CAP,
    HAS_DAILY_CAP,
    HAS_RESERVE,
    HAS_HEADROOM,
    HAS_LEASE_LIMITS,
    HAS_BUCKETS,
    HAS_BREAKERS,
    HAS_CANARY,
    HAS_QUARANTINE,
    HAS_PAUSE,
    HAS_FLOORS,
    HAS_CEILINGS,
    HAS_CLOSED_REGIONS,
    HAS_LATE_BIDS,
    HAS_REMOVALS,
    HAS_DEATHS,
    HAS_UNKNOWN_OUTCOMES,
    HAS_PRIORITIES,
    HAS_LARGE_INSTANCES,
    HAS_SQUEEZE, /* a full house for a long time, few small instances beside large ones */
    FEATURE_COUNT
};
static const char *const feature_names[] = {
    "units",    "instances", "hourly",     "daily",      "reserve",         "headroom", "leases",         "buckets",
    "breakers", "canary",    "quarantine", "pause",      "floors",          "ceilings", "closed-regions", "late-bids",
    "removals", "deaths",    "unknown",    "priorities", "large-instances", "squeeze"};

struct property_case {
    uint64_t seed;
    unsigned types, lots, features; /* one bit each */
    int regions, steps;
};

struct random_instance {
    int type;
    int64_t capacity, price;
};

struct random_type {
    struct arbiter_type as;
    struct arbiter_lot lots[CASE_LOTS];
    char specs[2][8];
    bool present, bids;
    int64_t bid_seen; /* what its worker knows */
    int64_t bid_number;
};

struct random_world {
    const struct property_case *what;
    struct arbiter *arbiter;
    struct arbiter_settings settings;
    struct arbiter_region regions[2];
    struct random_type types[CASE_TYPES];
    struct arbiter_lease leases[CASE_LEASES]; /* .type is the index into types, -1 of a removed one */
    size_t lease_count;
    struct random_instance instances[CASE_INSTANCES];
    size_t instance_count;
    struct budget_day day;
    struct mono now;
    int64_t last_grant, shown_grant; /* the arbiter has seen leases up to the latter */
    int step;
    /* as handed to the arbiter */
    struct arbiter_input input;
    struct arbiter_type input_types[CASE_TYPES];
    struct arbiter_lease input_leases[CASE_LEASES];
    int index_of[CASE_TYPES]; /* of an input type: its place in types */
    struct arbiter_output out;
};

/* ---- drawing ---- */

static uint64_t draw(const struct property_case *what, unsigned a, unsigned b, unsigned c)
{
    return policy_random(policy_random(policy_random(what->seed, a), b), c);
}

/* least ... most */
static int64_t draw_in(const struct property_case *what, int64_t least, int64_t most, unsigned a, unsigned b,
                       unsigned c)
{
    return least + (int64_t)(draw(what, a, b, c) % (uint64_t)(most - least + 1));
}

static bool draw_chance(const struct property_case *what, int percent, unsigned a, unsigned b, unsigned c)
{
    return (int)(draw(what, a, b, c) % 100) < percent;
}

static bool has(const struct property_case *what, enum feature feature)
{
    return (what->features >> feature) & 1;
}

/* Each feature is in about half of the cases, so that every pair meets often. */
static struct property_case make_case(uint64_t seed)
{
    struct property_case what = {.seed = seed, .regions = 1, .steps = CASE_STEPS};

    what.types = (1u << draw_in(&what, 2, CASE_TYPES, 1, 0, 0)) - 1;
    what.lots = (1u << draw_in(&what, 1, CASE_LOTS, 1, 0, 1)) - 1;
    what.regions = (int)draw_in(&what, 1, 2, 1, 0, 2);
    what.steps = (int)draw_in(&what, 4, CASE_STEPS, 1, 0, 3);
    for (unsigned feature = 0; feature < FEATURE_COUNT; feature++)
        what.features |= (unsigned)draw_chance(&what, feature == HAS_SQUEEZE ? 6 : 45, 2, feature, 0) << feature;
    if (has(&what, HAS_SQUEEZE)) {
        what.features &= ~(1u << HAS_BUCKETS | 1u << HAS_CLOSED_REGIONS | 1u << HAS_REMOVALS | 1u << HAS_CANARY |
                           1u << HAS_QUARANTINE | 1u << HAS_PAUSE | 1u << HAS_BREAKERS | 1u << HAS_LATE_BIDS);
        what.features |= 1u << HAS_UNITS_CAP | 1u << HAS_LARGE_INSTANCES;
        what.lots = 1;
        what.steps = SQUEEZE_STEPS;
    }
    return what;
}

/* ---- the world at its begin ---- */

static void make_settings(struct random_world *world)
{
    const struct property_case *what = world->what;
    struct arbiter_settings *to = &world->settings;

    *to = (struct arbiter_settings){.max_units = 100000,
                                    .max_instances = 100000,
                                    .money = {MONEY_MAX, MONEY_MAX, MONEY_ZERO, SPAN_SECONDS(3600)},
                                    .lot_max = draw_in(what, 1, 10, 3, 0, 0),
                                    .leases_per_region = 1000,
                                    .lease_share = 1000,
                                    .policy = (enum policy)draw_in(what, 0, 3, 3, 0, 1),
                                    .seed = what->seed,
                                    .calls_refill = 2,
                                    .instances_refill = 2,
                                    .calls_depth = 5,
                                    .instances_depth = draw_in(what, 5, 40, 3, 0, 2),
                                    .tick = SPAN_SECONDS(10)};
    if (has(what, HAS_UNITS_CAP))
        to->max_units = draw_in(what, 1, 60, 3, 1, 0);
    if (has(what, HAS_SQUEEZE))
        to->max_units = draw_in(what, 8, 20, 3, 1, 5);
    if (has(what, HAS_INSTANCES_CAP))
        to->max_instances = draw_in(what, 1, 40, 3, 1, 1);
    if (has(what, HAS_HOURLY_CAP))
        to->money.hourly = MONEY(draw_in(what, 1, 4000, 3, 1, 2));
    if (has(what, HAS_DAILY_CAP))
        to->money.daily = MONEY(draw_in(what, 1000, 8000, 3, 1, 3));
    if (has(what, HAS_RESERVE))
        to->money.essential_reserve = MONEY(draw_in(what, 1, 1200, 3, 1, 4));
    if (has(what, HAS_HEADROOM))
        to->headroom_percent = draw_chance(what, 60, 3, 2, 0) ? -1 : draw_in(what, 1, 40, 3, 2, 1);
    if (has(what, HAS_LEASE_LIMITS)) {
        to->leases_per_region = draw_in(what, 1, 4, 3, 2, 2);
        to->lease_share = draw_in(what, 5, 60, 3, 2, 3);
    }
    if (has(what, HAS_BUCKETS))
        to->launch_share = 0.8;
    world->day.spent = MONEY(has(what, HAS_DAILY_CAP) ? draw_in(what, 0, 6000, 3, 3, 0) : 0);
}

static void make_lot(struct random_world *world, unsigned type, unsigned lot, struct arbiter_lot *to)
{
    const struct property_case *what = world->what;

    *to = (struct arbiter_lot){
        .count = draw_in(what, 1, 10, 5, type, lot * 16),
        .capacity = has(what, HAS_LARGE_INSTANCES) ? draw_in(what, 1, 8, 5, type, lot * 16 + 1) : 1,
        .max_price = MONEY(draw_in(what, 20, 300, 5, type, lot * 16 + 2)),
        .canary_room = INT64_MAX,
    };
    to->spec_hash = world->types[type].specs[draw_in(what, 0, 1, 5, type, lot * 16 + 3)];
    if (has(what, HAS_SQUEEZE))
        to->capacity = type % 3 == 0 ? 1 : draw_in(what, 3, 8, 5, type, lot * 16 + 5);
    int64_t region = draw_in(what, 0, 1, 5, type, lot * 16 + 4);
    (void)text_copy(to->placement.region, NAME_SIZE, region < what->regions ? (region ? "r2" : "r1") : "r1");
    (void)text_format(to->placement.zone, NAME_SIZE, "z%u", lot);
    (void)text_copy(to->placement.instance_type, NAME_SIZE, "m3.large");
}

static void make_type(struct random_world *world, unsigned type)
{
    const struct property_case *what = world->what;
    struct random_type *to = &world->types[type];

    (void)text_format(to->as.name, NAME_SIZE, "type-%u", type);
    (void)text_format(to->specs[0], 8, "a%u", type);
    (void)text_format(to->specs[1], 8, "b%u", type);
    to->present = (what->types >> type) & 1;
    to->as.max_units = 100000;
    to->as.largest_capacity = 1;
    to->as.max_price = MONEY(300);
    for (unsigned lot = 0; lot < CASE_LOTS; lot++)
        if ((what->lots >> lot) & 1)
            make_lot(world, type, lot, &to->lots[to->as.lot_count++]);
    for (size_t lot = 0; lot < to->as.lot_count; lot++)
        if (to->lots[lot].capacity > to->as.largest_capacity)
            to->as.largest_capacity = to->lots[lot].capacity;
    if (has(what, HAS_CEILINGS) && draw_chance(what, 50, 4, type, 0))
        to->as.max_units = draw_in(what, 1, 20, 4, type, 1);
    if (has(what, HAS_FLOORS) && draw_chance(what, 50, 4, type, 2))
        to->as.min_units = draw_in(what, 1, 6, 4, type, 3);
    to->as.essential = draw_chance(what, 30, 4, type, 4);
    if (has(what, HAS_PRIORITIES))
        to->as.priority = draw_in(what, 0, 2, 4, type, 5);
}

static void world_open(struct random_world *world, const struct property_case *what)
{
    memset(world, 0, sizeof *world);
    world->what = what;
    world->arbiter = arbiter_create();
    world->now.us = 1000000000;
    make_settings(world);
    (void)text_copy(world->regions[0].name, NAME_SIZE, "r1");
    (void)text_copy(world->regions[1].name, NAME_SIZE, "r2");
    for (unsigned type = 0; type < CASE_TYPES; type++)
        make_type(world, type);
    for (unsigned i = 0; i < 12; i++) { /* what is held before */
        unsigned type = (unsigned)draw_in(what, 0, CASE_TYPES - 1, 6, i, 0);
        if (!world->types[type].present || world->types[type].as.lot_count == 0 || !draw_chance(what, 40, 6, i, 1))
            continue;
        const struct arbiter_lot *lot = &world->types[type].lots[0];
        world->instances[world->instance_count++] =
            (struct random_instance){(int)type, lot->capacity, lot->max_price.micros};
    }
}

static void world_close(struct random_world *world)
{
    arbiter_output_clear(&world->out);
    arbiter_destroy(&world->arbiter);
}

/* ---- what happens between steps ---- */

static void end_lease(struct random_world *world, size_t at)
{
    world->leases[at] = world->leases[--world->lease_count];
}

static void list_lease(struct random_world *world, size_t at)
{
    struct arbiter_lease lease = world->leases[at];

    for (int64_t i = 0; i < lease.count && world->instance_count < CASE_INSTANCES; i++)
        world->instances[world->instance_count++] = (struct random_instance){
            lease.type == SIZE_MAX ? -1 : (int)lease.type, lease.capacity, lease.max_price.micros};
    end_lease(world, at);
}

/* Launched and listed, launched and not listed yet, refused, handed back, or nothing known. */
static void move_lease(struct random_world *world, size_t at, unsigned key)
{
    struct arbiter_lease *lease = &world->leases[at];
    int64_t fate = draw_in(world->what, 0, 99, 7, (unsigned)lease->grant, key);
    int stays = has(world->what, HAS_UNKNOWN_OUTCOMES) ? 50 : 5;

    if (lease->grant > world->shown_grant)
        return; /* each grant is in the next input's leases */
    if (lease->settled) {
        if (fate < 60)
            list_lease(world, at);
    } else if (fate >= stays) {
        if (fate % 4 == 0) {
            end_lease(world, at);
        } else if (fate % 4 == 1) {
            arbiter_returned(world->arbiter, lease->placement.region, 1, lease->count);
            end_lease(world, at);
        } else {
            lease->settled = true;
        }
    }
}

static void move_instances(struct random_world *world, unsigned key)
{
    int percent = has(world->what, HAS_DEATHS) ? 20 : 3;

    for (size_t i = world->instance_count; i-- > 0;)
        if (draw_chance(world->what, percent, 8, (unsigned)i, key))
            world->instances[i] = world->instances[--world->instance_count];
}

static void forget(struct random_world *world, int type)
{
    for (size_t i = 0; i < world->lease_count; i++)
        if (world->leases[i].type == (size_t)type)
            world->leases[i].type = SIZE_MAX;
    for (size_t i = 0; i < world->instance_count; i++)
        if (world->instances[i].type == type)
            world->instances[i].type = -1;
    world->types[type].bids = false;
}

static void move_lots(struct random_world *world, unsigned type, unsigned key)
{
    const struct property_case *what = world->what;
    struct random_type *of = &world->types[type];

    for (unsigned lot = 0; lot < of->as.lot_count; lot++) {
        struct arbiter_lot *at = &of->lots[lot];
        int64_t state = draw_in(what, 0, 9, 9, type * 8 + lot, key);
        at->breaker = (struct breaker_view){.state = BREAKER_OPEN};
        if (has(what, HAS_BREAKERS) && state < 4) {
            at->breaker.state = state < 2 ? BREAKER_CLOSED : BREAKER_HALF_OPEN;
            (void)text_format(at->breaker.scope, sizeof at->breaker.scope, "capacity %s", at->placement.zone);
        }
        at->canary_room = INT64_MAX;
        if (of->as.canary)
            at->canary_room = draw_in(what, 0, 2, 10, type * 8 + (at->spec_hash == of->specs[1]), key);
    }
}

static void move_type(struct random_world *world, unsigned type, unsigned key)
{
    const struct property_case *what = world->what;
    struct random_type *of = &world->types[type];

    if (has(what, HAS_REMOVALS) && ((what->types >> type) & 1) && draw_chance(what, 8, 11, type, key)) {
        of->present = !of->present;
        if (!of->present)
            forget(world, (int)type);
    }
    if (!of->present)
        return;
    of->as.paused = has(what, HAS_PAUSE) && draw_chance(what, 15, 12, type, key);
    of->as.failing = draw_chance(what, 10, 13, type, key);
    of->as.quarantined = has(what, HAS_QUARANTINE) && draw_chance(what, 25, 14, type, key);
    of->as.quarantine_until = mono_add(world->now, SPAN_SECONDS(draw_in(what, -5, 5, 15, type, key)));
    of->as.canary = has(what, HAS_CANARY) && draw_chance(what, 40, 16, type, 0);
    move_lots(world, type, key);
    bool squeeze = has(what, HAS_SQUEEZE);
    if (!squeeze && !draw_chance(what, 70, 17, type, key))
        return; /* its old bid stands */
    of->as.number = ++of->bid_number;
    of->bids = squeeze || draw_chance(what, 85, 18, type, key);
    of->as.units = of->bids ? draw_in(what, 1, draw_chance(what, 30, 19, type, key) ? 60 : 8, 20, type, key) : 0;
    of->as.lag = SPAN_SECONDS(draw_in(what, 0, 900, 21, type, key));
    if (!has(what, HAS_LATE_BIDS) || draw_chance(what, 50, 22, type, key))
        of->bid_seen = world->last_grant; /* else it was sent before the newest grants came */
    of->as.seen = of->bid_seen;
}

static void world_move(struct random_world *world)
{
    static const int64_t pauses[] = {0, 400000, 1000000, 10000000, 10000000};
    const struct property_case *what = world->what;
    unsigned key = (unsigned)world->step;

    world->now.us += has(what, HAS_SQUEEZE) ? 10000000 : pauses[draw_in(what, 0, 4, 23, key, 0)];
    for (size_t i = world->lease_count; i-- > 0;)
        move_lease(world, i, key);
    move_instances(world, key);
    for (unsigned region = 0; region < 2; region++) {
        bool closed = has(what, HAS_CLOSED_REGIONS) && draw_chance(what, 20, 24, region, key);
        world->regions[region].closed = closed ? DENIED_BY_REGION_STALE : DENIED_NOT;
    }
    if (draw_chance(what, 4, 25, key, 0))
        arbiter_rate_limited(world->arbiter, "r1", world->now);
    for (unsigned type = 0; type < CASE_TYPES; type++)
        move_type(world, type, key);
}

/* ---- one step ---- */

static void lay_out_input(struct random_world *world)
{
    struct arbiter_input *input = &world->input;
    int input_index[CASE_TYPES];

    *input = (struct arbiter_input){.now = world->now,
                                    .settings = &world->settings,
                                    .regions = world->regions,
                                    .region_count = (size_t)world->what->regions,
                                    .types = world->input_types,
                                    .leases = world->input_leases,
                                    .lease_count = world->lease_count,
                                    .day = world->day};
    for (int type = 0; type < CASE_TYPES; type++) {
        if (!world->types[type].present)
            continue;
        struct arbiter_type *to = &world->input_types[input->type_count];
        *to = world->types[type].as;
        to->lots = world->types[type].lots;
        to->bids = world->types[type].bids;
        to->held_units = to->held_instances = to->serving_units = 0;
        to->held_cost = MONEY_ZERO;
        input_index[type] = (int)input->type_count;
        world->index_of[input->type_count++] = type;
    }
    for (size_t i = 0; i < world->instance_count; i++) {
        const struct random_instance *at = &world->instances[i];
        if (at->type < 0) {
            input->other_units += at->capacity;
            input->other_instances++;
            input->other_cost.micros += at->price;
            continue;
        }
        struct arbiter_type *to = &world->input_types[input_index[at->type]];
        to->held_units += at->capacity;
        to->held_instances++;
        to->held_cost.micros += at->price;
        to->serving_units += i % 5 == 0 ? 0 : at->capacity; /* some are shutting down */
    }
    for (size_t i = 0; i < world->lease_count; i++) {
        world->input_leases[i] = world->leases[i];
        if (world->leases[i].type != SIZE_MAX)
            world->input_leases[i].type = (size_t)input_index[world->leases[i].type];
    }
}

/* world_move lets things happen, world_ask asks the arbiter, world_apply makes its grants leases. */
static void world_ask(struct random_world *world)
{
    lay_out_input(world);
    world->shown_grant = world->last_grant;
    arbiter_output_clear(&world->out);
    arbiter_step(world->arbiter, &world->input, &world->out);
}

static void world_apply(struct random_world *world)
{
    for (size_t i = 0; i < world->out.grant_count && world->lease_count < CASE_LEASES; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        const struct arbiter_lot *lot = &world->input_types[grant->type].lots[grant->lot];
        world->leases[world->lease_count++] = (struct arbiter_lease){.grant = ++world->last_grant,
                                                                     .type = (size_t)world->index_of[grant->type],
                                                                     .placement = lot->placement,
                                                                     .count = grant->count,
                                                                     .capacity = lot->capacity,
                                                                     .max_price = lot->max_price};
    }
    world->step++;
}

#endif
