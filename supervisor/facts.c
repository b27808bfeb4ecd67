/* SPDX-License-Identifier: MPL-2.0 */
/* facts.c: what follows from each fact that fleet.c finds out: rows of the ledger, breakers, returned launch rate,
 * figures, events and alarms. Runs in: supervisor, main thread. See lease.h. */
#include "common/text.h"
#include "supervisor/decide_journal.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"
#include "supervisor/rebuild.h"
#include "supervisor/spend.h"

static struct breaker_subject subject_of(const struct instance *instance)
{
    return (struct breaker_subject){.type = instance->owner->name,
                                    .placement = instance->placement,
                                    .spec_hash = instance->spec_hash,
                                    .subnet = "",
                                    .max_price = instance_price(instance)};
}

static void lease_ended(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    const struct lease *lease = fact->lease;
    struct type_record *type = supervisor_type(supervisor, lease->type);

    if (!COMMITS_FIRST)
        ledger_put_lease(supervisor->ledger, lease, supervisor->wall, supervisor->wall, (struct wall){0});
    ledger_end_lease(supervisor->ledger, lease->grant, lease_end_name(fact->end), supervisor->wall);
    if (fact->end == LEASE_UNSENT)
        breakers_unsent(supervisor->breakers, lease->grant, supervisor->now);
    if (fact->end == LEASE_LISTED) {
        struct breaker_subject subject = lease_subject(lease);
        breakers_launched(supervisor->breakers, &subject, lease->grant, supervisor->now);
    }
    if (fact->end == LEASE_VOID)
        event_record(supervisor, "lease-void", lease->type, lease->placement.region,
                     "grant %lld launched nothing, as a listing begun after its grace shows", (long long)lease->grant);
    if (fact->end != LEASE_VOID && fact->returned > 0)
        decide_returned(supervisor, lease->placement.region, fact->end == LEASE_UNSENT ? 1 : 0, fact->returned);
    if (type)
        type->dirty = true;
    supervisor->arbiter_due = true;
}

/* Its outcome is unknown. Since when nobody can be at it outlives a restart, once its holder is reaped. */
static void lease_changed(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    struct mono since = mono_max(fact->lease->last_send, fact->lease->holder_gone);
    struct wall quiet = {0};

    if (mono_is_set(fact->lease->holder_gone))
        quiet.ms = supervisor->wall.ms - mono_since(since, supervisor->now).us / 1000;
    ledger_put_lease(supervisor->ledger, fact->lease, supervisor->wall, supervisor->wall, quiet);
}

static void launched(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    struct type_record *type = supervisor_type(supervisor, fact->instance->owner->name);

    if (!*fact->instance->incarnation)
        text_copy(fact->instance->incarnation, sizeof fact->instance->incarnation, supervisor->incarnation);
    ledger_put_instance(supervisor->ledger, fact->instance);
    supervisor->counters.launched++;
    if (!type)
        return;
    type->counters.launched++;
    type->counters.last_launch = supervisor->wall;
}

static void adopted(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    ledger_put_instance(supervisor->ledger, fact->instance);
    supervisor->adopted++;
    spend_catch_up(supervisor, fact->instance);
    rebuild_saw(supervisor, fact->instance);
    if (fact->instance->grant > supervisor->last_grant)
        supervisor->last_grant = fact->instance->grant; /* of a ledger that was lost: its numbers are not given again */
}

static void changed(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    struct type_record *type = supervisor_type(supervisor, fact->instance->owner->name);

    ledger_put_instance(supervisor->ledger, fact->instance);
    if (type)
        type->dirty = true;
}

static void gone(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    struct type_record *type = supervisor_type(supervisor, fact->instance->owner->name);

    ledger_remove_instance(supervisor->ledger, fact->instance->id);
    if (type)
        type->dirty = true;
}

static bool is_lack_of_capacity(const char *reason)
{
    return text_starts(reason, "Server.Spot") || text_starts(reason, "Server.InsufficientInstanceCapacity");
}

/* EC2 took it back, whatever its age: such ends say how dear a placement's interruptions are. */
static void ended(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    const struct instance *instance = fact->instance;
    struct type_record *type = supervisor_type(supervisor, instance->owner->name);

    if (!text_starts(instance->reason, "Server.Spot"))
        return;
    event_record(supervisor, "interrupted", instance->owner->name, instance->placement.region,
                 "EC2 took %s back, %s in %s: %s", instance->id, instance->placement.instance_type,
                 instance->placement.zone, instance->reason);
    if (type)
        type->counters.interrupted++;
}

static void died_early(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    const struct instance *instance = fact->instance;
    struct breaker_subject subject = subject_of(instance);
    struct type_record *type = supervisor_type(supervisor, instance->owner->name);

    if (type)
        type->counters.died_early++;
    event_record(supervisor, "early-death", instance->owner->name, instance->placement.region,
                 "%s ended within two minutes of its launch: %s", instance->id, instance->reason);
    if (is_lack_of_capacity(instance->reason)) /* EC2 took the machine back: says nothing of the image */
        breakers_failed(supervisor->breakers, &subject, instance->grant, FAILURE_CAPACITY, instance->reason, "",
                        supervisor->now);
    else
        breakers_died_early(supervisor->breakers, &subject, instance->grant, instance->reason, supervisor->now);
    supervisor->arbiter_due = true;
}

static void survived(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    struct breaker_subject subject = subject_of(fact->instance);

    if (fact->instance->grant > 0)
        breakers_survived(supervisor->breakers, &subject, fact->instance->grant, supervisor->now);
}

static void unreadable(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    alarm_raise(supervisor, "unreadable-row", fact->instance->placement.region,
                "the row of %s could not be read; it counts as occupying", fact->instance->id);
}

static void second_daemon(struct supervisor *supervisor, const struct fleet_fact *fact)
{
    alarm_raise(supervisor, "second-daemon", fact->instance->placement.region,
                "%s was launched for this deployment id by another daemon, incarnation %s, since we started",
                fact->instance->id, fact->instance->incarnation);
}

void lease_take_fact(void *context, const struct fleet_fact *fact)
{
    typedef void consequence(struct supervisor * supervisor, const struct fleet_fact *fact);
    static consequence *const consequences[] = {
        [FLEET_LEASE_ENDED] = lease_ended,
        [FLEET_LEASE_CHANGED] = lease_changed,
        [FLEET_LAUNCHED] = launched,
        [FLEET_ADOPTED] = adopted,
        [FLEET_CHANGED] = changed,
        [FLEET_GONE] = gone,
        [FLEET_DIED_EARLY] = died_early,
        [FLEET_ENDED] = ended,
        [FLEET_SURVIVED] = survived,
        [FLEET_UNREADABLE] = unreadable,
        [FLEET_SECOND_DAEMON] = second_daemon,
    };
    consequences[fact->kind](context, fact);
}
