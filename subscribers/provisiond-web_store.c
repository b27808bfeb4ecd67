/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_store.c: the newest word about everything, each with a version: a browser that has seen version N is
 * sent what is newer, however slowly it reads, and nothing is queued for it. Runs in: provisiond-web.
 * Owns: the items. Bounded: what a complete refresh no longer shows is forgotten, types over a limit are left out,
 * old events go first. A new supervisor takes over the rows, so that the history goes on. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "subscribers/provisiond-web.h"

#define EVENTS_MOST 500
#define EVENTS_OF_A_KIND 100 /* a thousand launches must not push out the one definition that explains them */
#define ALARMS_MOST 1000
#define REGIONS_MOST 200
#define QUIET_UNKNOWN SPAN_SECONDS(15) /* three of the default statusInterval */
#define QUIET_LEAST SPAN_SECONDS(5)
#define QUIET_MOST SPAN_SECONDS(3600)

static const char *const event_names[] = {
    [ITEM_SUPERVISOR] = "supervisor", [ITEM_REGION] = "region", [ITEM_TYPE] = "type",
    [ITEM_EVENT] = "event",           [ITEM_ALARMS] = "alarms", [ITEM_NAMES] = "names"};

/* ---- items ---- */

/* Where it is, or where it belongs. */
static size_t place_of(const struct store *store, enum item_kind kind, const char *name, bool *found)
{
    size_t low = 0, high = store->count;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        const struct item *item = store->items[middle];
        int order = item->kind == kind ? strcmp(item->name, name) : item->kind < kind ? -1 : 1;
        *found = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

static void unlink_item(struct store *store, struct item *item)
{
    *(item->older ? &item->older->newer : &store->oldest) = item->newer;
    *(item->newer ? &item->newer->older : &store->newest) = item->older;
    item->older = item->newer = NULL;
}

static void touch(struct store *store, struct item *item)
{
    if (item->version > 0)
        unlink_item(store, item);
    item->version = ++store->version;
    item->older = store->newest;
    *(store->newest ? &store->newest->newer : &store->oldest) = item;
    store->newest = item;
}

static void drop(struct store *store, size_t at)
{
    struct item *item = store->items[at];

    store->types -= item->kind == ITEM_TYPE;
    store->events -= item->kind == ITEM_EVENT;
    store->names_changed |= item->kind == ITEM_TYPE || item->kind == ITEM_REGION;
    memmove(&store->items[at], &store->items[at + 1], (--store->count - at) * sizeof(struct item *));
    if (item->version > 0)
        unlink_item(store, item);
    buffer_free(&item->frame);
    history_destroy(&item->history);
    free(item);
}

static struct item *insert(struct store *store, size_t at, enum item_kind kind, const char *name)
{
    struct item *item = calloc(1, sizeof *item);

    if (store->count == store->room) {
        store->room = store->room ? 2 * store->room : 64;
        store->items = realloc(store->items, store->room * sizeof(struct item *));
    }
    if (!item || !store->items)
        abort();
    memmove(&store->items[at + 1], &store->items[at], (store->count++ - at) * sizeof(struct item *));
    store->items[at] = item;
    item->kind = kind;
    text_copy(item->name, sizeof item->name, name);
    store->types += kind == ITEM_TYPE;
    store->events += kind == ITEM_EVENT;
    store->names_changed |= kind == ITEM_TYPE || kind == ITEM_REGION;
    return item;
}

static struct item *item_of(struct store *store, enum item_kind kind, const char *name)
{
    bool found;
    size_t at = place_of(store, kind, name, &found);

    return found ? store->items[at] : insert(store, at, kind, name);
}

/* Takes the reference of `data`. A thing that reads as before is not sent again. */
static void put(struct store *store, struct item *item, json_t *data)
{
    struct buffer frame = {0};

    feed_frame(&frame, event_names[item->kind], data);
    if (item->version > 0 && text_equal(buffer_text(&frame), buffer_text(&item->frame))) {
        buffer_free(&frame);
        return;
    }
    buffer_free(&item->frame);
    item->frame = frame;
    touch(store, item);
}

/* ---- figures ---- */

static void read_figures(const struct store *store, struct item *item, const struct stream_message *message)
{
    static const char *const names[2][HISTORY_FIELDS] = {{[HISTORY_OCCUPYING] = "units",
                                                          [HISTORY_LAUNCHES] = "launched",
                                                          [HISTORY_FAILURES] = "launchFailures",
                                                          [HISTORY_COMMITTED] = "committed",
                                                          [HISTORY_SPENT] = "spentToday"},
                                                         {[HISTORY_PENDING] = "pending",
                                                          [HISTORY_OLDEST_WAIT] = "oldestWait",
                                                          [HISTORY_CLAIMED] = "claimed",
                                                          [HISTORY_SERVING] = "serving",
                                                          [HISTORY_OCCUPYING] = "occupying",
                                                          [HISTORY_LAUNCHES] = "launches",
                                                          [HISTORY_FAILURES] = "launchFailures",
                                                          [HISTORY_COMMITTED] = "committed"}};

    for (int i = 0; i < HISTORY_FIELDS; i++) {
        const char *name = names[item->kind == ITEM_TYPE][i];
        item->now[i] = name ? rows_value(message->data, name, message->as_of, store->max_age) : NAN;
    }
}

static void add_to_total(double *total, double value, bool largest)
{
    if (isnan(value))
        return;
    if (isnan(*total))
        *total = value;
    else
        *total = !largest ? *total + value : value > *total ? value : *total;
}

/* Demand of all types; money and launches as the supervisor counts them. */
static void record_totals(struct store *store, struct wall at)
{
    double totals[HISTORY_FIELDS];

    for (int i = 0; i < HISTORY_FIELDS; i++)
        totals[i] = NAN;
    for (size_t i = 0; i < store->count; i++) {
        const struct item *item = store->items[i];
        for (int j = 0; item->kind == ITEM_TYPE && j <= HISTORY_SERVING; j++)
            add_to_total(&totals[j], item->now[j], j == HISTORY_OLDEST_WAIT);
        for (int j = HISTORY_OCCUPYING; item->kind == ITEM_SUPERVISOR && j < HISTORY_FIELDS; j++)
            totals[j] = item->now[j];
    }
    history_record(store->totals, at, totals);
}

/* ---- messages ---- */

static void take_row(struct store *store, enum item_kind kind, const struct stream_message *message)
{
    bool found;
    size_t at = place_of(store, kind, message->name, &found);

    if (!found && ((kind == ITEM_TYPE && store->types >= store->types_most) ||
                   (kind == ITEM_REGION && store->count - store->types - store->events > REGIONS_MOST))) {
        store->left_out++;
        log_repeating(LOG_WARN_LEVEL, "rows.over-limit", "rows", "", "limit=%zu first=%s", store->types_most,
                      log_quote(message->name));
        return;
    }
    struct item *item = found ? store->items[at] : insert(store, at, kind, message->name);
    item->round = store->round;
    put(store, item, rows_row(event_names[kind], message->name, message->as_of, message->data));
    if (kind == ITEM_REGION)
        return;
    read_figures(store, item, message);
    if (kind == ITEM_SUPERVISOR)
        return;
    if (!item->history)
        item->history = history_create();
    history_record(item->history, (struct wall){message->as_of}, item->now);
}

/* Forgets the oldest event, of a kind or ("") of any. */
static void drop_oldest_event(struct store *store, const char *kind)
{
    bool found;

    for (size_t at = place_of(store, ITEM_EVENT, "", &found); at < store->count; at++) {
        if (store->items[at]->kind == ITEM_EVENT && (!*kind || text_equal(store->items[at]->event, kind))) {
            drop(store, at);
            return;
        }
    }
}

static size_t count_events(const struct store *store, const char *kind)
{
    size_t count = 0;

    for (size_t i = 0; i < store->count; i++)
        count += store->items[i]->kind == ITEM_EVENT && text_equal(store->items[i]->event, kind);
    return count;
}

void store_take_event(struct store *store, const json_t *event)
{
    char name[32];
    int64_t sequence = json_integer_value(json_object_get(event, "sequence"));
    const char *kind = json_string_value(json_object_get(event, "kind"));
    bool found;

    if (sequence <= 0 || !kind || !json_is_string(json_object_get(event, "text")))
        return;
    text_format(name, sizeof name, "%020" PRId64, sequence); /* sorted by name is sorted by number */
    size_t at = place_of(store, ITEM_EVENT, name, &found);
    if (found)
        return;
    struct item *item = insert(store, at, ITEM_EVENT, name);
    text_copy(item->event, sizeof item->event, kind);
    put(store, item, json_deep_copy(event));
    if (count_events(store, item->event) > EVENTS_OF_A_KIND)
        drop_oldest_event(store, item->event);
    if (store->events > EVENTS_MOST)
        drop_oldest_event(store, "");
}

static void show_alarms(struct store *store)
{
    json_t *list = json_array(), *alarm;
    const char *id;

    json_object_foreach(store->alarms, id, alarm)
    {
        json_array_append(list, alarm);
    }
    put(store, item_of(store, ITEM_ALARMS, ""), list);
}

static void take_alarm(struct store *store, const struct stream_message *message)
{
    char id[32];

    text_format(id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(message->data, "id")));
    if (!json_is_true(json_object_get(message->data, "raised"))) {
        json_object_del(store->alarms, id);
    } else if (json_object_size(store->alarms) < ALARMS_MOST || json_object_get(store->alarms, id)) {
        json_object_set_new(store->alarms, id, json_deep_copy(message->data));
        json_object_set_new(store->alarms_seen, id, json_true());
    }
    show_alarms(store);
}

