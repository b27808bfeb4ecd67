/* SPDX-License-Identifier: MPL-2.0 */
/* plan_dead.c: which idle units are written off because tasks wait and nobody takes them.
 * Pure. Runs in: type worker.
 *
 * dead = the smallest max(0, idle - young) over the last `settle`, with at least three readings and pending > 0
 * throughout, else 0. A dead "idle" instance must not starve its own type; a broken image must not make the type grow
 * for ever (case B04): at most three instances are written off until work is next taken. What had been written off by
 * then stays so and three more may follow, since work that is taken proves that new instances do help. */
#include "worker/plan_parts.h"

#include <string.h>

static void forget(struct plan_memory *memory)
{
    memory->bucket_count = 0;
    memory->readings = 0;
    memory->first_reading = MONO_ZERO;
}

/* Drops buckets that ended before the window, i.e. whose successor began before it. */
static void drop_old(struct plan_memory *memory, struct mono window)
{
    size_t old = 0;
    while (old + 1 < memory->bucket_count && !mono_before(window, memory->buckets[old + 1].began))
        old++;
    memory->bucket_count -= old;
    memmove(memory->buckets, memory->buckets + old, memory->bucket_count * sizeof memory->buckets[0]);
}

static void add_reading(struct plan_memory *memory, struct mono at, struct span settle, int64_t value)
{
    struct plan_bucket *last = memory->bucket_count ? &memory->buckets[memory->bucket_count - 1] : NULL;
    bool full = memory->bucket_count == PLAN_BUCKETS;
    if (last && (full || mono_since(last->began, at).us < settle.us / (PLAN_BUCKETS - 2))) {
        if (value < last->least)
            last->least = value;
    } else {
        memory->buckets[memory->bucket_count++] = (struct plan_bucket){at, value};
    }
    if (memory->readings++ == 0)
        memory->first_reading = at;
    memory->last_reading = at;
}

static int64_t least_of(const struct plan_memory *memory, int64_t start)
{
    int64_t least = start;
    for (size_t i = 0; i < memory->bucket_count; i++)
        if (memory->buckets[i].least < least)
            least = memory->buckets[i].least;
    return least;
}

int64_t plan_dead_units(struct plan_memory *memory, const struct plan_input *input, int64_t pending, int64_t idle)
{
    int64_t surplus = idle > input->supply.young ? idle - input->supply.young : 0;
    struct mono window = mono_sub(input->now, input->type.settle);

    if (memory->work_taken != input->supply.work_taken) {
        memory->work_taken = input->supply.work_taken;
        memory->dead_base = memory->dead;
    }
    if (pending <= 0) {
        forget(memory);
        memory->dead = 0;
        return 0;
    }
    drop_old(memory, window);
    if (memory->readings == 0 || mono_before(memory->last_reading, input->demand.seen))
        add_reading(memory, input->demand.seen, input->type.settle, surplus);

    bool covered = memory->readings >= PLAN_LEAST_READINGS && !mono_before(window, memory->first_reading);
    int64_t dead = covered ? least_of(memory, surplus) : 0;
    int64_t most = memory->dead_base + PLAN_MOST_DEAD_INSTANCES * input->type.largest_capacity;
    memory->dead = dead < most ? dead : most;
    return memory->dead;
}
