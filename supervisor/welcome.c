/* SPDX-License-Identifier: MPL-2.0 */
/* welcome.c: builds WELCOME, BREAKERS and SCOPE. Runs in: supervisor, main thread. See welcome.h and bus.h. */
#include "supervisor/welcome.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/preflight.h"

#define BREAKERS_EVERY SPAN_MS(100)

static void *room_for(size_t count, size_t size)
{
    void *room = calloc(count + 1, size);
    if (!room)
        abort();
    return room;
}

static uint64_t hash_of(const void *bytes, size_t size)
{
    uint64_t hash = UINT64_C(1469598103934665603);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    return hash | 1; /* 0: nothing was sent yet */
}

static void fill_lease(struct proto_LEASE *out, const struct lease *lease)
{
    out->grant = lease->grant;
    text_copy(out->token, sizeof out->token, lease->token);
    text_copy(out->region, sizeof out->region, lease->placement.region);
    text_copy(out->zone, sizeof out->zone, lease->placement.zone);
    text_copy(out->instanceType, sizeof out->instanceType, lease->placement.instance_type);
    text_copy(out->market, sizeof out->market, market_name(lease->placement.market));
    out->count = lease->count;
    out->capacity = lease->capacity;
    out->maxPrice = lease->max_price.micros;
    out->revision = lease->revision;
    text_copy(out->specHash, sizeof out->specHash, lease->spec_hash);
    text_copy(out->state, sizeof out->state, lease_state_name(lease->state));
}

/* Grants that have not left are none of its business yet. */
static void fill_leases(const struct supervisor *supervisor, const char *type, struct proto_WELCOME *welcome)
{
    const struct fleet *fleet = supervisor->fleet;

    welcome->leases = room_for(fleet->lease_count, sizeof *welcome->leases);
    for (size_t i = 0; i < fleet->lease_count; i++)
        if (fleet->leases[i]->state != LEASE_COMMITTING && text_equal(fleet->leases[i]->type, type))
            fill_lease(&welcome->leases[welcome->leases_count++], fleet->leases[i]);
}

static void fill_launched(const struct type_record *type, struct proto_WELCOME *welcome)
{
    welcome->launched = room_for((size_t)type->holdings->totals.unlisted_instances, sizeof *welcome->launched);
    for (const struct instance *it = type->holdings->instances; it; it = it->next_of_type) {
        if (it->listed || !instance_state_occupies(it->state) ||
            (int64_t)welcome->launched_count >= type->holdings->totals.unlisted_instances)
            continue;
        struct proto_LAUNCHED *out = &welcome->launched[welcome->launched_count++];
        text_copy(out->id, sizeof out->id, it->id);
        out->grant = it->grant;
        text_copy(out->region, sizeof out->region, it->placement.region);
        out->capacity = it->capacity > 0 ? it->capacity : 1;
        out->launchedMono = it->launched.us > 0 ? it->launched.us : 0;
    }
}

static void fill_for_type(const struct supervisor *supervisor, const struct type_record *type,
                          struct proto_WELCOME *welcome)
{
    welcome->definition = json_text(type->definition->document);
    json_t *images = preflight_known_images(supervisor, type->definition->ami_set);
    welcome->images = json_text(images);
    json_decref(images);
    welcome->forced = type->forced;
    welcome->revision = type->revision;
    welcome->seen = type->highest_grant;
    welcome->pollMs = type->pace.poll_ms;
    welcome->phaseMs = type->pace.phase_ms;
    fill_leases(supervisor, type->name, welcome);
    fill_launched(type, welcome);
}

/* ---- regions ---- */

static bool names_region(const struct definition *definition, const char *region)
{
    for (size_t i = 0; i < definition->spec_count; i++)
        if (text_equal(definition->specs[i].region, region))
            return true;
    return false;
}

