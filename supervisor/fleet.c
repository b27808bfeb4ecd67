/* SPDX-License-Identifier: MPL-2.0 */
/* fleet.c: keeps instances, types and regions findable, and counts what each type holds.
 * Pure; runs in the supervisor; owns the memory of the fleet. Leases are fleet_lease.c, listings fleet_listing.c. */
#include "supervisor/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define ENDED_LEASES 2048 /* remembered, for ids that come late */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

struct fleet *fleet_create(const struct fleet_settings *settings)
{
    struct fleet *fleet = must(calloc(1, sizeof *fleet));

    fleet->settings = *settings;
    fleet->ended = must(calloc(ENDED_LEASES, sizeof *fleet->ended));
    fleet->ended_count = ENDED_LEASES;
    return fleet;
}

void fleet_destroy(struct fleet **fleet)
{
    struct fleet *it = *fleet;

    if (!it)
        return;
    for (size_t i = 0; i < it->lease_count; i++)
        free(it->leases[i]);
    for (size_t i = 0; i < it->instance_count; i++)
        free(it->instances[i]);
    for (size_t i = 0; i < it->type_count; i++)
        free(it->types[i]);
    for (size_t i = 0; i < it->region_count; i++)
        free(it->regions[i]);
    free(it->leases);
    free(it->instances);
    free(it->types);
    free(it->regions);
    free(it->ended);
    free(it);
    *fleet = NULL;
}

/* Makes room for one more in an array of pointers and moves the tail, so that [at] is free. */
static void **open_gap(void **array, size_t count, size_t *room, size_t at)
{
    if (count == *room) {
        *room = *room ? *room * 2 : 64;
        array = must(realloc(array, *room * sizeof *array));
    }
    memmove(array + at + 1, array + at, (count - at) * sizeof *array);
    return array;
}

