/* SPDX-License-Identifier: MPL-2.0 */
/* test_budget_rules.c: committed and spent money in exact integers, the stop line, the reserve (DESIGN 6 and 11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/budget.h"

#define HOUR INT64_C(3600000)

static const struct budget_limits unlimited = {
    .hourly = MONEY_MAX, .daily = MONEY_MAX, .daily_horizon = SPAN_SECONDS(3600)};

static struct budget_limits limits(int64_t hourly, int64_t daily, int64_t reserve)
{
    return (struct budget_limits){MONEY(hourly), MONEY(daily), MONEY(reserve), SPAN_SECONDS(3600)};
}

static int64_t room(struct budget_limits of, int64_t spent, int64_t committed, bool essential)
{
    struct budget_day day = {.spent = MONEY(spent)};

    return budget_room(&of, &day, MONEY(committed), essential).micros;
}

static void b45_a_thousand_small_instances_fit_exactly_and_one_more_does_not(void **state)
{
    struct budget_limits cap = limits(3100000, INT64_MAX, 0);
    int64_t committed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(room(cap, 0, committed, false) >= 3100);
        committed += 3100;
    }
    assert_true(room(cap, 0, committed, false) < 3100);
    assert_int_equal(room(limits(300000, INT64_MAX, 0), 0, 200000, false), 100000); /* 3 x 0.1 against 0.3 */
}

static void b45_a_budget_of_zero_allows_nothing_and_unlimited_must_be_said(void **state)
{
    struct budget_day day = {.spent = MONEY_ZERO};

    (void)state;
    assert_int_equal(room(limits(0, INT64_MAX, 0), 0, 0, true), 0);
    assert_int_equal(room(limits(INT64_MAX, 0, 0), 0, 0, true), 0);
    assert_int_equal(budget_room(&unlimited, &day, MONEY(5), false).micros, INT64_MAX);
    assert_false(budget_day_stopped(&unlimited, &day, MONEY_MAX, false));
}

static void b45_an_overflow_looks_unaffordable(void **state)
{
    struct budget_limits cap = limits(INT64_MAX - 1, INT64_MAX - 1, 0);
    struct budget_day day = {.spent = MONEY(INT64_MAX - 5)};
    struct budget_running dear[2] = {{.per_hour = MONEY_MAX}, {.per_hour = MONEY_MAX}};

    (void)state;
    assert_int_equal(room(cap, 0, INT64_MAX, true), 0);
    assert_true(budget_day_stopped(&cap, &day, MONEY_MAX, true));
    budget_accrue(&day, dear, 2, (struct wall){24 * HOUR});
    assert_int_equal(day.spent.micros, INT64_MAX);
    assert_int_equal(budget_room(&cap, &day, MONEY_ZERO, true).micros, 0);
}

static void a_cap_that_is_passed_leaves_no_room_and_never_less(void **state)
{
    (void)state;
    assert_int_equal(room(limits(1000, INT64_MAX, 0), 0, 1500, false), 0);
    assert_int_equal(room(limits(INT64_MAX, 1000, 0), 2000, 0, false), 0);
}

static void the_stop_line_is_reached_with_what_is_committed_for_the_horizon(void **state)
{
    struct budget_limits cap = limits(INT64_MAX, 10000, 0);
    struct budget_day day = {.spent = MONEY(7000)};

    (void)state;
    assert_int_equal(budget_room(&cap, &day, MONEY(1000), false).micros, 2000);
    assert_false(budget_day_stopped(&cap, &day, MONEY(2999), false));
    assert_true(budget_day_stopped(&cap, &day, MONEY(3000), false));
    assert_int_equal(budget_room(&cap, &day, MONEY(3000), false).micros, 0);
    cap.daily_horizon = SPAN_SECONDS(7200);
    assert_int_equal(budget_room(&cap, &day, MONEY(1000), false).micros, 500);
    cap.daily_horizon = SPAN_SECONDS(0);
    assert_int_equal(budget_room(&cap, &day, MONEY(1000), false).micros, INT64_MAX);
}

