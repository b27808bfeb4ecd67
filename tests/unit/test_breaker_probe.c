/* SPDX-License-Identifier: MPL-2.0 */
/* test_breaker_probe.c: half-open scopes, single probes and their results, quarantine, and what status and the ledger
 * see (DESIGN sections 4 and 7). */
#include "tests/unit/breaker_world.h"

static int64_t wait_of(const struct breaker_world *world, const struct breaker_subject *subject)
{
    struct breaker_view view = breakers_look(world->breakers, subject, world->now);

    return mono_since(world->now, view.until).us / 1000000;
}

static void when_its_delay_is_over_a_scope_is_half_open_and_one_probe_closes_it_to_others(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject other = subject_at("beta", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    assert_in_range(wait_of(&world, &subject), 180, 198);
    pass_seconds(&world, 179);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    pass_seconds(&world, 20);
    assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
    assert_int_equal(state_of(&world, &other), BREAKER_HALF_OPEN);
    (void)probe(&world, &other);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    breaker_world_end(&world);
}

static void a_probe_that_launches_opens_the_scope(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    pass_seconds(&world, 200);
    int64_t grant = probe(&world, &subject);
    breakers_launched(world.breakers, &subject, grant, world.now);
    assert_int_equal(state_of(&world, &subject), BREAKER_OPEN);
    assert_int_equal(breakers_count(world.breakers), 0);
    breaker_world_end(&world);
}

static void the_same_class_again_doubles_the_delay_up_to_the_most(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    static const int64_t waits[] = {60, 120, 240, 480, 960, 1800, 1800};

    (void)state;
    breaker_world_begin(&world);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        if (i == 0)
            refuse(&world, &subject, FAILURE_QUOTA, "VcpuLimitExceeded");
        else
            breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_QUOTA, "VcpuLimitExceeded", "",
                            world.now);
        assert_int_equal(wait_of(&world, &subject), waits[i]);
        pass_seconds(&world, waits[i]);
        assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
    }
    breaker_world_end(&world);
}

static void stragglers_of_before_do_not_double_the_delay(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 20; i++)
        refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    assert_in_range(wait_of(&world, &subject), 180, 198);
    breakers_launched(world.breakers, &subject, 3, world.now); /* granted before the last refusal: proves nothing */
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    breaker_world_end(&world);
}

static void another_result_decides_nothing_and_the_next_bidder_probes(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject other = subject_at("beta", "us-west-2a", "m3.large");
    struct breaker_entry entry;

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    pass_seconds(&world, 200);
    breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_PERMISSION, "UnauthorizedOperation", "",
                    world.now);
    assert_int_equal(state_of(&world, &other), BREAKER_HALF_OPEN);
    breakers_entry(world.breakers, 0, world.now, &entry);
    assert_int_equal(entry.delay.us, SPAN_SECONDS(180).us); /* not doubled */
    breaker_world_end(&world);
}

static void no_result_by_the_deadline_decides_nothing(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    pass_seconds(&world, 200);
    (void)probe(&world, &subject);
    pass_seconds(&world, 89);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    pass_seconds(&world, 1);
    assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
    breaker_world_end(&world);
}

static void where_the_scope_is_one_type_it_probes_again_after_the_first_delay(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    pass_seconds(&world, 60);
    breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_CAPACITY, "InsufficientInstanceCapacity",
                    "", world.now);
    breakers_lift(world.breakers, "capacity us-west-2a/m3.large/spot", world.now);
    assert_int_equal(wait_of(&world, &subject), 60);
    pass_seconds(&world, 60);
    (void)probe(&world, &subject); /* no result at all: its deadline, and the first delay */
    pass_seconds(&world, 149);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    pass_seconds(&world, 1);
    assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
    breaker_world_end(&world);
}

static void a_grant_that_came_back_unsent_was_no_probe(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_PERMISSION, "UnauthorizedOperation");
    pass_seconds(&world, 600);
    breakers_unsent(world.breakers, probe(&world, &subject), world.now);
    assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
    breaker_world_end(&world);
}

static void a_definition_is_probed_once_a_day(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidAMIID.NotFound");
    for (int day = 0; day < 3; day++) {
        assert_int_equal(wait_of(&world, &subject), 86400);
        pass_seconds(&world, 86400);
        assert_int_equal(state_of(&world, &subject), BREAKER_HALF_OPEN);
        breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_DEFINITION, "InvalidAMIID.NotFound",
                        "", world.now);
    }
    breaker_world_end(&world);
}

static void an_early_death_probe_is_decided_by_two_minutes_of_life_and_not_by_its_launch(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 3; i++)
        breakers_died_early(world.breakers, &subject, ++world.grant, "Client.VolumeLimitExceeded", world.now);
    pass_seconds(&world, 60);
    int64_t grant = probe(&world, &subject);
    breakers_launched(world.breakers, &subject, grant, world.now);
    pass_seconds(&world, 119);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED);
    breakers_survived(world.breakers, &subject, grant, world.now);
    assert_int_equal(state_of(&world, &subject), BREAKER_OPEN);
    breaker_world_end(&world);
}