char *welcome_scope(const struct supervisor *supervisor, const char *region)
{
    json_t *scope = json_object(), *types = json_array(), *kinds = json_array(), *known = json_object();
    const char *kind;
    json_t *ignored;

    for (size_t i = 0; i < supervisor->type_count; i++) {
        const struct definition *definition = supervisor->types[i]->definition;
        if (!definition || !names_region(definition, region))
            continue;
        json_array_append_new(types, json_string(definition->name));
        for (size_t k = 0; k < definition->spec_count; k++)
            if (text_equal(definition->specs[k].region, region))
                json_object_set_new(known, definition->specs[k].instance_type, json_true());
    }
    json_object_foreach(known, kind, ignored)
    {
        json_array_append_new(kinds, json_string(kind));
    }
    json_object_set_new(scope, "instanceTypes", kinds);
    json_object_set_new(scope, "types", types);
    char *text = json_text(scope);
    json_decref(known);
    json_decref(scope);
    return text;
}

static void fill_for_region(const struct supervisor *supervisor, struct region_record *region,
                            struct proto_WELCOME *welcome)
{
    welcome->definition = welcome_scope(supervisor, region->name);
    free(region->scope);
    region->scope = welcome->definition ? strdup(welcome->definition) : NULL;
}

static void send_prices(struct supervisor *supervisor, struct type_record *type);

int welcome_send(struct supervisor *supervisor, struct worker *worker)
{
    struct message message = {.kind = PROTO_WELCOME};
    json_t *settings = config_print(supervisor->config);

    message.as.WELCOME.settings = json_text(settings);
    json_decref(settings);
    text_copy(message.as.WELCOME.incarnation, sizeof message.as.WELCOME.incarnation, supervisor->incarnation);
    if (worker->is_helper)
        message.as.WELCOME.definition = strdup("{}");
    else if (worker->is_region)
        fill_for_region(supervisor, region_of_worker(worker), &message.as.WELCOME);
    else if (type_of_worker(worker)->definition)
        fill_for_type(supervisor, type_of_worker(worker), &message.as.WELCOME);
    CRASH_POINT(supervisor_before_welcome);
    int result = message.as.WELCOME.definition ? bus_post(supervisor, worker, &message) : -1;
    CRASH_POINT(supervisor_after_welcome);
    message_clear(&message);
    if (worker_is_type(worker)) {
        type_of_worker(worker)->copy_hash = type_of_worker(worker)->prices_hash = 0;
        supervisor->breakers_version = 0; /* it needs its copy of them */
        send_prices(supervisor, type_of_worker(worker));
    }
    return result;
}

void bus_send_scopes(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->region_count; i++) {
        struct region_record *region = supervisor->regions[i];
        if (region->worker.process.state != PROCESS_LIVE)
            continue;
        struct message message = {.kind = PROTO_SCOPE};
        message.as.SCOPE.definition = welcome_scope(supervisor, region->name);
        CRASH_POINT(supervisor_before_scope);
        if (message.as.SCOPE.definition && !text_equal(message.as.SCOPE.definition, region->scope) &&
            bus_post(supervisor, &region->worker, &message) == 0) {
            free(region->scope);
            region->scope = strdup(message.as.SCOPE.definition);
        }
        message_clear(&message);
    }
}

/* ---- on-demand prices ---- */

static bool has_placement(const struct definition *definition, const struct price_row *row)
{
    for (size_t i = 0; i < definition->spec_count; i++)
        if (text_equal(definition->specs[i].region, row->region) &&
            text_equal(definition->specs[i].instance_type, row->instance_type))
            return true;
    return false;
}

static void fill_prices(const struct supervisor *supervisor, const struct type_record *type,
                        struct proto_ON_DEMAND *out)
{
    out->prices = room_for(supervisor->prices.count, sizeof *out->prices);
    for (size_t i = 0; i < supervisor->prices.count; i++) {
        const struct price_row *row = &supervisor->prices.rows[i];
        if (!has_placement(type->definition, row))
            continue;
        struct proto_ON_DEMAND_PRICE *price = &out->prices[out->prices_count++];
        text_copy(price->region, sizeof price->region, row->region);
        text_copy(price->instanceType, sizeof price->instanceType, row->instance_type);
        price->price = row->per_hour.micros;
    }
}

/* A type that may not launch on demand needs none; a worker has none until it was told. */
static void send_prices(struct supervisor *supervisor, struct type_record *type)
{
    struct message message = {.kind = PROTO_ON_DEMAND};

    if (!type->definition || !type->definition->can_use_on_demand)
        return;
    fill_prices(supervisor, type, &message.as.ON_DEMAND);
    size_t count = message.as.ON_DEMAND.prices_count;
    uint64_t hash = hash_of(message.as.ON_DEMAND.prices, count * sizeof *message.as.ON_DEMAND.prices);
    CRASH_POINT(supervisor_before_prices);
    if (hash != type->prices_hash && (count > 0 || type->prices_hash != 0) &&
        bus_post(supervisor, &type->worker, &message) == 0)
        type->prices_hash = hash;
    message_clear(&message);
}

