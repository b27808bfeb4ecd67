/* SPDX-License-Identifier: MPL-2.0 */
/* denials.h: what was cut or refused to a type in the last hour, and by which cap or breaker: denials are data.
 * Pure: `now` is an argument. Runs in: supervisor. Owns nothing: the list is the caller's, of a fixed size. */
#ifndef SUPERVISOR_DENIALS_H
#define SUPERVISOR_DENIALS_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "proto/words.h"

#define DENIALS_KEPT 48
#define DENIALS_AGE SPAN_SECONDS(3600)

struct denial_entry {
    struct placement placement;
    enum denial by;
    enum failure failure;    /* the breaker's class, if it was one; FAILURE_NONE */
    int64_t wanted, granted; /* instances, the last time */
    int64_t times;           /* how often it began: refused again and again without a pause is once */
    struct mono last;
    struct wall since_wall, last_wall; /* since: when it began the last time */
};

/* Zero-initialised is empty. */
struct denial_list {
    struct denial_entry entries[DENIALS_KEPT];
    size_t count;
};

/* A wish is looked at in every arbitration, and refused in each: that is one refusal that lasts, for as long as no more
 * than `pause` lies between two of them. */
struct denial_time {
    struct mono now;
    struct wall wall;
    struct span pause;
};
/* Adds one, together with those of the same placement and cause; the oldest makes room. The caller may add to it. */
struct denial_entry *denials_add(struct denial_list *list, const struct placement *placement, enum denial by,
                                 int64_t wanted, int64_t granted, const struct denial_time *time);
void denials_expire(struct denial_list *list, struct mono now);
/* The one that happened last, not older than `age`; NULL if none. */
const struct denial_entry *denials_latest(const struct denial_list *list, struct span age, struct mono now);

/* "breaker:capacity 12, launch-rate 3": at how many placements, most first; what only waits for its turn is left out.
 * Returns `out`. */
const char *denials_summary(const struct denial_list *list, char *out, size_t size);

#endif