/* Where `id` is, or where it belongs. */
static size_t place_of_instance(const struct fleet *fleet, const char *id)
{
    size_t low = 0, high = fleet->instance_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(fleet->instances[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct instance *fleet_instance(const struct fleet *fleet, const char *id)
{
    size_t at = place_of_instance(fleet, id);

    return at < fleet->instance_count && text_equal(fleet->instances[at]->id, id) ? fleet->instances[at] : NULL;
}

static size_t place_of_type(const struct fleet *fleet, const char *name)
{
    size_t low = 0, high = fleet->type_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(fleet->types[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct fleet_type *fleet_type(struct fleet *fleet, const char *name, bool create)
{
    size_t at = place_of_type(fleet, name);

    if (at < fleet->type_count && text_equal(fleet->types[at]->name, name))
        return fleet->types[at];
    if (!create)
        return NULL;
    struct fleet_type *type = must(calloc(1, sizeof *type));
    text_copy(type->name, sizeof type->name, name);
    fleet->types = (struct fleet_type **)open_gap((void **)fleet->types, fleet->type_count, &fleet->type_room, at);
    fleet->types[at] = type;
    fleet->type_count++;
    return type;
}

struct fleet_region *fleet_region(struct fleet *fleet, const char *name, bool create)
{
    for (size_t i = 0; i < fleet->region_count; i++)
        if (text_equal(fleet->regions[i]->name, name))
            return fleet->regions[i];
    if (!create)
        return NULL;
    struct fleet_region *region = must(calloc(1, sizeof *region));
    text_copy(region->name, sizeof region->name, name);
    fleet->regions = must(realloc(fleet->regions, (fleet->region_count + 1) * sizeof *fleet->regions));
    fleet->regions[fleet->region_count++] = region;
    return region;
}

struct instance *fleet_add_instance(struct fleet *fleet, const char *id, const char *type)
{
    struct instance *instance = must(calloc(1, sizeof *instance));
    size_t at = place_of_instance(fleet, id);

    text_copy(instance->id, sizeof instance->id, id);
    instance->owner = fleet_type(fleet, type, true);
    instance->next_of_type = instance->owner->instances;
    if (instance->next_of_type)
        instance->next_of_type->previous_of_type = instance;
    instance->owner->instances = instance;
    fleet->instances =
        (struct instance **)open_gap((void **)fleet->instances, fleet->instance_count, &fleet->instance_room, at);
    fleet->instances[at] = instance;
    fleet->instance_count++;
    fleet->version++;
    return instance;
}

void fleet_remove_instance(struct fleet *fleet, struct instance *instance)
{
    size_t at = place_of_instance(fleet, instance->id);

    if (instance->next_of_type)
        instance->next_of_type->previous_of_type = instance->previous_of_type;
    if (instance->previous_of_type)
        instance->previous_of_type->next_of_type = instance->next_of_type;
    else
        instance->owner->instances = instance->next_of_type;
    memmove(fleet->instances + at, fleet->instances + at + 1,
            (fleet->instance_count - at - 1) * sizeof *fleet->instances);
    fleet->instance_count--;
    fleet->version++;
    free(instance);
}

struct instance *fleet_restore(struct fleet *fleet, const struct instance *instance, const char *type)
{
    struct instance *it = fleet_add_instance(fleet, instance->id, type);
    struct instance kept = *it;

    *it = *instance;
    it->owner = kept.owner;
    it->next_of_type = kept.next_of_type;
    it->previous_of_type = kept.previous_of_type;
    return it;
}

struct money instance_price(const struct instance *instance)
{
    return instance->max_price.micros > 0 ? instance->max_price : instance->owner->usual_price;
}

/* ---- how old the view is ---- */

static struct span allowed_age(const struct fleet *fleet, const struct fleet_region *region)
{
    struct span slow = span_scale((struct span){region->took.us + fleet->settings.inventory_poll.us}, 3);
    return span_max(fleet->settings.max_inventory_age, slow);
}

bool fleet_region_stale(const struct fleet *fleet, const struct fleet_region *region, struct mono now)
{
    return !region->listed || mono_since(region->began, now).us > allowed_age(fleet, region).us;
}

/* So long without a listing that its rows leave running and serving: floors can move elsewhere. */
static bool region_is_dark(const struct fleet *fleet, const char *name, struct mono now)
{
    for (size_t i = 0; i < fleet->region_count; i++)
        if (text_equal(fleet->regions[i]->name, name))
            return fleet->regions[i]->listed &&
                   mono_since(fleet->regions[i]->began, now).us > fleet->settings.stale_serving.us;
    return false;
}

/* ---- totals ---- */

static void count_instance(const struct fleet *fleet, const struct instance *instance, struct mono now)
{
    struct fleet_totals *totals = &instance->owner->totals;

    if (!instance_state_occupies(instance->state))
        return;
    totals->held_units += instance->capacity;
    totals->held_instances++;
    totals->held_cost = money_add(totals->held_cost, instance_price(instance));
    if (!instance->listed) {
        totals->unlisted_units += instance->capacity;
        totals->unlisted_instances++;
    }
    if (region_is_dark(fleet, instance->placement.region, now))
        return;
    if (instance->state == INSTANCE_RUNNING)
        totals->running_units += instance->capacity;
    else if (instance->state == INSTANCE_PENDING)
        totals->booting_units += instance->capacity;
    else
        return;
    if (!instance->condemned)
        totals->serving_units += instance->capacity;
}

static void count_lease(struct fleet *fleet, const struct lease *lease)
{
    struct fleet_totals *totals = &fleet_type(fleet, lease->type, true)->totals;
    int64_t rest = lease->count > lease->listed ? lease->count - lease->listed : 0;

    totals->leased_instances += rest;
    totals->leased_units += rest * lease->capacity;
    totals->leased_cost = money_add(totals->leased_cost, money_times(lease->max_price, rest));
}

void fleet_count(struct fleet *fleet, struct mono now)
{
    for (size_t i = 0; i < fleet->type_count; i++)
        fleet->types[i]->totals = (struct fleet_totals){0};
    for (size_t i = 0; i < fleet->instance_count; i++)
        count_instance(fleet, fleet->instances[i], now);
    for (size_t i = 0; i < fleet->lease_count; i++)
        count_lease(fleet, fleet->leases[i]);
}

int64_t fleet_holds_spec(const struct fleet *fleet, const struct fleet_type *type, const char *spec_hash)
{
    int64_t count = 0;

    for (const struct instance *it = type->instances; it; it = it->next_of_type)
        if (instance_state_occupies(it->state) && text_equal(it->spec_hash, spec_hash))
            count++;
    for (size_t i = 0; i < fleet->lease_count; i++) {
        const struct lease *lease = fleet->leases[i];
        if (text_equal(lease->type, type->name) && text_equal(lease->spec_hash, spec_hash) &&
            lease->count > lease->listed)
            count += lease->count - lease->listed;
    }
    return count;
}
