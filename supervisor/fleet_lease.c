/* SPDX-License-Identifier: MPL-2.0 */
/* fleet_lease.c: the life of a lease up to a definite result, an unknown outcome, or the death of its holder.
 * Pure; runs in the supervisor. What listings say of leases is in fleet_listing.c. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/fleet.h"

const char *lease_state_name(enum lease_state state)
{
    static const char *const names[] = {
        [LEASE_COMMITTING] = "committing", [LEASE_SENT] = "sent", [LEASE_UNKNOWN] = "unknown"};
    return names[state];
}

const char *lease_end_name(enum lease_end end)
{
    static const char *const names[] = {
        [LEASE_LAUNCHED] = "launched", [LEASE_FAILED] = "failed", [LEASE_UNSENT] = "unsent",
        [LEASE_LISTED] = "listed",     [LEASE_VOID] = "void",     [LEASE_SETTLED] = "settled"};
    return names[end];
}

struct lease *fleet_lease(const struct fleet *fleet, int64_t grant)
{
    for (size_t i = 0; i < fleet->lease_count; i++)
        if (fleet->leases[i]->grant == grant)
            return fleet->leases[i];
    return NULL;
}

static const struct lease *ended_lease(const struct fleet *fleet, int64_t grant)
{
    for (size_t i = 0; i < fleet->ended_count; i++)
        if (fleet->ended[i].grant == grant)
            return &fleet->ended[i];
    return NULL;
}

struct lease *fleet_add_lease(struct fleet *fleet, const struct lease *lease)
{
    if (fleet->lease_count == fleet->lease_room) {
        fleet->lease_room = fleet->lease_room ? fleet->lease_room * 2 : 64;
        fleet->leases = realloc(fleet->leases, fleet->lease_room * sizeof *fleet->leases);
        if (!fleet->leases)
            abort();
    }
    struct lease *it = malloc(sizeof *it);
    if (!it)
        abort();
    *it = *lease;
    fleet->leases[fleet->lease_count++] = it;
    fleet->version++;
    return it;
}

void fleet_end_lease(struct fleet *fleet, struct lease *lease, enum lease_end end, int64_t returned, fleet_teller *tell,
                     void *context)
{
    size_t at = 0;

    tell(context, &(struct fleet_fact){.kind = FLEET_LEASE_ENDED, .lease = lease, .end = end, .returned = returned});
    while (fleet->leases[at] != lease)
        at++;
    memmove(fleet->leases + at, fleet->leases + at + 1, (fleet->lease_count - at - 1) * sizeof *fleet->leases);
    fleet->lease_count--;
    fleet->ended[fleet->ended_next++ % fleet->ended_count] = *lease;
    fleet->version++;
    free(lease);
}

void fleet_lease_sent(struct fleet *fleet, struct lease *lease, struct mono send_by)
{
    lease->state = LEASE_SENT;
    lease->send_by = send_by;
    lease->last_send = send_by; /* until a result says when the call really started */
    lease->holder_gone = MONO_ZERO;
    fleet->version++;
}

static void become_unknown(struct fleet *fleet, struct lease *lease, fleet_teller *tell, void *context)
{
    lease->state = LEASE_UNKNOWN;
    fleet->version++;
    tell(context, &(struct fleet_fact){.kind = FLEET_LEASE_CHANGED, .lease = lease});
}

void fleet_lease_not_sent(struct fleet *fleet, struct lease *lease, fleet_teller *tell, void *context)
{
    if (lease->doubtful)
        become_unknown(fleet, lease, tell, context);
    else
        fleet_end_lease(fleet, lease, LEASE_UNSENT, lease->count, tell, context);
}

void fleet_describe_by_lease(struct instance *instance, const struct lease *lease)
{
    instance->placement = lease->placement;
    instance->grant = lease->grant;
    instance->revision = lease->revision;
    instance->capacity = lease->capacity;
    instance->max_price = lease->max_price;
    text_copy(instance->token, sizeof instance->token, lease->token);
    text_copy(instance->spec_hash, sizeof instance->spec_hash, lease->spec_hash);
}

