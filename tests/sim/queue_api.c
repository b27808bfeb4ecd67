/* SPDX-License-Identifier: MPL-2.0 */
/* The Taskcluster queue's reading routes, and worker-manager's static workers, as two
 * services. One table of routes; Hawk and scopes are checked before anything else. */
#include "exchange.h"

#include "ec2_errors.h"
#include "encoding.h"
#include "hawk.h"
#include "instances.h"
#include "journal.h"
#include "memory.h"
#include "workers.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queue_call;

/* PATH/<queue>SUFFIX; each of the scopes is followed by the queue. */
struct route {
    const char *name, *method, *prefix, *suffix;
    const char *scopes[2];
    void (*perform)(struct exchange *exchange, struct queue_call *call);
};

struct queue_call {
    const struct route *route;
    char *name;          /* what stands between prefix and suffix, decoded */
    struct queue *queue; /* NULL: unknown, which counts as empty */
    struct hawk_result hawk;
};

static char *query_value(const struct exchange *exchange, const char *name)
{
    const char *pair = exchange->query;
    size_t name_length = strlen(name);
    while (pair != NULL && *pair != '\0') {
        size_t length = strcspn(pair, "&");
        if (length > name_length && strncmp(pair, name, name_length) == 0 && pair[name_length] == '=')
            return percent_decode(pair + name_length + 1, length - name_length - 1, true);
        pair += length + (pair[length] == '&');
    }
    return NULL;
}

static void queue_error(struct exchange *exchange, int status, const char *code, const char *message)
{
    char now[32];
    clock_format(clock_server_wall(exchange->world), now);
    json_t *info = json_pack("{s:o, s:{}, s:{}, s:s}", "method", json_text_or_null(exchange->subject.action), "params",
                             "payload", "time", now);
    snprintf(exchange->code, sizeof exchange->code, "%s", code);
    exchange_answer_json(exchange, status,
                         json_pack("{s:s, s:s, s:o}", "code", code, "message", message, "requestInfo", info));
}

static void ping(struct exchange *exchange, struct queue_call *call)
{
    (void)call;
    exchange_answer_json(exchange, 200, json_pack("{s:b}", "alive", 1));
}

/* Counts may be as old as the scenario's cache. */
static void refresh_counts(struct queue *queue)
{
    const struct world *world = queue->world;
    if (queue->cache_filled && world->now - queue->cached_at < world->counts_cache_age)
        return;
    queue->cached_at = world->now;
    queue->cached_pending = queue->pending.count;
    queue->cached_claimed = queue->claimed.count;
    queue->cache_filled = true;
}

static json_t *counts_body(const struct queue_call *call)
{
    const char *slash = strchr(call->name, '/');
    size_t pending = 0;
    if (call->queue != NULL) {
        refresh_counts(call->queue);
        pending = call->queue->cached_pending;
    }
    return json_pack("{s:s%, s:s, s:s, s:I}", "provisionerId", call->name,
                     slash != NULL ? (size_t)(slash - call->name) : 0, "workerType",
                     slash != NULL ? slash + 1 : call->name, "taskQueueId", call->name, "pendingTasks",
                     (json_int_t)pending);
}

static void pending_count(struct exchange *exchange, struct queue_call *call)
{
    exchange_answer_json(exchange, 200, counts_body(call));
}

static void counts(struct exchange *exchange, struct queue_call *call)
{
    json_t *body = counts_body(call);
    size_t claimed = call->queue != NULL ? call->queue->cached_claimed : 0;
    json_object_set_new(body, "claimedTasks", json_integer((json_int_t)claimed));
    exchange_answer_json(exchange, 200, body);
}

static json_t *task_definition(const struct task *task)
{
    char created[32], deadline[32];
    clock_format(task->inserted_stamp, created);
    clock_format(task->inserted_stamp + 86400, deadline);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{}, s:{s:s, s:s, s:s, s:s}}", "provisionerId",
                     task->queue->provisioner_id, "workerType", task->queue->worker_type, "taskQueueId",
                     task->queue->id, "schedulerId", "sim", "created", created, "deadline", deadline, "payload",
                     "metadata", "name", "simulated", "description", "a simulated task", "owner", "sim@example.com",
                     "source", "https://example.com/sim");
}

