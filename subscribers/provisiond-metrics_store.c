/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics_store.c: the newest message of each type, region and alarm. Runs in: provisiond-metrics.
 * Owns: the JSON of those messages. Bounded: what a complete refresh no longer shows is forgotten, a new supervisor
 * starts with an empty store, types over a limit are counted and left out. */
#include "subscribers/provisiond-metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static int compare(const struct entry *entry, enum stream_topic kind, const char *name, int64_t alarm)
{
    if (entry->kind != kind)
        return entry->kind < kind ? -1 : 1;
    int order = strcmp(entry->name, name);
    if (order != 0)
        return order;
    return (entry->alarm > alarm) - (entry->alarm < alarm);
}

/* Where it is, or where it belongs. */
static size_t place_of(const struct store *store, enum stream_topic kind, const char *name, int64_t alarm, bool *found)
{
    size_t low = 0, high = store->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&store->entries[middle], kind, name, alarm);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop(struct store *store, size_t at)
{
    store->types -= store->entries[at].kind == STREAM_TYPE;
    json_decref(store->entries[at].data);
    memmove(&store->entries[at], &store->entries[at + 1], (--store->count - at) * sizeof *store->entries);
}

static struct entry *insert(struct store *store, size_t at)
{
    if (store->count == store->room) {
        store->room = store->room ? 2 * store->room : 64;
        store->entries = realloc(store->entries, store->room * sizeof *store->entries);
        if (!store->entries)
            abort();
    }
    memmove(&store->entries[at + 1], &store->entries[at], (store->count++ - at) * sizeof *store->entries);
    store->entries[at] = (struct entry){0};
    return &store->entries[at];
}

static void keep(struct store *store, const struct stream_message *message, int64_t alarm)
{
    bool found;
    size_t at = place_of(store, message->kind, message->name, alarm, &found);

    if (!found && message->kind == STREAM_TYPE && store->types >= store->types_most) {
        store->left_out++;
        log_repeating(LOG_WARN_LEVEL, "types.over-limit", "types", "", "limit=%zu first=%s", store->types_most,
                      log_quote(message->name));
        return;
    }
    struct entry *entry = found ? &store->entries[at] : insert(store, at);
    store->types += !found && message->kind == STREAM_TYPE;
    entry->kind = message->kind;
    entry->alarm = alarm;
    text_copy(entry->name, sizeof entry->name, message->name);
    entry->as_of = message->as_of;
    entry->round = store->round;
    json_decref(entry->data);
    entry->data = json_incref((json_t *)message->data);
}

static void take_alarm(struct store *store, const struct stream_message *message)
{
    int64_t id = json_integer_value(json_object_get(message->data, "id"));
    bool found;

    if (json_is_true(json_object_get(message->data, "raised"))) {
        keep(store, message, id);
        return;
    }
    size_t at = place_of(store, message->kind, message->name, id, &found);
    if (found)
        drop(store, at);
}

/* Kinds come from the daemon's code and are few; the limit is there so that nobody has to believe that. */
static void take_event(struct store *store, const char *kind)
{
    size_t at = 0;

    while (at < store->event_kinds && strcmp(store->events[at].kind, kind) != 0)
        at++;
    if (at == store->event_kinds && at < EVENT_KINDS_MOST && strlen(kind) < sizeof store->events[at].kind) {
        text_copy(store->events[at].kind, sizeof store->events[at].kind, kind);
        store->event_kinds++;
    } else if (at == store->event_kinds) {
        at = EVENT_KINDS_MOST;
        text_copy(store->events[at].kind, sizeof store->events[at].kind, "other");
    }
    store->events[at].count++;
}

static void forget_before(struct store *store, uint64_t round)
{
    for (size_t i = store->count; i-- > 0;)
        if (store->entries[i].round < round)
            drop(store, i);
}

void store_take(struct store *store, const struct stream_message *message)
{
    if (message->new_incarnation)
        forget_before(store, UINT64_MAX);
    if (message->refresh_count > 0 && message->refresh_index == 0)
        store->round++;
    if (message->kind == STREAM_EVENT)
        take_event(store, message->name);
    else if (message->kind == STREAM_ALARM)
        take_alarm(store, message);
    else if (message->kind != STREAM_OTHER)
        keep(store, message, 0);
    if (message->refresh_complete)
        forget_before(store, store->round);
}

void store_clear(struct store *store)
{
    forget_before(store, UINT64_MAX);
    free(store->entries);
    *store = (struct store){0};
}
