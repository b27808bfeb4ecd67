/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_need.c: DESIGN section 5, 3: how many units are needed. Case ids are those of cases/incidents.md. */
#include "tests/unit/test_plan_fixture.h"

static void no_demand_needs_nothing_and_says_so(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_int_equal(plan->reason, REASON_NO_DEMAND);
    assert_non_null(strstr(plan->why, "0 pending"));
}

static void pending_tasks_are_bid_for(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 5;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->need, 5);
    assert_int_equal(plan->units, 5);
    assert_int_equal(plan->instances, 5);
    assert_int_equal(plan->reason, REASON_LAUNCHING);
    assert_non_null(strstr(plan->why, "5 pending"));
}

/* B02: pending steady at 10, boot 900 s, tick 10 s: 10 launches in all, not an 11th. */
static void B02_slow_boot_is_credited_to_the_backlog(void **state)
{
    struct fixture f;
    int64_t launched = 0;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 10;
    for (int second = 0; second <= 900; second += 10) {
        const struct plan *plan = fixture_plan_at(&f, second);
        launched += plan->units;
        /* leases and unlisted ids first, EC2 pending from the next tick on, running in the end */
        f.input.supply.in_flight = second == 0 ? launched : 0;
        f.input.supply.booting = second > 0 && second < 850 ? launched : 0;
        f.input.supply.running = f.input.supply.young = second >= 850 ? launched : 0;
        f.input.supply.occupying = second > 0 ? launched : 0;
        f.input.supply.serving = launched;
    }
    assert_int_equal(launched, 10);
}

static void P05_booting_is_subtracted_once(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 10;
    f.input.supply = (struct plan_supply){.booting = 5, .serving = 5, .occupying = 5};
    assert_int_equal(fixture_plan(&f)->units, 5);
}

/* B12 a: max 20; 8 shutting-down, 4 running and busy, pending 8 -> 8. */
static void B12_a_shutting_down_serves_nobody(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 20;
    f.input.demand.pending = 8;
    f.input.demand.claimed = 4;
    f.input.supply = (struct plan_supply){.running = 4, .serving = 4, .occupying = 12};
    assert_int_equal(fixture_plan(&f)->units, 8);
}

static void B12_b_a_busy_machine_is_not_free(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 5;
    f.input.demand.pending = 1;
    f.input.demand.claimed = 1;
    f.input.supply = (struct plan_supply){.running = 1, .serving = 1, .occupying = 1};
    assert_int_equal(fixture_plan(&f)->units, 1);
}

/* B12 c: shutting-down occupies until terminated: 0 now, 6 once they are gone. */
static void B12_c_shutting_down_occupies_the_ceiling_until_gone(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 10;
    f.input.demand.pending = 6;
    f.input.demand.claimed = 4;
    f.input.supply = (struct plan_supply){.running = 4, .serving = 4, .occupying = 10};
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_int_equal(plan->reason, REASON_AT_CEILING);
    assert_non_null(strstr(plan->why, "ceiling 10 units reached"));
    f.input.supply.occupying = 4;
    assert_int_equal(fixture_plan(&f)->units, 6);
}

static void B29_terminated_machines_take_no_room(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 4;
    f.input.demand.pending = 4; /* four terminated are listed: supply.c leaves them out of every figure */
    assert_int_equal(fixture_plan(&f)->units, 4);
}

/* B05: 8 units an instance: never more than 2 below 16 or 20 units. */
static void B05_ceilings_are_in_units(void **state)
{
    struct fixture f;
    (void)state;
    for (int64_t ceiling = 16; ceiling <= 20; ceiling += 4)
        for (int64_t pending = 1; pending <= 100; pending++) {
            fixture_init(&f);
            f.options[0].capacity = f.input.type.largest_capacity = 8;
            f.input.type.max_units = ceiling;
            f.input.demand.pending = pending;
            const struct plan *plan = fixture_plan(&f);
            assert_true(plan->instances <= 2);
            assert_int_equal(plan->instances, pending <= 8 ? 1 : 2);
            assert_int_equal(plan->units, plan->instances * 8);
        }
}