static void without_effect_is_probed_once_and_lifted_at_once_when_work_is_taken(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state_of(&world, &subject), BREAKER_OPEN);
        breakers_launched(world.breakers, &subject, ++world.grant, world.now);
        breakers_without_effect(world.breakers, &subject, world.grant, world.now);
    }
    pass_seconds(&world, 60);
    int64_t grant = probe(&world, &subject);
    breakers_launched(world.breakers, &subject, grant, world.now);
    breakers_survived(world.breakers, &subject, grant, world.now);
    pass_seconds(&world, 1200);
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED); /* merely launched */
    breakers_without_effect(world.breakers, &subject, grant, world.now);
    assert_int_equal(wait_of(&world, &subject), 120);
    breakers_worked(world.breakers, "alpha", 1, world.now);
    assert_int_equal(state_of(&world, &subject), BREAKER_OPEN);
    breaker_world_end(&world);
}

/* ---- quarantine ---- */

static void three_refusals_running_over_any_scopes_quarantine_the_type(void **state)
{
    struct breaker_world world;
    struct breaker_subject places[] = {subject_at("alpha", "us-west-2a", "m3.large"),
                                       subject_at("alpha", "us-east-1b", "c3.large"),
                                       subject_at("alpha", "us-west-2c", "m1.medium")};
    struct breaker_view view;

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &places[0], FAILURE_DEFINITION, "InvalidParameterCombination");
    refuse(&world, &places[1], FAILURE_PERMISSION, "UnauthorizedOperation");
    refuse(&world, &places[2], FAILURE_CAPACITY, "InsufficientInstanceCapacity"); /* not one of them */
    assert_false(breakers_quarantined(world.breakers, "alpha", &view, world.now));
    refuse(&world, &places[2], FAILURE_DEFINITION, "InvalidAMIID.NotFound");
    assert_true(breakers_quarantined(world.breakers, "alpha", &view, world.now));
    assert_string_equal(view.scope, "quarantine alpha");
    assert_string_equal(view.code, "InvalidAMIID.NotFound");
    assert_int_equal(mono_since(world.now, view.until).us, SPAN_SECONDS(60).us);
    assert_false(breakers_quarantined(world.breakers, "beta", &view, world.now));
    breaker_world_end(&world);
}

static void a_launch_in_between_breaks_the_row(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject good = subject_at("alpha", "us-west-2b", "c3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 6; i++) {
        refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
        if (i % 2)
            breakers_launched(world.breakers, &good, ++world.grant, world.now);
    }
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    assert_false(breakers_quarantined(world.breakers, "alpha", NULL, world.now));
    breakers_launched(world.breakers, &good, ++world.grant, world.now);
    breakers_launched(world.breakers, &good, 1, world.now); /* an old launch heard of late breaks no row */
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    breakers_launched(world.breakers, &good, 1, world.now);
    refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    assert_true(breakers_quarantined(world.breakers, "alpha", NULL, world.now));
    breaker_world_end(&world);
}

static void quarantine_doubles_with_each_refusal_and_ends_with_a_launch(void **state)
{
    struct breaker_world world;
    struct breaker_subject untried = subject_at("alpha", "us-west-2a", "r3.large");
    static const char *const instance_types[] = {"m3.large", "c3.large", "m1.large", "c1.large", "m2.large"};
    struct breaker_view view;
    static const int64_t waits[] = {0, 0, 60, 120, 240};

    (void)state;
    breaker_world_begin(&world);
    for (size_t i = 0; i < 5; i++) {
        struct breaker_subject subject = subject_at("alpha", "us-west-2a", instance_types[i]);
        breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_DEFINITION,
                        "InvalidParameterCombination", "", world.now);
        if (waits[i] == 0)
            continue;
        assert_true(breakers_quarantined(world.breakers, "alpha", &view, world.now));
        assert_int_equal(mono_since(world.now, view.until).us, SPAN_SECONDS(waits[i]).us);
        assert_int_equal(state_of(&world, &untried), BREAKER_CLOSED);
        pass_seconds(&world, waits[i]);
        assert_int_equal(state_of(&world, &untried), BREAKER_HALF_OPEN); /* one launch at a time */
    }
    breakers_launched(world.breakers, &untried, probe(&world, &untried), world.now);
    assert_false(breakers_quarantined(world.breakers, "alpha", NULL, world.now));
    breaker_world_end(&world);
}

