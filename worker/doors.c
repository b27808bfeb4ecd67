/* SPDX-License-Identifier: MPL-2.0 */
/* doors.c: matches the copied breakers with a plan's options. Pure. Runs in: type worker.
 * An empty field of a breaker matches everything. The worst of all that match is what stands in the way. */
#include "worker/doors.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void doors_take(struct doors *doors, struct proto_BREAKERS *message)
{
    free(doors->breakers);
    doors->breakers = message->breakers;
    doors->count = message->breakers_count;
    message->breakers = NULL;
    message->breakers_count = 0;
}

void doors_clear(struct doors *doors)
{
    free(doors->breakers);
    *doors = (struct doors){0};
}

/* The same groups as the supervisor's breakers have: letters before the first digit of the instance type. */
static const struct {
    const char *families, *group;
} quota_groups[] = {
    {" a c d h i m r t z im is cc cr hi hs ", "standard"},
    {" g gr vt cg ", "g-vt"},
};

void doors_quota_class(const char *instance_type, char *out, size_t size)
{
    char family[NAME_SIZE], word[NAME_SIZE + 2];
    text_format(family, sizeof family, "%.*s", (int)strcspn(instance_type, "0123456789.-"), instance_type);
    text_format(word, sizeof word, " %s ", family);
    for (size_t i = 0; i < sizeof quota_groups / sizeof quota_groups[0]; i++)
        if (strstr(quota_groups[i].families, word)) {
            text_copy(out, size, quota_groups[i].group);
            return;
        }
    text_copy(out, size, *family ? family : "unknown"); /* the rest are groups of their own: f, p, x, inf, trn ... */
}

static bool fits(const char *pattern, const char *value)
{
    return !*pattern || strcmp(pattern, value ? value : "") == 0;
}

static bool concerns(const struct proto_BREAKER *breaker, const struct plan_option *option, struct money bid)
{
    const struct placement *placement = &option->placement;
    char quota_class[32];
    doors_quota_class(placement->instance_type, quota_class, sizeof quota_class);
    return fits(breaker->region, placement->region) && fits(breaker->zone, placement->zone) &&
           fits(breaker->instanceType, placement->instance_type) &&
           fits(breaker->market, market_name(placement->market)) && fits(breaker->specHash, option->spec_hash) &&
           fits(breaker->subnet, option->subnet) && fits(breaker->quotaClass, quota_class) &&
           (breaker->priceAtMost < 0 || bid.micros <= breaker->priceAtMost);
}

static bool is_type_wide(const struct proto_BREAKER *breaker)
{
    return *breaker->type && !*breaker->region && !*breaker->zone && !*breaker->instanceType && !*breaker->specHash &&
           !*breaker->subnet;
}

static enum plan_door state_of(const struct proto_BREAKER *breaker, struct mono now)
{
    bool closed = strcmp(breaker->state, "closed") == 0;
    return closed && !mono_reached((struct mono){breaker->untilMono}, now) ? DOOR_CLOSED : DOOR_HALF_OPEN;
}

void doors_look(const struct doors *doors, struct plan_option *option, struct money bid, struct mono now)
{
    option->door = DOOR_OPEN;
    option->failure = FAILURE_NONE;
    option->code = "";
    option->type_wide = false;
    for (size_t i = 0; i < doors->count; i++) {
        const struct proto_BREAKER *breaker = &doors->breakers[i];
        enum plan_door state = state_of(breaker, now);
        bool type_wide = is_type_wide(breaker);
        bool worse = state > option->door || (state == option->door && type_wide && !option->type_wide);
        if (state == DOOR_OPEN || !worse || !concerns(breaker, option, bid))
            continue;
        int failure = failure_of(breaker->failure);
        option->door = state;
        option->failure = failure < 0 ? FAILURE_NONE : (enum failure)failure;
        option->code = breaker->code;
        option->type_wide = type_wide;
    }
}

struct mono doors_deadline(const struct doors *doors, struct mono now)
{
    struct mono next = MONO_NEVER;
    for (size_t i = 0; i < doors->count; i++) {
        struct mono until = {doors->breakers[i].untilMono};
        if (strcmp(doors->breakers[i].state, "closed") == 0 && !mono_reached(until, now))
            next = mono_min(next, until);
    }
    return next;
}
