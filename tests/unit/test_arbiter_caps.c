/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_caps.c: the caps and the rations beside them: reserve, lease limits, owned room, wish
 * (DESIGN section 6). */
#include "tests/unit/arbiter_world.h"

static void no_grant_lifts_held_and_leased_above_a_global_cap(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_units = 25;
    world->other_units = 2; /* of no defined type */
    world->other_instances = 2;
    size_t type = world_bidder(world, "giant", 8, 500);
    world_hold(world, type, 20);
    world_step(world);
    assert_int_equal(world_granted(world), 3);
    assert_int_equal(world_denial(world, type, 7), DENIED_BY_GLOBAL_UNITS);
    world_step(world);
    assert_int_equal(world_granted(world), 0); /* leases count */
    world->settings.max_units = 1000;
    world->settings.max_instances = 27;
    world_step(world);
    assert_int_equal(world_granted(world), 2);
    assert_int_equal(world_denial(world, type, 7), DENIED_BY_GLOBAL_INSTANCES);
    world_end(world);
}

static void a_settled_lease_and_one_of_a_removed_type_still_hold_their_room(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_units = 10;
    world_bidder(world, "type", 8, 500);
    world->leases[0] = (struct arbiter_lease){.grant = 1, .type = 0, .count = 3, .capacity = 1, .settled = true};
    world->leases[1] = (struct arbiter_lease){.grant = 2, .type = SIZE_MAX, .count = 4, .capacity = 1};
    world->lease_count = 2;
    world->last_grant = 2;
    world_bid(world, 0, 500);
    world_step(world);
    assert_int_equal(world_granted(world), 3);
    world_end(world);
}

static void a_cap_that_is_already_passed_gets_no_grants_and_an_alarm(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 1, 5);
    world_hold(world, type, 20);
    world->settings.max_units = world->settings.max_instances = 20;
    world->settings.money.hourly = MONEY(2000000);
    world_step(world);
    assert_false(world->out.over_units || world->out.over_instances || world->out.over_hourly);
    world->settings.max_units = world->settings.max_instances = 19;
    world->settings.money.hourly = MONEY(1999999);
    world_step(world);
    assert_true(world->out.over_units && world->out.over_instances && world->out.over_hourly);
    assert_int_equal(world->out.grant_count, 0);
    world_end(world);
}

static void a_types_ceiling_counts_units_held_and_leased(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 2, 500);
    world->types[type].max_units = 20;
    world->types[type].lots[0].capacity = world->types[type].lots[1].capacity = 8;
    world_step(world);
    assert_int_equal(world_granted(world), 2);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_TYPE_CEILING);
    world_end(world);
}

static void committed_cost_counts_the_granted_max_price(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.money.hourly = MONEY(1000000);
    size_t type = world_bidder(world, "type", 3, 500);
    world_step(world);
    assert_int_equal(world_granted(world), 10);
    assert_int_equal(world_denial(world, type, 2), DENIED_BY_HOURLY_COST);
    world_end(world);
}

static void the_days_stop_line_counts_an_hour_ahead(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.money.daily = MONEY(10000000);
    world->day.spent = MONEY(9500000);
    size_t type = world_bidder(world, "type", 1, 500);
    world_step(world);
    assert_int_equal(world_granted(world), 5); /* 9.50 + 5 x 0.10 x 1 h */
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_DAILY_COST);
    world->day.spent = MONEY(10000000);
    world->lease_count = 0;
    world_bid(world, type, 500);
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    world_end(world);
}

/* ---- essentialReserve ---- */

static void the_essential_reserve_is_spent_only_by_floors_marked_essential(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.money.hourly = MONEY(1000000);
    world->settings.money.essential_reserve = MONEY(300000);
    size_t essential = world_bidder(world, "essential", 8, 500);
    world->types[essential].essential = true;
    size_t other = world_bidder(world, "other", 8, 500);
    world_step(world);
    assert_int_equal(world_granted(world), 7);
    assert_int_equal(world_denial(world, other, 7), DENIED_BY_ESSENTIAL_RESERVE);
    assert_int_equal(world_denial(world, essential, 7), DENIED_BY_ESSENTIAL_RESERVE); /* marked, but no floor */
    world_list(world);
    world->types[other].min_units = 500; /* a floor, but not marked */
    world->types[essential].min_units = world->types[essential].serving_units + 2;
    world_bid(world, essential, 500);
    world_bid(world, other, 500);
    world_step(world);
    assert_int_equal(world->granted[other], 0);
    assert_int_equal(world->granted[essential], 2);
    world_end(world);
}

