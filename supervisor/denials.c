/* SPDX-License-Identifier: MPL-2.0 */
/* denials.c: aggregates refusals by placement and cause. Pure; runs in the supervisor; owns nothing. */
#include "supervisor/denials.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

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

struct denial_entry *denials_add(struct denial_list *list, const struct placement *placement, enum denial by,
                                 int64_t wanted, int64_t granted, const struct denial_time *time)
{
    struct denial_entry *entry = place_for(list, placement, by);

    if (entry->times == 0 || mono_since(entry->last, time->now).us > time->pause.us) {
        entry->times++;
        entry->since_wall = time->wall;
    }
    entry->wanted = wanted;
    entry->granted = granted;
    entry->last = time->now;
    entry->last_wall = time->wall;
    return entry;
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

/* ---- in one line ---- */

struct cause {
    enum denial by;
    enum failure failure;
    int64_t placements;
};

static bool is_a_turn(enum denial by)
{
    return by == DENIED_NOT || by == DENIED_BY_WISH || by == DENIED_BY_ROUND;
}

/* `causes` has room for one of each entry. */
static size_t gather(const struct denial_list *list, struct cause *causes)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct denial_entry *entry = &list->entries[i];
        size_t at = 0;
        if (is_a_turn(entry->by))
            continue;
        while (at < count && (causes[at].by != entry->by || causes[at].failure != entry->failure))
            at++;
        if (at == count)
            causes[count++] = (struct cause){.by = entry->by, .failure = entry->failure};
        causes[at].placements++;
    }
    return count;
}

static int most_first(const void *a, const void *b)
{
    const struct cause *left = a, *right = b;

    if (left->placements != right->placements)
        return left->placements > right->placements ? -1 : 1;
    return left->by != right->by ? (int)left->by - (int)right->by : (int)left->failure - (int)right->failure;
}

const char *denials_summary(const struct denial_list *list, char *out, size_t size)
{
    struct cause causes[DENIALS_KEPT];
    size_t count = gather(list, causes), length = 0;

    out[0] = '\0';
    qsort(causes, count, sizeof causes[0], most_first);
    for (size_t i = 0; i < count && length + 1 < size; i++) {
        const char *failure = causes[i].failure == FAILURE_NONE ? "" : failure_name(causes[i].failure);
        text_format(out + length, size - length, "%s%s%s%s %lld", i > 0 ? ", " : "", denial_name(causes[i].by),
                    *failure ? ":" : "", failure, (long long)causes[i].placements);
        length += strlen(out + length);
    }
    return out;
}
