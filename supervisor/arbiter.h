/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter.h: shares out launches: rounds, rations, caps. DESIGN section 6 is the contract and its invariants are tests.
 * Pure: no clock, no I/O; the whole state comes in as structs, decisions go out as structs; deterministic by seed.
 * Runs in: supervisor. Owns: its memory between steps (rounds, buckets, owned room), made by arbiter_create.
 *
 * The supervisor calls arbiter_step whenever a bid, a result, a listing or a deadline came. Each grant that comes out
 * must be in the next input's leases (committed to the ledger before it is sent).
 * Wishes are in units, grants in instances: the last instance may give more units than were left of the wish. Grants
 * above `seen` are subtracted from the wish even after their leases ended: the arbiter remembers them. */
#ifndef SUPERVISOR_ARBITER_H
#define SUPERVISOR_ARBITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/money.h"
#include "proto/config.h" /* enum policy */
#include "proto/words.h"
#include "supervisor/breaker.h"
#include "supervisor/budget.h"

struct arbiter_settings {
    int64_t max_units, max_instances; /* global caps */
    struct budget_limits money;
    int64_t headroom_percent; /* -1: by DESIGN's default rule */
    int64_t lot_max;
    int64_t leases_per_region; /* per type */
    int64_t lease_share;       /* percent of any global cap that one type's sent or unknown leases may hold */
    enum policy policy;
    uint64_t seed;
    double launch_share; /* 0: no buckets */
    double calls_refill, instances_refill;
    int64_t calls_depth, instances_depth;
    struct span tick; /* a round without a grant counts once per tick */
};

struct arbiter_region {
    char name[NAME_SIZE];
    enum denial closed; /* DENIED_NOT, or why nothing may be granted there: unlisted, stale, frozen */
};

/* One lot of a bid with what the breakers say of it. */
struct arbiter_lot {
    struct placement placement;
    int64_t count, capacity; /* instances; units each */
    struct money max_price;
    const char *spec_hash;
    struct breaker_view breaker; /* closed: refused; half-open: one instance to one type as its first lot */
    bool no_price;               /* neither price nor max price known */
    int64_t canary_room;         /* instances that this spec hash may still get; INT64_MAX when it has passed */
};

struct arbiter_type {
    char name[NAME_SIZE];
    int64_t min_units, max_units; /* the type's floor and ceiling */
    int64_t largest_capacity;     /* units of its largest instance */
    struct money max_price;       /* of one instance */
    int64_t priority;
    bool essential;
    bool paused, ledger_stopped;
    bool failing;     /* last three launches failed */
    bool quarantined; /* at most one lease at a time, and not before quarantine_until */
    struct mono quarantine_until;
    bool canary; /* its spec has not passed: one lease at a time */
    /* held: instances that occupy, leases not included */
    int64_t held_units, held_instances;
    int64_t serving_units;  /* for the floor */
    struct money held_cost; /* committed per hour */
    /* the current bid */
    bool bids;
    int64_t number, seen, units; /* units: the wish */
    struct span lag;             /* age of the oldest pending task */
    int64_t pending;
    struct arbiter_lot *lots;
    size_t lot_count;
};

struct arbiter_lease {
    int64_t grant;
    size_t type; /* index into types; SIZE_MAX: of a type that is no longer defined */
    struct placement placement;
    int64_t count, capacity;
    struct money max_price;
    bool settled; /* a definite result came, rows not yet listed: holds caps, but no lease limit */
};

struct arbiter_input {
    struct mono now;
    const struct arbiter_settings *settings;
    struct arbiter_region *regions;
    size_t region_count;
    struct arbiter_type *types; /* sorted by name */
    size_t type_count;
    struct arbiter_lease *leases;
    size_t lease_count;
    /* what occupies and belongs to no defined type */
    int64_t other_units, other_instances;
    struct money other_cost;
    struct budget_day day;
};

struct arbiter_grant {
    size_t type, lot; /* indices into the input */
    int64_t count;
    int step; /* 1, 2 or 3 */
    bool probe;
};

struct arbiter_denial {
    size_t type, lot;
    int64_t wanted, granted; /* instances */
    enum denial by;
};

struct arbiter_output {
    struct arbiter_grant *grants; /* in order */
    size_t grant_count;
    struct arbiter_denial *denials; /* for each lot that was cut or refused */
    size_t denial_count;
    struct mono again;                            /* call again by then: tokens refill, a round may close; MONO_NEVER */
    bool over_units, over_instances, over_hourly; /* a cap is already passed: alarm, no terminations */
};

struct arbiter;
struct arbiter *arbiter_create(void);
void arbiter_destroy(struct arbiter **arbiter);

/* One step. *out is owned by the caller, freed with arbiter_output_clear. */
void arbiter_step(struct arbiter *arbiter, const struct arbiter_input *input, struct arbiter_output *out);
void arbiter_output_clear(struct arbiter_output *out);

/* RequestLimitExceeded in a region: empties its bucket, halves its refill (DESIGN section 6). */
void arbiter_rate_limited(struct arbiter *arbiter, const char *region, struct mono now);
/* A grant came back unsent, or EC2 took fewer: gives the instance tokens back. */
void arbiter_returned(struct arbiter *arbiter, const char *region, int64_t calls, int64_t instances);

/* Takes one call token for something of the lowest rank (DryRun, look-ups); false when that would take one of the last
 * three, or the region is unknown. */
bool arbiter_spare_call(struct arbiter *arbiter, const char *region, struct mono now);

/* For status: tokens that are there and the present refill a second. */
struct arbiter_bucket {
    double calls, instances, calls_refill, instances_refill;
};
bool arbiter_bucket(const struct arbiter *arbiter, const char *region, struct mono now, struct arbiter_bucket *out);

#endif
