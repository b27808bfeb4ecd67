/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_properties.h: the invariants of DESIGN section 6 as one function each, over a random world's step.
 * Included by test_arbiter_property.c only. A property says what is wrong in `text`, or nothing. */
#ifndef TESTS_UNIT_ARBITER_PROPERTIES_H
#define TESTS_UNIT_ARBITER_PROPERTIES_H

#include "tests/unit/arbiter_replay.h"

/* What is remembered of a case over its steps. Sequence numbers count grants from 1. */
struct history {
    struct {
        int64_t grant, count, units;
        unsigned lot;
    } grants[CASE_TYPES][CASE_LEASES];
    int grant_count[CASE_TYPES];
    int64_t sequence;
    int64_t last_any[CASE_TYPES], eligible_since[CASE_TYPES][2], passed_by[CASE_TYPES][2][CASE_TYPES];
    int hungry[CASE_TYPES];                           /* steps running that its only lot lacked room */
    uint64_t owner[CASE_TYPES];                       /* its place among the owners before this step, 0 none */
    unsigned lacked[CASE_TYPES], claimed[CASE_TYPES]; /* caps, one bit each, by our count and by the arbiter's memory */
    struct mono last_step;
    double calls[2], instances[2];
    int64_t now_units[CASE_TYPES], now_of_lot[CASE_TYPES][CASE_LOTS]; /* granted in this step so far */
    uint64_t bound;                                                   /* denials that occurred, one bit each */
};

typedef void property(struct history *history, const struct random_world *world, char *text);
#define SAY(...) snprintf(text, 200, __VA_ARGS__)

static const struct arbiter_lot *lot_of(const struct random_world *world, const struct arbiter_grant *grant)
{
    return &world->input_types[grant->type].lots[grant->lot];
}

/* ---- caps and rations ---- */

static void caps_are_never_passed(struct history *history, const struct random_world *world, char *text)
{
    struct replay replay;

    (void)history;
    replay_begin(&replay, world);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        if (!within_all_caps(&replay, grant->type, lot_of(world, grant), grant->count))
            SAY("grant %zu lifts held + leased above a global cap", i);
        if (!within_ceiling(&replay, grant->type, lot_of(world, grant), grant->count))
            SAY("grant %zu lifts its type above maxCapacity", i);
        replay_grant(&replay, grant);
    }
}

typedef bool ration(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count);

static void keep_ration(const struct random_world *world, ration *within, const char *name, char *text)
{
    struct replay replay;

    replay_begin(&replay, world);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        if (!within(&replay, grant->type, lot_of(world, grant), grant->count))
            SAY("grant %zu to %s of %" PRId64 " is against %s", i, world->input_types[grant->type].name, grant->count,
                name);
        replay_grant(&replay, grant);
    }
}

static void headroom_is_kept(struct history *history, const struct random_world *world, char *text)
{
    (void)history;
    keep_ration(world, within_headroom, "headroom", text);
}

static void the_essential_reserve_is_kept(struct history *history, const struct random_world *world, char *text)
{
    (void)history;
    keep_ration(world, within_reserve, "essentialReserve", text);
}

static void lease_limits_are_kept(struct history *history, const struct random_world *world, char *text)
{
    (void)history;
    keep_ration(world, within_leases, "the lease limits", text);
}

static void tokens_are_never_overdrawn(struct history *history, const struct random_world *world, char *text)
{
    double calls[2] = {0}, instances[2] = {0};

    for (size_t i = 0; world->settings.launch_share > 0 && i < world->out.grant_count; i++) {
        int region = region_of(&lot_of(world, &world->out.grants[i])->placement);
        calls[region] += 1;
        instances[region] += (double)world->out.grants[i].count;
        if (calls[region] > history->calls[region] + 1e-3 || instances[region] > history->instances[region] + 1e-3)
            SAY("region %d: %g calls of %g, %g instances of %g", region, calls[region], history->calls[region],
                instances[region], history->instances[region]);
    }
}

