/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_dead.c: idle units that nobody can use: written off so that they do not starve their own type, and at most
 * three of them, so that a broken type does not grow for ever (cases B04, P06). */
#include "tests/unit/test_plan_fixture.h"

static void one_idle_machine_and_one_waiting_task(struct fixture *f)
{
    fixture_init(f);
    f->input.demand.pending = 1;
    f->input.supply = (struct plan_supply){.running = 1, .serving = 1, .occupying = 1};
}

static void a_dead_idle_machine_does_not_starve_its_type(void **state)
{
    struct fixture f;
    (void)state;
    one_idle_machine_and_one_waiting_task(&f);
    for (int second = 0; second < 60; second += 10)
        assert_int_equal(fixture_plan_at(&f, second)->units, 0); /* it may still take the task */
    assert_int_equal(fixture_plan_at(&f, 60)->units, 1);
    assert_int_equal(f.plan.dead, 1);
}

static void young_machines_are_not_dead(void **state)
{
    struct fixture f;
    (void)state;
    one_idle_machine_and_one_waiting_task(&f);
    f.input.supply.young = 1;
    for (int second = 0; second <= 120; second += 10)
        assert_int_equal(fixture_plan_at(&f, second)->units, 0);
}

static void one_reading_without_waiting_tasks_starts_anew(void **state)
{
    struct fixture f;
    (void)state;
    one_idle_machine_and_one_waiting_task(&f);
    for (int second = 0; second <= 200; second += 10) {
        f.input.demand.pending = second % 50 == 0 ? 0 : 1;
        assert_int_equal(fixture_plan_at(&f, second)->dead, 0);
    }
}

static void the_smallest_of_the_window_counts(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 5;
    for (int second = 0; second <= 60; second += 10) {
        int64_t idle = second == 30 ? 1 : 2;
        f.input.supply = (struct plan_supply){.running = idle, .serving = idle, .occupying = idle};
        fixture_plan_at(&f, second);
    }
    assert_int_equal(f.plan.dead, 1);
    fixture_plan_at(&f, 100); /* the reading at 30 s has left the window */
    assert_int_equal(f.plan.dead, 2);
}

static void three_readings_at_least(void **state)
{
    struct fixture f;
    (void)state;
    one_idle_machine_and_one_waiting_task(&f);
    f.input.demand.age_limit = SPAN_SECONDS(1000);
    fixture_plan_at(&f, 0);
    assert_int_equal(fixture_plan_at(&f, 100)->dead, 0);
    assert_int_equal(fixture_plan_at(&f, 110)->dead, 1);
}

static void planning_twice_on_one_reading_is_one_reading(void **state)
{
    struct fixture f;
    (void)state;
    one_idle_machine_and_one_waiting_task(&f);
    fixture_plan_at(&f, 0);
    f.input.now = T(30);
    for (int i = 0; i < 5; i++)
        fixture_plan(&f);
    f.input.now = f.regions[0].began = T(60);
    assert_int_equal(fixture_plan(&f)->dead, 0);
}

/* B04: pending 1 for hours, every instance runs and none takes work: 4 instances at most, here 1 + 3. */
static void B04_a_broken_type_does_not_grow_for_ever(void **state)
{
    struct fixture f;
    int64_t live = 0;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 1;
    for (int second = 0; second < 3 * 3600; second += 10) {
        live += fixture_plan_at(&f, second)->units;
        f.input.supply = (struct plan_supply){.running = live, .serving = live, .occupying = live};
    }
    assert_int_equal(live, 4);
}

static void work_that_is_taken_allows_three_more(void **state)
{
    struct fixture f;
    int64_t live = 0;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 1;
    for (int second = 0; second < 1200; second += 10) {
        live += fixture_plan_at(&f, second)->units;
        f.input.supply =
            (struct plan_supply){.running = live, .serving = live, .occupying = live, .work_taken = second >= 600};
    }
    assert_int_equal(live, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_idle_machine_does_not_starve_its_type),
        cmocka_unit_test(young_machines_are_not_dead),
        cmocka_unit_test(one_reading_without_waiting_tasks_starts_anew),
        cmocka_unit_test(the_smallest_of_the_window_counts),
        cmocka_unit_test(three_readings_at_least),
        cmocka_unit_test(planning_twice_on_one_reading_is_one_reading),
        cmocka_unit_test(B04_a_broken_type_does_not_grow_for_ever),
        cmocka_unit_test(work_that_is_taken_allows_three_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
