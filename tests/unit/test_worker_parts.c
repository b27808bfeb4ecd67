/* SPDX-License-Identifier: MPL-2.0 */
/* test_worker_parts.c: the small pure parts: price book, health of placements, the copy of the breakers, the pause
 * between re-sends. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/breaker_parts.h"
#include "worker/doors.h"
#include "worker/health.h"
#include "worker/prices.h"
#include "worker/type_worker.h"

#define T(seconds) ((struct mono){1000000000000 + (int64_t)(seconds)*1000000})

/* ---- prices ---- */

static void add_price(struct price_book *book, const char *zone, int64_t price, int64_t wall_ms)
{
    struct proto_PRICE row = {.price = price, .current = price, .seenWall = wall_ms};
    text_copy(row.zone, sizeof row.zone, zone);
    text_copy(row.instanceType, sizeof row.instanceType, "m3.large");
    prices_add(book, &row);
}

static void the_newest_and_the_highest_of_the_window(void **state)
{
    struct price_book book = {0};
    (void)state;
    prices_begin(&book, (struct wall){1000000});
    add_price(&book, "b", 50, 1500000);
    add_price(&book, "a", 70, 1200000);
    add_price(&book, "a", 30, 1700000); /* the newest, whatever the order */
    add_price(&book, "a", 900, 100000); /* long gone */
    add_price(&book, "a", 80, 900000);  /* held when the window began */
    add_price(&book, "a", 0, 1800000);  /* no price (case B44) */
    add_price(&book, "c", -5, 1800000);
    struct proto_PRICE *list = prices_list(&book);
    assert_int_equal(book.count, 2);
    assert_string_equal(list[0].zone, "a");
    assert_int_equal(list[0].current, 30);
    assert_int_equal(list[0].price, 80);
    assert_int_equal(list[0].seenWall, 1700000);
    assert_int_equal(list[1].price, 50);
    free(list);
    prices_clear(&book);
}

static void an_old_price_that_never_changed_holds(void **state)
{
    struct price_book book = {0};
    (void)state;
    prices_begin(&book, (struct wall){1000000});
    add_price(&book, "a", 40, 500000);
    add_price(&book, "a", 90, 400000);
    struct proto_PRICE *list = prices_list(&book);
    assert_int_equal(list[0].price, 40);
    assert_int_equal(list[0].current, 40);
    free(list);
    prices_clear(&book);
}

/* ---- health ---- */

static void failures_make_dearer_for_a_while(void **state)
{
    struct health health = {0};
    struct placement bad = {"east", "ea", "m3.large", MARKET_SPOT}, good = {"east", "eb", "m3.large", MARKET_SPOT};
    (void)state;
    assert_true(health_factor(&health, &bad, T(0)) == 1);
    health_failed(&health, &bad, T(0));
    assert_true(health_factor(&health, &bad, T(0)) == 1.5);
    assert_true(health_factor(&health, &bad, T(600)) == 1.25);
    assert_true(health_factor(&health, &good, T(0)) == 1);
    for (int i = 0; i < 100; i++)
        health_failed(&health, &bad, T(0));
    assert_true(health_factor(&health, &bad, T(0)) <= 5);
}

static void the_healthiest_is_forgotten_first(void **state)
{
    struct health health = {0};
    struct placement placement = {"east", "", "m3.large", MARKET_SPOT};
    (void)state;
    for (int i = 0; i <= HEALTH_PLACEMENTS; i++) {
        placement.zone[0] = (char)('!' + i);
        health_failed(&health, &placement, T(i));
    }
    assert_true(health_factor(&health, &placement, T(HEALTH_PLACEMENTS)) == 1.5);
    placement.zone[0] = '!';
    assert_true(health_factor(&health, &placement, T(HEALTH_PLACEMENTS)) == 1);
}

/* ---- doors ---- */

static struct plan_option option_at(const char *zone)
{
    struct plan_option option = {.spec_hash = "hash", .subnet = "subnet-1"};
    text_copy(option.placement.region, sizeof option.placement.region, "east");
    text_copy(option.placement.zone, sizeof option.placement.zone, zone);
    text_copy(option.placement.instance_type, sizeof option.placement.instance_type, "g4dn.xlarge");
    return option;
}

static struct proto_BREAKER breaker_of(const char *failure)
{
    struct proto_BREAKER breaker = {.priceAtMost = -1, .untilMono = T(100).us};
    text_copy(breaker.failure, sizeof breaker.failure, failure);
    text_copy(breaker.state, sizeof breaker.state, "closed");
    text_copy(breaker.code, sizeof breaker.code, "Code");
    return breaker;
}

static enum plan_door door(struct proto_BREAKER *breakers, size_t count, const char *zone, int64_t bid, int now,
                           struct plan_option *out)
{
    struct doors doors = {breakers, count};
    *out = option_at(zone);
    doors_look(&doors, out, MONEY(bid), T(now));
    return out->door;
}

