/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_record.c: plans through the decision journal: random inputs are written as JSON, read back and planned
 * again, and what comes out is the same. */
#include "tests/unit/test_plan_fixture.h"

#include <stdlib.h>

#include "tests/unit/json_text.h"
#include "tests/unit/record_complete.h"
#include "worker/plan_record.h"
#include "worker/plan_record_parts.h"

static unsigned below(unsigned most)
{
    return (unsigned)random() % most;
}

/* Options and regions come and go, prices and breakers move, demand and supply do what they like. */
static void shake(struct fixture *fixture)
{
    static const char *const problems[] = {"", "HTTP 503", "it is \"quoted\"\n"};
    struct plan_input *input = &fixture->input;

    input->now.us += 1000000 * (int64_t)below(30);
    input->demand.seen = below(5) ? input->now : input->demand.seen;
    input->demand.pending = (int64_t)below(40) - 1;
    input->demand.claimed = (int64_t)below(20) - 1;
    input->demand.problem = problems[below(3)];
    input->type.scaling_ratio = below(10) / 7.0;
    input->type.min_units = below(4);
    input->type.can_use_on_demand = below(2);
    input->type.on_demand_after = SPAN_SECONDS(below(60));
    input->type.on_demand_max = below(5);
    input->supply = (struct plan_supply){.starting = below(20) == 0,
                                         .running = below(20),
                                         .young = below(5),
                                         .booting = below(5),
                                         .in_flight = below(5),
                                         .serving = below(20),
                                         .occupying = below(30),
                                         .claimed_unknown = below(6) == 0,
                                         .work_taken = below(10)};
    for (size_t i = 0; i < input->region_count; i++)
        fixture->regions[i].began = below(4) ? input->now : fixture->regions[i].began;
    for (size_t i = 0; i < input->option_count; i++) {
        struct plan_option *option = &fixture->options[i];
        option->health = below(3) ? 1 : 1 + below(100) / 3.0;
        option->price = MONEY(below(600000));
        option->door = (enum plan_door)(below(3) ? 0U : below(3));
        option->failure = (enum failure)below(FAILURE_COUNT);
        option->type_wide = below(10) == 0;
        option->unfit = below(8) == 0;
    }
    if (below(5) == 0) {
        fixture->input.option_count = 0;
        for (unsigned i = below(MOST_OPTIONS) + 1; i > 0; i--)
            fixture_option(fixture, below(2) ? "ea" : "wa", below(2) ? "m3.large" : "c4.xlarge", 1000);
    }
    input->credentials_problem = below(20) ? NULL : "none yet";
    input->preflight_waits = below(20) ? "" : "images";
    input->preflight_error = below(2) ? "" : "no such image";
}

static void random_inputs_are_planned_the_same(void **unused)
{
    struct plan_record *record = plan_record_create(), *rerun = plan_record_create();
    static struct fixture fixture;
    size_t lots = 0, planned = 0;

    (void)unused;
    srandom(1);
    fixture_init(&fixture);
    for (int i = 0; i < 3000; i++) {
        struct error err = {0};
        json_t *out;
        shake(&fixture);
        struct plan_memory before = fixture.memory;
        plan_make(&fixture.memory, &fixture.input, &fixture.plan);
        json_t *entry = through_text(plan_record_entry(record, (struct wall){0}, &before, &fixture.input,
                                                       &fixture.memory, &fixture.plan, i % 100 == 0));
        if (plan_rerun_entry(rerun, entry, &out, &err) != 0)
            fail_msg("%s", err.text);
        assert_true(json_equal(json_object_get(entry, "out"), out));
        lots += fixture.plan.lot_count;
        planned += fixture.plan.lot_count > 0;
        json_decref(out);
        json_decref(entry);
    }
    print_message("3000 plans, %zu of them with %zu lots\n", planned, lots);
    assert_true(planned > 300);
    plan_record_destroy(&record);
    plan_record_destroy(&rerun);
}

static void what_does_not_follow_on_is_refused(void **unused)
{
    struct plan_record *record = plan_record_create(), *rerun = plan_record_create();
    static struct fixture fixture;
    struct error err;
    json_t *out;

    (void)unused;
    fixture_init(&fixture);
    struct plan_memory before = fixture.memory;
    plan_make(&fixture.memory, &fixture.input, &fixture.plan);
    json_t *entry = through_text(
        plan_record_entry(record, (struct wall){0}, &before, &fixture.input, &fixture.memory, &fixture.plan, true));
    json_object_del(entry, "whole");
    assert_int_equal(plan_rerun_entry(rerun, entry, &out, &err), -1);
    assert_string_equal(err.text, "no complete entry comes before it");
    json_object_set_new(entry, "whole", json_true());
    json_object_set_new(json_array_get(json_object_get(json_object_get(entry, "in"), "options"), 0), "capacity",
                        json_integer(0));
    assert_int_equal(plan_rerun_entry(rerun, entry, &out, &err), -1);
    assert_string_equal(err.text, "in: options: 0: capacity: is below 1");
    json_decref(entry);
    plan_record_destroy(&record);
    plan_record_destroy(&rerun);
}

/* ---- the tables are complete ---- */

static void every_member_has_a_row(void **unused)
{
    (void)unused;
#ifdef RECORD_PADDING_IS_KNOWN
    RECORD_COMPLETE(struct placement, plan_placement_table);
    RECORD_COMPLETE(struct plan_type, plan_type_table);
    RECORD_COMPLETE(struct plan_demand, plan_demand_table);
    RECORD_COMPLETE(struct plan_supply, plan_supply_table);
    RECORD_COMPLETE(struct plan_region, plan_region_table);
    RECORD_COMPLETE(struct plan_option, plan_option_table);
    RECORD_COMPLETE(struct plan_input, plan_input_table);
    RECORD_COMPLETE(struct plan_bucket, plan_bucket_table);
    RECORD_COMPLETE(struct plan_memory, plan_memory_table);
    RECORD_COMPLETE(struct plan_lot, plan_lot_table);
    RECORD_COMPLETE(struct plan, plan_table);
#else
    skip(); /* this compiler cannot tell padding */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_inputs_are_planned_the_same),
        cmocka_unit_test(what_does_not_follow_on_is_refused),
        cmocka_unit_test(every_member_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
