/* SPDX-License-Identifier: MPL-2.0 */
/* region_listing.c: lane 1: the inventory, page by page, as long as there is a NextToken and whatever a page's size
 * (case B30). Runs in: region worker. The listing that runs, fails or is cut off replaces nothing: its rows are kept
 * apart until the last page is there. Same token twice, too many pages: incomplete. Token refused: begun anew, once.
 * Asked too often: a growing delay with jitter up to 60 s (case B22). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/describe.h"
#include "worker/region_worker.h"

#define PAGE_SIZE_LIMIT (64u * 1024 * 1024)
#define THROTTLED_FIRST SPAN_SECONDS(2)
#define THROTTLED_MOST SPAN_SECONDS(60)

void region_rows_add(struct row_list *list, const struct proto_ROW *row)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 256;
        list->rows = realloc(list->rows, list->room * sizeof *list->rows);
        if (!list->rows)
            abort();
    }
    list->rows[list->count++] = *row;
}

/* ---- beginning and ending ---- */

static void forget_pages(struct listing *listing)
{
    for (int i = 0; i < LISTING_MOST_PAGES; i++) {
        free(listing->tokens[i]);
        listing->tokens[i] = NULL;
    }
    listing->pages = 0;
    listing->rows.count = 0;
}

static void begin(struct listing *listing, struct mono now)
{
    forget_pages(listing);
    listing->running = true;
    listing->began = now;
    listing->began_wall = clock_wall();
}

static void end(struct region_worker *worker)
{
    struct listing *listing = &worker->listing;
    listing->running = listing->restarted = false;
    listing->next = mono_add(listing->began, worker->config.inventory_poll); /* from begin to begin */
    forget_pages(listing);
}

/* 50 to 100 % of the growing delay, so that regions and daemons do not fall into step. */
static struct span jittered(struct span delay)
{
    char random[9];
    text_random_hex(4, random);
    return span_scale(delay, 0.5 + (double)strtoul(random, NULL, 16) / 4294967295.0 / 2);
}

static void fail(struct region_worker *worker, enum failure failure, const char *code, const char *text)
{
    struct listing *listing = &worker->listing;
    struct message message = {.kind = PROTO_LISTING_FAILED};
    struct proto_LISTING_FAILED *failed = &message.as.LISTING_FAILED;
    failed->beganWall = listing->began_wall.ms;
    text_copy(failed->failure, sizeof failed->failure, failure_name(failure));
    text_copy(failed->code, sizeof failed->code, code);
    text_copy(failed->message, sizeof failed->message, text);
    CRASH_POINT(region_before_failure);
    bus_send(&worker->bus, &message, BUS_KEEP);
    log_repeating(LOG_WARN_LEVEL, "listing.failed", worker->options->name, code, "class=%s code=%s text=%s",
                  failure_name(failure), code, log_quote(text));
    end(worker);
    if (failure != FAILURE_RATE)
        return;
    listing->throttled =
        listing->throttled.us > 0 ? span_min(span_scale(listing->throttled, 2), THROTTLED_MOST) : THROTTLED_FIRST;
    listing->next = mono_max(listing->next, mono_add(clock_now(), jittered(listing->throttled)));
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct proto_ROW *)a)->id, ((const struct proto_ROW *)b)->id);
}

static void complete(struct region_worker *worker, struct mono now)
{
    struct listing *listing = &worker->listing;
    struct row_list *rows = &listing->rows;
    size_t kept = 0;
    if (rows->count > 0)
        qsort(rows->rows, rows->count, sizeof *rows->rows, compare_ids);
    for (size_t i = 0; i < rows->count; i++) /* the same id on two pages counts once */
        if (kept == 0 || strcmp(rows->rows[kept - 1].id, rows->rows[i].id) != 0)
            rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
    listing->number++;
    listing->throttled = SPAN_US(0);
    region_publish(worker, rows, now);
    *rows = (struct row_list){0}; /* it is the inventory now */
    end(worker);
}

/* ---- pages ---- */

