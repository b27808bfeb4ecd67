/* SPDX-License-Identifier: MPL-2.0 */
/* When a lease ends and when an instance no longer counts: DESIGN section 4's rules, with literal structs and times.
 * Cases B01, B08, B09, B15, B26, B29. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "supervisor/fleet.h"

#define GRACE 300

struct world {
    struct fleet *fleet;
    int told[16];       /* facts by kind */
    enum lease_end end; /* of the last lease that ended */
    int64_t returned;
    char gone[INSTANCE_ID_SIZE];
};

static const struct fleet_settings settings = {.grace = {GRACE * INT64_C(1000000)},
                                               .max_inventory_age = {60000000},
                                               .stale_serving = {600000000},
                                               .inventory_poll = {10000000}};

static struct mono at(int64_t seconds)
{
    return (struct mono){(100000 + seconds) * 1000000};
}

static struct wall wall(int64_t seconds)
{
    return (struct wall){(1000000 + seconds) * 1000};
}

static void hear(void *context, const struct fleet_fact *fact)
{
    struct world *world = context;
    world->told[fact->kind]++;
    if (fact->kind == FLEET_LEASE_ENDED) {
        world->end = fact->end;
        world->returned = fact->returned;
    }
    if (fact->kind == FLEET_GONE)
        text_copy(world->gone, sizeof world->gone, fact->instance->id);
}

static int begin(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.fleet = fleet_create(&settings);
    *state = &world;
    return 0;
}

static int finish(void **state)
{
    fleet_destroy(&((struct world *)*state)->fleet);
    return 0;
}

static struct lease *grant(struct world *world, int64_t number, int64_t count)
{
    struct lease lease = {.grant = number,
                          .token = "token-1",
                          .type = "alpha",
                          .placement = {"r1", "r1a", "m3.large", MARKET_SPOT},
                          .count = count,
                          .capacity = 2,
                          .max_price = MONEY(100),
                          .revision = 1,
                          .spec_hash = "s1",
                          .generation = 1};
    return fleet_add_lease(world->fleet, &lease);
}

/* A lease that was sent with send-by at `seconds`. */
static struct lease *sent(struct world *world, int64_t count, int64_t seconds)
{
    struct lease *lease = grant(world, 1, count);
    fleet_lease_sent(world->fleet, lease, at(seconds));
    return lease;
}

static int result(struct world *world, const char *type, enum outcome outcome, enum failure failure, size_t ids,
                  int64_t seconds)
{
    static const struct proto_INSTANCE launched[] = {{"i-1", ""}, {"i-2", ""}, {"i-3", ""}};
    struct fleet_result said = {.grant = 1,
                                .type = type,
                                .outcome = outcome,
                                .failure = failure,
                                .launched = launched,
                                .launched_count = ids,
                                .sent = at(seconds),
                                .wall = wall(seconds)};
    return fleet_result(world->fleet, &said, at(seconds), hear, world);
}

static struct proto_ROW row(const char *id, const char *state)
{
    struct proto_ROW it = {.type = "alpha",
                           .grant = 1,
                           .token = "token-1",
                           .zone = "r1a",
                           .instanceType = "m3.large",
                           .market = "spot",
                           .capacity = 2,
                           .incarnation = "ours",
                           .specHash = "s1",
                           .launchWall = wall(0).ms};
    text_copy(it.id, sizeof it.id, id);
    text_copy(it.state, sizeof it.state, state);
    return it;
}

static void listed_in(struct world *world, const char *region, int64_t seconds, const struct proto_ROW *rows,
                      size_t count)
{
    struct fleet_listing listing = {.region = region,
                                    .generation = 1,
                                    .listing = seconds + 1,
                                    .full = true,
                                    .began = at(seconds),
                                    .began_wall = wall(seconds),
                                    .took = {1000000},
                                    .rows = rows,
                                    .row_count = count,
                                    .incarnation = "ours",
                                    .started = wall(-1000)};
    fleet_take_listing(world->fleet, &listing, hear, world);
}

static void listed(struct world *world, int64_t seconds, const struct proto_ROW *rows, size_t count)
{
    listed_in(world, "r1", seconds, rows, count);
}

static const struct fleet_totals *totals(struct world *world, int64_t seconds)
{
    fleet_count(world->fleet, at(seconds));
    return &fleet_type(world->fleet, "alpha", true)->totals;
}

/* ---- (a), (b): definite results ---- */

static void ids_end_a_lease_and_occupy(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    assert_int_equal(totals(world, 1)->leased_units, 6);
    assert_int_equal(result(world, "alpha", OUTCOME_LAUNCHED, FAILURE_NONE, 2, 5), 0);
    assert_int_equal(world->end, LEASE_LAUNCHED);
    assert_int_equal(world->returned, 1); /* fewer than asked: the rest at once */
    assert_int_equal(totals(world, 6)->leased_units, 0);
    assert_int_equal(totals(world, 6)->held_units, 4);
    assert_int_equal(totals(world, 6)->unlisted_instances, 2);
    assert_int_equal(totals(world, 6)->held_cost.micros, 200);
}

