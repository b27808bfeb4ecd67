/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_record.c: arbitrations through the decision journal: random worlds are written as JSON, read back and
 * run again, and what comes out is the same; what was changed by hand is told by its path. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "supervisor/arbiter_record.h"
#include "supervisor/arbiter_record_parts.h"

/* What moves the arbiter's memory between two steps of a random world is written, too. */
static void told_returned(struct arbiter *arbiter, const char *region, int64_t calls, int64_t instances);
static void told_limited(struct arbiter *arbiter, const char *region, struct mono now);
#define arbiter_returned told_returned
#define arbiter_rate_limited told_limited
#include "tests/unit/arbiter_random.h"
#include "tests/unit/json_text.h"
#include "tests/unit/record_complete.h"
#undef arbiter_returned
#undef arbiter_rate_limited

#define WORLDS 400

static struct arbiter_rerun *rerun;
static size_t entries, grants, denials;
static bool begun;

/* What comes out now is what came out then. */
static void run_again(const json_t *entry)
{
    struct error err = {0};
    json_t *recorded, *now;

    if (arbiter_rerun_entry(rerun, entry, false, &recorded, &now, &err) != 0)
        fail_msg("%s", err.text);
    if (recorded || now) {
        char *was = json_dumps(recorded, 0), *is = json_dumps(now, 0);
        print_error("recorded %s\nnow      %s\n", was, is);
        free(was);
        free(is);
        fail();
    }
    entries++;
}

static void told_returned(struct arbiter *arbiter, const char *region, int64_t calls, int64_t instances)
{
    arbiter_returned(arbiter, region, calls, instances);
    json_t *entry = through_text(arbiter_record_returned((struct wall){0}, region, calls, instances));
    if (begun)
        run_again(entry);
    json_decref(entry);
}

static void told_limited(struct arbiter *arbiter, const char *region, struct mono now)
{
    arbiter_rate_limited(arbiter, region, now);
    json_t *entry = through_text(arbiter_record_limited((struct wall){0}, region, now));
    if (begun)
        run_again(entry);
    json_decref(entry);
}

static void ask_for_a_spare_call(struct random_world *world)
{
    bool given = arbiter_spare_call(world->arbiter, "r1", world->now);
    json_t *entry = through_text(arbiter_record_spare((struct wall){0}, "r1", world->now, given));

    run_again(entry);
    json_decref(entry);
}

static json_t *told_step(struct random_world *world, struct arbiter_record *record, bool whole)
{
    lay_out_input(world);
    json_t *entry = arbiter_record_before(record, (struct wall){0}, world->arbiter, &world->input, whole);
    world_ask(world);
    arbiter_record_after(record, entry, &world->input, &world->out);
    grants += world->out.grant_count;
    denials += world->out.denial_count;
    return through_text(entry);
}

static void run_world(const struct property_case *what)
{
    static struct random_world world;
    struct arbiter_record *record = arbiter_record_create();

    rerun = arbiter_rerun_create();
    begun = false;
    world_open(&world, what);
    for (int step = 0; step < what->steps; step++) {
        world_move(&world);
        /* A file begins with a complete entry, and another may begin at any time. */
        json_t *entry = told_step(&world, record, !begun || draw_chance(what, 10, 90, (unsigned)step, 0));
        run_again(entry);
        json_decref(entry);
        begun = true;
        if (draw_chance(what, 20, 91, (unsigned)step, 0))
            ask_for_a_spare_call(&world);
        world_apply(&world);
    }
    world_close(&world);
    arbiter_record_destroy(&record);
    arbiter_rerun_destroy(&rerun);
}

static void random_worlds_come_out_the_same(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct property_case what = make_case(seed * 7919);
        run_world(&what);
    }
    print_message("%zu entries with %zu grants and %zu denials\n", entries, grants, denials);
    assert_true(entries > WORLDS * 4 && grants > WORLDS && denials > WORLDS);
}

/* ---- by hand ---- */

static json_t *first_entry(struct random_world *world, const struct property_case *what)
{
    struct arbiter_record *record = arbiter_record_create();

    begun = false;
    world_open(world, what);
    world_move(world);
    json_t *entry = told_step(world, record, true);
    world_close(world);
    arbiter_record_destroy(&record);
    return entry;
}

static void an_input_changed_by_hand_comes_out_differently(void **unused)
{
    static struct random_world world;
    size_t different = 0, with_grants = 0;
    json_t *recorded, *now;
    struct error err;

    (void)unused;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct property_case what = make_case(seed);
        json_t *entry = first_entry(&world, &what);
        json_t *settings = json_object_get(json_object_get(entry, "in"), "settings");
        rerun = arbiter_rerun_create();
        with_grants += json_object_get(json_object_get(entry, "out"), "grants") != NULL;
        json_object_set_new(settings, "max_instances", json_integer(0));
        assert_int_equal(arbiter_rerun_entry(rerun, entry, true, &recorded, &now, &err), 0);
        assert_null(json_object_get(now, "grants"));
        different += !json_equal(now, recorded);
        json_decref(recorded);
        json_decref(now);
        json_decref(entry);
        arbiter_rerun_destroy(&rerun);
    }
    print_message("%zu of 100 entries have grants, %zu come out differently without room\n", with_grants, different);
    assert_true(with_grants > 30 && different >= with_grants);
}

