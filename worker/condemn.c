/* SPDX-License-Identifier: MPL-2.0 */
/* condemn.c: the rules of condemn.h. Pure. Runs in: type worker.
 * Evidence against a running instance: the claimed lists never named it (at least three were read while it ran); where
 * that route is refused, only if the type's claimed count stayed 0 throughout. Without evidence nobody is condemned. */
#include "worker/condemn.h"

#define LEAST_LIST_READINGS 3

#define CAUSE_NAME(symbol, name) name,
static const char *const cause_names[] = {CONDEMN_CAUSES(CAUSE_NAME)};

const char *condemn_cause_name(enum condemn_cause cause)
{
    return cause_names[cause];
}

void condemn_read(struct condemn_watch *watch, const struct condemn_reading *reading, bool running)
{
    if (reading->pending <= 0) { /* unknown stops the clock as well: nobody is condemned for what nobody saw */
        watch->counted_to = MONO_ZERO;
        return;
    }
    if (mono_is_set(watch->counted_to))
        watch->boot_clock.us += mono_since(watch->counted_to, reading->seen).us;
    watch->counted_to = reading->seen;
    if (reading->claimed != 0)
        watch->claimed_seen = true;
    if (running && reading->list_known)
        watch->list_readings++;
}

static bool never_useful(const struct condemn_facts *facts)
{
    if (facts->worked)
        return false;
    if (facts->list_known)
        return facts->watch->list_readings >= LEAST_LIST_READINGS;
    return !facts->watch->claimed_seen;
}

enum condemn_cause condemn_look(const struct condemn_settings *settings, const struct condemn_facts *facts,
                                struct mono now)
{
    struct span age = mono_since(facts->launched, now);
    if (facts->state == INSTANCE_STOPPED)
        return CONDEMN_STOPPED;
    if (facts->state != INSTANCE_PENDING && facts->state != INSTANCE_RUNNING)
        return CONDEMN_NOT;
    if (facts->asked_spot && facts->market == MARKET_ON_DEMAND)
        return CONDEMN_WRONG_MARKET;
    if (age.us > settings->max_lifetime.us)
        return CONDEMN_MAX_LIFETIME;
    if (facts->state == INSTANCE_PENDING)
        return age.us > settings->pending_limit.us ? CONDEMN_PENDING_LIMIT : CONDEMN_NOT;
    if (facts->watch->boot_clock.us > settings->boot_limit.us && never_useful(facts))
        return CONDEMN_BOOT_LIMIT;
    return CONDEMN_NOT;
}