/* ---- the wish ---- */

static int64_t granted_above(const struct history *history, int type, int64_t seen, int lot)
{
    int64_t sum = 0;

    for (int i = 0; i < history->grant_count[type]; i++)
        if (history->grants[type][i].grant > seen && (lot < 0 || history->grants[type][i].lot == (unsigned)lot))
            sum += lot < 0 ? history->grants[type][i].units : history->grants[type][i].count;
    return sum;
}

static void crossing_bids_and_grants_launch_no_more_than_the_wish(struct history *history,
                                                                  const struct random_world *world, char *text)
{
    int64_t more[CASE_TYPES] = {0}, of_lot[CASE_TYPES][CASE_LOTS] = {{0}};

    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        const struct arbiter_type *type = &world->input_types[grant->type];
        int at = world->index_of[grant->type];
        int64_t before = granted_above(history, at, type->seen, -1) + more[grant->type];
        int64_t units = grant->count * lot_of(world, grant)->capacity;
        if (!type->bids || before + units - lot_of(world, grant)->capacity >= type->units)
            SAY("%s wished %" PRId64 " units, had %" PRId64 " above seen and got %" PRId64 " more", type->name,
                type->units, before, units);
        more[grant->type] += units;
        of_lot[grant->type][grant->lot] += grant->count;
        if (granted_above(history, at, type->seen, (int)grant->lot) + of_lot[grant->type][grant->lot] >
            lot_of(world, grant)->count)
            SAY("%s got more than lot %zu offers", type->name, grant->lot);
    }
}

/* ---- what is stopped ---- */

static void check_lot(const struct random_world *world, size_t i, char *text)
{
    const struct arbiter_grant *grant = &world->out.grants[i];
    const struct arbiter_lot *lot = lot_of(world, grant);
    bool first = grant->step != 3;

    if (grant->count < 1 || grant->count > world->settings.lot_max || (first && grant->count != 1))
        SAY("grant %zu in step %d is of %" PRId64 " instances", i, grant->step, grant->count);
    if (lot->breaker.state == BREAKER_CLOSED || world->regions[region_of(&lot->placement)].closed != DENIED_NOT)
        SAY("grant %zu is behind a breaker or in a closed region", i);
    if (grant->probe != (lot->breaker.state == BREAKER_HALF_OPEN) || (grant->probe && !first))
        SAY("grant %zu probes wrongly", i);
    for (size_t j = 0; grant->probe && j < i; j++)
        if (strcmp(lot_of(world, &world->out.grants[j])->breaker.scope, lot->breaker.scope) == 0)
            SAY("grants %zu and %zu probe one scope", j, i);
}

static void stopped_lots_and_types_get_nothing(struct history *history, const struct random_world *world, char *text)
{
    int64_t canary[CASE_TYPES][2] = {{0}};
    struct replay replay;

    (void)history;
    replay_begin(&replay, world);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        const struct arbiter_type *type = &world->input_types[grant->type];
        const struct replay_type *before = &replay.types[grant->type];
        bool open = before->open_in[0] + before->open_in[1] > 0;
        const struct arbiter_lot *lot = lot_of(world, grant);
        check_lot(world, i, text);
        if (type->paused || (type->canary && open) ||
            (type->quarantined && (open || grant->count != 1 || type->quarantine_until.us > world->now.us)))
            SAY("grant %zu to a paused, quarantined or unproven type", i);
        int64_t *of_spec = &canary[grant->type][lot->spec_hash[0] == 'b'];
        *of_spec += grant->count;
        if (*of_spec > lot->canary_room)
            SAY("grant %zu passes the canary of its spec", i);
        replay_grant(&replay, grant);
    }
}

/* ---- nobody starves ---- */

