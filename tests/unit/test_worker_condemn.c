/* SPDX-License-Identifier: MPL-2.0 */
/* test_worker_condemn.c: whom the type worker proposes to terminate, and that nobody is condemned without evidence. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "worker/condemn.h"

#define T(seconds) ((struct mono){1000000000000 + (int64_t)(seconds)*1000000})

static const struct condemn_settings limits = {SPAN_SECONDS(1200), SPAN_SECONDS(1800), SPAN_SECONDS(96 * 3600)};

/* Readings every 10 s over [from, to]. */
static void read_queue(struct condemn_watch *watch, int from, int to, int64_t pending, int64_t claimed, bool list)
{
    for (int second = from; second <= to; second += 10)
        condemn_read(watch, &(struct condemn_reading){T(second), pending, claimed, list}, true);
}

static enum condemn_cause look(const struct condemn_watch *watch, bool worked, bool list_known, int now)
{
    struct condemn_facts facts = {.state = INSTANCE_RUNNING,
                                  .market = MARKET_SPOT,
                                  .launched = T(0),
                                  .worked = worked,
                                  .list_known = list_known,
                                  .watch = watch};
    return condemn_look(&limits, &facts, T(now));
}

static void B04_never_named_in_the_claimed_list_past_the_boot_limit(void **state)
{
    struct condemn_watch watch = {0};
    (void)state;
    read_queue(&watch, 0, 1200, 1, 5, true);
    assert_int_equal(look(&watch, false, true, 1200), CONDEMN_NOT);
    read_queue(&watch, 1210, 1210, 1, 5, true);
    assert_int_equal(look(&watch, false, true, 1210), CONDEMN_BOOT_LIMIT);
    assert_int_equal(look(&watch, true, true, 1210), CONDEMN_NOT); /* it worked once */
}

static void without_the_list_only_if_nothing_was_ever_claimed(void **state)
{
    struct condemn_watch watch = {0}, other = {0}, unknown = {0};
    (void)state;
    read_queue(&watch, 0, 1300, 1, 0, false);
    assert_int_equal(look(&watch, false, false, 1300), CONDEMN_BOOT_LIMIT);
    read_queue(&other, 0, 1300, 1, 0, false);
    read_queue(&other, 1310, 1310, 1, 1, false);
    assert_int_equal(look(&other, false, false, 1310), CONDEMN_NOT);
    read_queue(&unknown, 0, 1300, 1, -1, false);
    assert_int_equal(look(&unknown, false, false, 1300), CONDEMN_NOT);
}

static void the_clock_runs_only_while_tasks_wait(void **state)
{
    struct condemn_watch watch = {0};
    (void)state;
    read_queue(&watch, 0, 600, 1, 0, true);
    read_queue(&watch, 610, 3000, 0, 0, true);
    read_queue(&watch, 3010, 3600, 1, 0, true);
    assert_int_equal(watch.boot_clock.us, SPAN_SECONDS(1190).us);
    assert_int_equal(look(&watch, false, true, 3600), CONDEMN_NOT);
}

static void unknown_demand_stops_the_clock(void **state)
{
    struct condemn_watch watch = {0};
    (void)state;
    read_queue(&watch, 0, 600, 1, 0, true);
    read_queue(&watch, 610, 3000, -1, -1, false);
    read_queue(&watch, 3010, 3100, 1, 0, true);
    assert_int_equal(watch.boot_clock.us, SPAN_SECONDS(690).us);
}

static void B36_idleness_condemns_nobody(void **state)
{
    struct condemn_watch watch = {0};
    (void)state;
    read_queue(&watch, 0, 90000, 0, 0, true);
    assert_int_equal(look(&watch, false, true, 90000), CONDEMN_NOT);
}

static void limits_of_age_and_pending(void **state)
{
    struct condemn_watch watch = {0};
    struct condemn_facts facts = {.state = INSTANCE_PENDING, .market = MARKET_SPOT, .launched = T(0), .watch = &watch};
    (void)state;
    assert_int_equal(condemn_look(&limits, &facts, T(1800)), CONDEMN_NOT);
    assert_int_equal(condemn_look(&limits, &facts, T(1801)), CONDEMN_PENDING_LIMIT);
    assert_int_equal(look(&watch, true, true, 96 * 3600), CONDEMN_NOT);
    assert_int_equal(look(&watch, true, true, 96 * 3600 + 1), CONDEMN_MAX_LIFETIME);
}

static void B29_stopped_is_condemned_shutting_down_is_not(void **state)
{
    struct condemn_watch watch = {0};
    struct condemn_facts facts = {.market = MARKET_SPOT, .launched = T(0), .watch = &watch, .worked = true};
    (void)state;
    facts.state = INSTANCE_STOPPED;
    assert_int_equal(condemn_look(&limits, &facts, T(1)), CONDEMN_STOPPED);
    for (int other = INSTANCE_SHUTTING_DOWN; other < INSTANCE_STATE_COUNT; other++) {
        facts.state = (enum instance_state)other;
        if (other != INSTANCE_STOPPED)
            assert_int_equal(condemn_look(&limits, &facts, T(1000000)), CONDEMN_NOT);
    }
}

static void B40_wrong_market_only_where_spot_was_asked_for(void **state)
{
    struct condemn_watch watch = {0};
    struct condemn_facts facts = {
        .state = INSTANCE_RUNNING, .market = MARKET_ON_DEMAND, .launched = T(0), .watch = &watch};
    (void)state;
    assert_int_equal(condemn_look(&limits, &facts, T(1)), CONDEMN_NOT); /* a configuration edit condemns nothing */
    facts.asked_spot = true;
    assert_int_equal(condemn_look(&limits, &facts, T(1)), CONDEMN_WRONG_MARKET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(B04_never_named_in_the_claimed_list_past_the_boot_limit),
        cmocka_unit_test(without_the_list_only_if_nothing_was_ever_claimed),
        cmocka_unit_test(the_clock_runs_only_while_tasks_wait),
        cmocka_unit_test(unknown_demand_stops_the_clock),
        cmocka_unit_test(B36_idleness_condemns_nobody),
        cmocka_unit_test(limits_of_age_and_pending),
        cmocka_unit_test(B29_stopped_is_condemned_shutting_down_is_not),
        cmocka_unit_test(B40_wrong_market_only_where_spot_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
