/* SPDX-License-Identifier: MPL-2.0 */
/* The supervisor's small pure parts: the termination brake, denials of the last hour, the pace of polling, the canary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "supervisor/brake.h"
#include "supervisor/canary.h"
#include "supervisor/denials.h"
#include "supervisor/pace.h"

static struct mono at(int64_t seconds)
{
    return (struct mono){(50000 + seconds) * 1000000};
}

/* ---- brake ---- */

static void the_brake_lets_five_or_a_tenth_through_in_ten_minutes(void **state)
{
    struct brake brake = {0};
    (void)state;
    assert_int_equal(brake_room(&brake, 0, at(0)), 5);
    assert_int_equal(brake_room(&brake, 59, at(0)), 5);
    assert_int_equal(brake_room(&brake, 100, at(0)), 10);
    brake_used(&brake, 4, at(0));
    brake_used(&brake, 3, at(300));
    assert_int_equal(brake_room(&brake, 100, at(300)), 3);
    assert_int_equal(brake_room(&brake, 10, at(300)), 0);
    assert_int_equal(brake_room(&brake, 100, at(569)), 3);
    assert_int_equal(brake_room(&brake, 100, at(601)), 7);
    assert_int_equal(brake_room(&brake, 100, at(901)), 10);
}

/* ---- denials ---- */

static struct denial_entry *deny(struct denial_list *list, const struct placement *placement, enum denial by,
                                 int64_t seconds)
{
    struct denial_time time = {.now = at(seconds), .wall = {seconds * 1000}, .pause = SPAN_SECONDS(2)};
    return denials_add(list, placement, by, 3, 0, &time);
}

static void denials_of_one_placement_and_cause_are_one_entry(void **state)
{
    struct denial_list list = {0};
    struct placement here = {"r1", "r1a", "m3.large", MARKET_SPOT}, there = {"r1", "r1b", "m3.large", MARKET_SPOT};
    (void)state;
    for (int64_t i = 0; i < 5; i++)
        deny(&list, &here, DENIED_BY_BREAKER, i);
    deny(&list, &here, DENIED_BY_HEADROOM, 6);
    deny(&list, &there, DENIED_BY_BREAKER, 7);
    assert_int_equal(list.count, 3);
    assert_int_equal(denials_latest(&list, SPAN_SECONDS(5), at(8))->by, DENIED_BY_BREAKER);
    assert_null(denials_latest(&list, SPAN_SECONDS(5), at(20)));
    denials_expire(&list, at(3600 + 5));
    assert_int_equal(list.count, 2);
}

static void a_wish_that_is_refused_in_every_arbitration_is_one_refusal_that_lasts(void **state)
{
    struct denial_list list = {0};
    struct placement here = {"r1", "r1a", "m3.large", MARKET_SPOT};
    (void)state;
    for (int64_t i = 0; i < 100; i++)
        deny(&list, &here, DENIED_BY_BREAKER, i);
    assert_int_equal(list.entries[0].times, 1);
    assert_int_equal(list.entries[0].since_wall.ms, 0);
    assert_int_equal(list.entries[0].last_wall.ms, 99000);
    deny(&list, &here, DENIED_BY_BREAKER, 101); /* not longer than the pause */
    assert_int_equal(list.entries[0].times, 1);
    deny(&list, &here, DENIED_BY_BREAKER, 200);
    deny(&list, &here, DENIED_BY_BREAKER, 201);
    assert_int_equal(list.entries[0].times, 2);
    assert_int_equal(list.entries[0].since_wall.ms, 200000);
}

static void a_full_list_gives_the_place_of_the_oldest(void **state)
{
    struct denial_list list = {0};
    struct placement place = {"r1", "", "m3.large", MARKET_SPOT};
    (void)state;
    for (int i = 0; i <= DENIALS_KEPT; i++) {
        text_format(place.zone, sizeof place.zone, "zone-%d", i);
        deny(&list, &place, DENIED_BY_BREAKER, i);
    }
    assert_int_equal(list.count, DENIALS_KEPT);
    assert_string_equal(list.entries[0].placement.zone, place.zone);
}

static void a_summary_counts_placements_by_cause_and_no_turns(void **state)
{
    struct placement here = {"r1", "r1a", "m3.large", MARKET_SPOT}, there = {"r1", "r1b", "m3.large", MARKET_SPOT};
    struct denial_list list = {0};
    char text[200];

    (void)state;
    assert_string_equal(denials_summary(&list, text, sizeof text), "");
    for (int i = 1; i <= 9; i++)
        deny(&list, &there, DENIED_BY_LAUNCH_RATE, i * 3);
    deny(&list, &here, DENIED_BY_BREAKER, 30)->failure = FAILURE_CAPACITY;
    deny(&list, &there, DENIED_BY_BREAKER, 31)->failure = FAILURE_CAPACITY;
    deny(&list, &here, DENIED_BY_ROUND, 32);
    assert_string_equal(denials_summary(&list, text, sizeof text), "breaker:capacity 2, launch-rate 1");
    char tight[12];
    denials_summary(&list, tight, sizeof tight);
    assert_int_equal(strlen(tight), sizeof tight - 1);
}

