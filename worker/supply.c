/* SPDX-License-Identifier: MPL-2.0 */
/* supply.c: leases, launched ids, claims and the figures of supply.h. Listings are in supply_listing.c.
 * Pure. Runs in: type worker. */
#include "worker/supply.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/supply_parts.h"

void supply_init(struct supply *supply, const struct supply_settings *settings, struct mono now)
{
    memset(supply, 0, sizeof *supply);
    supply->settings = *settings;
    supply->started = now;
}

void supply_clear(struct supply *supply)
{
    free(supply->instances);
    free(supply->leases);
    memset(supply, 0, sizeof *supply);
}

void supply_add_region(struct supply *supply, const char *name)
{
    if (supply->region_count < CONFIG_MAX_REGIONS)
        text_copy(supply->regions[supply->region_count++].name, NAME_SIZE, name);
}

struct supply_region *supply_region(struct supply *supply, const char *name)
{
    for (size_t i = 0; i < supply->region_count; i++)
        if (strcmp(supply->regions[i].name, name) == 0)
            return &supply->regions[i];
    return NULL;
}

void *supply_grow(void *list, size_t count, size_t size)
{
    void *grown = realloc(list, (count ? count : 1) * size);
    if (!grown)
        abort();
    return grown;
}

/* ---- leases ---- */

struct supply_lease *supply_lease(struct supply *supply, int64_t grant)
{
    for (size_t i = 0; i < supply->lease_count; i++)
        if (supply->leases[i].grant == grant)
            return &supply->leases[i];
    return NULL;
}

void supply_lease_add(struct supply *supply, const struct supply_lease *lease)
{
    struct supply_lease *known = supply_lease(supply, lease->grant);
    if (!known) {
        supply->leases = supply_grow(supply->leases, supply->lease_count + 1, sizeof *supply->leases);
        known = &supply->leases[supply->lease_count++];
    }
    *known = *lease;
}

void supply_lease_end(struct supply *supply, int64_t grant)
{
    struct supply_lease *lease = supply_lease(supply, grant);
    if (lease)
        *lease = supply->leases[--supply->lease_count];
}

int64_t supply_lease_units(const struct supply *supply, const struct supply_lease *lease)
{
    int64_t left = lease->count;
    for (size_t i = 0; i < supply->instance_count && left > 0; i++)
        if (supply->instances[i].grant == lease->grant)
            left--;
    return left * lease->capacity;
}

/* ---- instances ---- */