static void a_breaker_closes_its_scope_and_no_more(void **state)
{
    struct proto_BREAKER breaker = breaker_of("capacity");
    struct plan_option option;
    (void)state;
    text_copy(breaker.region, sizeof breaker.region, "east");
    text_copy(breaker.zone, sizeof breaker.zone, "ea");
    assert_int_equal(door(&breaker, 1, "ea", 1, 0, &option), DOOR_CLOSED);
    assert_int_equal(option.failure, FAILURE_CAPACITY);
    assert_string_equal(option.code, "Code");
    assert_false(option.type_wide);
    assert_int_equal(door(&breaker, 1, "eb", 1, 0, &option), DOOR_OPEN);
    text_copy(breaker.market, sizeof breaker.market, "on-demand");
    assert_int_equal(door(&breaker, 1, "ea", 1, 0, &option), DOOR_OPEN);
}

static void its_delay_over_it_is_half_open(void **state)
{
    struct proto_BREAKER breaker = breaker_of("capacity");
    struct plan_option option;
    struct doors doors = {&breaker, 1};
    (void)state;
    assert_int_equal(door(&breaker, 1, "ea", 1, 99, &option), DOOR_CLOSED);
    assert_int_equal(door(&breaker, 1, "ea", 1, 100, &option), DOOR_HALF_OPEN);
    assert_int_equal(doors_deadline(&doors, T(99)).us, T(100).us);
    assert_int_equal(doors_deadline(&doors, T(100)).us, MONO_NEVER.us);
}

static void a_price_breaker_closes_lots_at_or_below(void **state)
{
    struct proto_BREAKER breaker = breaker_of("price");
    struct plan_option option;
    (void)state;
    breaker.priceAtMost = 500;
    assert_int_equal(door(&breaker, 1, "ea", 500, 0, &option), DOOR_CLOSED);
    assert_int_equal(door(&breaker, 1, "ea", 501, 0, &option), DOOR_OPEN);
}

static void a_quota_breaker_closes_its_family_group(void **state)
{
    struct proto_BREAKER breaker = breaker_of("quota");
    struct plan_option option;
    char ours[32], theirs[32];
    static const char *const instance_types[] = {"m3.large",  "g4dn.xlarge", "p3.2xlarge", "u-6tb1.metal", "inf1.large",
                                                 "vt1.large", "hpc6a.large", "x1e.large",  "im4gn.large",  "9.odd"};
    (void)state;
    for (size_t i = 0; i < sizeof instance_types / sizeof instance_types[0]; i++) {
        doors_quota_class(instance_types[i], ours, sizeof ours);
        breaker_quota_class(instance_types[i], theirs, sizeof theirs);
        assert_string_equal(ours, theirs);
    }
    text_copy(breaker.quotaClass, sizeof breaker.quotaClass, "g-vt");
    assert_int_equal(door(&breaker, 1, "ea", 1, 0, &option), DOOR_CLOSED);
    text_copy(breaker.quotaClass, sizeof breaker.quotaClass, "standard");
    assert_int_equal(door(&breaker, 1, "ea", 1, 0, &option), DOOR_OPEN);
}

static void the_worst_and_then_the_widest_is_told(void **state)
{
    struct proto_BREAKER breakers[] = {breaker_of("capacity"), breaker_of("definition"), breaker_of("quota")};
    struct plan_option option;
    (void)state;
    text_copy(breakers[0].zone, sizeof breakers[0].zone, "ea");
    text_copy(breakers[0].state, sizeof breakers[0].state, "half-open");
    text_copy(breakers[1].type, sizeof breakers[1].type, "alpha"); /* the type's quarantine */
    text_copy(breakers[2].region, sizeof breakers[2].region, "east");
    assert_int_equal(door(breakers, 3, "ea", 1, 0, &option), DOOR_CLOSED);
    assert_true(option.type_wide);
    assert_int_equal(option.failure, FAILURE_DEFINITION);
}

/* ---- re-sends ---- */

static void a_resend_that_keeps_ending_unknown_backs_off_beyond_any_grace(void **state)
{
    (void)state;
    assert_int_equal(type_resend_pause(0).us, 0); /* the first call ended unknown: its re-send follows the look-up */
    assert_int_equal(type_resend_pause(1).us, SPAN_SECONDS(2).us);
    assert_int_equal(type_resend_pause(2).us, SPAN_SECONDS(4).us);
    assert_int_equal(type_resend_pause(3).us, SPAN_SECONDS(8).us);
    assert_true(type_resend_pause(9).us > SPAN_SECONDS(300).us); /* the default grace: a listing ends the lease */
    for (unsigned resends = 1; resends < 100; resends++)
        assert_true(type_resend_pause(resends).us <= type_resend_pause(resends + 1).us);
    assert_true(type_resend_pause(UINT32_MAX).us > SPAN_SECONDS(86400).us); /* the longest grace that can be set */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_and_the_highest_of_the_window),
        cmocka_unit_test(an_old_price_that_never_changed_holds),
        cmocka_unit_test(failures_make_dearer_for_a_while),
        cmocka_unit_test(the_healthiest_is_forgotten_first),
        cmocka_unit_test(a_breaker_closes_its_scope_and_no_more),
        cmocka_unit_test(its_delay_over_it_is_half_open),
        cmocka_unit_test(a_price_breaker_closes_lots_at_or_below),
        cmocka_unit_test(a_quota_breaker_closes_its_family_group),
        cmocka_unit_test(the_worst_and_then_the_widest_is_told),
        cmocka_unit_test(a_resend_that_keeps_ending_unknown_backs_off_beyond_any_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
