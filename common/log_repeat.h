/* SPDX-License-Identifier: MPL-2.0 */
/* log_repeat.h: decides which repetitions of one event are written; private to log.c and its test.
 * Runs in: every process. Pure: `now` is an argument. Owns nothing: the table is the caller's. */
#ifndef COMMON_LOG_REPEAT_H
#define COMMON_LOG_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

#define LOG_REPEAT_ENTRIES 256
#define LOG_REPEAT_EVERY SPAN_SECONDS(3600)

struct log_repeat_entry {
    uint64_t id;    /* of (event, key); 0: the entry is free */
    uint64_t state; /* of the state given last */
    struct mono written;
    struct mono seen;
    int64_t held_back; /* since `written` */
};

/* Zero-initialised is empty. */
struct log_repeat_table {
    struct log_repeat_entry entries[LOG_REPEAT_ENTRIES];
};

/* True when this occurrence is to be written; *repeats then says how many were held back since the last line. */
bool log_repeat_due(struct log_repeat_table *table, const char *event, const char *key, const char *state,
                    struct mono now, int64_t *repeats);

#endif
