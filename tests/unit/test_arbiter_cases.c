/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_cases.c: the cases of incidents.md and peers.md that are about arithmetic, against the arbiter and the
 * breakers together, named after their ids. What is about processes is tested elsewhere against real ones.
 * Results come back before the next step, as from an EC2 that answers at once. */
#include "supervisor/breaker.h"
#include "tests/unit/arbiter_world.h"

struct cloud {
    struct world *world;
    struct breakers *breakers;
    int64_t calls, failed;
    int64_t calls_by_lot[WORLD_TYPES][WORLD_LOTS];
    int64_t running[WORLD_TYPES], wishes[WORLD_TYPES];
};

static struct cloud *cloud_begin(void)
{
    static const struct breaker_settings settings = {.enabled = true,
                                                     .capacity_delay = SPAN_SECONDS(180),
                                                     .breaker_delay = SPAN_SECONDS(60),
                                                     .breaker_most = SPAN_SECONDS(1800),
                                                     .quarantine_delay = SPAN_SECONDS(60),
                                                     .definition_probe = SPAN_SECONDS(86400),
                                                     .probe_deadline = SPAN_SECONDS(90),
                                                     .seed = 1};
    struct cloud *cloud = calloc(1, sizeof *cloud);

    assert_non_null(cloud);
    cloud->world = world_begin();
    cloud->world->settings.leases_per_region = 4;
    cloud->breakers = breakers_create(&settings);
    return cloud;
}

static void cloud_end(struct cloud *cloud)
{
    breakers_destroy(&cloud->breakers);
    world_end(cloud->world);
    free(cloud);
}

static struct breaker_subject subject_of(const struct cloud *cloud, size_t type, size_t lot)
{
    const struct arbiter_type *at = &cloud->world->types[type];

    return (struct breaker_subject){.type = at->name,
                                    .placement = at->lots[lot].placement,
                                    .spec_hash = at->lots[lot].spec_hash,
                                    .subnet = "",
                                    .max_price = at->lots[lot].max_price};
}

/* What EC2 answers to a launch of a type at a lot; FAILURE_NONE launches. */
typedef enum failure answer(const struct cloud *cloud, size_t type, size_t lot);

static void look_at_breakers(struct cloud *cloud)
{
    for (size_t type = 0; type < cloud->world->type_count; type++) {
        struct arbiter_type *at = &cloud->world->types[type];
        struct breaker_view view = {.until = MONO_ZERO};
        at->quarantined = breakers_quarantined(cloud->breakers, at->name, &view, cloud->world->now);
        at->quarantine_until = view.until;
        at->failing = breakers_failing(cloud->breakers, at->name);
        for (size_t lot = 0; lot < at->lot_count; lot++) {
            struct breaker_subject subject = subject_of(cloud, type, lot);
            at->lots[lot].breaker = breakers_look(cloud->breakers, &subject, cloud->world->now);
        }
    }
}

/* One tick: everybody bids for what it lacks, the arbiter grants, EC2 answers each grant. */
static void tick(struct cloud *cloud, answer *answers)
{
    struct world *world = cloud->world;

    look_at_breakers(cloud);
    for (size_t type = 0; type < world->type_count; type++)
        world_bid(world, type, cloud->wishes[type] - cloud->running[type]);
    world_step(world);
    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        int64_t number = world->last_grant - (int64_t)world->out.grant_count + 1 + (int64_t)i;
        struct breaker_subject subject = subject_of(cloud, grant->type, grant->lot);
        enum failure failure = answers(cloud, grant->type, grant->lot);
        cloud->calls++;
        cloud->calls_by_lot[grant->type][grant->lot]++;
        breakers_granted(cloud->breakers, &subject, number, world->now);
        if (failure == FAILURE_NONE) {
            breakers_launched(cloud->breakers, &subject, number, world->now);
            cloud->running[grant->type] += grant->count;
            continue;
        }
        cloud->failed++;
        breakers_failed(cloud->breakers, &subject, number, failure, failure_name(failure), "", world->now);
    }
    world->lease_count = 0;
    for (size_t type = 0; type < world->type_count; type++)
        world_hold(world, type, cloud->running[type]);
}

static enum failure always_launched(const struct cloud *cloud, size_t type, size_t lot)
{
    (void)cloud;
    (void)type;
    (void)lot;
    return FAILURE_NONE;
}

/* ---- over-provisioning ---- */

