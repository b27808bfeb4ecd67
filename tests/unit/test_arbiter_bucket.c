/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_bucket.c: our model of EC2's launch buckets, and what RequestLimitExceeded does to it. */
#include <math.h>

#include "tests/unit/arbiter_world.h"

static const struct arbiter_settings ec2 = {.launch_share = 1,
                                            .calls_refill = 2,
                                            .instances_refill = 2,
                                            .calls_depth = 5,
                                            .instances_depth = 1000,
                                            .lot_max = 10,
                                            .max_units = 1000000,
                                            .max_instances = 1000000,
                                            .money = {.hourly = MONEY_MAX, .daily = MONEY_MAX},
                                            .leases_per_region = 1000,
                                            .lease_share = 100,
                                            .tick = SPAN_SECONDS(10)};

static struct world *bucket_world(void)
{
    struct world *world = world_begin();

    world->settings = ec2;
    world_step(world);
    return world;
}

static struct arbiter_bucket look(struct world *world)
{
    struct arbiter_bucket bucket;

    assert_true(arbiter_bucket(world->arbiter, "us-east-1", world->now, &bucket));
    return bucket;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-3;
}

static void buckets_start_nearly_empty(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    assert_true(near(look(world).calls, 1));
    assert_true(near(look(world).instances, 10));
    world_end(world);
}

static void tokens_refill_up_to_the_depth(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world_later(world, 1000);
    assert_true(near(look(world).calls, 3));
    assert_true(near(look(world).instances, 12));
    world_later(world, 3600000);
    assert_true(near(look(world).calls, 5));
    assert_true(near(look(world).instances, 1000));
    world_end(world);
}

static void the_launch_share_scales_the_refill_and_not_the_depth(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings = ec2;
    world->settings.launch_share = 0.5;
    world_step(world);
    world_later(world, 1000);
    assert_true(near(look(world).calls, 2));
    world_later(world, 3600000);
    assert_true(near(look(world).calls, 5));
    world_end(world);
}

static void off_removes_both_buckets(void **state)
{
    struct world *world = world_begin();
    struct arbiter_bucket bucket;

    (void)state;
    world_bidder(world, "type", 8, 80);
    world_step(world);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_int_equal(world_granted(world), 80);
    assert_false(arbiter_bucket(world->arbiter, "us-east-1", world->now, &bucket));
    world_end(world);
}

static void a_grant_takes_one_call_and_its_instances(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world_later(world, 2000);
    world_bidder(world, "type", 1, 10);
    world_step(world);
    assert_int_equal(world->out.grant_count, 2); /* the first lot, and the rest */
    assert_true(near(look(world).calls, 3));
    assert_true(near(look(world).instances, 4));
    world_end(world);
}

static void a_lot_is_cut_to_the_instance_tokens_that_are_there(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world->settings.instances_refill = 0.001;
    world_step(world);
    world_later(world, 2000);
    size_t type = world_bidder(world, "type", 2, 20);
    world_step(world);
    assert_int_equal(world_granted(world), 10);
    assert_int_equal(world_denial(world, type, 1), DENIED_BY_LAUNCH_RATE);
    world_end(world);
}

static void being_limited_empties_the_bucket_and_halves_the_refill_at_most_once_in_ten_seconds(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world_later(world, 2000);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_true(look(world).calls == 0 && look(world).instances == 0);
    assert_true(near(look(world).calls_refill, 1));
    world_later(world, 5000);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_true(look(world).calls == 0);
    assert_true(look(world).calls_refill > 1); /* not halved again */
    world_later(world, 5000);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_true(look(world).calls_refill < 0.6);
    world_end(world);
}

static void the_refill_never_falls_below_a_fifth_a_second(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    for (int i = 0; i < 20; i++) {
        arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
        world_later(world, 10000);
    }
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_true(near(look(world).calls_refill, 0.2));
    assert_true(near(look(world).instances_refill, 0.2));
    world_end(world);
}

static void a_tenth_of_the_configured_refill_comes_back_each_minute(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    world_later(world, 60000);
    assert_true(near(look(world).calls_refill, 1.2));
    world_later(world, 60000);
    assert_true(near(look(world).calls_refill, 1.4));
    world_later(world, 600000);
    assert_true(near(look(world).calls_refill, 2)); /* and no more than it was */
    world_end(world);
}

static void another_regions_bucket_is_not_touched(void **state)
{
    struct world *world = bucket_world();
    struct arbiter_bucket other;

    (void)state;
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    assert_true(arbiter_bucket(world->arbiter, "us-west-2", world->now, &other));
    assert_true(near(other.calls, 1) && near(other.calls_refill, 2));
    world_end(world);
}

static void what_comes_back_unsent_can_be_used_again(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world_bidder(world, "type", 1, 1);
    world_step(world);
    assert_true(near(look(world).calls, 0));
    arbiter_returned(world->arbiter, "us-east-1", 1, 1);
    assert_true(near(look(world).calls, 1));
    assert_true(near(look(world).instances, 10));
    world_end(world);
}

static void dry_runs_never_take_the_last_three_tokens(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    assert_false(arbiter_spare_call(world->arbiter, "us-east-1", world->now));
    world_later(world, 10000);
    assert_true(arbiter_spare_call(world->arbiter, "us-east-1", world->now));
    assert_true(arbiter_spare_call(world->arbiter, "us-east-1", world->now));
    assert_false(arbiter_spare_call(world->arbiter, "us-east-1", world->now));
    assert_true(near(look(world).calls, 3));
    assert_false(arbiter_spare_call(world->arbiter, "nowhere-1", world->now));
    world_end(world);
}

static void the_next_step_comes_when_the_token_comes(void **state)
{
    struct world *world = bucket_world();

    (void)state;
    world_bidder(world, "type", 8, 80);
    world_step(world);
    for (int i = 0; i < 100; i++) {
        if (i % 25 == 20) {
            arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
            world_step(world);
            assert_int_equal(world->out.grant_count, 0);
        }
        /* two a second, and a fifth a second at the slowest after the first refusal */
        assert_true(mono_since(world->now, world->out.again).us <= (i < 20 ? 500002 : 5000002));
        world->now = world->out.again;
        world_bid(world, 0, 80);
        world_step(world);
        assert_int_equal(world->out.grant_count, 1);
    }
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_start_nearly_empty),
        cmocka_unit_test(tokens_refill_up_to_the_depth),
        cmocka_unit_test(the_launch_share_scales_the_refill_and_not_the_depth),
        cmocka_unit_test(off_removes_both_buckets),
        cmocka_unit_test(a_grant_takes_one_call_and_its_instances),
        cmocka_unit_test(a_lot_is_cut_to_the_instance_tokens_that_are_there),
        cmocka_unit_test(being_limited_empties_the_bucket_and_halves_the_refill_at_most_once_in_ten_seconds),
        cmocka_unit_test(the_refill_never_falls_below_a_fifth_a_second),
        cmocka_unit_test(a_tenth_of_the_configured_refill_comes_back_each_minute),
        cmocka_unit_test(another_regions_bucket_is_not_touched),
        cmocka_unit_test(what_comes_back_unsent_can_be_used_again),
        cmocka_unit_test(dry_runs_never_take_the_last_three_tokens),
        cmocka_unit_test(the_next_step_comes_when_the_token_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
