/* SPDX-License-Identifier: MPL-2.0 */
/* plan_parts.h: the parts of plan.c: what is dead (plan_dead.c), which lots (plan_lots.c), why (plan_why.c).
 * Pure, like plan.h; nobody else includes it. */
#ifndef WORKER_PLAN_PARTS_H
#define WORKER_PLAN_PARTS_H

#include "worker/plan.h"

/* Units of idle capacity that seem unable to take work; remembers this reading. */
int64_t plan_dead_units(struct plan_memory *memory, const struct plan_input *input, int64_t pending, int64_t idle);

/* How many of the options were left out, by cause. */
struct plan_left_out {
    size_t stale, closed, price, room; /* room: a single instance would pass the ceiling */
    size_t unfit;                      /* by preflight */
    size_t refused;                    /* of the closed: EC2 refused the definition there, or its permissions */
    size_t usable;
    const struct plan_option *closed_example; /* the first that is closed; type-wide breakers go before others */
    const struct plan_option *price_example;
    const struct plan_region *stale_example;
};

/* Fills lots, instances and units for `need` units with `room` units below the ceiling. */
void plan_lots(const struct plan_input *input, int64_t need, int64_t room, bool on_demand_too, struct plan *out,
               struct plan_left_out *left_out);

/* Chooses the one reason and writes the sentence. */
void plan_why(const struct plan_input *input, int64_t room, const struct plan_left_out *left_out, struct plan *out);

#endif
