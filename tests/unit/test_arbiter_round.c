/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_round.c: steps 1, 2 and 3, who is due, when a round closes, and what a first lot is (DESIGN section 6).
 */
#include "tests/unit/arbiter_world.h"

static void a_first_lot_is_one_instance_and_the_rest_comes_in_step_three(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world_bidder(world, "alpha", 1, 10);
    world_bidder(world, "beta", 1, 10);
    world_step(world);
    assert_int_equal(world->out.grant_count, 4);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(world->out.grants[i].step, 2);
        assert_int_equal(world->out.grants[i].count, 1);
        assert_int_equal(world->out.grants[2 + i].step, 3);
        assert_int_equal(world->out.grants[2 + i].count, 9);
    }
    world_end(world);
}

static void nobody_gets_a_second_lot_before_all_had_their_first_under_every_policy(void **state)
{
    (void)state;
    for (enum policy policy = POLICY_ROUND_ROBIN; policy <= POLICY_LAG; policy++) {
        struct world *world = world_begin();
        world->settings.policy = policy;
        world_bidder(world, "giant", 8, 6000);
        world->types[0].priority = 100;
        world->types[0].lag = SPAN_SECONDS(86400);
        for (char name[] = "small-a"; name[6] <= 'h'; name[6]++)
            world_bidder(world, name, 1, 1);
        world_step(world);
        for (size_t i = 0; i < 9; i++) {
            assert_int_equal(world->out.grants[i].count, 1);
            for (size_t j = 0; j < i; j++)
                assert_int_not_equal(world->out.grants[i].type, world->out.grants[j].type);
        }
        world_end(world);
    }
}

static void types_below_their_floor_come_first(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_units = 1;
    world_bidder(world, "alpha", 1, 5);
    size_t floor = world_bidder(world, "floor", 1, 5);
    world->types[floor].min_units = 1;
    world_bidder(world, "zeta", 1, 5);
    world_step(world);
    assert_int_equal(world->out.grant_count, 1);
    assert_int_equal(world->out.grants[0].type, floor);
    assert_int_equal(world->out.grants[0].step, 1);
    world_end(world);
}

static void leases_count_towards_a_floor(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t floor = world_bidder(world, "floor", 1, 5);
    world->types[floor].min_units = 1;
    world_step(world);
    world_bid(world, floor, 5);
    world_step(world);
    assert_int_equal(world->out.grants[0].step, 2);
    world_end(world);
}

static void a_floor_whose_last_three_launches_failed_ranks_with_all_others(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world_bidder(world, "alpha", 1, 1);
    size_t floor = world_bidder(world, "floor", 1, 1);
    world->types[floor].min_units = 1;
    world->types[floor].failing = true;
    world_step(world);
    for (size_t i = 0; i < world->out.grant_count; i++)
        assert_int_equal(world->out.grants[i].step, 2);
    world_end(world);
}

static void the_type_whose_last_grant_is_longest_ago_goes_first(void **state)
{
    struct world *world = world_begin();
    int seen[3] = {0};

    (void)state;
    world->settings.max_units = 1;
    for (char name[] = "type-a"; name[5] <= 'c'; name[5]++)
        world_bidder(world, name, 1, 5);
    for (int turn = 0; turn < 6; turn++) {
        world_step(world);
        assert_int_equal(world->out.grant_count, 1);
        seen[world->out.grants[0].type]++;
        world->lease_count = 0; /* it ended at once */
        for (size_t type = 0; type < 3; type++)
            world_bid(world, type, 5);
        for (size_t a = 0; a < 3; a++)
            for (size_t b = 0; b < 3; b++)
                assert_true(seen[a] - seen[b] <= 1);
    }
    world_end(world);
}

/* The one token of a region goes to whom? Call tokens 1, refill as configured. */
static void use_buckets(struct world *world)
{
    world->settings.launch_share = 1;
    world->settings.lot_max = 10;
}

static void a_type_that_turns_up_late_takes_its_first_lot_next(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    size_t giant = world_bidder(world, "giant", 8, 500);
    size_t late = world_type(world, "late");
    (void)world_lot(world, late);
    for (int i = 0; i < 10; i++, world_later(world, 500)) {
        world_step(world);
        assert_int_equal(world->out.grant_count, 1);
        assert_int_equal(world->out.grants[0].type, giant);
    }
    world_bid(world, late, 1);
    world_step(world);
    assert_int_equal(world->out.grant_count, 1);
    assert_int_equal(world->out.grants[0].type, late);
    world_end(world);
}