static void refusals_and_unsent_grants_end_a_lease(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    result(world, "alpha", OUTCOME_FAILED, FAILURE_CAPACITY, 0, 5);
    assert_int_equal(world->end, LEASE_FAILED);
    sent(world, 3, 10);
    result(world, "alpha", OUTCOME_UNSENT, FAILURE_NONE, 0, 5);
    assert_int_equal(world->end, LEASE_UNSENT);
    assert_int_equal(totals(world, 6)->leased_units, 0);
}

static void a_mismatch_means_look_up(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    result(world, "alpha", OUTCOME_FAILED, FAILURE_LOOK_UP, 0, 5);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    assert_int_equal(fleet_lease(world->fleet, 1)->state, LEASE_UNKNOWN);
}

static void nobody_speaks_for_anothers_grant(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    assert_int_equal(result(world, "beta", OUTCOME_FAILED, FAILURE_CAPACITY, 0, 5), -1);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
}

static void a_grant_that_never_left_has_no_result(void **state)
{
    struct world *world = *state;
    grant(world, 1, 3);
    assert_int_equal(result(world, "alpha", OUTCOME_FAILED, FAILURE_CAPACITY, 0, 5), -1);
    fleet_lease_not_sent(world->fleet, fleet_lease(world->fleet, 1), hear, world);
    assert_int_equal(world->end, LEASE_UNSENT);
}

static void ids_that_come_late_are_taken(void **state)
{
    struct world *world = *state;
    sent(world, 2, 10);
    result(world, "alpha", OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, 0, 5);
    listed(world, 400, NULL, 0);
    assert_int_equal(world->end, LEASE_VOID);
    assert_int_equal(result(world, "alpha", OUTCOME_LAUNCHED, FAILURE_NONE, 2, 401), 1);
    assert_int_equal(totals(world, 402)->held_units, 4);
}

/* ---- (d): unknown outcomes ---- */

static void time_alone_frees_nothing(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    listed(world, 100000, NULL, 0); /* its holder lives and says nothing: it is killed first */
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    assert_int_equal(fleet_silent_lease(world->fleet, "alpha", SPAN_SECONDS(75), at(84)), 0);
    assert_int_equal(fleet_silent_lease(world->fleet, "alpha", SPAN_SECONDS(75), at(85)), 1);
}

static void an_unknown_lease_ends_by_a_listing_begun_after_grace(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    result(world, "alpha", OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, 0, 5);
    listed(world, 5 + GRACE, NULL, 0); /* begun exactly at grace: not more than it */
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    listed_in(world, "r2", 9999, NULL, 0); /* another region says nothing of it */
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    listed(world, 6 + GRACE, NULL, 0);
    assert_int_equal(world->end, LEASE_VOID);
    assert_int_equal(world->returned, 3);
}

static void grace_counts_from_the_reaping_when_that_is_later(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    fleet_holder_gone(world->fleet, "alpha", 1, at(200), hear, world);
    assert_int_equal(fleet_lease(world->fleet, 1)->state, LEASE_UNKNOWN);
    listed(world, 200 + GRACE, NULL, 0);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    listed(world, 201 + GRACE, NULL, 0);
    assert_int_equal(world->end, LEASE_VOID);
}

/* The ledger keeps since when nobody can be at it. */
static void the_reaping_of_an_unknown_leases_holder_is_told(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    result(world, "alpha", OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, 0, 5);
    int told = world->told[FLEET_LEASE_CHANGED];
    fleet_holder_gone(world->fleet, "alpha", 1, at(200), hear, world);
    assert_int_equal(world->told[FLEET_LEASE_CHANGED], told + 1);
    assert_int_equal(fleet_lease(world->fleet, 1)->holder_gone.us, at(200).us);
}

static void the_last_words_of_a_reaped_holder_are_definite(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    fleet_holder_gone(world->fleet, "alpha", 1, at(20), hear, world);
    result(world, "alpha", OUTCOME_FAILED, FAILURE_CAPACITY, 0, 21);
    assert_int_equal(world->end, LEASE_FAILED);
}

