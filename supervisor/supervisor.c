/* SPDX-License-Identifier: MPL-2.0 */
/* supervisor.c: makes, finds and ends the records, and hands each part its settings.
 * Runs in: supervisor, main thread. Owns the memory of struct supervisor. */
#include "supervisor/supervisor.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/amisets.h"
#include "supervisor/decide.h"
#include "supervisor/decide_journal.h"
#include "supervisor/preflight.h"

/* HUP, then TERM, then KILL: a worker may take 2 s for its call in flight (DESIGN section 9). */
#define STOP_STEP SPAN_SECONDS(4)

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

struct supervisor *supervisor_create(void)
{
    struct supervisor *supervisor = must(calloc(1, sizeof *supervisor));

    for (size_t i = 0; i < sizeof supervisor->lock_fds / sizeof supervisor->lock_fds[0]; i++)
        supervisor->lock_fds[i] = -1;
    supervisor->arbiter_again = MONO_NEVER;
    supervisor->workshop = (struct child_workshop){-1, false, "", -1, -1, -1};
    text_random_hex(8, supervisor->run_id);
    return supervisor;
}

static void destroy_type(struct type_record *type)
{
    definition_destroy(&type->definition);
    free(type->bid.lots);
    free(type->bid.views);
    canary_clear(&type->proofs);
    canary_clear(&type->dry_runs);
    preflight_record_clear(&type->preflight);
    free(type);
}

static void destroy_region(struct region_record *region)
{
    free(region->rows);
    free(region->prices);
    free(region->scope);
    free(region);
}

void supervisor_destroy(struct supervisor **supervisor)
{
    struct supervisor *it = *supervisor;

    if (!it)
        return;
    for (size_t i = 0; i < it->type_count; i++)
        destroy_type(it->types[i]);
    for (size_t i = 0; i < it->region_count; i++)
        destroy_region(it->regions[i]);
    amisets_clear(it);
    price_list_clear(&it->prices);
    free(it->types);
    free(it->regions);
    free(it->secrets);
    decide_journal_close(it);
    decide_destroy(&it->decision);
    breakers_destroy(&it->breakers);
    arbiter_destroy(&it->arbiter);
    fleet_destroy(&it->fleet);
    free(it->config);
    free(it);
    *supervisor = NULL;
}

static size_t place_of(const struct supervisor *supervisor, const char *name)
{
    size_t low = 0, high = supervisor->type_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(supervisor->types[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct type_record *supervisor_type(const struct supervisor *supervisor, const char *name)
{
    size_t at = place_of(supervisor, name);

    return at < supervisor->type_count && text_equal(supervisor->types[at]->name, name) ? supervisor->types[at] : NULL;
}

static uint64_t seed_of(const struct supervisor *supervisor, const char *name)
{
    uint64_t seed = UINT64_C(1469598103934665603) ^ (uint64_t)supervisor->started.ms;

    for (; *name; name++)
        seed = (seed ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return seed;
}

static void begin_worker(struct supervisor *supervisor, struct worker *worker, const char *name, bool is_region)
{
    worker->is_region = is_region;
    text_copy(worker->name, sizeof worker->name, name);
    child_clear(&worker->child);
    process_begin(&worker->process, 0, seed_of(supervisor, name));
}

struct type_record *supervisor_add_type(struct supervisor *supervisor, const char *name)
{
    size_t at = place_of(supervisor, name);
    struct type_record *type = must(calloc(1, sizeof *type));

    text_copy(type->name, sizeof type->name, name);
    begin_worker(supervisor, &type->worker, name, false);
    type->holdings = fleet_type(supervisor->fleet, name, true);
    type->dirty = true;
    supervisor->types = must(realloc(supervisor->types, (supervisor->type_count + 1) * sizeof *supervisor->types));
    memmove(supervisor->types + at + 1, supervisor->types + at,
            (supervisor->type_count - at) * sizeof *supervisor->types);
    supervisor->types[at] = type;
    supervisor->type_count++;
    return type;
}

struct region_record *supervisor_region(const struct supervisor *supervisor, const char *name)
{
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (text_equal(supervisor->regions[i]->name, name))
            return supervisor->regions[i];
    return NULL;
}

struct region_record *supervisor_add_region(struct supervisor *supervisor, const char *name)
{
    struct region_record *region = must(calloc(1, sizeof *region));

    text_copy(region->name, sizeof region->name, name);
    begin_worker(supervisor, &region->worker, name, true);
    region->view = fleet_region(supervisor->fleet, name, true);
    region->dirty = true;
    supervisor->regions =
        must(realloc(supervisor->regions, (supervisor->region_count + 1) * sizeof *supervisor->regions));
    supervisor->regions[supervisor->region_count++] = region;
    return region;
}

void supervisor_begin_helper(struct supervisor *supervisor)
{
    begin_worker(supervisor, &supervisor->helper.worker, "credentials", false);
    supervisor->helper.worker.is_helper = true;
}

size_t supervisor_defined(const struct supervisor *supervisor)
{
    size_t count = 0;

    for (size_t i = 0; i < supervisor->type_count; i++)
        count += supervisor->types[i]->definition != NULL;
    return count;
}

static struct breaker_settings breaker_settings_of(const struct config *config)
{
    return (struct breaker_settings){.enabled = config->breakers,
                                     .capacity_delay = config->capacity_delay,
                                     .breaker_delay = config->breaker_delay,
                                     .breaker_most = config->breaker_most,
                                     .quarantine_delay = config->quarantine_delay,
                                     .definition_probe = config->definition_probe,
                                     .probe_deadline = {config->grace.us + config->launch_limit.us},
                                     .seed = (uint64_t)config->seed};
}

void supervisor_configure(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct fleet_settings fleet = {.grace = config->grace,
                                   .max_inventory_age = config->max_inventory_age,
                                   .stale_serving = config->stale_serving,
                                   .inventory_poll = config->inventory_poll};
    struct breaker_settings breakers = breaker_settings_of(config);

    supervisor->process_settings = (struct process_settings){.hello_limit = config->hello_limit,
                                                             .tick_limit = config->worker_tick_limit,
                                                             .stop_limit = STOP_STEP,
                                                             .backoff_first = config->backoff_first,
                                                             .backoff_most = config->backoff_most,
                                                             .backoff_reset = config->backoff_reset};
    if (!supervisor->fleet)
        supervisor->fleet = must(fleet_create(&fleet));
    supervisor->fleet->settings = fleet;
    if (!supervisor->breakers)
        supervisor->breakers = must(breakers_create(&breakers));
    breakers_configure(supervisor->breakers, &breakers);
    if (!supervisor->arbiter)
        supervisor->arbiter = must(arbiter_create());
}

struct mono supervisor_mono_of(const struct supervisor *supervisor, struct wall at)
{
    int64_t difference_ms = at.ms - supervisor->wall.ms;

    if (difference_ms >= 0)
        return mono_add(supervisor->now, SPAN_MS(difference_ms));
    return mono_sub(supervisor->now, SPAN_MS(-difference_ms));
}
