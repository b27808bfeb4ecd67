/* SPDX-License-Identifier: MPL-2.0 */
/* test_breaker_scope.c: each class of failure closes its scope, as narrow as the error is, and nothing beside it. */
#include "supervisor/breaker_parts.h"
#include "tests/unit/breaker_world.h"

/* What a failure of desktop-test at us-west-2a/m3.large/spot does to launches elsewhere. */
struct expectation {
    enum failure failure;
    int times; /* failures running that close it */
    const char *scope;
    bool other_spec, other_instance_type, other_zone, other_region, on_demand, other_family, other_type;
};

static const struct expectation expectations[] = {
    {FAILURE_DEFINITION, 1, "definition desktop-test us-west-2/m3.large 0123456789ab", .other_zone = true,
     .on_demand = true},
    {FAILURE_PERMISSION, 1, "permission desktop-test us-west-2", .other_spec = true, .other_instance_type = true,
     .other_zone = true, .on_demand = true, .other_family = true},
    {FAILURE_CREDENTIALS, 1, "permission desktop-test us-west-2", .other_spec = true, .other_instance_type = true,
     .other_zone = true, .on_demand = true, .other_family = true},
    {FAILURE_QUOTA, 1, "quota us-west-2/spot/standard", .other_spec = true, .other_instance_type = true,
     .other_zone = true, .other_type = true},
    {FAILURE_CAPACITY, 1, "capacity us-west-2a/m3.large/spot", .other_spec = true, .other_type = true},
    {FAILURE_PRICE, 1, "price us-west-2a/m3.large/spot", .other_spec = true, .other_type = true},
    {FAILURE_ADDRESSES, 1, "addresses us-west-2a", .other_spec = true, .other_instance_type = true, .on_demand = true,
     .other_family = true, .other_type = true},
    {FAILURE_NOT_OFFERED, 1, "not-offered us-west-2a/m3.large", .other_spec = true, .on_demand = true,
     .other_type = true},
    {FAILURE_NO_ANSWER, 2, "no-answer desktop-test us-west-2", .other_spec = true, .other_instance_type = true,
     .other_zone = true, .on_demand = true, .other_family = true},
};

static void check(const struct breaker_world *world, const struct breaker_subject *subject, bool closed)
{
    assert_int_equal(state_of(world, subject), closed ? BREAKER_CLOSED : BREAKER_OPEN);
}

static void check_neighbours(const struct breaker_world *world, const struct expectation *expected)
{
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    check(world, &subject, true);
    subject.spec_hash = "fedcba9876543210";
    check(world, &subject, expected->other_spec);
    subject = subject_at("desktop-test", "us-west-2a", "c4.large");
    check(world, &subject, expected->other_instance_type);
    subject = subject_at("desktop-test", "us-west-2a", "g4dn.xlarge");
    check(world, &subject, expected->other_family);
    subject = subject_at("desktop-test", "us-west-2b", "m3.large");
    check(world, &subject, expected->other_zone);
    subject = subject_at("desktop-test", "us-east-1a", "m3.large");
    check(world, &subject, expected->other_region);
    subject = subject_at("gecko-decision", "us-west-2a", "m3.large");
    check(world, &subject, expected->other_type);
    subject = subject_at("desktop-test", "us-west-2a", "m3.large");
    subject.placement.market = MARKET_ON_DEMAND;
    check(world, &subject, expected->on_demand);
}

static void each_class_closes_its_own_scope_and_nothing_beside_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        struct breaker_world world;
        struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");
        breaker_world_begin(&world);
        for (int time = 0; time < expectations[i].times; time++) {
            check(&world, &subject, false);
            refuse(&world, &subject, expectations[i].failure, "SomeCode");
        }
        check_neighbours(&world, &expectations[i]);
        struct breaker_view view = breakers_look(world.breakers, &subject, world.now);
        assert_string_equal(view.scope, expectations[i].scope);
        assert_string_equal(view.code, "SomeCode");
        assert_int_equal(breakers_count(world.breakers), 1);
        /* the name is what lift takes */
        assert_int_equal(breakers_lift(world.breakers, expectations[i].scope, world.now), 1);
        check(&world, &subject, false);
        breaker_world_end(&world);
    }
}

static void rate_and_look_up_close_nothing(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 5; i++) {
        refuse(&world, &subject, FAILURE_RATE, "RequestLimitExceeded");
        refuse(&world, &subject, FAILURE_LOOK_UP, "IdempotentParameterMismatch");
    }
    assert_int_equal(breakers_count(world.breakers), 0);
    assert_false(breakers_failing(world.breakers, "desktop-test"));
    breaker_world_end(&world);
}

