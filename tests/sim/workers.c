/* SPDX-License-Identifier: MPL-2.0 */
/* What a worker does with its time. See workers.h. */
#include "workers.h"

#include "instances.h"
#include "memory.h"
#include "queues.h"
#include "world.h"

#include <stdlib.h>

static void idled_out(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)world;
    if (instance->idle_stamp == stamp && instance->state == STATE_RUNNING && instance->running_count == 0)
        instance_shut_down_itself(instance);
}

static void start_idle_clock(struct instance *instance)
{
    struct queue *queue = instance->launch->queue;
    world_after(queue->world, queue->workers.idle_after, idled_out, instance, ++instance->idle_stamp);
}

static void task_done(struct world *world, void *object, uint64_t stamp);

static void run_task(struct instance *instance, struct task *task)
{
    instance->running[instance->running_count++] = task;
    instance->ever_claimed = true;
    instance->idle_stamp++;
    world_after(task->queue->world, task->duration, task_done, instance, task->sequence);
}

void workers_claim(struct instance *instance)
{
    struct queue *queue = instance->launch->queue;
    while (instance->running_count < instance->launch->units) {
        struct task *task = queue_claim(queue, instance);
        if (task == NULL)
            break;
        run_task(instance, task);
    }
    if (instance->running_count < instance->launch->units)
        queue_add_free(queue, instance);
    else
        queue_remove_free(queue, instance);
}

/* The stamp is the sequence number the task got with its claim: unique in the world. */
static void task_done(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)world;
    for (int i = 0; i < instance->running_count; i++) {
        struct task *task = instance->running[i];
        if (task->sequence != stamp)
            continue;
        instance->running[i] = instance->running[--instance->running_count];
        queue_finish(instance->launch->queue, task);
        workers_claim(instance);
        if (instance->running_count == 0)
            start_idle_clock(instance);
        return;
    }
}

static void start_working(struct instance *instance)
{
    instance->running = must_alloc((size_t)instance->launch->units * sizeof(struct task *));
    workers_claim(instance);
    if (instance->running_count == 0)
        start_idle_clock(instance);
}

void workers_boot(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    const struct worker_settings *settings = &instance->launch->queue->workers;
    (void)world, (void)stamp;
    if (instance->state != STATE_RUNNING)
        return;
    instance->ready = true;
    if (instance->never_claims || settings->never_claim)
        return;
    if (!settings->needs_registration || instance->registered)
        start_working(instance);
}

void workers_registered(struct instance *instance)
{
    instance->registered = true;
    if (instance->ready && instance->state == STATE_RUNNING && instance->running == NULL && !instance->never_claims)
        start_working(instance);
}

void workers_gone(struct instance *instance)
{
    struct queue *queue = instance->launch->queue;
    instance->ready = false;
    if (queue == NULL)
        return;
    queue_remove_free(queue, instance);
    for (int i = 0; i < instance->running_count; i++)
        queue_lose(queue, instance->running[i]);
    instance->running_count = 0;
    free(instance->running);
    instance->running = NULL;
}
