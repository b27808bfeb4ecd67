/* SPDX-License-Identifier: MPL-2.0 */
/* /_sim/: the truth, and changes to the world while it runs. No signature: the server
 * listens on loopback only. */
#include "exchange.h"

#include "instances.h"
#include "journal.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void control_error(struct exchange *exchange, int status, const char *code, const char *message)
{
    exchange_answer_json(exchange, status, json_pack("{s:s, s:s}", "code", code, "message", message));
}

static void wrong(struct exchange *exchange, const char *message)
{
    control_error(exchange, 400, "InputError", message);
}

static void add_to(json_t *object, const char *key, json_int_t amount)
{
    json_int_t sum = json_integer_value(json_object_get(object, key)) + amount;
    json_object_set_new(object, key, json_integer(sum));
}

static json_t *new_state_counts(void)
{
    json_t *counts = json_object();
    for (int state = 0; state < STATE_COUNT; state++)
        json_object_set_new(counts, state_names[state], json_integer(0));
    return counts;
}

static json_t *type_truth(const struct queue *queue)
{
    const struct world *world = queue->world;
    const struct task *oldest = queue->pending.first;
    double mean = queue->claims > 0 ? queue->wait_sum / (double)queue->claims : 0;
    return json_pack("{s:o, s:i, s:i, s:i, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:f, s:f}", "instances",
                     new_state_counts(), "live", 0, "units", 0, "ready", 0, "pending", (json_int_t)queue->pending.count,
                     "claimed", (json_int_t)queue->claimed.count, "oldestPendingAge_s",
                     oldest != NULL ? world->now - oldest->arrived : 0.0, "arrived", (json_int_t)queue->arrived,
                     "claims", (json_int_t)queue->claims, "done", (json_int_t)queue->done, "launched",
                     (json_int_t)queue->launched, "waitMax_s", queue->wait_max, "waitMean_s", mean);
}

static void count_instance(const struct instance *instance, json_t *regions, json_t *types, json_t *untyped)
{
    const struct launch *launch = instance->launch;
    const char *state = state_names[instance->state];
    if (instance->forgotten)
        return;
    add_to(json_object_get(regions, launch->region->name), state, 1);
    if (launch->queue == NULL) {
        add_to(untyped, state, 1);
        return;
    }
    json_t *type = json_object_get(types, launch->queue->worker_type);
    add_to(json_object_get(type, "instances"), state, 1);
    if (instance_is_live(instance)) {
        add_to(type, "live", 1);
        add_to(type, "units", launch->units);
        add_to(type, "ready", instance->ready);
    }
}

static void get_state(struct exchange *exchange, const json_t *body)
{
    struct world *world = exchange->world;
    json_t *types = json_object(), *regions = json_object(), *untyped = new_state_counts();
    (void)body;
    for (size_t i = 0; i < world->types.count; i++)
        json_object_set_new(types, world->types.entries[i].key, type_truth(world->types.entries[i].value));
    for (size_t i = 0; i < world->regions.count; i++)
        json_object_set_new(regions, world->regions.entries[i].key, new_state_counts());
    for (size_t i = 0; i < world->instances.count; i++)
        count_instance(world->instances.entries[i].value, regions, types, untyped);
    exchange_answer_json(exchange, 200,
                         json_pack("{s:f, s:f, s:o, s:o, s:o, s:O}", "now_s", world->now, "speed", world->speed,
                                   "types", types, "regions", regions, "untyped", untyped, "requests",
                                   world->request_counts));
}

static json_t *tags_json(const struct tag_set *tags)
{
    json_t *object = json_object();
    for (size_t i = 0; i < tags->count; i++)
        json_object_set_new(object, tags->tags[i].key, json_string(tags->tags[i].value));
    return object;
}

static json_t *instance_json(const struct instance *instance)
{
    const struct launch *launch = instance->launch;
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:f, s:o, s:o, s:o, s:b, s:b, s:i}", "id",
                     instance->id, "type", json_text_or_null(launch->queue != NULL ? launch->queue->worker_type : NULL),
                     "region", launch->region->name, "zone", launch->pool->zone, "instanceType", launch->type->name,
                     "imageId", launch->image_id, "market", market_names[instance->market], "state",
                     state_names[instance->state], "reason", json_text_or_null(instance->reason_code), "launched_s",
                     instance->launched_at, "tags", tags_json(&instance->tags), "volumeTags",
                     tags_json(&launch->volume_tags), "token", json_text_or_null(launch->token), "registered",
                     instance->registered, "claimed", instance->ever_claimed, "units", launch->units);
}

static void get_instances(struct exchange *exchange, const json_t *body)
{
    const struct table *instances = &exchange->world->instances;
    json_t *rows = json_array();
    (void)body;
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *instance = instances->entries[i].value;
        if (!instance->forgotten)
            json_array_append_new(rows, instance_json(instance));
    }
    exchange_answer_json(exchange, 200, rows);
}

