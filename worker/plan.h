/* SPDX-License-Identifier: MPL-2.0 */
/* plan.h: how many units a workerType still needs, and which lots it bids for them; and why (DESIGN section 5, 3).
 * Pure: no clock, no I/O; what was seen comes in as structs, `now` is an argument. Runs in: type worker.
 * Owns: nothing; struct plan_memory is the caller's, zeroed at the start, and carries what needs more than one
 * reading: dead instances and how long demand has been unmet. Unknown is -1 and is never taken for zero. */
#ifndef WORKER_PLAN_H
#define WORKER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/money.h"
#include "proto/words.h"

#define PLAN_MAX_LOTS 256          /* of one bid, as messages.def allows */
#define PLAN_LOTS_PER_PLACEMENT 8  /* more are of no use: a type may have 4 leases in a region */
#define PLAN_BUCKETS 32            /* pieces that the last `settle` is remembered in */
#define PLAN_MOST_DEAD_INSTANCES 3 /* written off until work is next taken */
#define PLAN_LEAST_READINGS 3      /* before anything counts as dead */

/* ---- what comes in ---- */

struct plan_type {
    int64_t min_units, max_units; /* floor and ceiling */
    int64_t largest_capacity;     /* units of its largest instance */
    double scaling_ratio;         /* tolerated backlog as a share of what runs */
    struct money min_price, max_price;
    bool can_use_spot, can_use_on_demand;
    struct span on_demand_after; /* 0: never after spot */
    int64_t on_demand_max;       /* instances */
    struct span settle;
};

struct plan_demand {
    int64_t pending, claimed; /* tasks; -1 unknown */
    struct mono seen;         /* MONO_ZERO: never */
    struct span age_limit;    /* maxDemandAge */
    const char *problem;      /* what is wrong with the source, "" if nothing */
};

/* In units, unless the name says instances. */
struct plan_supply {
    bool starting;     /* no complete view yet */
    int64_t running;   /* EC2 running, not condemned */
    int64_t young;     /* of these: running for less than `settle` */
    int64_t ending;    /* of these: near the limit after which an idle worker ends itself */
    int64_t booting;   /* EC2 pending */
    int64_t in_flight; /* leases sent or unknown, and launched ids not listed yet */
    int64_t serving;   /* running + booting within the boot limit + in flight */
    int64_t occupying; /* listed and not terminated */
    int64_t occupying_instances;
    int64_t on_demand_instances; /* occupying or in flight */
    bool claimed_unknown;        /* rows of a long dark region were left out: claimed cannot be compared with running */
    uint64_t work_taken;         /* rises whenever work was seen to be taken */
};

struct plan_region {
    char name[NAME_SIZE];
    bool listed;       /* a complete listing was seen */
    struct mono began; /* the last complete listing */
    struct span limit; /* older than this is stale */
};

enum plan_door { DOOR_OPEN, DOOR_HALF_OPEN, DOOR_CLOSED }; /* as a door: open lets launches pass */

/* One placement that the definition allows. */
struct plan_option {
    struct placement placement;
    int64_t capacity; /* units */
    double utility;
    double health;      /* 1: well; more: dearer for a while */
    struct money price; /* highest of the last 30 minutes; 0: unknown */
    enum plan_door door;
    enum failure failure; /* of the breaker in the way */
    bool type_wide;       /* that breaker is about the whole type */
    const char *code;     /* EC2's, "" if none */
    bool unfit;           /* preflight left it out */
    const char *spec_hash, *subnet;
};

struct plan_input {
    struct mono now;
    int64_t lot_max;
    struct plan_type type;
    struct plan_demand demand;
    struct plan_supply supply;
    const struct plan_region *regions;
    size_t region_count;
    const struct plan_option *options;
    size_t option_count;
    const char *credentials_problem; /* not empty: there are no AWS credentials, so nothing can be launched */
    const char *preflight_waits;     /* not empty: the catalogue is not read yet, and this is what is waited for */
    const char *preflight_error;     /* the first thing that is wrong, where options are unfit */
};

/* ---- what is remembered ---- */

struct plan_bucket {
    struct mono began;
    int64_t least; /* of max(0, idle - young) */
};

struct plan_memory {
    struct plan_bucket buckets[PLAN_BUCKETS]; /* oldest first */
    size_t bucket_count;
    int64_t readings; /* in a row with pending > 0 */
    struct mono first_reading, last_reading;
    int64_t dead_base; /* units that were written off when work was last taken */
    int64_t dead;      /* of the last plan */
    uint64_t work_taken;
    struct mono unmet_since; /* MONO_ZERO: demand is met */
};

/* ---- what goes out ---- */

struct plan_lot {
    struct placement placement;
    int64_t count, capacity;
    struct money max_price;
    struct money price;             /* 0: unknown */
    const char *spec_hash, *subnet; /* the option's */
};

struct plan {
    int64_t pending, claimed;         /* -1: unknown or stale */
    int64_t idle, dead, credit, need; /* units */
    int64_t ending;                   /* idle, and about to end themselves: they hold no floor */
    int64_t instances, units;         /* the wish */
    enum reason reason;
    char why[SENTENCE_SIZE];
    size_t lot_count;
    struct plan_lot lots[PLAN_MAX_LOTS];
};

void plan_make(struct plan_memory *memory, const struct plan_input *input, struct plan *out);

/* True when the region's inventory may not be used for launches: never listed, or too old. */
bool plan_region_stale(const struct plan_region *region, struct mono now);
/* What to offer for a price: twice it, at least min_price. False: above max_price, or no price is known at all. An
 * unknown price (0) gives max_price (case B44). */
bool plan_bid_price(const struct plan_type *type, enum market market, struct money price, struct money *out);

#endif