/* After a complete refresh: what it did not show is gone. */
static void forget_unseen(struct store *store)
{
    const char *id;
    json_t *alarm;
    void *next;

    for (size_t i = store->count; i-- > 0;)
        if (store->items[i]->kind <= ITEM_TYPE && store->items[i]->round < store->round)
            drop(store, i);
    json_object_foreach_safe(store->alarms, next, id, alarm)
    {
        if (!json_object_get(store->alarms_seen, id))
            json_object_del(store->alarms, id);
    }
    show_alarms(store);
}

/* How often the daemon refreshes is learned from the stream; the gap of a daemon that was away does not count. */
static void note_refresh_begun(struct store *store, struct mono now)
{
    if (mono_is_set(store->last_refresh) && !store->fresh_incarnation)
        store->gaps[store->gap_count++ % REFRESH_GAPS] = mono_since(store->last_refresh, now);
    store->last_refresh = now;
    store->fresh_incarnation = false;
    store->round++;
    json_object_clear(store->alarms_seen);
}

void store_take(struct store *store, const struct stream_message *message, struct mono now)
{
    store->last_message = now;
    if (message->new_incarnation) {
        json_object_clear(store->alarms); /* ids begin anew */
        store->fresh_incarnation = true;
    }
    if (message->refresh_count > 0 && message->refresh_index == 0)
        note_refresh_begun(store, now);
    if (message->kind == STREAM_EVENT)
        store_take_event(store, message->data);
    else if (message->kind == STREAM_ALARM)
        take_alarm(store, message);
    else if (message->kind != STREAM_OTHER)
        take_row(store,
                 message->kind == STREAM_TYPE     ? ITEM_TYPE
                 : message->kind == STREAM_REGION ? ITEM_REGION
                                                  : ITEM_SUPERVISOR,
                 message);
    if (message->refresh_complete) {
        forget_unseen(store);
        record_totals(store, (struct wall){message->as_of});
    }
}