static json_t *pending_row(const struct task *task)
{
    char inserted[32];
    clock_format(task->inserted_stamp, inserted);
    return json_pack("{s:s, s:i, s:o, s:s}", "taskId", task->id, "runId", task->run, "task", task_definition(task),
                     "inserted", inserted);
}

static json_t *claimed_row(const struct task *task)
{
    char claimed[32];
    clock_format(task->claimed_stamp, claimed);
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "taskId", task->id, "runId", task->run, "workerGroup",
                     task->worker_group, "workerId", task->worker_id, "claimed", claimed, "task",
                     task_definition(task));
}

/* continuationToken is the sequence number of the last row given. */
static void answer_page(struct exchange *exchange, const struct task_list *list, json_t *(*row)(const struct task *))
{
    char *limit_text = query_value(exchange, "limit"), *token = query_value(exchange, "continuationToken");
    long limit = limit_text != NULL ? strtol(limit_text, NULL, 10) : 1000;
    uint64_t after = token != NULL ? strtoull(token, NULL, 10) : 0;
    json_t *rows = json_array();
    const struct task *task = list != NULL ? list->first : NULL, *last = NULL;
    while (task != NULL && task->sequence <= after)
        task = task->next;
    if (limit < 1 || limit > 1000)
        limit = 1000;
    for (; task != NULL && limit > 0; task = task->next, limit--) {
        json_array_append_new(rows, row(task));
        last = task;
    }
    json_t *body = json_pack("{s:o}", "tasks", rows);
    if (task != NULL && last != NULL) {
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)last->sequence);
        json_object_set_new(body, "continuationToken", json_string(text));
    }
    free(limit_text);
    free(token);
    exchange_answer_json(exchange, 200, body);
}

static void pending_list(struct exchange *exchange, struct queue_call *call)
{
    answer_page(exchange, call->queue != NULL ? &call->queue->pending : NULL, pending_row);
}

static void claimed_list(struct exchange *exchange, struct queue_call *call)
{
    answer_page(exchange, call->queue != NULL ? &call->queue->claimed : NULL, claimed_row);
}

/* The instance whose id ends a worker's path, if it is one of ours. */
static struct instance *worker_instance(struct exchange *exchange, const struct queue_call *call)
{
    const char *slash = strrchr(call->name, '/');
    return slash != NULL ? table_get(&exchange->world->instances, slash + 1) : NULL;
}

static void answer_worker(struct exchange *exchange, const struct queue_call *call, const char *state)
{
    exchange_answer_json(exchange, 200, json_pack("{s:s, s:s}", "workerPoolAndId", call->name, "state", state));
}