/* Ids came back. Those that a listing showed before are known already. */
static void take_ids(struct fleet *fleet, const struct lease *lease, const struct fleet_result *result, struct mono now,
                     fleet_teller *tell, void *context)
{
    for (size_t i = 0; i < result->launched_count; i++) {
        if (fleet_instance(fleet, result->launched[i].id))
            continue;
        struct instance *instance = fleet_add_instance(fleet, result->launched[i].id, lease->type);
        fleet_describe_by_lease(instance, lease);
        instance->state = INSTANCE_PENDING;
        instance->launched = now;
        instance->launch_wall = result->wall;
        tell(context, &(struct fleet_fact){.kind = FLEET_LAUNCHED, .lease = lease, .instance = instance});
    }
}

/* Anything but ids: definite only while no outcome of this lease was ever unknown; a mismatch means "look up". */
static void take_no_ids(struct fleet *fleet, struct lease *lease, const struct fleet_result *result, fleet_teller *tell,
                        void *context)
{
    bool definite = !lease->doubtful && (result->outcome == OUTCOME_UNSENT ||
                                         (result->outcome == OUTCOME_FAILED && result->failure != FAILURE_LOOK_UP));

    if (definite) {
        enum lease_end end = result->outcome == OUTCOME_UNSENT ? LEASE_UNSENT : LEASE_FAILED;
        fleet_end_lease(fleet, lease, end, lease->count, tell, context);
        return;
    }
    if (result->outcome != OUTCOME_UNSENT) {
        lease->doubtful = true;
        if (mono_is_set(result->sent))
            lease->last_send = result->sent;
    }
    become_unknown(fleet, lease, tell, context);
}

int fleet_result(struct fleet *fleet, const struct fleet_result *result, struct mono now, fleet_teller *tell,
                 void *context)
{
    struct lease *lease = fleet_lease(fleet, result->grant);
    const struct lease *ended = lease ? NULL : ended_lease(fleet, result->grant);
    const struct lease *known = lease ? lease : ended;

    if (known && !text_equal(known->type, result->type))
        return -1;
    if (!lease) {
        if (ended && result->outcome == OUTCOME_LAUNCHED) {
            const struct lease copy = *ended;
            take_ids(fleet, &copy, result, now, tell, context);
        }
        return 1;
    }
    if (lease->state == LEASE_COMMITTING && !lease->doubtful)
        return -1; /* it never left this process: nobody can have a result of it */
    if (result->outcome == OUTCOME_LAUNCHED && result->launched_count > 0) {
        int64_t returned = lease->count - (int64_t)result->launched_count;
        take_ids(fleet, lease, result, now, tell, context);
        fleet_end_lease(fleet, lease, LEASE_LAUNCHED, returned > 0 ? returned : 0, tell, context);
    } else {
        take_no_ids(fleet, lease, result, tell, context);
    }
    return 0;
}

struct lease *fleet_renew(struct fleet *fleet, int64_t grant, const char *type, int64_t generation)
{
    struct lease *lease = fleet_lease(fleet, grant);

    if (!lease || lease->state != LEASE_UNKNOWN || !text_equal(lease->type, type))
        return NULL;
    lease->state = LEASE_COMMITTING;
    lease->doubtful = true;
    lease->generation = generation;
    fleet->version++;
    return lease;
}

void fleet_holder_gone(struct fleet *fleet, const char *type, int64_t generation, struct mono now, fleet_teller *tell,
                       void *context)
{
    for (size_t i = 0; i < fleet->lease_count; i++) {
        struct lease *lease = fleet->leases[i];
        if (lease->state == LEASE_COMMITTING || lease->generation > generation || !text_equal(lease->type, type) ||
            mono_is_set(lease->holder_gone))
            continue;
        lease->holder_gone = now;
        become_unknown(fleet, lease, tell, context); /* of one that is so already, the time is another now */
    }
}

int64_t fleet_silent_lease(const struct fleet *fleet, const char *type, struct span limit, struct mono now)
{
    for (size_t i = 0; i < fleet->lease_count; i++) {
        const struct lease *lease = fleet->leases[i];
        if (lease->state == LEASE_SENT && mono_reached(mono_add(lease->send_by, limit), now) &&
            text_equal(lease->type, type))
            return lease->grant;
    }
    return 0;
}
