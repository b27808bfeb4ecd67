/* SPDX-License-Identifier: MPL-2.0 */
/* queue_parse.h: the queue's answers, read strictly: what is not exactly a count is unknown, never zero (case B21).
 * Runs in: type worker. Pure. Owns nothing. */
#ifndef WORKER_QUEUE_QUEUE_PARSE_H
#define WORKER_QUEUE_QUEUE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"

/* `with_claimed` false: the older route, whose answer has no claimedTasks; *claimed is then -1. */
int queue_parse_counts(const char *body, size_t size, bool with_claimed, int64_t *pending, int64_t *claimed,
                       struct error *err);
/* When the first task of the pending list was inserted; ms 0: the list is empty. */
int queue_parse_oldest(const char *body, size_t size, struct wall *oldest, struct error *err);
/* Calls `add` for the workerId of each task; `token` gets the continuationToken, "" on the last page. */
typedef void queue_worker_function(void *context, const char *worker_id);
int queue_parse_claimed(const char *body, size_t size, queue_worker_function *add, void *context, char *token,
                        size_t room, struct error *err);
/* The `code` of an error answer, "" if there is none: a word, never the message. */
void queue_parse_code(const char *body, size_t size, char *out, size_t room);

#endif