static void a_price_too_low_closes_only_lots_at_or_below_that_price(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_PRICE, "SpotMaxPriceTooLow");
    subject.max_price = MONEY(99999);
    check(&world, &subject, true);
    subject.max_price = MONEY(100001);
    check(&world, &subject, false);
    refuse(&world, &subject, FAILURE_PRICE, "SpotMaxPriceTooLow"); /* dearer, and still too low */
    check(&world, &subject, true);
    subject.max_price = MONEY(100002);
    breakers_launched(world.breakers, &subject, ++world.grant, world.now); /* says nothing of cheaper lots */
    subject.max_price = MONEY(100000);
    check(&world, &subject, true);
    breaker_world_end(&world);
}

static void addresses_close_the_subnet_and_no_other(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    subject.subnet = "subnet-1";
    refuse(&world, &subject, FAILURE_ADDRESSES, "InsufficientFreeAddressesInSubnet");
    assert_true(has_scope(&world, "addresses subnet-1"));
    struct breaker_subject other = subject_at("other", "us-west-2a", "c4.large");
    check(&world, &other, false); /* the zone's default subnet */
    other.subnet = "subnet-2";
    check(&world, &other, false);
    other.subnet = "subnet-1";
    check(&world, &other, true);
    breaker_world_end(&world);
}

static void quota_classes_follow_the_family_groups_of_ec2(void **state)
{
    static const char *const classes[][2] = {
        {"m3.large", "standard"},    {"a1.large", "standard"},    {"c5n.18xlarge", "standard"},
        {"d3en.xlarge", "standard"}, {"h1.2xlarge", "standard"},  {"i3.metal", "standard"},
        {"im4gn.large", "standard"}, {"r6idn.large", "standard"}, {"t3.micro", "standard"},
        {"z1d.large", "standard"},   {"f1.2xlarge", "f"},         {"g4dn.xlarge", "g-vt"},
        {"vt1.3xlarge", "g-vt"},     {"gr6.4xlarge", "g-vt"},     {"p3.2xlarge", "p"},
        {"x1e.32xlarge", "x"},       {"inf1.xlarge", "inf"},      {"trn1.2xlarge", "trn"},
        {"dl1.24xlarge", "dl"},      {"hpc6a.48xlarge", "hpc"},   {"u-6tb1.metal", "u"},
        {"u7i-12tb.224xlarge", "u"}, {"mac1.metal", "mac"},       {"", "unknown"},
    };
    char class[32];

    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        breaker_quota_class(classes[i][0], class, sizeof class);
        assert_string_equal(class, classes[i][1]);
    }
}

static void an_unknown_outcome_that_is_answered_in_between_is_not_two_running(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    breakers_launched(world.breakers, &subject, ++world.grant, world.now);
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    check(&world, &subject, false);
    struct breaker_subject elsewhere = subject_at("desktop-test", "us-west-2b", "c3.large");
    refuse(&world, &elsewhere, FAILURE_CAPACITY, "InsufficientInstanceCapacity"); /* a refusal is an answer */
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    check(&world, &subject, false);
    refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
    check(&world, &subject, true);
    breaker_world_end(&world);
}

static void early_deaths_close_the_types_region_at_the_third_running(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 2; i++)
        breakers_died_early(world.breakers, &subject, ++world.grant, "Client.InternalError", world.now);
    breakers_survived(world.breakers, &subject, ++world.grant, world.now); /* the row is broken */
    breakers_worked(world.breakers, "desktop-test", world.grant, world.now);
    for (int i = 0; i < 3; i++) {
        check(&world, &subject, false);
        breakers_died_early(world.breakers, &subject, ++world.grant, "Client.InternalError", world.now);
    }
    assert_true(has_scope(&world, "early-death desktop-test us-west-2"));
    assert_true(has_scope(&world, "without-effect desktop-test"));
    struct breaker_subject other = subject_at("other", "us-west-2a", "m3.large");
    check(&world, &other, false);
    breaker_world_end(&world);
}

static void deaths_by_spot_or_capacity_close_the_placement_and_orders_close_nothing(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 5; i++)
        breakers_died_early(world.breakers, &subject, ++world.grant, "Client.UserInitiatedShutdown", world.now);
    assert_int_equal(breakers_count(world.breakers), 0);
    assert_false(breakers_failing(world.breakers, "desktop-test"));
    for (int i = 0; i < 5; i++)
        breakers_died_early(world.breakers, &subject, ++world.grant, "Server.SpotInstanceTermination", world.now);
    assert_int_equal(breakers_count(world.breakers), 1);
    assert_true(has_scope(&world, "capacity us-west-2a/m3.large/spot"));
    breaker_world_end(&world);
}