static size_t place_of(const struct supply *supply, const char *id, bool *found)
{
    size_t low = 0, high = supply->instance_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(supply->instances[middle].id, id);
        if (order == 0)
            return *found = true, middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

struct supply_instance *supply_instance(struct supply *supply, const char *id)
{
    bool found;
    size_t place = place_of(supply, id, &found);
    return found ? &supply->instances[place] : NULL;
}

void supply_launched(struct supply *supply, const struct supply_instance *launched)
{
    bool found;
    size_t place = place_of(supply, launched->id, &found);
    if (found) { /* a listing was faster */
        supply->instances[place].asked_spot |= launched->asked_spot;
        return;
    }
    supply->instances = supply_grow(supply->instances, supply->instance_count + 1, sizeof *supply->instances);
    struct supply_instance *instance = &supply->instances[place];
    memmove(instance + 1, instance, (supply->instance_count - place) * sizeof *instance);
    supply->instance_count++;
    *instance = *launched;
    if (instance->capacity <= 0)
        instance->capacity = supply->settings.usual_capacity;
}

bool supply_worked(struct supply *supply, const char *id)
{
    struct supply_instance *instance = supply_instance(supply, id);
    if (instance)
        instance->named = true;
    if (!instance || instance->worked)
        return false;
    instance->worked = true;
    supply->work_taken++;
    return true;
}

bool supply_unproven(const struct supply *supply)
{
    for (size_t i = 0; i < supply->instance_count; i++)
        if (supply->instances[i].state == INSTANCE_RUNNING && !supply->instances[i].worked)
            return true;
    return supply_idle_unclear(supply);
}

void supply_read(struct supply *supply, const struct condemn_reading *reading)
{
    const struct condemn_reading *last = &supply->last_reading;
    if (mono_is_set(last->seen) && last->claimed >= 0 && reading->claimed > last->claimed)
        supply->work_taken++;
    for (size_t i = 0; i < supply->instance_count; i++)
        condemn_read(&supply->instances[i].watch, reading, supply->instances[i].state == INSTANCE_RUNNING);
    supply_idle_read(supply, reading);
    supply->last_reading = *reading;
}

void supply_condemn(struct supply *supply, bool list_known, struct mono now)
{
    for (size_t i = 0; i < supply->instance_count; i++) {
        struct supply_instance *instance = &supply->instances[i];
        struct condemn_facts facts = {.state = instance->state,
                                      .asked_spot = instance->asked_spot && instance->listed,
                                      .market = instance->market,
                                      .launched = instance->launched,
                                      .worked = instance->worked,
                                      .list_known = list_known,
                                      .watch = &instance->watch};
        instance->condemned = instance->listed ? condemn_look(&supply->settings.condemn, &facts, now) : CONDEMN_NOT;
    }
}

/* ---- figures ---- */

static struct span inventory_limit(const struct supply *supply, const struct supply_region *region)
{
    struct span one_listing = {3 * (region->took.us + supply->settings.inventory_poll.us)};
    return span_max(supply->settings.max_inventory_age, one_listing);
}

/* Dark for so long that its rows no longer count as able to work (they go on occupying). */
static bool region_given_up(const struct supply *supply, const struct supply_region *region, struct mono now)
{
    if (!region->listed)
        return false;
    struct span age = mono_since(region->began, now);
    return age.us > inventory_limit(supply, region).us && age.us > supply->settings.stale_serving.us;
}

static void count_instance(const struct supply *supply, const struct supply_instance *instance, bool given_up,
                           struct mono now, struct plan_supply *out)
{
    if (!instance_state_occupies(instance->state))
        return;
    if (instance->market == MARKET_ON_DEMAND)
        out->on_demand_instances++;
    if (!instance->listed) {
        out->in_flight += instance->capacity;
        out->serving += instance->capacity;
        return;
    }
    out->occupying += instance->capacity;
    out->occupying_instances++;
    if (given_up) {
        out->claimed_unknown = true;
        return;
    }
    if (instance->condemned != CONDEMN_NOT)
        return;
    if (instance->state == INSTANCE_PENDING) {
        out->booting += instance->capacity;
        if (instance->watch.boot_clock.us <= supply->settings.condemn.boot_limit.us)
            out->serving += instance->capacity;
    } else if (instance->state == INSTANCE_RUNNING) {
        out->running += instance->capacity;
        out->serving += instance->capacity;
        if (mono_since(instance->running_since, now).us < supply->settings.settle.us)
            out->young += instance->capacity;
        if (supply_ending(supply, instance, now))
            out->ending += instance->capacity;
    }
}

static bool is_starting(const struct supply *supply, struct mono now)
{
    if (mono_since(supply->started, now).us > supply->settings.max_inventory_age.us)
        return false;
    for (size_t i = 0; i < supply->region_count; i++)
        if (!supply->regions[i].listed)
            return true;
    return false;
}

void supply_figures(const struct supply *supply, struct mono now, struct plan_supply *out)
{
    memset(out, 0, sizeof *out);
    out->starting = is_starting(supply, now);
    out->work_taken = supply->work_taken;
    for (size_t i = 0; i < supply->instance_count; i++) {
        const struct supply_instance *instance = &supply->instances[i];
        bool given_up = false;
        for (size_t r = 0; r < supply->region_count; r++)
            if (strcmp(supply->regions[r].name, instance->region) == 0)
                given_up = region_given_up(supply, &supply->regions[r], now);
        count_instance(supply, instance, given_up, now, out);
    }
    for (size_t i = 0; i < supply->lease_count; i++) {
        int64_t units = supply_lease_units(supply, &supply->leases[i]);
        out->in_flight += units;
        out->serving += units;
        if (supply->leases[i].placement.market == MARKET_ON_DEMAND)
            out->on_demand_instances += units / supply->leases[i].capacity;
    }
}

void supply_plan_regions(const struct supply *supply, struct plan_region *out)
{
    for (size_t i = 0; i < supply->region_count; i++) {
        const struct supply_region *region = &supply->regions[i];
        text_copy(out[i].name, sizeof out[i].name, region->name);
        out[i].listed = region->listed;
        out[i].began = region->began;
        out[i].limit = inventory_limit(supply, region);
    }
}

struct wall supply_oldest_listing(const struct supply *supply)
{
    struct wall oldest = {0};
    for (size_t i = 0; i < supply->region_count; i++) {
        const struct supply_region *region = &supply->regions[i];
        if (!region->listed)
            return (struct wall){0};
        if (i == 0 || region->began_wall.ms < oldest.ms)
            oldest = region->began_wall;
    }
    return oldest;
}
