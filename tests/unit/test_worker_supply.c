/* SPDX-License-Identifier: MPL-2.0 */
/* test_worker_supply.c: what a type has: listings, launched ids, leases, and the figures made of them. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "common/text.h"
#include "worker/supply.h"

#define T(seconds) ((struct mono){1000000000000 + (int64_t)(seconds)*1000000})
#define WALL(seconds) ((struct wall){1469131560000 + (int64_t)(seconds)*1000})
#define MOST_ROWS 16

struct stage {
    struct supply supply;
    struct proto_ROW rows[MOST_ROWS];
    size_t count;
    int64_t listing;
    struct plan_supply figures;
};

static int set_up(void **state)
{
    static struct stage stage;
    struct supply_settings settings = {.grace = SPAN_SECONDS(300),
                                       .settle = SPAN_SECONDS(60),
                                       .stale_serving = SPAN_SECONDS(600),
                                       .max_inventory_age = SPAN_SECONDS(60),
                                       .inventory_poll = SPAN_SECONDS(10),
                                       .condemn = {.boot_limit = SPAN_SECONDS(1200),
                                                   .pending_limit = SPAN_SECONDS(1800),
                                                   .max_lifetime = SPAN_SECONDS(96 * 3600)},
                                       .usual_capacity = 4};
    memset(&stage, 0, sizeof stage);
    supply_init(&stage.supply, &settings, T(0));
    supply_add_region(&stage.supply, "east");
    supply_add_region(&stage.supply, "west");
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    supply_clear(&((struct stage *)*state)->supply);
    return 0;
}

static struct proto_ROW *add_row(struct stage *stage, const char *id, const char *state)
{
    struct proto_ROW *row = &stage->rows[stage->count++];
    memset(row, 0, sizeof *row);
    text_copy(row->id, sizeof row->id, id);
    text_copy(row->state, sizeof row->state, state);
    text_copy(row->market, sizeof row->market, "spot");
    text_copy(row->zone, sizeof row->zone, "ea");
    text_copy(row->instanceType, sizeof row->instanceType, "m3.large");
    row->capacity = 1;
    row->launchWall = WALL(0).ms;
    return row;
}

/* A listing of the region that begins and is taken at `seconds`; the rows are used up. */
static bool list(struct stage *stage, const char *region, int seconds)
{
    struct proto_INVENTORY listing = {.listing = ++stage->listing,
                                      .generation = 1,
                                      .beganMono = T(seconds).us,
                                      .beganWall = WALL(seconds).ms,
                                      .tookUs = 1000000,
                                      .rows = stage->rows,
                                      .rows_count = stage->count};
    text_copy(listing.region, sizeof listing.region, region);
    stage->count = 0;
    return supply_listing(&stage->supply, &listing, NULL, NULL, T(seconds), WALL(seconds));
}

static const struct plan_supply *figures(struct stage *stage, int seconds)
{
    supply_figures(&stage->supply, T(seconds), &stage->figures);
    return &stage->figures;
}

static void launch(struct stage *stage, const char *id, int64_t grant, int seconds)
{
    struct supply_instance instance = {.grant = grant,
                                       .capacity = 1,
                                       .state = INSTANCE_PENDING,
                                       .market = MARKET_SPOT,
                                       .asked_spot = true,
                                       .launched = T(seconds)};
    text_copy(instance.id, sizeof instance.id, id);
    text_copy(instance.region, sizeof instance.region, "east");
    supply_launched(&stage->supply, &instance);
}

static void lease(struct stage *stage, int64_t grant, int64_t count, bool unknown, int seconds)
{
    struct supply_lease held = {.grant = grant, .count = count, .capacity = 1, .unknown = unknown, .sent = T(seconds)};
    text_copy(held.placement.region, sizeof held.placement.region, "east");
    supply_lease_add(&stage->supply, &held);
}

static void each_state_counts_as_what_it_is(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "pending");
    add_row(stage, "i-2", "running");
    add_row(stage, "i-3", "shutting-down");
    add_row(stage, "i-4", "terminated");
    add_row(stage, "i-5", "stopped");
    add_row(stage, "i-6", "stopping");
    add_row(stage, "i-7", "never-heard-of"); /* B29: counted, on the safe side */
    assert_true(list(stage, "east", 100));
    const struct plan_supply *seen = figures(stage, 100);
    assert_int_equal(seen->booting, 1);
    assert_int_equal(seen->running, 1);
    assert_int_equal(seen->serving, 2);
    assert_int_equal(seen->occupying, 6);
    assert_int_equal(seen->occupying_instances, 6);
}

