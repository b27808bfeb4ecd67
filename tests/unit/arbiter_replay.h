/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_replay.h: the rules of DESIGN section 6 once more, written from the page and not from the code: plain
 * recomputation of what a grant did to the world. Included by test_arbiter_property.c only. */
#ifndef TESTS_UNIT_ARBITER_REPLAY_H
#define TESTS_UNIT_ARBITER_REPLAY_H

#include "tests/unit/arbiter_random.h"

__extension__ typedef __int128 wide;

struct replay_type {
    const struct arbiter_type *type;
    int64_t units, instances, cost; /* held + leased */
    int64_t open_units, open_instances, open_cost;
    int64_t open_in[2];
    int64_t serving; /* with leases */
};

struct replay {
    const struct random_world *world;
    const struct arbiter_settings *settings;
    int64_t types_defined;
    int64_t units, instances, cost;
    struct replay_type types[CASE_TYPES];
};

static int region_of(const struct placement *placement)
{
    return strcmp(placement->region, "r2") == 0;
}

static void replay_add(struct replay *replay, size_t type, const struct placement *at, int64_t count, int64_t capacity,
                       int64_t price, bool open)
{
    replay->units += count * capacity;
    replay->instances += count;
    replay->cost += count * price;
    if (type >= (size_t)replay->types_defined)
        return;
    struct replay_type *to = &replay->types[type];
    to->units += count * capacity;
    to->instances += count;
    to->cost += count * price;
    to->serving += count * capacity;
    if (!open)
        return;
    to->open_units += count * capacity;
    to->open_instances += count;
    to->open_cost += count * price;
    to->open_in[region_of(at)]++;
}

static void replay_begin(struct replay *replay, const struct random_world *world)
{
    const struct arbiter_input *input = &world->input;

    *replay = (struct replay){.world = world,
                              .settings = &world->settings,
                              .types_defined = (int64_t)input->type_count,
                              .units = input->other_units,
                              .instances = input->other_instances,
                              .cost = input->other_cost.micros};
    for (size_t i = 0; i < input->type_count; i++) {
        const struct arbiter_type *type = &input->types[i];
        replay->types[i] = (struct replay_type){.type = type,
                                                .units = type->held_units,
                                                .instances = type->held_instances,
                                                .cost = type->held_cost.micros,
                                                .serving = type->serving_units};
        replay->units += type->held_units;
        replay->instances += type->held_instances;
        replay->cost += type->held_cost.micros;
    }
    for (size_t i = 0; i < input->lease_count; i++) {
        const struct arbiter_lease *lease = &input->leases[i];
        replay_add(replay, lease->type, &lease->placement, lease->count, lease->capacity, lease->max_price.micros,
                   !lease->settled);
    }
}

static void replay_grant(struct replay *replay, const struct arbiter_grant *grant)
{
    const struct arbiter_lot *lot = &replay->types[grant->type].type->lots[grant->lot];

    replay_add(replay, grant->type, &lot->placement, grant->count, lot->capacity, lot->max_price.micros, true);
}

/* ---- the caps: each as (cap, what is taken of it, what an instance takes) ---- */

enum { NUMBER_OF_CAPS = 4 };

struct taken {
    bool limited;
    int64_t cap, total, each, held_by_type, kept_per_empty_type;
    bool daily;
};

static struct taken look_at_cap(const struct replay *replay, int cap, size_t type, const struct arbiter_lot *lot)
{
    const struct replay_type *of = &replay->types[type];
    const struct arbiter_settings *settings = replay->settings;

    switch (cap) {
    case 0:
        return (struct taken){true, settings->max_units, replay->units, lot->capacity, of->units, 0, false};
    case 1:
        return (struct taken){true, settings->max_instances, replay->instances, 1, of->instances, 1, false};
    case 2:
        return (struct taken){settings->money.hourly.micros != INT64_MAX,
                              settings->money.hourly.micros,
                              replay->cost,
                              lot->max_price.micros,
                              of->cost,
                              300,
                              false};
    default:
        return (struct taken){settings->money.daily.micros != INT64_MAX,
                              settings->money.daily.micros,
                              replay->cost,
                              lot->max_price.micros,
                              of->cost,
                              300,
                              true};
    }
}

/* With the horizon of an hour, so much an hour is so much of the day's money. */
static int64_t spent_of(const struct replay *replay, const struct taken *taken)
{
    return taken->daily ? replay->world->day.spent.micros : 0;
}

/* One instance for each type that holds none. */
static int64_t first_instances(const struct replay *replay, int cap, const struct taken *taken)
{
    int64_t wanted = 0;

    for (int64_t i = 0; i < replay->types_defined; i++)
        if (replay->types[i].instances == 0)
            wanted += cap == 0 ? replay->types[i].type->largest_capacity : taken->kept_per_empty_type;
    return wanted;
}

static int64_t headroom_of(const struct replay *replay, int cap, const struct taken *taken)
{
    int64_t percent = replay->settings->headroom_percent, wanted = first_instances(replay, cap, taken);

    if (percent >= 0)
        return (int64_t)((wide)taken->cap * percent / 100);
    int64_t least = (int64_t)((wide)taken->cap * 5 / 100), most = (int64_t)((wide)taken->cap * 20 / 100);
    return wanted < least ? least : wanted > most ? most : wanted;
}