static void the_tighter_of_the_two_caps_counts(void **state)
{
    (void)state;
    assert_int_equal(room(limits(5000, 4000, 0), 1000, 500, false), 2500);
    assert_int_equal(room(limits(2000, 4000, 0), 1000, 500, false), 1500);
}

static void the_essential_reserve_lies_inside_each_cap(void **state)
{
    struct budget_limits cap = limits(1000, INT64_MAX, 300);
    struct budget_day day = {.spent = MONEY(750)};

    (void)state;
    assert_int_equal(room(cap, 0, 600, false), 100);
    assert_int_equal(room(cap, 0, 600, true), 400);
    cap = limits(INT64_MAX, 1000, 300);
    assert_true(budget_day_stopped(&cap, &day, MONEY_ZERO, false));
    assert_false(budget_day_stopped(&cap, &day, MONEY_ZERO, true));
    assert_int_equal(room(limits(1000, INT64_MAX, 5000), 0, 0, false), 0); /* a reserve above its cap */
}

static void spending_starts_with_each_instances_launch(void **state)
{
    struct budget_day day = {.accrued_to = {10 * HOUR}};
    struct budget_running running[] = {{MONEY(1000000), {0}},                    /* since long before */
                                       {MONEY(1000000), {10 * HOUR + HOUR / 2}}, /* half of the hour */
                                       {MONEY(1000000), {20 * HOUR}}};           /* in the future: nothing */

    (void)state;
    budget_accrue(&day, running, 3, (struct wall){11 * HOUR});
    assert_int_equal(day.spent.micros, 1500000);
    assert_int_equal(day.accrued_to.ms, 11 * HOUR);
}

static void many_small_steps_cost_what_one_large_step_costs(void **state)
{
    struct budget_running running[] = {{MONEY(3100), {0}}, {MONEY(777777), {0}}, {MONEY(1), {0}}};
    struct budget_day one = {0}, many = {0};

    (void)state;
    budget_accrue(&one, running, 3, (struct wall){24 * HOUR});
    for (int64_t ms = 997; ms < 24 * HOUR; ms += 997)
        budget_accrue(&many, running, 3, (struct wall){ms});
    budget_accrue(&many, running, 3, (struct wall){24 * HOUR});
    assert_int_equal(one.spent.micros, 24 * (3100 + 777777 + 1));
    assert_int_equal(many.spent.micros, one.spent.micros);
}

static void b45_the_smallest_charge_is_never_rounded_to_nothing(void **state)
{
    struct budget_running running = {MONEY(1), {0}};
    struct budget_day day = {.spent = MONEY_ZERO};

    (void)state;
    budget_accrue(&day, &running, 1, (struct wall){1});
    assert_int_equal(day.spent.micros, 1);
    budget_accrue(&day, &running, 1, (struct wall){HOUR});
    assert_int_equal(day.spent.micros, 1); /* and not charged twice */
    budget_accrue(&day, &running, 1, (struct wall){HOUR + 1});
    assert_int_equal(day.spent.micros, 2);
}

static void b45_the_order_of_additions_does_not_matter(void **state)
{
    struct budget_running forth[50], back[50];
    struct budget_day a = {0}, b = {0};

    (void)state;
    for (int i = 0; i < 50; i++)
        back[49 - i] = forth[i] = (struct budget_running){MONEY(i * i * 31 + 1), {i * 1237}};
    budget_accrue(&a, forth, 50, (struct wall){HOUR + 1});
    budget_accrue(&b, back, 50, (struct wall){HOUR + 1});
    assert_int_equal(a.spent.micros, b.spent.micros);
}

static void b67_a_clock_that_is_set_back_adds_nothing_and_takes_nothing_back(void **state)
{
    struct budget_running running = {MONEY(1000000), {0}};
    struct budget_day day = {.accrued_to = {10 * HOUR}, .spent = MONEY(5)};

    (void)state;
    budget_accrue(&day, &running, 1, (struct wall){9 * HOUR});
    assert_int_equal(day.spent.micros, 5);
    assert_int_equal(day.accrued_to.ms, 10 * HOUR);
    budget_accrue(&day, &running, 1, (struct wall){11 * HOUR});
    assert_int_equal(day.spent.micros, 1000005);
}

