/* SPDX-License-Identifier: MPL-2.0 */
/* estimate.c: the estimate of the oldest wait. Tasks are taken oldest first, so progress (fewer pending, or more
 * claimed) means that the one that was the oldest waits no more; who follows it is unknown, and the estimate starts
 * anew. Runs in: type worker. Pure. Owns nothing. */
#include "worker/queue/estimate.h"

struct wall estimate_take(struct estimate *estimate, int64_t pending, int64_t claimed, struct wall now)
{
    bool fewer = pending < estimate->pending;
    bool taken = claimed >= 0 && estimate->claimed >= 0 && claimed > estimate->claimed;

    if (pending == 0)
        estimate->since = (struct wall){0};
    else if (estimate->since.ms == 0 || fewer || taken)
        estimate->since = now;
    estimate->pending = pending;
    estimate->claimed = claimed;
    return estimate->since;
}
