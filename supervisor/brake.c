/* SPDX-License-Identifier: MPL-2.0 */
/* brake.c: a sliding window in half-minute slots. Pure; runs in the supervisor; owns nothing. */
#include "supervisor/brake.h"

static int64_t slot_of(struct mono now)
{
    return now.us / (BRAKE_WINDOW.us / BRAKE_SLOTS) + 1; /* never 0: that is an empty slot */
}

int64_t brake_room(const struct brake *brake, int64_t held_instances, struct mono now)
{
    int64_t limit = held_instances * BRAKE_PERCENT / 100, used = 0;

    if (limit < BRAKE_LEAST)
        limit = BRAKE_LEAST;
    for (int i = 0; i < BRAKE_SLOTS; i++)
        if (brake->slot[i] > slot_of(now) - BRAKE_SLOTS)
            used += brake->count[i];
    return used < limit ? limit - used : 0;
}

void brake_used(struct brake *brake, int64_t count, struct mono now)
{
    int64_t slot = slot_of(now);
    int at = (int)(slot % BRAKE_SLOTS);

    if (brake->slot[at] != slot) {
        brake->slot[at] = slot;
        brake->count[at] = 0;
    }
    brake->count[at] += count;
}
