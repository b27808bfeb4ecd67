/* SPDX-License-Identifier: MPL-2.0 */
/* pace.h: deals out the queue's request rate over all types: how often each may poll, and when within the interval, so
 * that a thousand workers neither pass the rate together nor poll in step.
 * Pure. Runs in: supervisor. Owns nothing. */
#ifndef SUPERVISOR_PACE_H
#define SUPERVISOR_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

/* counts always; the oldest pending and the claimed list only at times: two requests a poll, on average. */
#define PACE_REQUESTS_A_POLL 2

struct pace {
    int64_t poll_ms, phase_ms;
};

/* For the type at `index` of `count`; `rate` in requests a second. */
struct pace pace_deal(struct span demand_poll, double rate, size_t index, size_t count);

#endif
