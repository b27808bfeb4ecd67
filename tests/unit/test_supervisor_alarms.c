/* SPDX-License-Identifier: MPL-2.0 */
/* The rules of alarms as a pure table: marks to raise and to clear, how long a measure must stay, what unknown does,
 * and when launches count as being without progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/alarm_rules.h"

static struct mono at(double seconds)
{
    return (struct mono){(int64_t)(seconds * 1e6) + 1};
}

static enum alarm_move step(enum alarm_rule_id id, struct alarm_watch *watch, double value, double seconds)
{
    return alarm_rule_step(id, watch, (struct alarm_measure){true, value}, at(seconds));
}

static void raised_at_the_mark_and_cleared_only_below_the_other(void **state)
{
    struct alarm_watch watch = {0};

    (void)state;
    assert_int_equal(step(ALARM_LATENCY, &watch, 0.99, 1), ALARM_STAYS);
    assert_int_equal(step(ALARM_LATENCY, &watch, 1.0, 2), ALARM_RAISE);
    assert_int_equal(step(ALARM_LATENCY, &watch, 3.0, 3), ALARM_STAYS); /* raised once */
    assert_int_equal(step(ALARM_LATENCY, &watch, 0.9, 4), ALARM_STAYS); /* between the marks nothing moves */
    assert_int_equal(step(ALARM_LATENCY, &watch, 1.1, 5), ALARM_STAYS);
    assert_int_equal(step(ALARM_LATENCY, &watch, 0.79, 6), ALARM_CLEAR);
    assert_int_equal(step(ALARM_LATENCY, &watch, 0.9, 7), ALARM_STAYS);
    assert_int_equal(step(ALARM_LATENCY, &watch, 1.0, 8), ALARM_RAISE);
}

static void unknown_moves_nothing(void **state)
{
    struct alarm_watch watch = {0};
    struct alarm_measure unknown = {false, 0};

    (void)state;
    assert_int_equal(alarm_rule_step(ALARM_LATENCY, &watch, unknown, at(1)), ALARM_STAYS);
    assert_int_equal(step(ALARM_LATENCY, &watch, 2, 2), ALARM_RAISE);
    assert_int_equal(alarm_rule_step(ALARM_LATENCY, &watch, unknown, at(3)), ALARM_STAYS);
    assert_true(watch.raised);
}

static void a_budget_alarm_stays_until_the_measure_has_stayed_below(void **state)
{
    struct alarm_watch watch = {0};

    (void)state;
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 1, 0), ALARM_RAISE);
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 0.9, 1), ALARM_STAYS);
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 1, 20), ALARM_STAYS); /* its rest begins anew */
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 0.9, 21), ALARM_STAYS);
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 0.9, 50.9), ALARM_STAYS);
    assert_int_equal(step(ALARM_BUDGET_100, &watch, 0.9, 51), ALARM_CLEAR);
}

static void the_marks_of_the_budget_are_80_and_100_percent(void **state)
{
    struct alarm_watch low = {0}, high = {0};

    (void)state;
    assert_int_equal(step(ALARM_BUDGET_80, &low, 0.799, 1), ALARM_STAYS);
    assert_int_equal(step(ALARM_BUDGET_80, &low, 0.8, 2), ALARM_RAISE);
    assert_int_equal(step(ALARM_BUDGET_100, &high, 0.999, 2), ALARM_STAYS);
    assert_int_equal(step(ALARM_BUDGET_100, &high, 1, 3), ALARM_RAISE);
}

static void one_above_the_ceiling_is_an_alarm_and_at_the_ceiling_none(void **state)
{
    struct alarm_watch watch = {0};

    (void)state;
    assert_int_equal(step(ALARM_OVER_CEILING, &watch, 0, 1), ALARM_STAYS);
    assert_int_equal(step(ALARM_OVER_CEILING, &watch, 1, 2), ALARM_RAISE);
    assert_int_equal(step(ALARM_OVER_CEILING, &watch, 0, 3), ALARM_CLEAR);
}

