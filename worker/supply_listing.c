/* SPDX-License-Identifier: MPL-2.0 */
/* supply_listing.c: merges one type's rows of a complete listing into what is known.
 * Pure. Runs in: type worker. Both sides are sorted by id, so that ten thousand rows cost one pass.
 * Instances of other regions are not touched. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/supply_parts.h"

#define ABSENT_LISTINGS 2 /* that count, before an instance is gone */

struct merge {
    struct supply *supply;
    const struct supply_region *region;
    struct mono now;
    struct wall wall;
    int64_t (*capacity_of)(const void *context, const char *region, const char *instance_type);
    const void *context;
};

static int compare_rows(const void *first, const void *second)
{
    const struct proto_ROW *const *a = first, *const *b = second;
    return strcmp((*a)->id, (*b)->id);
}

/* EC2's launch time on our clock; for people's clocks jump, it is only used where we did not see the launch. */
static struct mono launch_time(const struct merge *merge, int64_t launch_wall_ms)
{
    int64_t age_ms = launch_wall_ms > 0 && launch_wall_ms < merge->wall.ms ? merge->wall.ms - launch_wall_ms : 0;
    return mono_sub(merge->now, SPAN_MS(age_ms));
}

static void new_instance(const struct merge *merge, const struct proto_ROW *row, struct supply_instance *out)
{
    struct supply_lease *lease = row->grant ? supply_lease(merge->supply, row->grant) : NULL;
    memset(out, 0, sizeof *out);
    text_copy(out->id, sizeof out->id, row->id);
    text_copy(out->region, sizeof out->region, merge->region->name);
    out->launched = launch_time(merge, row->launchWall);
    out->asked_spot = lease && lease->placement.market == MARKET_SPOT;
}

static int64_t units_of(const struct merge *merge, const struct proto_ROW *row, int64_t known)
{
    if (row->capacity > 0)
        return row->capacity;
    int64_t defined =
        merge->capacity_of ? merge->capacity_of(merge->context, merge->region->name, row->instanceType) : 0;
    if (defined > 0)
        return defined;
    return known > 0 ? known : merge->supply->settings.usual_capacity;
}

/* In the first listing of all, whatever runs has run since about its launch; later the change is seen. */
static struct mono running_since(const struct merge *merge, const struct supply_instance *instance, bool first_seen)
{
    if (mono_is_set(instance->running_since))
        return instance->running_since;
    return first_seen && !merge->region->listed ? instance->launched : merge->now;
}

static void update_instance(const struct merge *merge, const struct proto_ROW *row, struct supply_instance *instance)
{
    bool first_seen = !instance->listed;
    instance->state = instance_state_of(row->state);
    instance->market = strcmp(row->market, "on-demand") == 0 ? MARKET_ON_DEMAND : MARKET_SPOT;
    instance->capacity = units_of(merge, row, instance->capacity);
    if (row->grant)
        instance->grant = row->grant;
    text_copy(instance->zone, sizeof instance->zone, row->zone);
    text_copy(instance->instance_type, sizeof instance->instance_type, row->instanceType);
    instance->running_since =
        instance->state == INSTANCE_RUNNING ? running_since(merge, instance, first_seen) : MONO_ZERO;
    instance->listed = true;
    instance->absent = 0;
}

/* True while a missing instance still counts. */
static bool absent_stays(const struct merge *merge, struct supply_instance *instance, struct mono began)
{
    if (!instance_state_occupies(instance->state))
        return false;
    if (mono_before(mono_add(instance->launched, merge->supply->settings.grace), began))
        instance->absent++;
    return instance->absent < ABSENT_LISTINGS;
}

/* A lease ends when a listing that began more than `grace` after its last send is there: its rows stand for it, the
 * rest is void (DESIGN section 4, end of a lease, c and d). */
static void end_leases(struct supply *supply, const char *region, struct mono began)
{
    for (size_t i = supply->lease_count; i-- > 0;) {
        struct supply_lease *lease = &supply->leases[i];
        if (lease->unknown && strcmp(lease->placement.region, region) == 0 &&
            mono_before(mono_add(lease->sent, supply->settings.grace), began))
            supply_lease_end(supply, lease->grant);
    }
}

static const struct proto_ROW **sorted_rows(const struct proto_INVENTORY *listing)
{
    const struct proto_ROW **rows = supply_grow(NULL, listing->rows_count, sizeof *rows);
    for (size_t i = 0; i < listing->rows_count; i++)
        rows[i] = &listing->rows[i];
    qsort(rows, listing->rows_count, sizeof *rows, compare_rows);
    return rows;
}

static void merge_rows(const struct merge *merge, const struct proto_INVENTORY *listing, struct mono began)
{
    struct supply *supply = merge->supply;
    const struct proto_ROW **rows = sorted_rows(listing);
    struct supply_instance *merged = supply_grow(NULL, supply->instance_count + listing->rows_count, sizeof *merged);
    size_t count = 0, row = 0, old = 0;

    while (row < listing->rows_count || old < supply->instance_count) {
        if (row > 0 && row < listing->rows_count && strcmp(rows[row]->id, rows[row - 1]->id) == 0) {
            row++; /* the same id twice counts once (case B30) */
            continue;
        }
        int order = row == listing->rows_count      ? 1
                    : old == supply->instance_count ? -1
                                                    : strcmp(rows[row]->id, supply->instances[old].id);
        if (order > 0) { /* known, not in this listing */
            struct supply_instance *instance = &supply->instances[old++];
            if (strcmp(instance->region, merge->region->name) != 0 || absent_stays(merge, instance, began))
                merged[count++] = *instance;
            continue;
        }
        if (order < 0)
            new_instance(merge, rows[row], &merged[count]);
        else
            merged[count] = supply->instances[old++];
        update_instance(merge, rows[row++], &merged[count++]);
    }
    free(rows);
    free(supply->instances);
    supply->instances = merged;
    supply->instance_count = count;
}

bool supply_listing(struct supply *supply, const struct proto_INVENTORY *listing,
                    int64_t (*capacity_of)(const void *context, const char *region, const char *instance_type),
                    const void *context, struct mono now, struct wall wall)
{
    struct supply_region *region = supply_region(supply, listing->region);
    struct mono began = {listing->beganMono};
    if (!region || (region->listed && !mono_before(region->began, began)))
        return false;
    struct merge merge = {supply, region, now, wall, capacity_of, context};
    merge_rows(&merge, listing, began);
    end_leases(supply, region->name, began);
    region->listed = true;
    region->generation = listing->generation;
    region->listing = listing->listing;
    region->began = began;
    region->began_wall = (struct wall){listing->beganWall};
    region->took = SPAN_US(listing->tookUs);
    return true;
}
