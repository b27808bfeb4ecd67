/* SPDX-License-Identifier: MPL-2.0 */
/* denials.c: aggregates refusals by placement and cause. Pure; runs in the supervisor; owns nothing. */
#include "supervisor/denials.h"

#include <string.h>

static struct denial_entry *place_for(struct denial_list *list, const struct placement *placement, enum denial by)
{
    size_t oldest = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].by == by && placement_equal(&list->entries[i].placement, placement))
            return &list->entries[i];
        if (mono_before(list->entries[i].last, list->entries[oldest].last))
            oldest = i;
    }
    if (list->count < DENIALS_KEPT)
        oldest = list->count++;
    list->entries[oldest] = (struct denial_entry){.placement = *placement, .by = by};
    return &list->entries[oldest];
}

void denials_add(struct denial_list *list, const struct placement *placement, enum denial by, int64_t wanted,
                 int64_t granted, struct mono now, struct wall wall)
{
    struct denial_entry *entry = place_for(list, placement, by);

    entry->wanted = wanted;
    entry->granted = granted;
    entry->times++;
    entry->last = now;
    entry->last_wall = wall;
}

void denials_expire(struct denial_list *list, struct mono now)
{
    for (size_t i = list->count; i-- > 0;)
        if (mono_since(list->entries[i].last, now).us > DENIALS_AGE.us)
            list->entries[i] = list->entries[--list->count];
}

const struct denial_entry *denials_latest(const struct denial_list *list, struct span age, struct mono now)
{
    const struct denial_entry *latest = NULL;

    for (size_t i = 0; i < list->count; i++)
        if (mono_since(list->entries[i].last, now).us <= age.us &&
            (!latest || mono_before(latest->last, list->entries[i].last)))
            latest = &list->entries[i];
    return latest;
}