static void it_is_starting_until_all_regions_were_listed(void **state)
{
    struct stage *stage = *state;
    assert_true(figures(stage, 1)->starting);
    list(stage, "east", 1);
    assert_true(figures(stage, 1)->starting);
    assert_false(figures(stage, 61)->starting); /* a dark region does not stop the others for ever */
    list(stage, "west", 2);
    assert_false(figures(stage, 2)->starting);
}

static void B26_a_launched_id_occupies_until_two_late_listings_lack_it(void **state)
{
    struct stage *stage = *state;
    launch(stage, "i-1", 1, 0);
    assert_int_equal(figures(stage, 1)->in_flight, 1);
    list(stage, "east", 100);
    list(stage, "east", 200);
    list(stage, "east", 300); /* begun not more than grace after the launch */
    assert_int_equal(figures(stage, 300)->in_flight, 1);
    list(stage, "east", 301);
    assert_int_equal(figures(stage, 301)->in_flight, 1);
    list(stage, "west", 302); /* another region's listing proves nothing */
    assert_int_equal(figures(stage, 302)->in_flight, 1);
    list(stage, "east", 303);
    assert_int_equal(figures(stage, 303)->in_flight, 0);
}

static void one_empty_listing_is_not_believed(void **state) /* B01 */
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    list(stage, "east", 1000);
    list(stage, "east", 1010);
    assert_int_equal(figures(stage, 1010)->occupying, 1);
    list(stage, "east", 1020);
    assert_int_equal(figures(stage, 1020)->occupying, 0);
}

static void an_absence_that_ends_starts_anew(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    list(stage, "east", 1000);
    list(stage, "east", 1010);
    add_row(stage, "i-1", "running");
    list(stage, "east", 1020);
    list(stage, "east", 1030);
    assert_int_equal(figures(stage, 1030)->occupying, 1);
}

static void an_older_listing_is_passed_over(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    assert_true(list(stage, "east", 100));
    assert_false(list(stage, "east", 90));
    assert_false(list(stage, "north", 200));
    assert_int_equal(figures(stage, 100)->running, 1);
}

static void the_same_id_twice_counts_once(void **state) /* B30 */
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    add_row(stage, "i-1", "running");
    add_row(stage, "i-0", "running");
    list(stage, "east", 100);
    assert_int_equal(figures(stage, 100)->running, 2);
}

static void a_listed_launch_is_counted_once(void **state)
{
    struct stage *stage = *state;
    launch(stage, "i-1", 1, 0);
    add_row(stage, "i-1", "pending");
    list(stage, "east", 10);
    assert_int_equal(figures(stage, 10)->in_flight, 0);
    assert_int_equal(figures(stage, 10)->booting, 1);
    assert_int_equal(figures(stage, 10)->occupying, 1);
}

static void rows_with_a_leases_tag_stand_for_it(void **state)
{
    struct stage *stage = *state;
    lease(stage, 7, 3, true, 0);
    assert_int_equal(figures(stage, 1)->in_flight, 3);
    add_row(stage, "i-1", "pending")->grant = 7;
    add_row(stage, "i-2", "terminated")->grant = 7;
    list(stage, "east", 10);
    assert_int_equal(figures(stage, 10)->in_flight, 1);
    assert_int_equal(figures(stage, 10)->booting, 1);
}

static void an_unknown_lease_ends_with_a_listing_begun_after_grace(void **state)
{
    struct stage *stage = *state;
    lease(stage, 7, 3, true, 0);
    list(stage, "east", 300);
    assert_int_equal(figures(stage, 300)->in_flight, 3);
    assert_int_equal(figures(stage, 10000)->in_flight, 3); /* time alone frees nothing */
    list(stage, "west", 301);
    assert_int_equal(figures(stage, 301)->in_flight, 3);
    list(stage, "east", 301);
    assert_int_equal(figures(stage, 301)->in_flight, 0);
}

static void a_lease_whose_call_is_under_way_does_not_end(void **state)
{
    struct stage *stage = *state;
    lease(stage, 7, 3, false, 0);
    list(stage, "east", 1000);
    assert_int_equal(figures(stage, 1000)->in_flight, 3);
    supply_lease_end(&stage->supply, 7);
    assert_int_equal(figures(stage, 1000)->in_flight, 0);
}

