/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_owned.c: a type that was passed over for room eight rounds running owns all room freed in the caps it
 * lacked, kept together until its first lot fits (DESIGN section 6). */
#include "tests/unit/arbiter_world.h"

/* A house of 16 units that small lots keep full, and a type whose instance needs 8 units at once. */
static struct world *full_house(size_t *small, size_t *large)
{
    struct world *world = world_begin();

    world->settings.max_units = 16;
    *large = world_bidder(world, "large", 1, 8);
    world->types[*large].lots[0].capacity = 8;
    *small = world_bidder(world, "small", 8, 500);
    world_hold(world, *small, 16);
    return world;
}

/* A tick later, with everybody's bid anew. */
static void next_tick(struct world *world)
{
    world_later(world, 10000);
    world_list(world);
    for (size_t i = 0; i < world->type_count; i++)
        if (world->types[i].bids)
            world_bid(world, i, world->types[i].units);
    world_step(world);
}

static void free_units(struct world *world, size_t type, int64_t units)
{
    world_hold(world, type, world->types[type].held_units - units);
}

static void eight_rounds_passed_over(struct world *world)
{
    for (int i = 0; i < 8; i++) {
        next_tick(world);
        assert_int_equal(world->out.grant_count, 0);
    }
}

static void before_its_eighth_round_others_take_the_room_that_is_too_small_for_it(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    for (int i = 0; i < 6; i++)
        next_tick(world);
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    world_end(world);
}

static void an_owners_room_is_kept_together_until_its_first_lot_fits(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    eight_rounds_passed_over(world);
    for (int i = 0; i < 7; i++) {
        free_units(world, small, 1);
        next_tick(world);
        assert_int_equal(world->out.grant_count, 0);
        assert_int_equal(world_denial(world, small, 0), DENIED_BY_OWNED_ROOM);
    }
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[large], 1);
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1); /* ownership ended with the grant */
    world_end(world);
}

static void room_that_is_more_than_the_owner_needs_is_others_to_use(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    eight_rounds_passed_over(world);
    free_units(world, small, 10);
    next_tick(world);
    assert_int_equal(world->granted[large], 1);
    assert_int_equal(world->granted[small], 2);
    world_end(world);
}

static void ownership_ends_with_the_bid(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    eight_rounds_passed_over(world);
    world_bid(world, large, 0);
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    world_bid(world, large, 8); /* and does not come back with the next one */
    for (int i = 0; i < 3; i++) {
        free_units(world, small, 1);
        next_tick(world);
        assert_int_equal(world->granted[small], 1);
    }
    world_end(world);
}

static void ownership_ends_with_a_breaker(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    eight_rounds_passed_over(world);
    world->types[large].lots[0].breaker.state = BREAKER_CLOSED;
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    world->types[large].lots[0].breaker.state = BREAKER_OPEN; /* and does not come back with it */
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    world_end(world);
}

static void the_oldest_owner_goes_first(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    for (int i = 0; i < 4; i++)
        next_tick(world);
    size_t later = world_bidder(world, "x-later", 1, 4);
    world->types[later].lots[0].capacity = 4;
    for (int i = 0; i < 8; i++)
        next_tick(world); /* both own by now */
    free_units(world, small, 5);
    next_tick(world);
    assert_int_equal(world->out.grant_count, 0);
    assert_int_equal(world_denial(world, later, 0), DENIED_BY_OWNED_ROOM);
    free_units(world, small, 3);
    next_tick(world);
    assert_int_equal(world->granted[large], 1);
    assert_int_equal(world->granted[later], 0);
    free_units(world, small, 4);
    next_tick(world);
    assert_int_equal(world->granted[later], 1);
    world_end(world);
}

static void rounds_without_a_grant_count_once_per_tick(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    for (int i = 0; i < 100; i++) {
        world_later(world, 10);
        world_step(world);
    }
    free_units(world, small, 1);
    world_step(world);
    assert_int_equal(world->granted[small], 1); /* a hundred looks in a second are one round */
    world_end(world);
}

static void room_is_owned_in_money_as_well(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.money.hourly = MONEY(1000000);
    size_t dear = world_bidder(world, "dear", 1, 1);
    world->types[dear].lots[0].max_price = MONEY(800000);
    size_t small = world_bidder(world, "small", 8, 500);
    world_hold(world, small, 10);
    for (int i = 0; i < 8; i++)
        next_tick(world);
    free_units(world, small, 7);
    next_tick(world);
    assert_int_equal(world->out.grant_count, 0);
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[dear], 1);
    world_end(world);
}

