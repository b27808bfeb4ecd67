/* SPDX-License-Identifier: MPL-2.0 */
/* pace.c: the poll interval is the configured one, or longer where all types together would pass the rate.
 * Pure; runs in the supervisor; owns nothing. */
#include "supervisor/pace.h"

struct pace pace_deal(struct span demand_poll, double rate, size_t index, size_t count)
{
    struct pace pace = {.poll_ms = demand_poll.us / 1000};

    if (rate > 0) {
        double needed_ms = (double)count * PACE_REQUESTS_A_POLL * 1000.0 / rate;
        if (needed_ms > (double)pace.poll_ms)
            pace.poll_ms = (int64_t)needed_ms + 1;
    }
    if (pace.poll_ms < 1)
        pace.poll_ms = 1;
    pace.phase_ms = count ? (int64_t)((double)pace.poll_ms * (double)index / (double)count) : 0;
    return pace;
}