static void post_fault(struct exchange *exchange, const json_t *body)
{
    char error[SCENARIO_ERROR_SIZE];
    int id = faults_add(exchange->world, body, exchange->world->now, error, sizeof error);
    if (id < 0)
        wrong(exchange, error);
    else
        exchange_answer_json(exchange, 200, json_pack("{s:i}", "id", id));
}

static void delete_faults(struct exchange *exchange, const json_t *body)
{
    const char *number = strrchr(exchange->path, '/') + 1;
    (void)body;
    faults_end(exchange->world, atoi(number)); /* 0 for "fault" itself: all of them */
    exchange_answer_json(exchange, 200, json_object());
}

static void post_tasks(struct exchange *exchange, const json_t *body)
{
    const char *type = json_string_value(json_object_get(body, "workerType"));
    struct world *world = exchange->world;
    struct spread duration;
    if (type == NULL || !scenario_read_spread(json_object_get(body, "duration"), &duration)) {
        wrong(exchange, "workerType, tasks and duration are needed");
        return;
    }
    for (long count = (long)scenario_number(body, "tasks", 1); count > 0; count--)
        queue_add_task(queue_for_type(world, type), random_spread(&world->random_launch, &duration));
    exchange_answer_json(exchange, 200, json_object());
}

static void post_set(struct exchange *exchange, const json_t *body)
{
    char error[SCENARIO_ERROR_SIZE];
    if (scenario_apply(exchange->world, body, error))
        exchange_answer_json(exchange, 200, json_object());
    else
        wrong(exchange, error);
}

static bool to_be_killed(const struct instance *instance, const json_t *body)
{
    const char *type = json_string_value(json_object_get(body, "workerType"));
    const char *region = json_string_value(json_object_get(body, "region"));
    const json_t *ids = json_object_get(body, "instanceIds");
    const struct queue *queue = instance->launch->queue;
    if (!instance_is_live(instance))
        return false;
    if (type != NULL && (queue == NULL || strcmp(queue->worker_type, type) != 0))
        return false;
    if (region != NULL && strcmp(instance->launch->region->name, region) != 0)
        return false;
    return ids == NULL || json_lists_word(ids, instance->id);
}

static void post_kill(struct exchange *exchange, const json_t *body)
{
    const struct table *instances = &exchange->world->instances;
    const char *reason = json_string_value(json_object_get(body, "stateReason"));
    double left = scenario_number(body, "count", HUGE_VAL);
    int killed = 0;
    for (size_t i = 0; i < instances->count && left >= 1; i++) {
        struct instance *instance = instances->entries[i].value;
        if (!to_be_killed(instance, body))
            continue;
        instance_kill(instance, reason != NULL ? reason : "Server.SpotInstanceTermination");
        left--;
        killed++;
    }
    exchange_answer_json(exchange, 200, json_pack("{s:i}", "killed", killed));
}

static void post_quit(struct exchange *exchange, const json_t *body)
{
    (void)body;
    exchange->world->quit = true;
    exchange_answer_json(exchange, 200, json_object());
}

static const struct {
    const char *method, *path;
    void (*perform)(struct exchange *exchange, const json_t *body);
} routes[] = {
    {"GET", "/_sim/state", get_state},   {"GET", "/_sim/instances", get_instances},
    {"POST", "/_sim/fault", post_fault}, {"DELETE", "/_sim/fault", delete_faults},
    {"POST", "/_sim/tasks", post_tasks}, {"POST", "/_sim/set", post_set},
    {"POST", "/_sim/kill", post_kill},   {"POST", "/_sim/quit", post_quit},
};

static bool control_prepare(struct exchange *exchange)
{
    exchange->is_control = true;
    return true;
}

static void control_perform(struct exchange *exchange)
{
    json_error_t problem;
    json_t *body = NULL;
    if (exchange->body.length > 0)
        body = json_loadb(exchange->body.data, exchange->body.length, JSON_REJECT_DUPLICATES, &problem);
    if (exchange->body.length > 0 && body == NULL) {
        wrong(exchange, problem.text);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t length = strlen(routes[i].path);
        bool path_fits = strncmp(exchange->path, routes[i].path, length) == 0 &&
                         (exchange->path[length] == '\0' || exchange->path[length] == '/');
        if (path_fits && strcmp(exchange->method, routes[i].method) == 0) {
            routes[i].perform(exchange, body);
            json_decref(body);
            return;
        }
    }
    json_decref(body);
    control_error(exchange, 404, "ResourceNotFound", "There is no such control");
}

const struct service control_service = {"control", "/_sim/", control_prepare, control_perform, control_error, NULL};
