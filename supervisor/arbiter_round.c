/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_round.c: the rounds: first lots of types below their floor, first lots of all others, then the rest by
 * policy; who was passed over and owns room (DESIGN section 6).
 * Runs in: supervisor. Pure. Owns nothing: the memory is the arbiter's.
 *
 * A round belongs to a region's launch bucket. A type is due in it until it has had a grant, anywhere, since the round
 * opened; the one whose last grant is longest ago goes first, so the order rotates and does not depend on the order
 * in which bids arrived. While a first lot waits for tokens the round stays open and its room is set aside.
 * One liberty: when step 3 has run out of tokens and everybody who bids wants more than a first lot gives, closing
 * the round would only cut the lots to one instance each; then step 3 goes on with the next token. */
#include "supervisor/arbiter_parts.h"

#include <stdlib.h>

static bool is_due(const struct step *step, const struct type_state *state, int region)
{
    return state->memory->last_grant <= step->arbiter->regions[region].opened;
}

/* 1: below its floor; 2: all others, and floors whose last three launches failed. */
static int rank(const struct type_state *state)
{
    return state->below_floor > 0 && !state->type->failing ? 1 : 2;
}

/* Owners of room first, the oldest of them first: or another's first lot could take what they lack next. */
static int compare_turns(const void *left, const void *right, void *context)
{
    const struct step *step = context;
    const struct type_state *a = &step->types[*(const size_t *)left], *b = &step->types[*(const size_t *)right];
    uint64_t owner_a = a->memory->owner - 1, owner_b = b->memory->owner - 1; /* no owner: the greatest number */

    if (owner_a != owner_b)
        return owner_a < owner_b ? -1 : 1;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (a->memory->last_grant != b->memory->last_grant)
        return a->memory->last_grant < b->memory->last_grant ? -1 : 1;
    return (a->memory->tie > b->memory->tie) - (a->memory->tie < b->memory->tie);
}

/* ---- owned room ---- */

static int compare_owners(const void *left, const void *right)
{
    const struct type_state *a = *(struct type_state *const *)left, *b = *(struct type_state *const *)right;

    return (a->memory->owner > b->memory->owner) - (a->memory->owner < b->memory->owner);
}

static void lose_room(struct type_state *state)
{
    state->memory->passed_over = 0;
    state->memory->owner = 0;
    state->memory->lacked = 0;
}

static bool others_could_make_room(const struct step *step, const struct type_state *state, size_t lot)
{
    struct amounts each = amounts_of(&state->type->lots[lot]);

    return caps_may_ever_fit(step, state, &each, state->type->lots[lot].capacity);
}

/* What an owner keeps together: the room of its first lot in the caps that it lacked. */
static struct amounts claim_of(struct step *step, struct type_state *state)
{
    struct amounts claim = {{0}};

    for (size_t i = 0; i < state->type->lot_count; i++) {
        /* None as long as a breaker, others' headroom or a lowered cap forbids it. */
        if (!lot_look(step, state, i, true).alive || !others_could_make_room(step, state, i))
            continue;
        struct amounts each = amounts_of(&state->type->lots[i]);
        for (enum cap cap = 0; cap < CAP_COUNT; cap++)
            if (state->memory->lacked & (1u << cap))
                claim.of[cap] = each.of[cap];
        return claim;
    }
    return claim;
}

/* With what it claims an owner would hold no more than an equal share of the caps in which it claims it. */
static bool claims_within_share(const struct step *step, const struct type_state *owner, const struct amounts *claim)
{
    for (enum cap cap = 0; cap < CAP_COUNT; cap++)
        if (step->caps[cap].limited && claim->of[cap] > 0 &&
            owner->held.of[cap] > step->caps[cap].share - claim->of[cap])
            return false;
    return true;
}

static void add_claim(const struct step *step, struct claims *claims, const struct type_state *owner,
                      const struct amounts *claim)
{
    bool urgent = type_is_urgent(owner);

    amounts_add(&claims->all, claim, 1);
    if (urgent || claims_within_share(step, owner, claim))
        amounts_add(&claims->share, claim, 1);
    if (urgent)
        amounts_add(&claims->urgent, claim, 1);
}

