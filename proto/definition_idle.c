/* SPDX-License-Identifier: MPL-2.0 */
/* definition_idle.c: after how long of idleness the workers of a type end themselves, where the definition says it.
 * Runs in: type worker, once, when it has its definition. Pure. Owns nothing.
 * idleLimit counts if given; else the shortest that the user data names in the words of Taskcluster's workers:
 * docker-worker's shutdown.afterIdleSeconds, generic-worker's idleTimeoutSecs, at whatever depth the pool puts them. */
#include "proto/definition.h"

#include <string.h>

#define DEEPEST 12
#define LONGEST_SECONDS (366 * 86400.0)

/* Of two limits the shorter; 0 is none. */
static struct span shorter(struct span a, struct span b)
{
    if (a.us == 0 || b.us == 0)
        return a.us ? a : b;
    return span_min(a, b);
}

static struct span seconds_of(const json_t *value)
{
    double seconds = json_number_value(value); /* 0 if it is no number */

    return seconds > 0 && seconds <= LONGEST_SECONDS ? SPAN_US((int64_t)(seconds * 1e6)) : SPAN_US(0);
}

static struct span shutdown_limit(const json_t *shutdown)
{
    return json_is_false(json_object_get(shutdown, "enabled"))
               ? SPAN_US(0)
               : seconds_of(json_object_get(shutdown, "afterIdleSeconds"));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as DEEPEST */
static struct span limit_in(const json_t *value, int depth)
{
    struct span limit = SPAN_US(0);
    const char *name;
    json_t *member;

    if (!json_is_object(value) || depth == DEEPEST)
        return limit;
    json_object_foreach((json_t *)value, name, member)
    {
        if (strcmp(name, "shutdown") == 0)
            limit = shorter(limit, shutdown_limit(member));
        else if (strcmp(name, "idleTimeoutSecs") == 0)
            limit = shorter(limit, seconds_of(member));
        else
            limit = shorter(limit, limit_in(member, depth + 1));
    }
    return limit;
}

struct span definition_idle_limit(const struct definition *definition)
{
    struct span limit = definition->idle_limit;
    const json_t *seen = NULL;

    for (size_t i = 0; i < definition->spec_count && definition->idle_limit.us == 0; i++) {
        if (definition->specs[i].user_data != seen)
            limit = shorter(limit, limit_in(definition->specs[i].user_data, 0));
        seen = definition->specs[i].user_data;
    }
    return limit;
}
