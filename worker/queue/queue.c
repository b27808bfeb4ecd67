/* SPDX-License-Identifier: MPL-2.0 */
/* queue.c: one reading of demand as a short walk: counts (or the older route), the oldest pending task, the claimed
 * list. A step that fails leaves the last good figures alone and says so; figures are never made up (case B21). Runs
 * in: type worker. Never blocks. Owns: its requests, its readings, the list of workers seen with a claim. */
#include "worker/queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/queue/estimate.h"
#include "worker/queue/exchange.h"
#include "worker/queue/queue_names.h"
#include "worker/queue/queue_parse.h"
#include "worker/queue/workers.h"

#define ROUTE_RETRY SPAN_SECONDS(600) /* a route that was refused or missing is tried again */
#define CLAIMED_PAGE_TASKS 100        /* each row holds a whole task definition */
#define CLAIMED_PAGES 200
#define SMALL_ANSWER (64 * 1024)
#define LARGE_ANSWER (16 * 1024 * 1024)
#define TOKEN_ROOM 512

enum step { STEP_NONE, STEP_COUNTS, STEP_PENDING_COUNT, STEP_OLDEST, STEP_CLAIMED, STEP_HTTP_JSON };

struct queue {
    struct exchange exchange;
    char base[512]; /* https://tc.example.com/api/queue/v1 */
    char name[256]; /* provisioner%2Ftype */
    struct demand demand;
    struct estimate estimate;
    uint64_t readings;

    enum step step;
    bool wants_claimed;
    char problem[256];           /* of the reading under way */
    struct mono counts_missing;  /* until then the older route is asked at once; MONO_ZERO: the counts route works */
    struct mono pending_refused; /* until then the oldest wait is estimated */
    struct mono claimed_refused;

    struct http_json http_json; /* url "": Taskcluster */

    struct workers claimed, reading;
    char token[TOKEN_ROOM]; /* of the claimed list's next page */
    int pages;
};

static void begin_step(struct queue *queue, enum step step, struct mono now);

/* ---- the walk ---- */

static void note_problem(struct queue *queue, const char *what)
{
    if (queue->problem[0] == '\0') /* the first cause is the one to read */
        text_copy(queue->problem, sizeof queue->problem, what);
}

static void finish_reading(struct queue *queue)
{
    long long off = queue->exchange.offset_seconds;
    char text[128];

    if (llabs(off) >= 60) {
        text_format(text, sizeof text, "the local clock is off by %lld min (proven by the queue): set the clock",
                    (llabs(off) + 30) / 60);
        note_problem(queue, text);
    }
    memcpy(queue->demand.problem, queue->problem, sizeof queue->demand.problem);
    queue->step = STEP_NONE;
    queue->readings++;
}

static void read_claimed(struct queue *queue, struct mono now)
{
    if (!queue->wants_claimed || !mono_reached(queue->claimed_refused, now)) {
        finish_reading(queue);
        return;
    }
    workers_clear(&queue->reading);
    queue->token[0] = '\0';
    queue->pages = 0;
    begin_step(queue, STEP_CLAIMED, now);
}

static void note_status(struct queue *queue, const char *route, const struct exchange_answer *answer)
{
    char text[256];

    exchange_describe(answer, route, text, sizeof text);
    note_problem(queue, text);
}

/* ---- counts ---- */

static void use_estimate(struct queue *queue, struct wall estimated)
{
    queue->demand.oldest = estimated;
    queue->demand.oldest_estimated = estimated.ms != 0;
}

/* Returns since when something waits, as an estimate. */
static struct wall note_counts(struct queue *queue, const struct exchange_answer *answer, int64_t pending,
                               int64_t claimed)
{
    struct demand *demand = &queue->demand;

    demand->pending = pending;
    demand->claimed = claimed;
    demand->seen = answer->received;
    demand->seen_wall = answer->received_wall;
    return estimate_take(&queue->estimate, pending, claimed, answer->received_wall);
}

static void take_counts(struct queue *queue, const struct exchange_answer *answer, int64_t pending, int64_t claimed)
{
    struct wall estimated = note_counts(queue, answer, pending, claimed);

    if (pending > 0 && mono_reached(queue->pending_refused, answer->received)) {
        begin_step(queue, STEP_OLDEST, answer->received);
    } else {
        use_estimate(queue, estimated);
        read_claimed(queue, answer->received);
    }
}

