/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier.h: what the files of the notifier share: its settings, the book of raises, and the two lanes by
 * which they are told: a command and a webhook. Runs in: provisiond-notifier, a process of its own, so that a webhook
 * that hangs delays nothing else.
 * Never twice for one raise: the book is written to disk before an attempt begins, and an attempt of which nobody knows
 * how it ended is not repeated, unless retryUnknown says so. */
#ifndef SUBSCRIBERS_PROVISIOND_NOTIFIER_H
#define SUBSCRIBERS_PROVISIOND_NOTIFIER_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/http.h"
#include "common/loop.h"
#include "common/secret.h"
#include "proto/stream.h"
#include "proto/words.h"

/* ---- settings (provisiond-notifier_config.c) ---- */

struct notifier_config {
    char run_dir[512], state_file[512], command[512], webhook_file[512], ca_path[512], proxy[512];
    struct span hook_limit, webhook_limit, retry_first, retry_most, restart_grace;
    int64_t attempts, at_once;
    bool cleared, retry_unknown, allow_plain_http;
};

int notifier_config_read(const char *path, struct notifier_config *out, struct error *err);
json_t *notifier_config_print(const struct notifier_config *config); /* new reference */
void notifier_config_help(FILE *out);

/* ---- the book (provisiond-notifier_book.c) ---- */

enum lane { LANE_HOOK, LANE_WEBHOOK, LANE_COUNT };
enum phase { PHASE_RAISED, PHASE_CLEARED, PHASE_COUNT };
enum delivery_state {
    DELIVERY_NONE,    /* not asked for */
    DELIVERY_WAITING, /* for its turn or for its next attempt */
    DELIVERY_SENDING,
    DELIVERY_DONE,
    DELIVERY_GIVEN_UP, /* every attempt definitely failed */
    DELIVERY_UNKNOWN   /* it may have arrived: not repeated */
};

struct delivery {
    enum delivery_state state;
    int64_t attempts;
    struct mono next;
};

/* One raise of one alarm. */
struct notice {
    int64_t serial; /* ours, for what is under way */
    char incarnation[STREAM_INCARNATION_SIZE];
    int64_t id;
    char kind[64], subject[NAME_SIZE], text[SENTENCE_SIZE];
    struct wall since, ended;
    bool standing;
    uint64_t round; /* the last full refresh that showed it */
    struct delivery deliveries[LANE_COUNT][PHASE_COUNT];
};

#define NOTICES_MOST 1024

struct book {
    struct notice *list[NOTICES_MOST]; /* oldest first */
    size_t count;
    int64_t last_serial;
    bool lanes[LANE_COUNT]; /* configured */
    bool tell_cleared;
    bool dirty; /* differs from the file */
    uint64_t round;
    char deployment[NAME_SIZE];
    struct mono incarnation_began; /* when this process first heard the running supervisor */
};

/* Takes what one message of the stream says. */
void book_take(struct book *book, const struct stream_message *message, const char *incarnation,
               struct span restart_grace, struct mono now);
struct notice *book_find(struct book *book, int64_t serial);
bool delivery_is_over(const struct delivery *delivery);
void book_clear(struct book *book);

/* ---- its file (provisiond-notifier_state.c) ---- */

/* A file that is not there is an empty book. */
int state_read(const char *path, struct book *book, bool retry_unknown, struct error *err);
int state_write(const char *path, struct book *book, struct error *err);

/* ---- what is said (provisiond-notifier_words.c) ---- */

/* {"text": for people and for Slack, "alarm": {...}}. New reference. */
json_t *words_document(const struct book *book, const struct notice *notice, enum phase phase);
/* "raised" or "cleared". */
const char *phase_name(enum phase phase);
const char *lane_name(enum lane lane);

/* ---- the lanes ---- */

enum result { RESULT_DONE, RESULT_FAILED, RESULT_UNKNOWN };

struct notifier;
/* Names one attempt until it is over. */
struct attempt {
    struct attempt *next;
    struct notifier *notifier;
    int64_t serial;
    enum lane lane;
    enum phase phase;
};

struct hook; /* a running command (provisiond-notifier_hook.c) */

struct notifier {
    struct notifier_config config;
    struct secret *webhook; /* its URL is a secret: whoever knows it can post */
    struct book book;
    struct stream stream;
    struct loop *loop;
    void *zmq, *socket;
    struct http_client *http;
    struct hook *hooks;
    struct attempt *attempts; /* all that are under way */
    int64_t active[LANE_COUNT];
    bool stopping;
    struct mono stop_deadline;
};

/* Starts what is due, ends what takes too long, writes the book. */
void lanes_step(struct notifier *notifier, struct mono now);
struct mono lanes_deadline(const struct notifier *notifier);
/* How an attempt ended, with a sentence for the log. Frees it. */
void lanes_finish(struct attempt *attempt, enum result result, const char *why);
void lanes_forget(struct notifier *notifier); /* frees what is under way */

/* 0: under way, lanes_finish follows; -1: it could not be started, the caller keeps the attempt. */
int hook_start(struct attempt *attempt, const json_t *document, const struct notice *notice, struct error *err);
void hook_step(struct notifier *notifier, struct mono now); /* ends those over their limit */
struct mono hook_deadline(const struct notifier *notifier);
void hook_end_all(struct notifier *notifier);
int webhook_start(struct attempt *attempt, const json_t *document, const struct notice *notice, struct error *err);

#endif
