/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web.h: what the files of the dashboard's server share: the newest status as ready-made stream events, 24
 * hours of history, questions to the daemon, HTTP. Runs in: provisiond-web, a subscriber like any other: one thread.
 * Why everything is bounded: whoever opens the page may be slow, many or hostile, and the history must fit in memory
 * whatever the daemon publishes. */
#ifndef SUBSCRIBERS_PROVISIOND_WEB_H
#define SUBSCRIBERS_PROVISIOND_WEB_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/http_server.h"
#include "common/loop.h"
#include "common/secret.h"
#include "common/text.h"
#include "proto/stream.h"

/* ---- 24 hours (provisiond-web_history.c) ---- */

enum history_field {
    HISTORY_PENDING,
    HISTORY_OLDEST_WAIT,
    HISTORY_CLAIMED,
    HISTORY_SERVING,
    HISTORY_OCCUPYING,
    HISTORY_LAUNCHES,
    HISTORY_FAILURES,
    HISTORY_COMMITTED,
    HISTORY_SPENT,
    HISTORY_FIELDS
};

struct history;
struct history *history_create(void);
void history_destroy(struct history **history);
/* One reading; NAN: not known, or too old to be drawn at `at`. */
void history_record(struct history *history, struct wall at, const double values[HISTORY_FIELDS]);
/* {"step": seconds, "t": [seconds UTC], "pending": [...], ...}; whole: 24 hours in coarse steps, else the last hour. */
json_t *history_document(const struct history *history, bool whole);

/* ---- the newest status (provisiond-web_store.c) ---- */

enum item_kind { ITEM_SUPERVISOR, ITEM_REGION, ITEM_TYPE, ITEM_EVENT, ITEM_ALARMS, ITEM_NAMES };

/* One thing the page shows. It is kept as the stream event that tells it. */
struct item {
    enum item_kind kind;
    char name[STREAM_TOPIC_SIZE];
    uint64_t version, round;
    struct item *older, *newer; /* by version */
    struct buffer frame;
    char event[48];          /* of an event: its kind */
    struct history *history; /* of a type */
    double now[HISTORY_FIELDS];
};

#define REFRESH_GAPS 4

struct store {
    struct stream stream;
    struct item **items; /* sorted by kind and name */
    size_t count, room, types, types_most, events;
    struct item *oldest, *newest;
    uint64_t version, round;
    uint64_t left_out; /* messages of types over the limit */
    json_t *alarms;    /* id -> alarm */
    json_t *alarms_seen;
    bool names_changed, fresh_incarnation;
    struct history *totals;
    struct span max_age;                             /* of a figure that is still drawn */
    struct mono started, last_message, last_refresh; /* MONO_ZERO: none yet */
    struct span gaps[REFRESH_GAPS];                  /* between the last full refreshes */
    size_t gap_count;
};

void store_open(struct store *store, size_t types_most, struct span max_age, struct mono now);
void store_take(struct store *store, const struct stream_message *message, struct mono now);
/* An event that the daemon told before we listened. */
void store_take_event(struct store *store, const json_t *event);
/* Brings the list of names up to date, after messages were taken. */
void store_settle(struct store *store);
/* After how much silence the stream has stopped: three of its own refresh intervals. */
struct span store_quiet_limit(const struct store *store);
const struct item *store_type(const struct store *store, const char *name);
void store_clear(struct store *store);

/* ---- rows (provisiond-web_rows.c) ---- */

/* {"n": name, "t": asOf, "w": [words], "v": [values], "a": [ages in ms]} in the order of rows_schema. */
json_t *rows_row(const char *topic, const char *name, int64_t as_of, const json_t *data);
/* topic -> {"words": [{"name", "doc"}], "figures": [{"name", "unit", "doc"}]}, from proto/status.def. */
json_t *rows_schema(void);
/* The figure's value, or NAN where it is not known or was seen longer than max_age before as_of. */
double rows_value(const json_t *data, const char *name, int64_t as_of, struct span max_age);

/* ---- server-sent events (provisiond-web_feed.c) ---- */

struct feed;
struct feed *feed_create(struct store *store, bool can_act);
/* The answer that never ends; NULL when there are too many readers. */
struct MHD_Response *feed_response(struct feed *feed, struct MHD_Connection *connection);
/* Wakes readers that have something to read. */
void feed_step(struct feed *feed, struct mono now);
struct mono feed_deadline(const struct feed *feed);
void feed_close(struct feed *feed); /* every reader's answer ends */
void feed_destroy(struct feed **feed);
/* One stream event: its name and one line of JSON. Takes the reference. */
void feed_frame(struct buffer *out, const char *event, json_t *data);

/* ---- questions to the daemon (provisiond-web_ask.c) ---- */

struct ask;
enum ask_state { ASK_WAITING, ASK_ANSWERED, ASK_REFUSED, ASK_SILENT };
struct question {
    enum ask_state state;
    char command[32], name[256];
    char text[1024];                   /* a sentence */
    char *body;                        /* JSON, owned, or NULL */
    struct MHD_Connection *connection; /* suspended until the answer; NULL: nobody waits */
    void *socket;
    int64_t id;
    struct mono deadline;
};
struct ask *ask_create(void *zmq, struct loop *loop, const char *run_dir);
/* NULL when too many questions are open; *err says why. Ends by ask_release. */
struct question *ask_begin(struct ask *ask, const char *command, const char *name, const char *argument,
                           struct MHD_Connection *connection, struct error *err);
void ask_release(struct ask *ask, struct question *question);
void ask_step(struct ask *ask, struct mono now);
struct mono ask_deadline(const struct ask *ask);
void ask_close(struct ask *ask); /* every open question ends unanswered */
void ask_destroy(struct ask **ask);

/* ---- who may (provisiond-web_guard.c) ---- */

#define HOSTS_MOST 8

struct guard {
    struct secret *token; /* NULL: read-only */
    const char *hosts[HOSTS_MOST];
    size_t host_count;
};
int guard_read_token(struct guard *guard, const char *path, struct error *err);
bool guard_host_allowed(const struct guard *guard, const char *host);
/* 0, or the HTTP status that refuses a request to act, with its sentence. */
unsigned guard_refuses(const struct guard *guard, struct MHD_Connection *connection, const char **why);

/* ---- files inside the program (provisiond-web_assets.c) ---- */

struct asset {
    const char *path, *type;
    const unsigned char *bytes;
    size_t size;
};
const struct asset *asset_of(const char *path);

/* ---- HTTP (provisiond-web_server.c, provisiond-web_api.c) ---- */

struct web {
    struct store store;
    struct guard guard;
    struct feed *feed;
    struct ask *ask;
};

/* What one HTTP request needs from its first line to its answer. */
struct request {
    struct question *question;
    struct buffer body;
    bool begun;
};

enum MHD_Result web_respond(struct MHD_Connection *connection, unsigned status, const char *type, const void *bytes,
                            size_t size);
enum MHD_Result web_respond_json(struct MHD_Connection *connection, unsigned status, json_t *body);
enum MHD_Result web_say(struct MHD_Connection *connection, unsigned status, const char *sentence);
enum MHD_Result web_queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
                          const char *type);

/* GET /api/... and POST /api/act */
enum MHD_Result api_get(struct web *web, struct MHD_Connection *connection, const char *url, struct request *request);
enum MHD_Result api_act(struct web *web, struct MHD_Connection *connection, struct request *request, const char *bytes,
                        size_t *size);

int server_create(struct http_server **out, const char *listen, struct loop *loop, struct web *web, struct error *err);

#endif
