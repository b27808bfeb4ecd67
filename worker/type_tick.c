/* SPDX-License-Identifier: MPL-2.0 */
/* type_tick.c: one tick: what is there and what waits go into plan_make; bid, observation, proposals to terminate and
 * the beat go out. Runs in: type worker. A tick waits for no call; the beat is its last word, so that only completed
 * ticks are signs of life (case B11). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

#define PRICE_AGE_LEAST SPAN_SECONDS(600) /* a price reading older than this and three polls is unknown (case B44) */
#define PROPOSE_AGAIN SPAN_SECONDS(60)    /* a proposal that was not followed is repeated */
#define MOST_IN_A_PROPOSAL 1000

/* ---- options: the plan's view of the definition ---- */

static void add_option(struct type_worker *worker, const struct launch_spec *spec, enum market market)
{
    struct plan_option *option = &worker->plan_options[worker->option_count++];
    text_copy(option->placement.region, NAME_SIZE, spec->region);
    text_copy(option->placement.zone, NAME_SIZE, spec->zone);
    text_copy(option->placement.instance_type, NAME_SIZE, spec->instance_type);
    option->placement.market = market;
    option->capacity = spec->capacity;
    option->utility = spec->utility;
    option->spec_hash = spec->hash;
    option->subnet = spec->subnet;
    option->code = "";
}

int type_options_make(struct type_worker *worker, struct error *err)
{
    const struct definition *definition = worker->definition;
    worker->plan_options = calloc(2 * definition->spec_count + 1, sizeof *worker->plan_options);
    worker->prices = calloc(2 * definition->spec_count + 1, sizeof *worker->prices);
    if (!worker->plan_options || !worker->prices)
        return error_set(err, ERROR_LOCAL, "no memory for %zu placements", definition->spec_count);
    for (size_t i = 0; i < definition->spec_count; i++) {
        if (definition->can_use_spot)
            add_option(worker, &definition->specs[i], MARKET_SPOT);
        if (definition->can_use_on_demand)
            add_option(worker, &definition->specs[i], MARKET_ON_DEMAND);
    }
    return 0;
}

static const struct proto_PRICE *price_row(const struct proto_PRICES *prices, const struct placement *placement)
{
    for (size_t i = 0; i < prices->prices_count; i++)
        if (strcmp(prices->prices[i].zone, placement->zone) == 0 &&
            strcmp(prices->prices[i].instanceType, placement->instance_type) == 0)
            return &prices->prices[i];
    return NULL;
}

/* The same reading is published again and again, for workers that start later: its age is that of the reading. */
void type_options_price(struct type_worker *worker, const struct proto_PRICES *prices, struct mono now)
{
    int64_t age_ms = clock_wall().ms - prices->seenWall;
    struct mono read = mono_sub(now, SPAN_MS(age_ms > 0 ? age_ms : 0));
    for (size_t i = 0; i < worker->option_count; i++) {
        const struct placement *placement = &worker->plan_options[i].placement;
        if (placement->market != MARKET_SPOT || strcmp(placement->region, prices->region) != 0)
            continue;
        const struct proto_PRICE *row = price_row(prices, placement);
        struct money price = MONEY(row ? row->price : 0); /* absent is unknown */
        if (price.micros != worker->prices[i].price.micros)
            worker->news = true;
        worker->prices[i] = (struct type_price){read, price};
    }
}

/* From the price files, by the supervisor. */
void type_options_on_demand(struct type_worker *worker, const struct proto_ON_DEMAND *prices)
{
    for (size_t i = 0; i < worker->option_count; i++) {
        const struct placement *placement = &worker->plan_options[i].placement;
        if (placement->market != MARKET_ON_DEMAND)
            continue;
        worker->prices[i].price = MONEY_ZERO;
        for (size_t k = 0; k < prices->prices_count; k++)
            if (strcmp(prices->prices[k].region, placement->region) == 0 &&
                strcmp(prices->prices[k].instanceType, placement->instance_type) == 0)
                worker->prices[i].price = MONEY(prices->prices[k].price);
    }
    worker->news = true;
}

/* A spot price grows old; a list price holds until the next list. */
static bool price_holds(const struct type_worker *worker, size_t option, struct span limit, struct mono now)
{
    const struct type_price *price = &worker->prices[option];
    return worker->plan_options[option].placement.market == MARKET_ON_DEMAND ||
           (mono_is_set(price->read) && mono_since(price->read, now).us <= limit.us);
}

static void refresh_options(struct type_worker *worker, const struct plan_type *type, struct mono now)
{
    struct span limit = span_max(PRICE_AGE_LEAST, span_scale(worker->config.price_poll, 3));
    for (size_t i = 0; i < worker->option_count; i++) {
        struct plan_option *option = &worker->plan_options[i];
        struct money bid = MONEY_ZERO;
        option->price = price_holds(worker, i, limit, now) ? worker->prices[i].price : MONEY_ZERO;
        option->health = health_factor(&worker->health, &option->placement, now);
        plan_bid_price(type, option->placement.market, option->price, &bid);
        doors_look(&worker->doors, option, bid, now);
    }
}