static int64_t reserve_of(const struct replay *replay, int cap)
{
    return cap >= 2 ? replay->settings->money.essential_reserve.micros : 0;
}

/* True when the last of `count` instances is still needed for the type's floor. */
static bool is_floor(const struct replay_type *of, int64_t count, int64_t capacity)
{
    return of->serving + (count - 1) * capacity < of->type->min_units;
}

static bool within_cap(const struct taken *taken, int64_t spent, int64_t count, int64_t less)
{
    return !taken->limited || taken->total + count * taken->each + spent <= taken->cap - less;
}

static bool within_all_caps(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count)
{
    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        if (!within_cap(&taken, spent_of(replay, &taken), count, 0))
            return false;
    }
    return true;
}

static bool within_reserve(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count)
{
    const struct replay_type *of = &replay->types[type];

    for (int cap = 2; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        if (!within_cap(&taken, spent_of(replay, &taken), count, reserve_of(replay, cap)) &&
            !(of->type->essential && is_floor(of, count, lot->capacity)))
            return false;
    }
    return true;
}

static bool within_share(const struct replay *replay, const struct taken *taken, int64_t count)
{
    return taken->held_by_type + count * taken->each <= taken->cap / replay->types_defined;
}

/* What of the headroom is closed to the last of `count` instances: nothing of it to first instances and floors, to
 * those within an equal share what first instances may yet need, to all others the whole. */
static int64_t kept_from(const struct replay *replay, int cap, const struct taken *taken, size_t type, int64_t count,
                         int64_t capacity)
{
    const struct replay_type *of = &replay->types[type];
    int64_t headroom = headroom_of(replay, cap, taken), first = first_instances(replay, cap, taken);

    if (is_floor(of, count, capacity) || of->instances + count <= 1)
        return 0;
    if (within_share(replay, taken, count))
        return first < headroom ? first : headroom;
    return headroom;
}

static bool within_headroom(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count)
{
    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        int64_t kept = kept_from(replay, cap, &taken, type, count, lot->capacity);
        if (kept > 0 && !within_cap(&taken, spent_of(replay, &taken), count, kept + reserve_of(replay, cap)))
            return false;
    }
    return true;
}

static bool within_leases(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count)
{
    const struct replay_type *of = &replay->types[type];
    const struct arbiter_settings *settings = replay->settings;
    int64_t here = of->open_in[region_of(&lot->placement)];

    if (here >= settings->leases_per_region)
        return false;
    if (here == 0 && count == 1)
        return true;
    int64_t open[NUMBER_OF_CAPS] = {of->open_units, of->open_instances, of->open_cost, of->open_cost};
    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        if (taken.limited && open[cap] + count * taken.each > (int64_t)((wide)taken.cap * settings->lease_share / 100))
            return false;
    }
    return true;
}

static bool within_ceiling(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count)
{
    return replay->types[type].units + count * lot->capacity <= replay->types[type].type->max_units;
}

/* Would one instance be allowed by every ration, were it its turn? */
static bool one_fits(const struct replay *replay, size_t type, const struct arbiter_lot *lot)
{
    return within_ceiling(replay, type, lot, 1) && within_leases(replay, type, lot, 1) &&
           within_all_caps(replay, type, lot, 1) && within_reserve(replay, type, lot, 1) &&
           within_headroom(replay, type, lot, 1);
}

/* The caps, one bit each, in which one instance has no room. */
static unsigned caps_lacked(const struct replay *replay, size_t type, const struct arbiter_lot *lot)
{
    const struct replay_type *of = &replay->types[type];
    unsigned lacked = 0;

    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        if (!taken.limited)
            continue;
        int64_t less = is_floor(of, 1, lot->capacity) && of->type->essential ? 0 : reserve_of(replay, cap);
        int64_t kept = kept_from(replay, cap, &taken, type, 1, lot->capacity);
        if (!within_cap(&taken, spent_of(replay, &taken), 1, less + kept))
            lacked |= 1u << cap;
    }
    return lacked;
}

/* Would it fit if nobody else held anything? */
static bool fits_alone(const struct replay *replay, size_t type, const struct arbiter_lot *lot)
{
    struct replay alone = *replay;

    alone.units = replay->types[type].units;
    alone.instances = replay->types[type].instances;
    alone.cost = replay->types[type].cost;
    return caps_lacked(&alone, type, lot) == 0;
}

/* So surely that neither set-aside room nor what owners claim nor a changing headroom can stand in the way. */
static bool surely_fits(const struct replay *replay, size_t type, const struct arbiter_lot *lot)
{
    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        int64_t less = reserve_of(replay, cap);
        if (!taken.limited)
            continue;
        int64_t percent = replay->settings->headroom_percent;
        less += (int64_t)((wide)taken.cap * (percent >= 0 ? percent : 20) / 100);
        for (int64_t other = 0; other < replay->types_defined; other++) {
            int64_t largest = 0;
            for (size_t i = 0; i < replay->types[other].type->lot_count; i++) {
                int64_t each = look_at_cap(replay, cap, (size_t)other, &replay->types[other].type->lots[i]).each;
                largest = each > largest ? each : largest;
            }
            less += other == (int64_t)type ? 0 : largest;
        }
        if (!within_cap(&taken, spent_of(replay, &taken), 1, less))
            return false;
    }
    return within_ceiling(replay, type, lot, 1) && within_leases(replay, type, lot, 1);
}

#endif
