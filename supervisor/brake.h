/* SPDX-License-Identifier: MPL-2.0 */
/* brake.h: holds back mass termination: of one type, in ten minutes, at most max(5, 10 % of what it holds) are
 * terminated without an operator's order; then an alarm and a wait (DESIGN section 11).
 * Pure: `now` is an argument. Runs in: supervisor. Owns nothing. */
#ifndef SUPERVISOR_BRAKE_H
#define SUPERVISOR_BRAKE_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

#define BRAKE_WINDOW SPAN_SECONDS(600)
#define BRAKE_LEAST 5
#define BRAKE_PERCENT 10
#define BRAKE_SLOTS 20

/* Counts by half minutes. Zero-initialised is empty. */
struct brake {
    int64_t slot[BRAKE_SLOTS];
    int64_t count[BRAKE_SLOTS];
};

/* How many more may be terminated now. */
int64_t brake_room(const struct brake *brake, int64_t held_instances, struct mono now);
void brake_used(struct brake *brake, int64_t count, struct mono now);

#endif