/* ---- the plan ---- */

static struct plan_type plan_type_of(const struct definition *definition)
{
    return (struct plan_type){.min_units = definition->min_capacity,
                              .max_units = definition->max_capacity,
                              .largest_capacity = definition->largest_capacity,
                              .scaling_ratio = definition->scaling_ratio,
                              .min_price = definition->min_price,
                              .max_price = definition->max_price,
                              .can_use_spot = definition->can_use_spot,
                              .can_use_on_demand = definition->can_use_on_demand,
                              .on_demand_after = definition->on_demand_after,
                              .on_demand_max = definition->on_demand_max,
                              .settle = definition->settle};
}

static void make_plan(struct type_worker *worker, struct plan_supply *supply, struct mono now)
{
    const struct demand *demand = queue_demand(worker->queue);
    struct plan_region regions[CONFIG_MAX_REGIONS];
    struct plan_input input = {.now = now,
                               .lot_max = worker->config.lot_max,
                               .type = plan_type_of(worker->definition),
                               .regions = regions,
                               .region_count = worker->supply.region_count,
                               .options = worker->plan_options,
                               .option_count = worker->option_count,
                               .preflight_waits = worker->preflight.passed ? "" : worker->preflight.waits,
                               .preflight_error = worker->preflight.error};
    supply_condemn(&worker->supply, demand->claimed_list_known, now);
    supply_figures(&worker->supply, now, supply);
    supply_plan_regions(&worker->supply, regions);
    refresh_options(worker, &input.type, now);
    input.supply = *supply;
    input.demand =
        (struct plan_demand){.pending = demand->pending,
                             .claimed = demand->claimed,
                             .seen = demand->seen,
                             .age_limit = span_max(worker->config.max_demand_age, span_scale(worker->poll, 3)),
                             .problem = demand->problem};
    if (!keys_now(worker->keys))
        input.credentials_problem = keys_problem(worker->keys);
    struct plan_memory before = worker->memory;
    plan_make(&worker->memory, &input, &worker->plan);
    type_journal_plan(worker, &before, &input);
}

static void copy_prices(const struct type_worker *worker, struct type_worker *twin)
{
    size_t hint = 0;
    for (size_t i = 0; i < twin->option_count; i++)
        for (size_t k = 0; k < worker->option_count; k++) {
            size_t at = (hint + k) % worker->option_count;
            if (!placement_equal(&twin->plan_options[i].placement, &worker->plan_options[at].placement))
                continue;
            twin->prices[i] = worker->prices[at];
            hint = at;
            break;
        }
}

/* A twin of this worker with the other definition: it has its own options and memory, and is forgotten. */
void type_plan_for(struct type_worker *worker, struct definition *definition, const struct preflight *result,
                   struct plan *out, struct mono now)
{
    struct type_worker *twin = malloc(sizeof *twin);
    struct plan_supply supply;
    struct error err;
    if (!twin)
        return;
    *twin = *worker;
    twin->definition = definition;
    twin->preflight.passed = true;
    twin->option_count = 0;
    twin->journal = NULL; /* what would be is no plan */
    preflight_first_error(result, twin->preflight.error, sizeof twin->preflight.error);
    if (type_options_make(twin, &err) == 0) {
        copy_prices(worker, twin);
        type_options_fit(twin->plan_options, twin->option_count, definition, result);
        make_plan(twin, &supply, now);
        *out = twin->plan;
    }
    free(twin->plan_options);
    free(twin->prices);
    free(twin);
}

/* ---- what goes out ---- */

static void send_observation(struct type_worker *worker, const struct plan_supply *supply)
{
    const struct demand *demand = queue_demand(worker->queue);
    const struct plan *plan = &worker->plan;
    struct message message = {.kind = PROTO_OBSERVATION};
    struct proto_OBSERVATION *seen = &message.as.OBSERVATION;
    /* The last good figures go out with the time they were seen: the reader judges their age (case B59). */
    seen->pending = mono_is_set(demand->seen) ? demand->pending : -1;
    seen->claimed = mono_is_set(demand->seen) ? demand->claimed : -1;
    seen->demandWall = demand->seen_wall.ms;
    seen->oldestWall = demand->oldest.ms;
    seen->lagEstimated = demand->oldest_estimated;
    seen->running = supply->running;
    seen->booting = supply->booting;
    seen->idle = plan->idle;
    seen->dead = plan->dead;
    seen->inFlight = supply->in_flight;
    seen->serving = supply->serving;
    seen->occupying = supply->occupying;
    seen->occupyingInstances = supply->occupying_instances;
    seen->need = plan->need;
    seen->inventoryWall = supply_oldest_listing(&worker->supply).ms;
    text_copy(seen->reason, sizeof seen->reason, reason_name(plan->reason));
    text_copy(seen->why, sizeof seen->why, plan->why);
    text_copy(seen->demandProblem, sizeof seen->demandProblem, demand->problem);
    type_registration_observe(worker, seen);
    CRASH_POINT(type_before_observation);
    bus_send(&worker->bus, &message, BUS_MAY_DROP);
}

