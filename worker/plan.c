/* SPDX-License-Identifier: MPL-2.0 */
/* plan.c: DESIGN section 5, 3, line by line: idle, dead, credit, need, instances.
 * Pure. Runs in: type worker. The parts with a memory or a list of their own are in plan_dead.c, plan_lots.c and
 * plan_why.c.
 *
 *   idle      max(0, running - claimed), or young if claimed is unknown
 *   credit    in flight + booting + idle - dead
 *   need      max(pending - credit - round(scalingRatio x (running - dead)), floor - serving + ending)
 *   instances max(0, min(ceil(need / capacity), floor((ceiling - occupying - in flight) / capacity)))
 *
 * `ending` is what idles and is about to end itself: a floor's instance is replaced before its idle limit ends it.
 *
 * Supply is credited before it works (booting, in flight, young), so that a slow boot is no reason to launch twice
 * (cases B02, P05); what cannot take work is not (shutting-down, stopped), but it occupies (cases B12, B29). */
#include "worker/plan.h"

#include <math.h>
#include <string.h>

#include "worker/plan_parts.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Stale demand is unknown demand: launch only up to the floor (case B21). */
static bool demand_known(const struct plan_demand *demand, struct mono now)
{
    return demand->pending >= 0 && mono_is_set(demand->seen) &&
           mono_since(demand->seen, now).us <= demand->age_limit.us;
}

static int64_t idle_units(const struct plan_supply *supply, int64_t claimed)
{
    return claimed < 0 ? supply->young : larger(0, supply->running - claimed);
}

static int64_t tolerated_backlog(const struct plan_type *type, int64_t working)
{
    return (int64_t)llround(type->scaling_ratio * (double)larger(0, working));
}

/* An instance at work is not ending, whatever its clock says. */
static int64_t ending_units(const struct plan_input *input, int64_t claimed, int64_t idle)
{
    int64_t ending = input->supply.ending;
    return claimed >= 0 && ending > idle ? idle : ending;
}

/* Since when tasks wait for which nothing runs or boots; leases do not end it, for they may fail. */
static void remember_unmet(struct plan_memory *memory, const struct plan_input *input, const struct plan *plan)
{
    const struct plan_supply *supply = &input->supply;
    int64_t coming = supply->booting + plan->idle - plan->dead;
    if (plan->pending <= 0 ||
        plan->pending - coming - tolerated_backlog(&input->type, supply->running - plan->dead) <= 0)
        memory->unmet_since = MONO_ZERO;
    else if (!mono_is_set(memory->unmet_since))
        memory->unmet_since = input->now;
}

static bool on_demand_now(const struct plan_memory *memory, const struct plan_input *input)
{
    const struct plan_type *type = &input->type;
    if (!type->can_use_on_demand)
        return false;
    if (!type->can_use_spot)
        return true;
    return type->on_demand_after.us > 0 && mono_is_set(memory->unmet_since) &&
           mono_reached(mono_add(memory->unmet_since, type->on_demand_after), input->now);
}

static void figures(struct plan_memory *memory, const struct plan_input *input, struct plan *out)
{
    const struct plan_supply *supply = &input->supply;
    bool known = demand_known(&input->demand, input->now);
    out->pending = known ? input->demand.pending : -1;
    out->claimed = known && !supply->claimed_unknown ? input->demand.claimed : -1;
    out->idle = idle_units(supply, out->claimed);
    out->dead = plan_dead_units(memory, input, out->pending, out->idle);
    out->credit = supply->in_flight + supply->booting + out->idle - out->dead;
    out->ending = ending_units(input, out->claimed, out->idle);
    out->need = input->type.min_units - supply->serving + out->ending;
    if (known)
        out->need = larger(out->need,
                           out->pending - out->credit - tolerated_backlog(&input->type, supply->running - out->dead));
}

void plan_make(struct plan_memory *memory, const struct plan_input *input, struct plan *out)
{
    struct plan_left_out left_out = {0};
    memset(out, 0, offsetof(struct plan, lots)); /* lots beyond lot_count stay untouched memory: 1,000 types count */
    figures(memory, input, out);
    remember_unmet(memory, input, out);
    int64_t room = input->type.max_units - input->supply.occupying - input->supply.in_flight;
    bool may_launch = !input->supply.starting && (!input->credentials_problem || !*input->credentials_problem) &&
                      (!input->preflight_waits || !*input->preflight_waits);
    if (out->need > 0 && may_launch)
        plan_lots(input, out->need, room, on_demand_now(memory, input), out, &left_out);
    plan_why(input, room, &left_out, out);
}

bool plan_region_stale(const struct plan_region *region, struct mono now)
{
    return !region->listed || mono_since(region->began, now).us > region->limit.us;
}
