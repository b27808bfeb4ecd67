/* SPDX-License-Identifier: MPL-2.0 */
/* Choosing faults: reading them, matching, counting. What they do is in fault_effects.c. */
#include "faults.h"

#include "instances.h"
#include "journal.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts a fault can match on, and where a subject keeps them. */
static const struct {
    const char *key;
    size_t offset;
} match_texts[] = {
    {"service", offsetof(struct subject, service)},
    {"action", offsetof(struct subject, action)},
    {"region", offsetof(struct subject, region)},
    {"zone", offsetof(struct subject, zone)},
    {"instanceType", offsetof(struct subject, instance_type)},
    {"workerType", offsetof(struct subject, worker_type)},
    {"imageId", offsetof(struct subject, image_id)},
    {"market", offsetof(struct subject, market)},
    {"token", offsetof(struct subject, token)},
};

static const char *const fault_keys[] = {"from", "to",     "match",   "probability", "times",
                                         "nth",  "effect", "comment", NULL};
static const char *const match_keys[] = {"service", "action", "region", "zone", "instanceType", "workerType", "imageId",
                                         "market",  "token",  "page",   NULL};
static const char *const request_effects[] = {"error",     "hang",       "reset",     "slowMs",     "truncate",
                                              "malformed", "html",       "empty",     "body",       "emptyListing",
                                              "pageSize",  "emptyPages", "sameToken", "repeatLast", "omit",
                                              "showState", "showMarket", "after",     NULL};
static const char *const launch_effects[] = {"listDelay",   "tagDelay", "killAfter",    "neverClaim",
                                             "wrongMarket", "bootTime", "stuckPending", NULL};

static bool in_list(const char *const *list, const char *word)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

/* Sorts the effect's keys into those on requests and those on launches. */
static bool effects_known(struct fault *fault, char *error, size_t error_size)
{
    const char *key;
    json_t *value;
    json_object_foreach(fault->effect, key, value)
    {
        bool on_request = in_list(request_effects, key), on_launch = in_list(launch_effects, key);
        if (!on_request && !on_launch) {
            snprintf(error, error_size, "effect: unknown key \"%s\"", key);
            return false;
        }
        fault->on_request |= on_request;
        fault->on_launch |= on_launch;
    }
    if (fault->effect == NULL || json_object_size(fault->effect) == 0) {
        snprintf(error, error_size, "effect is missing or empty");
        return false;
    }
    return true;
}

int faults_add(struct world *world, const json_t *json, double base, char *error, size_t error_size)
{
    if (!scenario_keys_known(json, fault_keys, "fault", error, error_size) ||
        !scenario_keys_known(json_object_get(json, "match"), match_keys, "match", error, error_size))
        return -1;
    const json_t *times = json_object_get(json, "times");
    struct fault *fault = must_alloc(sizeof *fault);
    fault->from = base + scenario_number(json, "from", 0);
    fault->to = base + scenario_number(json, "to", HUGE_VAL);
    fault->probability = scenario_number(json, "probability", 1);
    fault->times = json_is_integer(times) ? (long)json_integer_value(times) : -1;
    fault->nth = (int)scenario_number(json, "nth", 0);
    fault->match = json_deep_copy(json_object_get(json, "match"));
    fault->effect = json_deep_copy(json_object_get(json, "effect"));
    if (!effects_known(fault, error, error_size)) {
        json_decref(fault->match);
        json_decref(fault->effect);
        free(fault);
        return -1;
    }
    world->faults = must_resize(world->faults, (world->fault_count + 1) * sizeof(struct fault *));
    world->faults[world->fault_count++] = fault;
    return fault->id = (int)world->fault_count;
}

void faults_end(struct world *world, int id)
{
    for (size_t i = 0; i < world->fault_count; i++)
        if (id == 0 || world->faults[i]->id == id)
            world->faults[i]->ended = true;
}

/* wanted: a text or a list of texts. */
static bool text_matches(const json_t *wanted, const char *text)
{
    if (text != NULL && json_is_string(wanted))
        return strcmp(json_string_value(wanted), text) == 0;
    return text != NULL && json_lists_word(wanted, text);
}

static bool subject_matches(const struct fault *fault, const struct subject *subject)
{
    if (fault->match == NULL)
        return true;
    for (size_t i = 0; i < sizeof match_texts / sizeof match_texts[0]; i++) {
        const json_t *wanted = json_object_get(fault->match, match_texts[i].key);
        const char *text = *(const char *const *)((const char *)subject + match_texts[i].offset);
        if (wanted != NULL && !text_matches(wanted, text))
            return false;
    }
    const json_t *page = json_object_get(fault->match, "page");
    return page == NULL || (int)json_number_value(page) == subject->page;
}

/* Counts the match, and says whether the fault strikes. */
static bool strikes(struct world *world, struct fault *fault, const struct subject *subject)
{
    if (fault->ended || fault->times == 0 || world->now < fault->from || world->now >= fault->to)
        return false;
    if (!subject_matches(fault, subject))
        return false;
    fault->seen++;
    if (fault->nth > 0 && fault->seen != fault->nth)
        return false;
    if (fault->probability < 1 && random_unit(&world->random_faults) >= fault->probability)
        return false;
    if (fault->times > 0)
        fault->times--;
    return true;
}

struct fault *faults_for_request(struct world *world, const struct subject *subject)
{
    for (size_t i = 0; i < world->fault_count; i++)
        if (world->faults[i]->on_request && strikes(world, world->faults[i], subject))
            return world->faults[i];
    return NULL;
}

static void kill_later(struct world *world, void *object, uint64_t stamp)
{
    const json_t *kill = json_object_get(world->faults[stamp]->effect, "killAfter");
    const char *reason = json_string_value(json_object_get(kill, "stateReason"));
    instance_kill(object, reason != NULL ? reason : "Server.InternalError");
}

static void mark(struct world *world, struct instance *instance, size_t index, struct spread *boot_time)
{
    const json_t *effect = world->faults[index]->effect;
    const json_t *kill = json_object_get(effect, "killAfter"), *boot = json_object_get(effect, "bootTime");
    double listed = world->now + scenario_number(effect, "listDelay", 0);
    double tagged = world->now + scenario_number(effect, "tagDelay", 0);
    instance->listed_from = fmax(instance->listed_from, listed);
    instance->tagged_from = fmax(instance->tagged_from, tagged);
    instance->never_claims |= json_is_true(json_object_get(effect, "neverClaim"));
    instance->stuck_pending |= json_is_true(json_object_get(effect, "stuckPending"));
    if (json_is_true(json_object_get(effect, "wrongMarket")))
        instance->market = MARKET_ON_DEMAND;
    if (boot != NULL)
        scenario_read_spread(boot, boot_time);
    if (kill != NULL)
        world_after(world, scenario_number(kill, "seconds", 0), kill_later, instance, index);
}

void faults_mark_launch(struct world *world, struct instance *instance, struct spread *boot_time)
{
    const struct launch *launch = instance->launch;
    struct subject subject = {
        .service = "ec2",
        .action = "RunInstances",
        .region = launch->region->name,
        .zone = launch->pool->zone,
        .instance_type = launch->type->name,
        .worker_type = launch->queue != NULL ? launch->queue->worker_type : NULL,
        .image_id = launch->image_id,
        .market = market_names[launch->market],
        .token = launch->token,
    };
    for (size_t i = 0; i < world->fault_count; i++)
        if (world->faults[i]->on_launch && strikes(world, world->faults[i], &subject))
            mark(world, instance, i, boot_time);
}