static void after_an_unknown_outcome_only_ids_are_definite(void **state)
{
    struct world *world = *state;
    struct lease *lease = sent(world, 3, 10);
    result(world, "alpha", OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, 0, 5);
    assert_null(fleet_renew(world->fleet, 1, "beta", 2));
    assert_ptr_equal(fleet_renew(world->fleet, 1, "alpha", 2), lease);
    assert_int_equal(lease->generation, 2);
    fleet_lease_sent(world->fleet, lease, at(60));
    result(world, "alpha", OUTCOME_FAILED, FAILURE_CAPACITY, 0, 61);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    result(world, "alpha", OUTCOME_UNSENT, FAILURE_NONE, 0, 62);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    listed(world, 60 + GRACE, NULL, 0); /* grace counts from the last send */
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    result(world, "alpha", OUTCOME_LAUNCHED, FAILURE_NONE, 3, 63);
    assert_int_equal(world->end, LEASE_LAUNCHED);
}

/* ---- (c): rows ---- */

static void rows_with_its_tag_are_not_counted_twice(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running")};
    sent(world, 3, 10);
    listed(world, 8, rows, 1);
    assert_int_equal(totals(world, 9)->held_units, 2);
    assert_int_equal(totals(world, 9)->leased_units, 4);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    listed(world, 11 + GRACE, rows, 1); /* the rest is void once grace is past */
    assert_int_equal(world->end, LEASE_LISTED);
    assert_int_equal(world->returned, 2);
}

static void all_rows_end_a_lease_at_once(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running"), row("i-2", "terminated")};
    sent(world, 2, 10);
    fleet_holder_gone(world->fleet, "alpha", 1, at(11), hear, world);
    listed(world, 12, rows, 2);
    assert_int_equal(world->end, LEASE_LISTED);
    assert_int_equal(totals(world, 13)->held_units, 2); /* the terminated one does not occupy (B29) */
}

static void a_row_with_the_number_but_another_token_is_not_its(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running")};
    sent(world, 1, 10);
    text_copy(rows[0].token, sizeof rows[0].token, "of an older ledger");
    listed(world, 12, rows, 1);
    assert_int_equal(world->told[FLEET_LEASE_ENDED], 0);
    assert_int_equal(world->told[FLEET_ADOPTED], 1);
}

/* ---- instances ---- */

static void an_id_that_is_not_listed_counts_until_two_listings_after_grace(void **state)
{
    struct world *world = *state;
    sent(world, 1, 10);
    result(world, "alpha", OUTCOME_LAUNCHED, FAILURE_NONE, 1, 5);
    listed(world, 40, NULL, 0); /* listings lag behind (B26) */
    listed(world, 80, NULL, 0);
    assert_int_equal(totals(world, 81)->held_units, 2);
    listed(world, 6 + GRACE, NULL, 0);
    assert_int_equal(totals(world, 7 + GRACE)->held_units, 2);
    listed(world, 16 + GRACE, NULL, 0);
    assert_string_equal(world->gone, "i-1");
    assert_int_equal(totals(world, 17 + GRACE)->held_units, 0);
}

static void an_empty_listing_is_believed_only_when_repeated(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running")};
    listed(world, 1000, rows, 1);
    listed(world, 1010, NULL, 0);
    assert_int_equal(totals(world, 1011)->held_units, 2); /* B01 */
    listed(world, 1020, rows, 1);
    listed(world, 1030, NULL, 0);
    assert_int_equal(totals(world, 1031)->held_units, 2); /* it was back: counted anew */
    listed(world, 1040, NULL, 0);
    assert_int_equal(totals(world, 1041)->held_units, 0);
}

static void rows_that_did_not_change_are_not_sent_and_stay(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running"), row("i-2", "running")};
    struct proto_INSTANCE gone[] = {{"i-2", ""}};
    struct fleet_listing change = {.region = "r1",
                                   .generation = 1,
                                   .listing = 2,
                                   .began = at(1010),
                                   .began_wall = wall(1010),
                                   .incarnation = "ours",
                                   .gone = gone,
                                   .gone_count = 1};
    listed(world, 1000, rows, 2);
    fleet_take_listing(world->fleet, &change, hear, world);
    change.began = at(1020);
    change.gone_count = 0; /* absent from the listing before already */
    fleet_take_listing(world->fleet, &change, hear, world);
    assert_string_equal(world->gone, "i-2");
    assert_int_equal(totals(world, 1021)->held_units, 2);
}

static void unknown_words_and_stopped_ones_occupy_but_do_not_serve(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "dreaming"), row("i-2", "stopped"), row("i-3", "shutting-down"),
                               row("i-4", "pending")};
    listed(world, 1000, rows, 4);
    assert_int_equal(totals(world, 1001)->held_instances, 4);
    assert_int_equal(totals(world, 1001)->serving_units, 2);
    assert_int_equal(world->told[FLEET_UNREADABLE], 1);
}

static void a_dark_region_leaves_serving_but_goes_on_occupying(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running")};
    listed(world, 1000, rows, 1);
    assert_false(fleet_region_stale(world->fleet, fleet_region(world->fleet, "r1", false), at(1060)));
    assert_true(fleet_region_stale(world->fleet, fleet_region(world->fleet, "r1", false), at(1061)));
    assert_int_equal(totals(world, 1600)->serving_units, 2);
    assert_int_equal(totals(world, 1601)->serving_units, 0);
    assert_int_equal(totals(world, 1601)->held_units, 2);
}

