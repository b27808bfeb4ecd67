/* SPDX-License-Identifier: MPL-2.0 */
/* fleet_listing.c: what a complete listing of a region says: rows, absences, and leases that are over.
 * Pure; runs in the supervisor. Only complete listings come here: a partial or failed one changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/fleet.h"

/* Two daemons' clocks and EC2's are not the same clock. */
#define CLOCKS_DIFFER_MS 5000

struct telling {
    struct fleet *fleet;
    const struct fleet_listing *listing;
    fleet_teller *tell;
    void *context;
};

static void say(const struct telling *telling, enum fleet_fact_kind kind, struct instance *instance,
                const struct lease *lease)
{
    telling->tell(telling->context, &(struct fleet_fact){.kind = kind, .instance = instance, .lease = lease});
}

static void keep(char *field, size_t size, const char *value)
{
    if (*value)
        text_copy(field, size, value);
}

/* When it was launched, on our clock: EC2 knows it in wall time only. */
static struct mono launch_time(const struct fleet_listing *listing, struct wall launch_wall)
{
    int64_t age_ms = listing->began_wall.ms - launch_wall.ms;

    if (launch_wall.ms <= 0 || age_ms < 0)
        return listing->began;
    return mono_sub(listing->began, (struct span){age_ms * 1000});
}

/* A grant number may come back after a lost ledger, a token never does. */
static struct lease *lease_of_row(const struct fleet *fleet, const struct proto_ROW *row)
{
    struct lease *lease = row->grant > 0 ? fleet_lease(fleet, row->grant) : NULL;

    if (!lease || !text_equal(lease->type, row->type) || (*row->token && !text_equal(lease->token, row->token)))
        return NULL;
    return lease;
}

static struct instance *add_row(const struct telling *telling, const struct proto_ROW *row)
{
    const struct fleet_listing *listing = telling->listing;
    struct instance *instance = fleet_add_instance(telling->fleet, row->id, row->type);
    struct lease *lease = lease_of_row(telling->fleet, row);

    instance->grant = row->grant;
    instance->revision = row->revision;
    instance->capacity = row->capacity > 0 ? row->capacity : 1;
    text_copy(instance->placement.region, sizeof instance->placement.region, listing->region);
    if (lease)
        fleet_describe_by_lease(instance, lease);
    instance->launch_wall = (struct wall){row->launchWall};
    instance->launched = launch_time(listing, instance->launch_wall);
    instance->state = instance_state_of(row->state);
    keep(instance->incarnation, sizeof instance->incarnation, row->incarnation);
    if (lease)
        say(telling, FLEET_LAUNCHED, instance, lease);
    else
        say(telling, FLEET_ADOPTED, instance, NULL);
    if (*row->incarnation && !text_equal(row->incarnation, listing->incarnation) &&
        row->launchWall > listing->started.ms + CLOCKS_DIFFER_MS)
        say(telling, FLEET_SECOND_DAEMON, instance, NULL);
    return instance;
}

static void copy_row(struct instance *instance, const struct proto_ROW *row)
{
    int market = market_of(row->market);

    keep(instance->placement.zone, sizeof instance->placement.zone, row->zone);
    keep(instance->placement.instance_type, sizeof instance->placement.instance_type, row->instanceType);
    if (market >= 0 && instance_state_of(row->state) != INSTANCE_UNREADABLE)
        instance->placement.market = (enum market)market;
    keep(instance->image, sizeof instance->image, row->imageId);
    keep(instance->token, sizeof instance->token, row->token);
    keep(instance->spec_hash, sizeof instance->spec_hash, row->specHash);
    keep(instance->incarnation, sizeof instance->incarnation, row->incarnation);
    text_copy(instance->reason, sizeof instance->reason, row->reason);
    if (row->launchWall > 0)
        instance->launch_wall = (struct wall){row->launchWall};
}

/* Ends that are somebody's wish say nothing of the image or the placement. */
static bool wished_for(const char *reason)
{
    return text_starts(reason, "Client.UserInitiatedShutdown") ||
           text_starts(reason, "Client.InstanceInitiatedShutdown");
}

static bool is_over(enum instance_state state)
{
    return state == INSTANCE_SHUTTING_DOWN || state == INSTANCE_TERMINATED;
}

/* Once for each instance: did it live through its first two minutes? */
static void judge(const struct telling *telling, struct instance *instance)
{
    struct span age = mono_since(instance->launched, telling->listing->began);

    if (instance->judged || instance->state == INSTANCE_UNREADABLE)
        return;
    if (is_over(instance->state)) {
        instance->judged = true;
        if (age.us <= FLEET_EARLY_DEATH.us && !instance->worked && !instance->condemned && *instance->reason &&
            !wished_for(instance->reason))
            say(telling, FLEET_DIED_EARLY, instance, NULL);
    } else if (age.us >= FLEET_EARLY_DEATH.us) {
        instance->judged = true;
        say(telling, FLEET_SURVIVED, instance, NULL);
    }
}

