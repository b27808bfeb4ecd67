/* SPDX-License-Identifier: MPL-2.0 */
/* policy_comparison.c: policy_comparison TRACES CAP...: one day of the seven Firefox CI pools through the real arbiter,
 * once for each policy and each global cap; prints a table in Markdown (docs/policy.md says what follows from it).
 * Runs in: a command line (make policies). Owns: its simulated fleet. No network, no clock: the same every time.
 *
 * Around the arbiter there is only what its choice needs: a bid every second for what waits and is not yet booting, an
 * instance that boots for a minute, serves one task at a time and ends itself after 15 idle minutes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/arbiter.h"

#define POOLS 7
#define DAY 86400
#define TICK 10
#define BOOT 60
#define IDLE_LIMIT 900
#define MOST_UNITS 4096
#define PRICE MONEY(100000)

static const char *const names[POOLS] = {"gecko-3-b-linux",    "gecko-t-t-linux-large", "gecko-t-t-linux-metal",
                                         "gecko-t-t-win10-64", "mobile-1-decision",     "mobile-3-b-linux-large",
                                         "mobile-3-decision"}; /* sorted, as the arbiter wants them */
static const char *const policies[] = {"round-robin", "logarithmic", "probability", "lag"};

struct task {
    int64_t arrival, duration; /* s */
};

struct instance {
    int64_t free_at; /* when it can take its next task; it idles from then on */
    bool booting;
};

struct pool {
    struct task *tasks;
    size_t task_count, arrived, begun; /* tasks are begun in the order of their arrival */
    int64_t *waits;                    /* s, of those begun */
    struct instance instances[MOST_UNITS];
    size_t count, booting;
    int64_t instance_seconds;
};

struct day {
    struct pool pools[POOLS];
    struct arbiter *arbiter;
    struct arbiter_settings settings;
    struct arbiter_region region;
    struct arbiter_type types[POOLS];
    struct arbiter_lot lots[POOLS];
    int64_t grants;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        abort();
    return memory;
}