static void what_could_never_fit_owns_nothing(void **state)
{
    size_t small, large;
    struct world *world = full_house(&small, &large);

    (void)state;
    world->types[large].lots[0].capacity = 17;
    for (int i = 0; i < 20; i++)
        next_tick(world);
    free_units(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    world_end(world);
}

static void headroom_stays_open_to_a_first_instance_beside_a_giant_that_owns_room(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.headroom_percent = 10;
    world->settings.max_units = 100;
    size_t giant = world_bidder(world, "giant", 1, 500);
    world->types[giant].lots[0].capacity = 15;
    world_hold(world, world_type(world, "other"), 80);
    size_t small = world_type(world, "small");
    (void)world_lot(world, small);
    world_hold(world, giant, 10);
    for (int i = 0; i < 12; i++)
        next_tick(world);
    world_bid(world, small, 1);
    next_tick(world);
    assert_int_equal(world->granted[small], 1);
    assert_int_equal(world->granted[giant], 0);
    world_end(world);
}

/* A cap of 100 units with 10 kept as headroom: giants own all room that becomes free, and two types are small. */
static struct world *giants_house(size_t *giant, size_t *medium)
{
    struct world *world = world_begin();

    world->settings.headroom_percent = 10;
    world->settings.max_units = 100;
    *giant = world_bidder(world, "giant", 1, 500);
    *medium = world_bidder(world, "medium", 8, 500);
    world_bid(world, *medium, 0);
    world_hold(world, *giant, 60);
    world_hold(world, world_type(world, "other"), 29);
    world_hold(world, *medium, 1);
    for (int i = 0; i < 12; i++)
        next_tick(world);
    return world;
}

static void an_owner_above_its_equal_share_leaves_the_headroom_to_those_within_theirs(void **state)
{
    size_t giant, medium;
    struct world *world = giants_house(&giant, &medium);

    (void)state;
    world_bid(world, medium, 500);
    next_tick(world);
    assert_int_equal(world->granted[medium], 10); /* the whole headroom: no type is without an instance */
    assert_int_equal(world->granted[giant], 0);
    world_list(world);
    free_units(world, giant, 1);
    next_tick(world); /* and what becomes free, until it has an equal share */
    assert_int_equal(world->granted[medium], 1);
    world_list(world);
    world_hold(world, medium, 33);
    world_hold(world, giant, 35); /* 97 of 100 */
    next_tick(world);
    assert_int_equal(world->granted[medium], 0);
    assert_int_equal(world_denial(world, medium, 0), DENIED_BY_HEADROOM);
    world_hold(world, medium + 1, 21); /* 89 of 100, and 90 are not headroom */
    next_tick(world);
    assert_int_equal(world->granted[giant], 1); /* then the giant, as the owner it is */
    world_end(world);
}

static void an_owner_within_its_equal_share_has_its_claim_on_the_headroom_too(void **state)
{
    size_t giant, medium;
    struct world *world = giants_house(&giant, &medium);

    (void)state;
    size_t needy = world_bidder(world, "needy", 1, 500);
    world->types[needy].lots[0].capacity = 12;
    world_hold(world, needy, 1);
    for (int i = 0; i < 12; i++)
        next_tick(world);
    world_bid(world, medium, 500);
    next_tick(world);
    assert_int_equal(world->out.grant_count, 0);
    assert_int_equal(world_denial(world, medium, 0), DENIED_BY_OWNED_ROOM);
    free_units(world, giant, 3); /* 88 of 100: below the headroom the giant is the older owner */
    next_tick(world);
    assert_int_equal(world->granted[giant], 1);
    world_list(world);
    free_units(world, giant, 1);
    next_tick(world);
    assert_int_equal(world->granted[needy], 1);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_its_eighth_round_others_take_the_room_that_is_too_small_for_it),
        cmocka_unit_test(an_owners_room_is_kept_together_until_its_first_lot_fits),
        cmocka_unit_test(room_that_is_more_than_the_owner_needs_is_others_to_use),
        cmocka_unit_test(ownership_ends_with_the_bid),
        cmocka_unit_test(ownership_ends_with_a_breaker),
        cmocka_unit_test(the_oldest_owner_goes_first),
        cmocka_unit_test(rounds_without_a_grant_count_once_per_tick),
        cmocka_unit_test(room_is_owned_in_money_as_well),
        cmocka_unit_test(what_could_never_fit_owns_nothing),
        cmocka_unit_test(headroom_stays_open_to_a_first_instance_beside_a_giant_that_owns_room),
        cmocka_unit_test(an_owner_above_its_equal_share_leaves_the_headroom_to_those_within_theirs),
        cmocka_unit_test(an_owner_within_its_equal_share_has_its_claim_on_the_headroom_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
