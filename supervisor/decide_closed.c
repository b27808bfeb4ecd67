/* SPDX-License-Identifier: MPL-2.0 */
/* decide_closed.c: what stops launches of a whole region, or everywhere: no listing, a stale one, a freeze, a ledger
 * that was lost or cannot be written. Runs in: supervisor, main thread. Changes nothing. See decide.h. */
#include "supervisor/decide.h"

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
