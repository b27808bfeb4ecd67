/* SPDX-License-Identifier: MPL-2.0 */
/* fleet.h: what we have and what may still come: instances, open leases, and how old our view of each region is.
 * Pure: no clock, no I/O; what happened goes in, facts come out through a callback. Runs in: supervisor.
 * Owns: every struct lease and struct instance until fleet_destroy or until it ends.
 *
 * DESIGN section 4 decides here when a lease ends and when an instance no longer counts:
 *   a lease ends (a) by a definite result, (b) handed back unsent, (c) by listed rows with its tag, the rest void once
 *   grace is past, (d) holder reaped or outcome unknown, and a complete listing BEGUN more than grace later shows
 *   nothing. Time alone frees nothing. After an unknown outcome only instance ids are a definite result.
 *   an instance that is absent counts until two complete listings, both begun more than grace after its launch. */
#ifndef SUPERVISOR_FLEET_H
#define SUPERVISOR_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/money.h"
#include "proto/messages.h"
#include "proto/words.h"

#define FLEET_EARLY_DEATH SPAN_SECONDS(120)

struct fleet_settings {
    struct span grace, max_inventory_age, stale_serving, inventory_poll;
};

enum lease_state {
    LEASE_COMMITTING, /* decided, not in the ledger yet: has not left this process */
    LEASE_SENT,       /* a worker may be launching */
    LEASE_UNKNOWN     /* may have launched; nobody is at it now */
};

struct lease {
    int64_t grant;
    char token[TOKEN_SIZE];
    char type[NAME_SIZE];
    struct placement placement;
    int64_t count, capacity;
    struct money max_price;
    int64_t revision;
    char spec_hash[HASH_SIZE];
    char subnet[NAME_SIZE];
    enum lease_state state;
    int64_t generation;    /* of the worker that may use it */
    struct mono bid_heard; /* when the bid came that it answers; MONO_ZERO: before our start, or a renewal */
    struct mono send_by;
    struct mono last_send;   /* the latest moment at which its call can have started */
    struct mono holder_gone; /* when its holder was reaped; MONO_ZERO: it lives */
    bool doubtful;           /* an outcome was unknown, or it was renewed: only ids are definite now */
    int64_t listed;          /* instances known with its tag */
    uint64_t ticket;         /* of the ledger's batch that holds its newest state */
};

struct instance {
    char id[INSTANCE_ID_SIZE];
    struct placement placement;
    int64_t grant, revision, capacity;
    char token[TOKEN_SIZE];
    char spec_hash[HASH_SIZE];
    char image[NAME_SIZE];
    char incarnation[NAME_SIZE];
    struct money max_price; /* granted; MONEY_ZERO: not known, adopted from its tags */
    enum instance_state state;
    char reason[CODE_SIZE];
    struct mono launched;
    struct wall launch_wall;
    bool listed;  /* was in a listing */
    bool absent;  /* is not in the last complete one */
    int absences; /* complete listings that count against it */
    bool judged;  /* early death or survival was told */
    bool worked;  /* was seen taking work */
    bool condemned;
    struct mono ordered; /* its termination, MONO_ZERO: not */
    uint64_t mark;       /* of the last listing that showed it */
    struct fleet_type *owner;
    struct instance *next_of_type, *previous_of_type;
};

struct fleet_totals {
    int64_t held_units, held_instances; /* occupying, unlisted ids included */
    struct money held_cost;
    int64_t running_units, booting_units, serving_units;
    int64_t unlisted_units, unlisted_instances; /* the part of held that no listing showed yet */
    int64_t leased_units, leased_instances;     /* open leases, less their instances that are known already */
    struct money leased_cost;
};

struct fleet_type {
    char name[NAME_SIZE]; /* "": rows without a readable tag */
    struct instance *instances;
    struct fleet_totals totals; /* as of the last fleet_count */
    struct money usual_price;   /* of an instance whose granted price is not known: the definition's maxPrice */
};

struct fleet_region {
    char name[NAME_SIZE];
    bool listed; /* a complete listing begun after the start has come */
    int64_t generation, listing;
    struct mono began; /* of the last complete listing */
    struct wall began_wall;
    struct span took;
};

struct fleet {
    struct fleet_settings settings;
    struct lease **leases; /* open ones, by grant number */
    size_t lease_count, lease_room;
    struct lease *ended; /* a ring: ids may still come for them */
    size_t ended_next, ended_count;
    struct instance **instances; /* by id */
    size_t instance_count, instance_room;
    struct fleet_type **types; /* by name */
    size_t type_count, type_room;
    struct fleet_region **regions;
    size_t region_count;
    uint64_t mark;
    uint64_t version; /* rises with every change */
};

