/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_headroom.c: what of each global cap is kept, for whom it is open, and how far (DESIGN section 6). */
#include "tests/unit/arbiter_world.h"

static void a_healthy_giant_cannot_fill_the_house(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = -1;
    world->settings.max_units = 100;
    size_t giant = world_bidder(world, "giant", 8, 6000);
    size_t small = world_type(world, "small");
    (void)world_lot(world, small);
    world_hold(world, giant, 90);
    for (int i = 0; i < 5; i++) {
        world_step(world);
        world_list(world);
        world_bid(world, giant, 6000);
    }
    assert_int_equal(world->types[giant].held_units, 95); /* 5 % stay */
    assert_int_equal(world_denial(world, giant, 0), DENIED_BY_HEADROOM);
    world_bid(world, small, 1);
    world_step(world);
    assert_int_equal(world->granted[small], 1);
    assert_int_equal(world->granted[giant], 0);
    world_end(world);
}

/* What a giant that bids alone, holding one instance, may fill of a cap of 200 units. */
static int64_t giants_part(int empty_types, int64_t their_capacity, int64_t percent)
{
    struct world *world = world_begin();

    world->settings.headroom_percent = percent;
    world->settings.max_units = 200;
    size_t giant = world_bidder(world, "a-giant", 8, 6000);
    world_hold(world, giant, 1);
    for (int i = 0; i < empty_types; i++) {
        char name[16];
        (void)text_format(name, sizeof name, "type-%02d", i);
        world->types[world_type(world, name)].largest_capacity = their_capacity;
    }
    for (int i = 0; i < 30; i++) {
        world_step(world);
        world_list(world);
        world_bid(world, giant, 6000);
    }
    int64_t held = world->types[giant].held_units;
    world_end(world);
    return held;
}

static void headroom_is_one_instance_for_each_type_that_holds_none_between_5_and_20_percent(void **state)
{
    (void)state;
    assert_int_equal(giants_part(1, 1, -1), 190);  /* at least 5 % */
    assert_int_equal(giants_part(15, 1, -1), 185); /* one unit each */
    assert_int_equal(giants_part(5, 4, -1), 180);  /* at their largest capacity */
    assert_int_equal(giants_part(50, 4, -1), 160); /* at most 20 % */
    assert_int_equal(giants_part(15, 1, 10), 180); /* or as configured */
    assert_int_equal(giants_part(15, 1, 0), 200);
}

static void five_percent_of_a_small_cap_is_rounded_down(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = -1;
    world->settings.max_units = 19;
    size_t giant = world_bidder(world, "giant", 8, 6000);
    world_hold(world, giant, 18);
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    world_end(world);
}

static void leases_count_as_held_for_the_headroom(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = -1;
    world->settings.max_units = 20; /* 20 % are 4, 5 % is 1 */
    size_t giant = world_bidder(world, "giant", 8, 6000);
    world_hold(world, giant, 15);
    for (char name[] = "type-a"; name[5] <= 'c'; name[5]++)
        world_bidder(world, name, 1, 1);
    world_step(world);
    /* three first instances are leased, so that only the least headroom of one unit is kept */
    assert_int_equal(world->granted[giant], 1);
    assert_int_equal(world_granted(world), 4);
    world_end(world);
}

static void headroom_is_open_within_an_equal_share(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = 20;
    world->settings.max_units = 100;
    size_t giant = world_bidder(world, "giant", 8, 6000);
    world_hold(world, giant, 80);
    size_t medium = world_bidder(world, "medium", 8, 6000);
    world_hold(world, medium, 5);
    world_type(world, "third");
    world_type(world, "zfourth"); /* four types: a share is 25 units */
    for (int i = 0; i < 5; i++) {
        world_step(world);
        world_list(world);
        world_bid(world, medium, 6000);
    }
    assert_int_equal(world->types[giant].held_units, 80);
    assert_int_equal(world->types[medium].held_units, 18); /* at 98 of 100: one is left to each type without any */
    assert_int_equal(world_denial(world, medium, 7), DENIED_BY_HEADROOM);
    world->settings.max_units = 150; /* a share is 37, the headroom 30, the giant full at 120 */
    for (int i = 0; i < 9; i++) {
        world_step(world);
        world_list(world);
        world_bid(world, medium, 6000);
    }
    assert_int_equal(world->types[medium].held_units, 37);
    assert_int_equal(world_denial(world, medium, 7), DENIED_BY_HEADROOM);
    world_end(world);
}

