/* SPDX-License-Identifier: MPL-2.0 */
/* type_worker.c: the life of a type worker: hello and welcome, its loop, its end.
 * Runs in: provisiond-worker --type NAME. Owns: struct type_worker. May not touch: other types, the ledger.
 * A hang, crash or storm here is invisible to other types; so nothing here waits for a call. */
#include "worker/type_worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/start.h"

/* ---- start ---- */

static int read_definition(struct type_worker *worker, const char *text, struct error *err)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(&worker->config, zones);
    char file[NAME_SIZE + 8];
    text_format(file, sizeof file, "%s.json", worker->options->name);
    json_t *document = json_read_text(file, text, strlen(text), err);
    if (!document)
        return -1;
    worker->definition = definition_parse(document, file, zones, count, err);
    json_decref(document);
    return worker->definition ? 0 : -1;
}

static void make_clouds(struct type_worker *worker)
{
    for (size_t i = 0; i < worker->config.region_count; i++) {
        struct cloud *cloud = &worker->clouds[i];
        cloud->http = worker->http;
        cloud->keys = worker->keys;
        cloud->deployment_id = worker->config.deployment_id;
        cloud->connect_limit = worker->config.connect_limit;
        text_copy(cloud->region, sizeof cloud->region, worker->config.regions[i].name);
        config_ec2_endpoint(&worker->config, cloud->region, cloud->endpoint, sizeof cloud->endpoint);
    }
}

/* Everything that the welcome brings; -1: this worker cannot work with it. */
static int take_welcome(void *context, const struct proto_WELCOME *welcome, struct error *err)
{
    struct type_worker *worker = context;
    if (start_read_settings(welcome->settings, &worker->config, err) < 0 ||
        read_definition(worker, welcome->definition, err) < 0)
        return -1;
    worker->revision = welcome->revision;
    text_copy(worker->incarnation, sizeof worker->incarnation, welcome->incarnation);
    worker->seen = welcome->seen;
    worker->poll = welcome->pollMs > 0 ? SPAN_MS(welcome->pollMs) : worker->config.demand_poll;
    worker->http = start_http(worker->loop, &worker->config, err);
    if (!worker->http ||
        keys_create(&worker->keys, worker->loop, worker->bus.context, worker->options->run_dir, err) < 0)
        return -1;
    make_clouds(worker);
    if (type_options_make(worker, err) < 0 || type_supply_start(worker, welcome, err) < 0 ||
        type_preflight_start(worker, welcome, err) < 0)
        return -1;
    if (type_demand_start(worker, welcome->phaseMs, err) < 0)
        return -1;
    type_journal_start(worker);
    return type_registration_start(worker, err);
}

/* ---- the loop ---- */

/* SIGHUP and SIGTERM: no new bids; what is in flight gets two seconds (DESIGN section 9). */
static void take_signals(struct type_worker *worker, struct mono now)
{
    int number;
    while ((number = loop_take_signal(worker->loop)) != 0) {
        if (!worker->stopping)
            worker->drain_limit = mono_add(now, WORKER_DRAIN_LIMIT);
        worker->exit_status =
            number == SIGTERM || (worker->stopping && worker->exit_status == 0) ? 0 : WORKER_EXIT_RELOAD;
        worker->stopping = true;
    }
}

static void take_message(struct type_worker *worker, struct message *message, struct mono now)
{
    switch (message->kind) {
    case PROTO_GRANT:
        take_signals(worker, now); /* a grant that was sent after a SIGHUP is never launched */
        type_grant(worker, &message->as.GRANT);
        break;
    case PROTO_BREAKERS:
        doors_take(&worker->doors, &message->as.BREAKERS);
        worker->news = true;
        break;
    case PROTO_PACE:
        worker->poll = SPAN_MS(message->as.PACE.pollMs);
        worker->next_poll = mono_add(now, SPAN_MS(message->as.PACE.phaseMs));
        break;
    case PROTO_ON_DEMAND:
        type_options_on_demand(worker, &message->as.ON_DEMAND);
        break;
    case PROTO_JUDGE:
        type_judge_take(worker, &message->as.JUDGE, now);
        break;
    case PROTO_SPARED:
        type_dryrun_spared(worker, &message->as.SPARED, now);
        break;
    default:
        log_warn("bus.passed-over", "message=%s", message_name(message->kind));
    }
}

