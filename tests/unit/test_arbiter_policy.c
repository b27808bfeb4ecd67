/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_policy.c: the four policies of step 3, as pure functions and as what a house full of bidders gets. */
#include "supervisor/arbiter_parts.h"
#include "tests/unit/arbiter_world.h"

/* Grants of so many turns, one unit each, all bidding without end. */
static void play(enum policy policy, struct bidder *bidders, size_t count, int turns, int *grants)
{
    double turn = 0;

    memset(grants, 0, count * sizeof grants[0]);
    for (int i = 0; i < turns; i++) {
        size_t picked = policy_pick(policy, bidders, count, turn, policy_random(7, (uint64_t)i));
        assert_true(picked < count);
        grants[picked]++;
        double pass = policy_charge(policy, &bidders[picked], turn, 1);
        turn = bidders[picked].pass > turn ? bidders[picked].pass : turn;
        bidders[picked].pass = pass;
        bidders[picked].last_grant = (uint64_t)i + 1;
        for (size_t other = 0; other < count; other++)
            bidders[other].waiting.us += 1000000;
        bidders[picked].waiting.us = 0;
    }
}

static void round_robin_gives_one_lot_per_type_per_turn(void **state)
{
    struct bidder bidders[5] = {{.unmet = 6000}, {.unmet = 1}, {.unmet = 50}, {.unmet = 3}, {.unmet = 700}};
    int grants[5];

    (void)state;
    play(POLICY_ROUND_ROBIN, bidders, 5, 100, grants);
    for (int i = 0; i < 5; i++)
        assert_int_equal(grants[i], 20);
}

static void priority_and_then_waiting_order_a_turn(void **state)
{
    struct bidder bidders[3] = {{.unmet = 1, .waiting = SPAN_SECONDS(5)},
                                {.unmet = 1, .waiting = SPAN_SECONDS(50)},
                                {.unmet = 1, .priority = 1}};

    (void)state;
    for (enum policy policy = POLICY_ROUND_ROBIN; policy <= POLICY_LAG; policy++) {
        assert_int_equal(policy_pick(policy, bidders, 3, 0, 12345), 2);
        if (policy != POLICY_PROBABILITY)
            assert_int_equal(policy_pick(policy, bidders, 2, 0, 12345), 1);
    }
}

static void priority_does_not_take_a_second_lot_in_a_turn_of_round_robin(void **state)
{
    struct bidder bidders[3] = {{.unmet = 9}, {.unmet = 9, .priority = 10}, {.unmet = 9}};
    int grants[3];

    (void)state;
    play(POLICY_ROUND_ROBIN, bidders, 3, 30, grants);
    assert_int_equal(grants[0], 10);
    assert_int_equal(grants[1], 10);
}

static void logarithmic_shares_grow_as_the_logarithm_of_unmet_demand(void **state)
{
    struct bidder bidders[3] = {{.unmet = 1}, {.unmet = 15}, {.unmet = 255}}; /* 1 : 4 : 8 */
    int grants[3];

    (void)state;
    play(POLICY_LOGARITHMIC, bidders, 3, 1300, grants);
    assert_in_range(grants[0], 98, 102);
    assert_in_range(grants[1], 396, 404);
    assert_in_range(grants[2], 796, 804);
}

static void the_lottery_draws_by_unmet_demand_and_is_the_same_for_the_same_seed(void **state)
{
    struct bidder bidders[3] = {{.unmet = 100}, {.unmet = 300}, {.unmet = 600}}, same[3];
    int grants[3], again[3];

    (void)state;
    memcpy(same, bidders, sizeof same);
    play(POLICY_PROBABILITY, bidders, 3, 10000, grants);
    play(POLICY_PROBABILITY, same, 3, 10000, again);
    assert_memory_equal(grants, again, sizeof grants);
    assert_in_range(grants[0], 900, 1100);
    assert_in_range(grants[1], 2800, 3200);
    assert_in_range(grants[2], 5750, 6250);
}

static void lag_takes_the_oldest_waiting_task_first(void **state)
{
    struct bidder bidders[3] = {{.unmet = 9, .waiting = SPAN_SECONDS(1)},
                                {.unmet = 9, .waiting = SPAN_SECONDS(3)},
                                {.unmet = 9, .waiting = SPAN_SECONDS(2)}};

    (void)state;
    assert_int_equal(policy_pick(POLICY_LAG, bidders, 3, 0, 0), 1);
}