static void a_small_type_that_comes_back_waits_for_one_token_not_for_the_giants_turns(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    size_t giant = world_bidder(world, "giant", 8, 6000);
    size_t small = world_bidder(world, "small", 1, 1);
    for (int i = 0; i < 20; i++) {
        world_step(world);
        world_later(world, 500);
    }
    for (int again = 0; again < 5; again++) {
        world_bid(world, small, 1);
        world_step(world);
        assert_int_equal(world->out.grant_count, 1);
        assert_int_equal(world->out.grants[0].type, small);
        world_later(world, 500);
        world_step(world);
        assert_int_equal(world->out.grants[0].type, giant);
        world_later(world, 500);
    }
    world_end(world);
}

static void among_giants_a_small_type_that_comes_back_waits_for_one_token_of_each_at_most(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    world->settings.policy = POLICY_LAG; /* in step 3 the giants go first */
    for (char name[] = "giant-a"; name[6] <= 'd'; name[6]++)
        world->types[world_bidder(world, name, 8, 6000)].lag = SPAN_SECONDS(86400);
    size_t small = world_bidder(world, "small", 1, 1);
    for (int turn = 0; turn < 10; turn++) {
        int tokens = 0;
        world_bid(world, small, 1);
        do {
            world_step(world);
            world_later(world, 500);
            tokens++;
        } while (world->granted[small] == 0);
        assert_true(tokens <= 5);
    }
    world_end(world);
}

static void while_first_lots_wait_for_tokens_there_is_no_step_three(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    for (char name[] = "type-a"; name[5] <= 'f'; name[5]++)
        world_bidder(world, name, 8, 500);
    bool had[6] = {false};
    for (int i = 0; i < 6; i++, world_later(world, 500)) {
        world_step(world);
        assert_int_equal(world->out.grant_count, 1);
        assert_int_equal(world->out.grants[0].count, 1);
        assert_false(had[world->out.grants[0].type]);
        had[world->out.grants[0].type] = true;
    }
    world_end(world);
}

static void step_three_makes_as_many_grants_as_types_bid_and_then_all_have_a_first_lot_again(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_instances = 26;
    world_bidder(world, "alpha", 8, 500);
    world_bidder(world, "beta", 8, 500);
    world_step(world);
    /* 1 + 1, 10 + 10 (each lot of ten lacks the first one: 9 + 9), 1 + 1, then what is left */
    assert_int_equal(world->out.grants[0].step, 2);
    assert_int_equal(world->out.grants[1].step, 2);
    assert_int_equal(world->out.grants[2].step, 3);
    assert_int_equal(world->out.grants[3].step, 3);
    assert_int_equal(world->out.grants[4].step, 2);
    assert_int_equal(world->out.grants[5].step, 2);
    assert_int_equal(world->out.grants[4].count, 1);
    assert_int_equal(world_granted(world), 26);
    world_end(world);
}

static void a_first_lot_goes_to_the_first_lot_that_nothing_stops(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    size_t filler = world_bidder(world, "a-filler", 1, 1); /* takes the only token of the first region */
    size_t type = world_bidder(world, "type", 4, 1);
    world_step(world);
    assert_int_equal(world->granted[filler] + world->granted[type], 1);
    world_bid(world, filler, 0);
    world->types[type].lots[1].breaker.state = BREAKER_CLOSED;
    (void)text_copy(world->types[type].lots[1].placement.region, NAME_SIZE, "us-west-2");
    (void)text_copy(world->types[type].lots[2].placement.region, NAME_SIZE, "us-west-2");
    world->types[type].lots[2].capacity = 100;
    world->types[type].max_units = 50;
    (void)text_copy(world->types[type].lots[3].placement.region, NAME_SIZE, "us-west-2");
    world_bid(world, type, 1);
    world_step(world);
    assert_int_equal(world->out.grant_count, 1);
    assert_int_equal(world->out.grants[0].lot, 3);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_LAUNCH_RATE);
    assert_int_equal(world_denial(world, type, 1), DENIED_BY_BREAKER);
    assert_int_equal(world_denial(world, type, 2), DENIED_BY_TYPE_CEILING);
    world_end(world);
}