static void an_early_death_is_told_once_with_its_reason(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "terminated")};
    text_copy(rows[0].reason, sizeof rows[0].reason, "Client.VolumeLimitExceeded: Volume limit exceeded");
    listed(world, 60, rows, 1);
    listed(world, 70, rows, 1);
    assert_int_equal(world->told[FLEET_DIED_EARLY], 1); /* B15 */
}

static void an_end_by_its_own_wish_or_after_two_minutes_is_no_early_death(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "terminated"), row("i-2", "running")};
    text_copy(rows[0].reason, sizeof rows[0].reason, "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
    listed(world, 60, rows, 2);
    listed(world, 121, rows, 2);
    text_copy(rows[1].reason, sizeof rows[1].reason, "Server.InternalError");
    text_copy(rows[1].state, sizeof rows[1].state, "terminated");
    listed(world, 130, rows, 2);
    assert_int_equal(world->told[FLEET_DIED_EARLY], 0);
    assert_int_equal(world->told[FLEET_SURVIVED], 1);
    assert_int_equal(world->told[FLEET_ENDED], 1); /* i-1 had ended before it was known */
    text_copy(rows[1].state, sizeof rows[1].state, "shutting-down");
    listed(world, 140, rows, 2);
    listed(world, 150, rows, 2);
    assert_int_equal(world->told[FLEET_ENDED], 1);
}

static void a_launch_of_another_incarnation_since_our_start_is_told(void **state)
{
    struct world *world = *state;
    struct proto_ROW rows[] = {row("i-1", "running"), row("i-2", "running")};
    text_copy(rows[0].incarnation, sizeof rows[0].incarnation, "theirs");
    text_copy(rows[1].incarnation, sizeof rows[1].incarnation, "theirs");
    rows[1].launchWall = wall(-2000).ms; /* before our start: an older ledger's */
    listed(world, 60, rows, 2);
    assert_int_equal(world->told[FLEET_SECOND_DAEMON], 1); /* B09 */
}

static void specs_are_counted_with_their_leases(void **state)
{
    struct world *world = *state;
    sent(world, 3, 10);
    assert_int_equal(fleet_holds_spec(world->fleet, fleet_type(world->fleet, "alpha", true), "s1"), 3);
    result(world, "alpha", OUTCOME_LAUNCHED, FAILURE_NONE, 2, 5);
    assert_int_equal(fleet_holds_spec(world->fleet, fleet_type(world->fleet, "alpha", true), "s1"), 2);
    assert_int_equal(fleet_holds_spec(world->fleet, fleet_type(world->fleet, "alpha", true), "s2"), 0);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(ids_end_a_lease_and_occupy),
        IN_A_WORLD(refusals_and_unsent_grants_end_a_lease),
        IN_A_WORLD(a_mismatch_means_look_up),
        IN_A_WORLD(nobody_speaks_for_anothers_grant),
        IN_A_WORLD(a_grant_that_never_left_has_no_result),
        IN_A_WORLD(ids_that_come_late_are_taken),
        IN_A_WORLD(time_alone_frees_nothing),
        IN_A_WORLD(an_unknown_lease_ends_by_a_listing_begun_after_grace),
        IN_A_WORLD(grace_counts_from_the_reaping_when_that_is_later),
        IN_A_WORLD(the_reaping_of_an_unknown_leases_holder_is_told),
        IN_A_WORLD(the_last_words_of_a_reaped_holder_are_definite),
        IN_A_WORLD(after_an_unknown_outcome_only_ids_are_definite),
        IN_A_WORLD(rows_with_its_tag_are_not_counted_twice),
        IN_A_WORLD(all_rows_end_a_lease_at_once),
        IN_A_WORLD(a_row_with_the_number_but_another_token_is_not_its),
        IN_A_WORLD(an_id_that_is_not_listed_counts_until_two_listings_after_grace),
        IN_A_WORLD(an_empty_listing_is_believed_only_when_repeated),
        IN_A_WORLD(rows_that_did_not_change_are_not_sent_and_stay),
        IN_A_WORLD(unknown_words_and_stopped_ones_occupy_but_do_not_serve),
        IN_A_WORLD(a_dark_region_leaves_serving_but_goes_on_occupying),
        IN_A_WORLD(an_early_death_is_told_once_with_its_reason),
        IN_A_WORLD(an_end_by_its_own_wish_or_after_two_minutes_is_no_early_death),
        IN_A_WORLD(a_launch_of_another_incarnation_since_our_start_is_told),
        IN_A_WORLD(specs_are_counted_with_their_leases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