static void B05_a_third_instance_would_pass_the_ceiling(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].capacity = f.input.type.largest_capacity = 8;
    f.input.type.max_units = 20;
    f.input.demand.pending = 100;
    f.input.demand.claimed = 16;
    f.input.supply = (struct plan_supply){.running = 16, .serving = 16, .occupying = 16};
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->instances, 0);
    assert_int_equal(plan->reason, REASON_AT_CEILING);
}

static void units_in_flight_count_against_the_ceiling(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 10;
    f.input.demand.pending = 100;
    f.input.supply = (struct plan_supply){.in_flight = 4, .occupying = 3, .serving = 4};
    assert_int_equal(fixture_plan(&f)->units, 3);
}

/* B43: pending 10 / 0 every 30 s with boot 300 s: 10 launches a boot time. */
static void B43_alternating_demand_does_not_pump(void **state)
{
    struct fixture f;
    int64_t launched = 0;
    (void)state;
    fixture_init(&f);
    for (int second = 0; second < 300; second += 10) {
        f.input.demand.pending = second / 30 % 2 == 0 ? 10 : 0;
        launched += fixture_plan_at(&f, second)->units;
        f.input.supply = (struct plan_supply){.booting = launched, .serving = launched, .occupying = launched};
    }
    assert_int_equal(launched, 10);
}

/* B01: 10 units known alive, 86 pending, the listing older than allowed: 0, and it says why; then within one tick. */
static void B01_a_stale_view_launches_nothing(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 50;
    f.input.demand.pending = 86;
    f.input.demand.claimed = 10;
    f.input.supply = (struct plan_supply){.running = 10, .serving = 10, .occupying = 10};
    f.input.now = f.input.demand.seen = T(61);
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_int_equal(plan->reason, REASON_INVENTORY_STALE);
    assert_non_null(strstr(plan->why, "EC2 view stale: east 1m old"));
    f.regions[0].began = T(60);
    assert_int_equal(fixture_plan(&f)->units, 40);
}

static void B01_at_its_ceiling_a_blind_launcher_stays(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.max_units = 10;
    f.input.demand.pending = 86;
    f.input.demand.claimed = 10;
    f.input.supply = (struct plan_supply){.running = 10, .serving = 10, .occupying = 10};
    assert_int_equal(fixture_plan(&f)->units, 0);
}

static void a_stale_region_leaves_the_other_one(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_option(&f, "wa", "m3.large", 200000);
    f.input.demand.pending = 3;
    f.input.now = f.input.demand.seen = f.regions[1].began = T(61);
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 3);
    for (size_t i = 0; i < plan->lot_count; i++)
        assert_string_equal(plan->lots[i].placement.region, "west");
}

static void a_region_that_was_never_listed_is_stale(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 3;
    f.regions[0].listed = false;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_non_null(strstr(plan->why, "east never listed"));
}

static void before_the_first_view_nothing_is_bid(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 3;
    f.input.supply.starting = true;
    assert_int_equal(fixture_plan(&f)->units, 0);
    assert_int_equal(f.plan.reason, REASON_STARTING);
}

/* B21: unknown is not zero: no launch on its strength, the floor still honoured. */
static void B21_unknown_demand_launches_up_to_the_floor(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 50;
    f.input.demand.problem = "HTTP 503";
    f.input.type.min_units = 2;
    f.input.now = f.regions[0].began = T(61);
    assert_int_equal(fixture_plan(&f)->units, 2);
    f.input.supply = (struct plan_supply){.running = 2, .serving = 2, .occupying = 2};
    assert_int_equal(fixture_plan(&f)->units, 0);
    assert_int_equal(f.plan.reason, REASON_DEMAND_UNKNOWN);
    assert_non_null(strstr(f.plan.why, "HTTP 503"));
    assert_int_equal(f.plan.pending, -1);
}

static void B21_never_read_is_unknown(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand = (struct plan_demand){.pending = 0, .claimed = 0, .seen = MONO_ZERO, .age_limit = SPAN_SECONDS(60)};
    assert_int_equal(fixture_plan(&f)->reason, REASON_DEMAND_UNKNOWN);
}

