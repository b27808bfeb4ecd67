/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_lot.c: what one lot may get at this moment and what stops the rest of it; and the grant itself.
 * Runs in: supervisor. Pure. Owns nothing.
 * Denials are data: the last rule that lowered the count is the one that is told. */
#include "supervisor/arbiter_parts.h"

#include <stdlib.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rules about the type as a whole. */
static enum denial type_stopped(const struct step *step, const struct type_state *state)
{
    const struct arbiter_type *type = state->type;

    if (type->paused)
        return DENIED_BY_PAUSE;
    if (type->ledger_stopped)
        return DENIED_BY_LEDGER;
    if (type->quarantined && (state->open_leases > 0 || !mono_reached(type->quarantine_until, step->input->now)))
        return DENIED_BY_QUARANTINE;
    if (type->canary && state->open_leases > 0)
        return DENIED_BY_CANARY;
    return DENIED_NOT;
}

static bool scope_is_probed(const struct step *step, const char *scope)
{
    for (size_t i = 0; i < step->probed_count; i++)
        if (strcmp(step->probed[i], scope) == 0)
            return true;
    return false;
}

/* Rules about the place: region, price, breakers. */
static enum denial lot_stopped(const struct step *step, const struct arbiter_lot *lot, int region, bool first)
{
    if (region < 0)
        return DENIED_BY_REGION_UNLISTED;
    if (step->input->regions[region].closed != DENIED_NOT)
        return step->input->regions[region].closed;
    if (lot->no_price || lot->max_price.micros <= 0)
        return DENIED_BY_NO_PRICE;
    /* A half-open scope lets one instance in, as its type's first lot. */
    bool probe = lot->breaker.state == BREAKER_HALF_OPEN;
    if (lot->breaker.state == BREAKER_CLOSED || (probe && (!first || scope_is_probed(step, lot->breaker.scope))))
        return lot->breaker.quarantine ? DENIED_BY_QUARANTINE : DENIED_BY_BREAKER;
    return DENIED_NOT;
}

/* Instances that the lot's spec may still get, those granted in this step counted. */
static int64_t canary_left(const struct type_state *state, const struct arbiter_lot *lot)
{
    int64_t left = lot->canary_room;

    if (left == INT64_MAX)
        return left;
    for (size_t i = 0; i < state->type->lot_count; i++) {
        const struct arbiter_lot *other = &state->type->lots[i];
        if (state->lots[i].granted > 0 && other->spec_hash && lot->spec_hash &&
            strcmp(other->spec_hash, lot->spec_hash) == 0)
            left -= state->lots[i].granted;
    }
    return left > 0 ? left : 0;
}

static void lower(struct verdict *verdict, int64_t to, enum denial by)
{
    if (to >= verdict->count)
        return;
    verdict->count = to > 0 ? to : 0;
    verdict->by = by;
}

struct verdict lot_look(struct step *step, struct type_state *state, size_t index, bool first)
{
    const struct arbiter_lot *lot = &state->type->lots[index];
    struct lot_state *lot_state = &state->lots[index];
    struct verdict verdict = {.count = lot_state->left};
    int region = lot_state->region;
    enum denial stopped = type_stopped(step, state);

    if (stopped == DENIED_NOT)
        stopped = lot_stopped(step, lot, region, first);
    if (stopped != DENIED_NOT || lot->capacity < 1) {
        verdict.count = 0;
        verdict.by = stopped != DENIED_NOT ? stopped : DENIED_BY_TYPE_CEILING;
        return verdict;
    }
    struct amounts each = amounts_of(lot);
    lower(&verdict, state->unmet > 0 ? (state->unmet - 1) / lot->capacity + 1 : 0, DENIED_BY_WISH);
    if (verdict.count == 0)
        verdict.by = DENIED_BY_WISH;
    bool single = first || state->type->quarantined || lot->breaker.state == BREAKER_HALF_OPEN;
    lower(&verdict, single ? 1 : step->settings->lot_max, DENIED_BY_ROUND);
    lower(&verdict, canary_left(state, lot), DENIED_BY_CANARY);
    lower(&verdict, (state->type->max_units - state->held.of[CAP_UNITS]) / lot->capacity, DENIED_BY_TYPE_CEILING);
    verdict.alive = verdict.count > 0;
    lower(&verdict, leases_allow(step, state, region, &each), DENIED_BY_LEASE_LIMIT);
    if (verdict.count < 1)
        return verdict;
    enum denial by = verdict.by;
    unsigned lacks = 0;
    int64_t room = caps_allow(step, state, &each, lot->capacity, verdict.count, &by, &lacks);
    lower(&verdict, room, by);
    verdict.lacks = lacks;
    if (verdict.count < 1)
        return verdict;
    lower(&verdict, bucket_allows(&step->arbiter->regions[region].bucket, step->settings), DENIED_BY_LAUNCH_RATE);
    verdict.tokens = verdict.count < 1;
    return verdict;
}

static void add_grant(struct step *step, struct arbiter_grant grant)
{
    struct arbiter_output *out = step->out;

    if (out->grant_count == step->grant_room) {
        step->grant_room = step->grant_room ? step->grant_room * 2 : 64;
        out->grants = realloc(out->grants, step->grant_room * sizeof out->grants[0]);
        step->probed = realloc(step->probed, step->grant_room * sizeof step->probed[0]);
        if (!out->grants || !step->probed)
            abort();
    }
    out->grants[out->grant_count++] = grant;
}

/* The type holds something now: its instance is no longer what headroom is kept for. */
static void holds_now(struct step *step, const struct type_state *state)
{
    step->empty.of[CAP_UNITS] -= least(state->type->largest_capacity, step->empty.of[CAP_UNITS]);
    step->empty.of[CAP_INSTANCES] -= least(1, step->empty.of[CAP_INSTANCES]);
    step->empty.of[CAP_HOURLY] -= least(state->type->max_price.micros, step->empty.of[CAP_HOURLY]);
    step->empty.of[CAP_DAILY] = step->empty.of[CAP_HOURLY];
    caps_refresh(step);
}

void lot_grant(struct step *step, struct type_state *state, size_t index, int64_t count, int which)
{
    const struct arbiter_lot *lot = &state->type->lots[index];
    struct lot_state *lot_state = &state->lots[index];
    struct region_memory *region = &step->arbiter->regions[lot_state->region];
    struct amounts each = amounts_of(lot);
    bool held_none = state->held.of[CAP_INSTANCES] <= 0;
    bool probe = lot->breaker.state == BREAKER_HALF_OPEN;

    add_grant(step, (struct arbiter_grant){(size_t)(state - step->types), index, count, which, probe});
    if (probe)
        step->probed[step->probed_count++] = lot->breaker.scope;
    amounts_add(&step->total, &each, count);
    amounts_add(&state->held, &each, count);
    amounts_add(&state->open, &each, count);
    state->open_in[lot_state->region]++;
    state->open_leases++;
    state->unmet -= count * lot->capacity;
    state->below_floor -= count * lot->capacity;
    lot_state->left -= count;
    lot_state->granted += count;
    lot_state->by = DENIED_NOT;
    bucket_take(&region->bucket, step->settings, count);
    region->granted = true;
    state->memory->last_grant = ++step->arbiter->grants;
    if (which == 3)
        state->memory->waits_since = step->input->now;
    state->memory->passed_over = 0;
    state->memory->owner = 0;
    state->memory->lacked = 0;
    if (held_none)
        holds_now(step, state);
}