/* Could this type have its first lot in the region whatever the others' first lots and owners need? */
static bool surely_eligible(const struct history *history, const struct replay *replay, size_t type, int region)
{
    const struct random_world *world = replay->world;
    const struct arbiter_type *at = &world->input_types[type];
    int index = world->index_of[type];

    if (!at->bids || at->paused || at->quarantined || at->canary || world->regions[region].closed != DENIED_NOT ||
        granted_above(history, index, at->seen, -1) + history->now_units[index] >= at->units)
        return false;
    for (size_t lot = 0; lot < at->lot_count; lot++)
        if (at->lots[lot].breaker.state == BREAKER_OPEN && region_of(&at->lots[lot].placement) == region &&
            at->lots[lot].canary_room == INT64_MAX &&
            granted_above(history, index, at->seen, (int)lot) + history->now_of_lot[index][lot] < at->lots[lot].count &&
            surely_fits(replay, type, &at->lots[lot]))
            return true;
    return false;
}

static void note_eligible(struct history *history, const struct replay *replay)
{
    const struct random_world *world = replay->world;

    for (size_t type = 0; type < world->input.type_count; type++)
        for (int region = 0; region < world->what->regions; region++) {
            int at = world->index_of[type];
            if (surely_eligible(history, replay, type, region))
                continue;
            history->eligible_since[at][region] = history->sequence;
            memset(history->passed_by[at][region], 0, sizeof history->passed_by[at][region]);
        }
}

/* A type that never had a grant is due in every round: another may pass it once. One that had its first lot in this
 * round may be passed by as many lots of step 3 as types bid. */
static void nobody_gets_a_second_lot_before_all_had_their_first(struct history *history,
                                                                const struct random_world *world, char *text)
{
    struct replay replay;

    replay_begin(&replay, world);
    memset(history->now_units, 0, sizeof history->now_units);
    memset(history->now_of_lot, 0, sizeof history->now_of_lot);
    note_eligible(history, &replay);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        int region = region_of(&lot_of(world, grant)->placement), by = world->index_of[grant->type];
        history->sequence++;
        for (size_t type = 0; type < world->input.type_count; type++) {
            int at = world->index_of[type];
            if (type == grant->type || !surely_eligible(history, &replay, type, region))
                continue;
            int64_t passes = ++history->passed_by[at][region][by];
            if (passes > (history->last_any[at] == 0 ? 1 : 1 + CASE_TYPES))
                SAY("%s is passed %" PRId64 " times by %s", world->input_types[type].name, passes,
                    world->input_types[grant->type].name);
        }
        replay_grant(&replay, grant);
        history->now_units[by] += grant->count * lot_of(world, grant)->capacity;
        history->now_of_lot[by][grant->lot] += grant->count;
        history->last_any[by] = history->sequence;
        memset(history->passed_by[by], 0, sizeof history->passed_by[by]);
    }
}

/* A type with one lot that lacks nothing but room, room that others could free. */
static unsigned lacks_only_room(const struct history *history, const struct replay *replay, size_t type)
{
    const struct random_world *world = replay->world;
    const struct arbiter_type *at = &world->input_types[type];

    if (!at->bids || at->paused || at->quarantined || at->canary || at->lot_count != 1 ||
        granted_above(history, world->index_of[type], at->seen, -1) >= at->units)
        return 0;
    const struct arbiter_lot *lot = &at->lots[0];
    if (lot->breaker.state != BREAKER_OPEN || world->regions[region_of(&lot->placement)].closed != DENIED_NOT ||
        lot->canary_room != INT64_MAX || granted_above(history, world->index_of[type], at->seen, 0) >= lot->count ||
        !within_ceiling(replay, type, lot, 1) || !within_leases(replay, type, lot, 1) || !fits_alone(replay, type, lot))
        return 0;
    return caps_lacked(replay, type, lot);
}

