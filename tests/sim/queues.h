/* SPDX-License-Identifier: MPL-2.0 */
/* The task queues: who is waiting, who is claimed, and which free task slots could take work.
 * Tasks are claimed at once and oldest first. */
#ifndef SIM_QUEUES_H
#define SIM_QUEUES_H

#include "random.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
struct instance;

/* How the workers of a queue behave. */
struct worker_settings {
    struct spread boot_time, first_claim_after, shutdown_time;
    double idle_after, terminated_listed_for;
    bool never_claim, needs_registration;
};

struct task {
    char id[24];
    int run;
    uint64_t sequence; /* rises in the order of the list it stands in */
    double arrived, claimed_at, duration;
    double inserted_stamp, claimed_stamp; /* wall seconds, as shown to clients */
    struct queue *queue;
    struct instance *instance; /* while claimed; NULL once that instance died */
    char worker_id[24], worker_group[32];
    struct task *previous, *next;
};

struct task_list {
    struct task *first, *last;
    size_t count;
};

struct queue {
    struct world *world;
    char *worker_type, *provisioner_id;
    char *id;                       /* provisionerId/workerType */
    int capacity;                   /* of an instance that says nothing itself */
    json_t *worker_overrides;       /* the scenario's "workers" of this queue */
    struct worker_settings workers; /* defaults, the scenario's and the queue's together */
    struct task_list pending, claimed;
    struct instance **free; /* instances with a free slot, in no order */
    size_t free_count, free_room;
    int generator_epoch; /* arrival generators of older epochs have ended */
    /* counts as shown while cached */
    double cached_at;
    size_t cached_pending, cached_claimed;
    bool cache_filled;
    /* statistics */
    uint64_t arrived, claims, done, launched;
    double wait_sum, wait_max;
};

struct queue *queue_for_type(struct world *world, const char *worker_type); /* created when missing */
struct queue *queue_create(struct world *world, const char *provisioner_id, const char *worker_type);
void queue_add_task(struct queue *queue, double duration);
void queue_clear(struct queue *queue); /* drops what is pending, ends the generators */

/* For workers.c: the next task for the instance, or NULL. */
struct task *queue_claim(struct queue *queue, struct instance *instance);
void queue_finish(struct queue *queue, struct task *task);
void queue_lose(struct queue *queue, struct task *task); /* its instance died */
void queue_add_free(struct queue *queue, struct instance *instance);
void queue_remove_free(struct queue *queue, struct instance *instance);

#endif