void type_fill_lot(struct proto_LOT *out, const struct plan_lot *lot)
{
    text_copy(out->region, sizeof out->region, lot->placement.region);
    text_copy(out->zone, sizeof out->zone, lot->placement.zone);
    text_copy(out->instanceType, sizeof out->instanceType, lot->placement.instance_type);
    text_copy(out->market, sizeof out->market, market_name(lot->placement.market));
    text_copy(out->specHash, sizeof out->specHash, lot->spec_hash);
    text_copy(out->subnet, sizeof out->subnet, lot->subnet);
    out->count = lot->count;
    out->capacity = lot->capacity;
    out->maxPrice = lot->max_price.micros;
    out->price = lot->price.micros > 0 ? lot->price.micros : -1;
}

static void send_bid(struct type_worker *worker)
{
    const struct plan *plan = &worker->plan;
    struct message message = {.kind = PROTO_BID};
    struct proto_BID *bid = &message.as.BID;
    bid->number = ++worker->bid_number;
    bid->seen = worker->seen;
    bid->units = plan->units;
    bid->lots = calloc(plan->lot_count + 1, sizeof *bid->lots);
    for (size_t i = 0; bid->lots && i < plan->lot_count; i++)
        type_fill_lot(&bid->lots[bid->lots_count++], &plan->lots[i]);
    CRASH_POINT(type_before_bid);
    bus_send(&worker->bus, &message, BUS_MAY_DROP);
    CRASH_POINT(type_after_bid);
    free(bid->lots);
}

static void propose(struct type_worker *worker, const char *region, enum condemn_cause cause, struct mono now)
{
    struct proto_INSTANCE *instances = NULL;
    struct message message = {.kind = PROTO_CONDEMN};
    struct proto_CONDEMN *condemn = &message.as.CONDEMN;
    for (size_t i = 0; i < worker->supply.instance_count && condemn->instances_count < MOST_IN_A_PROPOSAL; i++) {
        struct supply_instance *instance = &worker->supply.instances[i];
        bool due = !mono_is_set(instance->proposed) || mono_reached(mono_add(instance->proposed, PROPOSE_AGAIN), now);
        if (instance->condemned != cause || !due || strcmp(instance->region, region) != 0)
            continue;
        if (!instances && !(instances = calloc(MOST_IN_A_PROPOSAL, sizeof *instances)))
            return;
        text_copy(instances[condemn->instances_count++].id, INSTANCE_ID_SIZE, instance->id);
        instance->proposed = now;
    }
    if (condemn->instances_count > 0) {
        condemn->instances = instances;
        text_copy(condemn->region, sizeof condemn->region, region);
        text_copy(condemn->cause, sizeof condemn->cause, condemn_cause_name(cause));
        CRASH_POINT(type_before_proposal);
        bus_send(&worker->bus, &message, BUS_KEEP);
        log_info("condemn.proposed", "region=%s cause=%s instances=%zu", region, condemn->cause,
                 condemn->instances_count);
    }
    free(instances);
}

static void send_proposals(struct type_worker *worker, struct mono now)
{
    for (size_t i = 0; i < worker->config.region_count; i++)
        for (int cause = CONDEMN_NOT + 1; cause < CONDEMN_CAUSE_COUNT; cause++)
            propose(worker, worker->config.regions[i].name, (enum condemn_cause)cause, now);
}

static void send_beat(struct type_worker *worker, struct mono began)
{
    struct message message = {.kind = PROTO_BEAT};
    message.as.BEAT.tick = worker->tick_number;
    message.as.BEAT.tookUs = mono_since(began, clock_now()).us;
    message.as.BEAT.beganMono = began.us;
    CRASH_POINT(type_before_beat);
    bus_send(&worker->bus, &message, BUS_MAY_DROP);
}

void type_tick(struct type_worker *worker, struct mono now)
{
    struct plan_supply supply;
    worker->news = false;
    worker->next_tick = worker->stopping ? MONO_NEVER : mono_add(now, worker->config.tick);
    if (worker->stopping)
        return;
    enum reason before = worker->plan.reason;
    make_plan(worker, &supply, now);
    if (worker->plan.reason != before || worker->tick_number == 0)
        log_info("plan.reason", "reason=%s why=%s", reason_name(worker->plan.reason), log_quote(worker->plan.why));
    worker->tick_number++;
    send_observation(worker, &supply);
    send_bid(worker);
    send_proposals(worker, now);
    send_beat(worker, now);
}