/* Within an equal share of each of these caps, with what is added. */
static bool shares(const struct replay *replay, size_t type, const struct arbiter_lot *lot, int64_t count,
                   unsigned caps)
{
    for (int cap = 0; cap < NUMBER_OF_CAPS; cap++) {
        struct taken taken = look_at_cap(replay, cap, type, lot);
        if ((caps >> cap & 1) && !within_share(replay, &taken, count))
            return false;
    }
    return true;
}

/* Does a grant take room that an owner has a claim on? Older owners go first, what is urgent before what is not, and
 * who stays within an equal share of what the owner is lacking after it before an owner who would not. */
static bool takes_owned_room(const struct history *history, const struct replay *before, size_t owner, unsigned lacking,
                             const struct arbiter_grant *grant)
{
    const struct random_world *world = before->world;
    const struct replay_type *taker = &before->types[grant->type], *of = &before->types[owner];
    bool taker_urgent = taker->instances == 0 || taker->serving < taker->type->min_units;
    bool owner_urgent = of->instances == 0 || of->serving < of->type->min_units;

    unsigned claimed = history->claimed[world->index_of[owner]];

    if (grant->type == owner || (taker_urgent && !owner_urgent))
        return false;
    if (!owner_urgent && !shares(before, owner, &of->type->lots[0], 1, claimed) &&
        shares(before, grant->type, lot_of(world, grant), grant->count, lacking))
        return false;
    if (taker->type->essential && taker->serving < taker->type->min_units &&
        before->settings->money.essential_reserve.micros > 0)
        return false; /* what it takes is the reserve */
    uint64_t older = history->owner[world->index_of[grant->type]];
    return older == 0 || older > history->owner[world->index_of[owner]];
}

static void a_type_passed_over_eight_rounds_owns_the_room_it_lacks(struct history *history,
                                                                   const struct random_world *world, char *text)
{
    struct replay before, after, at_grant;
    bool tick = mono_since(history->last_step, world->now).us >= world->settings.tick.us;

    replay_begin(&before, world);
    replay_begin(&after, world);
    for (size_t i = 0; i < world->out.grant_count; i++)
        replay_grant(&after, &world->out.grants[i]);
    history->last_step = tick ? world->now : history->last_step;
    for (size_t type = 0; type < world->input.type_count; type++) {
        int at = world->index_of[type];
        bool served = world->settings.launch_share > 0; /* who waits for tokens is not passed over for room */
        for (size_t i = 0; i < world->out.grant_count; i++)
            served |= world->out.grants[i].type == type;
        unsigned lacks = served ? 0 : lacks_only_room(history, &after, type);
        /* While the headroom of an empty type leaves it no place at all, it claims nothing. */
        bool place = lacks_only_room(history, &before, type) != 0;
        bool still = (lacks & history->lacked[at]) != 0 && place;
        at_grant = before;
        for (size_t i = 0; still && history->hungry[at] > ROUNDS_UNTIL_OWNER && i < world->out.grant_count; i++) {
            replay_grant(&at_grant, &world->out.grants[i]);
            unsigned lacking = caps_lacked(&at_grant, type, &world->input_types[type].lots[0]) & history->claimed[at];
            if (lacking && takes_owned_room(history, &before, type, lacking, &world->out.grants[i]))
                SAY("%s owns room for %d rounds, %s takes it", world->input_types[type].name, history->hungry[at],
                    world->input_types[world->out.grants[i].type].name);
        }
        history->hungry[at] = lacks == 0 ? 0 : history->hungry[at] + (tick && place);
        history->lacked[at] = lacks;
    }
    for (size_t type = 0; type < world->input.type_count; type++) {
        history->owner[world->index_of[type]] = world->arbiter->types[type].owner;
        history->claimed[world->index_of[type]] = world->arbiter->types[type].lacked;
    }
}

/* ---- work-conserving, denials ---- */

