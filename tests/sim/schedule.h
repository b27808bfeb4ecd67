/* SPDX-License-Identifier: MPL-2.0 */
/* A queue of things to do at a time: a binary heap, first in first out among equals.
 * It knows no clock: one is kept in simulated seconds, one in real seconds. */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
typedef void schedule_action(struct world *world, void *object, uint64_t stamp);

struct schedule_entry {
    double at;
    uint64_t order;
    schedule_action *action;
    void *object;
    uint64_t stamp; /* handed back: lets the action see that it is out of date */
};

struct schedule {
    struct schedule_entry *entries;
    size_t count, room;
    uint64_t next_order;
};

void schedule_add(struct schedule *schedule, double at, schedule_action *action, void *object, uint64_t stamp);
double schedule_next(const struct schedule *schedule); /* HUGE_VAL when empty */
bool schedule_take_due(struct schedule *schedule, double now, struct schedule_entry *entry_out);

#endif
