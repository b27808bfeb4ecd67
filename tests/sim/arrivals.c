/* SPDX-License-Identifier: MPL-2.0 */
/* Generators of tasks: fixed, burst, poisson, every, trace. Each keeps one event in the
 * schedule, its next arrival, and its own stream of random numbers. */
#include "scenario.h"

#include "memory.h"
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One record of a trace file, both numbers big-endian milliseconds. */
struct trace_record {
    uint32_t arrival, duration;
};

struct generator {
    struct queue *queue;
    int epoch;
    struct random_stream random;
    struct spread duration;
    double until; /* simulated seconds */
    double rate;  /* poisson: tasks a second */
    double interval;
    int tasks;
    struct trace_record *records;
    size_t record_count, next_record;
    double offset, scale; /* of a trace */
};

static const char *const arrival_keys[] = {"kind", "pending", "tasks", "duration", "at",      "perHour", "seconds",
                                           "from", "to",      "file",  "scale",    "comment", NULL};

static void add_tasks(struct generator *generator, int count)
{
    for (int i = 0; i < count; i++)
        queue_add_task(generator->queue, random_spread(&generator->random, &generator->duration));
}

static bool ended(const struct world *world, const struct generator *generator)
{
    return generator->epoch < generator->queue->generator_epoch || world->now >= generator->until;
}

static void burst(struct world *world, void *object, uint64_t stamp)
{
    struct generator *generator = object;
    (void)stamp;
    if (!ended(world, generator))
        add_tasks(generator, generator->tasks);
    free(generator);
}

static void every(struct world *world, void *object, uint64_t stamp)
{
    struct generator *generator = object;
    (void)stamp;
    if (ended(world, generator)) {
        free(generator);
        return;
    }
    add_tasks(generator, generator->tasks);
    world_after(world, generator->interval, every, generator, 0);
}

/* stamp 1: a task arrives now; 0: only the next arrival is to be drawn. */
static void poisson(struct world *world, void *object, uint64_t stamp)
{
    struct generator *generator = object;
    if (ended(world, generator)) {
        free(generator);
        return;
    }
    if (stamp == 1)
        add_tasks(generator, 1);
    world_after(world, random_exponential(&generator->random, 1 / generator->rate), poisson, generator, 1);
}

/* A scale of 2.5 makes two or three tasks of each record. */
static int scaled_count(struct generator *generator)
{
    double whole = floor(generator->scale);
    bool one_more = random_unit(&generator->random) < generator->scale - whole;
    return (int)whole + (one_more ? 1 : 0);
}

static void trace(struct world *world, void *object, uint64_t stamp)
{
    struct generator *generator = object;
    (void)stamp;
    while (generator->next_record < generator->record_count) {
        const struct trace_record *record = &generator->records[generator->next_record];
        double due = ntohl(record->arrival) / 1000.0 + generator->offset;
        if (ended(world, generator))
            break;
        if (due > world->now) {
            world_after(world, due - world->now, trace, generator, 0);
            return;
        }
        generator->next_record++;
        for (int count = scaled_count(generator); count > 0; count--)
            queue_add_task(generator->queue, ntohl(record->duration) / 1000.0);
    }
    free(generator->records);
    free(generator);
}

static FILE *open_trace(const struct world *world, const char *name)
{
    char *beside = name[0] == '/' ? must_copy(name) : must_format("%s/%s", world->scenario_directory, name);
    FILE *file = fopen(beside, "rb");
    free(beside);
    if (file == NULL)
        file = fopen(name, "rb");
    return file;
}

/* Keeps only the records of the wanted part of the file. */
static bool read_trace(struct generator *generator, const json_t *json, char *error)
{
    const char *name = json_string_value(json_object_get(json, "file"));
    FILE *file = name != NULL ? open_trace(generator->queue->world, name) : NULL;
    if (file == NULL) {
        snprintf(error, SCENARIO_ERROR_SIZE, "trace %.150s: %s", name != NULL ? name : "(no file)",
                 name != NULL ? strerror(errno) : "is missing");
        return false;
    }
    double from = scenario_number(json, "from", 0), to = scenario_number(json, "to", HUGE_VAL);
    size_t room = 0;
    struct trace_record record;
    while (fread(&record, sizeof record, 1, file) == 1) {
        double arrival = ntohl(record.arrival) / 1000.0;
        if (arrival < from || arrival >= to)
            continue;
        if (generator->record_count == room) {
            room = room > 0 ? room * 2 : 1024;
            generator->records = must_resize(generator->records, room * sizeof record);
        }
        generator->records[generator->record_count++] = record;
    }
    fclose(file);
    generator->offset = generator->queue->world->now + scenario_number(json, "at", 0) - from;
    generator->scale = scenario_number(json, "scale", 1);
    generator->until = HUGE_VAL;
    return true;
}

static bool missing(char *error, const char *kind, const char *key)
{
    snprintf(error, SCENARIO_ERROR_SIZE, "arrivals of kind %s need \"%s\"", kind, key);
    return false;
}

static bool start_kind(struct generator *generator, const char *kind, const json_t *json, char *error)
{
    struct world *world = generator->queue->world;
    double from = scenario_number(json, "from", 0), at = scenario_number(json, "at", 0);
    if (strcmp(kind, "trace") == 0) {
        if (!read_trace(generator, json, error))
            return false;
        world_after(world, 0, trace, generator, 0);
    } else if (!scenario_read_spread(json_object_get(json, "duration"), &generator->duration)) {
        return missing(error, kind, "duration");
    } else if (strcmp(kind, "fixed") == 0) {
        generator->tasks = (int)scenario_number(json, "pending", generator->tasks);
        world_after(world, 0, burst, generator, 0);
    } else if (strcmp(kind, "burst") == 0) {
        world_after(world, at, burst, generator, 0);
    } else if (strcmp(kind, "every") == 0) {
        generator->interval = scenario_number(json, "seconds", 0);
        if (generator->interval <= 0)
            return missing(error, kind, "seconds");
        world_after(world, from, every, generator, 0);
    } else if (strcmp(kind, "poisson") == 0) {
        generator->rate = scenario_number(json, "perHour", 0) / 3600;
        if (generator->rate <= 0)
            return missing(error, kind, "perHour");
        world_after(world, from, poisson, generator, 0);
    } else {
        snprintf(error, SCENARIO_ERROR_SIZE, "arrivals: unknown kind \"%.100s\"", kind);
        return false;
    }
    return true;
}

bool arrivals_start(struct queue *queue, const json_t *json, char *error)
{
    struct world *world = queue->world;
    const char *kind = json_string_value(json_object_get(json, "kind"));
    if (!scenario_keys_known(json, arrival_keys, "arrivals", error, SCENARIO_ERROR_SIZE))
        return false;
    if (kind == NULL)
        return missing(error, "?", "kind");
    struct generator *generator = must_alloc(sizeof *generator);
    char purpose[160];
    snprintf(purpose, sizeof purpose, "arrivals %s %llu", queue->worker_type,
             (unsigned long long)++world->generators_started);
    random_seed(&generator->random, world->seed, purpose);
    generator->queue = queue;
    generator->epoch = queue->generator_epoch;
    generator->until = world->now + scenario_number(json, "to", HUGE_VAL);
    generator->tasks = (int)scenario_number(json, "tasks", 1);
    if (start_kind(generator, kind, json, error))
        return true;
    free(generator->records);
    free(generator);
    return false;
}
