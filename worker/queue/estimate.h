/* SPDX-License-Identifier: MPL-2.0 */
/* estimate.h: how long the oldest task may have waited, where the pending list is refused or missing: since the count
 * has been above zero without progress (facts/taskcluster.md). Private to queue.c.
 * Runs in: type worker. Pure. Owns nothing. */
#ifndef WORKER_QUEUE_ESTIMATE_H
#define WORKER_QUEUE_ESTIMATE_H

#include "common/clock.h"

/* Zero-initialised: nothing is known yet. */
struct estimate {
    struct wall since; /* ms 0: nothing waits */
    int64_t pending, claimed;
};

/* Takes a reading; claimed -1: unknown. Returns since when something has waited, ms 0 if nothing does. */
struct wall estimate_take(struct estimate *estimate, int64_t pending, int64_t claimed, struct wall now);

#endif
