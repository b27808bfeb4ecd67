/* SPDX-License-Identifier: MPL-2.0 */
/* restore.c: puts back into the records what the ledger holds, row by row. Runs in: supervisor, at start.
 * Deadlines come as wall time and are loaded as min(remaining, full period): a clock that was set back must not make a
 * wait longer than it ever was. Open leases count from the first moment. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/amisets.h"
#include "supervisor/events.h"
#include "supervisor/startup.h"

static struct type_record *type_for(struct supervisor *supervisor, const char *name)
{
    struct type_record *type = supervisor_type(supervisor, name);
    return type ? type : supervisor_add_type(supervisor, name);
}

/* The row of a region that is not configured now stays: it may come back. */
static void freeze_region(struct supervisor *supervisor, const char *name)
{
    struct region_record *region = supervisor_region(supervisor, name);

    if (region)
        region->frozen = true;
}

/* No time: its row is that of a damaged ledger's successor, which nobody has started with. */
static void take_rebuilt(struct supervisor *supervisor, int64_t since_ms)
{
    supervisor->rebuilt = true;
    if (since_ms > 0)
        supervisor->rebuilt_since = mono_min(supervisor_mono_of(supervisor, (struct wall){since_ms}), supervisor->now);
}

static void take_meta(void *context, const char *key, const char *value)
{
    struct supervisor *supervisor = context;

    if (text_equal(key, "incarnation"))
        text_copy(supervisor->incarnation, sizeof supervisor->incarnation, value);
    else if (text_equal(key, "backup"))
        supervisor->restored = true;
    else if (text_equal(key, "first-start"))
        supervisor->first_start = true;
    else if (text_equal(key, "rebuilt"))
        take_rebuilt(supervisor, strtoll(value, NULL, 10));
    else if (text_equal(key, "spend-unknown"))
        supervisor->budget_unknown = true;
    else if (text_starts(key, "pause:"))
        type_for(supervisor, key + strlen("pause:"))->paused = true;
    else if (text_starts(key, "retire:"))
        type_for(supervisor, key + strlen("retire:"))->retired = true;
    else if (text_equal(key, "freeze:"))
        supervisor->frozen = true;
    else if (text_starts(key, "freeze:"))
        freeze_region(supervisor, key + strlen("freeze:"));
    else if (text_starts(key, "pin:"))
        type_for(supervisor, key + strlen("pin:"))->pin = strtoll(value, NULL, 10);
}

/* Nobody can be at it since `quiet`, or else since now: its holder died with the last supervisor at the latest. That is
 * written down at once: a daemon that dies again and again waits one grace, not one grace a life. A backup knows
 * nothing of what was sent after it. */
static void take_lease(void *context, const struct lease *lease, struct wall quiet)
{
    struct supervisor *supervisor = context;
    struct lease *added = fleet_add_lease(supervisor->fleet, lease);
    bool known = quiet.ms > 0 && !supervisor->restored;
    struct mono since = known ? supervisor_mono_of(supervisor, quiet) : supervisor->now;

    added->state = LEASE_UNKNOWN;
    added->doubtful = true; /* what its holder may have said died with us */
    added->last_send = added->send_by = added->holder_gone = mono_min(since, supervisor->now);
    if (!known)
        ledger_put_lease(supervisor->ledger, added, supervisor->wall, supervisor->wall, supervisor->wall);
    if (lease->grant > supervisor->last_grant)
        supervisor->last_grant = lease->grant;
}

static void take_highest(void *context, const char *type, int64_t grant)
{
    struct supervisor *supervisor = context;

    type_for(supervisor, type)->highest_grant = grant;
    if (grant > supervisor->last_grant)
        supervisor->last_grant = grant;
}

static void take_instance(void *context, const struct instance *instance, const char *type)
{
    struct supervisor *supervisor = context;
    struct instance *added = fleet_restore(supervisor->fleet, instance, type);

    added->launched = mono_min(supervisor_mono_of(supervisor, instance->launch_wall), supervisor->now);
    if (instance->grant > supervisor->last_grant)
        supervisor->last_grant = instance->grant;
}

static void take_revision(void *context, const char *name, int64_t revision, const char *hash, bool forced)
{
    struct type_record *type = type_for(context, name);

    type->revision = type->newest = revision;
    type->forced = type->newest_forced = forced;
    text_copy(type->newest_hash, sizeof type->newest_hash, hash);
}

static void take_set(void *context, const char *name, int64_t revision, const char *hash)
{
    struct set_record *set = amisets_find(context, name, true);

    set->revision = revision;
    text_copy(set->newest_hash, sizeof set->newest_hash, hash);
}

static void take_dry_run(void *context, const char *type, const char *hash)
{
    canary_prove(&type_for(context, type)->dry_runs, hash, "dry-run");
}

static void take_spec(void *context, const char *type, const char *hash, const char *how)
{
    canary_prove(&type_for(context, type)->proofs, hash, how);
}

static void take_day(void *context, const struct budget_day *day)
{
    struct supervisor *supervisor = context;
    supervisor->day = *day;
}

static void take_breaker(void *context, const struct breaker_entry *stored, struct wall since, struct wall until)
{
    struct supervisor *supervisor = context;
    struct breaker_entry entry = *stored;
    int64_t remaining_ms = until.ms - supervisor->wall.ms;

    entry.since = mono_min(supervisor_mono_of(supervisor, since), supervisor->now);
    entry.until = supervisor->now;
    if (remaining_ms > 0)
        entry.until =
            mono_add(supervisor->now,
                     span_min(SPAN_MS(remaining_ms < INT64_MAX / 2000 ? remaining_ms : INT64_MAX / 2000), entry.delay));
    breakers_restore(supervisor->breakers, &entry);
}

static void take_event(void *context, int64_t sequence, struct wall at, const char *kind, const char *type,
                       const char *region, const char *text)
{
    struct event event = {.sequence = sequence, .at = at};

    text_copy(event.kind, sizeof event.kind, kind);
    text_copy(event.type, sizeof event.type, type);
    text_copy(event.region, sizeof event.region, region);
    text_copy(event.text, sizeof event.text, text);
    event_restore(context, &event);
}

int restore_from_ledger(struct supervisor *supervisor, struct error *err)
{
    static const struct ledger_reader reader = {.meta = take_meta,
                                                .lease = take_lease,
                                                .highest_grant = take_highest,
                                                .instance = take_instance,
                                                .revision = take_revision,
                                                .set = take_set,
                                                .dry_run = take_dry_run,
                                                .spec = take_spec,
                                                .day = take_day,
                                                .breaker = take_breaker,
                                                .event = take_event};

    return ledger_load(supervisor->ledger, &reader, supervisor, err);
}