static void on_counts(struct queue *queue, const struct exchange_answer *answer)
{
    bool with_claimed = queue->step == STEP_COUNTS;
    int64_t pending, claimed;
    struct error err;

    if (answer->status == 404 && with_claimed) { /* an older deployment */
        queue->counts_missing = mono_add(answer->received, ROUTE_RETRY);
        begin_step(queue, STEP_PENDING_COUNT, answer->received);
        return;
    }
    if (answer->status == 403)
        note_problem(queue, "counts: HTTP 403: the scopes queue:pending-count:<queue> and queue:claimed-count:<queue> "
                            "are needed");
    else if (answer->status != 200)
        note_status(queue, "counts", answer);
    else if (queue_parse_counts(answer->body, answer->body_size, with_claimed, &pending, &claimed, &err) == 0) {
        if (with_claimed)
            queue->counts_missing = MONO_ZERO;
        take_counts(queue, answer, pending, claimed);
        return;
    } else
        note_problem(queue, err.text);
    finish_reading(queue); /* without counts nothing else is asked */
}

/* ---- the oldest pending task ---- */

static void on_oldest(struct queue *queue, const struct exchange_answer *answer)
{
    struct wall oldest = {0};
    struct error err;

    use_estimate(queue, queue->estimate.since);
    if (answer->status == 403 || answer->status == 404) {
        queue->pending_refused = mono_add(answer->received, ROUTE_RETRY); /* shown by oldest_estimated: no fault */
    } else if (answer->status != 200) {
        note_status(queue, "pending list", answer);
    } else if (queue_parse_oldest(answer->body, answer->body_size, &oldest, &err) != 0) {
        note_problem(queue, err.text);
    } else { /* an empty list: the count was an old one */
        queue->demand.oldest = oldest;
        queue->demand.oldest_estimated = false;
    }
    read_claimed(queue, answer->received);
}

/* ---- the claimed list ---- */

static void claimed_failed(struct queue *queue, const char *what)
{
    if (what)
        note_problem(queue, what);
    finish_reading(queue); /* the last whole list stays */
}

static void on_claimed(struct queue *queue, const struct exchange_answer *answer)
{
    char before[TOKEN_ROOM];
    struct error err;

    if (answer->status == 403 || answer->status == 404) {
        queue->demand.claimed_list_known = false;
        queue->claimed_refused = mono_add(answer->received, ROUTE_RETRY);
        claimed_failed(queue, NULL);
        return;
    }
    if (answer->status != 200) {
        note_status(queue, "claimed list", answer);
        claimed_failed(queue, NULL);
        return;
    }
    memcpy(before, queue->token, sizeof before);
    if (queue_parse_claimed(answer->body, answer->body_size, workers_add, &queue->reading, queue->token,
                            sizeof queue->token, &err) != 0) {
        claimed_failed(queue, err.text);
    } else if (queue->token[0] == '\0') {
        workers_clear(&queue->claimed);
        queue->claimed = queue->reading;
        queue->reading = (struct workers){0};
        queue->demand.claimed_list_known = true;
        finish_reading(queue);
    } else if (++queue->pages >= CLAIMED_PAGES || strcmp(before, queue->token) == 0) { /* case B30 */
        claimed_failed(queue, "claimed list: its pages do not end");
    } else {
        begin_step(queue, STEP_CLAIMED, answer->received);
    }
}

/* ---- any URL ---- */

static void on_http_json(struct queue *queue, const struct exchange_answer *answer)
{
    int64_t pending, claimed;
    struct wall oldest;
    struct error err;

    if (answer->status != 200) {
        note_status(queue, "demand URL", answer);
    } else if (http_json_parse(&queue->http_json, answer->body, answer->body_size, &pending, &claimed, &oldest, &err) !=
               0) {
        note_problem(queue, err.text);
    } else {
        use_estimate(queue, note_counts(queue, answer, pending, claimed));
        if (oldest.ms != 0) {
            queue->demand.oldest = oldest;
            queue->demand.oldest_estimated = false;
        }
    }
    finish_reading(queue);
}

/* ---- requests ---- */

