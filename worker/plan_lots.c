/* SPDX-License-Identifier: MPL-2.0 */
/* plan_lots.c: which placements a type bids for, in which order, at which price.
 * Pure. Runs in: type worker.
 *
 * Price rule (facts/taskcluster.md): twice the highest spot price of the last 30 minutes; below minPrice -> minPrice;
 * above maxPrice -> not bid. An unknown price is never free and never fatal (case B44): it bids maxPrice and ranks
 * last. On-demand: maxPrice until a price is known. Rank: price / utility x health, known before unknown, spot before
 * on-demand. What a closed breaker stops is left out; half-open may be named, with one instance. Alternatives add up to
 * more than the wish, so that the arbiter can go on to the next lot when one is refused. */
#include <stdlib.h>
#include <string.h>

#include "worker/plan_parts.h"

struct candidate {
    const struct plan_option *option;
    struct money bid;
    int64_t most; /* instances there: by need and by the ceiling */
    double rank;
    size_t order; /* of the definition: ties keep it, so that the same input gives the same bid */
};

bool plan_bid_price(const struct plan_type *type, enum market market, struct money price, struct money *out)
{
    if (price.micros <= 0 || market == MARKET_ON_DEMAND) {
        *out = market == MARKET_ON_DEMAND && price.micros > 0 ? price : type->max_price;
        return out->micros > 0 && money_compare(*out, type->max_price) <= 0;
    }
    *out = money_times(price, 2);
    if (money_compare(*out, type->min_price) < 0)
        *out = type->min_price;
    return money_compare(*out, type->max_price) <= 0;
}

static bool market_wanted(const struct plan_type *type, enum market market, bool on_demand_too)
{
    return market == MARKET_SPOT ? type->can_use_spot : on_demand_too;
}

static const struct plan_region *region_of(const struct plan_input *input, const char *name)
{
    for (size_t i = 0; i < input->region_count; i++)
        if (strcmp(input->regions[i].name, name) == 0)
            return &input->regions[i];
    return NULL;
}

static int64_t most_instances(int64_t need, int64_t room, int64_t capacity)
{
    int64_t wanted = (need + capacity - 1) / capacity;
    int64_t fitting = room > 0 ? room / capacity : 0;
    return wanted < fitting ? wanted : fitting;
}

static void note_closed(struct plan_left_out *left_out, const struct plan_option *option)
{
    left_out->closed++;
    left_out->refused +=
        !option->type_wide && (option->failure == FAILURE_DEFINITION || option->failure == FAILURE_PERMISSION);
    if (!left_out->closed_example || (option->type_wide && !left_out->closed_example->type_wide))
        left_out->closed_example = option;
}

static void note_price(struct plan_left_out *left_out, const struct plan_option *option)
{
    left_out->price++;
    if (!left_out->price_example)
        left_out->price_example = option;
}

/* True when the option may be bid; else counts why not. */
static bool consider(const struct plan_input *input, const struct plan_option *option, int64_t need, int64_t room,
                     struct candidate *out, struct plan_left_out *left_out)
{
    const struct plan_region *region = region_of(input, option->placement.region);
    if (option->unfit)
        return left_out->unfit++, false;
    if (!region || plan_region_stale(region, input->now)) {
        left_out->stale++;
        left_out->stale_example = region;
        return false;
    }
    out->most = most_instances(need, room, option->capacity);
    if (out->most <= 0)
        return left_out->room++, false;
    if (option->door == DOOR_CLOSED)
        return note_closed(left_out, option), false;
    if (!plan_bid_price(&input->type, option->placement.market, option->price, &out->bid))
        return note_price(left_out, option), false;
    struct money rank_price = option->price.micros > 0 ? option->price : input->type.max_price;
    double utility = option->utility > 0 ? option->utility : 1;
    double health = option->health > 1 ? option->health : 1;
    out->option = option;
    out->rank = (double)rank_price.micros / utility * health;
    out->order = (size_t)(option - input->options);
    left_out->usable++;
    return true;
}

static int compare_candidates(const void *first, const void *second)
{
    const struct candidate *a = first, *b = second;
    if (a->option->placement.market != b->option->placement.market)
        return a->option->placement.market == MARKET_SPOT ? -1 : 1;
    bool a_known = a->option->price.micros > 0, b_known = b->option->price.micros > 0;
    if (a_known != b_known)
        return a_known ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* On-demand as a fall-back is capped over all its lots together, for the arbiter may grant several of them. */
static int64_t on_demand_room(const struct plan_input *input)
{
    if (!input->type.can_use_spot && input->type.on_demand_max <= 0)
        return INT64_MAX;
    int64_t room = input->type.on_demand_max - input->supply.on_demand_instances;
    return room > 0 ? room : 0;
}

static void add_lots(const struct candidate *candidate, int64_t lot_max, size_t most_lots, int64_t *on_demand_left,
                     struct plan *out)
{
    const struct plan_option *option = candidate->option;
    bool on_demand = option->placement.market == MARKET_ON_DEMAND;
    int64_t left = option->door == DOOR_HALF_OPEN ? 1 : candidate->most;
    if (on_demand && left > *on_demand_left)
        left = *on_demand_left;
    for (size_t i = 0; i < most_lots && left > 0 && out->lot_count < PLAN_MAX_LOTS; i++) {
        int64_t count = left < lot_max ? left : lot_max;
        out->lots[out->lot_count++] = (struct plan_lot){.placement = option->placement,
                                                        .count = count,
                                                        .capacity = option->capacity,
                                                        .max_price = candidate->bid,
                                                        .price = option->price,
                                                        .spec_hash = option->spec_hash,
                                                        .subnet = option->subnet};
        left -= count;
        if (on_demand)
            *on_demand_left -= count;
    }
}

void plan_lots(const struct plan_input *input, int64_t need, int64_t room, bool on_demand_too, struct plan *out,
               struct plan_left_out *left_out)
{
    struct candidate *candidates = calloc(input->option_count ? input->option_count : 1, sizeof *candidates);
    size_t count = 0;
    if (!candidates)
        return;
    for (size_t i = 0; i < input->option_count; i++)
        if (market_wanted(&input->type, input->options[i].placement.market, on_demand_too) &&
            consider(input, &input->options[i], need, room, &candidates[count], left_out))
            count++;
    qsort(candidates, count, sizeof *candidates, compare_candidates);

    size_t each = count ? PLAN_MAX_LOTS / count : 0;
    if (each > PLAN_LOTS_PER_PLACEMENT)
        each = PLAN_LOTS_PER_PLACEMENT;
    int64_t on_demand_left = on_demand_room(input);
    for (size_t i = 0; i < count; i++)
        add_lots(&candidates[i], input->lot_max, each ? each : 1, &on_demand_left, out);
    if (out->lot_count > 0) { /* the wish is that of the best placement: exact where all have one capacity */
        const struct plan_lot *best = &out->lots[0];
        out->instances = most_instances(need, room, best->capacity);
        out->units = out->instances * best->capacity;
    }
    free(candidates);
}