static void drain_bus(struct type_worker *worker, struct mono now)
{
    struct message message;
    bus_flush(&worker->bus);
    while (bus_receive(&worker->bus, IN_LIVE, &message) == 1) {
        take_message(worker, &message, now);
        message_clear(&message);
    }
}

static struct mono deadline(const struct type_worker *worker)
{
    struct mono next = mono_min(http_deadline(worker->http), queue_deadline(worker->queue));
    next = mono_min(next, mono_min(worker->next_tick, worker->next_poll));
    next = mono_min(next, mono_min(type_lookup_deadline(worker), type_preflight_deadline(worker)));
    next = mono_min(next, mono_min(type_registration_deadline(worker), keys_deadline(worker->keys)));
    next = mono_min(next, doors_deadline(&worker->doors, clock_now()));
    next = mono_min(next, bus_deadline(&worker->bus, clock_now()));
    return worker->stopping ? mono_min(next, worker->drain_limit) : next;
}

static bool is_over(const struct type_worker *worker, struct mono now)
{
    return worker->stopping && (!type_launch_calling(worker) || mono_reached(worker->drain_limit, now));
}

static void work(struct type_worker *worker)
{
    struct error err;
    struct mono now = clock_now();
    while (!is_over(worker, now)) {
        struct mono doors_change = doors_deadline(&worker->doors, now);
        if (loop_wait(worker->loop, deadline(worker), &err) < 0)
            log_panic("worker.loop", "problem=%s", log_quote(err.text));
        now = clock_now();
        take_signals(worker, now);
        http_step(worker->http, now);
        worker->news |= keys_step(worker->keys, now);
        for (size_t i = 0; i < worker->config.region_count; i++)
            cloud_step(&worker->clouds[i], now);
        queue_step(worker->queue, now);
        drain_bus(worker, now);
        type_supply_drain(worker, now);
        type_lookup_drain(worker, now);
        type_demand_step(worker, now);
        type_lookup_step(worker, now);
        type_preflight_step(worker, now);
        type_launch_sweep(worker);
        type_registration_step(worker, now);
        if (worker->news || mono_reached(worker->next_tick, now) || mono_reached(doors_change, now))
            type_tick(worker, now);
    }
}

/* ---- the end ---- */

static void close_sockets(struct type_worker *worker)
{
    if (worker->inventory) {
        loop_remove_socket(worker->loop, worker->inventory);
        zmq_close(worker->inventory);
    }
    for (size_t i = 0; i < CONFIG_MAX_REGIONS; i++)
        if (worker->lookups[i]) {
            loop_remove_socket(worker->loop, worker->lookups[i]);
            zmq_close(worker->lookups[i]);
        }
}

static void destroy(struct type_worker *worker)
{
    type_journal_end(worker);
    registration_destroy(&worker->registration);
    queue_destroy(&worker->queue);
    http_destroy(&worker->http);
    for (size_t i = 0; i < worker->config.region_count; i++)
        cloud_clear(&worker->clouds[i]);
    queue_credentials_clear(&worker->queue_credentials);
    type_launch_clear(worker);
    supply_clear(&worker->supply);
    doors_clear(&worker->doors);
    type_preflight_clear(worker);
    free(worker->plan_options);
    free(worker->prices);
    definition_destroy(&worker->definition);
    keys_destroy(&worker->keys);
    close_sockets(worker);
    bus_close(&worker->bus, worker->loop);
    loop_destroy(&worker->loop);
    free(worker);
}

int type_worker_run(const struct worker_options *options)
{
    struct type_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return WORKER_EXIT_USAGE;
    worker->options = options;
    int status;
    if (start_role(&worker->loop, &worker->bus, options, take_welcome, worker, &status)) {
        CRASH_POINT(type_after_welcome);
        work(worker);
        type_launch_give_up(worker);
        status = worker->exit_status;
    }
    destroy(worker);
    return status;
}
