/* SPDX-License-Identifier: MPL-2.0 */
/* supply.h: what a workerType has: instances of the last complete listings, launched ids not listed yet, open leases;
 * and the figures that plan.h wants of them. Pure: no clock, no I/O. Runs in: type worker. Owns: its lists.
 * Only a complete listing changes what is known of a region (case B01). An id that a launch returned occupies until two
 * complete listings, both begun more than `grace` after its launch, lack it (case B26); one that was listed before and
 * is missing now stays as long. */
#ifndef WORKER_SUPPLY_H
#define WORKER_SUPPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "proto/config.h" /* CONFIG_MAX_REGIONS */
#include "proto/messages.h"
#include "proto/words.h"
#include "worker/condemn.h"
#include "worker/plan.h"

struct supply_settings {
    struct span grace, settle, stale_serving, max_inventory_age, inventory_poll;
    struct condemn_settings condemn;
    struct span idle_limit; /* 0: not known, or there is no floor */
    struct span idle_lead;  /* so long before it an instance is replaced */
    int64_t usual_capacity; /* units of an instance whose tag and type say nothing: the largest of the definition */
};

struct supply_instance {
    char id[INSTANCE_ID_SIZE];
    char region[NAME_SIZE], zone[NAME_SIZE], instance_type[NAME_SIZE];
    int64_t grant; /* 0 none */
    int64_t capacity;
    enum instance_state state;
    enum market market;
    bool asked_spot;           /* known from its lease */
    bool listed;               /* was in a listing */
    bool worked;               /* was named in a claimed list */
    bool died_early;           /* ended within two minutes, and was reported so */
    int absent;                /* listings that count and lack it */
    struct mono launched;      /* the call returned; for others by EC2's launch time */
    struct mono running_since; /* MONO_ZERO: does not run */
    bool named;                /* in the claimed list that was read last, and not counted yet */
    bool idle_clock;           /* runs: a reading was taken while it ran */
    struct mono at_work;       /* when it was last seen so; MONO_ZERO never */
    struct mono proposed;      /* for termination; MONO_ZERO never */
    enum condemn_cause condemned;
    struct condemn_watch watch;
};

struct supply_lease {
    int64_t grant;
    struct placement placement;
    int64_t count, capacity;
    bool unknown;     /* the call may have launched */
    struct mono sent; /* last send, or when the holder was gone; `grace` counts from here */
};

struct supply_region {
    char name[NAME_SIZE];
    bool listed;
    int64_t generation, listing;
    struct mono began;
    struct wall began_wall;
    struct span took;
};

struct supply {
    struct supply_settings settings;
    struct mono started;
    struct supply_region regions[CONFIG_MAX_REGIONS];
    size_t region_count;
    struct supply_instance *instances; /* sorted by id */
    size_t instance_count;
    struct supply_lease *leases;
    size_t lease_count;
    struct condemn_reading last_reading;
    uint64_t work_taken;
};

void supply_init(struct supply *supply, const struct supply_settings *settings, struct mono now);
void supply_clear(struct supply *supply);
void supply_add_region(struct supply *supply, const char *name);

/* Takes over one type's rows of a complete listing. False: it is older than what is known, or of an unknown region.
 * `capacity_of` gives the units of an instance type by the definition, 0 if it has none. */
bool supply_listing(struct supply *supply, const struct proto_INVENTORY *listing,
                    int64_t (*capacity_of)(const void *context, const char *region, const char *instance_type),
                    const void *context, struct mono now, struct wall wall);

void supply_lease_add(struct supply *supply, const struct supply_lease *lease);
struct supply_lease *supply_lease(struct supply *supply, int64_t grant);
void supply_lease_end(struct supply *supply, int64_t grant);
/* The lease's units that no known instance stands for. */
int64_t supply_lease_units(const struct supply *supply, const struct supply_lease *lease);

/* An id that a launch call returned, or that a look-up found. */
void supply_launched(struct supply *supply, const struct supply_instance *launched);
struct supply_instance *supply_instance(struct supply *supply, const char *id);

/* One reading of the queue: runs the boot clocks. `worker` calls give the claimed list first. */
void supply_read(struct supply *supply, const struct condemn_reading *reading);
/* True when `id` is ours and is seen to work for the first time. */
bool supply_worked(struct supply *supply, const char *id);
/* An instance that runs was never seen to work, or only the list tells which of a floor's instances are idle: the
 * claimed list is of use. */
bool supply_unproven(const struct supply *supply);
/* Decides anew who is condemned. `list_known`: the claimed route answers. */
void supply_condemn(struct supply *supply, bool list_known, struct mono now);

void supply_figures(const struct supply *supply, struct mono now, struct plan_supply *out);
/* `out` has room for region_count. */
void supply_plan_regions(const struct supply *supply, struct plan_region *out);
/* When the oldest listing that was used began; ms 0 while a region has none. */
struct wall supply_oldest_listing(const struct supply *supply);

#endif