static void create_worker(struct exchange *exchange, struct queue_call *call)
{
    json_t *body = exchange->body.data != NULL
                       ? json_loadb(exchange->body.data, exchange->body.length, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const json_t *expires = json_object_get(body, "expires");
    const char *secret = json_string_value(json_object_get(json_object_get(body, "providerInfo"), "staticSecret"));
    struct instance *instance = worker_instance(exchange, call);
    exchange->mutates = true;
    if (!json_is_string(expires) || secret == NULL || strlen(secret) != 44) {
        queue_error(exchange, 400, "InputError", "expires and providerInfo.staticSecret (44 characters) are needed");
    } else if (table_get(&exchange->world->registered, call->name) != NULL) {
        queue_error(exchange, 409, "RequestConflict", "Worker already exists");
    } else {
        table_put(&exchange->world->registered, call->name, must_copy("running"));
        if (instance != NULL)
            workers_registered(instance);
        answer_worker(exchange, call, "running");
    }
    json_decref(body);
}

static void remove_worker(struct exchange *exchange, struct queue_call *call)
{
    exchange->mutates = true;
    free(table_get(&exchange->world->registered, call->name));
    table_put(&exchange->world->registered, call->name, NULL);
    exchange_answer_json(exchange, 200, json_object());
}

static void get_worker(struct exchange *exchange, struct queue_call *call)
{
    if (table_get(&exchange->world->registered, call->name) == NULL)
        queue_error(exchange, 404, "ResourceNotFound", "Worker not found");
    else
        answer_worker(exchange, call, "running");
}

#define QUEUE "/api/queue/v1/"
#define MANAGER "/api/worker-manager/v1/workers/"

static const struct route routes[] = {
    {"ping", "GET", QUEUE "ping", NULL, {NULL, NULL}, ping},
    {"counts", "GET", QUEUE "task-queues/", "/counts", {"queue:pending-count:", "queue:claimed-count:"}, counts},
    {"pending", "GET", QUEUE "task-queues/", "/pending", {"queue:pending-list:", NULL}, pending_list},
    {"claimed", "GET", QUEUE "task-queues/", "/claimed", {"queue:claimed-list:", NULL}, claimed_list},
    {"pendingCount", "GET", QUEUE "pending/", "", {"queue:pending-count:", NULL}, pending_count},
    {"createWorker", "PUT", MANAGER, "", {"worker-manager:create-worker:", NULL}, create_worker},
    {"removeWorker", "DELETE", MANAGER, "", {"worker-manager:remove-worker:", NULL}, remove_worker},
    {"getWorker", "GET", MANAGER, "", {"worker-manager:get-worker:", NULL}, get_worker},
};

/* The decoded name between prefix and suffix; NULL when the route does not fit. */
static char *route_name(const struct route *route, const struct exchange *exchange)
{
    size_t prefix = strlen(route->prefix), path = strlen(exchange->path);
    if (strcmp(route->method, exchange->method) != 0 || strncmp(exchange->path, route->prefix, prefix) != 0)
        return NULL;
    if (route->suffix == NULL)
        return path == prefix ? must_copy("") : NULL;
    size_t suffix = strlen(route->suffix);
    if (path <= prefix + suffix || strcmp(exchange->path + path - suffix, route->suffix) != 0)
        return NULL;
    return percent_decode(exchange->path + prefix, path - prefix - suffix, false);
}

static bool find_route(struct exchange *exchange, struct queue_call *call)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        call->name = route_name(&routes[i], exchange);
        if (call->name == NULL)
            continue;
        call->route = &routes[i];
        exchange->subject.action = routes[i].name;
        call->queue = table_get(&exchange->world->queues, call->name);
        exchange->subject.worker_type = call->queue != NULL ? call->queue->worker_type : NULL;
        char *token = query_value(exchange, "continuationToken");
        exchange->subject.page = token != NULL ? 2 : 1;
        free(token);
        return !json_is_false(json_object_get(exchange->world->routes, routes[i].name));
    }
    return false;
}

static bool authorized(struct exchange *exchange, struct queue_call *call)
{
    hawk_check(exchange, &call->hawk);
    if (call->hawk.problem != NULL) {
        queue_error(exchange, 401, "AuthenticationFailed", call->hawk.problem);
        return false;
    }
    for (size_t i = 0; i < 2 && call->route->scopes[i] != NULL; i++) {
        char *scope = must_format("%s%s", call->route->scopes[i], call->name);
        bool satisfied = scopes_satisfy(call->hawk.scopes, scope);
        if (!satisfied) {
            char *message = must_format("Client ID %s does not have sufficient scopes and is missing the "
                                        "following scopes:\n\n```\n%s\n```",
                                        call->hawk.client_id[0] ? call->hawk.client_id : "(none)", scope);
            queue_error(exchange, 403, "InsufficientScopes", message);
            free(message);
        }
        free(scope);
        if (!satisfied)
            return false;
    }
    return true;
}

static bool queue_prepare(struct exchange *exchange)
{
    struct queue_call *call = must_alloc(sizeof *call);
    exchange->service_data = call;
    if (!find_route(exchange, call)) {
        queue_error(exchange, 404, "ResourceNotFound", "There is no such route here");
        return false;
    }
    return call->route->scopes[0] == NULL || authorized(exchange, call);
}

static void queue_perform(struct exchange *exchange)
{
    struct queue_call *call = exchange->service_data;
    call->route->perform(exchange, call);
}

static void queue_release(struct exchange *exchange)
{
    struct queue_call *call = exchange->service_data;
    if (call == NULL)
        return;
    json_decref(call->hawk.scopes);
    free(call->name);
    free(call);
}

const struct service queue_service = {"queue", "/api/queue/", queue_prepare, queue_perform, queue_error, queue_release};
const struct service worker_manager_service = {"worker-manager", "/api/worker-manager/", queue_prepare, queue_perform,
                                               queue_error,      queue_release};
