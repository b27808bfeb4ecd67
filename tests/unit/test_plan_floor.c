/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_floor.c: a floor's instances are replaced before they end themselves for idleness: where the limit is
 * found, which instances are near it, how many more are wanted, and how many never. */
#include "tests/unit/test_plan_fixture.h"

#include <jansson.h>
#include <stdio.h>

#include "proto/definition.h"
#include "worker/supply.h"

/* ---- what the plan makes of it ---- */

static void an_ending_instance_of_the_floor_is_replaced(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.min_units = 1;
    f.input.demand.claimed = 0;
    f.input.supply = (struct plan_supply){.running = 1, .serving = 1, .occupying = 1};
    assert_int_equal(fixture_plan(&f)->need, 0);
    f.input.supply.ending = 1;
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 1);
    assert_int_equal(plan->reason, REASON_LAUNCHING);
    assert_non_null(strstr(plan->why, "1 units serving, 1 of them near their idle limit"));
    f.input.supply.in_flight = 1;
    f.input.supply.serving = 2;
    assert_int_equal(fixture_plan(&f)->units, 0); /* on its way */
}

static void without_a_floor_nothing_is_replaced(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.supply = (struct plan_supply){.running = 3, .serving = 3, .occupying = 3, .ending = 3};
    assert_int_equal(fixture_plan(&f)->units, 0);
}

static void what_is_above_the_floor_may_end(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.min_units = 2;
    f.input.supply = (struct plan_supply){.running = 5, .serving = 5, .occupying = 5, .ending = 3};
    assert_int_equal(fixture_plan(&f)->units, 0);
    f.input.supply.ending = 4;
    assert_int_equal(fixture_plan(&f)->units, 1); /* one of five would be left */
    /* a hundred that worked together end together */
    f.input.supply = (struct plan_supply){.running = 100, .serving = 100, .occupying = 100, .ending = 100};
    f.input.type.max_units = 200;
    assert_int_equal(fixture_plan(&f)->units, 2);
}

static void what_works_is_not_ending(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.min_units = 2;
    f.input.demand.claimed = 2;
    f.input.supply = (struct plan_supply){.running = 2, .serving = 2, .occupying = 2, .ending = 2};
    assert_int_equal(fixture_plan(&f)->units, 0);
    f.input.demand.claimed = 1;
    assert_int_equal(fixture_plan(&f)->units, 1);
}

static void the_ceiling_is_not_passed(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.input.type.min_units = f.input.type.max_units = 2;
    f.input.supply = (struct plan_supply){.running = 2, .serving = 2, .occupying = 2, .ending = 2};
    const struct plan *plan = fixture_plan(&f);
    assert_int_equal(plan->units, 0);
    assert_int_equal(plan->reason, REASON_AT_CEILING);
    f.input.type.max_units = 3;
    assert_int_equal(fixture_plan(&f)->units, 1);
}

/* ---- which instances are near their limit: limit 600 s, lead 180 s ---- */

static void supply_set_up(struct supply *supply)
{
    struct supply_settings settings = {.grace = SPAN_SECONDS(300),
                                       .settle = SPAN_SECONDS(60),
                                       .stale_serving = SPAN_SECONDS(6000),
                                       .max_inventory_age = SPAN_SECONDS(6000),
                                       .inventory_poll = SPAN_SECONDS(10),
                                       .idle_limit = SPAN_SECONDS(600),
                                       .idle_lead = SPAN_SECONDS(180),
                                       .usual_capacity = 1};
    supply_init(supply, &settings, T(0));
    supply_add_region(supply, "east");
}

/* Running since T(seconds). */
static void add_running(struct supply *supply, const char *id, int seconds)
{
    struct supply_instance instance = {
        .capacity = 1, .state = INSTANCE_RUNNING, .listed = true, .launched = T(seconds), .running_since = T(seconds)};
    text_copy(instance.id, sizeof instance.id, id);
    text_copy(instance.region, sizeof instance.region, "east");
    supply_launched(supply, &instance);
}

static void read_counts(struct supply *supply, int seconds, int64_t claimed, bool list_known)
{
    struct condemn_reading reading = {.seen = T(seconds), .pending = 0, .claimed = claimed, .list_known = list_known};
    supply_read(supply, &reading);
}

static int64_t ending(const struct supply *supply, int seconds)
{
    struct plan_supply figures;
    supply_figures(supply, T(seconds), &figures);
    return figures.ending;
}

