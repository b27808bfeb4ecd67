/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics.h: what the files of the Prometheus exporter share: the last status, the table of metrics, their
 * text. Runs in: provisiond-metrics, a subscriber like any other. Decides nothing; reads the daemon's ipc socket only.
 * Why values have an age limit: a gauge that is repeated after its source fell silent is a lie with a fresh time
 * stamp (783 instances on the page, 2,217 running). */
#ifndef SUBSCRIBERS_PROVISIOND_METRICS_H
#define SUBSCRIBERS_PROVISIOND_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/http_server.h"
#include "common/loop.h"
#include "common/text.h"
#include "proto/stream.h"

/* ---- the table (provisiond-metrics_table.c) ---- */

/* Where a figure comes from: its age is exposed per source. */
enum metric_source { SOURCE_SUPERVISOR, SOURCE_DEMAND, SOURCE_INVENTORY, SOURCE_COUNT };

struct metric {
    enum stream_topic topic;
    const char *figure; /* of proto/status.def */
    const char *name;   /* without "provisiond_"; a name that ends in _total is a counter */
    enum metric_source source;
    double scale; /* to Prometheus's base unit */
    const char *help;
};
extern const struct metric metrics_table[]; /* ends with a row without name */
const char *metric_source_name(enum metric_source source);

/* ---- the last status (provisiond-metrics_store.c) ---- */

struct entry {
    enum stream_topic kind; /* supervisor, type, region or alarm */
    char name[STREAM_TOPIC_SIZE];
    int64_t alarm; /* its id, else 0 */
    int64_t as_of; /* ms UTC, of the message */
    uint64_t round;
    json_t *data;
};

#define EVENT_KINDS_MOST 64

struct event_count {
    char kind[48];
    uint64_t count;
};

struct store {
    struct stream stream;
    struct entry *entries; /* sorted by kind, name, alarm */
    size_t count, room, types, types_most;
    uint64_t round;                                  /* of full refreshes */
    uint64_t left_out;                               /* messages of types over the limit */
    struct event_count events[EVENT_KINDS_MOST + 1]; /* the last one: all other kinds */
    size_t event_kinds;
};

/* Takes what one message says. */
void store_take(struct store *store, const struct stream_message *message);
void store_clear(struct store *store);

/* ---- the text (provisiond-metrics_text.c) ---- */

struct text_options {
    struct span max_age; /* older figures are not exposed */
};
/* Everything in Prometheus's text format 0.0.4. */
void metrics_print(const struct store *store, const struct text_options *options, struct wall now, struct buffer *out);

/* ---- HTTP (provisiond-metrics_server.c) ---- */

/* Fills the answer to GET /metrics. */
typedef void server_page_function(void *context, struct buffer *out);

struct server {
    server_page_function *page;
    void *context;            /* of `page` */
    struct http_server *http; /* filled by server_open; the caller steps and destroys it */
};
/* `server` must stay where it is as long as it listens. */
int server_open(struct server *server, const char *listen, struct loop *loop, struct error *err);

#endif
