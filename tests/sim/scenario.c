/* SPDX-License-Identifier: MPL-2.0 */
/* Reads a scenario: one table of top-level keys, each with the function that applies it.
 * Regions, types and images are in scenario_regions.c, arrivals in arrivals.c. */
#include "scenario.h"

#include "faults.h"
#include "journal.h"
#include "memory.h"
#include "world.h"

#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool scenario_keys_known(const json_t *object, const char *const *keys, const char *what, char *error,
                         size_t error_size)
{
    if (object != NULL && !json_is_object(object)) {
        snprintf(error, error_size, "%s: must be an object", what);
        return false;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *const *known = keys;
        while (*known != NULL && strcmp(*known, key) != 0)
            known++;
        if (*known == NULL) {
            snprintf(error, error_size, "%s: unknown key \"%s\"", what, key);
            return false;
        }
    }
    return true;
}

double scenario_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool scenario_read_spread(const json_t *value, struct spread *out)
{
    const json_t *fixed = json_object_get(value, "fixed"), *mean = json_object_get(value, "mean");
    const json_t *low = json_object_get(value, "min"), *high = json_object_get(value, "max");
    if (json_is_number(value))
        *out = (struct spread){SPREAD_FIXED, json_number_value(value), 0};
    else if (json_is_number(fixed))
        *out = (struct spread){SPREAD_FIXED, json_number_value(fixed), 0};
    else if (json_is_number(mean))
        *out = (struct spread){SPREAD_EXPONENTIAL, json_number_value(mean), 0};
    else if (json_is_number(low) && json_is_number(high))
        *out = (struct spread){SPREAD_UNIFORM, json_number_value(low), json_number_value(high)};
    else
        return false;
    return true;
}

static bool wrong(char *error, const char *key, const char *wanted)
{
    snprintf(error, SCENARIO_ERROR_SIZE, "%s: must be %s", key, wanted);
    return false;
}

static const char *const worker_keys[] = {
    "bootTime",   "firstClaimAfter",   "idleAfter", "shutdownTime", "terminatedListedFor",
    "neverClaim", "needsRegistration", NULL};

static void overlay_workers(struct worker_settings *settings, const json_t *json)
{
    static const struct {
        const char *key;
        size_t offset;
    } spreads[] = {{"bootTime", offsetof(struct worker_settings, boot_time)},
                   {"firstClaimAfter", offsetof(struct worker_settings, first_claim_after)},
                   {"shutdownTime", offsetof(struct worker_settings, shutdown_time)}};
    for (size_t i = 0; i < sizeof spreads / sizeof spreads[0]; i++)
        scenario_read_spread(json_object_get(json, spreads[i].key),
                             (struct spread *)((char *)settings + spreads[i].offset));
    settings->idle_after = scenario_number(json, "idleAfter", settings->idle_after);
    settings->terminated_listed_for = scenario_number(json, "terminatedListedFor", settings->terminated_listed_for);
    if (json_object_get(json, "neverClaim") != NULL)
        settings->never_claim = json_is_true(json_object_get(json, "neverClaim"));
    if (json_object_get(json, "needsRegistration") != NULL)
        settings->needs_registration = json_is_true(json_object_get(json, "needsRegistration"));
}

void scenario_settle_workers(struct world *world, struct queue *queue)
{
    struct worker_settings *settings = queue != NULL ? &queue->workers : &world->untyped_workers;
    *settings = (struct worker_settings){.boot_time = {SPREAD_FIXED, 30, 0},
                                         .first_claim_after = {SPREAD_FIXED, 30, 0},
                                         .shutdown_time = {SPREAD_FIXED, 20, 0},
                                         .idle_after = 900,
                                         .terminated_listed_for = 3600};
    overlay_workers(settings, world->workers);
    if (queue != NULL)
        overlay_workers(settings, queue->worker_overrides);
}

