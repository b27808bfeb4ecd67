/* SPDX-License-Identifier: MPL-2.0 */
/* The whole simulated world: one object, used by one thread, so nothing is ever locked.
 * The modules' own headers say what the parts mean; world.c creates it and turns its clock. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "queues.h"
#include "random.h"
#include "region.h"
#include "schedule.h"
#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct fault;
struct exchange;

struct credential {
    char *access_key, *secret_key, *session_token; /* the last may be NULL */
    double expires_at;                             /* simulated seconds; HUGE_VAL: never */
    json_t *deny;
};

struct client {
    char *id, *access_token;
    json_t *scopes;
    double expires_at;
};

struct world {
    /* time */
    double now, speed;
    double base_simulated, base_monotonic, start_wall;
    double clock_offset;
    bool simulated_timestamps;
    struct schedule events; /* in simulated seconds */
    struct schedule holds;  /* in real monotonic seconds: requests that are held back */
    bool quit;

    /* randomness */
    uint64_t seed;
    struct random_stream random_ids, random_launch, random_claims, random_faults, random_latency;
    uint64_t next_sequence;

    /* configuration */
    char *provisioner_id, *account_id, *scenario_directory;
    bool check_signatures, send_date, throttle, journal_reads, journal_tasks;
    bool hawk_hint, hawk_hint_forged;
    struct bucket_rate bucket_rates[BUCKET_COUNT];
    json_t *latency; /* number or object */
    json_t *routes;
    json_t *workers;                        /* the scenario's object, merged over time */
    struct worker_settings untyped_workers; /* of instances that belong to no workerType */
    double counts_cache_age, claim_expiry;

    /* things */
    struct table credentials, clients;
    struct table instance_types, images, regions;
    struct table queues;     /* provisionerId/workerType -> struct queue */
    struct table types;      /* workerType -> struct queue */
    struct table instances;  /* id -> struct instance */
    struct table registered; /* worker-manager: pool/group/id -> JSON text, NULL once removed */
    struct fault **faults;
    size_t fault_count;
    int generator_epoch;
    uint64_t generators_started;

    /* output */
    FILE *journal;
    json_t *request_counts; /* action -> code -> number */
    struct exchange *held;  /* suspended connections */
};

struct world *world_create(void);

void clock_start(struct world *world);
void clock_set_speed(struct world *world, double speed);
void clock_update(struct world *world); /* does everything that is due */
double clock_monotonic(void);
double clock_wall(void);
double clock_server_wall(const struct world *world); /* with clockOffset */
double clock_timestamp(const struct world *world);   /* the stamp of something happening now */
double clock_real_delay(const struct world *world);  /* real seconds to the next event */
void clock_format(double wall, char out[32]);        /* 2016-07-21T20:06:00.000Z */

void world_after(struct world *world, double delay, schedule_action *action, void *object, uint64_t stamp);
void world_new_id(struct world *world, const char *prefix, char out[24]); /* prefix + 17 hex digits */

#endif
