/* SPDX-License-Identifier: MPL-2.0 */
/* Life of an instance: pending, running, shutting-down, terminated, forgotten; or stopped.
 * All changes of state go through change_state(), which journals and keeps the counts. */
#include "instances.h"

#include "faults.h"
#include "journal.h"
#include "memory.h"
#include "workers.h"
#include "world.h"

#include <math.h>
#include <string.h>

const char *const state_names[STATE_COUNT] = {"pending",    "running",  "shutting-down",
                                              "terminated", "stopping", "stopped"};
const int state_codes[STATE_COUNT] = {0, 16, 32, 48, 64, 80};

static const struct {
    const char *code, *text;
} reasons[] = {
    {"Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"},
    {"Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown"},
    {"Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination"},
    {"Client.VolumeLimitExceeded", "Client.VolumeLimitExceeded: Volume limit exceeded"},
    {"Server.InternalError", "Server.InternalError: Internal error on launch"},
    {"Client.InternalError", "Client.InternalError: Client error on launch"},
    {"Server.InsufficientInstanceCapacity", "Server.InsufficientInstanceCapacity: Insufficient capacity to "
                                            "satisfy instance request"},
};

static const char *reason_text(const char *code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].code, code) == 0)
            return reasons[i].text;
    return code;
}

bool instance_is_live(const struct instance *instance)
{
    return instance->state == STATE_PENDING || instance->state == STATE_RUNNING;
}

bool instance_is_listed(const struct instance *instance)
{
    return !instance->forgotten && instance->listed_from <= instance->launch->region->world->now;
}

const char *tag_value(const struct tag_set *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->tags[i].key, key) == 0)
            return tags->tags[i].value;
    return NULL;
}

void tag_set_put(struct tag_set *tags, const char *key, const char *value)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->tags[i].key, key) == 0) {
            must_replace(&tags->tags[i].value, value);
            return;
        }
    }
    tags->tags = must_resize(tags->tags, (tags->count + 1) * sizeof *tags->tags);
    tags->tags[tags->count++] = (struct tag){must_copy(key), must_copy(value)};
}

static void note_state(const struct instance *instance, const char *from)
{
    const struct launch *launch = instance->launch;
    json_t *fields = json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:i, s:o}", "id", instance->id, "from", json_text_or_null(from),
        "to", state_names[instance->state], "reason", json_text_or_null(instance->reason_code), "type",
        json_text_or_null(launch->queue != NULL ? launch->queue->worker_type : NULL), "region", launch->region->name,
        "zone", launch->pool->zone, "instanceType", launch->type->name, "market", market_names[instance->market],
        "units", launch->units, "token", json_text_or_null(launch->token));
    journal_write(launch->region->world, "instance", fields);
}

static bool holds_capacity(enum instance_state state)
{
    return state != STATE_TERMINATED && state != STATE_STOPPED;
}

static void change_state(struct instance *instance, enum instance_state to)
{
    enum instance_state from = instance->state;
    struct launch *launch = instance->launch;
    instance->state = to;
    if (holds_capacity(from) != holds_capacity(to)) {
        int change = holds_capacity(to) ? 1 : -1;
        region_count(launch->region, launch->pool, instance->market, change);
        if (launch->subnet != NULL)
            launch->subnet->free_addresses -= change;
    }
    note_state(instance, state_names[from]);
}

static const struct worker_settings *settings(const struct instance *instance)
{
    const struct launch *launch = instance->launch;
    return launch->queue != NULL ? &launch->queue->workers : &launch->region->world->untyped_workers;
}

static void become_running(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)stamp;
    if (instance->state != STATE_PENDING)
        return;
    change_state(instance, STATE_RUNNING);
    double delay = random_spread(&world->random_launch, &settings(instance)->first_claim_after);
    if (instance->launch->queue != NULL)
        world_after(world, delay, workers_boot, instance, 0);
}

static void forget(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)world, (void)stamp;
    instance->forgotten = true;
    region_note_forgotten(instance->launch->region);
}

static void become_terminated(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)stamp;
    change_state(instance, STATE_TERMINATED);
    world_after(world, settings(instance)->terminated_listed_for, forget, instance, 0);
}

static void become_stopped(struct world *world, void *object, uint64_t stamp)
{
    struct instance *instance = object;
    (void)world, (void)stamp;
    if (instance->state == STATE_STOPPING)
        change_state(instance, STATE_STOPPED);
}

struct instance *instance_create(struct launch *launch, int launch_index)
{
    struct world *world = launch->region->world;
    struct instance *instance = must_alloc(sizeof *instance);
    world_new_id(world, "i", instance->id);
    world_new_id(world, "vol", instance->volume);
    world_new_id(world, "sir", instance->spot_request);
    instance->launch = launch;
    instance->market = launch->market;
    instance->launch_index = launch_index;
    instance->sequence = ++world->next_sequence;
    instance->launched_at = world->now;
    instance->launch_stamp = clock_timestamp(world);
    for (size_t i = 0; i < launch->tags.count; i++)
        tag_set_put(&instance->tags, launch->tags.tags[i].key, launch->tags.tags[i].value);
    struct spread boot_time = settings(instance)->boot_time;
    faults_mark_launch(world, instance, &boot_time);
    table_put(&world->instances, instance->id, instance);
    region_add_instance(launch->region, instance);
    region_count(launch->region, launch->pool, instance->market, 1);
    if (launch->subnet != NULL)
        launch->subnet->free_addresses--;
    if (launch->queue != NULL)
        launch->queue->launched++;
    note_state(instance, NULL);
    if (!instance->stuck_pending)
        world_after(world, random_spread(&world->random_launch, &boot_time), become_running, instance, 0);
    return instance;
}

static void set_reason(struct instance *instance, const char *code)
{
    must_replace(&instance->reason_code, code);
    must_replace(&instance->reason_text, reason_text(code));
}

void instance_terminate(struct instance *instance, const char *reason_code)
{
    struct world *world = instance->launch->region->world;
    if (instance->state == STATE_SHUTTING_DOWN || instance->state == STATE_TERMINATED)
        return;
    set_reason(instance, reason_code);
    workers_gone(instance);
    change_state(instance, STATE_SHUTTING_DOWN);
    world_after(world, random_spread(&world->random_launch, &settings(instance)->shutdown_time), become_terminated,
                instance, 0);
}

void instance_shut_down_itself(struct instance *instance)
{
    struct world *world = instance->launch->region->world;
    if (instance->launch->terminate_on_shutdown) {
        instance_terminate(instance, "Client.InstanceInitiatedShutdown");
        return;
    }
    set_reason(instance, "Client.InstanceInitiatedShutdown");
    workers_gone(instance);
    change_state(instance, STATE_STOPPING);
    world_after(world, random_spread(&world->random_launch, &settings(instance)->shutdown_time), become_stopped,
                instance, 0);
}

void instance_kill(struct instance *instance, const char *reason_code)
{
    if (instance->state != STATE_PENDING) {
        instance_terminate(instance, reason_code);
        return;
    }
    set_reason(instance, reason_code);
    become_terminated(instance->launch->region->world, instance, 0);
}