/* ---- pace ---- */

static void all_types_together_stay_within_the_queue_rate(void **state)
{
    (void)state;
    struct pace few = pace_deal(SPAN_SECONDS(10), 50, 3, 100), many = pace_deal(SPAN_SECONDS(10), 50, 500, 1000);
    assert_int_equal(few.poll_ms, 10000);
    assert_int_equal(few.phase_ms, 300);
    assert_in_range(many.poll_ms, 40000, 40001); /* 1,000 types x 2 requests at 50 a second */
    assert_in_range(many.phase_ms, 20000, 20001);
}

/* ---- canary ---- */

static const struct fleet_settings settings = {.grace = {300000000}};

static struct instance *running(struct fleet *fleet, const char *id, const char *hash, int64_t since)
{
    struct instance *it = fleet_add_instance(fleet, id, "alpha");
    it->state = INSTANCE_RUNNING;
    it->capacity = 1;
    it->launched = at(since);
    text_copy(it->spec_hash, sizeof it->spec_hash, hash);
    return it;
}

static void a_new_specification_has_room_for_two_until_it_is_proven(void **state)
{
    struct fleet *fleet = fleet_create(&settings);
    struct canary_proofs proofs = {0};
    struct fleet_type *type = fleet_type(fleet, "alpha", true);
    (void)state;
    assert_int_equal(canary_room(&proofs, fleet, type, 2, "new"), 2);
    running(fleet, "i-1", "new", 0);
    assert_int_equal(canary_room(&proofs, fleet, type, 2, "new"), 1);
    assert_int_equal(canary_room(&proofs, fleet, type, 0, "new"), INT64_MAX); /* off */
    assert_true(canary_prove(&proofs, "new", "took-work"));
    assert_false(canary_prove(&proofs, "new", "took-work"));
    assert_int_equal(canary_room(&proofs, fleet, type, 2, "new"), INT64_MAX);
    canary_clear(&proofs);
    fleet_destroy(&fleet);
}

static void old_instances_that_take_the_work_prove_nothing(void **state)
{
    struct fleet *fleet = fleet_create(&settings);
    struct canary_proofs proofs = {0};
    struct fleet_type *type = fleet_type(fleet, "alpha", true);
    struct canary_evidence evidence = {.claimed = 2, .boot_limit = SPAN_SECONDS(1200)};
    const char *how = "";
    (void)state;
    canary_prove(&proofs, "old", "took-work");
    running(fleet, "i-1", "old", 0);
    running(fleet, "i-2", "old", 0);
    running(fleet, "i-3", "new", 0);
    assert_null(canary_passed(&proofs, type, &evidence, at(600), &how));
    evidence.claimed = 3; /* more than the proven ones hold */
    assert_string_equal(canary_passed(&proofs, type, &evidence, at(600), &how), "new");
    assert_string_equal(how, "claimed");
    canary_clear(&proofs);
    fleet_destroy(&fleet);
}

static void age_is_a_weak_proof_and_only_while_work_is_taken(void **state)
{
    struct fleet *fleet = fleet_create(&settings);
    struct canary_proofs proofs = {0};
    struct fleet_type *type = fleet_type(fleet, "alpha", true);
    struct canary_evidence evidence = {.claimed = 0, .boot_limit = SPAN_SECONDS(1200)};
    const char *how = "";
    (void)state;
    running(fleet, "i-1", "new", 0);
    assert_null(canary_passed(&proofs, type, &evidence, at(5000), &how));
    evidence.claimed = -1;
    assert_null(canary_passed(&proofs, type, &evidence, at(5000), &how));
    evidence.pending_fell = true;
    assert_null(canary_passed(&proofs, type, &evidence, at(1259), &how));
    assert_string_equal(canary_passed(&proofs, type, &evidence, at(1260), &how), "new");
    assert_string_equal(how, "alive");
    canary_clear(&proofs);
    fleet_destroy(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_brake_lets_five_or_a_tenth_through_in_ten_minutes),
        cmocka_unit_test(denials_of_one_placement_and_cause_are_one_entry),
        cmocka_unit_test(a_summary_counts_placements_by_cause_and_no_turns),
        cmocka_unit_test(a_wish_that_is_refused_in_every_arbitration_is_one_refusal_that_lasts),
        cmocka_unit_test(a_full_list_gives_the_place_of_the_oldest),
        cmocka_unit_test(all_types_together_stay_within_the_queue_rate),
        cmocka_unit_test(a_new_specification_has_room_for_two_until_it_is_proven),
        cmocka_unit_test(old_instances_that_take_the_work_prove_nothing),
        cmocka_unit_test(age_is_a_weak_proof_and_only_while_work_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
