/* SPDX-License-Identifier: MPL-2.0 */
/* region_worker.c: the life of a region worker: hello and welcome, its loop, its lanes' shared call budget, its end.
 * Runs in: provisiond-worker --region NAME. Owns: struct region_worker. May not touch: other regions, the ledger.
 * A dead region is one dead region worker. A tick is complete with each page answered or timed out, or when a bounded
 * wait went by with nothing to do. */
#include "worker/region_worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"
#include "worker/start.h"

/* ---- what the supervisor wants to know about ---- */

bool region_has_name(const struct name_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

void region_add_name(struct name_list *list, const char *name)
{
    if (!*name || strlen(name) >= NAME_SIZE || region_has_name(list, name))
        return;
    list->names = realloc(list->names, (list->count + 1) * sizeof *list->names);
    if (!list->names)
        abort();
    text_copy(list->names[list->count++], NAME_SIZE, name);
}

static void add_names(struct name_list *list, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        if (name)
            region_add_name(list, name);
    }
}

/* {"instanceTypes": [...], "types": [...]}: types once known stay so, for they may still have instances. */
static int take_scope(struct region_worker *worker, const char *text, struct error *err)
{
    json_t *scope = json_read_text("scope", text, strlen(text), err);
    if (!scope)
        return -1;
    worker->instance_types.count = 0;
    add_names(&worker->instance_types, json_object_get(scope, "instanceTypes"));
    add_names(&worker->types, json_object_get(scope, "types"));
    worker->prices.next = MONO_ZERO;
    json_decref(scope);
    return 0;
}

/* ---- start ---- */

static int open_sockets(struct region_worker *worker, struct error *err)
{
    const char *run_dir = worker->options->run_dir, *region = worker->options->name;
    worker->inventory = socket_open(worker->bus.context, SOCKET_INVENTORY_SERVER, run_dir, region, NULL, err);
    worker->lookups = socket_open(worker->bus.context, SOCKET_LOOKUP_SERVER, run_dir, region, NULL, err);
    if (!worker->inventory || !worker->lookups)
        return -1;
    return loop_add_socket(worker->loop, worker->lookups, err);
}

static int take_welcome(void *context, const struct proto_WELCOME *welcome, struct error *err)
{
    struct region_worker *worker = context;
    const char *region = worker->options->name;
    if (start_read_settings(welcome->settings, &worker->config, err) < 0 ||
        take_scope(worker, welcome->definition, err) < 0)
        return -1;
    if (!config_region(&worker->config, region))
        return error_set(err, ERROR_INPUT, "region %s is not in the settings", region);
    text_copy(worker->incarnation, sizeof worker->incarnation, welcome->incarnation);
    worker->http = start_http(worker->loop, &worker->config, err);
    if (!worker->http ||
        keys_create(&worker->keys, worker->loop, worker->bus.context, worker->options->run_dir, err) < 0)
        return -1;
    worker->cloud = (struct cloud){.http = worker->http,
                                   .keys = worker->keys,
                                   .deployment_id = worker->config.deployment_id,
                                   .connect_limit = worker->config.connect_limit};
    text_copy(worker->cloud.region, sizeof worker->cloud.region, region);
    config_ec2_endpoint(&worker->config, region, worker->cloud.endpoint, sizeof worker->cloud.endpoint);
    worker->tick_began = worker->calls_at = clock_now();
    worker->calls = 1;
    return open_sockets(worker, err);
}

/* ---- what the lanes share ---- */

static void refill_calls(struct region_worker *worker, struct mono now)
{
    double rate = worker->config.describe_rate > 0 ? worker->config.describe_rate : 1;
    double depth = rate > 1 ? rate : 1;
    worker->calls += span_seconds(mono_since(worker->calls_at, now)) * rate;
    if (worker->calls > depth)
        worker->calls = depth;
    worker->calls_at = now;
}

bool region_take_call(struct region_worker *worker, struct mono now)
{
    refill_calls(worker, now);
    if (worker->calls < 1)
        return false;
    worker->calls -= 1;
    return true;
}

struct mono region_call_deadline(const struct region_worker *worker, struct mono now)
{
    double rate = worker->config.describe_rate > 0 ? worker->config.describe_rate : 1;
    double missing = 1 - worker->calls - span_seconds(mono_since(worker->calls_at, now)) * rate;
    return missing <= 0 ? now : mono_add(now, SPAN_US(1 + missing / rate * 1e6));
}

/* A page that hangs must be over before the supervisor takes the silence for a hang of ours. */
struct span region_page_limit(const struct region_worker *worker)
{
    return span_min(worker->config.describe_limit, span_scale(worker->config.worker_tick_limit, 0.75));
}

void region_beat(struct region_worker *worker, struct mono now)
{
    struct message message = {.kind = PROTO_BEAT};
    message.as.BEAT.tick = ++worker->tick_number;
    message.as.BEAT.beganMono = worker->tick_began.us;
    message.as.BEAT.tookUs = mono_since(worker->tick_began, now).us;
    CRASH_POINT(region_before_beat);
    bus_send(&worker->bus, &message, BUS_MAY_DROP);
    worker->tick_began = now;
}