void bus_send_on_demand(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (supervisor->types[i]->worker.process.state == PROCESS_LIVE)
            send_prices(supervisor, supervisor->types[i]);
}

/* ---- breakers ---- */

static void fill_breaker(struct proto_BREAKER *out, const struct breaker_entry *entry)
{
    text_copy(out->scope, sizeof out->scope, entry->scope);
    text_copy(out->failure, sizeof out->failure, failure_name(entry->failure));
    text_copy(out->code, sizeof out->code, entry->code);
    text_copy(out->type, sizeof out->type, entry->type);
    text_copy(out->region, sizeof out->region, entry->region);
    text_copy(out->zone, sizeof out->zone, entry->zone);
    text_copy(out->instanceType, sizeof out->instanceType, entry->instance_type);
    text_copy(out->market, sizeof out->market, entry->market);
    text_copy(out->specHash, sizeof out->specHash, entry->spec_hash);
    text_copy(out->subnet, sizeof out->subnet, entry->subnet);
    text_copy(out->quotaClass, sizeof out->quotaClass, entry->quota_class);
    out->priceAtMost = money_compare(entry->price_at_most, MONEY_MAX) == 0 ? -1 : entry->price_at_most.micros;
    text_copy(out->state, sizeof out->state, entry->state == BREAKER_CLOSED ? "closed" : "half-open");
    out->untilMono = entry->until.us > 0 ? entry->until.us : 0;
}

static void send_copy(struct supervisor *supervisor, struct type_record *type, const struct breaker_entry *entries,
                      size_t count)
{
    struct message message = {.kind = PROTO_BREAKERS};
    struct proto_BREAKERS *copy = &message.as.BREAKERS;

    copy->breakers = room_for(count, sizeof *copy->breakers);
    for (size_t i = 0; i < count; i++)
        if (!*entries[i].type || text_equal(entries[i].type, type->name))
            fill_breaker(&copy->breakers[copy->breakers_count++], &entries[i]);
    CRASH_POINT(supervisor_before_breakers);
    uint64_t hash = hash_of(copy->breakers, copy->breakers_count * sizeof *copy->breakers);
    if (hash != type->copy_hash) {
        if (bus_post(supervisor, &type->worker, &message) == 0)
            type->copy_hash = hash;
        else
            supervisor->breakers_version = 0; /* it takes nothing now: again, a little later */
    }
    message_clear(&message);
}

static void keep_in_ledger(struct supervisor *supervisor, const struct breaker_entry *entries, size_t count)
{
    ledger_clear_breakers(supervisor->ledger);
    for (size_t i = 0; i < count; i++) {
        int64_t since_ms = mono_since(entries[i].since, supervisor->now).us / 1000;
        int64_t until_ms = mono_since(supervisor->now, entries[i].until).us / 1000;
        ledger_put_breaker(supervisor->ledger, &entries[i], (struct wall){supervisor->wall.ms - since_ms},
                           (struct wall){supervisor->wall.ms + until_ms});
    }
}

void bus_send_breakers(struct supervisor *supervisor)
{
    uint64_t version = breakers_version(supervisor->breakers);

    if (version == supervisor->breakers_version ||
        mono_since(supervisor->breakers_sent, supervisor->now).us < BREAKERS_EVERY.us)
        return;
    supervisor->breakers_version = version;
    supervisor->breakers_sent = supervisor->now;
    size_t all = breakers_count(supervisor->breakers), count = 0;
    struct breaker_entry *entries = room_for(all, sizeof *entries);
    for (size_t i = 0; i < all; i++) {
        breakers_entry(supervisor->breakers, i, supervisor->now, &entries[count]);
        count += entries[count].state != BREAKER_OPEN;
    }
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (supervisor->types[i]->worker.process.state == PROCESS_LIVE)
            send_copy(supervisor, supervisor->types[i], entries, count);
    keep_in_ledger(supervisor, entries, count);
    free(entries);
}
