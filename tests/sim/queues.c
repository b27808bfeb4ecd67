/* SPDX-License-Identifier: MPL-2.0 */
/* Task queues and the free slots that serve them. See queues.h. */
#include "queues.h"

#include "encoding.h"
#include "instances.h"
#include "journal.h"
#include "memory.h"
#include "scenario.h"
#include "workers.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void list_append(struct task_list *list, struct task *task)
{
    task->sequence = ++task->queue->world->next_sequence;
    task->previous = list->last;
    task->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = task;
    list->last = task;
    list->count++;
}

static void list_remove(struct task_list *list, struct task *task)
{
    *(task->previous != NULL ? &task->previous->next : &list->first) = task->next;
    *(task->next != NULL ? &task->next->previous : &list->last) = task->previous;
    list->count--;
}

struct queue *queue_create(struct world *world, const char *provisioner_id, const char *worker_type)
{
    struct queue *queue = must_alloc(sizeof *queue);
    queue->world = world;
    queue->worker_type = must_copy(worker_type);
    queue->provisioner_id = must_copy(provisioner_id);
    queue->id = must_format("%s/%s", provisioner_id, worker_type);
    queue->capacity = 1;
    table_put(&world->queues, queue->id, queue);
    table_put(&world->types, worker_type, queue);
    scenario_settle_workers(world, queue);
    return queue;
}

struct queue *queue_for_type(struct world *world, const char *worker_type)
{
    struct queue *queue = table_get(&world->types, worker_type);
    return queue != NULL ? queue : queue_create(world, world->provisioner_id, worker_type);
}

/* A task id as Taskcluster makes them: a random UUID in 22 url-safe characters. */
static void new_task_id(struct world *world, char out[24])
{
    uint64_t halves[2] = {random_bits(&world->random_ids), random_bits(&world->random_ids)};
    unsigned char bytes[16];
    memcpy(bytes, halves, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *text = base64_encode(bytes, sizeof bytes);
    base64_make_url_safe(text);
    snprintf(out, 24, "%s", text);
    free(text);
}

static void note_task(const struct task *task, const char *event, double waited)
{
    struct world *world = task->queue->world;
    if (!world->journal_tasks)
        return;
    json_t *fields = json_pack("{s:s, s:s, s:s}", "event", event, "type", task->queue->worker_type, "task", task->id);
    if (waited >= 0)
        json_object_set_new(fields, "waited_s", json_real(round(waited * 1000) / 1000));
    if (task->worker_id[0] != '\0')
        json_object_set_new(fields, "instance", json_string(task->worker_id));
    journal_write(world, "task", fields);
}

/* Lets a free slot, chosen at random, look at the queue again. */
static void wake_a_worker(struct queue *queue)
{
    if (queue->free_count > 0)
        workers_claim(queue->free[random_below(&queue->world->random_claims, queue->free_count)]);
}

static void append_pending(struct queue *queue, struct task *task)
{
    task->inserted_stamp = clock_timestamp(queue->world);
    list_append(&queue->pending, task);
    wake_a_worker(queue);
}

void queue_add_task(struct queue *queue, double duration)
{
    struct task *task = must_alloc(sizeof *task);
    task->queue = queue;
    task->duration = duration;
    task->arrived = queue->world->now;
    new_task_id(queue->world, task->id);
    queue->arrived++;
    note_task(task, "arrived", -1);
    append_pending(queue, task);
}

void queue_clear(struct queue *queue)
{
    queue->generator_epoch = ++queue->world->generator_epoch;
    struct task *next;
    for (struct task *task = queue->pending.first; task != NULL; task = next) {
        next = task->next;
        free(task);
    }
    queue->pending = (struct task_list){0};
}

struct task *queue_claim(struct queue *queue, struct instance *instance)
{
    struct task *task = queue->pending.first;
    if (task == NULL)
        return NULL;
    list_remove(&queue->pending, task);
    task->instance = instance;
    task->claimed_at = queue->world->now;
    task->claimed_stamp = clock_timestamp(queue->world);
    snprintf(task->worker_id, sizeof task->worker_id, "%s", instance->id);
    snprintf(task->worker_group, sizeof task->worker_group, "%s", instance->launch->region->name);
    list_append(&queue->claimed, task);
    double waited = queue->world->now - task->arrived;
    queue->claims++;
    queue->wait_sum += waited;
    queue->wait_max = fmax(queue->wait_max, waited);
    note_task(task, "claimed", waited);
    return task;
}

void queue_finish(struct queue *queue, struct task *task)
{
    list_remove(&queue->claimed, task);
    queue->done++;
    note_task(task, "done", -1);
    free(task);
}

static void claim_expired(struct world *world, void *object, uint64_t stamp)
{
    struct task *task = object;
    (void)world, (void)stamp;
    list_remove(&task->queue->claimed, task);
    task->run++;
    task->worker_id[0] = '\0';
    append_pending(task->queue, task);
}

/* Nobody tells Taskcluster that a worker died: the claim has to run out. */
void queue_lose(struct queue *queue, struct task *task)
{
    struct world *world = queue->world;
    task->instance = NULL;
    note_task(task, "lost", -1);
    world_after(world, task->claimed_at + world->claim_expiry - world->now, claim_expired, task, 0);
}

void queue_add_free(struct queue *queue, struct instance *instance)
{
    if (instance->free_place > 0)
        return;
    if (queue->free_count == queue->free_room) {
        queue->free_room = queue->free_room > 0 ? queue->free_room * 2 : 16;
        queue->free = must_resize(queue->free, queue->free_room * sizeof *queue->free);
    }
    queue->free[queue->free_count++] = instance;
    instance->free_place = queue->free_count;
}

void queue_remove_free(struct queue *queue, struct instance *instance)
{
    if (instance->free_place == 0)
        return;
    struct instance *last = queue->free[--queue->free_count];
    queue->free[instance->free_place - 1] = last;
    last->free_place = instance->free_place;
    instance->free_place = 0;
}