static void b01_a_region_whose_listing_is_stale_gets_no_launches(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "metal", 1, 86);
    world->types[type].max_units = 10;
    world->regions[0].closed = DENIED_BY_REGION_STALE;
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    assert_int_equal(world_denial(world, type, 0), DENIED_BY_REGION_STALE);
    world->regions[0].closed = DENIED_NOT;
    world_hold(world, type, 10);
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    world_end(world);
}

static void b05_units_are_never_mixed_up_with_instances(void **state)
{
    (void)state;
    for (int64_t pending = 1; pending <= 100; pending++)
        for (int64_t ceiling = 16; ceiling <= 20; ceiling += 4) {
            struct world *world = world_begin();
            size_t type = world_bidder(world, "type", 2, pending);
            world->types[type].max_units = ceiling;
            world->types[type].lots[0].capacity = world->types[type].lots[1].capacity = 8;
            int64_t instances = 0;
            for (int i = 0; i < 3; i++) {
                world_step(world);
                instances += world_granted(world);
            }
            assert_int_equal(instances, pending > 8 ? 2 : 1);
            world_end(world);
        }
}

static void b08_two_that_ask_in_the_same_instant_get_what_is_left_and_no_more(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.max_units = 10;
    size_t old = world_type(world, "a-old");
    world_hold(world, old, 8);
    world_bidder(world, "alpha", 1, 2);
    world_bidder(world, "beta", 1, 2);
    world_step(world);
    assert_int_equal(world_granted(world), 2);
    for (int i = 0; i < 5; i++) { /* outcome unknown: the reservation stays, however long */
        world_later(world, 600000);
        world_bid(world, 1, 2);
        world_bid(world, 2, 2);
        world_step(world);
        assert_int_equal(world_granted(world), 0); /* in use = global */
    }
    arbiter_destroy(&world->arbiter); /* and survives a restart of the supervisor, as its row does */
    world->arbiter = arbiter_create();
    world_step(world);
    assert_int_equal(world_granted(world), 0);
    world_end(world);
}

static void b12_what_occupies_counts_for_the_ceiling_and_not_for_the_floor(void **state)
{
    struct world *world = world_begin();

    (void)state;
    size_t type = world_bidder(world, "type", 1, 8);
    world->types[type].max_units = 20;
    world->types[type].min_units = 5;
    world_hold(world, type, 12); /* 8 of them shutting down */
    world->types[type].serving_units = 4;
    world_step(world);
    assert_int_equal(world_granted(world), 8);
    assert_int_equal(world->out.grants[0].step, 1);
    world_end(world);
}

/* ---- starvation ---- */

static enum failure alpha_is_refused(const struct cloud *cloud, size_t type, size_t lot)
{
    (void)cloud;
    (void)lot;
    return type == 0 ? FAILURE_DEFINITION : FAILURE_NONE;
}

static void b10_a_sick_giant_neither_delays_a_small_type_nor_hammers_ec2(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 6000;
    cloud->world->settings.launch_share = 1; /* EC2's buckets, nearly empty at the start */
    world_bidder(cloud->world, "alpha", 6, 6000);
    world_bidder(cloud->world, "beta", 1, 0);
    for (int half = 0; half < 1200; half++) { /* an answer comes back before the next token */
        if (half % 20 == 0) {
            cloud->wishes[1]++;
            int64_t before = cloud->running[1];
            tick(cloud, alpha_is_refused);
            assert_int_equal(cloud->running[1], before + 1); /* at once */
        } else {
            tick(cloud, alpha_is_refused);
        }
        if (half == 119)
            assert_in_range(cloud->failed, 1, 3);
        world_later(cloud->world, 500);
    }
    assert_in_range(cloud->failed, 3, 7); /* at 60, 180, 420 s: one a step of the back-off */
    assert_true(breakers_quarantined(cloud->breakers, "alpha", NULL, cloud->world->now));
    cloud_end(cloud);
}

static enum failure capacity_returns_in_one_after_half_an_hour(const struct cloud *cloud, size_t type, size_t lot)
{
    (void)type;
    return cloud->world->now.us >= 1000000000 + INT64_C(1800) * 1000000 && lot == 1 ? FAILURE_NONE : FAILURE_CAPACITY;
}

