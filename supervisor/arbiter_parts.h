/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_parts.h: what the arbiter's files share: its memory between steps and the working state of one step.
 * Private to supervisor/arbiter*.c and its tests. Pure. Owns: see arbiter.h. */
#ifndef SUPERVISOR_ARBITER_PARTS_H
#define SUPERVISOR_ARBITER_PARTS_H

#include "supervisor/arbiter.h"

#define ROUNDS_UNTIL_OWNER 8
#define MAX_REGIONS 64 /* one bit each */

/* ---- caps ---- */

enum cap { CAP_UNITS, CAP_INSTANCES, CAP_HOURLY, CAP_DAILY, CAP_COUNT };

/* So much in each cap; both money caps in micro-dollars an hour. */
struct amounts {
    int64_t of[CAP_COUNT];
};

struct cap_state {
    bool limited;
    int64_t ordinary;  /* limit for everybody: without headroom and reserve */
    int64_t shared;    /* limit within an equal share: of the headroom one instance is left to each type without any */
    int64_t entitled;  /* limit for first instances and floors: the headroom is theirs whole */
    int64_t essential; /* limit for floors marked essential */
    int64_t share;     /* an equal share */
    int64_t lease_limit;
};

/* What owners of room older than a type claim; for a type that owns none, what all owners claim. */
struct claims {
    struct amounts all;
    struct amounts share;  /* of these, who would be within an equal share with it, and the urgent */
    struct amounts urgent; /* of these, who holds nothing or is below its floor */
};

/* ---- launch buckets ---- */

struct bucket {
    struct mono at; /* tokens are counted up to here */
    struct mono halved;
    double calls, instances;
    double calls_refill, instances_refill; /* at present, a second */
};
void bucket_open(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now);
void bucket_advance(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now);
/* Whole instances that one call may ask for now; 0 without a call token. INT64_MAX when there are no buckets. */
int64_t bucket_allows(const struct bucket *bucket, const struct arbiter_settings *settings);
void bucket_take(struct bucket *bucket, const struct arbiter_settings *settings, int64_t instances);
void bucket_return(struct bucket *bucket, const struct arbiter_settings *settings, int64_t calls, int64_t instances);
void bucket_limited(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now);
/* When one call for one instance is possible. */
struct mono bucket_next(const struct bucket *bucket, const struct arbiter_settings *settings);

/* ---- policies of step 3 ---- */

struct bidder {
    size_t type;
    int64_t priority;
    int64_t unmet;       /* units */
    struct span waiting; /* age of the oldest task, plus the time since the type's last turn in step 3 */
    double pass;         /* how far it has been served; the least goes first */
    uint64_t last_grant;
    uint64_t tie;
    bool out; /* nothing can be granted to it now */
};
/* The bidder whose turn it is, or SIZE_MAX. `turn` is the pass of the one picked last; `draw` a random number. */
size_t policy_pick(enum policy policy, const struct bidder *bidders, size_t count, double turn, uint64_t draw);
/* The pass of a bidder after a grant of so many units. */
double policy_charge(enum policy policy, const struct bidder *bidder, double turn, int64_t units);
uint64_t policy_random(uint64_t seed, uint64_t number);

/* ---- memory between steps ---- */

struct unseen_grant {
    int64_t grant, count, units;
    struct placement placement;
};

struct type_memory {
    char name[NAME_SIZE];
    uint64_t tie;
    uint64_t last_grant;     /* in the arbiter's own count; 0: never */
    struct mono waits_since; /* its last grant in step 3, or when it began to want something */
    double pass;
    int64_t passed_over; /* rounds running */
    uint64_t owner;      /* 0, or its place among the owners of room: the least is the oldest */
    unsigned lacked;     /* caps, one bit each */
    struct unseen_grant *unseen;
    size_t unseen_count, unseen_room;
    int64_t highest; /* grant number up to which leases were looked at */
};