static void three_deaths_are_a_loop_until_none_is_recent(void **state)
{
    struct alarm_watch watch = {0};

    (void)state;
    assert_int_equal(step(ALARM_DEATH_LOOP, &watch, 2, 1), ALARM_STAYS);
    assert_int_equal(step(ALARM_DEATH_LOOP, &watch, 3, 2), ALARM_RAISE);
    assert_int_equal(step(ALARM_DEATH_LOOP, &watch, 1, 3), ALARM_STAYS);
    assert_int_equal(step(ALARM_DEATH_LOOP, &watch, 0, 4), ALARM_CLEAR);
}

static void every_rule_has_a_kind_and_marks_in_order(void **state)
{
    (void)state;
    for (int id = 0; id < ALARM_RULE_COUNT; id++) {
        const struct alarm_rule *rule = alarm_rule((enum alarm_rule_id)id);
        assert_non_null(rule->kind);
        assert_true(rule->clear_below <= rule->raise_at && rule->clear_below > 0);
    }
}

/* ---- progress ---- */

static double without(struct alarm_progress *progress, struct alarm_effort effort, double seconds)
{
    return span_seconds(alarm_without_progress(progress, &effort, at(seconds)));
}

static void grants_from_which_no_work_comes_are_counted_from_the_first(void **state)
{
    struct alarm_progress p = {0};

    (void)state;
    assert_true(without(&p, (struct alarm_effort){5, 0, 7, 0}, 0) < 1); /* grants before our start */
    assert_true(without(&p, (struct alarm_effort){5, 0, 8, 0}, 10) < 1);
    assert_true(without(&p, (struct alarm_effort){5, 0, 9, 0}, 20) >= 10);
    assert_true(without(&p, (struct alarm_effort){5, 0, 9, 0}, 100) >= 90);
    assert_true(without(&p, (struct alarm_effort){5, 0, 9, 1}, 110) < 1); /* one took work */
    assert_true(without(&p, (struct alarm_effort){5, 0, 9, 1}, 500) < 1); /* and nothing was granted since */
}

static void claimed_that_grows_is_progress_even_after_it_fell(void **state)
{
    struct alarm_progress p = {0};

    (void)state;
    without(&p, (struct alarm_effort){5, 10, 7, 0}, 0);
    without(&p, (struct alarm_effort){5, 10, 8, 0}, 1);
    assert_true(without(&p, (struct alarm_effort){5, 8, 8, 0}, 50) > 40);
    assert_true(without(&p, (struct alarm_effort){5, 9, 8, 0}, 60) < 1);
}

static void unknown_counts_neither_end_nor_begin_it(void **state)
{
    struct alarm_progress p = {0};

    (void)state;
    without(&p, (struct alarm_effort){5, -1, 7, 0}, 0);
    without(&p, (struct alarm_effort){5, -1, 8, 0}, 1);
    assert_true(without(&p, (struct alarm_effort){-1, -1, 8, 0}, 50) > 40);
    assert_true(without(&p, (struct alarm_effort){5, 3, 8, 0}, 60) > 50); /* the first known count is no growth */
    assert_true(without(&p, (struct alarm_effort){0, 3, 8, 0}, 70) < 1);  /* nothing waits any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_at_the_mark_and_cleared_only_below_the_other),
        cmocka_unit_test(unknown_moves_nothing),
        cmocka_unit_test(a_budget_alarm_stays_until_the_measure_has_stayed_below),
        cmocka_unit_test(the_marks_of_the_budget_are_80_and_100_percent),
        cmocka_unit_test(one_above_the_ceiling_is_an_alarm_and_at_the_ceiling_none),
        cmocka_unit_test(three_deaths_are_a_loop_until_none_is_recent),
        cmocka_unit_test(every_rule_has_a_kind_and_marks_in_order),
        cmocka_unit_test(grants_from_which_no_work_comes_are_counted_from_the_first),
        cmocka_unit_test(claimed_that_grows_is_progress_even_after_it_fell),
        cmocka_unit_test(unknown_counts_neither_end_nor_begin_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
