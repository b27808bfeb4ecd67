/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter.c: the arbiter's memory, and one step: the input laid out, the rounds run, the decisions handed out.
 * Runs in: supervisor. Pure: no clock, no I/O. Owns: struct arbiter until arbiter_destroy.
 * The rules are in arbiter_round.c (whose turn), arbiter_lot.c (one lot), arbiter_caps.c (room), arbiter_bucket.c
 * (launch rate) and arbiter_policy.c (step 3). Work is proportional to types + leases + lots of those who bid. */
#include "supervisor/arbiter.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/arbiter_parts.h"

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (!memory)
        abort();
    return memory;
}

struct arbiter *arbiter_create(void)
{
    return allocate(1, sizeof(struct arbiter));
}

void arbiter_destroy(struct arbiter **arbiter)
{
    if (!arbiter || !*arbiter)
        return;
    for (size_t i = 0; i < (*arbiter)->type_count; i++)
        free((*arbiter)->types[i].unseen);
    free((*arbiter)->types);
    free((*arbiter)->regions);
    free(*arbiter);
    *arbiter = NULL;
}

void arbiter_output_clear(struct arbiter_output *out)
{
    free(out->grants);
    free(out->denials);
    *out = (struct arbiter_output){.again = MONO_NEVER};
}

/* ---- memory ---- */

static uint64_t name_tie(const char *name, uint64_t seed)
{
    uint64_t hash = seed;

    for (; *name; name++)
        hash = policy_random(hash, (unsigned char)*name);
    return hash;
}

static bool types_are_known(const struct arbiter *arbiter, const struct arbiter_input *input)
{
    if (arbiter->type_count != input->type_count)
        return false;
    for (size_t i = 0; i < input->type_count; i++)
        if (strcmp(arbiter->types[i].name, input->types[i].name) != 0)
            return false;
    return true;
}

/* Both lists are sorted by name: kept types are carried over, removed ones leave nothing behind. */
static void match_types(struct arbiter *arbiter, const struct arbiter_input *input)
{
    if (types_are_known(arbiter, input))
        return;
    struct type_memory *types = allocate(input->type_count, sizeof types[0]);
    size_t old = 0;
    for (size_t i = 0; i < input->type_count; i++) {
        const char *name = input->types[i].name;
        while (old < arbiter->type_count && strcmp(arbiter->types[old].name, name) < 0)
            free(arbiter->types[old++].unseen);
        if (old < arbiter->type_count && strcmp(arbiter->types[old].name, name) == 0) {
            types[i] = arbiter->types[old++];
            continue;
        }
        (void)text_copy(types[i].name, NAME_SIZE, name);
        types[i].tie = name_tie(name, input->settings->seed);
        types[i].waits_since = input->now;
    }
    while (old < arbiter->type_count)
        free(arbiter->types[old++].unseen);
    free(arbiter->types);
    arbiter->types = types;
    arbiter->type_count = input->type_count;
}

static const struct region_memory *known_region(const struct arbiter *arbiter, const char *name)
{
    for (size_t i = 0; i < arbiter->region_count; i++)
        if (strcmp(arbiter->regions[i].name, name) == 0)
            return &arbiter->regions[i];
    return NULL;
}

static void match_regions(struct arbiter *arbiter, const struct arbiter_input *input, size_t count)
{
    struct region_memory *regions = allocate(count, sizeof regions[0]);

    for (size_t i = 0; i < count; i++) {
        const struct region_memory *known = known_region(arbiter, input->regions[i].name);
        if (known) {
            regions[i] = *known;
            bucket_advance(&regions[i].bucket, input->settings, input->now);
            continue;
        }
        (void)text_copy(regions[i].name, NAME_SIZE, input->regions[i].name);
        regions[i].opened = arbiter->grants;
        bucket_open(&regions[i].bucket, input->settings, input->now);
    }
    free(arbiter->regions);
    arbiter->regions = regions;
    arbiter->region_count = count;
}

/* Passes of different policies do not compare. */
static void match_settings(struct arbiter *arbiter, const struct arbiter_settings *settings)
{
    if (arbiter->stepped && arbiter->settings.policy != settings->policy) {
        arbiter->turn = 0;
        for (size_t i = 0; i < arbiter->type_count; i++)
            arbiter->types[i].pass = 0;
    }
    arbiter->settings = *settings;
    arbiter->stepped = true;
}

/* ---- the input laid out ---- */

