/* SPDX-License-Identifier: MPL-2.0 */
/* The way of every request: find its service, let that parse and authenticate it, let a fault
 * strike, carry it out, hold the answer for the latency, and write the journal. */
#include "exchange.h"

#include "journal.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct service *const services[] = {&queue_service, &worker_manager_service, &control_service,
                                                 &quotas_service, &ec2_service};

static const struct service *find_service(const char *path)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strncmp(path, services[i]->path_prefix, strlen(services[i]->path_prefix)) == 0)
            return services[i];
    return &ec2_service;
}

void exchange_answer_json(struct exchange *exchange, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_INDENT(2));
    json_decref(body);
    text_free(&exchange->answer);
    text_add(&exchange->answer, text != NULL ? text : "{}");
    free(text);
    exchange->status = status;
    exchange->content_type = "application/json; charset=utf-8";
}

static void add_latency(struct exchange *exchange)
{
    struct world *world = exchange->world;
    const char *action = exchange->subject.action;
    const json_t *latency = world->latency;
    if (json_is_object(latency) && !json_object_get(latency, "min")) {
        const json_t *own = action != NULL ? json_object_get(latency, action) : NULL;
        latency = own != NULL ? own : json_object_get(latency, "*");
    }
    struct spread spread;
    if (latency != NULL && scenario_read_spread(latency, &spread))
        exchange->hold += random_spread(&world->random_latency, &spread) / 1000;
}

static json_t *journal_fields(const struct exchange *exchange)
{
    const struct subject *subject = &exchange->subject;
    json_t *fields = json_pack("{s:s, s:o, s:o, s:o}", "service", exchange->service->name, "action",
                               json_text_or_null(subject->action), "region", json_text_or_null(subject->region), "type",
                               json_text_or_null(subject->worker_type));
    if (exchange->parameters != NULL)
        json_object_set(fields, "params", exchange->parameters);
    return fields;
}

static void count_request(struct exchange *exchange)
{
    const char *action = exchange->subject.action != NULL ? exchange->subject.action : "unknown";
    const char *code = exchange->code[0] != '\0' ? exchange->code : exchange->status == 0 ? "lost" : "ok";
    json_t *counts = json_object_get(exchange->world->request_counts, action);
    if (counts == NULL) {
        counts = json_object();
        json_object_set_new(exchange->world->request_counts, action, counts);
    }
    json_int_t count = json_integer_value(json_object_get(counts, code));
    json_object_set_new(counts, code, json_integer(count + 1));
}

void service_finished(struct exchange *exchange)
{
    struct world *world = exchange->world;
    if (exchange->finished || exchange->is_control || !exchange->served)
        return;
    exchange->finished = true;
    if (exchange->delivery == DELIVER_RESET || exchange->delivery == DELIVER_NEVER)
        exchange->status = 0;
    count_request(exchange);
    if (!world->journal_reads && !exchange->mutates && exchange->status == 200 && exchange->fault == NULL)
        return;
    json_t *fields = journal_fields(exchange);
    json_object_set_new(fields, "status", json_integer(exchange->status));
    json_object_set_new(fields, "code", json_text_or_null(exchange->code[0] ? exchange->code : NULL));
    if (exchange->launched != NULL)
        json_object_set(fields, "launched", exchange->launched);
    if (exchange->replayed)
        json_object_set_new(fields, "replayed", json_true());
    if (exchange->fault != NULL)
        json_object_set_new(fields, "fault", json_integer(exchange->fault->id));
    double in_flight = (clock_monotonic() - exchange->arrived) * 1000;
    json_object_set_new(fields, "inFlightMs", json_real(round(in_flight * 1000) / 1000));
    journal_write(world, "request", fields);
}

static bool is_launch(const struct exchange *exchange)
{
    return exchange->subject.action != NULL && strcmp(exchange->subject.action, "RunInstances") == 0;
}

/* First look at a complete request. False: the answer is already there. */
static bool prepare(struct exchange *exchange)
{
    exchange->prepared = true;
    exchange->service = find_service(exchange->path);
    exchange->subject.service = exchange->service->name;
    bool go_on = exchange->service->prepare(exchange);
    if (is_launch(exchange))
        journal_write(exchange->world, "requestStart", journal_fields(exchange));
    if (go_on && !exchange->is_control)
        exchange->fault = faults_for_request(exchange->world, &exchange->subject);
    return go_on;
}

void service_serve(struct exchange *exchange)
{
    bool first = !exchange->prepared;
    exchange->hold = 0;
    if (first && !prepare(exchange)) {
        add_latency(exchange);
        return;
    }
    if (first && faults_before(exchange)) {
        if (exchange->status != 0) {
            add_latency(exchange);
            faults_after(exchange);
        }
        return;
    }
    exchange->performed = true;
    exchange->service->perform(exchange);
    if (exchange->is_control)
        return;
    if (first)
        add_latency(exchange);
    faults_after(exchange);
}

void service_release(struct exchange *exchange)
{
    if (exchange->service != NULL && exchange->service->release != NULL)
        exchange->service->release(exchange);
    json_decref(exchange->parameters);
    json_decref(exchange->launched);
}