struct region_memory {
    char name[NAME_SIZE];
    struct bucket bucket;
    uint64_t opened; /* grants made before this round: a type whose last one is among them is due */
    int64_t step3_grants;
    bool granted; /* anything, in this round */
    bool counted_once;
    struct mono counted; /* when a round without a grant was last counted */
};

struct arbiter {
    struct type_memory *types; /* sorted by name */
    size_t type_count;
    struct region_memory *regions; /* as the last input had them */
    size_t region_count;
    struct arbiter_settings settings; /* the last input's */
    bool stepped;
    uint64_t grants, owners, draws;
    double turn;
};

/* ---- one step ---- */

struct lot_state {
    int region;   /* index, -1 unknown */
    int64_t left; /* instances not yet granted for this wish */
    int64_t asked, granted;
    enum denial by; /* the last word on it */
};

struct type_state {
    const struct arbiter_type *type;
    struct type_memory *memory;
    struct lot_state *lots;
    int *open_in; /* sent or unknown leases of each region */
    int open_leases;
    struct amounts held; /* leases included */
    struct amounts open; /* sent or unknown leases only */
    int64_t unmet;       /* units of the wish that no grant covers */
    int64_t below_floor; /* units */
    uint64_t regions;    /* one bit for each region that it has lots in */
    bool covered;        /* by grants above `seen`, before this step */
    /* of the last look for its first lot */
    unsigned lacks; /* caps without room, of the first lot that others could make room for */
    int home;       /* region whose rounds count it as passed over */
    bool hopeless;  /* every lot was looked at and none can be granted: step 3 need not look again */
    struct claims claims;
};

struct step {
    struct arbiter *arbiter;
    const struct arbiter_input *input;
    const struct arbiter_settings *settings;
    struct arbiter_output *out;
    size_t grant_room, denial_room, region_count;
    struct type_state *types;
    struct lot_state *lots;
    int *open_in;
    struct amounts total; /* held + leased, of all */
    struct amounts empty; /* one instance of each type that holds none */
    struct amounts aside; /* for first lots that wait for tokens */
    bool claimed;         /* somebody owns room */
    struct cap_state caps[CAP_COUNT];
    uint64_t waiting;     /* regions in which a first lot waits for tokens */
    uint64_t step3_waits; /* regions in which step 3 waits for tokens */
    int64_t bidding[MAX_REGIONS];
    size_t *order; /* types that bid, in the order of steps 1 and 2 */
    size_t order_count;
    struct bidder *bidders;
    const char **probed; /* scopes probed in this step */
    size_t probed_count;
};

/* What may be granted to a lot now, and what stops the rest. */
struct verdict {
    int64_t count;
    enum denial by;
    unsigned lacks; /* caps, when room is what is missing */
    bool tokens;    /* only tokens are missing */
    bool alive;     /* nothing but room, tokens, lease limits or its turn is missing */
};

/* arbiter_caps.c */
struct amounts amounts_of(const struct arbiter_lot *lot);
void amounts_add(struct amounts *to, const struct amounts *each, int64_t count);
void caps_refresh(struct step *step);
bool type_is_urgent(const struct type_state *state);
int64_t caps_allow(const struct step *step, const struct type_state *state, const struct amounts *each,
                   int64_t capacity, int64_t wanted, enum denial *by, unsigned *lacks);
/* False when the lot would not fit even if all that others hold were freed. */
bool caps_may_ever_fit(const struct step *step, const struct type_state *state, const struct amounts *each,
                       int64_t capacity);
int64_t leases_allow(const struct step *step, const struct type_state *state, int region, const struct amounts *each);

/* arbiter_lot.c */
struct verdict lot_look(struct step *step, struct type_state *state, size_t lot, bool first);
void lot_grant(struct step *step, struct type_state *state, size_t lot, int64_t count, int which);

/* arbiter_round.c */
void rounds_run(struct step *step);

#endif
