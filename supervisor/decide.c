/* SPDX-License-Identifier: MPL-2.0 */
/* decide.c: from bids, fleet, breakers and budget to the arbiter's input, and from its output to leases and denials.
 * Runs in: supervisor, main thread. Decides nothing itself: see arbiter.h. */
#include "supervisor/decide.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/decide_journal.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"

struct decision {
    struct arbiter_settings settings;
    struct arbiter_region *regions;
    struct arbiter_type *types;
    struct type_record **records; /* of types[i] */
    struct arbiter_lease *leases;
    size_t type_room, lease_room, region_room;
};

static void *grow(void *array, size_t *room, size_t count, size_t size)
{
    if (count <= *room && array)
        return array;
    *room = count < 16 ? 16 : count * 2;
    array = realloc(array, *room * size);
    if (!array)
        abort();
    return array;
}

void decide_destroy(struct decision **decision)
{
    if (!*decision)
        return;
    free((*decision)->regions);
    free((*decision)->types);
    free((*decision)->records);
    free((*decision)->leases);
    free(*decision);
    *decision = NULL;
}

/* ---- the input ---- */

static struct breaker_subject lot_subject(const struct type_record *type, size_t lot)
{
    return (struct breaker_subject){.type = type->name,
                                    .placement = type->bid.views[lot].placement,
                                    .spec_hash = type->bid.lots[lot].specHash,
                                    .subnet = type->bid.lots[lot].subnet,
                                    .max_price = type->bid.views[lot].max_price};
}

/* Says whether the type is on trial: none of what it bids is proven. */
static bool look_at_lots(struct supervisor *supervisor, struct type_record *type)
{
    bool trial = type->bid.lot_count > 0;

    for (size_t i = 0; i < type->bid.lot_count; i++) {
        struct arbiter_lot *view = &type->bid.views[i];
        struct breaker_subject subject = lot_subject(type, i);
        view->breaker = breakers_look(supervisor->breakers, &subject, supervisor->now);
        view->canary_room = canary_room(&type->proofs, supervisor->fleet, type->holdings, type->definition->canary,
                                        type->bid.lots[i].specHash);
        if (view->canary_room == INT64_MAX)
            trial = false;
    }
    return trial;
}

static void fill_bid(struct supervisor *supervisor, struct type_record *type, struct arbiter_type *out)
{
    out->bids = true;
    out->number = type->bid.number;
    out->seen = type->bid.seen;
    out->units = type->bid.units;
    out->canary = look_at_lots(supervisor, type);
    out->lots = type->bid.views;
    out->lot_count = type->bid.lot_count;
}

static void fill_type(struct supervisor *supervisor, struct type_record *type, bool ledger_stopped,
                      struct arbiter_type *out)
{
    const struct definition *definition = type->definition;
    const struct fleet_totals *totals = &type->holdings->totals;
    struct breaker_view view = {0};

    *out = (struct arbiter_type){.min_units = definition->min_capacity,
                                 .max_units = definition->max_capacity,
                                 .largest_capacity = definition->largest_capacity,
                                 .max_price = definition->max_price,
                                 .priority = decide_priority(type),
                                 .essential = definition->essential,
                                 .paused = type->paused,
                                 .ledger_stopped = ledger_stopped,
                                 .failing = breakers_failing(supervisor->breakers, type->name),
                                 .quarantined =
                                     breakers_quarantined(supervisor->breakers, type->name, &view, supervisor->now),
                                 .held_units = totals->held_units,
                                 .held_instances = totals->held_instances,
                                 .serving_units = totals->serving_units,
                                 .held_cost = totals->held_cost};
    text_copy(out->name, sizeof out->name, type->name);
    out->quarantine_until = view.until;
    if (type->observed) {
        out->pending = type->seen.pending > 0 ? type->seen.pending : 0;
        if (type->seen.oldestWall > 0 && supervisor->wall.ms > type->seen.oldestWall)
            out->lag = SPAN_MS(supervisor->wall.ms - type->seen.oldestWall);
    }
    if (type->bid.stands && !supervisor->stopping)
        fill_bid(supervisor, type, out);
}

static void fill_types(struct supervisor *supervisor, struct decision *room, struct arbiter_input *input)
{
    size_t before = room->type_room;
    bool ledger_stopped = decide_ledger_stopped(supervisor);

    room->types = grow(room->types, &room->type_room, supervisor->type_count, sizeof *room->types);
    room->records = grow(room->records, &before, supervisor->type_count, sizeof(struct type_record *));
    for (size_t i = 0; i < supervisor->type_count; i++) {
        if (!supervisor->types[i]->definition)
            continue;
        room->records[input->type_count] = supervisor->types[i];
        fill_type(supervisor, supervisor->types[i], ledger_stopped, &room->types[input->type_count++]);
    }
    input->types = room->types;
}