static bool apply_workers(struct world *world, const json_t *value, char *error)
{
    if (!scenario_keys_known(value, worker_keys, "workers", error, SCENARIO_ERROR_SIZE))
        return false;
    json_object_update(world->workers, (json_t *)value);
    scenario_settle_workers(world, NULL);
    for (size_t i = 0; i < world->queues.count; i++)
        scenario_settle_workers(world, world->queues.entries[i].value);
    return true;
}

static bool apply_queue(struct world *world, const char *name, const json_t *value, char *error)
{
    static const char *const keys[] = {"provisionerId", "capacity", "arrivals", "workers", "clear", "comment", NULL};
    char what[128];
    snprintf(what, sizeof what, "queues.%s", name);
    if (!scenario_keys_known(value, keys, what, error, SCENARIO_ERROR_SIZE) ||
        !scenario_keys_known(json_object_get(value, "workers"), worker_keys, what, error, SCENARIO_ERROR_SIZE))
        return false;
    const char *provisioner = json_string_value(json_object_get(value, "provisionerId"));
    struct queue *queue = table_get(&world->types, name);
    if (queue == NULL)
        queue = queue_create(world, provisioner != NULL ? provisioner : world->provisioner_id, name);
    queue->capacity = (int)scenario_number(value, "capacity", queue->capacity);
    if (json_object_get(value, "workers") != NULL) {
        if (queue->worker_overrides == NULL)
            queue->worker_overrides = json_object();
        json_object_update(queue->worker_overrides, json_object_get(value, "workers"));
        scenario_settle_workers(world, queue);
    }
    if (json_is_true(json_object_get(value, "clear")))
        queue_clear(queue);
    size_t i;
    json_t *arrival;
    json_array_foreach(json_object_get(value, "arrivals"), i, arrival)
    {
        if (!arrivals_start(queue, arrival, error))
            return false;
    }
    return true;
}

static bool apply_queues(struct world *world, const json_t *value, char *error)
{
    const char *name;
    json_t *queue;
    json_object_foreach((json_t *)value, name, queue)
    {
        if (!apply_queue(world, name, queue, error))
            return false;
    }
    return true;
}

static bool apply_throttle(struct world *world, const json_t *value, char *error)
{
    static const char *const names[BUCKET_COUNT] = {"none", "describe", "runRequests", "runInstances", "terminate"};
    static const char *const keys[] = {"describe", "runRequests", "runInstances", "terminate", NULL};
    world->throttle = !json_is_false(value);
    if (json_is_boolean(value))
        return true;
    if (!scenario_keys_known(value, keys, "throttle", error, SCENARIO_ERROR_SIZE))
        return false;
    for (int kind = 0; kind < BUCKET_COUNT; kind++) {
        const json_t *rate = json_object_get(value, names[kind]);
        struct bucket_rate *bucket = &world->bucket_rates[kind];
        bucket->burst = scenario_number(rate, "burst", bucket->burst);
        bucket->refill = scenario_number(rate, "refill", bucket->refill);
    }
    return true;
}

static bool apply_faults(struct world *world, const json_t *value, char *error)
{
    size_t i;
    json_t *fault;
    json_array_foreach(value, i, fault)
    {
        if (faults_add(world, fault, world->now, error, SCENARIO_ERROR_SIZE) < 0)
            return false;
    }
    return true;
}

static void event_due(struct world *world, void *object, uint64_t stamp)
{
    char error[SCENARIO_ERROR_SIZE];
    json_t *set = object;
    (void)stamp;
    if (!scenario_apply(world, set, error))
        fprintf(stderr, "simcloud: event at %.1f s: %s\n", world->now, error);
    json_t *keys = json_array();
    const char *key;
    json_t *value;
    json_object_foreach(set, key, value)
    {
        json_array_append_new(keys, json_string(key));
    }
    journal_write(world, "event", json_pack("{s:o}", "set", keys));
    json_decref(set);
}