static int64_t calls_in_half_an_hour(int64_t pending, int64_t *first_success, int64_t *after_a_minute)
{
    struct cloud *cloud = cloud_begin();

    cloud->world->settings.leases_per_region = 100;
    world_bidder(cloud->world, "alpha", 3, pending);
    cloud->wishes[0] = pending;
    int64_t calls = 0;
    *first_success = 0;
    for (int second = 0; second < 2700; second += 10, world_later(cloud->world, 10000)) {
        int64_t before[3];
        memcpy(before, cloud->calls_by_lot[0], sizeof before);
        tick(cloud, capacity_returns_in_one_after_half_an_hour);
        for (int lot = 0; lot < 3; lot++) /* a first lot of one and the rest of it, then one small probe at a time */
            assert_true(*first_success || cloud->running[0] > 0 ||
                        cloud->calls_by_lot[0][lot] - before[lot] <= (second == 0 ? 2 : 1));
        if (second == 1790)
            calls = cloud->calls;
        if (cloud->running[0] > 0 && *first_success == 0)
            *first_success = second;
        if (*first_success && second == *first_success + 60)
            *after_a_minute = cloud->running[0];
    }
    cloud_end(cloud);
    return calls;
}

static void b13_without_capacity_demand_is_neither_forgotten_nor_hammered(void **state)
{
    int64_t success, grown;

    (void)state;
    int64_t few = calls_in_half_an_hour(50, &success, &grown);
    assert_in_range(success, 1800, 1800 + 660); /* within one cool-down */
    int64_t many = calls_in_half_an_hour(500, &success, &grown);
    assert_in_range(success, 1800, 1800 + 660);
    assert_true(grown >= 50); /* growth is prompt then */
    assert_int_equal(few, many);
    assert_in_range(many, 9, 30);
}

static enum failure standard_quota_is_used_up(const struct cloud *cloud, size_t type, size_t lot)
{
    const struct placement *at = &cloud->world->types[type].lots[lot].placement;

    return at->market == MARKET_SPOT && at->instance_type[0] != 'g' ? FAILURE_QUOTA : FAILURE_NONE;
}

static void b14_an_account_limit_pauses_its_market_and_class_and_nothing_dearer_is_tried(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 50;
    cloud->wishes[1] = 5;
    world_bidder(cloud->world, "alpha", 5, 50);
    size_t graphics = world_bidder(cloud->world, "graphics", 1, 5);
    (void)text_copy(cloud->world->types[graphics].lots[0].placement.instance_type, NAME_SIZE, "g4dn.xlarge");
    cloud->world->settings.leases_per_region = 1; /* so that nothing is in flight when the first answer comes */
    tick(cloud, standard_quota_is_used_up);
    assert_int_equal(cloud->failed, 1);
    for (int i = 0; i < 5; i++) {
        world_later(cloud->world, 10000);
        tick(cloud, standard_quota_is_used_up);
    }
    assert_int_equal(cloud->failed, 1); /* none of the other four placements was tried */
    assert_int_equal(cloud->running[graphics], 5);
    struct breaker_subject subject = subject_of(cloud, 0, 4);
    assert_string_equal(breakers_look(cloud->breakers, &subject, cloud->world->now).scope,
                        "quota us-east-1/spot/standard");
    world_later(cloud->world, 10000);
    tick(cloud, always_launched); /* a minute later one small probe takes the slot that is free */
    assert_in_range(cloud->running[0], 1, 1);
    cloud_end(cloud);
}

static void b15_killed_by_a_volume_limit_the_region_is_set_aside_and_demand_moves(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 20;
    size_t type = world_bidder(cloud->world, "alpha", 2, 20);
    (void)text_copy(cloud->world->types[type].lots[1].placement.region, NAME_SIZE, "us-west-2");
    (void)text_copy(cloud->world->types[type].lots[1].placement.zone, NAME_SIZE, "us-west-2a");
    struct breaker_subject east = subject_of(cloud, type, 0);
    for (int64_t grant = 1; grant <= 3; grant++)
        breakers_died_early(cloud->breakers, &east, grant, "Client.VolumeLimitExceeded", cloud->world->now);
    struct breaker_view view = breakers_look(cloud->breakers, &east, cloud->world->now);
    assert_int_equal(view.state, BREAKER_CLOSED);
    assert_string_equal(view.code, "Client.VolumeLimitExceeded");
    assert_string_equal(view.scope, "early-death us-east-1");
    tick(cloud, always_launched);
    assert_int_equal(cloud->calls_by_lot[type][0], 0);
    assert_true(cloud->calls_by_lot[type][1] > 0);
    cloud_end(cloud);
}

static enum failure first_zone_lacks_the_type(const struct cloud *cloud, size_t type, size_t lot)
{
    (void)cloud;
    (void)type;
    return lot == 0 ? FAILURE_NOT_OFFERED : FAILURE_NONE;
}