static void room_for_a_first_lot_that_waits_for_tokens_is_set_aside_in_every_region(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    size_t first = world_bidder(world, "a", 1, 1);
    size_t second = world_bidder(world, "b", 1, 1);
    size_t giant = world_bidder(world, "giant", 1, 500);
    (void)text_copy(world->types[giant].lots[0].placement.region, NAME_SIZE, "us-west-2");
    world_hold(world, giant, 1);
    world->settings.max_units = 4; /* the giant holds 1 and could take 3 */
    world_step(world);
    assert_int_equal(world->granted[first] + world->granted[second], 1); /* one waits for a token */
    assert_int_equal(world->granted[giant], 1);
    for (int i = 0; i < 3; i++)
        world_step(world);
    assert_int_equal(world_denial(world, giant, 0), DENIED_BY_ROUND);
    world_later(world, 10000);
    world_step(world);
    assert_int_equal(world->granted[first] + world->granted[second], 1);
    assert_int_equal(world->granted[giant], 0);
    world_end(world);
}

static void set_aside_room_holds_although_the_other_region_has_tokens(void **state)
{
    struct world *world = world_begin();

    (void)state;
    use_buckets(world);
    size_t first = world_bidder(world, "a", 1, 1);
    size_t giant = world_bidder(world, "giant", 1, 500);
    (void)text_copy(world->types[giant].lots[0].placement.region, NAME_SIZE, "us-west-2");
    world_bid(world, first, 0);
    world_bid(world, giant, 1); /* the giant has just had a grant, so the other goes first */
    world_step(world);
    world_list(world);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    world_bid(world, first, 1);
    world_bid(world, giant, 500);
    world->settings.max_units = 2;
    world_later(world, 100);
    world_step(world);
    assert_int_equal(world->out.grant_count, 0);
    assert_int_equal(world_denial(world, giant, 0), DENIED_BY_ROUND);
    assert_int_equal(world_denial(world, first, 0), DENIED_BY_LAUNCH_RATE);
    assert_true(mono_before(world->out.again, mono_add(world->now, SPAN_SECONDS(2))));
    world_end(world);
}

static void a_half_open_scope_lets_one_instance_of_one_type_in(void **state)
{
    struct world *world = world_begin();

    (void)state;
    for (char name[] = "type-a"; name[5] <= 'c'; name[5]++) {
        size_t type = world_bidder(world, name, 1, 10);
        world->types[type].lots[0].breaker =
            (struct breaker_view){.state = BREAKER_HALF_OPEN, .scope = "capacity us-east-1a/m3.size0/spot"};
    }
    world_step(world);
    assert_int_equal(world->out.grant_count, 1);
    assert_int_equal(world->out.grants[0].count, 1);
    assert_true(world->out.grants[0].probe);
    world_end(world);
}

static void a_probe_is_its_types_first_lot_and_never_comes_in_step_three(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 2, 30);
    world->types[type].lots[1].breaker = (struct breaker_view){.state = BREAKER_HALF_OPEN, .scope = "capacity"};
    world_step(world);
    assert_int_equal(world->out.grant_count, 3);
    assert_int_equal(world->out.grants[0].lot, 0);
    assert_int_equal(world->out.grants[1].lot, 0);
    assert_int_equal(world->out.grants[1].step, 3);
    assert_int_equal(world->out.grants[2].lot, 1); /* the next round's first lot */
    assert_int_equal(world->out.grants[2].step, 2);
    assert_int_equal(world->out.grants[2].count, 1);
    assert_true(world->out.grants[2].probe);
    assert_int_equal(world_denial(world, type, 1), DENIED_BY_BREAKER);
    world_end(world);
}

static void a_quarantined_type_launches_one_at_a_time_and_not_before_its_time(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "sick", 2, 100);
    world->types[type].quarantined = true;
    world->types[type].quarantine_until = mono_add(world->now, SPAN_SECONDS(60));
    world_step(world);
    assert_int_equal(world->out.grant_count, 0);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_QUARANTINE);
    assert_int_equal(world->out.again.us, world->types[type].quarantine_until.us);
    world_later(world, 60000);
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    world_step(world);
    assert_int_equal(world_granted(world), 0); /* one at a time */
    world_end(world);
}

static void paused_stopped_and_closed_things_get_nothing_and_say_why(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t paused = world_bidder(world, "paused", 1, 1);
    world->types[paused].paused = true;
    size_t place = world_bidder(world, "place", 5, 1);
    (void)text_copy(world->types[place].lots[0].placement.region, NAME_SIZE, "nowhere-1");
    (void)text_copy(world->types[place].lots[1].placement.region, NAME_SIZE, "us-west-2");
    world->regions[1].closed = DENIED_BY_FREEZE;
    world->types[place].lots[2].no_price = true;
    world->types[place].lots[3].breaker.state = BREAKER_CLOSED;
    world->types[place].lots[4].breaker.state = BREAKER_CLOSED;
    world->types[place].lots[4].breaker.quarantine = true;
    size_t stopped = world_bidder(world, "stopped", 1, 1);
    world->types[stopped].ledger_stopped = true;
    world_step(world);
    assert_int_equal(world->out.grant_count, 0);
    assert_int_equal(world_denial(world, paused, 0), DENIED_BY_PAUSE);
    assert_int_equal(world_denial(world, stopped, 0), DENIED_BY_LEDGER);
    assert_int_equal(world_denial(world, place, 0), DENIED_BY_REGION_UNLISTED);
    assert_int_equal(world_denial(world, place, 1), DENIED_BY_FREEZE);
    assert_int_equal(world_denial(world, place, 2), DENIED_BY_NO_PRICE);
    assert_int_equal(world_denial(world, place, 3), DENIED_BY_BREAKER);
    assert_int_equal(world_denial(world, place, 4), DENIED_BY_QUARANTINE);
    world_end(world);
}