/* Each owner sees what the older ones claim, everybody else what all of them claim. */
static void claims_refresh(struct step *step)
{
    struct claims claims = {0};
    struct type_state **owners = calloc(step->order_count + 1, sizeof owners[0]);
    size_t count = 0;

    if (!owners)
        abort();
    for (size_t i = 0; i < step->order_count; i++) {
        struct type_state *state = &step->types[step->order[i]];
        if (state->memory->owner != 0 && state->unmet > 0)
            owners[count++] = state;
    }
    qsort(owners, count, sizeof owners[0], compare_owners);
    for (size_t i = 0; i < count; i++) {
        owners[i]->claims = claims;
        struct amounts claim = claim_of(step, owners[i]);
        add_claim(step, &claims, owners[i], &claim);
    }
    for (size_t i = 0; (count > 0 || step->claimed) && i < step->order_count; i++) {
        struct type_state *state = &step->types[step->order[i]];
        if (state->memory->owner == 0)
            state->claims = claims;
    }
    step->claimed = count > 0;
    free(owners);
}

/* ---- steps 1 and 2 ---- */

static void set_aside(struct step *step, const struct type_state *state, size_t lot, uint64_t regions)
{
    struct amounts each = amounts_of(&state->type->lots[lot]);

    amounts_add(&step->aside, &each, 1);
    step->waiting |= regions;
}

/* The first of the bid's lots that no cap, breaker or empty bucket stops. */
static bool look_for_first_lot(struct step *step, struct type_state *state)
{
    size_t waiting_lot = SIZE_MAX;
    uint64_t waiting = 0;
    bool alive = false;

    state->lacks = 0;
    state->hopeless = true;
    for (size_t i = 0; i < state->type->lot_count; i++) {
        struct lot_state *lot = &state->lots[i];
        if (lot->region >= 0 && !is_due(step, state, lot->region)) {
            state->hopeless = false;
            alive = true;
            lot->by = DENIED_BY_ROUND;
            continue;
        }
        struct verdict verdict = lot_look(step, state, i, true);
        if (verdict.count > 0) {
            lot_grant(step, state, i, verdict.count, rank(state));
            state->hopeless = false;
            return true;
        }
        lot->by = verdict.by;
        alive |= verdict.alive;
        if (verdict.tokens) {
            waiting_lot = waiting_lot == SIZE_MAX ? i : waiting_lot;
            waiting |= UINT64_C(1) << lot->region;
        } else if (verdict.lacks && !state->lacks && others_could_make_room(step, state, i)) {
            state->lacks = verdict.lacks;
            state->home = lot->region;
        }
    }
    if (waiting_lot != SIZE_MAX) {
        state->lacks = 0;
        set_aside(step, state, waiting_lot, waiting);
    } else if (!alive) {
        lose_room(state); /* a breaker, or its ceiling: nothing that room would help */
    }
    return false;
}

static void first_lots(struct step *step)
{
    step->aside = (struct amounts){{0}};
    step->waiting = 0;
    claims_refresh(step);
    qsort_r(step->order, step->order_count, sizeof step->order[0], compare_turns, step);
    for (size_t i = 0; i < step->order_count; i++) {
        struct type_state *state = &step->types[step->order[i]];
        if (state->unmet <= 0)
            continue;
        /* Claims change with an owner's grant, and headroom with a first instance. */
        bool moves_claims = step->claimed && (state->memory->owner != 0 || state->held.of[CAP_INSTANCES] <= 0);
        state->hopeless = false;
        if (look_for_first_lot(step, state) && moves_claims)
            claims_refresh(step);
    }
}

/* ---- the end of a round ---- */

static void pass_over(struct step *step, int region)
{
    for (size_t i = 0; i < step->order_count; i++) {
        struct type_state *state = &step->types[step->order[i]];
        if (!state->lacks || state->unmet <= 0 || state->home != region || !is_due(step, state, region))
            continue;
        state->memory->lacked |= state->lacks;
        if (++state->memory->passed_over >= ROUNDS_UNTIL_OWNER && state->memory->owner == 0)
            state->memory->owner = ++step->arbiter->owners;
    }
}

/* Closes a round and opens the next. A round without a grant counts once per tick. */
static void close_round(struct step *step, int region)
{
    struct region_memory *memory = &step->arbiter->regions[region];
    struct mono now = step->input->now;
    bool due = !memory->counted_once || mono_reached(mono_add(memory->counted, step->settings->tick), now);

    if (memory->granted || due)
        pass_over(step, region);
    if (!memory->granted && due) {
        memory->counted_once = true;
        memory->counted = now;
    }
    memory->opened = step->arbiter->grants;
    memory->step3_grants = 0;
    memory->granted = false;
}

