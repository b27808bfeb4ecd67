/* SPDX-License-Identifier: MPL-2.0 */
/* test_supervisor_canary.c: specifications on trial, and that no trial waits for ever: the deadlocks that DESIGN
 * section 4 names, on literal structs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "supervisor/canary.h"

#define OLD "0000000000000000000000000000000000000000000000000000000000000000"
#define NEW "1111111111111111111111111111111111111111111111111111111111111111"
#define CANARY 2
#define BOOT_LIMIT SPAN_SECONDS(1200)

struct trial {
    struct fleet *fleet;
    struct fleet_type *type;
    struct canary_proofs proofs;
    struct instance instances[8];
};

static struct mono at(int64_t seconds)
{
    return (struct mono){(100000 + seconds) * 1000000};
}

static int begin(void **state)
{
    static struct trial trial;
    static const struct fleet_settings settings = {.grace = {300000000},
                                                   .max_inventory_age = {60000000},
                                                   .stale_serving = {600000000},
                                                   .inventory_poll = {10000000}};
    memset(&trial, 0, sizeof trial);
    trial.fleet = fleet_create(&settings);
    trial.type = fleet_type(trial.fleet, "alpha", true);
    *state = &trial;
    return 0;
}

static int finish(void **state)
{
    struct trial *trial = *state;
    trial->type->instances = NULL; /* they are the test's */
    canary_clear(&trial->proofs);
    fleet_destroy(&trial->fleet);
    return 0;
}

/* An instance of one unit that was launched at second 0. */
static struct instance *add(struct trial *trial, size_t slot, const char *hash, enum instance_state instance_state)
{
    struct instance *it = &trial->instances[slot];

    *it = (struct instance){.state = instance_state, .capacity = 1, .launched = at(0), .owner = trial->type};
    text_copy(it->spec_hash, sizeof it->spec_hash, hash);
    it->next_of_type = trial->type->instances;
    trial->type->instances = it;
    return it;
}

static int64_t room(const struct trial *trial, const char *hash)
{
    return canary_room(&trial->proofs, trial->fleet, trial->type, CANARY, hash);
}

/* How the new hash passes with this evidence at this second, or "". */
static const char *passes(const struct trial *trial, int64_t claimed, bool pending_fell, int64_t second)
{
    struct canary_evidence evidence = {.claimed = claimed, .pending_fell = pending_fell, .boot_limit = BOOT_LIMIT};
    const char *how = "";
    const char *hash = canary_passed(&trial->proofs, trial->type, &evidence, at(second), &how);

    if (hash)
        assert_string_equal(hash, NEW);
    return hash ? how : "";
}

static void a_new_hash_holds_two_instances_leases_included(void **state)
{
    struct trial *trial = *state;
    struct lease lease = {.grant = 7, .count = 1, .capacity = 1, .state = LEASE_SENT};

    assert_int_equal(room(trial, NEW), 2);
    add(trial, 0, NEW, INSTANCE_PENDING);
    assert_int_equal(room(trial, NEW), 1);
    text_copy(lease.type, sizeof lease.type, "alpha");
    text_copy(lease.spec_hash, sizeof lease.spec_hash, NEW);
    fleet_add_lease(trial->fleet, &lease);
    assert_int_equal(room(trial, NEW), 0);
    assert_int_equal(canary_room(&trial->proofs, trial->fleet, trial->type, 0, NEW), INT64_MAX); /* canary: off */
}

static void the_first_revision_passes_when_anything_is_claimed(void **state)
{
    struct trial *trial = *state;

    add(trial, 0, NEW, INSTANCE_RUNNING);
    assert_string_equal(passes(trial, 0, false, 60), "");
    assert_string_equal(passes(trial, 1, false, 60), "claimed");
}

static void old_instances_that_take_the_work_delay_it_to_boot_limit_and_a_minute(void **state)
{
    struct trial *trial = *state;

    assert_true(canary_prove(&trial->proofs, OLD, "took-work"));
    for (size_t i = 0; i < 4; i++)
        add(trial, i, OLD, INSTANCE_RUNNING);
    add(trial, 4, NEW, INSTANCE_RUNNING);
    assert_string_equal(passes(trial, 4, false, 1259), ""); /* the old ones can hold all four */
    assert_string_equal(passes(trial, 5, false, 60), "claimed");
    assert_string_equal(passes(trial, 4, false, 1260), "alive"); /* weak, and shown so */
    assert_string_equal(passes(trial, 0, false, 9999), "");      /* alive without any work proves nothing */
}

static void without_a_claimed_route_falling_pending_and_age_pass_it(void **state)
{
    struct trial *trial = *state;

    add(trial, 0, NEW, INSTANCE_RUNNING);
    assert_string_equal(passes(trial, -1, true, 1259), "");
    assert_string_equal(passes(trial, -1, false, 1260), "");
    assert_string_equal(passes(trial, -1, true, 1260), "alive");
}

static void spot_deaths_give_their_room_back(void **state)
{
    struct trial *trial = *state;
    struct instance *first = add(trial, 0, NEW, INSTANCE_RUNNING);

    add(trial, 1, NEW, INSTANCE_RUNNING);
    assert_int_equal(room(trial, NEW), 0);
    first->state = INSTANCE_SHUTTING_DOWN;
    assert_int_equal(room(trial, NEW), 0); /* it costs until it is gone */
    first->state = INSTANCE_TERMINATED;
    assert_int_equal(room(trial, NEW), 1);
}

static void a_proven_hash_and_a_rollback_to_it_start_no_trial(void **state)
{
    struct trial *trial = *state;

    assert_true(canary_prove(&trial->proofs, OLD, "took-work"));
    assert_false(canary_prove(&trial->proofs, OLD, "claimed")); /* said once */
    assert_int_equal(room(trial, OLD), INT64_MAX);
    assert_int_equal(room(trial, NEW), CANARY);
    assert_true(canary_prove(&trial->proofs, NEW, "trusted"));
    assert_int_equal(room(trial, NEW), INT64_MAX);
}

static void booting_and_dying_instances_prove_nothing(void **state)
{
    struct trial *trial = *state;

    add(trial, 0, NEW, INSTANCE_PENDING);
    add(trial, 1, NEW, INSTANCE_SHUTTING_DOWN);
    assert_string_equal(passes(trial, 5, true, 9999), "");
}

#define TRIAL(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRIAL(a_new_hash_holds_two_instances_leases_included),
        TRIAL(the_first_revision_passes_when_anything_is_claimed),
        TRIAL(old_instances_that_take_the_work_delay_it_to_boot_limit_and_a_minute),
        TRIAL(without_a_claimed_route_falling_pending_and_age_pass_it),
        TRIAL(spot_deaths_give_their_room_back),
        TRIAL(a_proven_hash_and_a_rollback_to_it_start_no_trial),
        TRIAL(booting_and_dying_instances_prove_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