/* B21: two reads of the same old value do not lead to two launches. */
static void B21_the_same_old_reading_twice_launches_once(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 1;
    assert_int_equal(fixture_plan_at(&f, 0)->units, 1);
    f.input.supply = (struct plan_supply){.in_flight = 1, .serving = 1};
    assert_int_equal(fixture_plan_at(&f, 10)->units, 0);
    f.input.supply = (struct plan_supply){.running = 1, .young = 1, .serving = 1, .occupying = 1};
    assert_int_equal(fixture_plan_at(&f, 20)->units, 0);
    assert_int_equal(f.plan.reason, REASON_SATISFIED);
}

static void claimed_unknown_credits_only_the_young(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 10;
    f.input.demand.claimed = -1;
    f.input.supply = (struct plan_supply){.running = 6, .young = 2, .serving = 6, .occupying = 6};
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->idle, 2);
    assert_int_equal(plan->need, 8);
}

static void a_given_up_region_makes_claimed_unknown(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 10;
    f.input.demand.claimed = 0;
    f.input.supply = (struct plan_supply){.running = 6, .serving = 6, .occupying = 9, .claimed_unknown = true};
    assert_int_equal(fixture_plan(&f)->idle, 0);
}

static void the_floor_is_kept_without_demand(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.min_units = 3;
    f.input.supply = (struct plan_supply){.running = 1, .serving = 1, .occupying = 1};
    assert_int_equal(fixture_plan(&f)->units, 2);
}

/* round(0.5 x 4) = 2 of 5 pending are tolerated */
static void scaling_ratio_tolerates_a_share_of_what_runs(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.scaling_ratio = 0.5;
    f.input.demand.pending = 5;
    f.input.demand.claimed = 4;
    f.input.supply = (struct plan_supply){.running = 4, .serving = 4, .occupying = 4};
    assert_int_equal(fixture_plan(&f)->need, 3);
}

static void without_credentials_it_says_so(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 5;
    f.input.credentials_problem = "metadata service: no answer";
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_non_null(strstr(plan->why, "no AWS credentials: metadata service"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_demand_needs_nothing_and_says_so),
        cmocka_unit_test(pending_tasks_are_bid_for),
        cmocka_unit_test(B02_slow_boot_is_credited_to_the_backlog),
        cmocka_unit_test(P05_booting_is_subtracted_once),
        cmocka_unit_test(B12_a_shutting_down_serves_nobody),
        cmocka_unit_test(B12_b_a_busy_machine_is_not_free),
        cmocka_unit_test(B12_c_shutting_down_occupies_the_ceiling_until_gone),
        cmocka_unit_test(B29_terminated_machines_take_no_room),
        cmocka_unit_test(B05_ceilings_are_in_units),
        cmocka_unit_test(B05_a_third_instance_would_pass_the_ceiling),
        cmocka_unit_test(units_in_flight_count_against_the_ceiling),
        cmocka_unit_test(B43_alternating_demand_does_not_pump),
        cmocka_unit_test(B01_a_stale_view_launches_nothing),
        cmocka_unit_test(B01_at_its_ceiling_a_blind_launcher_stays),
        cmocka_unit_test(a_stale_region_leaves_the_other_one),
        cmocka_unit_test(a_region_that_was_never_listed_is_stale),
        cmocka_unit_test(before_the_first_view_nothing_is_bid),
        cmocka_unit_test(B21_unknown_demand_launches_up_to_the_floor),
        cmocka_unit_test(B21_never_read_is_unknown),
        cmocka_unit_test(B21_the_same_old_reading_twice_launches_once),
        cmocka_unit_test(claimed_unknown_credits_only_the_young),
        cmocka_unit_test(a_given_up_region_makes_claimed_unknown),
        cmocka_unit_test(the_floor_is_kept_without_demand),
        cmocka_unit_test(scaling_ratio_tolerates_a_share_of_what_runs),
        cmocka_unit_test(without_credentials_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