static void a_new_day_starts_at_its_begin_and_the_bounds_never_go_back(void **state)
{
    struct budget_running running = {MONEY(1000000), {0}};
    struct budget_day day = {.began = {0}, .ends = {24 * HOUR}, .accrued_to = {20 * HOUR}, .spent = MONEY(7)};

    (void)state;
    budget_start_day(&day, (struct wall){24 * HOUR}, (struct wall){47 * HOUR}); /* a day of 23 hours */
    assert_int_equal(day.spent.micros, 0);
    budget_accrue(&day, &running, 1, (struct wall){26 * HOUR});
    assert_int_equal(day.spent.micros, 2000000); /* what ran before belongs to the day before */
    budget_start_day(&day, (struct wall){0}, (struct wall){24 * HOUR});
    budget_start_day(&day, (struct wall){24 * HOUR}, (struct wall){48 * HOUR});
    budget_start_day(&day, (struct wall){50 * HOUR}, (struct wall){50 * HOUR});
    assert_int_equal(day.began.ms, 24 * HOUR);
    assert_int_equal(day.ends.ms, 47 * HOUR);
    assert_int_equal(day.spent.micros, 2000000);
    budget_start_day(&day, (struct wall){47 * HOUR}, (struct wall){72 * HOUR});
    assert_int_equal(day.spent.micros, 0);
}

static void spend_accrues_across_our_own_downtime(void **state)
{
    struct budget_running running = {MONEY(1000000), {HOUR}};
    struct budget_day day = {.accrued_to = {2 * HOUR}, .spent = MONEY(1000000)}; /* as the ledger kept it */

    (void)state;
    budget_accrue(&day, &running, 1, (struct wall){12 * HOUR});
    assert_int_equal(day.spent.micros, 11000000);
}

static void what_nobody_knew_of_costs_from_its_launch_or_the_days_begin(void **state)
{
    struct budget_day day = {.began = {HOUR}, .accrued_to = {5 * HOUR}, .spent = MONEY(7)};
    struct budget_running of_yesterday = {MONEY(1000000), {0}}, late = {MONEY(1000000), {4 * HOUR}};
    struct budget_running of_now = {MONEY(1000000), {6 * HOUR}};

    (void)state;
    budget_catch_up(&day, &of_yesterday);
    assert_int_equal(day.spent.micros, 4000007);
    budget_catch_up(&day, &late);
    assert_int_equal(day.spent.micros, 5000007);
    budget_catch_up(&day, &of_now); /* counted when the day goes on */
    assert_int_equal(day.spent.micros, 5000007);
    assert_int_equal(day.accrued_to.ms, 5 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b45_a_thousand_small_instances_fit_exactly_and_one_more_does_not),
        cmocka_unit_test(b45_a_budget_of_zero_allows_nothing_and_unlimited_must_be_said),
        cmocka_unit_test(b45_an_overflow_looks_unaffordable),
        cmocka_unit_test(a_cap_that_is_passed_leaves_no_room_and_never_less),
        cmocka_unit_test(the_stop_line_is_reached_with_what_is_committed_for_the_horizon),
        cmocka_unit_test(the_tighter_of_the_two_caps_counts),
        cmocka_unit_test(the_essential_reserve_lies_inside_each_cap),
        cmocka_unit_test(spending_starts_with_each_instances_launch),
        cmocka_unit_test(many_small_steps_cost_what_one_large_step_costs),
        cmocka_unit_test(b45_the_smallest_charge_is_never_rounded_to_nothing),
        cmocka_unit_test(b45_the_order_of_additions_does_not_matter),
        cmocka_unit_test(b67_a_clock_that_is_set_back_adds_nothing_and_takes_nothing_back),
        cmocka_unit_test(a_new_day_starts_at_its_begin_and_the_bounds_never_go_back),
        cmocka_unit_test(spend_accrues_across_our_own_downtime),
        cmocka_unit_test(what_nobody_knew_of_costs_from_its_launch_or_the_days_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
