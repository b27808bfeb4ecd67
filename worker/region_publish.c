/* SPDX-License-Identifier: MPL-2.0 */
/* region_publish.c: what a complete listing tells: to the supervisor the rows that changed and the ids that are gone,
 * to the type workers all rows of their type. Runs in: region worker.
 * Every type that is defined or was ever seen gets its message at each listing, zero rows included, so that a worker
 * that has just started is whole within one listing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/region_worker.h"

#define ROWS_IN_A_MESSAGE 2000
#define MOST_GONE 100000
#define TOPIC_SIZE (NAME_SIZE + 16)

/* Field by field, from the message table: bytes after a text's end differ without a meaning. */
#define SAME_I(name, least, most, doc) &&a->name == b->name
#define SAME_S(name, least, most, doc) &&strcmp(a->name, b->name) == 0
static bool same_row(const struct proto_ROW *a, const struct proto_ROW *b)
{
    return true ROW_FIELDS(SAME_I, SAME_S, , , );
}

/* ---- to the supervisor ---- */

static void send_rows(struct region_worker *worker, struct proto_ROW *rows, size_t count)
{
    for (size_t at = 0; at < count; at += ROWS_IN_A_MESSAGE) {
        CRASH_POINT(region_before_rows);
        struct message message = {.kind = PROTO_ROWS};
        message.as.ROWS.listing = worker->listing.number;
        message.as.ROWS.rows = rows + at;
        message.as.ROWS.rows_count = count - at < ROWS_IN_A_MESSAGE ? count - at : ROWS_IN_A_MESSAGE;
        bus_send(&worker->bus, &message, BUS_KEEP);
    }
}

/* Both lists are sorted by id. */
static void compare_listings(const struct row_list *before, const struct row_list *after, struct row_list *changed,
                             struct row_list *gone)
{
    size_t old = 0, new = 0;
    while (old < before->count || new < after->count) {
        int order = old == before->count  ? 1
                    : new == after->count ? -1
                                          : strcmp(before->rows[old].id, after->rows[new].id);
        if (order < 0) {
            region_rows_add(gone, &before->rows[old++]);
        } else {
            if (order > 0 || !same_row(&before->rows[old], &after->rows[new]))
                region_rows_add(changed, &after->rows[new]);
            old += order == 0;
            new ++;
        }
    }
}

static void send_listed(struct region_worker *worker, const struct row_list *rows, const struct row_list *gone,
                        struct mono now)
{
    const struct listing *listing = &worker->listing;
    struct message message = {.kind = PROTO_LISTED};
    struct proto_LISTED *listed = &message.as.LISTED;
    listed->listing = listing->number;
    listed->full = listing->number == 1;
    listed->beganMono = listing->began.us;
    listed->beganWall = listing->began_wall.ms;
    listed->tookUs = mono_since(listing->began, now).us;
    listed->pages = listing->pages;
    listed->rows = (int64_t)rows->count;
    listed->clockMs = worker->cloud.offset.ms;
    listed->gone = calloc(gone->count + 1, sizeof *listed->gone);
    for (size_t i = 0; listed->gone && i < gone->count && i < MOST_GONE; i++)
        text_copy(listed->gone[listed->gone_count++].id, INSTANCE_ID_SIZE, gone->rows[i].id);
    CRASH_POINT(region_before_listed);
    bus_send(&worker->bus, &message, BUS_KEEP);
    CRASH_POINT(region_after_listed);
    free(listed->gone);
}

static void tell_supervisor(struct region_worker *worker, const struct row_list *rows, struct mono now)
{
    struct row_list changed = {0}, gone = {0};
    compare_listings(&worker->known, rows, &changed, &gone);
    send_rows(worker, changed.rows, changed.count);
    send_listed(worker, rows, &gone, now);
    free(changed.rows);
    free(gone.rows);
}

/* ---- to the type workers ---- */

static void publish(struct region_worker *worker, const char *topic, const struct message *message)
{
    struct error err;
    CRASH_POINT(region_before_inventory);
    if (message_send(worker->inventory, topic, strlen(topic), message, &err) < 0)
        log_repeating(LOG_ERROR_LEVEL, "inventory.publish", topic, err.text, "topic=%s problem=%s", topic,
                      log_quote(err.text));
    CRASH_POINT(region_after_inventory);
}