static void build_url(const struct queue *queue, enum step step, char *out, size_t size)
{
    struct buffer token = {0};

    switch (step) {
    case STEP_COUNTS:
        text_format(out, size, "%s/task-queues/%s/counts", queue->base, queue->name);
        break;
    case STEP_PENDING_COUNT:
        text_format(out, size, "%s/pending/%s", queue->base, queue->name);
        break;
    case STEP_OLDEST:
        text_format(out, size, "%s/task-queues/%s/pending?limit=1", queue->base, queue->name);
        break;
    case STEP_CLAIMED:
        text_url_encode(&token, queue->token);
        text_format(out, size, "%s/task-queues/%s/claimed?limit=%d%s%s", queue->base, queue->name, CLAIMED_PAGE_TASKS,
                    token.size ? "&continuationToken=" : "", buffer_text(&token));
        break;
    case STEP_HTTP_JSON:
        text_copy(out, size, queue->http_json.url);
        break;
    case STEP_NONE:
        break;
    }
    buffer_free(&token);
}

static void begin_step(struct queue *queue, enum step step, struct mono now)
{
    struct error err;

    queue->step = step;
    queue->exchange.size_limit = step == STEP_OLDEST || step == STEP_CLAIMED ? LARGE_ANSWER : SMALL_ANSWER;
    build_url(queue, step, queue->exchange.url, sizeof queue->exchange.url);
    if (exchange_start(&queue->exchange, now, &err) != 0) {
        note_problem(queue, err.text);
        finish_reading(queue);
    }
}

static void on_answer(void *context, const struct exchange_answer *answer)
{
    struct queue *queue = context;

    switch (queue->step) {
    case STEP_COUNTS:
    case STEP_PENDING_COUNT:
        on_counts(queue, answer);
        break;
    case STEP_OLDEST:
        on_oldest(queue, answer);
        break;
    case STEP_CLAIMED:
        on_claimed(queue, answer);
        break;
    case STEP_HTTP_JSON:
        on_http_json(queue, answer);
        break;
    case STEP_NONE:
        break;
    }
}

/* ---- for the worker ---- */

int queue_create(struct queue **out, struct http_client *http, const struct queue_options *options, struct error *err)
{
    struct queue *queue = calloc(1, sizeof *queue);

    if (!queue)
        abort();
    if (queue_names(options, queue->base, sizeof queue->base, queue->name, sizeof queue->name, err) != 0) {
        free(queue);
        return -1;
    }
    queue->demand.pending = queue->demand.claimed = -1;
    queue->estimate.claimed = -1;
    queue->exchange = (struct exchange){.http = http,
                                        .connect_limit = options->connect_limit,
                                        .total_limit = options->total_limit,
                                        .on_answer = on_answer,
                                        .context = queue,
                                        .retry_at = MONO_NEVER};
    if (queue->exchange.total_limit.us <= 0)
        queue->exchange.total_limit = SPAN_SECONDS(30);
    if (options->http_json) {
        queue->http_json = *options->http_json;
        queue->exchange.plain = true;
        queue->exchange.authorization_file = queue->http_json.authorization_file;
    }
    if (options->credentials)
        queue_credentials_copy(&queue->exchange.credentials, options->credentials);
    *out = queue;
    return 0;
}

void queue_destroy(struct queue **queue)
{
    if (!queue || !*queue)
        return;
    queue_credentials_clear(&(*queue)->exchange.credentials);
    workers_clear(&(*queue)->claimed);
    workers_clear(&(*queue)->reading);
    free(*queue);
    *queue = NULL;
}

void queue_poll(struct queue *queue, bool want_claimed_list, struct mono now)
{
    if (queue->step != STEP_NONE || exchange_waits(&queue->exchange, now))
        return;
    queue->problem[0] = '\0';
    queue->wants_claimed = want_claimed_list;
    if (*queue->http_json.url) {
        begin_step(queue, STEP_HTTP_JSON, now);
        return;
    }
    bool counts_exist = mono_reached(queue->counts_missing, now);
    begin_step(queue, counts_exist ? STEP_COUNTS : STEP_PENDING_COUNT, now);
}

bool queue_busy(const struct queue *queue)
{
    return queue->step != STEP_NONE;
}

const struct demand *queue_demand(const struct queue *queue)
{
    return &queue->demand;
}

size_t queue_claimed_count(const struct queue *queue)
{
    return queue->claimed.count;
}

const char *queue_claimed_worker(const struct queue *queue, size_t index)
{
    return queue->claimed.ids[index];
}

uint64_t queue_readings(const struct queue *queue)
{
    return queue->readings;
}

void queue_step(struct queue *queue, struct mono now)
{
    exchange_step(&queue->exchange, now);
}

struct mono queue_deadline(const struct queue *queue)
{
    return queue->exchange.retry_at;
}

int64_t queue_clock_offset(const struct queue *queue)
{
    return queue->exchange.offset_seconds;
}
