/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_lots.c: which placements are bid for, in which order, at which price; and the sentence when there is none.
 */
#include "tests/unit/test_plan_fixture.h"

static void lots_hold_at_most_lot_max(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 25;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 3);
    assert_int_equal(plan->lots[0].count, 10);
    assert_int_equal(plan->lots[2].count, 5);
    assert_int_equal(plan->units, 25);
}

static void alternatives_follow_the_best(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_option(&f, "eb", "m3.large", 50000);
    fixture_option(&f, "wa", "m3.large", 70000);
    f.input.demand.pending = 2;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 2); /* the wish, though the lots add up to six */
    assert_int_equal(plan->lot_count, 3);
    assert_string_equal(plan->lots[0].placement.zone, "eb");
    assert_string_equal(plan->lots[1].placement.zone, "wa");
    assert_string_equal(plan->lots[2].placement.zone, "ea");
}

static void utility_and_health_rank(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_option(&f, "eb", "m3.xlarge", 150000);
    f.options[1].utility = 2; /* 75,000 for each */
    f.input.demand.pending = 1;
    assert_string_equal(fixture_plan(&f)->lots[0].placement.zone, "eb");
    f.options[1].health = 1.5; /* failed of late */
    assert_string_equal(fixture_plan(&f)->lots[0].placement.zone, "ea");
}

static void the_bid_is_twice_the_price(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.demand.pending = 1;
    assert_int_equal(fixture_plan(&f)->lots[0].max_price.micros, 200000);
    f.input.type.min_price = MONEY(300000);
    assert_int_equal(fixture_plan(&f)->lots[0].max_price.micros, 300000);
}

static void too_dear_is_not_bid_and_says_so(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].price = MONEY(500001);
    f.input.demand.pending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 0);
    assert_int_equal(plan->units, 0);
    assert_int_equal(plan->reason, REASON_PRICE_TOO_HIGH);
    f.options[0].price = MONEY(500000); /* twice that is just maxPrice */
    assert_int_equal(fixture_plan(&f)->lot_count, 1);
}

/* B44: unknown: maxPrice for the budget, ranks last, not excluded. */
static void B44_an_unknown_price_ranks_last_at_max_price(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].price = MONEY_ZERO;
    f.options[0].utility = 100; /* no worth makes up for a price that nobody knows */
    fixture_option(&f, "eb", "m3.large", 400000);
    f.input.demand.pending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 2);
    assert_string_equal(plan->lots[0].placement.zone, "eb");
    assert_string_equal(plan->lots[1].placement.zone, "ea");
    assert_int_equal(plan->lots[1].max_price.micros, 1000000);
    assert_int_equal(plan->lots[1].price.micros, 0);
}

static void B44_neither_price_nor_limit_is_no_launch(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].price = MONEY_ZERO;
    f.input.type.max_price = MONEY_ZERO;
    f.input.demand.pending = 1;
    assert_int_equal(fixture_plan(&f)->lot_count, 0);
}

static void P07_a_closed_placement_leaves_the_other_three(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_option(&f, "eb", "m3.large", 110000);
    fixture_option(&f, "ec", "m3.large", 120000);
    fixture_option(&f, "wa", "m3.large", 130000);
    f.options[0].door = DOOR_CLOSED;
    f.options[0].failure = FAILURE_DEFINITION;
    f.input.demand.pending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 3);
    assert_string_equal(plan->lots[0].placement.zone, "eb");
    assert_int_equal(plan->reason, REASON_LAUNCHING);
}

static void all_closed_names_scope_and_code(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].door = DOOR_CLOSED;
    f.options[0].failure = FAILURE_CAPACITY;
    f.options[0].code = "InsufficientInstanceCapacity";
    f.input.demand.pending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->reason, REASON_NO_PLACEMENT);
    assert_non_null(strstr(plan->why, "capacity InsufficientInstanceCapacity"));
    f.options[0].type_wide = true;
    f.options[0].failure = FAILURE_DEFINITION;
    assert_int_equal(fixture_plan(&f)->reason, REASON_QUARANTINED);
    f.options[0].failure = FAILURE_WITHOUT_EFFECT;
    assert_int_equal(fixture_plan(&f)->reason, REASON_UNPRODUCTIVE);
}