static void the_clock_runs_from_running(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    add_running(&supply, "i-1", 100);
    read_counts(&supply, 510, 0, false);
    assert_int_equal(ending(&supply, 519), 0);
    assert_int_equal(ending(&supply, 520), 1); /* 600 - 180 s idle */
    assert_int_equal(ending(&supply, 880), 1);
    assert_int_equal(ending(&supply, 881), 0); /* it lives past its limit: its clock is another one */
    read_counts(&supply, 890, 1, false);       /* it works */
    assert_int_equal(ending(&supply, 1309), 0);
    assert_int_equal(ending(&supply, 1310), 1); /* and is counted anew */
    supply_clear(&supply);
}

static void work_starts_it_anew(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    add_running(&supply, "i-1", 0);
    add_running(&supply, "i-2", 0);
    read_counts(&supply, 300, 2, false); /* all are at work */
    assert_int_equal(ending(&supply, 719), 0);
    assert_int_equal(ending(&supply, 720), 2);
    supply_clear(&supply);
}

static void the_list_tells_them_apart(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    add_running(&supply, "i-1", 0);
    add_running(&supply, "i-2", 0);
    supply_worked(&supply, "i-1");
    supply_worked(&supply, "i-2");
    assert_false(supply_unproven(&supply));
    read_counts(&supply, 300, 1, false);
    assert_true(supply_unproven(&supply)); /* the counts do not tell which one is idle: the list is wanted */
    supply_worked(&supply, "i-2");
    read_counts(&supply, 310, 1, true);
    assert_int_equal(ending(&supply, 420), 1);
    assert_int_equal(ending(&supply, 729), 1);
    assert_int_equal(ending(&supply, 730), 2);
    read_counts(&supply, 740, 0, false);
    assert_false(supply_unproven(&supply));
    supply_clear(&supply);
}

static void unknown_counts_move_no_clock(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    add_running(&supply, "i-1", 0);
    read_counts(&supply, 400, -1, false);
    assert_int_equal(ending(&supply, 420), 1);
    supply_clear(&supply);
}

static void one_found_old_has_worked_not_long_ago(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    add_running(&supply, "i-1", -900);
    read_counts(&supply, 0, 0, false);
    assert_int_equal(ending(&supply, 419), 0);
    assert_int_equal(ending(&supply, 420), 1);
    supply_clear(&supply);
}

static void no_limit_no_end(void **state)
{
    struct supply supply;
    (void)state;
    supply_set_up(&supply);
    supply.settings.idle_limit = supply.settings.idle_lead = SPAN_US(0);
    add_running(&supply, "i-1", 0);
    read_counts(&supply, 0, 0, false);
    assert_int_equal(ending(&supply, 0), 0);
    assert_int_equal(ending(&supply, 600), 0);
    supply_clear(&supply);
}

/* ---- both together, over hours ---- */

struct hours {
    int64_t least, most; /* that served at once, after the first fill */
};

/* A floor of 3; instances end `life` seconds after they began to run, 0: never. Boots take 60 s. */
static struct hours hours_with(int life)
{
    struct supply supply;
    struct fixture f;
    struct hours hours = {.least = INT64_MAX};
    int number = 0;
    supply_set_up(&supply);
    fixture_init(&f);
    f.input.type.min_units = 3;
    for (int second = 0; second < 6 * 3600; second += 10) {
        for (size_t i = 0; i < supply.instance_count; i++) {
            struct supply_instance *instance = &supply.instances[i];
            if (instance->state == INSTANCE_PENDING &&
                mono_reached(mono_add(instance->launched, SPAN_SECONDS(60)), T(second))) {
                instance->state = INSTANCE_RUNNING;
                instance->running_since = T(second);
            }
            if (life && instance->state == INSTANCE_RUNNING &&
                mono_since(instance->running_since, T(second)).us >= SPAN_SECONDS(life).us)
                instance->state = INSTANCE_TERMINATED;
        }
        read_counts(&supply, second, 0, false);
        supply_figures(&supply, T(second), &f.input.supply);
        f.input.supply.starting = false;
        int64_t serving = f.input.supply.serving;
        if (second > 0 && serving < hours.least)
            hours.least = serving;
        if (serving > hours.most)
            hours.most = serving;
        for (int64_t wanted = fixture_plan_at(&f, second)->units; wanted > 0; wanted--) {
            char id[24];
            snprintf(id, sizeof id, "i-%06d", number++);
            add_running(&supply, id, second);
            supply_instance(&supply, id)->state = INSTANCE_PENDING;
            supply_instance(&supply, id)->running_since = MONO_ZERO;
        }
    }
    supply_clear(&supply);
    return hours;
}

