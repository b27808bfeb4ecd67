/* SPDX-License-Identifier: MPL-2.0 */
/* rebuild.c: see rebuild.h. Runs in: supervisor, main thread.
 * A ledger looks new when it has no incarnation. The row `first-start` is committed with the incarnation and before any
 * grant, and goes when every region was listed and showed nothing that is older: until then an instance with our
 * deployment's tag says that there was a ledger before this one. */
#include "supervisor/rebuild.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/text.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"

static void keep_time(struct supervisor *supervisor, const char *key, struct wall at)
{
    char value[32];

    text_format(value, sizeof value, "%" PRId64, at.ms);
    ledger_put_meta(supervisor->ledger, key, value);
}

static bool all_listed_since(const struct supervisor *supervisor, struct mono since)
{
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (!supervisor->regions[i]->assumed_empty &&
            (!supervisor->regions[i]->view->listed || mono_before(supervisor->regions[i]->view->began, since)))
            return false;
    return true;
}

bool rebuild_holds(const struct supervisor *supervisor)
{
    struct mono since = mono_add(supervisor->rebuilt_since, supervisor->config->grace);
    struct mono patience = mono_add(supervisor->started_mono, span_scale(supervisor->config->inventory_poll, 3));

    if (supervisor->rebuilt)
        return !all_listed_since(supervisor, since);
    return supervisor->first_start && !mono_reached(patience, supervisor->now) &&
           !all_listed_since(supervisor, supervisor->started_mono);
}

/* ---- a loss ---- */

static void say_lost(struct supervisor *supervisor)
{
    alarm_raise(supervisor, "ledger-lost", "",
                "the ledger was lost: nothing is granted until all regions are listed and one grace is over");
}

/* What may have been granted before counts from now; a new incarnation makes new tokens: a grant's number may come
 * back, a token never (case B24). */
static void begin_rebuilding(struct supervisor *supervisor)
{
    supervisor->first_start = false;
    supervisor->rebuilt = supervisor->budget_unknown = true;
    supervisor->rebuilt_since = supervisor->now;
    keep_time(supervisor, "rebuilt", supervisor->wall);
    ledger_put_meta(supervisor->ledger, "spend-unknown", "yes");
    ledger_remove_meta(supervisor->ledger, "first-start");
}

/* An older ledger was put in place. What was granted or renewed after it may be under way still; its leases' grace
 * begins anew (restore.c). */
static void distrust_backup(struct supervisor *supervisor)
{
    supervisor->incarnation[0] = '\0';
    begin_rebuilding(supervisor);
    ledger_remove_meta(supervisor->ledger, "backup");
    event_record(supervisor, "ledger-restored", NULL, NULL, "the ledger is a backup; what came after it is looked for");
}

void rebuild_begin(struct supervisor *supervisor)
{
    if (supervisor->restored)
        distrust_backup(supervisor);
    else if (supervisor->rebuilt && !mono_is_set(supervisor->rebuilt_since))
        begin_rebuilding(supervisor); /* a successor of a damaged ledger, at its first start */
    if (!supervisor->incarnation[0]) {
        text_random_hex(8, supervisor->incarnation);
        ledger_put_meta(supervisor->ledger, "incarnation", supervisor->incarnation);
        supervisor->first_start = !supervisor->rebuilt;
        if (supervisor->first_start)
            keep_time(supervisor, "first-start", supervisor->wall);
    }
    if (supervisor->rebuilt)
        say_lost(supervisor);
}

void rebuild_saw(struct supervisor *supervisor, const struct instance *instance)
{
    if (!supervisor->first_start || !*instance->incarnation ||
        text_equal(instance->incarnation, supervisor->incarnation) ||
        instance->launch_wall.ms > supervisor->started.ms) /* launched since: another daemon's (case B09) */
        return;
    begin_rebuilding(supervisor);
    event_record(supervisor, "ledger-lost", NULL, instance->placement.region,
                 "there was no ledger, but %s runs for this deployment, of incarnation %s: what runs is adopted",
                 instance->id, instance->incarnation);
    say_lost(supervisor);
}

/* ---- its end ---- */

void rebuild_step(struct supervisor *supervisor)
{
    if (supervisor->first_start && all_listed_since(supervisor, supervisor->started_mono)) {
        supervisor->first_start = false;
        supervisor->arbiter_due = true;
        ledger_remove_meta(supervisor->ledger, "first-start");
    }
    if (!supervisor->rebuilt || rebuild_holds(supervisor))
        return;
    supervisor->rebuilt = false;
    for (size_t i = 0; i < supervisor->region_count; i++)
        supervisor->regions[i]->assumed_empty = false;
    supervisor->arbiter_due = true;
    ledger_remove_meta(supervisor->ledger, "rebuilt");
    alarm_clear(supervisor, "ledger-lost", "");
}
