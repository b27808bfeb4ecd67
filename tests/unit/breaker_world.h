/* SPDX-License-Identifier: MPL-2.0 */
/* breaker_world.h: one set of breakers with the default delays, and subjects as literals.
 * Included by test_breaker_*.c only; owns nothing but what breaker_world_end frees. */
#ifndef TESTS_UNIT_BREAKER_WORLD_H
#define TESTS_UNIT_BREAKER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "supervisor/breaker.h"

#define MAYBE_UNUSED __attribute__((unused))

struct breaker_world {
    struct breakers *breakers;
    struct breaker_settings settings;
    struct mono now;
    int64_t grant;
};

MAYBE_UNUSED static void breaker_world_begin(struct breaker_world *world)
{
    *world = (struct breaker_world){.settings = {.enabled = true,
                                                 .capacity_delay = SPAN_SECONDS(180),
                                                 .breaker_delay = SPAN_SECONDS(60),
                                                 .breaker_most = SPAN_SECONDS(1800),
                                                 .quarantine_delay = SPAN_SECONDS(60),
                                                 .definition_probe = SPAN_SECONDS(86400),
                                                 .probe_deadline = SPAN_SECONDS(90),
                                                 .seed = 1},
                                    .now = {1000000000}};
    world->breakers = breakers_create(&world->settings);
}

MAYBE_UNUSED static void breaker_world_end(struct breaker_world *world)
{
    breakers_destroy(&world->breakers);
    assert_null(world->breakers);
}

MAYBE_UNUSED static struct breaker_subject subject_at(const char *type, const char *zone, const char *instance_type)
{
    struct breaker_subject subject = {
        .type = type, .spec_hash = "0123456789abcdef", .subnet = "", .max_price = MONEY(100000)};
    size_t length = strlen(zone);

    (void)text_copy(subject.placement.zone, NAME_SIZE, zone);
    (void)text_copy(subject.placement.region, NAME_SIZE, zone);
    subject.placement.region[length - 1] = '\0'; /* us-west-2a is in us-west-2 */
    (void)text_copy(subject.placement.instance_type, NAME_SIZE, instance_type);
    subject.placement.market = MARKET_SPOT;
    return subject;
}

MAYBE_UNUSED static void refuse(struct breaker_world *world, const struct breaker_subject *subject,
                                enum failure failure, const char *code)
{
    breakers_failed(world->breakers, subject, ++world->grant, failure, code, "", world->now);
}

MAYBE_UNUSED static enum breaker_state state_of(const struct breaker_world *world,
                                                const struct breaker_subject *subject)
{
    return breakers_look(world->breakers, subject, world->now).state;
}

MAYBE_UNUSED static void pass_seconds(struct breaker_world *world, int64_t seconds)
{
    world->now = mono_add(world->now, SPAN_SECONDS(seconds));
}

/* Grants a probe and returns its number. */
MAYBE_UNUSED static int64_t probe(struct breaker_world *world, const struct breaker_subject *subject)
{
    breakers_granted(world->breakers, subject, ++world->grant, world->now);
    return world->grant;
}

MAYBE_UNUSED static bool has_scope(const struct breaker_world *world, const char *scope)
{
    struct breaker_entry entry;

    for (size_t i = 0; i < breakers_count(world->breakers); i++) {
        breakers_entry(world->breakers, i, world->now, &entry);
        if (strcmp(entry.scope, scope) == 0)
            return true;
    }
    return false;
}

#endif