static void the_floor_holds_for_hours(void **state)
{
    (void)state;
    struct hours exact = hours_with(600), late = hours_with(700), very_late = hours_with(1000);
    assert_int_equal(exact.least, 3);
    assert_int_equal(late.least, 3);
    assert_int_equal(very_late.least, 3); /* the worker's own clock began long after EC2's running */
    assert_true(exact.most <= 6 && late.most <= 6 && very_late.most <= 9);
}

/* Nobody ends: each is succeeded once, and their successors find the floor held. */
static void a_wrong_limit_costs_the_floor_once_more(void **state)
{
    (void)state;
    struct hours hours = hours_with(0);
    assert_int_equal(hours.least, 3);
    assert_int_equal(hours.most, 6);
}

/* ---- where the limit is found ---- */

static int64_t limit_of(const char *idle_limit, const char *user_data)
{
    static const char *const zones[] = {"us-west-2a"};
    static const struct region_zones regions[] = {{"us-west-2", zones, 1}};
    struct error err = {0};
    json_t *document =
        json_loads("{\"workerType\": \"foo\", \"maxCapacity\": 5, \"maxPrice\": 1,"
                   " \"launchSpec\": {\"KeyName\": \"key\"},"
                   " \"regions\": [{\"region\": \"us-west-2\", \"launchSpec\": {\"ImageId\": \"ami-1\"}}],"
                   " \"instanceTypes\": [{\"instanceType\": \"m3.large\", \"capacity\": 1,"
                   " \"utility\": 1}]}",
                   0, NULL);
    json_object_set_new(document, "userData", json_loads(user_data, 0, NULL));
    if (idle_limit)
        json_object_set_new(document, "idleLimit", json_string(idle_limit));
    struct definition *definition = definition_parse(document, "foo.json", regions, 1, &err);
    if (!definition)
        fail_msg("%s", err.text);
    int64_t seconds = definition_idle_limit(definition).us / 1000000;
    definition_destroy(&definition);
    json_decref(document);
    return seconds;
}

static void the_limit_is_found_in_the_definition(void **state)
{
    (void)state;
    assert_int_equal(limit_of(NULL, "{}"), 0);
    assert_int_equal(limit_of("15m", "{}"), 900);
    assert_int_equal(limit_of(NULL, "{\"worker\": {\"shutdown\": {\"afterIdleSeconds\": 600}}}"), 600);
    assert_int_equal(limit_of(NULL, "{\"shutdown\": {\"enabled\": true, \"afterIdleSeconds\": 300}}"), 300);
    assert_int_equal(limit_of(NULL, "{\"shutdown\": {\"enabled\": false, \"afterIdleSeconds\": 300}}"), 0);
    assert_int_equal(limit_of(NULL, "{\"genericWorker\": {\"config\": {\"idleTimeoutSecs\": 7200}}}"), 7200);
    assert_int_equal(limit_of(NULL, "{\"a\": {\"idleTimeoutSecs\": 70}, \"shutdown\": {\"afterIdleSeconds\": 60}}"),
                     60);
    assert_int_equal(limit_of("5m", "{\"shutdown\": {\"afterIdleSeconds\": 60}}"),
                     300); /* what is said outright counts */
    assert_int_equal(limit_of(NULL, "{\"shutdown\": {\"afterIdleSeconds\": \"soon\"}, \"idleTimeoutSecs\": -1}"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ending_instance_of_the_floor_is_replaced),
        cmocka_unit_test(without_a_floor_nothing_is_replaced),
        cmocka_unit_test(what_is_above_the_floor_may_end),
        cmocka_unit_test(what_works_is_not_ending),
        cmocka_unit_test(the_ceiling_is_not_passed),
        cmocka_unit_test(the_clock_runs_from_running),
        cmocka_unit_test(work_starts_it_anew),
        cmocka_unit_test(the_list_tells_them_apart),
        cmocka_unit_test(unknown_counts_move_no_clock),
        cmocka_unit_test(one_found_old_has_worked_not_long_ago),
        cmocka_unit_test(no_limit_no_end),
        cmocka_unit_test(the_floor_holds_for_hours),
        cmocka_unit_test(a_wrong_limit_costs_the_floor_once_more),
        cmocka_unit_test(the_limit_is_found_in_the_definition),
    };
    return cmocka_run_group_tests_name("floors and idle limits", tests, NULL, NULL);
}