static void a_type_on_trial_has_one_lease_at_a_time_within_its_canary(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "canary", 2, 100);
    world->types[type].canary = true;
    world->types[type].lots[0].canary_room = world->types[type].lots[1].canary_room = 2;
    world->types[type].min_units = 50; /* a floor above it waits, and says so */
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_CANARY);
    world_list(world);
    world->types[type].lots[0].canary_room = world->types[type].lots[1].canary_room = 1;
    world_bid(world, type, 100);
    world_step(world);
    assert_int_equal(world_granted(world), 1);
    world_list(world);
    world->types[type].lots[0].canary_room = world->types[type].lots[1].canary_room = 0;
    world_bid(world, type, 100);
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_CANARY);
    world_end(world);
}

static void lots_of_one_spec_share_its_canary(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "canary", 3, 100);
    for (int i = 0; i < 3; i++)
        world->types[type].lots[i].canary_room = 3;
    world->types[type].lots[2].spec_hash = "another";
    world_step(world);
    assert_int_equal(world_granted(world), 6);
    world_end(world);
}

static void the_same_input_gives_the_same_output(void **state)
{
    struct world *worlds[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        worlds[i] = world_begin();
        worlds[i]->settings.policy = POLICY_PROBABILITY;
        worlds[i]->settings.max_units = 40;
        for (char name[] = "type-a"; name[5] <= 'f'; name[5]++)
            world_bidder(worlds[i], name, 4, 20 * (name[5] - 'a' + 1));
        world_step(worlds[i]);
    }
    assert_int_equal(worlds[0]->out.grant_count, worlds[1]->out.grant_count);
    assert_memory_equal(worlds[0]->granted, worlds[1]->granted, sizeof worlds[0]->granted);
    world_end(worlds[0]);
    world_end(worlds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_lot_is_one_instance_and_the_rest_comes_in_step_three),
        cmocka_unit_test(nobody_gets_a_second_lot_before_all_had_their_first_under_every_policy),
        cmocka_unit_test(types_below_their_floor_come_first),
        cmocka_unit_test(leases_count_towards_a_floor),
        cmocka_unit_test(a_floor_whose_last_three_launches_failed_ranks_with_all_others),
        cmocka_unit_test(the_type_whose_last_grant_is_longest_ago_goes_first),
        cmocka_unit_test(a_type_that_turns_up_late_takes_its_first_lot_next),
        cmocka_unit_test(a_small_type_that_comes_back_waits_for_one_token_not_for_the_giants_turns),
        cmocka_unit_test(among_giants_a_small_type_that_comes_back_waits_for_one_token_of_each_at_most),
        cmocka_unit_test(while_first_lots_wait_for_tokens_there_is_no_step_three),
        cmocka_unit_test(step_three_makes_as_many_grants_as_types_bid_and_then_all_have_a_first_lot_again),
        cmocka_unit_test(a_first_lot_goes_to_the_first_lot_that_nothing_stops),
        cmocka_unit_test(room_for_a_first_lot_that_waits_for_tokens_is_set_aside_in_every_region),
        cmocka_unit_test(set_aside_room_holds_although_the_other_region_has_tokens),
        cmocka_unit_test(a_half_open_scope_lets_one_instance_of_one_type_in),
        cmocka_unit_test(a_probe_is_its_types_first_lot_and_never_comes_in_step_three),
        cmocka_unit_test(a_quarantined_type_launches_one_at_a_time_and_not_before_its_time),
        cmocka_unit_test(paused_stopped_and_closed_things_get_nothing_and_say_why),
        cmocka_unit_test(a_type_on_trial_has_one_lease_at_a_time_within_its_canary),
        cmocka_unit_test(lots_of_one_spec_share_its_canary),
        cmocka_unit_test(the_same_input_gives_the_same_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
