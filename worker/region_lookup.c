/* SPDX-License-Identifier: MPL-2.0 */
/* region_lookup.c: lane 4: answers the type workers' look-ups: what did this client token launch?
 * Runs in: region worker. Lowest in rank: it never delays a listing. A look-up that fails says so: nothing is known. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/describe.h"
#include "worker/region_worker.h"

#define PEER_SIZE 128
#define MOST_WAITING 1000
#define MOST_CALLS 4 /* at a time */

struct question {
    struct question *next;
    struct region_worker *worker;
    char peer[PEER_SIZE];
    int64_t id; /* the asker's number */
    char token[TOKEN_SIZE];
    bool under_way;
    struct row_list rows;
};

static void answer(struct region_worker *worker, const char *peer, int64_t id, bool known, const char *code,
                   struct row_list *rows)
{
    struct message message = {.kind = PROTO_FOUND};
    struct error err;
    message.as.FOUND.id = id;
    message.as.FOUND.known = known;
    text_copy(message.as.FOUND.code, CODE_SIZE, code);
    message.as.FOUND.rows = rows ? rows->rows : NULL;
    message.as.FOUND.rows_count = rows && known ? rows->count : 0;
    CRASH_POINT(region_before_lookup_answer);
    if (message_send(worker->lookups, peer, strlen(peer), &message, &err) < 0)
        log_info("lookup.unanswered", "problem=%s",
                 log_quote(err.text)); /* the asker is gone; its successor asks anew */
    CRASH_POINT(region_after_lookup_answer);
}

static void forget(struct question *question)
{
    struct question **place = &question->worker->questions;
    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
    free(question->rows.rows);
    free(question);
}

static void take_question(struct region_worker *worker, const char *peer, const struct proto_LOOKUP *asked)
{
    struct question **last = &worker->questions;
    size_t waiting = 0;
    if (region_catalogue_take(worker, peer, asked))
        return;
    for (; *last; last = &(*last)->next)
        waiting++;
    struct question *question = waiting < MOST_WAITING ? calloc(1, sizeof *question) : NULL;
    if (strcmp(asked->kind, "client-token") != 0 || !question) {
        answer(worker, peer, asked->id, false, question ? "UnknownKind" : "Busy", NULL);
        free(question);
        return;
    }
    question->worker = worker;
    question->id = asked->id;
    text_copy(question->token, sizeof question->token, asked->argument);
    text_copy(question->peer, sizeof question->peer, peer);
    *last = question;
}

void region_lookup_drain(struct region_worker *worker)
{
    char peer[PEER_SIZE];
    struct message message;
    struct error err;
    int got;
    while ((got = message_receive(worker->lookups, peer, sizeof peer, &message, &err)) != 0) {
        if (got < 0) {
            log_error("lookup.bad", "problem=%s", log_quote(err.text));
            continue;
        }
        if (message.kind == PROTO_LOOKUP && !worker->stopping)
            take_question(worker, peer, &message.as.LOOKUP);
        message_clear(&message);
    }
}

static void on_row(void *context, const struct proto_ROW *row)
{
    struct question *question = context;
    if (*row->id)
        region_rows_add(&question->rows, row);
}

static void on_answer(void *context, const struct cloud_answer *given)
{
    struct question *question = context;
    bool known = given->ending == CLOUD_DONE && !*given->next_token;
    answer(question->worker, question->peer, question->id, known, known ? "" : given->error.code, &question->rows);
    forget(question);
}

static void ask(struct question *question)
{
    struct region_worker *worker = question->worker;
    struct ec2_form form = {0};
    struct error err;
    struct cloud_request request = {.form = &form,
                                    .total_limit = region_page_limit(worker),
                                    .not_after = MONO_NEVER,
                                    .rows = {.instance = on_row, .context = question},
                                    .on_done = on_answer,
                                    .context = question};
    ec2_describe_client_token(&form, question->token);
    question->under_way = true;
    CRASH_POINT(region_before_lookup_call);
    if (cloud_start(&worker->cloud, &request, &err) < 0) {
        answer(worker, question->peer, question->id, false, "CannotSend", NULL);
        forget(question);
    }
    ec2_form_free(&form);
}

/* The first that waits, unless enough are under way. */
static struct question *next_question(const struct region_worker *worker)
{
    int under_way = 0;
    struct question *first = NULL;
    for (struct question *question = worker->questions; question; question = question->next) {
        under_way += question->under_way;
        if (!question->under_way && !first)
            first = question;
    }
    return under_way < MOST_CALLS ? first : NULL;
}

bool region_lookup_waits(const struct region_worker *worker)
{
    return next_question(worker) != NULL;
}

void region_lookup_step(struct region_worker *worker, struct mono now)
{
    struct question *question;
    while ((question = next_question(worker)) != NULL && region_take_call(worker, now))
        ask(question);
}

void region_lookup_clear(struct region_worker *worker)
{
    while (worker->questions) {
        struct question *question = worker->questions;
        worker->questions = question->next;
        free(question->rows.rows);
        free(question);
    }
}