static void take_row(const struct telling *telling, const struct proto_ROW *row)
{
    struct instance *instance = fleet_instance(telling->fleet, row->id);
    bool is_new = !instance;

    if (is_new)
        instance = add_row(telling, row);
    enum instance_state before = instance->state;
    bool was_listed = instance->listed;
    copy_row(instance, row);
    instance->state = instance_state_of(row->state);
    instance->listed = true;
    instance->absent = false;
    instance->absences = 0;
    instance->mark = telling->fleet->mark;
    judge(telling, instance);
    if (!is_new && is_over(instance->state) && !is_over(before))
        say(telling, FLEET_ENDED, instance, NULL);
    if (instance->state == INSTANCE_UNREADABLE && (is_new || before != INSTANCE_UNREADABLE))
        say(telling, FLEET_UNREADABLE, instance, NULL);
    if (is_new || !was_listed || instance->state != before)
        say(telling, FLEET_CHANGED, instance, NULL);
}

/* Absent from a complete listing. Listings lag behind launches (case B26), and may be wrong once (case B01). */
static bool absence_is_proof(const struct telling *telling, struct instance *instance)
{
    struct span grace = telling->fleet->settings.grace;

    if (!instance_state_occupies(instance->state))
        return true; /* EC2 forgets the terminated after a while */
    if (mono_before(mono_add(instance->launched, grace), telling->listing->began))
        instance->absences++;
    return instance->absences >= 2;
}

static void mark_absences(const struct telling *telling)
{
    struct fleet *fleet = telling->fleet;

    for (size_t i = 0; i < telling->listing->gone_count; i++) {
        struct instance *instance = fleet_instance(fleet, telling->listing->gone[i].id);
        if (instance && instance->mark != fleet->mark &&
            text_equal(instance->placement.region, telling->listing->region))
            instance->absent = true;
    }
    for (size_t i = fleet->instance_count; i-- > 0;) {
        struct instance *instance = fleet->instances[i];
        if (!text_equal(instance->placement.region, telling->listing->region) || instance->mark == fleet->mark)
            continue;
        if (telling->listing->full)
            instance->absent = true;
        if (!instance->absent && instance->listed) {
            judge(telling, instance); /* unchanged, so it was not sent: still there */
            continue;
        }
        if (absence_is_proof(telling, instance)) {
            say(telling, FLEET_GONE, instance, NULL);
            fleet_remove_instance(fleet, instance);
        }
    }
}

static int64_t count_listed(struct fleet *fleet, const struct lease *lease)
{
    const struct fleet_type *type = fleet_type(fleet, lease->type, true);
    int64_t count = 0;

    for (const struct instance *it = type->instances; it; it = it->next_of_type)
        if (it->grant == lease->grant && it->listed && (!*it->token || text_equal(it->token, lease->token)))
            count++;
    return count;
}

static void judge_lease(const struct telling *telling, struct lease *lease)
{
    struct fleet *fleet = telling->fleet;
    struct mono last = mono_max(lease->last_send, lease->holder_gone);
    bool grace_past = mono_before(mono_add(last, fleet->settings.grace), telling->listing->began);

    lease->listed = count_listed(fleet, lease);
    if (lease->state == LEASE_COMMITTING)
        return;
    if (lease->listed >= lease->count)
        fleet_end_lease(fleet, lease, LEASE_LISTED, 0, telling->tell, telling->context);
    else if (grace_past && lease->listed > 0)
        fleet_end_lease(fleet, lease, LEASE_LISTED, lease->count - lease->listed, telling->tell, telling->context);
    else if (grace_past && lease->state == LEASE_UNKNOWN)
        fleet_end_lease(fleet, lease, LEASE_VOID, lease->count, telling->tell, telling->context);
}

void fleet_take_listing(struct fleet *fleet, const struct fleet_listing *listing, fleet_teller *tell, void *context)
{
    struct telling telling = {fleet, listing, tell, context};
    struct fleet_region *region = fleet_region(fleet, listing->region, true);

    fleet->mark++;
    fleet->version++;
    region->listed = true;
    region->generation = listing->generation;
    region->listing = listing->listing;
    region->began = listing->began;
    region->began_wall = listing->began_wall;
    region->took = listing->took;
    for (size_t i = 0; i < listing->row_count; i++)
        take_row(&telling, &listing->rows[i]);
    mark_absences(&telling);
    for (size_t i = fleet->lease_count; i-- > 0;)
        if (text_equal(fleet->leases[i]->placement.region, listing->region))
            judge_lease(&telling, fleet->leases[i]);
}