static void first_instances_find_room_however_small_types_fill_the_headroom(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = -1;
    world->settings.max_units = 100;
    world_hold(world, world_type(world, "giant"), 90);
    size_t medium = world_bidder(world, "medium", 8, 6000);
    world_hold(world, medium, 1);
    size_t small[3];
    for (int i = 0; i < 3; i++) {
        char name[16];
        (void)text_format(name, sizeof name, "small-%d", i);
        small[i] = world_type(world, name);
        (void)world_lot(world, small[i]);
    }
    for (int i = 0; i < 9; i++) {
        world_step(world);
        world_list(world);
        world_bid(world, medium, 6000);
    }
    assert_int_equal(world->types[medium].held_units, 7); /* 97 of 100 */
    for (int i = 0; i < 3; i++) {
        world_bid(world, small[i], 1);
        world_step(world);
        assert_int_equal(world->granted[small[i]], 1);
        world_list(world);
    }
    world_hold(world, small[0], 0); /* what it frees stays its own */
    world_bid(world, small[0], 0);
    world_bid(world, medium, 6000);
    world_step(world);
    assert_int_equal(world->out.grant_count, 0);
    world_end(world);
}

static void one_instance_is_always_within_the_share(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = 20;
    world->settings.max_units = 40;
    size_t giant = world_type(world, "giant");
    world_hold(world, giant, 32);
    size_t large = world_bidder(world, "large", 1, 8);
    world->types[large].lots[0].capacity = 8; /* an equal share is 4 units only */
    for (char name[] = "type-a"; name[5] <= 'h'; name[5]++)
        world_type(world, name);
    world_step(world);
    assert_int_equal(world->granted[large], 1);
    world_end(world);
}

static void a_floor_may_use_the_headroom_up_to_itself(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = 20;
    world->settings.max_units = 100;
    size_t floor = world_bidder(world, "floor", 8, 6000);
    world_hold(world, floor, 80);
    world->types[floor].serving_units = 70;
    world->types[floor].min_units = 75;
    for (char name[] = "type-a"; name[5] <= 'h'; name[5]++)
        world_type(world, name);
    for (int i = 0; i < 5; i++)
        world_step(world);
    assert_int_equal(world->lease_count == 0 ? 0 : world->last_grant > 0, 1);
    int64_t sum = 0;
    for (size_t i = 0; i < world->lease_count; i++)
        sum += world->leases[i].count;
    assert_int_equal(sum, 5);
    world_end(world);
}

static void headroom_is_kept_in_instances_and_in_money_too(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = 10;
    world->settings.max_instances = 100;
    size_t giant = world_bidder(world, "giant", 8, 6000);
    world_hold(world, giant, 85);
    world_type(world, "small");
    world_step(world);
    assert_int_equal(world_granted(world), 5);
    assert_int_equal(world_denial(world, giant, 7), DENIED_BY_HEADROOM);
    world->settings.max_instances = 1000;
    world->settings.money.hourly = MONEY(10000000);
    world_step(world);
    assert_int_equal(world_granted(world), 0); /* 9.00 of 10.00 are committed */
    world->settings.money.hourly = MONEY_MAX;
    world->settings.money.daily = MONEY(10000000);
    world_step(world);
    assert_int_equal(world_granted(world), 0); /* a tenth of the day's money is kept for small types */
    assert_int_equal(world_denial(world, giant, 7), DENIED_BY_HEADROOM);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_giant_cannot_fill_the_house),
        cmocka_unit_test(headroom_is_one_instance_for_each_type_that_holds_none_between_5_and_20_percent),
        cmocka_unit_test(five_percent_of_a_small_cap_is_rounded_down),
        cmocka_unit_test(leases_count_as_held_for_the_headroom),
        cmocka_unit_test(headroom_is_open_within_an_equal_share),
        cmocka_unit_test(first_instances_find_room_however_small_types_fill_the_headroom),
        cmocka_unit_test(one_instance_is_always_within_the_share),
        cmocka_unit_test(a_floor_may_use_the_headroom_up_to_itself),
        cmocka_unit_test(headroom_is_kept_in_instances_and_in_money_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