void store_settle(struct store *store)
{
    json_t *types, *regions;

    if (!store->names_changed)
        return;
    types = json_array();
    regions = json_array();
    for (size_t i = 0; i < store->count; i++) {
        const struct item *item = store->items[i];
        if (item->kind == ITEM_TYPE || item->kind == ITEM_REGION)
            json_array_append_new(item->kind == ITEM_TYPE ? types : regions, json_string(item->name));
    }
    put(store, item_of(store, ITEM_NAMES, ""),
        json_pack("{s:o, s:o, s:I}", "types", types, "regions", regions, "leftOut", (json_int_t)store->left_out));
    store->names_changed = false;
}

struct span store_quiet_limit(const struct store *store)
{
    struct span least = QUIET_MOST;

    if (store->gap_count == 0)
        return QUIET_UNKNOWN;
    for (size_t i = 0; i < store->gap_count && i < REFRESH_GAPS; i++)
        least = span_min(least, store->gaps[i]);
    return span_min(span_max(span_scale(least, 3), QUIET_LEAST), QUIET_MOST);
}

const struct item *store_type(const struct store *store, const char *name)
{
    bool found;
    size_t at = place_of(store, ITEM_TYPE, name, &found);

    return found ? store->items[at] : NULL;
}

void store_open(struct store *store, size_t types_most, struct span max_age, struct mono now)
{
    *store = (struct store){.types_most = types_most,
                            .max_age = max_age,
                            .started = now,
                            .alarms = json_object(),
                            .alarms_seen = json_object(),
                            .totals = history_create()};
    show_alarms(store);
}

void store_clear(struct store *store)
{
    while (store->count > 0)
        drop(store, store->count - 1);
    free(store->items);
    json_decref(store->alarms);
    json_decref(store->alarms_seen);
    history_destroy(&store->totals);
}
