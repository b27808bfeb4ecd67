/* SPDX-License-Identifier: MPL-2.0 */
/* Creates the world with its defaults and turns its clock. See world.h. */
#include "world.h"

#include "memory.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static void set_default_rates(struct world *world)
{
    world->bucket_rates[BUCKET_DESCRIBE] = (struct bucket_rate){100, 20};
    world->bucket_rates[BUCKET_RUN_REQUESTS] = (struct bucket_rate){5, 2};
    world->bucket_rates[BUCKET_RUN_INSTANCES] = (struct bucket_rate){1000, 2};
    world->bucket_rates[BUCKET_TERMINATE] = (struct bucket_rate){1000, 20};
}

struct world *world_create(void)
{
    struct world *world = must_alloc(sizeof *world);
    world->speed = 1;
    world->seed = 1;
    world->start_wall = clock_wall();
    world->provisioner_id = must_copy("sim");
    world->account_id = must_copy("123456789012");
    world->check_signatures = world->send_date = world->throttle = true;
    world->journal_reads = world->journal_tasks = true;
    world->claim_expiry = 1200;
    world->workers = json_object();
    world->routes = json_object();
    world->latency = json_integer(0);
    world->request_counts = json_object();
    set_default_rates(world);
    catalogue_add_defaults(world);
    return world;
}

double clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double clock_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double clock_server_wall(const struct world *world)
{
    return clock_wall() + world->clock_offset;
}

double clock_timestamp(const struct world *world)
{
    return world->simulated_timestamps ? world->start_wall + world->now : clock_wall();
}

void clock_start(struct world *world)
{
    world->base_monotonic = clock_monotonic();
    world->base_simulated = 0;
}

void clock_set_speed(struct world *world, double speed)
{
    world->base_simulated = world->now;
    world->base_monotonic = clock_monotonic();
    world->speed = speed;
}

void clock_update(struct world *world)
{
    double target = world->base_simulated + (clock_monotonic() - world->base_monotonic) * world->speed;
    struct schedule_entry entry;
    while (schedule_take_due(&world->events, target, &entry)) {
        world->now = fmax(world->now, entry.at);
        entry.action(world, entry.object, entry.stamp);
    }
    world->now = fmax(world->now, target);
}

double clock_real_delay(const struct world *world)
{
    return fmax(0, (schedule_next(&world->events) - world->now) / world->speed);
}

void clock_format(double wall, char out[32])
{
    time_t seconds = (time_t)floor(wall);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, 32, "%s.%03dZ", date, (int)((wall - floor(wall)) * 1000) % 1000);
}

void world_after(struct world *world, double delay, schedule_action *action, void *object, uint64_t stamp)
{
    schedule_add(&world->events, world->now + fmax(0, delay), action, object, stamp);
}

void world_new_id(struct world *world, const char *prefix, char out[24])
{
    snprintf(out, 24, "%s-0%016llx", prefix, (unsigned long long)random_bits(&world->random_ids));
}