static int region_index(const struct step *step, const char *name, int hint)
{
    if (hint >= 0 && strcmp(step->input->regions[hint].name, name) == 0)
        return hint;
    for (size_t i = 0; i < step->region_count; i++)
        if (strcmp(step->input->regions[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void lay_out_type(struct step *step, struct type_state *state, size_t index, struct lot_state *lots)
{
    const struct arbiter_type *type = &step->input->types[index];

    state->type = type;
    state->memory = &step->arbiter->types[index];
    state->lots = lots;
    state->open_in = step->open_in + index * step->region_count;
    state->held =
        (struct amounts){{type->held_units, type->held_instances, type->held_cost.micros, type->held_cost.micros}};
    state->below_floor = type->min_units - type->serving_units;
    amounts_add(&step->total, &state->held, 1);
}

/* Grants above `seen` cover the wish, whatever their placement and also when their lease has ended since. */
static void remember_unseen(struct type_memory *memory, const struct arbiter_lease *lease)
{
    if (memory->unseen_count == memory->unseen_room) {
        memory->unseen_room = memory->unseen_room ? memory->unseen_room * 2 : 4;
        memory->unseen = realloc(memory->unseen, memory->unseen_room * sizeof memory->unseen[0]);
        if (!memory->unseen)
            abort();
    }
    memory->unseen[memory->unseen_count++] =
        (struct unseen_grant){lease->grant, lease->count, lease->count * lease->capacity, lease->placement};
}

static void forget_seen(struct type_memory *memory, int64_t seen)
{
    size_t kept = 0;

    for (size_t i = 0; i < memory->unseen_count; i++)
        if (memory->unseen[i].grant > seen)
            memory->unseen[kept++] = memory->unseen[i];
    memory->unseen_count = kept;
}

static void lay_out_lease(struct step *step, const struct arbiter_lease *lease, int *hint)
{
    struct amounts each = {{lease->capacity, 1, lease->max_price.micros, lease->max_price.micros}};

    amounts_add(&step->total, &each, lease->count);
    if (lease->type >= step->input->type_count)
        return;
    struct type_state *state = &step->types[lease->type];
    amounts_add(&state->held, &each, lease->count);
    state->below_floor -= lease->count * lease->capacity;
    if (lease->grant > state->memory->highest)
        remember_unseen(state->memory, lease);
    if (lease->settled)
        return;
    amounts_add(&state->open, &each, lease->count);
    state->open_leases++;
    *hint = region_index(step, lease->placement.region, *hint);
    if (*hint >= 0)
        state->open_in[*hint]++;
}

static void lay_out_leases(struct step *step)
{
    const struct arbiter_input *input = step->input;
    int hint = -1;

    for (size_t i = 0; i < input->lease_count; i++)
        lay_out_lease(step, &input->leases[i], &hint);
    for (size_t i = 0; i < input->lease_count; i++) {
        const struct arbiter_lease *lease = &input->leases[i];
        if (lease->type < input->type_count && lease->grant > step->types[lease->type].memory->highest)
            step->types[lease->type].memory->highest = lease->grant;
    }
}

/* What the unseen grants at its placement leave of a lot; a later lot there bears what is over. */
static void take_unseen(const struct type_state *state, size_t index, int64_t *taken)
{
    struct lot_state *lot = &state->lots[index];

    for (size_t i = 0; i < state->memory->unseen_count; i++) {
        if (taken[i] <= 0 || !placement_equal(&state->memory->unseen[i].placement, &state->type->lots[index].placement))
            continue;
        int64_t part = taken[i] < lot->left ? taken[i] : lot->left;
        lot->left -= part;
        taken[i] -= part;
    }
}

static void lay_out_lots(struct step *step, struct type_state *state)
{
    size_t unseen = state->memory->unseen_count;
    int64_t *taken = unseen > 0 ? allocate(unseen, sizeof taken[0]) : NULL;
    int hint = -1;

    for (size_t i = 0; i < unseen; i++)
        taken[i] = state->memory->unseen[i].count;
    for (size_t i = 0; i < state->type->lot_count; i++) {
        const struct arbiter_lot *lot = &state->type->lots[i];
        hint = region_index(step, lot->placement.region, hint);
        state->lots[i].region = hint;
        state->lots[i].left = lot->count > 0 ? lot->count : 0;
        if (taken)
            take_unseen(state, i, taken);
        if (hint >= 0)
            state->regions |= UINT64_C(1) << hint;
        int64_t wanted = lot->capacity > 0 ? (state->unmet - 1) / lot->capacity + 1 : 0;
        state->lots[i].asked = wanted < state->lots[i].left ? wanted : state->lots[i].left;
    }
    free(taken);
}

static void lay_out_bid(struct step *step, size_t index)
{
    struct type_state *state = &step->types[index];

    if (state->type->bids) {
        forget_seen(state->memory, state->type->seen);
        state->unmet = state->type->units;
        for (size_t i = 0; i < state->memory->unseen_count; i++)
            state->unmet -= state->memory->unseen[i].units;
        state->covered = state->unmet <= 0 && state->type->units > 0;
    }
    if (state->unmet <= 0) {
        state->memory->passed_over = 0;
        state->memory->owner = 0;
        state->memory->lacked = 0;
        state->memory->waits_since = step->input->now;
        return;
    }
    lay_out_lots(step, state);
    step->order[step->order_count++] = index;
    for (size_t i = 0; i < step->region_count; i++)
        step->bidding[i] += (state->regions >> i) & 1;
}

static void make_room(struct step *step, size_t types)
{
    size_t lots = 0;

    for (size_t i = 0; i < types; i++)
        lots += step->input->types[i].lot_count;
    step->types = allocate(types, sizeof step->types[0]);
    step->lots = allocate(lots, sizeof step->lots[0]);
    step->open_in = allocate(types * step->region_count, sizeof step->open_in[0]);
    step->order = allocate(types, sizeof step->order[0]);
    step->bidders = allocate(types, sizeof step->bidders[0]);
}

static void lay_out(struct step *step)
{
    const struct arbiter_input *input = step->input;
    struct lot_state *lots = step->lots;

    step->total = (struct amounts){
        {input->other_units, input->other_instances, input->other_cost.micros, input->other_cost.micros}};
    for (size_t i = 0; i < input->type_count; i++) {
        lay_out_type(step, &step->types[i], i, lots);
        lots += input->types[i].lot_count; /* NOLINT(clang-analyzer-unix.Malloc): arbiter_step frees step.types */
    }
    lay_out_leases(step);
    for (size_t i = 0; i < input->type_count; i++) {
        const struct arbiter_type *type = &input->types[i];
        struct amounts one = {{type->largest_capacity, 1, type->max_price.micros, type->max_price.micros}};
        if (step->types[i].held.of[CAP_INSTANCES] <= 0)
            amounts_add(&step->empty, &one, 1);
        lay_out_bid(step, i);
    }
    caps_refresh(step);
}

/* ---- what comes out ---- */

static void add_denial(struct step *step, struct arbiter_denial denial)
{
    struct arbiter_output *out = step->out;

    if (out->denial_count == step->denial_room) {
        step->denial_room = step->denial_room ? step->denial_room * 2 : 256;
        out->denials = realloc(out->denials, step->denial_room * sizeof out->denials[0]);
        if (!out->denials)
            abort();
    }
    out->denials[out->denial_count++] = denial;
}

static void hand_out_denials(struct step *step)
{
    for (size_t i = 0; i < step->input->type_count; i++) {
        const struct type_state *state = &step->types[i];
        if (state->covered && state->type->lot_count > 0)
            add_denial(step, (struct arbiter_denial){i, 0, state->type->lots[0].count, 0, DENIED_BY_WISH});
        for (size_t lot = 0; !state->covered && lot < state->type->lot_count; lot++) {
            const struct lot_state *at = &state->lots[lot];
            if (at->granted < at->asked && at->by != DENIED_NOT)
                add_denial(step, (struct arbiter_denial){i, lot, at->asked, at->granted, at->by});
        }
    }
}

static void find_next_step(struct step *step)
{
    struct mono now = step->input->now, next = MONO_NEVER;
    uint64_t waits = step->waiting | step->step3_waits;

    for (size_t i = 0; i < step->region_count; i++)
        if ((waits >> i) & 1)
            next = mono_min(next, bucket_next(&step->arbiter->regions[i].bucket, step->settings));
    for (size_t i = 0; i < step->order_count; i++) {
        const struct type_state *state = &step->types[step->order[i]];
        if (state->type->quarantined && state->open_leases == 0 && mono_before(now, state->type->quarantine_until))
            next = mono_min(next, state->type->quarantine_until);
        if (state->lacks && state->unmet > 0) /* its rounds count once per tick */
            next = mono_min(next, mono_add(now, step->settings->tick));
    }
    step->out->again = mono_is_set(next) ? mono_max(next, mono_add(now, SPAN_MS(1))) : MONO_NEVER;
}

void arbiter_step(struct arbiter *arbiter, const struct arbiter_input *input, struct arbiter_output *out)
{
    struct step step = {.arbiter = arbiter, .input = input, .settings = input->settings, .out = out};

    *out = (struct arbiter_output){.again = MONO_NEVER};
    step.region_count = input->region_count < MAX_REGIONS ? input->region_count : MAX_REGIONS;
    match_settings(arbiter, input->settings);
    match_types(arbiter, input);
    match_regions(arbiter, input, step.region_count);
    make_room(&step, input->type_count);
    lay_out(&step);
    out->over_units = step.total.of[CAP_UNITS] > input->settings->max_units;
    out->over_instances = step.total.of[CAP_INSTANCES] > input->settings->max_instances;
    out->over_hourly = step.total.of[CAP_HOURLY] > input->settings->money.hourly.micros;
    rounds_run(&step);
    hand_out_denials(&step);
    find_next_step(&step);
    free(step.types);
    free(step.lots);
    free(step.open_in);
    free(step.order);
    free(step.bidders);
    free(step.probed);
}
