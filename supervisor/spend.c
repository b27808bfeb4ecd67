/* SPDX-License-Identifier: MPL-2.0 */
/* spend.c: accrues the day's spending. Runs in: supervisor, main thread. See spend.h. */
#include "supervisor/spend.h"

#include <stdlib.h>
#include <string.h>

#include "common/day.h"
#include "common/text.h"
#include "supervisor/events.h"

#define ACCRUE_EVERY SPAN_SECONDS(10)

/* A spot price older than this is not the current one. */
#define PRICE_AGE_MS (INT64_C(15) * 60 * 1000)

int spend_compare_prices(const void *a, const void *b)
{
    const struct proto_PRICE *left = a, *right = b;
    int zones = strcmp(left->zone, right->zone);

    return zones != 0 ? zones : strcmp(left->instanceType, right->instanceType);
}

/* The current spot price while known, else the granted max price (DESIGN section 11). */
static struct money price_now(const struct supervisor *supervisor, const struct instance *instance)
{
    const struct region_record *region = supervisor_region(supervisor, instance->placement.region);

    if (instance->placement.market != MARKET_SPOT || !region ||
        supervisor->wall.ms - region->prices_seen.ms > PRICE_AGE_MS)
        return instance_price(instance);
    struct proto_PRICE key = {0};
    text_copy(key.zone, sizeof key.zone, instance->placement.zone);
    text_copy(key.instanceType, sizeof key.instanceType, instance->placement.instance_type);
    const struct proto_PRICE *found =
        region->price_count == 0 ? NULL
                                 : bsearch(&key, region->prices, region->price_count, sizeof key, spend_compare_prices);
    return found ? MONEY(found->current) : instance_price(instance);
}

static void accrue_to(struct supervisor *supervisor, struct wall to)
{
    const struct fleet *fleet = supervisor->fleet;
    struct budget_running *running = calloc(fleet->instance_count + 1, sizeof *running);
    size_t count = 0;

    if (!running)
        abort();
    for (size_t i = 0; i < fleet->instance_count; i++)
        if (instance_state_occupies(fleet->instances[i]->state))
            running[count++] = (struct budget_running){.per_hour = price_now(supervisor, fleet->instances[i]),
                                                       .from = fleet->instances[i]->launch_wall};
    budget_accrue(&supervisor->day, running, count, to);
    free(running);
}

/* What ran unknown to us, up to where the day is counted already. */
void spend_catch_up(struct supervisor *supervisor, const struct instance *instance)
{
    struct budget_running running = {price_now(supervisor, instance), instance->launch_wall};

    if (instance_state_occupies(instance->state))
        budget_catch_up(&supervisor->day, &running);
}

void spend_begin(struct supervisor *supervisor)
{
    struct wall began, ends;

    if (supervisor->day.ends.ms > supervisor->wall.ms)
        return; /* the ledger's day is not over */
    day_bounds(supervisor->wall, &began, &ends);
    budget_start_day(&supervisor->day, began, ends);
}

void spend_accrue(struct supervisor *supervisor)
{
    struct wall began, ends;

    if (!mono_reached(spend_deadline(supervisor), supervisor->now))
        return;
    supervisor->accrued = supervisor->now;
    if (supervisor->wall.ms >= supervisor->day.ends.ms) {
        accrue_to(supervisor, supervisor->day.ends);
        day_bounds(supervisor->wall, &began, &ends);
        budget_start_day(&supervisor->day, began, ends);
        supervisor->budget_unknown = false;
        ledger_remove_meta(supervisor->ledger, "spend-unknown");
        event_record(supervisor, "day-began", NULL, NULL, "a new day of the budget");
    }
    accrue_to(supervisor, supervisor->wall);
    ledger_put_day(supervisor->ledger, &supervisor->day);
    supervisor->dirty = true;
    supervisor->arbiter_due = true;
}

struct mono spend_deadline(const struct supervisor *supervisor)
{
    return mono_add(supervisor->accrued, ACCRUE_EVERY);
}