static bool exceptions_apply(const struct random_world *world)
{
    struct arbiter_bucket bucket;

    for (size_t i = 0; i < world->arbiter->type_count; i++)
        if (world->arbiter->types[i].owner != 0)
            return true;                                          /* owned room */
    for (int region = 0; region < world->what->regions; region++) /* first lots that wait for tokens */
        if (arbiter_bucket(world->arbiter, region ? "r2" : "r1", world->now, &bucket) &&
            (bucket.calls < 1.001 || bucket.instances < 1.001))
            return true;
    return false;
}

static void what_can_be_granted_is_granted(struct history *history, const struct random_world *world, char *text)
{
    struct replay after;
    int64_t more[CASE_TYPES] = {0}, of_lot[CASE_TYPES][CASE_LOTS] = {{0}};

    replay_begin(&after, world);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        more[grant->type] += grant->count * lot_of(world, grant)->capacity;
        of_lot[grant->type][grant->lot] += grant->count;
        replay_grant(&after, grant);
    }
    if (exceptions_apply(world))
        return;
    for (size_t i = 0; i < world->input.type_count; i++) {
        const struct arbiter_type *type = &world->input_types[i];
        int at = world->index_of[i];
        if (!type->bids || type->paused || type->quarantined || type->canary ||
            granted_above(history, at, type->seen, -1) + more[i] >= type->units)
            continue;
        for (size_t lot = 0; lot < type->lot_count; lot++)
            if (type->lots[lot].breaker.state == BREAKER_OPEN && type->lots[lot].canary_room == INT64_MAX &&
                world->regions[region_of(&type->lots[lot].placement)].closed == DENIED_NOT &&
                granted_above(history, at, type->seen, (int)lot) + of_lot[i][lot] < type->lots[lot].count &&
                one_fits(&after, i, &type->lots[lot]))
                SAY("%s could have one more at lot %zu", type->name, lot);
    }
}

static void whoever_gets_less_than_his_wish_is_told_why(struct history *history, const struct random_world *world,
                                                        char *text)
{
    for (size_t i = 0; i < world->out.denial_count; i++)
        history->bound |= UINT64_C(1) << world->out.denials[i].by;
    for (size_t i = 0; i < world->input.type_count; i++) {
        const struct arbiter_type *type = &world->input_types[i];
        int64_t units = granted_above(history, world->index_of[i], type->seen, -1), offered = 0;
        bool told = false;
        for (size_t j = 0; j < world->out.grant_count; j++)
            if (world->out.grants[j].type == i)
                units += world->out.grants[j].count * lot_of(world, &world->out.grants[j])->capacity;
        for (size_t lot = 0; lot < type->lot_count; lot++)
            offered += type->lots[lot].count * type->lots[lot].capacity;
        for (size_t j = 0; j < world->out.denial_count; j++)
            told |= world->out.denials[j].type == i && world->out.denials[j].by != DENIED_NOT;
        if (type->bids && type->lot_count > 0 && units < type->units && units < offered && !told &&
            granted_above(history, world->index_of[i], type->seen, -1) == 0)
            SAY("%s got %" PRId64 " of %" PRId64 " units and no reason", type->name, units, type->units);
    }
}

/* ---- what the arbiter keeps ---- */

static void a_removed_type_leaks_nothing(struct history *history, const struct random_world *world, char *text)
{
    (void)history;
    if (world->arbiter->type_count != world->input.type_count)
        SAY("the arbiter remembers %zu types of %zu", world->arbiter->type_count, world->input.type_count);
    for (size_t i = 0; i < world->arbiter->type_count && i < world->input.type_count; i++) {
        const struct type_memory *memory = &world->arbiter->types[i];
        if (strcmp(memory->name, world->input_types[i].name) != 0)
            SAY("the memory of %s belongs to %s", memory->name, world->input_types[i].name);
        if (memory->unseen_count > (size_t)history->grant_count[world->index_of[i]])
            SAY("%s has %zu old grants held against it", memory->name, memory->unseen_count);
    }
}

#endif