static void b17_a_type_that_a_zone_does_not_offer_is_not_asked_for_there_again(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 1;
    size_t type = world_bidder(cloud->world, "alpha", 2, 1);
    (void)text_copy(cloud->world->types[type].lots[1].placement.zone, NAME_SIZE, "us-east-1b");
    for (int i = 0; i < 200; i++) {
        tick(cloud, first_zone_lacks_the_type);
        cloud->wishes[0] = cloud->running[0] + 1;
        world_later(cloud->world, 60000);
    }
    assert_int_equal(cloud->calls_by_lot[type][0], 1);
    assert_int_equal(cloud->running[type], 199);
    breakers_new_definition(cloud->breakers, "alpha", cloud->world->now);
    tick(cloud, first_zone_lacks_the_type);
    assert_int_equal(cloud->calls_by_lot[type][0], 2);
    cloud_end(cloud);
}

static void b04_an_image_that_never_takes_work_gets_one_probe_a_delay_and_starves_nobody(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 1;
    world_bidder(cloud->world, "alpha", 1, 1);
    world_bidder(cloud->world, "beta", 1, 0);
    for (int minute = 0; minute < 180; minute++, world_later(cloud->world, 60000)) {
        int64_t alpha = cloud->running[0];
        cloud->wishes[1] = cloud->running[1] + 1;
        tick(cloud, always_launched);
        if (cloud->running[0] > alpha) { /* its boot limit passes, and it is terminated */
            struct breaker_subject subject = subject_of(cloud, 0, 0);
            breakers_without_effect(cloud->breakers, &subject, cloud->world->last_grant - 1, cloud->world->now);
            breakers_without_effect(cloud->breakers, &subject, cloud->world->last_grant, cloud->world->now);
        }
        assert_true(cloud->running[0] <= 4);
        assert_int_equal(cloud->running[1], minute + 1);
        cloud->running[0] = 0;
    }
    /* three before it closes, then at 1, 2, 4, 8, 16, 30, 30 ... minutes */
    assert_in_range(cloud->calls_by_lot[0][0], 5, 14);
    cloud_end(cloud);
}

/* ---- money ---- */

static void b45_a_thousand_instances_fit_their_budget_and_one_more_does_not(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 2000;
    cloud->world->settings.money.hourly = MONEY(3100000);
    size_t type = world_bidder(cloud->world, "alpha", 8, 2000);
    for (int lot = 0; lot < 8; lot++)
        cloud->world->types[type].lots[lot].max_price = MONEY(3100);
    for (int i = 0; i < 60; i++) {
        tick(cloud, always_launched);
        cloud->world->types[type].held_cost = MONEY(3100 * cloud->running[type]);
    }
    assert_int_equal(cloud->running[type], 1000);
    cloud->world->settings.money.hourly = MONEY(0);
    cloud->running[type] = 0;
    cloud->world->types[type].held_cost = MONEY_ZERO;
    world_hold(cloud->world, type, 0);
    tick(cloud, always_launched);
    assert_int_equal(cloud->running[type], 0); /* budget 0: no launches */
    cloud_end(cloud);
}

/* ---- peers ---- */

static size_t many_types(struct world *world, int count, int lots, int64_t units)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        (void)text_format(name, sizeof name, "type-%03d", i);
        (void)world_bidder(world, name, lots, units);
    }
    return (size_t)count;
}

static void p01_three_hundred_types_launch_at_once_or_as_fast_as_the_bucket_allows(void **state)
{
    struct world *world = world_begin();

    (void)state;
    many_types(world, 300, 1, 1);
    world_step(world);
    assert_int_equal(world_granted(world), 300);
    world_end(world);

    world = world_begin();
    world->settings.launch_share = 1;
    many_types(world, 300, 1, 1);
    size_t giant = world_bidder(world, "z-giant", 8, 6000);
    struct mono began = world->now;
    int64_t small = 0;
    while (small < 300) {
        world_step(world);
        small += world_granted(world) - world->granted[giant];
        assert_true(mono_is_set(world->out.again));
        world->now = world->out.again;
    }
    /* one at the start, then two a second; the giant has one first lot among them */
    assert_in_range(mono_since(began, world->now).us, 149 * 1000000, 158 * 1000000);
    world_end(world);
}

static void p02_a_hundred_types_with_six_launches_each_are_decided_in_one_step(void **state)
{
    struct world *world = world_begin();

    (void)state;
    many_types(world, 100, 6, 6);
    world_step(world);
    assert_int_equal(world_granted(world), 600);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(world->out.grants[i].count, 1);
    world_end(world);
}