enum fleet_fact_kind {
    FLEET_LEASE_ENDED,   /* lease, end, returned (instances that will not come) */
    FLEET_LEASE_CHANGED, /* lease: its outcome is unknown now */
    FLEET_LAUNCHED,      /* instance, lease: an id came back, or its first row did */
    FLEET_ADOPTED,       /* instance: a row that nothing here knew */
    FLEET_CHANGED,       /* instance: its state or price is another now */
    FLEET_GONE,          /* instance: no longer counts; freed after the call */
    FLEET_DIED_EARLY,    /* instance: within two minutes of its launch, and not by its own or our wish */
    FLEET_ENDED,         /* instance: it is listed as ending or ended, and was not before */
    FLEET_SURVIVED,      /* instance: two minutes after its launch it lives */
    FLEET_UNREADABLE,    /* instance: its row could not be read; it occupies */
    FLEET_SECOND_DAEMON  /* instance: launched since our start under another incarnation (case B09) */
};

enum lease_end { LEASE_LAUNCHED, LEASE_FAILED, LEASE_UNSENT, LEASE_LISTED, LEASE_VOID, LEASE_SETTLED /* by hand */ };

struct fleet_fact {
    enum fleet_fact_kind kind;
    const struct lease *lease;
    struct instance *instance;
    enum lease_end end;
    int64_t returned;
};
typedef void fleet_teller(void *context, const struct fleet_fact *fact);

struct fleet *fleet_create(const struct fleet_settings *settings);
void fleet_destroy(struct fleet **fleet);
const char *lease_state_name(enum lease_state state); /* "committing", "sent", "unknown" */
const char *lease_end_name(enum lease_end end);

/* Finds; with `create` makes one when there is none. */
struct fleet_type *fleet_type(struct fleet *fleet, const char *name, bool create);
struct fleet_region *fleet_region(struct fleet *fleet, const char *name, bool create);
struct instance *fleet_instance(const struct fleet *fleet, const char *id);
struct lease *fleet_lease(const struct fleet *fleet, int64_t grant);

/* Counts all totals anew; call after changes, before reading them. */
void fleet_count(struct fleet *fleet, struct mono now);
/* Occupying instances and lease counts of one spec hash of a type. */
int64_t fleet_holds_spec(const struct fleet *fleet, const struct fleet_type *type, const char *spec_hash);
bool fleet_region_stale(const struct fleet *fleet, const struct fleet_region *region, struct mono now);
/* What an instance commits per hour: the granted price, else the type's usual one. */
struct money instance_price(const struct instance *instance);

/* ---- leases: fleet_lease.c ---- */

/* Copies; state LEASE_COMMITTING for a new grant; a lease of the ledger is given as LEASE_UNKNOWN. */
struct lease *fleet_add_lease(struct fleet *fleet, const struct lease *lease);
/* Committed, and now sent. */
void fleet_lease_sent(struct fleet *fleet, struct lease *lease, struct mono send_by);
/* Committed, but its worker is no longer there, or too late: it never left. */
void fleet_lease_not_sent(struct fleet *fleet, struct lease *lease, fleet_teller *tell, void *context);

struct fleet_result {
    int64_t grant;
    const char *type; /* of the worker that says it */
    enum outcome outcome;
    enum failure failure;
    const struct proto_INSTANCE *launched;
    size_t launched_count;
    struct mono sent;
    struct wall wall;
};
/* Returns 0, 1 when the grant is not open (late ids are taken all the same), or -1 when it is another type's. */
int fleet_result(struct fleet *fleet, const struct fleet_result *result, struct mono now, fleet_teller *tell,
                 void *context);
/* The worker asks for the same lease anew: NULL when it may not have it. The lease is LEASE_COMMITTING then. */
struct lease *fleet_renew(struct fleet *fleet, int64_t grant, const char *type, int64_t generation);
/* The worker of `type` with this generation was reaped. */
void fleet_holder_gone(struct fleet *fleet, const char *type, int64_t generation, struct mono now, fleet_teller *tell,
                       void *context);
/* A lease of `type` was sent, and nothing was heard of it for `limit` after its send-by: its grant, or 0. */
int64_t fleet_silent_lease(const struct fleet *fleet, const char *type, struct span limit, struct mono now);

/* ---- listings: fleet_listing.c ---- */

struct fleet_listing {
    const char *region;
    int64_t generation, listing;
    bool full;
    struct mono began;
    struct wall began_wall;
    struct span took;
    const struct proto_ROW *rows;
    size_t row_count;
    const struct proto_INSTANCE *gone;
    size_t gone_count;
    const char *incarnation; /* ours */
    struct wall started;     /* our start */
};
void fleet_take_listing(struct fleet *fleet, const struct fleet_listing *listing, fleet_teller *tell, void *context);
/* Puts back an instance of the ledger. */
struct instance *fleet_restore(struct fleet *fleet, const struct instance *instance, const char *type);

/* ---- for the fleet's own files ---- */

struct instance *fleet_add_instance(struct fleet *fleet, const char *id, const char *type);
void fleet_remove_instance(struct fleet *fleet, struct instance *instance);
void fleet_describe_by_lease(struct instance *instance, const struct lease *lease);
void fleet_end_lease(struct fleet *fleet, struct lease *lease, enum lease_end end, int64_t returned, fleet_teller *tell,
                     void *context);

#endif
