/* SPDX-License-Identifier: MPL-2.0 */
/* Binary heap of timed actions. See schedule.h. */
#include "schedule.h"

#include "memory.h"

#include <math.h>

static bool before(const struct schedule_entry *a, const struct schedule_entry *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void swap(struct schedule_entry *a, struct schedule_entry *b)
{
    struct schedule_entry saved = *a;
    *a = *b;
    *b = saved;
}

void schedule_add(struct schedule *schedule, double at, schedule_action *action, void *object, uint64_t stamp)
{
    if (schedule->count == schedule->room) {
        schedule->room = schedule->room > 0 ? schedule->room * 2 : 64;
        schedule->entries = must_resize(schedule->entries, schedule->room * sizeof *schedule->entries);
    }
    size_t i = schedule->count++;
    schedule->entries[i] = (struct schedule_entry){at, schedule->next_order++, action, object, stamp};
    for (; i > 0 && before(&schedule->entries[i], &schedule->entries[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&schedule->entries[i], &schedule->entries[(i - 1) / 2]);
}

double schedule_next(const struct schedule *schedule)
{
    return schedule->count > 0 ? schedule->entries[0].at : HUGE_VAL;
}

static void sink(struct schedule *schedule)
{
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= schedule->count)
            return;
        if (child + 1 < schedule->count && before(&schedule->entries[child + 1], &schedule->entries[child]))
            child++;
        if (!before(&schedule->entries[child], &schedule->entries[i]))
            return;
        swap(&schedule->entries[child], &schedule->entries[i]);
        i = child;
    }
}

bool schedule_take_due(struct schedule *schedule, double now, struct schedule_entry *entry_out)
{
    if (schedule->count == 0 || schedule->entries[0].at > now)
        return false;
    *entry_out = schedule->entries[0];
    schedule->entries[0] = schedule->entries[--schedule->count];
    sink(schedule);
    return true;
}