static void what_does_not_follow_on_is_refused(void **unused)
{
    static struct random_world world;
    struct property_case what = make_case(3);
    struct error err;
    json_t *recorded, *now, *entry = first_entry(&world, &what);

    (void)unused;
    rerun = arbiter_rerun_create();
    json_object_del(entry, "memory");
    assert_int_equal(arbiter_rerun_entry(rerun, entry, false, &recorded, &now, &err), -1);
    assert_string_equal(err.text, "no complete entry comes before it");
    json_object_set_new(entry, "memory", json_pack("{s:[{s:i}]}", "types", "pass", 1));
    json_object_set_new(json_object_get(entry, "in"), "input", json_pack("{s:[{s:{s:i}}]}", "types", "lots", "0", 1));
    assert_int_equal(arbiter_rerun_entry(rerun, entry, false, &recorded, &now, &err), -1);
    assert_string_equal(err.text, "in: input: types: 0: lots: 0: there is no such element");
    json_object_set_new(entry, "kind", json_string("plan"));
    assert_int_equal(arbiter_rerun_entry(rerun, entry, false, &recorded, &now, &err), -1);
    json_decref(entry);
    arbiter_rerun_destroy(&rerun);
}

/* ---- the tables are complete ---- */

#ifdef RECORD_PADDING_IS_KNOWN
/* What comes out is told by structs of its own: a member that is added here belongs there, too. */
static const struct record_field told_of_a_grant[] = {
    RECORD_MEMBER(struct arbiter_grant, type, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_grant, lot, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_grant, count, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_grant, step, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_grant, probe, RECORD_BOOL),
    {.name = NULL},
};
static const struct record_field told_of_a_denial[] = {
    RECORD_MEMBER(struct arbiter_denial, type, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_denial, lot, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_denial, wanted, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_denial, granted, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_denial, by, RECORD_INTEGER),
    {.name = NULL},
};
static const struct record_field told_of_the_output[] = {
    RECORD_A_LIST(struct arbiter_output, grants, grant_count, told_of_a_grant),
    RECORD_A_LIST(struct arbiter_output, denials, denial_count, told_of_a_denial),
    RECORD_MEMBER(struct arbiter_output, again, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_output, over_units, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_output, over_instances, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_output, over_hourly, RECORD_BOOL),
    {.name = NULL},
};
#endif

static void every_member_has_a_row(void **unused)
{
    (void)unused;
#ifdef RECORD_PADDING_IS_KNOWN
    RECORD_COMPLETE(struct placement, arbiter_placement_table);
    RECORD_COMPLETE(struct budget_limits, arbiter_budget_limits_table);
    RECORD_COMPLETE(struct arbiter_settings, arbiter_settings_table);
    RECORD_COMPLETE(struct arbiter_region, arbiter_region_table);
    RECORD_COMPLETE(struct breaker_view, arbiter_view_table);
    RECORD_COMPLETE(struct arbiter_lot, arbiter_lot_table);
    RECORD_COMPLETE(struct arbiter_type, arbiter_type_table);
    RECORD_COMPLETE(struct arbiter_lease, arbiter_lease_table);
    RECORD_COMPLETE(struct budget_day, arbiter_day_table);
    RECORD_COMPLETE(struct arbiter_input, arbiter_input_table,
                    value.settings = NULL); /* beside it, in struct arbitration */
    RECORD_COMPLETE(struct unseen_grant, arbiter_unseen_table);
    RECORD_COMPLETE(struct type_memory, arbiter_type_memory_table, value.unseen_room = 0); /* follows from the count */
    RECORD_COMPLETE(struct bucket, arbiter_bucket_table);
    RECORD_COMPLETE(struct region_memory, arbiter_region_memory_table);
    RECORD_COMPLETE(struct arbiter, arbiter_memory_table);
    RECORD_COMPLETE(struct arbitration, arbitration_table);
    RECORD_COMPLETE(struct told_grant, arbiter_told_grant_table);
    RECORD_COMPLETE(struct told_denial, arbiter_told_denial_table);
    RECORD_COMPLETE(struct told_type, arbiter_told_type_table);
    RECORD_COMPLETE(struct told_output, arbiter_told_table, value.all_denials = NULL); /* memory, told by the types */
    RECORD_COMPLETE(struct arbiter_grant, told_of_a_grant);
    RECORD_COMPLETE(struct arbiter_denial, told_of_a_denial);
    RECORD_COMPLETE(struct arbiter_output, told_of_the_output);
#else
    skip(); /* this compiler cannot tell padding */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_come_out_the_same),
        cmocka_unit_test(an_input_changed_by_hand_comes_out_differently),
        cmocka_unit_test(what_does_not_follow_on_is_refused),
        cmocka_unit_test(every_member_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
