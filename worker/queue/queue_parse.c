/* SPDX-License-Identifier: MPL-2.0 */
/* queue_parse.c: reads the four answers of the queue that we ask for, with a typed error for all else (cases B21, B31).
 * Runs in: type worker. Pure. Owns nothing beyond a call. */
#include "worker/queue/queue_parse.h"

#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define MOST_TASKS 1000000000 /* ANY_COUNT of proto/messages.def */

static json_t *read_object(const char *what, const char *body, size_t size, struct error *err)
{
    json_t *object = json_read_text(what, body, size, err);

    if (object && !json_is_object(object)) {
        json_decref(object);
        error_set(err, ERROR_REMOTE, "%s: not a JSON object", what);
        return NULL;
    }
    return object;
}

int queue_parse_counts(const char *body, size_t size, bool with_claimed, int64_t *pending, int64_t *claimed,
                       struct error *err)
{
    struct json_at at = json_at_root("counts");
    json_t *object = read_object("counts", body, size, err);
    int64_t read_pending, read_claimed = -1;
    int result = -1;

    if (!object)
        return -1;
    if (json_get_integer(object, &at, "pendingTasks", true, 0, MOST_TASKS, &read_pending, err) == 0 &&
        (!with_claimed ||
         json_get_integer(object, &at, "claimedTasks", true, 0, MOST_TASKS, &read_claimed, err) == 0)) {
        *pending = read_pending;
        *claimed = read_claimed;
        result = 0;
    }
    json_decref(object);
    return result;
}

static int first_inserted(json_t *tasks, struct wall *oldest, struct error *err)
{
    const char *inserted = json_string_value(json_object_get(json_array_get(tasks, 0), "inserted"));

    if (json_array_size(tasks) == 0) {
        *oldest = (struct wall){0};
        return 0;
    }
    if (!inserted || wall_parse(inserted, oldest) != 0 || oldest->ms <= 0)
        return error_set(err, ERROR_REMOTE, "pending list: tasks[0].inserted is no time");
    return 0;
}

int queue_parse_oldest(const char *body, size_t size, struct wall *oldest, struct error *err)
{
    json_t *object = read_object("pending list", body, size, err);
    json_t *tasks = json_object_get(object, "tasks");
    int result = -1;

    if (!object)
        return -1;
    if (json_is_array(tasks))
        result = first_inserted(tasks, oldest, err);
    else
        error_set(err, ERROR_REMOTE, "pending list: no tasks in it");
    json_decref(object);
    return result;
}

static int take_workers(json_t *tasks, queue_worker_function *add, void *context, struct error *err)
{
    json_t *task;
    size_t i;

    if (!json_is_array(tasks))
        return error_set(err, ERROR_REMOTE, "claimed list: no tasks in it");
    json_array_foreach(tasks, i, task)
    {
        const char *worker = json_string_value(json_object_get(task, "workerId"));
        if (!worker || !worker[0])
            return error_set(err, ERROR_REMOTE, "claimed list: tasks[%zu].workerId is no text", i);
        add(context, worker);
    }
    return 0;
}

int queue_parse_claimed(const char *body, size_t size, queue_worker_function *add, void *context, char *token,
                        size_t room, struct error *err)
{
    json_t *object = read_object("claimed list", body, size, err);
    int result = -1;

    if (!object)
        return -1;
    json_t *next = json_object_get(object, "continuationToken");
    if (next && !json_is_null(next) && !json_is_string(next))
        error_set(err, ERROR_REMOTE, "claimed list: continuationToken is no text");
    else if (text_copy(token, room, json_string_value(next)) != 0)
        error_set(err, ERROR_LIMIT, "claimed list: continuationToken is too long");
    else
        result = take_workers(json_object_get(object, "tasks"), add, context, err);
    json_decref(object);
    return result;
}

void queue_parse_code(const char *body, size_t size, char *out, size_t room)
{
    json_t *object = json_read_text("answer", body, size, NULL);
    const char *code = json_string_value(json_object_get(object, "code"));

    out[0] = '\0';
    if (code && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == strlen(code))
        text_copy(out, room, code);
    json_decref(object);
}
