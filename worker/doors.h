/* SPDX-License-Identifier: MPL-2.0 */
/* doors.h: the worker's copy of the breakers: which of them stands in the way of a placement (DESIGN section 7).
 * Pure. Runs in: type worker. Owns: the copied list. The supervisor's are the ones that decide; the copy only spares
 * the arbiter bids that it would refuse, and tells the plan's sentence what is wrong. */
#ifndef WORKER_DOORS_H
#define WORKER_DOORS_H

#include <stddef.h>

#include "common/clock.h"
#include "common/money.h"
#include "proto/messages.h"
#include "proto/words.h"
#include "worker/plan.h"

struct doors {
    struct proto_BREAKER *breakers;
    size_t count;
};

/* Replaces the list by the message's, which is emptied. */
void doors_take(struct doors *doors, struct proto_BREAKERS *message);
void doors_clear(struct doors *doors);

/* Sets door, failure, type_wide and code of the option. `bid`: what would be offered there. */
void doors_look(const struct doors *doors, struct plan_option *option, struct money bid, struct mono now);
/* When the next closed one becomes half-open; MONO_NEVER. */
struct mono doors_deadline(const struct doors *doors, struct mono now);

/* The group that EC2 counts vCPU quotas in: "standard", "g-vt", "p", "x" ... */
void doors_quota_class(const char *instance_type, char *out, size_t size);

#endif
