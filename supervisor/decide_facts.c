/* SPDX-License-Identifier: MPL-2.0 */
/* decide_facts.c: what a decision and the status both ask of the state: which regions are closed, whether the ledger
 * stops everything, what is held and committed.
 * Runs in: supervisor, main thread. Changes nothing but the counts of the fleet. */
#include "common/text.h"
#include "supervisor/decide.h"
#include "supervisor/rebuild.h"

/* ---- what stops whole regions or everything ---- */

enum denial decide_region_closed(const struct supervisor *supervisor, const char *name)
{
    const struct region_record *region = supervisor_region(supervisor, name);

    if (!region || !region->view->listed || rebuild_holds(supervisor))
        return DENIED_BY_REGION_UNLISTED;
    if (supervisor->frozen || region->frozen)
        return DENIED_BY_FREEZE;
    return fleet_region_stale(supervisor->fleet, region->view, supervisor->now) ? DENIED_BY_REGION_STALE : DENIED_NOT;
}

bool decide_ledger_stopped(const struct supervisor *supervisor)
{
    bool daily = money_compare(supervisor->config->max_daily_cost, MONEY_MAX) < 0;
    return supervisor->ledger_problem[0] != '\0' || (supervisor->budget_unknown && daily);
}

void decide_count(struct supervisor *supervisor)
{
    if (supervisor->counted_version == supervisor->fleet->version)
        return;
    fleet_count(supervisor->fleet, supervisor->now);
    supervisor->counted_version = supervisor->fleet->version;
}

struct money decide_committed(const struct supervisor *supervisor)
{
    struct money sum = MONEY_ZERO;

    for (size_t i = 0; i < supervisor->fleet->type_count; i++) {
        const struct fleet_totals *totals = &supervisor->fleet->types[i]->totals;
        sum = money_add(sum, money_add(totals->held_cost, totals->leased_cost));
    }
    return sum;
}

int64_t decide_priority(const struct type_record *type)
{
    return type->has_priority ? type->priority : type->definition ? type->definition->priority : 0;
}