static void a_quarantined_type_probes_nothing_that_others_share(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject shared = subject_at("alpha", "us-west-2a", "c3.large");
    struct breaker_subject other = subject_at("beta", "us-west-2a", "c3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &other, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    for (int i = 0; i < 3; i++)
        refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    pass_seconds(&world, 300);
    assert_int_equal(state_of(&world, &shared), BREAKER_CLOSED);
    assert_int_equal(state_of(&world, &other), BREAKER_HALF_OPEN);
    breaker_world_end(&world);
}

/* ---- case B51 ---- */

static void b51_a_new_instance_profile_gets_five_spaced_tries_before_it_is_a_definition_fault(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject elsewhere = subject_at("alpha", "us-east-1a", "c3.large");
    const char *message = "Value (worker) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance "
                          "Profile name";

    (void)state;
    breaker_world_begin(&world);
    breakers_new_definition(world.breakers, "alpha", world.now);
    for (int i = 0; i < 5; i++) {
        breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_DEFINITION, "InvalidParameterValue",
                        message, world.now);
        assert_true(has_scope(&world, "profile alpha"));
        assert_int_equal(state_of(&world, &elsewhere), BREAKER_CLOSED); /* spaced, wherever it is tried */
        assert_int_equal(wait_of(&world, &subject), 60);
        assert_false(breakers_quarantined(world.breakers, "alpha", NULL, world.now));
        pass_seconds(&world, 60);
    }
    breakers_failed(world.breakers, &subject, probe(&world, &subject), FAILURE_DEFINITION, "InvalidParameterValue",
                    message, world.now);
    assert_true(has_scope(&world, "definition alpha us-west-2/m3.large 0123456789ab"));
    breaker_world_end(&world);
}

static void b51_ten_minutes_after_the_definition_a_wrong_profile_is_wrong(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    breakers_new_definition(world.breakers, "alpha", world.now);
    pass_seconds(&world, 600);
    breakers_failed(world.breakers, &subject, 1, FAILURE_DEFINITION, "InvalidParameterValue",
                    "Invalid IAM Instance Profile name", world.now);
    assert_false(has_scope(&world, "profile alpha"));
    breakers_new_definition(world.breakers, "alpha", world.now);
    breakers_failed(world.breakers, &subject, 2, FAILURE_DEFINITION, "InvalidParameterValue",
                    "Value () for parameter groupId is invalid", world.now);
    assert_false(has_scope(&world, "profile alpha"));
    assert_int_equal(breakers_count(world.breakers), 1);
    breaker_world_end(&world);
}

static void b51_a_permission_fault_is_retried_ten_minutes_apart_and_names_its_code(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_PERMISSION, "AuthFailure.ServiceLinkedRoleCreationNotPermitted");
    assert_int_equal(wait_of(&world, &subject), 600);
    assert_string_equal(breakers_look(world.breakers, &subject, world.now).code,
                        "AuthFailure.ServiceLinkedRoleCreationNotPermitted");
    subject.placement.market = MARKET_ON_DEMAND;
    assert_int_equal(state_of(&world, &subject), BREAKER_CLOSED); /* no on-demand instead */
    breaker_world_end(&world);
}

/* ---- failing, status, ledger ---- */