static int compare_types(const void *a, const void *b)
{
    const struct proto_ROW *const *first = a, *const *second = b;
    int order = strcmp((*first)->type, (*second)->type);
    return order ? order : strcmp((*first)->id, (*second)->id);
}

static int compare_type_to_row(const void *name, const void *row)
{
    return strcmp(name, (*(const struct proto_ROW *const *)row)->type);
}

/* First of the rows of `type` in the list that is sorted by type. */
static size_t first_of_type(const struct proto_ROW **sorted, size_t count, const char *type)
{
    const struct proto_ROW **found = bsearch(type, sorted, count, sizeof *sorted, compare_type_to_row);
    while (found && found > sorted && strcmp(found[-1]->type, type) == 0)
        found--;
    return found ? (size_t)(found - sorted) : count;
}

static void publish_type(struct region_worker *worker, const char *type, const struct proto_ROW **sorted, size_t count,
                         struct proto_ROW *scratch, struct mono now)
{
    const struct listing *listing = &worker->listing;
    struct message message = {.kind = PROTO_INVENTORY};
    struct proto_INVENTORY *inventory = &message.as.INVENTORY;
    char topic[TOPIC_SIZE];
    text_copy(inventory->region, sizeof inventory->region, worker->options->name);
    inventory->listing = listing->number;
    inventory->generation = worker->options->generation;
    inventory->beganMono = listing->began.us;
    inventory->beganWall = listing->began_wall.ms;
    inventory->tookUs = mono_since(listing->began, now).us;
    inventory->rows = scratch;
    for (size_t i = first_of_type(sorted, count, type); i < count && strcmp(sorted[i]->type, type) == 0; i++)
        scratch[inventory->rows_count++] = *sorted[i];
    text_format(topic, sizeof topic, "type.%s.", type);
    publish(worker, topic, &message);
}

static void tell_types(struct region_worker *worker, const struct row_list *rows, struct mono now)
{
    const struct proto_ROW **sorted = calloc(rows->count + 1, sizeof *sorted);
    struct proto_ROW *scratch = calloc(rows->count + 1, sizeof *scratch);
    if (!sorted || !scratch)
        abort();
    for (size_t i = 0; i < rows->count; i++)
        sorted[i] = &rows->rows[i];
    if (rows->count > 0)
        qsort(sorted, rows->count, sizeof *sorted, compare_types);
    for (size_t i = 0; i < rows->count; i++)
        if (i == 0 || strcmp(sorted[i]->type, sorted[i - 1]->type) != 0)
            region_add_name(&worker->types, sorted[i]->type);
    for (size_t i = 0; i < worker->types.count; i++)
        publish_type(worker, worker->types.names[i], sorted, rows->count, scratch, now);
    free(sorted);
    free(scratch);
}

/* Who subscribed is no concern of ours, but what is not read fills a queue. */
static void pass_over_subscriptions(struct region_worker *worker)
{
    char frame[TOPIC_SIZE];
    while (zmq_recv(worker->inventory, frame, sizeof frame, ZMQ_DONTWAIT) >= 0)
        ;
}

void region_publish_prices(struct region_worker *worker)
{
    struct message message = {.kind = PROTO_PRICES};
    struct price_reading *prices = &worker->prices;
    if (!prices->last)
        return;
    text_copy(message.as.PRICES.region, NAME_SIZE, worker->options->name);
    message.as.PRICES.seenWall = prices->last_wall.ms;
    message.as.PRICES.prices = prices->last;
    message.as.PRICES.prices_count = prices->last_count;
    publish(worker, "prices.", &message);
}

void region_publish(struct region_worker *worker, struct row_list *rows, struct mono now)
{
    pass_over_subscriptions(worker);
    tell_supervisor(worker, rows, now);
    tell_types(worker, rows, now);
    region_publish_prices(worker);
    free(worker->known.rows);
    worker->known = *rows;
}