static void a_new_definition_lifts_what_the_old_one_caused(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");
    struct breaker_subject other = subject_at("other", "us-west-2b", "c4.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 3; i++)
        refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
    refuse(&world, &subject, FAILURE_NOT_OFFERED, "Unsupported");
    refuse(&world, &other, FAILURE_NOT_OFFERED, "Unsupported");
    refuse(&world, &other, FAILURE_DEFINITION, "InvalidAMIID.NotFound");
    refuse(&world, &subject, FAILURE_PERMISSION, "UnauthorizedOperation");
    breakers_new_definition(world.breakers, "desktop-test", world.now);
    assert_false(breakers_quarantined(world.breakers, "desktop-test", NULL, world.now));
    assert_true(has_scope(&world, "permission desktop-test us-west-2")); /* no definition cures it */
    assert_true(has_scope(&world, "not-offered us-west-2b/c4.large"));   /* another type's finding */
    assert_int_equal(breakers_count(world.breakers), 3);
    breaker_world_end(&world);
}

static void a_removed_type_leaves_no_breaker_behind(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 4; i++) {
        refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
        refuse(&world, &subject, FAILURE_NO_ANSWER, "Timeout");
        refuse(&world, &subject, FAILURE_PERMISSION, "UnauthorizedOperation");
        breakers_without_effect(world.breakers, &subject, world.grant, world.now);
    }
    refuse(&world, &subject, FAILURE_CAPACITY, "InsufficientInstanceCapacity");
    breakers_forget_type(world.breakers, "desktop-test");
    assert_int_equal(breakers_count(world.breakers), 1); /* the placement's, which is everybody's */
    assert_false(breakers_failing(world.breakers, "desktop-test"));
    breakers_forget_type(world.breakers, "never-seen");
    breaker_world_end(&world);
}

static void lift_takes_a_scope_or_all_of_a_type(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    for (int i = 0; i < 3; i++)
        refuse(&world, &subject, FAILURE_PERMISSION, "UnauthorizedOperation");
    assert_int_equal(breakers_lift(world.breakers, "nothing of the kind", world.now), 0);
    assert_int_equal(breakers_lift(world.breakers, "type:desktop-test", world.now), 2);
    assert_int_equal(breakers_count(world.breakers), 0);
    refuse(&world, &subject, FAILURE_PERMISSION, "UnauthorizedOperation");
    assert_false(breakers_quarantined(world.breakers, "desktop-test", NULL, world.now)); /* the row begins anew */
    breaker_world_end(&world);
}

static void switched_off_nothing_ever_closes(void **state)
{
    struct breaker_world world;
    struct breaker_subject subject = subject_at("desktop-test", "us-west-2a", "m3.large");

    (void)state;
    breaker_world_begin(&world);
    world.settings.enabled = false;
    breakers_configure(world.breakers, &world.settings);
    for (int i = 0; i < 9; i++) {
        refuse(&world, &subject, FAILURE_DEFINITION, "InvalidParameterCombination");
        breakers_died_early(world.breakers, &subject, ++world.grant, "Client.InternalError", world.now);
        breakers_without_effect(world.breakers, &subject, world.grant, world.now);
    }
    check(&world, &subject, false);
    assert_int_equal(breakers_count(world.breakers), 0);
    assert_false(breakers_quarantined(world.breakers, "desktop-test", NULL, world.now));
    breaker_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_closes_its_own_scope_and_nothing_beside_it),
        cmocka_unit_test(rate_and_look_up_close_nothing),
        cmocka_unit_test(a_price_too_low_closes_only_lots_at_or_below_that_price),
        cmocka_unit_test(addresses_close_the_subnet_and_no_other),
        cmocka_unit_test(quota_classes_follow_the_family_groups_of_ec2),
        cmocka_unit_test(an_unknown_outcome_that_is_answered_in_between_is_not_two_running),
        cmocka_unit_test(early_deaths_close_the_types_region_at_the_third_running),
        cmocka_unit_test(deaths_by_spot_or_capacity_close_the_placement_and_orders_close_nothing),
        cmocka_unit_test(a_new_definition_lifts_what_the_old_one_caused),
        cmocka_unit_test(a_removed_type_leaves_no_breaker_behind),
        cmocka_unit_test(lift_takes_a_scope_or_all_of_a_type),
        cmocka_unit_test(switched_off_nothing_ever_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