static void a_type_is_failing_when_its_last_three_launches_failed(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_subject other = subject_at("beta", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    assert_false(breakers_failing(world.breakers, "alpha"));
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    breakers_launched(world.breakers, &subject, ++world.grant, world.now);
    assert_false(breakers_failing(world.breakers, "alpha"));
    for (int i = 0; i < 10; i++)
        breakers_died_early(world.breakers, &subject, world.grant, "Client.InternalError", world.now);
    assert_true(breakers_failing(world.breakers, "alpha"));
    for (int i = 0; i < 10; i++) /* ten instances of one launch are one launch */
        breakers_died_early(world.breakers, &other, 1000, "Client.InternalError", world.now);
    assert_false(breakers_failing(world.breakers, "beta"));
    breakers_launched(world.breakers, &subject, ++world.grant, world.now);
    assert_false(breakers_failing(world.breakers, "alpha"));
    breaker_world_end(&world);
}

static void status_shows_reason_code_next_probe_and_what_would_lift_it(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    struct breaker_entry entry;

    (void)state;
    breaker_world_begin(&world);
    uint64_t version = breakers_version(world.breakers);
    refuse(&world, &subject, FAILURE_QUOTA, "VcpuLimitExceeded");
    assert_true(breakers_version(world.breakers) > version);
    breakers_entry(world.breakers, 0, world.now, &entry);
    assert_string_equal(entry.scope, "quota us-west-2/spot/standard");
    assert_string_equal(entry.code, "VcpuLimitExceeded");
    assert_int_equal(entry.failure, FAILURE_QUOTA);
    assert_int_equal(entry.state, BREAKER_CLOSED);
    assert_int_equal(entry.since.us, world.now.us);
    assert_int_equal(entry.until.us, mono_add(world.now, SPAN_SECONDS(60)).us);
    assert_string_equal(entry.type, "");
    assert_string_equal(entry.quota_class, "standard");
    assert_non_null(strstr(entry.lifted_by, "provisionctl lift"));
    assert_int_equal(breakers_deadline(world.breakers, world.now).us, entry.until.us);
    pass_seconds(&world, 60);
    assert_int_equal(breakers_deadline(world.breakers, world.now).us, MONO_NEVER.us);
    int64_t grant = probe(&world, &subject);
    breakers_entry(world.breakers, 0, world.now, &entry);
    assert_int_equal(entry.probe, grant);
    breaker_world_end(&world);
}

static void what_the_ledger_kept_is_put_back_after_a_restart(void **state)
{
    struct breaker_world before, after;
    struct breaker_subject subject = subject_at("alpha", "us-west-2a", "m3.large");
    static const enum failure failures[] = {FAILURE_DEFINITION, FAILURE_PERMISSION,  FAILURE_QUOTA,
                                            FAILURE_CAPACITY,   FAILURE_PRICE,       FAILURE_ADDRESSES,
                                            FAILURE_NO_ANSWER,  FAILURE_NOT_OFFERED, FAILURE_DEFINITION};
    struct breaker_entry entry, again;

    (void)state;
    breaker_world_begin(&before);
    breaker_world_begin(&after);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        refuse(&before, &subject, failures[i], "SomeCode");
    refuse(&before, &subject, FAILURE_NO_ANSWER, "Timeout");
    subject.subnet = "subnet-1";
    refuse(&before, &subject, FAILURE_ADDRESSES, "InsufficientFreeAddressesInSubnet");
    for (int i = 0; i < 3; i++) {
        breakers_died_early(before.breakers, &subject, ++before.grant, "Client.VolumeLimitExceeded", before.now);
        breakers_died_early(before.breakers, &subject, ++before.grant, "Client.InternalError", before.now);
    }
    refuse(&before, &subject, FAILURE_NO_ANSWER, "Timeout");
    refuse(&before, &subject, FAILURE_NO_ANSWER, "Timeout");
    assert_int_equal(breakers_count(before.breakers), 13);
    for (size_t i = 0; i < breakers_count(before.breakers); i++) {
        breakers_entry(before.breakers, i, before.now, &entry);
        breakers_restore(after.breakers, &entry);
        breakers_restore(after.breakers, &entry); /* twice is once */
        assert_int_equal(breakers_count(after.breakers), i + 1);
        breakers_entry(after.breakers, i, after.now, &again);
        assert_memory_equal(&entry, &again, sizeof entry);
    }
    assert_true(breakers_quarantined(after.breakers, "alpha", NULL, after.now));
    assert_int_equal(state_of(&after, &subject), BREAKER_CLOSED);
    breaker_world_end(&before);
    breaker_world_end(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_its_delay_is_over_a_scope_is_half_open_and_one_probe_closes_it_to_others),
        cmocka_unit_test(a_probe_that_launches_opens_the_scope),
        cmocka_unit_test(the_same_class_again_doubles_the_delay_up_to_the_most),
        cmocka_unit_test(stragglers_of_before_do_not_double_the_delay),
        cmocka_unit_test(another_result_decides_nothing_and_the_next_bidder_probes),
        cmocka_unit_test(no_result_by_the_deadline_decides_nothing),
        cmocka_unit_test(where_the_scope_is_one_type_it_probes_again_after_the_first_delay),
        cmocka_unit_test(a_grant_that_came_back_unsent_was_no_probe),
        cmocka_unit_test(a_definition_is_probed_once_a_day),
        cmocka_unit_test(an_early_death_probe_is_decided_by_two_minutes_of_life_and_not_by_its_launch),
        cmocka_unit_test(without_effect_is_probed_once_and_lifted_at_once_when_work_is_taken),
        cmocka_unit_test(three_refusals_running_over_any_scopes_quarantine_the_type),
        cmocka_unit_test(a_launch_in_between_breaks_the_row),
        cmocka_unit_test(quarantine_doubles_with_each_refusal_and_ends_with_a_launch),
        cmocka_unit_test(a_quarantined_type_probes_nothing_that_others_share),
        cmocka_unit_test(b51_a_new_instance_profile_gets_five_spaced_tries_before_it_is_a_definition_fault),
        cmocka_unit_test(b51_ten_minutes_after_the_definition_a_wrong_profile_is_wrong),
        cmocka_unit_test(b51_a_permission_fault_is_retried_ten_minutes_apart_and_names_its_code),
        cmocka_unit_test(a_type_is_failing_when_its_last_three_launches_failed),
        cmocka_unit_test(status_shows_reason_code_next_probe_and_what_would_lift_it),
        cmocka_unit_test(what_the_ledger_kept_is_put_back_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
