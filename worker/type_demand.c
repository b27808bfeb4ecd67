/* SPDX-License-Identifier: MPL-2.0 */
/* type_demand.c: what waits: polls the queue in the rhythm that the supervisor deals out, and turns each reading into
 * evidence (who works, whose boot clock runs) and into a reason to plan anew.
 * Runs in: type worker. A failed reading is unknown, never zero (case B21). */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

/* False: its demand is Taskcluster's. */
static bool take_source(const struct definition *definition, struct http_json *out)
{
    const char *hole = strstr(definition->demand_url, "{workerType}");
    *out = (struct http_json){0};
    if (hole)
        text_format(out->url, sizeof out->url, "%.*s%s%s", (int)(hole - definition->demand_url), definition->demand_url,
                    definition->name, hole + strlen("{workerType}"));
    else
        text_copy(out->url, sizeof out->url, definition->demand_url);
    text_copy(out->pending, sizeof out->pending, definition->demand_pending);
    text_copy(out->claimed, sizeof out->claimed, definition->demand_claimed);
    text_copy(out->oldest, sizeof out->oldest, definition->demand_oldest);
    text_copy(out->authorization_file, sizeof out->authorization_file, definition->demand_authorization_file);
    return *out->url != '\0';
}

int type_demand_start(struct type_worker *worker, int64_t phase_ms, struct error *err)
{
    struct http_json source;
    queue_credentials_from_environment(&worker->queue_credentials);
    struct queue_options options = {.root_url = worker->config.root_url,
                                    .provisioner_id = worker->config.provisioner_id,
                                    .worker_type = worker->definition->name,
                                    .credentials = &worker->queue_credentials,
                                    .http_json = take_source(worker->definition, &source) ? &source : NULL,
                                    .connect_limit = worker->config.connect_limit,
                                    .total_limit = worker->config.queue_limit};
    worker->next_poll = mono_add(clock_now(), SPAN_MS(phase_ms));
    return queue_create(&worker->queue, worker->http, &options, err);
}

/* Instances that the claimed list names for the first time: the supervisor learns that they are useful. */
static void report_workers(struct type_worker *worker)
{
    size_t count = queue_claimed_count(worker->queue);
    struct message message = {.kind = PROTO_WORKED};
    struct proto_WORKED *worked = &message.as.WORKED;
    if (count == 0)
        return;
    worked->instances = calloc(count, sizeof *worked->instances);
    for (size_t i = 0; worked->instances && i < count; i++) {
        const char *id = queue_claimed_worker(worker->queue, i);
        if (strlen(id) < INSTANCE_ID_SIZE && supply_worked(&worker->supply, id))
            text_copy(worked->instances[worked->instances_count++].id, INSTANCE_ID_SIZE, id);
    }
    if (worked->instances_count > 0) {
        CRASH_POINT(type_before_worked);
        bus_send(&worker->bus, &message, BUS_KEEP);
    }
    free(worked->instances);
}

static void take_reading(struct type_worker *worker)
{
    const struct demand *demand = queue_demand(worker->queue);
    struct condemn_reading reading = {.seen = demand->seen, .pending = demand->pending, .claimed = demand->claimed};
    bool good = mono_before(worker->supply.last_reading.seen, demand->seen);
    reading.list_known = good && worker->asked_claimed_list && demand->claimed_list_known;
    if (reading.list_known)
        report_workers(worker);
    if (!good) {
        reading.seen = clock_now();
        reading.pending = reading.claimed = -1;
        log_repeating(LOG_WARN_LEVEL, "demand.unknown", worker->options->name, demand->problem, "problem=%s",
                      log_quote(demand->problem));
    }
    supply_read(&worker->supply, &reading);
    worker->news = true;
}

void type_demand_step(struct type_worker *worker, struct mono now)
{
    if (worker->stopping) {
        worker->next_poll = MONO_NEVER;
        return;
    }
    if (queue_readings(worker->queue) != worker->readings) {
        worker->readings = queue_readings(worker->queue);
        take_reading(worker);
    }
    if (!mono_reached(worker->next_poll, now))
        return;
    if (!queue_busy(worker->queue)) {
        worker->asked_claimed_list = supply_unproven(&worker->supply);
        queue_poll(worker->queue, worker->asked_claimed_list, now);
    }
    worker->next_poll = mono_add(worker->next_poll, worker->poll); /* keeps the phase that was dealt out */
    if (mono_reached(worker->next_poll, now))
        worker->next_poll = mono_add(now, worker->poll);
}