/* Somebody who had his first lot would gain by a new round: one instance covers all that he wants, or his floor is
 * not reached. */
static bool somebody_gains(const struct step *step, int region)
{
    for (size_t i = 0; i < step->order_count; i++) {
        const struct type_state *state = &step->types[step->order[i]];
        if (state->unmet <= 0 || is_due(step, state, region))
            continue;
        for (size_t lot = 0; lot < state->type->lot_count; lot++)
            if (state->lots[lot].region == region &&
                (rank(state) == 1 || state->unmet <= state->type->lots[lot].capacity))
                return true;
    }
    return false;
}

/* Closes the rounds in which step 3 can make no grant. True when that gives types a new first lot. */
static bool close_done_rounds(struct step *step)
{
    bool reopened = false;

    for (size_t i = 0; i < step->region_count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (step->waiting & bit)
            continue; /* steps 1 and 2 are not through */
        if ((step->step3_waits & bit) && !somebody_gains(step, (int)i))
            continue;
        reopened |= step->arbiter->regions[i].granted;
        close_round(step, (int)i);
    }
    return reopened;
}

/* ---- step 3 ---- */

static bool look_for_lot(struct step *step, struct type_state *state, size_t *lot, int64_t *count)
{
    for (size_t i = 0; i < state->type->lot_count; i++) {
        struct verdict verdict = lot_look(step, state, i, false);
        if (verdict.count > 0) {
            *lot = i;
            *count = verdict.count;
            return true;
        }
        if (verdict.by != DENIED_BY_WISH || state->lots[i].by == DENIED_NOT)
            state->lots[i].by = verdict.by;
        if (verdict.tokens)
            step->step3_waits |= UINT64_C(1) << state->lots[i].region;
    }
    return false;
}

static void fill_bidder(const struct step *step, size_t type, struct bidder *bidder)
{
    const struct type_state *state = &step->types[type];
    struct span waited = mono_since(state->memory->waits_since, step->input->now);

    *bidder = (struct bidder){
        .type = type,
        .priority = state->type->priority,
        .unmet = state->unmet,
        .waiting = {money_add(MONEY(state->type->lag.us), MONEY(waited.us)).micros},
        .pass = state->memory->pass,
        .last_grant = state->memory->last_grant,
        .tie = state->memory->tie,
        .out = state->unmet <= 0,
    };
}

static size_t fill_bidders(struct step *step)
{
    size_t count = 0, lot;
    int64_t instances;

    for (size_t i = 0; i < step->order_count; i++) {
        struct type_state *state = &step->types[step->order[i]];
        if (state->unmet > 0 && !state->hopeless && look_for_lot(step, state, &lot, &instances))
            fill_bidder(step, step->order[i], &step->bidders[count++]);
    }
    return count;
}

/* Lots by policy until nothing more can be granted or a round has had its number. True in the second case. */
static bool third_step(struct step *step)
{
    struct arbiter *arbiter = step->arbiter;
    enum policy policy = step->settings->policy;

    step->step3_waits = 0;
    size_t count = fill_bidders(step), lot;
    int64_t instances;
    for (;;) {
        uint64_t draw = policy_random(step->settings->seed, arbiter->draws);
        size_t picked = policy_pick(policy, step->bidders, count, arbiter->turn, draw);
        if (picked == SIZE_MAX)
            return false;
        struct bidder *bidder = &step->bidders[picked];
        struct type_state *state = &step->types[bidder->type];
        if (!look_for_lot(step, state, &lot, &instances)) {
            bidder->out = true;
            continue;
        }
        double turn = bidder->pass > arbiter->turn ? bidder->pass : arbiter->turn;
        state->memory->pass = policy_charge(policy, bidder, arbiter->turn, instances * state->type->lots[lot].capacity);
        arbiter->turn = turn;
        arbiter->draws++;
        lot_grant(step, state, lot, instances, 3);
        fill_bidder(step, bidder->type, bidder);
        int region = state->lots[lot].region;
        if (++arbiter->regions[region].step3_grants >= step->bidding[region]) {
            close_round(step, region);
            return true;
        }
    }
}

void rounds_run(struct step *step)
{
    for (;;) {
        first_lots(step);
        if (!third_step(step) && !close_done_rounds(step))
            return;
    }
}