static void young_lasts_settle_from_the_change_to_running(void **state)
{
    struct stage *stage = *state;
    launch(stage, "i-1", 1, 0);
    add_row(stage, "i-1", "pending");
    list(stage, "east", 500);
    add_row(stage, "i-1", "running");
    list(stage, "east", 510);
    assert_int_equal(figures(stage, 510)->young, 1);
    add_row(stage, "i-1", "running");
    list(stage, "east", 520);
    assert_int_equal(figures(stage, 569)->young, 1);
    assert_int_equal(figures(stage, 570)->young, 0);
}

static void adopted_instances_are_as_old_as_their_launch(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running"); /* launched at 0 */
    list(stage, "east", 500);
    assert_int_equal(figures(stage, 500)->young, 0);
}

static void a_capacity_without_a_tag_is_the_usual_one(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running")->capacity = 0;
    list(stage, "east", 100);
    assert_int_equal(figures(stage, 100)->running, 4);
}

static void a_long_dark_region_leaves_serving_but_occupies(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    list(stage, "east", 100);
    list(stage, "west", 700);
    assert_int_equal(figures(stage, 700)->running, 1);
    assert_false(stage->figures.claimed_unknown);
    assert_int_equal(figures(stage, 701)->running, 0);
    assert_int_equal(stage->figures.serving, 0);
    assert_int_equal(stage->figures.occupying, 1);
    assert_true(stage->figures.claimed_unknown);
}

static void the_limit_of_a_slow_listing_is_three_times_its_length_and_poll(void **state)
{
    struct stage *stage = *state;
    struct plan_region regions[2];
    list(stage, "east", 100);
    supply_plan_regions(&stage->supply, regions);
    assert_int_equal(regions[0].limit.us, SPAN_SECONDS(60).us); /* 3 x (1 + 10) is less */
    stage->supply.settings.inventory_poll = SPAN_SECONDS(30);
    supply_plan_regions(&stage->supply, regions);
    assert_int_equal(regions[0].limit.us, SPAN_SECONDS(93).us);
    assert_true(plan_region_stale(&regions[0], T(194)));
    assert_false(plan_region_stale(&regions[0], T(193)));
    assert_true(plan_region_stale(&regions[1], T(100)));
}

static void condemned_instances_do_not_serve(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running")->launchWall = WALL(-97 * 3600).ms;
    list(stage, "east", 100);
    assert_int_equal(figures(stage, 100)->running, 1);
    supply_condemn(&stage->supply, false, T(100));
    assert_int_equal(supply_instance(&stage->supply, "i-1")->condemned, CONDEMN_MAX_LIFETIME);
    assert_int_equal(figures(stage, 100)->running, 0);
    assert_int_equal(stage->figures.occupying, 1);
}

static void work_is_seen_once_for_each_instance_and_with_each_rise(void **state)
{
    struct stage *stage = *state;
    add_row(stage, "i-1", "running");
    list(stage, "east", 100);
    assert_true(supply_unproven(&stage->supply));
    assert_true(supply_worked(&stage->supply, "i-1"));
    assert_false(supply_worked(&stage->supply, "i-1"));
    assert_false(supply_worked(&stage->supply, "i-9"));
    assert_false(supply_unproven(&stage->supply));
    assert_int_equal(figures(stage, 100)->work_taken, 1);
    supply_read(&stage->supply, &(struct condemn_reading){.seen = T(100), .pending = 1, .claimed = 1});
    assert_int_equal(figures(stage, 100)->work_taken, 1);
    supply_read(&stage->supply, &(struct condemn_reading){.seen = T(110), .pending = 1, .claimed = 2});
    assert_int_equal(figures(stage, 110)->work_taken, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_state_counts_as_what_it_is),
        TEST(it_is_starting_until_all_regions_were_listed),
        TEST(B26_a_launched_id_occupies_until_two_late_listings_lack_it),
        TEST(one_empty_listing_is_not_believed),
        TEST(an_absence_that_ends_starts_anew),
        TEST(an_older_listing_is_passed_over),
        TEST(the_same_id_twice_counts_once),
        TEST(a_listed_launch_is_counted_once),
        TEST(rows_with_a_leases_tag_stand_for_it),
        TEST(an_unknown_lease_ends_with_a_listing_begun_after_grace),
        TEST(a_lease_whose_call_is_under_way_does_not_end),
        TEST(young_lasts_settle_from_the_change_to_running),
        TEST(adopted_instances_are_as_old_as_their_launch),
        TEST(a_capacity_without_a_tag_is_the_usual_one),
        TEST(a_long_dark_region_leaves_serving_but_occupies),
        TEST(the_limit_of_a_slow_listing_is_three_times_its_length_and_poll),
        TEST(condemned_instances_do_not_serve),
        TEST(work_is_seen_once_for_each_instance_and_with_each_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