static void p03_leases_that_never_end_hold_nobody_else_up(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.lease_share = 10;
    world->settings.leases_per_region = 4;
    world->settings.max_units = 100;
    world->settings.headroom_percent = -1;
    size_t hanging = world_bidder(world, "hanging", 8, 6000);
    world_step(world);
    assert_true(world->granted[hanging] > 0);
    size_t small = world_bidder(world, "small", 1, 1);
    for (int i = 0; i < 50; i++) {
        world_bid(world, small, 1);
        world_step(world);
        assert_int_equal(world->granted[small], 1);
        assert_int_equal(world->leases[world->lease_count - 1].type, small);
        world->lease_count--; /* its task is done, the other's leases stay */
        world_later(world, 10000);
    }
    world_end(world);
}

static enum failure first_placement_answers_400(const struct cloud *cloud, size_t type, size_t lot)
{
    (void)cloud;
    (void)type;
    return lot == 0 ? FAILURE_DEFINITION : FAILURE_NONE;
}

static void p07_a_refused_placement_is_set_aside_and_the_other_three_are_used(void **state)
{
    struct cloud *cloud = cloud_begin();

    (void)state;
    cloud->wishes[0] = 25;
    size_t type = world_bidder(cloud->world, "alpha", 4, 25);
    for (int i = 0; i < 3; i++) /* answers come back within the tick, and the arbiter is asked again */
        tick(cloud, first_placement_answers_400);
    assert_int_equal(cloud->running[type], 25);
    assert_in_range(cloud->calls_by_lot[type][0], 1, 2);
    cloud_end(cloud);
}

static void p08_request_limit_exceeded_pauses_the_whole_region_and_no_other(void **state)
{
    struct world *world = world_begin();

    (void)state;
    world->settings.launch_share = 1;
    many_types(world, 30, 1, 1);
    for (size_t type = 15; type < 30; type++)
        (void)text_copy(world->types[type].lots[0].placement.region, NAME_SIZE, "us-west-2");
    world_step(world);
    world_later(world, 2000);
    arbiter_rate_limited(world->arbiter, "us-east-1", world->now);
    world_step(world);
    for (size_t i = 0; i < world->out.grant_count; i++)
        assert_true(world->out.grants[i].type >= 15);
    assert_int_equal(world->out.grant_count, 4);
    world_later(world, 900);
    world_step(world);
    for (size_t i = 0; i < world->out.grant_count; i++)
        assert_true(world->out.grants[i].type >= 15); /* one call a second now, not two */
    world_later(world, 200);
    world_step(world);
    size_t east = 0;
    for (size_t i = 0; i < world->out.grant_count; i++)
        east += world->out.grants[i].type < 15;
    assert_int_equal(east, 1);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b01_a_region_whose_listing_is_stale_gets_no_launches),
        cmocka_unit_test(b05_units_are_never_mixed_up_with_instances),
        cmocka_unit_test(b08_two_that_ask_in_the_same_instant_get_what_is_left_and_no_more),
        cmocka_unit_test(b12_what_occupies_counts_for_the_ceiling_and_not_for_the_floor),
        cmocka_unit_test(b10_a_sick_giant_neither_delays_a_small_type_nor_hammers_ec2),
        cmocka_unit_test(b13_without_capacity_demand_is_neither_forgotten_nor_hammered),
        cmocka_unit_test(b14_an_account_limit_pauses_its_market_and_class_and_nothing_dearer_is_tried),
        cmocka_unit_test(b15_killed_by_a_volume_limit_the_region_is_set_aside_and_demand_moves),
        cmocka_unit_test(b17_a_type_that_a_zone_does_not_offer_is_not_asked_for_there_again),
        cmocka_unit_test(b04_an_image_that_never_takes_work_gets_one_probe_a_delay_and_starves_nobody),
        cmocka_unit_test(b45_a_thousand_instances_fit_their_budget_and_one_more_does_not),
        cmocka_unit_test(p01_three_hundred_types_launch_at_once_or_as_fast_as_the_bucket_allows),
        cmocka_unit_test(p02_a_hundred_types_with_six_launches_each_are_decided_in_one_step),
        cmocka_unit_test(p03_leases_that_never_end_hold_nobody_else_up),
        cmocka_unit_test(p07_a_refused_placement_is_set_aside_and_the_other_three_are_used),
        cmocka_unit_test(p08_request_limit_exceeded_pauses_the_whole_region_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
