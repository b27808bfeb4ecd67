/* SPDX-License-Identifier: MPL-2.0 */
/* decide_facts.c: what a decision and the status both ask of the state: which regions are closed, whether the ledger
 * stops everything, what is held and committed.
 * Runs in: supervisor, main thread. Changes nothing but the counts of the fleet. */
#include "common/text.h"
#include "supervisor/decide.h"

/* ---- what stops whole regions or everything ---- */

static bool all_listed_since(const struct supervisor *supervisor, struct mono since)
{
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (!supervisor->regions[i]->assumed_empty &&
            (!supervisor->regions[i]->view->listed || mono_before(supervisor->regions[i]->view->began, since)))
            return false;
    return true;
}

/* After the loss of the ledger leases may be open that nobody remembers: all regions, and one grace. */
bool decide_rebuilding(const struct supervisor *supervisor)
{
    return supervisor->rebuilt &&
           !all_listed_since(supervisor, mono_add(supervisor->started_mono, supervisor->config->grace));
}

enum denial decide_region_closed(const struct supervisor *supervisor, const char *name)
{
    const struct region_record *region = supervisor_region(supervisor, name);

    if (!region || !region->view->listed || decide_rebuilding(supervisor))
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