static struct span idle_tick(const struct region_worker *worker)
{
    return span_min(worker->config.tick, span_scale(worker->config.worker_tick_limit, 0.25));
}

/* Nothing under way and nothing due: the wait itself is bounded, so its end is a completed tick. */
static void beat_when_idle(struct region_worker *worker, struct mono now)
{
    bool idle = !worker->listing.page_under_way;
    if (idle && mono_reached(mono_add(worker->tick_began, idle_tick(worker)), now))
        region_beat(worker, now);
}

/* ---- the loop ---- */

static void take_signals(struct region_worker *worker, struct mono now)
{
    int number;
    while ((number = loop_take_signal(worker->loop)) != 0) {
        if (!worker->stopping)
            worker->drain_limit = mono_add(now, WORKER_DRAIN_LIMIT);
        if (number == SIGTERM || !worker->stopping)
            worker->exit_status = number == SIGTERM ? 0 : WORKER_EXIT_RELOAD;
        worker->stopping = true;
    }
}

static void take_message(struct region_worker *worker, struct message *message)
{
    struct error err;
    switch (message->kind) {
    case PROTO_SCOPE:
        if (take_scope(worker, message->as.SCOPE.definition, &err) < 0)
            log_error("scope.bad", "problem=%s", log_quote(err.text));
        break;
    case PROTO_TERMINATE:
        region_terminate_take(worker, &message->as.TERMINATE);
        break;
    default:
        log_warn("bus.passed-over", "message=%s", message_name(message->kind));
    }
}

static void drain_bus(struct region_worker *worker)
{
    struct message message;
    bus_flush(&worker->bus);
    while (bus_receive(&worker->bus, IN_LIVE, &message) == 1) {
        take_message(worker, &message);
        message_clear(&message);
    }
}

static struct mono deadline(struct region_worker *worker, struct mono now)
{
    struct mono next = mono_min(http_deadline(worker->http), mono_add(worker->tick_began, idle_tick(worker)));
    next = mono_min(next, bus_deadline(&worker->bus, now));
    next = mono_min(next, keys_deadline(worker->keys));
    if (worker->stopping)
        return mono_min(next, worker->drain_limit);
    if (keys_awaited(worker->keys, now))
        return next;
    next = mono_min(next, mono_min(region_listing_deadline(worker, now), region_prices_deadline(worker, now)));
    bool waits = region_terminate_waits(worker) || region_lookup_waits(worker) || region_catalogue_waits(worker);
    return waits ? mono_min(next, region_call_deadline(worker, now)) : next;
}

static bool is_over(const struct region_worker *worker, struct mono now)
{
    return worker->stopping && (!region_terminate_calling(worker) || mono_reached(worker->drain_limit, now));
}

static void run_lanes(struct region_worker *worker, struct mono now)
{
    if (worker->stopping || keys_awaited(worker->keys, now))
        return;
    region_listing_step(worker, now);
    region_terminate_step(worker, now);
    region_prices_step(worker, now);
    region_lookup_step(worker, now);
    region_catalogue_step(worker, now);
}

/* What failed for want of credentials need not wait for its next turn. */
static void take_keys(struct region_worker *worker, struct mono now)
{
    if (!keys_step(worker->keys, now))
        return;
    if (!worker->listing.running)
        worker->listing.next = MONO_ZERO;
    if (!worker->prices.running)
        worker->prices.next = MONO_ZERO;
}

static void work(struct region_worker *worker)
{
    struct error err;
    struct mono now = clock_now();
    while (!is_over(worker, now)) {
        if (loop_wait(worker->loop, deadline(worker, clock_now()), &err) < 0)
            log_panic("worker.loop", "problem=%s", log_quote(err.text));
        now = clock_now();
        take_signals(worker, now);
        http_step(worker->http, now);
        take_keys(worker, now);
        cloud_step(&worker->cloud, now);
        drain_bus(worker);
        region_lookup_drain(worker);
        run_lanes(worker, now);
        beat_when_idle(worker, now);
    }
}

/* ---- the end ---- */

static void destroy(struct region_worker *worker)
{
    http_destroy(&worker->http);
    cloud_clear(&worker->cloud);
    region_listing_clear(worker);
    region_terminate_clear(worker);
    region_lookup_clear(worker);
    region_catalogue_clear(worker);
    prices_clear(&worker->prices.book);
    free(worker->prices.last);
    free(worker->known.rows);
    free(worker->types.names);
    free(worker->instance_types.names);
    if (worker->lookups) {
        loop_remove_socket(worker->loop, worker->lookups);
        zmq_close(worker->lookups);
    }
    if (worker->inventory)
        zmq_close(worker->inventory);
    keys_destroy(&worker->keys);
    bus_close(&worker->bus, worker->loop);
    loop_destroy(&worker->loop);
    free(worker);
}

int region_worker_run(const struct worker_options *options)
{
    struct region_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return WORKER_EXIT_USAGE;
    worker->options = options;
    int status;
    if (start_role(&worker->loop, &worker->bus, options, take_welcome, worker, &status)) {
        work(worker);
        status = worker->exit_status;
    }
    destroy(worker);
    return status;
}