/* A row that cannot be read occupies and alarms; it never ends the scan. */
static void on_row(void *context, const struct proto_ROW *row)
{
    struct region_worker *worker = context;
    struct row_list *rows = &worker->listing.rows;
    struct proto_ROW kept = *row;
    if (!*kept.id)
        text_format(kept.id, sizeof kept.id, "unreadable-%zu", rows->count);
    if (!*kept.state)
        text_copy(kept.state, sizeof kept.state, instance_state_name(INSTANCE_UNREADABLE));
    if (!*kept.market)
        text_copy(kept.market, sizeof kept.market, market_name(MARKET_ON_DEMAND));
    if (instance_state_of(kept.state) == INSTANCE_UNREADABLE)
        log_repeating(LOG_ERROR_LEVEL, "listing.unreadable", kept.id, kept.state, "id=%s state=%s", kept.id,
                      kept.state);
    region_rows_add(rows, &kept);
}

static bool token_seen(const struct listing *listing, const char *token)
{
    for (int64_t i = 0; i < listing->pages; i++)
        if (listing->tokens[i] && strcmp(listing->tokens[i], token) == 0)
            return true;
    return false;
}

static void follow(struct region_worker *worker, const char *token, struct mono now)
{
    struct listing *listing = &worker->listing;
    if (!*token)
        complete(worker, now);
    else if (token_seen(listing, token))
        fail(worker, FAILURE_NO_ANSWER, "RepeatedToken", "the same NextToken came twice");
    else if (listing->pages >= LISTING_MOST_PAGES - 1)
        fail(worker, FAILURE_NO_ANSWER, "TooManyPages", "the listing does not end");
    else
        listing->tokens[listing->pages] = strdup(token); /* of the page to ask for next; counted when it is asked */
}

static bool token_refused(const struct listing *listing, const struct cloud_answer *answer)
{
    bool about_token = strstr(answer->error.code, "Token") != NULL || strstr(answer->error.message, "oken") != NULL;
    return listing->pages > 1 && answer->ending == CLOUD_REFUSED && about_token &&
           answer->failure == FAILURE_DEFINITION;
}

static void on_page(void *context, const struct cloud_answer *answer)
{
    struct region_worker *worker = context;
    struct listing *listing = &worker->listing;
    struct mono now = clock_now();
    CRASH_POINT(region_after_page_reply);
    listing->page_under_way = false;
    if (answer->ending == CLOUD_DONE) {
        follow(worker, answer->next_token, now);
    } else if (token_refused(listing, answer) && !listing->restarted) {
        begin(listing, now);
        listing->restarted = true;
    } else {
        fail(worker, answer->failure, answer->error.code, answer->error.message);
    }
    region_beat(worker, now); /* answered or timed out: the tick is complete */
}

static void ask_page(struct region_worker *worker)
{
    struct listing *listing = &worker->listing;
    struct ec2_form form = {0};
    struct error err;
    struct cloud_request request = {.form = &form,
                                    .total_limit = region_page_limit(worker),
                                    .size_limit = PAGE_SIZE_LIMIT,
                                    .not_after = MONO_NEVER,
                                    .rows = {.instance = on_row, .context = worker},
                                    .on_done = on_page,
                                    .context = worker};
    ec2_describe_deployment(&form, worker->config.deployment_id, listing->tokens[listing->pages]);
    listing->pages++;
    listing->page_under_way = true;
    CRASH_POINT(region_before_page);
    if (cloud_start(&worker->cloud, &request, &err) < 0) {
        listing->page_under_way = false;
        fail(worker, FAILURE_CREDENTIALS, keys_now(worker->keys) ? "CannotSend" : "NoCredentials", err.text);
    }
    CRASH_POINT(region_after_page);
    ec2_form_free(&form);
}

/* ---- the lane ---- */

static bool wants_call(const struct listing *listing, struct mono now)
{
    return !listing->page_under_way && (listing->running || mono_reached(listing->next, now));
}

void region_listing_step(struct region_worker *worker, struct mono now)
{
    struct listing *listing = &worker->listing;
    if (!wants_call(listing, now) || !region_take_call(worker, now))
        return;
    if (!listing->running)
        begin(listing, now);
    ask_page(worker);
}

struct mono region_listing_deadline(const struct region_worker *worker, struct mono now)
{
    const struct listing *listing = &worker->listing;
    if (listing->page_under_way)
        return MONO_NEVER;
    struct mono due = listing->running ? now : listing->next;
    return mono_max(due, region_call_deadline(worker, now));
}

void region_listing_clear(struct region_worker *worker)
{
    struct listing *listing = &worker->listing;
    forget_pages(listing);
    free(listing->rows.rows);
    listing->rows = (struct row_list){0};
}