static void the_reserve_lies_inside_the_days_cap_as_well(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.money.daily = MONEY(10000000);
    world->settings.money.essential_reserve = MONEY(2000000);
    world->day.spent = MONEY(8000000);
    size_t essential = world_bidder(world, "essential", 1, 3);
    world->types[essential].essential = true;
    world->types[essential].min_units = 3;
    size_t other = world_bidder(world, "other", 1, 5);
    world_step(world);
    assert_int_equal(world->granted[essential], 3);
    assert_int_equal(world->granted[other], 0);
    assert_int_equal(world_denial(world, other, 0), DENIED_BY_ESSENTIAL_RESERVE);
    world_end(world);
}

/* ---- lease limits ---- */

static void a_type_has_at_most_four_leases_in_a_region(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.leases_per_region = 4;
    size_t type = world_bidder(world, "type", 8, 500);
    for (int i = 0; i < 2; i++)
        (void)text_copy(world->types[type].lots[i].placement.region, NAME_SIZE, "us-west-2");
    world_step(world);
    size_t east = 0, west = 0;
    for (size_t i = 0; i < world->lease_count; i++)
        *(strcmp(world->leases[i].placement.region, "us-west-2") == 0 ? &west : &east) += 1;
    assert_int_equal(east, 4);
    assert_true(west > 0 && west <= 4);
    assert_int_equal(world_denial(world, type, 7), DENIED_BY_LEASE_LIMIT);
    for (size_t i = 0; i < world->lease_count; i++)
        world->leases[i].settled = true; /* a definite result came: no limit, though the room is still held */
    world_bid(world, type, 500);
    world_step(world);
    assert_true(world_granted(world) > 0);
    world_end(world);
}

static void a_types_leases_hold_at_most_a_tenth_of_any_global_cap(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.lease_share = 10;
    size_t type = world_bidder(world, "type", 8, 5000);
    world->settings.max_units = 120;
    world_step(world);
    assert_int_equal(world_granted(world), 12);
    world->lease_count = 0;
    world->settings.max_units = 1000;
    world->settings.max_instances = 70;
    world_bid(world, type, 5000);
    world_step(world);
    assert_int_equal(world_granted(world), 7);
    world->lease_count = 0;
    world->settings.max_instances = 1000;
    world->settings.money.hourly = MONEY(9000000);
    world_bid(world, type, 5000);
    world_step(world);
    assert_int_equal(world_granted(world), 9);
    assert_int_equal(world_denial(world, type, 7), DENIED_BY_LEASE_LIMIT);
    world_end(world);
}

static void one_instance_per_region_is_always_within_the_lease_limit(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.lease_share = 10;
    world->settings.max_units = 9; /* a tenth is less than one */
    size_t type = world_bidder(world, "type", 2, 50);
    (void)text_copy(world->types[type].lots[1].placement.region, NAME_SIZE, "us-west-2");
    for (int i = 0; i < 3; i++)
        world_step(world);
    assert_int_equal(world->lease_count, 2);
    assert_int_equal(world->leases[0].count, 1);
    assert_int_equal(world->leases[1].count, 1);
    assert_string_not_equal(world->leases[0].placement.region, world->leases[1].placement.region);
    world_end(world);
}

static void a_hanging_type_cannot_sit_on_the_caps(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.lease_share = 10;
    world->settings.leases_per_region = 4;
    world->settings.max_units = 100;
    size_t hanging = world_bidder(world, "hanging", 8, 6000);
    for (int i = 0; i < 20; i++) {
        world_bid(world, hanging, 6000);
        world_step(world);
        world_later(world, 10000);
    }
    size_t other = world_bidder(world, "other", 8, 9);
    world_step(world);
    assert_int_equal(world->granted[other], 9);
    world_end(world);
}

