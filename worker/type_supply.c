/* SPDX-License-Identifier: MPL-2.0 */
/* type_supply.c: what is there: takes the type's rows of each region's complete listings, and the spot prices, from
 * the region workers' inventory sockets. Runs in: type worker. It asks EC2 for nothing itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"
#include "worker/type_worker.h"

#define TOPIC_SIZE (NAME_SIZE + 16)
#define EARLY_DEATH SPAN_SECONDS(120)
#define USUAL_BOOT SPAN_SECONDS(120)

/* A floor's successor is launched so long before the idle limit: time to boot and to settle, but at most half of it. */
static struct span idle_lead(const struct definition *definition, struct span idle_limit)
{
    return span_min(SPAN_US(idle_limit.us / 2), SPAN_US(definition->settle.us + USUAL_BOOT.us));
}

static struct supply_settings settings_of(const struct type_worker *worker)
{
    const struct config *config = &worker->config;
    const struct definition *definition = worker->definition;
    struct span idle_limit = definition->min_capacity > 0 ? definition_idle_limit(definition) : SPAN_US(0);
    return (struct supply_settings){.grace = config->grace,
                                    .settle = definition->settle,
                                    .stale_serving = config->stale_serving,
                                    .max_inventory_age = config->max_inventory_age,
                                    .inventory_poll = config->inventory_poll,
                                    .condemn = {.boot_limit = definition->boot_limit,
                                                .pending_limit = definition->pending_limit,
                                                .max_lifetime = definition->max_lifetime},
                                    .idle_limit = idle_limit,
                                    .idle_lead = idle_lead(definition, idle_limit),
                                    .usual_capacity = definition->largest_capacity};
}

/* Launched by an earlier generation and not listed yet. */
static void take_launched(struct type_worker *worker, const struct proto_LAUNCHED *launched)
{
    struct supply_instance instance = {.grant = launched->grant,
                                       .capacity = launched->capacity,
                                       .state = INSTANCE_PENDING,
                                       .market = MARKET_SPOT,
                                       .launched = {launched->launchedMono}};
    text_copy(instance.id, sizeof instance.id, launched->id);
    text_copy(instance.region, sizeof instance.region, launched->region);
    supply_launched(&worker->supply, &instance);
}

/* A lease whose holder is gone: it may have launched, so it is looked up first. */
static void take_lease(struct type_worker *worker, const struct proto_LEASE *lease, struct mono now)
{
    struct proto_GRANT grant = {.grant = lease->grant,
                                .count = lease->count,
                                .capacity = lease->capacity,
                                .maxPrice = lease->maxPrice,
                                .revision = lease->revision};
    text_copy(grant.token, sizeof grant.token, lease->token);
    text_copy(grant.region, sizeof grant.region, lease->region);
    text_copy(grant.zone, sizeof grant.zone, lease->zone);
    text_copy(grant.instanceType, sizeof grant.instanceType, lease->instanceType);
    text_copy(grant.market, sizeof grant.market, lease->market);
    text_copy(grant.specHash, sizeof grant.specHash, lease->specHash);
    struct launch *launch = type_launch_new(worker, &grant);
    type_launch_unknown(launch, now);
}

static int open_inventory(struct type_worker *worker, struct error *err)
{
    char topic[TOPIC_SIZE], endpoint[160];
    const struct config *config = &worker->config;
    worker->inventory = socket_open(worker->bus.context, SOCKET_INVENTORY_CLIENT, worker->options->run_dir,
                                    config->regions[0].name, NULL, err);
    if (!worker->inventory)
        return -1;
    for (size_t i = 1; i < config->region_count; i++) { /* one SUB for all regions: a loop has room for 16 sockets */
        text_format(endpoint, sizeof endpoint, "ipc://%s/inventory-%s.sock", worker->options->run_dir,
                    config->regions[i].name);
        if (zmq_connect(worker->inventory, endpoint) < 0)
            return error_set_errno(err, ERROR_LOCAL, "%s", endpoint);
    }
    text_format(topic, sizeof topic, "type.%s.", worker->options->name);
    zmq_setsockopt(worker->inventory, ZMQ_SUBSCRIBE, topic, strlen(topic));
    zmq_setsockopt(worker->inventory, ZMQ_SUBSCRIBE, "prices.", strlen("prices."));
    return loop_add_socket(worker->loop, worker->inventory, err);
}

int type_supply_start(struct type_worker *worker, const struct proto_WELCOME *welcome, struct error *err)
{
    struct mono now = clock_now();
    struct supply_settings settings = settings_of(worker);
    supply_init(&worker->supply, &settings, now);
    for (size_t i = 0; i < worker->config.region_count; i++)
        supply_add_region(&worker->supply, worker->config.regions[i].name);
    for (size_t i = 0; i < welcome->launched_count; i++)
        take_launched(worker, &welcome->launched[i]);
    for (size_t i = 0; i < welcome->leases_count; i++)
        take_lease(worker, &welcome->leases[i], now);
    worker->next_tick = now;
    return open_inventory(worker, err);
}

static int64_t capacity_of(const void *context, const char *region, const char *instance_type)
{
    const struct definition *definition = context;
    for (size_t i = 0; i < definition->spec_count; i++)
        if (strcmp(definition->specs[i].region, region) == 0 &&
            strcmp(definition->specs[i].instance_type, instance_type) == 0)
            return definition->specs[i].capacity;
    return 0;
}

/* Ended within two minutes of its launch and never worked: its placement looks dearer for a while (case B15). */
static void note_early_deaths(struct type_worker *worker, struct mono now)
{
    for (size_t i = 0; i < worker->supply.instance_count; i++) {
        struct supply_instance *instance = &worker->supply.instances[i];
        bool ended = instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN;
        if (!ended || instance->died_early || instance->worked ||
            mono_since(instance->launched, now).us > EARLY_DEATH.us)
            continue;
        struct placement placement = {.market = instance->market};
        text_copy(placement.region, sizeof placement.region, instance->region);
        text_copy(placement.zone, sizeof placement.zone, instance->zone);
        text_copy(placement.instance_type, sizeof placement.instance_type, instance->instance_type);
        instance->died_early = true;
        health_failed(&worker->health, &placement, now);
    }
}

static void take_inventory(struct type_worker *worker, const struct proto_INVENTORY *listing, struct mono now)
{
    if (worker->registration)
        registration_listed(worker->registration, listing, worker->config.grace);
    if (!supply_listing(&worker->supply, listing, capacity_of, worker->definition, now, clock_wall()))
        return;
    note_early_deaths(worker, now);
    worker->news = true;
}

void type_supply_drain(struct type_worker *worker, struct mono now)
{
    char topic[TOPIC_SIZE];
    struct message message;
    struct error err;
    int got;
    while ((got = message_receive(worker->inventory, topic, sizeof topic, &message, &err)) != 0) {
        if (got < 0) {
            log_repeating(LOG_ERROR_LEVEL, "inventory.bad", worker->options->name, err.text, "problem=%s",
                          log_quote(err.text));
            continue;
        }
        if (message.kind == PROTO_INVENTORY)
            take_inventory(worker, &message.as.INVENTORY, now);
        else if (message.kind == PROTO_PRICES)
            type_options_price(worker, &message.as.PRICES, now);
        message_clear(&message);
    }
}