static bool apply_events(struct world *world, const json_t *value, char *error)
{
    static const char *const keys[] = {"at", "set", "comment", NULL};
    size_t i;
    json_t *event;
    json_array_foreach(value, i, event)
    {
        if (!scenario_keys_known(event, keys, "events", error, SCENARIO_ERROR_SIZE))
            return false;
        if (!json_is_object(json_object_get(event, "set")))
            return wrong(error, "events", "a list of {at, set}");
        world_after(world, scenario_number(event, "at", 0), event_due, json_deep_copy(json_object_get(event, "set")),
                    0);
    }
    return true;
}

static bool apply_hawk_hint(struct world *world, const json_t *value, char *error)
{
    (void)error;
    world->hawk_hint_forged = json_is_string(value) && strcmp(json_string_value(value), "forged") == 0;
    world->hawk_hint = world->hawk_hint_forged || json_is_true(value);
    return true;
}

static bool apply_timestamps(struct world *world, const json_t *value, char *error)
{
    const char *word = json_string_value(value);
    if (word == NULL || (strcmp(word, "real") != 0 && strcmp(word, "simulated") != 0))
        return wrong(error, "timestamps", "\"real\" or \"simulated\"");
    world->simulated_timestamps = strcmp(word, "simulated") == 0;
    return true;
}

static bool apply_speed(struct world *world, const json_t *value, char *error)
{
    if (!json_is_number(value) || json_number_value(value) <= 0)
        return wrong(error, "speed", "a number above 0");
    clock_set_speed(world, json_number_value(value));
    return true;
}

static bool apply_latency(struct world *world, const json_t *value, char *error)
{
    if (!json_is_number(value) && !json_is_object(value))
        return wrong(error, "latencyMs", "a number or an object");
    json_decref(world->latency);
    world->latency = json_deep_copy(value);
    return true;
}

static bool apply_routes(struct world *world, const json_t *value, char *error)
{
    static const char *const keys[] = {"counts", "pendingCount", "pending", "claimed", NULL};
    if (!scenario_keys_known(value, keys, "routes", error, SCENARIO_ERROR_SIZE))
        return false;
    return json_object_update(world->routes, (json_t *)value) == 0;
}

#define NUMBER_SETTING(name, field)                                                                                    \
    static bool apply_##field(struct world *world, const json_t *value, char *error)                                   \
    {                                                                                                                  \
        if (!json_is_number(value))                                                                                    \
            return wrong(error, name, "a number");                                                                     \
        world->field = json_number_value(value);                                                                       \
        return true;                                                                                                   \
    }
#define TEXT_SETTING(name, field)                                                                                      \
    static bool apply_##field(struct world *world, const json_t *value, char *error)                                   \
    {                                                                                                                  \
        if (!json_is_string(value))                                                                                    \
            return wrong(error, name, "a text");                                                                       \
        must_replace(&world->field, json_string_value(value));                                                         \
        return true;                                                                                                   \
    }
#define BOOL_SETTING(name, field)                                                                                      \
    static bool apply_##field(struct world *world, const json_t *value, char *error)                                   \
    {                                                                                                                  \
        if (!json_is_boolean(value))                                                                                   \
            return wrong(error, name, "true or false");                                                                \
        world->field = json_is_true(value);                                                                            \
        return true;                                                                                                   \
    }
NUMBER_SETTING("clockOffset", clock_offset)
NUMBER_SETTING("countsCacheAge", counts_cache_age)
NUMBER_SETTING("claimExpiry", claim_expiry)
TEXT_SETTING("provisionerId", provisioner_id)
TEXT_SETTING("accountId", account_id)
BOOL_SETTING("checkSignatures", check_signatures)
BOOL_SETTING("sendDate", send_date)
BOOL_SETTING("journalReads", journal_reads)
BOOL_SETTING("journalTasks", journal_tasks)