static void refused_at_every_placement_is_said_in_one_word(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_option(&f, "eb", "m3.large", 110000);
    fixture_option(&f, "ec", "m1.large", 110000);
    for (int i = 0; i < 2; i++) {
        f.options[i].door = DOOR_CLOSED;
        f.options[i].failure = FAILURE_DEFINITION;
        f.options[i].code = "InvalidParameterCombination";
    }
    f.options[2].unfit = true; /* preflight left it out: it is not there to be tried */
    f.input.demand.pending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->reason, REASON_REFUSED);
    assert_non_null(strstr(plan->why, "EC2 refuses all 2 placements"));
    assert_non_null(strstr(plan->why, "InvalidParameterCombination"));
    f.options[1].failure = FAILURE_CAPACITY; /* one may still come back by itself */
    assert_int_equal(fixture_plan(&f)->reason, REASON_NO_PLACEMENT);
    f.options[1].failure = FAILURE_PERMISSION;
    assert_int_equal(fixture_plan(&f)->reason, REASON_REFUSED);
    f.options[1].type_wide = true;
    assert_int_equal(fixture_plan(&f)->reason, REASON_QUARANTINED);
}

static void half_open_is_named_with_one_instance(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.options[0].door = DOOR_HALF_OPEN;
    f.input.demand.pending = 50;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 1);
    assert_int_equal(plan->lots[0].count, 1);
}

static void add_on_demand(struct fixture *f)
{
    fixture_option(f, "ea", "m3.large", 0);
    f->options[f->input.option_count - 1].placement.market = MARKET_ON_DEMAND;
}

static void on_demand_follows_only_after_a_time_of_unmet_demand(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    add_on_demand(&f);
    f.input.type.can_use_on_demand = true;
    f.input.type.on_demand_after = SPAN_SECONDS(600);
    f.input.type.on_demand_max = 3;
    f.input.demand.pending = 20;
    for (int second = 0; second < 600; second += 10) {
        const struct plan *plan = fixture_plan_at(&f, second);
        for (size_t i = 0; i < plan->lot_count; i++)
            assert_int_equal(plan->lots[i].placement.market, MARKET_SPOT);
        f.input.supply.in_flight = second % 20 ? 0 : 20; /* leases that come and fail do not end it */
    }
    const struct plan *plan = fixture_plan_at(&f, 600);
    const struct plan_lot *last = &plan->lots[plan->lot_count - 1];
    assert_int_equal(plan->lots[0].placement.market, MARKET_SPOT);
    assert_int_equal(last->placement.market, MARKET_ON_DEMAND);
    assert_int_equal(last->count, 3);
    assert_int_equal(last->max_price.micros, 1000000);
    f.input.supply.on_demand_instances = 3;
    f.input.supply.in_flight = 0;
    plan = fixture_plan_at(&f, 610);
    for (size_t i = 0; i < plan->lot_count; i++)
        assert_int_equal(plan->lots[i].placement.market, MARKET_SPOT);
}

static void without_after_on_demand_is_never_a_fall_back(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    add_on_demand(&f);
    f.input.type.can_use_on_demand = true;
    f.input.type.on_demand_max = 3;
    f.input.demand.pending = 1;
    fixture_plan_at(&f, 0);
    const struct plan *plan = fixture_plan_at(&f, 100000);
    assert_int_equal(plan->lot_count, 1);
    assert_int_equal(plan->lots[0].placement.market, MARKET_SPOT);
}

static void on_demand_alone_is_bid_directly(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    add_on_demand(&f);
    f.input.type.can_use_on_demand = true;
    f.input.type.can_use_spot = false;
    f.input.demand.pending = 4;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, 1);
    assert_int_equal(plan->lots[0].placement.market, MARKET_ON_DEMAND);
    assert_int_equal(plan->lots[0].count, 4);
}

static void a_bid_never_has_more_lots_than_the_message_takes(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (int i = 0; i < MOST_OPTIONS - 1; i++)
        fixture_option(&f, "wa", "m3.large", 100000 + i);
    f.input.type.max_units = f.input.demand.pending = 1000000;
    f.input.lot_max = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->lot_count, MOST_OPTIONS * PLAN_LOTS_PER_PLACEMENT);
    assert_int_equal(plan->units, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lots_hold_at_most_lot_max),
        cmocka_unit_test(alternatives_follow_the_best),
        cmocka_unit_test(utility_and_health_rank),
        cmocka_unit_test(the_bid_is_twice_the_price),
        cmocka_unit_test(too_dear_is_not_bid_and_says_so),
        cmocka_unit_test(B44_an_unknown_price_ranks_last_at_max_price),
        cmocka_unit_test(B44_neither_price_nor_limit_is_no_launch),
        cmocka_unit_test(P07_a_closed_placement_leaves_the_other_three),
        cmocka_unit_test(all_closed_names_scope_and_code),
        cmocka_unit_test(refused_at_every_placement_is_said_in_one_word),
        cmocka_unit_test(half_open_is_named_with_one_instance),
        cmocka_unit_test(on_demand_follows_only_after_a_time_of_unmet_demand),
        cmocka_unit_test(without_after_on_demand_is_never_a_fall_back),
        cmocka_unit_test(on_demand_alone_is_bid_directly),
        cmocka_unit_test(a_bid_never_has_more_lots_than_the_message_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