static void with_ageing_nobody_waits_for_ever_under_lag(void **state)
{
    struct world *world = world_begin();
    int64_t young = 0;

    (void)state;
    world->settings.policy = POLICY_LAG;
    world->settings.max_units = 3; /* two first lots, and one for step 3 */
    world_bidder(world, "old", 8, 500);
    world_bidder(world, "young", 8, 500);
    world->types[0].lag = SPAN_SECONDS(300);
    for (int i = 0; i < 100; i++) {
        world_step(world);
        young += world->granted[1] - 1;
        world->lease_count = 0;
        world_bid(world, 0, 500);
        world_bid(world, 1, 500);
        world_later(world, 10000);
    }
    assert_in_range(young, 3, 4); /* once in its 300 s */
    world_end(world);
}

static void one_that_was_idle_comes_back_without_credit(void **state)
{
    struct bidder bidders[2] = {{.unmet = 9, .pass = 1000}, {.unmet = 9, .pass = 3}};
    int grants[2];
    double turn = 1000;

    (void)state;
    memset(grants, 0, sizeof grants);
    for (int i = 0; i < 10; i++) {
        size_t picked = policy_pick(POLICY_ROUND_ROBIN, bidders, 2, turn, 0);
        grants[picked]++;
        bidders[picked].pass = policy_charge(POLICY_ROUND_ROBIN, &bidders[picked], turn, 10);
        turn = bidders[picked].pass - 1;
    }
    assert_int_equal(grants[0], 5);
}

static void those_that_are_out_are_never_picked(void **state)
{
    struct bidder bidders[2] = {{.unmet = 9, .out = true}, {.unmet = 9, .out = true}};

    (void)state;
    for (enum policy policy = POLICY_ROUND_ROBIN; policy <= POLICY_LAG; policy++) {
        assert_int_equal(policy_pick(policy, bidders, 2, 0, 1), SIZE_MAX);
        assert_int_equal(policy_pick(policy, bidders, 0, 0, 1), SIZE_MAX);
    }
}

/* Step 3's share of a giant and of a middle type in one full house, ticks of ten units freed. */
static void policies_differ_in_step_three_only(void **state)
{
    int64_t giants[4], middles[4];

    (void)state;
    for (enum policy policy = POLICY_ROUND_ROBIN; policy <= POLICY_LAG; policy++) {
        struct world *world = world_begin();
        int64_t grants[3] = {0};
        world->settings.policy = policy;
        world->settings.max_units = 20;
        world->settings.lot_max = 2;
        world_bidder(world, "giant", 8, 6000);
        world_bidder(world, "middle", 8, 60);
        world_bidder(world, "small", 8, 1);
        world->types[1].lag = SPAN_SECONDS(3600);
        for (int i = 0; i < 200; i++) {
            world_step(world);
            for (int type = 0; type < 3; type++) {
                grants[type] += world->granted[type];
                world_bid(world, (size_t)type, world->types[type].units);
            }
            assert_int_equal(world->granted[2], 1); /* the small one always has its first lot */
            world->lease_count = 0;
            world_later(world, 1000);
        }
        giants[policy] = grants[0];
        middles[policy] = grants[1];
        assert_int_equal(grants[0] + grants[1] + grants[2], 4000);
        world_end(world);
    }
    assert_true(llabs(giants[POLICY_ROUND_ROBIN] - middles[POLICY_ROUND_ROBIN]) <= 200);
    assert_true(giants[POLICY_LOGARITHMIC] > middles[POLICY_LOGARITHMIC]);
    assert_true(giants[POLICY_PROBABILITY] > 2 * middles[POLICY_PROBABILITY]);
    assert_true(middles[POLICY_LAG] > giants[POLICY_LAG]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_gives_one_lot_per_type_per_turn),
        cmocka_unit_test(priority_and_then_waiting_order_a_turn),
        cmocka_unit_test(priority_does_not_take_a_second_lot_in_a_turn_of_round_robin),
        cmocka_unit_test(logarithmic_shares_grow_as_the_logarithm_of_unmet_demand),
        cmocka_unit_test(the_lottery_draws_by_unmet_demand_and_is_the_same_for_the_same_seed),
        cmocka_unit_test(lag_takes_the_oldest_waiting_task_first),
        cmocka_unit_test(with_ageing_nobody_waits_for_ever_under_lag),
        cmocka_unit_test(one_that_was_idle_comes_back_without_credit),
        cmocka_unit_test(those_that_are_out_are_never_picked),
        cmocka_unit_test(policies_differ_in_step_three_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
