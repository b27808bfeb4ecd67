/* SPDX-License-Identifier: MPL-2.0 */
/* The instances: what was launched, what state it is in, and every change of that state.
 * An instance is never freed: ids and client tokens must be remembered longer than listings. */
#ifndef SIM_INSTANCES_H
#define SIM_INSTANCES_H

#include "region.h"

#include <stdbool.h>
#include <stdint.h>

enum instance_state {
    STATE_PENDING,
    STATE_RUNNING,
    STATE_SHUTTING_DOWN,
    STATE_TERMINATED,
    STATE_STOPPING,
    STATE_STOPPED,
    STATE_COUNT
};
extern const char *const state_names[STATE_COUNT];
extern const int state_codes[STATE_COUNT];

struct tag {
    char *key, *value;
};
struct tag_set {
    struct tag *tags;
    size_t count;
};

/* One call of RunInstances that succeeded: the same for all its instances. */
struct launch {
    struct region *region;
    struct pool *pool;
    struct queue *queue; /* NULL: belongs to no workerType */
    const struct instance_type *type;
    char *image_id;
    unsigned virtualization, architecture; /* of the image, as it was */
    enum market market;
    char reservation[24];
    char *token, *parameter_digest;
    char *key_name, *profile, *max_price, *http_tokens;
    struct subnet *subnet;
    char **group_ids;
    size_t group_count;
    bool terminate_on_shutdown, ebs_optimized, delete_volumes;
    int units; /* task slots of each instance */
    struct tag_set tags, volume_tags;
    struct instance **instances;
    size_t instance_count;
};

struct instance {
    char id[24];
    struct launch *launch;
    enum instance_state state;
    enum market market;
    int launch_index;
    uint64_t sequence; /* rises with every launch in the world */
    double launched_at, launch_stamp, listed_from, tagged_from;
    bool forgotten; /* no longer listed */
    struct tag_set tags;
    char *reason_code, *reason_text;
    char volume[24], spot_request[24];
    /* the worker on it */
    bool ready, never_claims, stuck_pending, registered, ever_claimed;
    struct task **running;
    int running_count;
    size_t free_place; /* 1 + index in the queue's free list; 0: not in it */
    uint64_t idle_stamp;
};

/* Creates one instance of the launch, pending, with its boot scheduled. */
struct instance *instance_create(struct launch *launch, int launch_index);

/* Ends it from outside (a user, EC2). Nothing happens when it is already ending. */
void instance_terminate(struct instance *instance, const char *reason_code);
/* The worker shuts its machine down: terminated or stopped, as was asked at the launch. */
void instance_shut_down_itself(struct instance *instance);
/* As terminate, but a pending instance is gone at once, as after a volume limit. */
void instance_kill(struct instance *instance, const char *reason_code);

bool instance_is_listed(const struct instance *instance);
bool instance_is_live(const struct instance *instance);             /* pending or running */
const char *tag_value(const struct tag_set *tags, const char *key); /* NULL when missing */
void tag_set_put(struct tag_set *tags, const char *key, const char *value);

#endif