/* ---- the wish ---- */

static void grants_above_seen_are_subtracted_from_the_wish_whatever_their_placement(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 3, 12);
    world_step(world);
    assert_int_equal(world_granted(world), 12);
    for (int i = 0; i < 3; i++) {
        world->types[type].number++; /* the same wish again, from before the grants were seen */
        world_step(world);
        assert_int_equal(world_granted(world), 0);
        assert_int_equal(world_denial(world, type, 0), DENIED_BY_WISH);
    }
    world->types[type].seen = world->leases[0].grant;
    world_step(world);
    assert_int_equal(world_granted(world), world->leases[0].count);
    world_end(world);
}

static void a_grant_whose_lease_has_ended_still_covers_a_wish_that_has_not_seen_it(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 1, 1);
    world_step(world);
    world_step(world);
    world_list(world); /* it was listed before the worker's next bid came */
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    world_bid(world, type, 1);
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    world_end(world);
}

static void alternatives_never_add_up_to_more_than_the_wish_nor_a_lot_to_more_than_itself(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 3, 25);
    for (int i = 0; i < 5; i++) {
        world->types[type].number++;
        world_step(world);
    }
    int64_t sum = 0, by_lot[3] = {0};
    for (size_t i = 0; i < world->lease_count; i++) {
        sum += world->leases[i].count;
        by_lot[world->leases[i].placement.instance_type[strlen("m3.size")] - '0'] += world->leases[i].count;
    }
    assert_int_equal(sum, 25);
    for (int i = 0; i < 3; i++)
        assert_true(by_lot[i] <= 10);
    world_end(world);
}

static void a_wish_is_rounded_up_to_one_whole_instance_and_no_more(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 1, 1);
    world->types[type].lots[0].capacity = 8;
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    world->lease_count = 0;
    world_bid(world, type, 17);
    world_step(world);
    assert_int_equal(world_granted(world), 3);
    world_end(world);
}

static void a_removed_type_leaves_nothing_behind(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_units = 5;
    (void)world_bidder(world, "type", 1, 5);
    world_step(world);
    world_step(world);
    world->lease_count = 0;
    world->type_count = 0;
    world_step(world);
    size_t type = world_bidder(world, "type", 1, 5);
    world->types[type].seen = 0; /* a new worker that has seen nothing: the old grants are not held against it */
    world_step(world);
    assert_int_equal(world_granted(world), 5);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_grant_lifts_held_and_leased_above_a_global_cap),
        cmocka_unit_test(a_settled_lease_and_one_of_a_removed_type_still_hold_their_room),
        cmocka_unit_test(a_cap_that_is_already_passed_gets_no_grants_and_an_alarm),
        cmocka_unit_test(a_types_ceiling_counts_units_held_and_leased),
        cmocka_unit_test(committed_cost_counts_the_granted_max_price),
        cmocka_unit_test(the_days_stop_line_counts_an_hour_ahead),
        cmocka_unit_test(the_essential_reserve_is_spent_only_by_floors_marked_essential),
        cmocka_unit_test(the_reserve_lies_inside_the_days_cap_as_well),
        cmocka_unit_test(a_type_has_at_most_four_leases_in_a_region),
        cmocka_unit_test(a_types_leases_hold_at_most_a_tenth_of_any_global_cap),
        cmocka_unit_test(one_instance_per_region_is_always_within_the_lease_limit),
        cmocka_unit_test(a_hanging_type_cannot_sit_on_the_caps),
        cmocka_unit_test(grants_above_seen_are_subtracted_from_the_wish_whatever_their_placement),
        cmocka_unit_test(a_grant_whose_lease_has_ended_still_covers_a_wish_that_has_not_seen_it),
        cmocka_unit_test(alternatives_never_add_up_to_more_than_the_wish_nor_a_lot_to_more_than_itself),
        cmocka_unit_test(a_wish_is_rounded_up_to_one_whole_instance_and_no_more),
        cmocka_unit_test(a_removed_type_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