static size_t index_of(const struct decision *room, size_t count, const char *name)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(room->records[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && text_equal(room->records[low]->name, name) ? low : SIZE_MAX;
}

static void fill_leases(const struct supervisor *supervisor, struct decision *room, struct arbiter_input *input)
{
    const struct fleet *fleet = supervisor->fleet;

    room->leases = grow(room->leases, &room->lease_room, fleet->lease_count, sizeof *room->leases);
    for (size_t i = 0; i < fleet->lease_count; i++) {
        const struct lease *lease = fleet->leases[i];
        int64_t rest = lease->count > lease->listed ? lease->count - lease->listed : 0;
        room->leases[input->lease_count++] =
            (struct arbiter_lease){.grant = lease->grant,
                                   .type = index_of(room, input->type_count, lease->type),
                                   .placement = lease->placement,
                                   .count = rest,
                                   .capacity = lease->capacity,
                                   .max_price = lease->max_price};
    }
    input->leases = room->leases;
}

static void fill_regions(const struct supervisor *supervisor, struct decision *room, struct arbiter_input *input)
{
    room->regions = grow(room->regions, &room->region_room, supervisor->region_count, sizeof *room->regions);
    for (size_t i = 0; i < supervisor->region_count; i++) {
        struct arbiter_region *region = &room->regions[i];
        text_copy(region->name, sizeof region->name, supervisor->regions[i]->name);
        region->closed = decide_region_closed(supervisor, region->name);
    }
    input->regions = room->regions;
    input->region_count = supervisor->region_count;
}

static void fill_others(const struct supervisor *supervisor, struct arbiter_input *input)
{
    for (size_t i = 0; i < supervisor->fleet->type_count; i++) {
        const struct fleet_type *held = supervisor->fleet->types[i];
        const struct type_record *type = supervisor_type(supervisor, held->name);
        if (type && type->definition)
            continue;
        input->other_units += held->totals.held_units;
        input->other_instances += held->totals.held_instances;
        input->other_cost = money_add(input->other_cost, held->totals.held_cost);
    }
}

/* ---- the output ---- */

static void apply_grant(struct supervisor *supervisor, const struct decision *room, const struct arbiter_grant *grant)
{
    struct type_record *type = room->records[grant->type];
    struct breaker_subject subject = lot_subject(type, grant->lot);
    struct lease *lease = lease_decide(supervisor, type, &type->bid.lots[grant->lot], grant->count);

    breakers_granted(supervisor->breakers, &subject, lease->grant, supervisor->now);
    log_debug("grant.decided", "type=%s grant=%lld step=%d count=%lld probe=%d", type->name, (long long)lease->grant,
              grant->step, (long long)grant->count, grant->probe);
}

static void apply_denial(struct supervisor *supervisor, const struct decision *room,
                         const struct arbiter_denial *denial)
{
    struct type_record *type = room->records[denial->type];
    /* Two missed ticks end a bid: refused again before that, it is the same wish. */
    struct denial_time time = {
        .now = supervisor->now, .wall = supervisor->wall, .pause = span_scale(supervisor->config->tick, 2.5)};

    struct denial_entry *entry = denials_add(&type->denials, &type->bid.views[denial->lot].placement, denial->by,
                                             denial->wanted, denial->granted, &time);
    entry->failure = denial->by == DENIED_BY_BREAKER ? type->bid.views[denial->lot].breaker.failure : FAILURE_NONE;
    if (denial->by == DENIED_BY_HOURLY_COST)
        supervisor->hourly_denied = supervisor->now;
}

static void apply_alarms(struct supervisor *supervisor, const struct arbiter_output *output)
{
    const struct {
        bool over;
        const char *cap;
    } caps[] = {{output->over_units, "maxCapacity"},
                {output->over_instances, "maxInstances"},
                {output->over_hourly, "maxHourlyCost"}};

    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        if (caps[i].over)
            alarm_raise(supervisor, "cap-passed", caps[i].cap,
                        "what is held is above %s: nothing is granted, and nothing is terminated for it", caps[i].cap);
        else
            alarm_clear(supervisor, "cap-passed", caps[i].cap);
    }
}

static void apply(struct supervisor *supervisor, const struct decision *room, const struct arbiter_output *output)
{
    for (size_t i = 0; i < output->grant_count; i++)
        apply_grant(supervisor, room, &output->grants[i]);
    for (size_t i = 0; i < output->denial_count; i++)
        apply_denial(supervisor, room, &output->denials[i]);
    apply_alarms(supervisor, output);
    supervisor->arbiter_again = output->again;
    supervisor->arbiter_due = output->grant_count > 0; /* the next input must hold these leases */
}

static void fill_input(struct supervisor *supervisor, struct decision *room, struct arbiter_input *input)
{
    *input = (struct arbiter_input){.now = supervisor->now, .settings = &room->settings, .day = supervisor->day};
    decide_count(supervisor);
    decide_settings(supervisor->config, &room->settings);
    fill_regions(supervisor, room, input);
    fill_types(supervisor, room, input);
    fill_leases(supervisor, room, input);
    fill_others(supervisor, input);
}

static struct decision *new_decision(void)
{
    struct decision *room = calloc(1, sizeof *room);
    if (!room)
        abort();
    return room;
}

void decide_step(struct supervisor *supervisor)
{
    struct arbiter_output output = {0};
    struct arbiter_input input;

    if (!supervisor->arbiter_due && !mono_reached(supervisor->arbiter_again, supervisor->now))
        return;
    if (!supervisor->decision)
        supervisor->decision = new_decision();
    fill_input(supervisor, supervisor->decision, &input);
    decide_arbitrate(supervisor, &input, &output);
    apply(supervisor, supervisor->decision, &output);
    arbiter_output_clear(&output);
}

struct decision *decide_forecast(struct supervisor *supervisor, struct arbiter_output *output)
{
    struct decision *room = new_decision();
    struct arbiter *arbiter = arbiter_create();
    struct arbiter_input input;

    if (!arbiter)
        abort();
    fill_input(supervisor, room, &input);
    room->settings.launch_share = 0; /* not how fast, but how far */
    arbiter_step(arbiter, &input, output);
    arbiter_destroy(&arbiter);
    return room;
}

struct type_record *decide_record(const struct decision *room, size_t type)
{
    return room->records[type];
}
