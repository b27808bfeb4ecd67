/* SPDX-License-Identifier: MPL-2.0 */
/* health.c: a decaying score for each placement. Pure. Runs in: type worker. */
#include "worker/health.h"

#include <math.h>

#define DEARER_FOR_EACH 0.5
#define MOST_SCORE 8

static double score_now(const struct health_entry *entry, struct mono now)
{
    double half_lives = span_seconds(mono_since(entry->at, now)) / span_seconds(HEALTH_HALF_LIFE);
    return entry->score * exp2(-half_lives);
}

static struct health_entry *find_or_make(struct health *health, const struct placement *placement, struct mono now)
{
    size_t weakest = 0;
    for (size_t i = 0; i < health->count; i++) {
        if (placement_equal(&health->entries[i].placement, placement))
            return &health->entries[i];
        if (score_now(&health->entries[i], now) < score_now(&health->entries[weakest], now))
            weakest = i;
    }
    struct health_entry *entry =
        health->count < HEALTH_PLACEMENTS ? &health->entries[health->count++] : &health->entries[weakest];
    *entry = (struct health_entry){.placement = *placement, .at = now};
    return entry;
}

void health_failed(struct health *health, const struct placement *placement, struct mono now)
{
    struct health_entry *entry = find_or_make(health, placement, now);
    double score = score_now(entry, now) + 1;
    entry->score = score < MOST_SCORE ? score : MOST_SCORE;
    entry->at = now;
}

double health_factor(const struct health *health, const struct placement *placement, struct mono now)
{
    for (size_t i = 0; i < health->count; i++)
        if (placement_equal(&health->entries[i].placement, placement))
            return 1 + DEARER_FOR_EACH * score_now(&health->entries[i], now);
    return 1;
}
