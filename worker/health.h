/* SPDX-License-Identifier: MPL-2.0 */
/* health.h: makes placements whose launches failed or whose instances died early look dearer for a while, as
 * aws-provisioner's bias did. Pure. Runs in: type worker. Owns nothing: the caller's struct, zeroed at the start.
 * Breakers stop; health only ranks, so that a placement that has just failed is not the first choice again. */
#ifndef WORKER_HEALTH_H
#define WORKER_HEALTH_H

#include <stddef.h>

#include "common/clock.h"
#include "proto/words.h"

#define HEALTH_PLACEMENTS 64
#define HEALTH_HALF_LIFE SPAN_SECONDS(600)

struct health_entry {
    struct placement placement;
    double score; /* at `at`; halves every HEALTH_HALF_LIFE */
    struct mono at;
};
struct health {
    struct health_entry entries[HEALTH_PLACEMENTS];
    size_t count;
};

void health_failed(struct health *health, const struct placement *placement, struct mono now);
/* 1 and more. */
double health_factor(const struct health *health, const struct placement *placement, struct mono now);

#endif
