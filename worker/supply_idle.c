/* SPDX-License-Identifier: MPL-2.0 */
/* supply_idle.c: which instances are about to end themselves for idleness, so that a floor is filled up before they do
 * (else the only instance idles out, and its successor boots while a task waits). Pure. Runs in: type worker.
 *
 * An instance's idle clock runs from the last reading that showed it at work, or from when it began to run. Where
 * neither counts nor the claimed list tell, it runs on: too early is better than too late. It is ending while the clock
 * is within `idle_lead` of the limit, before or after. One that lives on beyond that does not end by this clock, and
 * holds the floor again until it is seen at work: a limit that was told wrong costs one successor for each, no more.
 * One that a new worker process finds older than the limit has worked not long ago: its clock starts then. */
#include "worker/supply_parts.h"

static struct mono idle_since(const struct supply_instance *instance)
{
    return mono_before(instance->running_since, instance->at_work) ? instance->at_work : instance->running_since;
}

static int64_t units_that_run(const struct supply *supply)
{
    int64_t units = 0;
    for (size_t i = 0; i < supply->instance_count; i++)
        if (supply->instances[i].state == INSTANCE_RUNNING)
            units += supply->instances[i].capacity;
    return units;
}

void supply_idle_read(struct supply *supply, const struct condemn_reading *reading)
{
    const struct supply_settings *settings = &supply->settings;
    bool all_work = reading->claimed > 0 && reading->claimed >= units_that_run(supply);
    for (size_t i = 0; i < supply->instance_count; i++) {
        struct supply_instance *instance = &supply->instances[i];
        bool named = instance->named && reading->list_known;
        instance->named = false;
        if (settings->idle_limit.us == 0 || instance->state != INSTANCE_RUNNING)
            continue;
        bool found_old =
            !instance->idle_clock && mono_since(idle_since(instance), reading->seen).us > settings->idle_limit.us;
        instance->idle_clock = true;
        if (named || all_work || found_old)
            instance->at_work = reading->seen;
    }
}

bool supply_ending(const struct supply *supply, const struct supply_instance *instance, struct mono now)
{
    const struct supply_settings *settings = &supply->settings;
    if (settings->idle_limit.us == 0 || instance->state != INSTANCE_RUNNING)
        return false;
    int64_t clock = mono_since(idle_since(instance), now).us;
    return clock >= settings->idle_limit.us - settings->idle_lead.us &&
           clock <= settings->idle_limit.us + settings->idle_lead.us;
}

/* The counts alone do not tell which instances are idle. */
bool supply_idle_unclear(const struct supply *supply)
{
    int64_t claimed = supply->last_reading.claimed;
    return supply->settings.idle_limit.us > 0 && claimed > 0 && claimed < units_that_run(supply);
}