/* Records of 8 bytes: arrival and duration in ms, big-endian. */
static int64_t seconds_at(const unsigned char *bytes)
{
    return (((int64_t)bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) / 1000;
}

static bool read_trace(const char *folder, const char *name, struct pool *pool)
{
    char path[4096];
    unsigned char record[8];

    (void)text_format(path, sizeof path, "%s/%s.dat", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    pool->tasks = allocate(200000, sizeof pool->tasks[0]);
    while (pool->task_count < 200000 && fread(record, sizeof record, 1, file) == 1 && seconds_at(record) < DAY)
        pool->tasks[pool->task_count++] = (struct task){seconds_at(record), 1 + seconds_at(record + 4)};
    fclose(file);
    pool->waits = allocate(pool->task_count + 1, sizeof pool->waits[0]);
    return pool->task_count > 0;
}

/* ---- one second of a pool ---- */

static void end_idle(struct pool *pool, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < pool->count; i++)
        if (now - pool->instances[i].free_at < IDLE_LIMIT)
            pool->instances[kept++] = pool->instances[i];
    pool->count = kept;
}

static void serve(struct pool *pool, int64_t now)
{
    while (pool->arrived < pool->task_count && pool->tasks[pool->arrived].arrival <= now)
        pool->arrived++;
    for (size_t i = 0; i < pool->count; i++) {
        struct instance *instance = &pool->instances[i];
        if (instance->free_at > now)
            continue;
        pool->booting -= instance->booting;
        instance->booting = false;
        if (pool->begun == pool->arrived)
            continue;
        const struct task *task = &pool->tasks[pool->begun];
        pool->waits[pool->begun++] = now - task->arrival;
        instance->free_at = now + task->duration;
    }
    end_idle(pool, now);
    pool->instance_seconds += (int64_t)pool->count;
}

/* ---- the decision ---- */

static void lay_out(struct day *day, int64_t now)
{
    for (size_t i = 0; i < POOLS; i++) {
        const struct pool *pool = &day->pools[i];
        struct arbiter_type *type = &day->types[i];
        type->held_units = type->held_instances = type->serving_units = (int64_t)pool->count;
        type->held_cost = money_times(PRICE, type->held_units);
        type->pending = (int64_t)(pool->arrived - pool->begun);
        type->units = type->pending - (int64_t)pool->booting;
        type->bids = type->units > 0;
        type->number++;
        type->seen = day->grants;
        type->lag = SPAN_SECONDS(type->pending > 0 ? now - pool->tasks[pool->begun].arrival : 0);
        day->lots[i].count = type->bids ? type->units : 0;
    }
}

static void decide(struct day *day, int64_t now)
{
    struct arbiter_output out;

    lay_out(day, now);
    struct arbiter_input input = {.now = {.us = 1000000000 + now * 1000000},
                                  .settings = &day->settings,
                                  .regions = &day->region,
                                  .region_count = 1,
                                  .types = day->types,
                                  .type_count = POOLS};
    arbiter_step(day->arbiter, &input, &out);
    for (size_t i = 0; i < out.grant_count; i++) {
        struct pool *pool = &day->pools[out.grants[i].type];
        day->grants++;
        for (int64_t n = 0; n < out.grants[i].count && pool->count < MOST_UNITS; n++, pool->booting++)
            pool->instances[pool->count++] = (struct instance){now + BOOT, true};
    }
    arbiter_output_clear(&out);
}

/* ---- a day ---- */

static void begin(struct day *day, enum policy policy, int64_t cap)
{
    day->arbiter = arbiter_create();
    day->grants = 0;
    day->settings = (struct arbiter_settings){
        .max_units = cap,
        .max_instances = cap,
        .headroom_percent = -1,
        .lot_max = 10,
        .leases_per_region = 4,
        .money = {.hourly = MONEY_MAX, .daily = MONEY_MAX, .daily_horizon = SPAN_SECONDS(3600)},
        .lease_share = 10,
        .policy = policy,
        .seed = 1,
        .launch_share = 0.8,
        .calls_refill = 2,
        .instances_refill = 2,
        .calls_depth = 5,
        .instances_depth = 1000,
        .tick = SPAN_SECONDS(TICK)};
    (void)text_copy(day->region.name, NAME_SIZE, "us-east-1");
    for (size_t i = 0; i < POOLS; i++) {
        struct pool *pool = &day->pools[i];
        pool->arrived = pool->begun = pool->count = pool->booting = 0;
        pool->instance_seconds = 0;
        day->lots[i] =
            (struct arbiter_lot){.capacity = 1, .max_price = PRICE, .spec_hash = "spec", .canary_room = INT64_MAX};
        (void)text_copy(day->lots[i].placement.region, NAME_SIZE, "us-east-1");
        day->types[i] = (struct arbiter_type){
            .max_units = cap, .largest_capacity = 1, .max_price = PRICE, .lots = &day->lots[i], .lot_count = 1};
        (void)text_copy(day->types[i].name, NAME_SIZE, names[i]);
    }
}

static void pass(struct day *day)
{
    for (int64_t now = 0; now < DAY; now++) {
        for (size_t i = 0; i < POOLS; i++)
            serve(&day->pools[i], now);
        decide(day, now);
    }
    arbiter_destroy(&day->arbiter);
}

/* ---- what is told ---- */

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* Tasks that were not begun have waited until the end of the day, at least. */
static int64_t wait_at(struct pool *pool, double share)
{
    for (size_t i = pool->begun; i < pool->task_count; i++)
        pool->waits[i] = DAY - pool->tasks[i].arrival;
    qsort(pool->waits, pool->task_count, sizeof pool->waits[0], by_size);
    return pool->waits[(size_t)(share * (double)(pool->task_count - 1))];
}

static void tell(struct day *day, enum policy policy)
{
    int64_t waited = 0, tasks = 0, left = 0, hours = 0;

    printf("| %s |", policies[policy]);
    for (size_t i = 0; i < POOLS; i++) {
        struct pool *pool = &day->pools[i];
        printf(" %" PRId64 " |", wait_at(pool, 0.95));
        for (size_t task = 0; task < pool->task_count; task++)
            waited += pool->waits[task];
        tasks += (int64_t)pool->task_count;
        left += (int64_t)(pool->task_count - pool->begun);
        hours += pool->instance_seconds / 3600;
    }
    printf(" %" PRId64 " | %" PRId64 " | %" PRId64 " |\n", waited / tasks, left, hours);
}

static void compare(struct day *day, int64_t cap)
{
    printf("\nGlobal cap %" PRId64 " units:\n\n| policy |", cap);
    for (size_t i = 0; i < POOLS; i++)
        printf(" %s p95 s |", names[i]);
    printf(" mean wait s | not begun at the end | instance hours |\n| --- |");
    for (size_t i = 0; i < POOLS + 3; i++)
        printf(" --- |");
    printf("\n");
    for (enum policy policy = POLICY_ROUND_ROBIN; policy <= POLICY_LAG; policy++) {
        begin(day, policy, cap);
        pass(day);
        tell(day, policy);
    }
}

int main(int argc, char **argv)
{
    struct day *day;

    if (argc < 3) {
        fprintf(stderr, "usage: policy_comparison TRACES CAP...\n");
        return 2;
    }
    day = allocate(1, sizeof *day);
    for (size_t i = 0; i < POOLS; i++)
        if (!read_trace(argv[1], names[i], &day->pools[i])) {
            fprintf(stderr, "policy_comparison: %s/%s.dat cannot be read\n", argv[1], names[i]);
            exit(2);
        }
    for (int i = 2; i < argc; i++)
        compare(day, strtoll(argv[i], NULL, 10));
    for (size_t i = 0; i < POOLS; i++) {
        free(day->pools[i].tasks);
        free(day->pools[i].waits);
    }
    free(day);
    return 0;
}