static bool apply_nothing(struct world *world, const json_t *value, char *error)
{
    (void)world, (void)value, (void)error;
    return true;
}

/* In the order in which they are applied: what others refer to comes first. */
static const struct {
    const char *key;
    bool (*apply)(struct world *, const json_t *, char *);
} settings[] = {
    {"comment", apply_nothing},
    {"seed", apply_nothing}, /* read before anything else */
    {"speed", apply_speed},
    {"timestamps", apply_timestamps},
    {"clockOffset", apply_clock_offset},
    {"provisionerId", apply_provisioner_id},
    {"accountId", apply_account_id},
    {"credentials", scenario_apply_credentials},
    {"clients", scenario_apply_clients},
    {"checkSignatures", apply_check_signatures},
    {"sendDate", apply_send_date},
    {"throttle", apply_throttle},
    {"latencyMs", apply_latency},
    {"countsCacheAge", apply_counts_cache_age},
    {"routes", apply_routes},
    {"hawkTimestampHint", apply_hawk_hint},
    {"claimExpiry", apply_claim_expiry},
    {"journalReads", apply_journal_reads},
    {"journalTasks", apply_journal_tasks},
    {"instanceTypes", scenario_apply_types},
    {"images", scenario_apply_images},
    {"regions", scenario_apply_regions},
    {"workers", apply_workers},
    {"queues", apply_queues},
    {"faults", apply_faults},
    {"events", apply_events},
};
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

bool scenario_apply(struct world *world, const json_t *set, char *error)
{
    const char *keys[SETTING_COUNT + 1] = {NULL};
    for (size_t i = 0; i < SETTING_COUNT; i++)
        keys[i] = settings[i].key;
    if (!scenario_keys_known(set, keys, "scenario", error, SCENARIO_ERROR_SIZE))
        return false;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const json_t *value = json_object_get(set, settings[i].key);
        if (value != NULL && !settings[i].apply(world, value, error))
            return false;
    }
    return true;
}

static void seed_streams(struct world *world)
{
    random_seed(&world->random_ids, world->seed, "ids");
    random_seed(&world->random_launch, world->seed, "launch");
    random_seed(&world->random_claims, world->seed, "claims");
    random_seed(&world->random_faults, world->seed, "faults");
    random_seed(&world->random_latency, world->seed, "latency");
}

/* What a scenario that says nothing of it gets. */
static void add_missing(struct world *world, const json_t *scenario)
{
    char ignored[SCENARIO_ERROR_SIZE];
    json_t *defaults = json_pack("{s:[{s:s, s:s}], s:[{s:s, s:s, s:[s]}], s:[s, s]}", "credentials", "accessKeyId",
                                 "AKIASIMCLOUD00000001", "secretAccessKey", "simcloud-secret-access-key", "clients",
                                 "clientId", "simcloud", "accessToken", "simcloud-access-token", "scopes", "*",
                                 "regions", "us-east-1", "us-west-2");
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(defaults, next, key, value)
    {
        if (json_object_get(scenario, key) != NULL)
            json_object_del(defaults, key);
    }
    scenario_apply(world, defaults, ignored);
    json_decref(defaults);
}

int scenario_load(struct world *world, const char *path, char *error)
{
    json_error_t problem;
    json_t *scenario = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (scenario == NULL) {
        snprintf(error, SCENARIO_ERROR_SIZE, "line %d: %.*s", problem.line, 200, problem.text);
        return -1;
    }
    char *copy = must_copy(path);
    world->scenario_directory = must_copy(dirname(copy));
    free(copy);
    if (world->seed == 0)
        world->seed = (uint64_t)scenario_number(scenario, "seed", 1);
    seed_streams(world);
    scenario_settle_workers(world, NULL);
    add_missing(world, scenario);
    bool fine = scenario_apply(world, scenario, error);
    json_decref(scenario);
    return fine ? 0 : -1;
}
