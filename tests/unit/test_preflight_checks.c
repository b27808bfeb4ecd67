/* SPDX-License-Identifier: MPL-2.0 */
/* test_preflight_checks.c: every check of preflight with a real refusal and a real pass (a check of 2016 that was given
 * the wrong object would have refused every type; another saw only that the image existed). */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "worker/preflight.h"

static const char *const zone_names[] = {"r1a", "r1b"};
static const struct region_zones zones[] = {{"r1", zone_names, 2}};

/* What EC2 says in the world of these tests, as the reader gives it. */
static const char catalogue[] =
    "{\"images\": {"
    "  \"ami-hvm\": {\"imageId\": \"ami-hvm\", \"imageState\": \"available\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"x86_64\", \"rootDeviceType\": \"ebs\", \"enaSupport\": \"true\","
    "    \"blockDeviceMapping.deviceName\": [\"/dev/sda1\"], \"blockDeviceMapping.ebs.volumeSize\": [\"8\"]},"
    "  \"ami-pv\": {\"imageId\": \"ami-pv\", \"imageState\": \"available\", \"virtualizationType\": \"paravirtual\","
    "    \"architecture\": \"x86_64\", \"rootDeviceType\": \"ebs\"},"
    "  \"ami-arm\": {\"imageId\": \"ami-arm\", \"imageState\": \"available\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"arm64\", \"rootDeviceType\": \"ebs\", \"enaSupport\": \"true\"},"
    "  \"ami-noena\": {\"imageId\": \"ami-noena\", \"imageState\": \"available\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"x86_64\", \"rootDeviceType\": \"ebs\"},"
    "  \"ami-uefi\": {\"imageId\": \"ami-uefi\", \"imageState\": \"available\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"x86_64\", \"bootMode\": \"uefi\", \"rootDeviceType\": \"ebs\", \"enaSupport\": \"true\"},"
    "  \"ami-store\": {\"imageId\": \"ami-store\", \"imageState\": \"available\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"x86_64\", \"rootDeviceType\": \"instance-store\"},"
    "  \"ami-pending\": {\"imageId\": \"ami-pending\", \"imageState\": \"pending\", \"virtualizationType\": \"hvm\","
    "    \"architecture\": \"x86_64\", \"rootDeviceType\": \"ebs\"},"
    "  \"ami-gone\": null},"
    " \"instance-types\": {"
    "  \"old\": {\"instanceType\": \"old\", \"supportedVirtualizationTypes\": [\"paravirtual\"],"
    "    \"processorInfo.supportedArchitectures\": [\"i386\", \"x86_64\"], \"supportedBootModes\": [\"legacy-bios\"],"
    "    \"supportedRootDeviceTypes\": [\"ebs\"], \"supportedUsageClasses\": [\"on-demand\", \"spot\"]},"
    "  \"mid\": {\"instanceType\": \"mid\", \"supportedVirtualizationTypes\": [\"hvm\"],"
    "    \"processorInfo.supportedArchitectures\": [\"x86_64\"], \"supportedBootModes\": [\"legacy-bios\"],"
    "    \"supportedRootDeviceTypes\": [\"ebs\"], \"supportedUsageClasses\": [\"on-demand\", \"spot\"],"
    "    \"networkInfo.enaSupport\": \"supported\"},"
    "  \"new\": {\"instanceType\": \"new\", \"supportedVirtualizationTypes\": [\"hvm\"],"
    "    \"processorInfo.supportedArchitectures\": [\"x86_64\"], \"supportedBootModes\": [\"legacy-bios\", \"uefi\"],"
    "    \"supportedRootDeviceTypes\": [\"ebs\"], \"supportedUsageClasses\": [\"on-demand\"],"
    "    \"networkInfo.enaSupport\": \"required\"},"
    "  \"arm\": {\"instanceType\": \"arm\", \"supportedVirtualizationTypes\": [\"hvm\"],"
    "    \"processorInfo.supportedArchitectures\": [\"arm64\"], \"supportedBootModes\": [\"uefi\"],"
    "    \"supportedRootDeviceTypes\": [\"ebs\"], \"supportedUsageClasses\": [\"on-demand\", \"spot\"]},"
    "  \"m9.big\": {\"instanceType\": \"m9.big\", \"vCpuInfo.defaultVCpus\": \"8\"},"
    "  \"m9.small\": {\"instanceType\": \"m9.small\", \"vCpuInfo.defaultVCpus\": \"4\"},"
    "  \"p9.big\": {\"instanceType\": \"p9.big\", \"vCpuInfo.defaultVCpus\": \"96\"},"
    "  \"never\": null},"
    " \"quotas\": {\"L-34B43A08\": {\"value\": \"4\"}, \"L-1216C47A\": {\"value\": \"64\"}},"
    " \"offerings\": {\"old\": [\"r1a\", \"r1b\"], \"mid\": [\"r1a\", \"r1b\"], \"new\": [\"r1a\"],"
    "  \"arm\": [\"r9a\"], \"m9.big\": [\"r1a\"], \"m9.small\": [\"r1a\"], \"p9.big\": [\"r1a\"]},"
    " \"subnets\": {\"subnet-a\": {\"availabilityZone\": \"r1a\", \"vpcId\": \"vpc-1\", \"availableIpAddressCount\": "
    "\"9\"},"
    "  \"subnet-full\": {\"availabilityZone\": \"r1a\", \"vpcId\": \"vpc-1\", \"availableIpAddressCount\": \"0\"},"
    "  \"subnet-gone\": null},"
    " \"security-groups\": {\"sg-1\": {\"vpcId\": \"vpc-1\"}, \"sg-2\": {\"vpcId\": \"vpc-2\"}, \"sg-gone\": null},"
    " \"security-group-names\": {\"there\": {\"vpcId\": \"vpc-1\"}, \"gone\": null},"
    " \"key-pairs\": {\"key\": {}, \"lost\": null}}";

/* One check: the smallest definition that fails it, and the one that passes. Its parts: image, instance type, zone,
 * more of launchSpec, more of the definition. */
struct shape {
    const char *image, *type, *zone, *launch, *more;
};
struct check {
    enum finding_code code;
    struct shape fails;
    const char *text; /* of the finding: path, found, what would fit */
    size_t usable;    /* placements left */
    struct shape passes;
};

static const struct check checks[] = {
    {FINDING_IMAGE_VIRTUALIZATION,
     {"ami-hvm", "old", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-hvm is hvm; old boots only paravirtual in r1; set spare has ami-pv for it",
     0,
     {"ami-pv", "old", "r1a", "", ""}},
    {FINDING_IMAGE_ARCHITECTURE,
     {"ami-arm", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-arm is arm64; mid runs only x86_64 in r1; set spare has ami-hvm for it",
     0,
     {"ami-arm", "arm", "r1a", "", ""}},
    {FINDING_IMAGE_BOOT_MODE,
     {"ami-uefi", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-uefi is uefi; mid boots only legacy-bios in r1; set spare has ami-hvm for it",
     0,
     {"ami-uefi", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"}},
    {FINDING_IMAGE_ENA,
     {"ami-noena", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"},
     "regions[0].launchSpec.ImageId: ami-noena is without ENA; new needs it in r1; set spare has ami-hvm for it",
     0,
     {"ami-noena", "mid", "r1a", "", ""}},
    {FINDING_IMAGE_ROOT_DEVICE,
     {"ami-store", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-store is instance-store; mid takes only ebs in r1; set spare has ami-hvm for "
     "it",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_IMAGE_STATE,
     {"ami-pending", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-pending is pending, not available in r1",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_IMAGE_MISSING,
     {"ami-gone", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-gone is not in r1, or not ours to use; set spare has ami-hvm for it",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_VOLUME_TOO_SMALL,
     {"ami-hvm", "mid", "r1a",
      ", \"BlockDeviceMappings\": [{\"DeviceName\": \"/dev/sda1\", \"Ebs\": {\"VolumeSize\": 4}}]", ""},
     "launchSpec.BlockDeviceMappings: /dev/sda1 asks for 4 GiB; the snapshot of ami-hvm has 8 in r1",
     0,
     {"ami-hvm", "mid", "r1a",
      ", \"BlockDeviceMappings\": [{\"DeviceName\": \"/dev/sda1\", \"Ebs\": {\"VolumeSize\": 8}}]", ""}},
    {FINDING_TYPE_MISSING,
     {"ami-hvm", "never", "r1a", "", ""},
     "instanceTypes[0].instanceType: r1 has no instance type never",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_NOT_OFFERED,
     {"ami-arm", "arm", "r1a", "", ""},
     "instanceTypes[0].instanceType: arm is not offered in r1a; it is offered in r9a",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_MARKET,
     {"ami-hvm", "new", "r1a", "", ""},
     "instanceTypes[0].instanceType: new is not sold as spot in r1",
     0,
     {"ami-hvm", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"}},
    {FINDING_SUBNET_MISSING,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-gone\"", ""},
     "launchSpec.SubnetId: subnet-gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {FINDING_SUBNET_ZONE,
     {"ami-hvm", "mid", "r1b", ", \"SubnetId\": \"subnet-a\"", ""},
     "launchSpec.SubnetId: subnet-a is in r1a, not in r1b",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {FINDING_SUBNET_FULL,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-full\"", ""},
     "launchSpec.SubnetId: subnet-full has no free address in r1",
     1, /* a warning */
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {FINDING_GROUP_MISSING,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroupIds\": [\"sg-1\", \"sg-gone\"]", ""},
     "launchSpec.SecurityGroupIds: security group sg-gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroupIds\": [\"sg-1\"]", ""}},
    {FINDING_GROUP_MISSING,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroups\": [\"gone\"]", ""},
     "launchSpec.SecurityGroups: security group gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroups\": [\"there\"]", ""}},
    {FINDING_GROUP_VPC,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\", \"SecurityGroupIds\": [\"sg-2\"]", ""},
     "launchSpec.SecurityGroupIds: security group sg-2 is of vpc-2, and subnet-a of vpc-1 in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\", \"SecurityGroupIds\": [\"sg-1\"]", ""}},
    {FINDING_KEY_MISSING,
     {"ami-hvm", "mid", "r1a", ", \"KeyName\": \"lost\"", ""},
     "launchSpec.KeyName: key pair lost is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {FINDING_PRICE,
     {"ami-hvm", "mid", "r1a", "", ", \"maxPrice\": 0.1"},
     "maxPrice: mid costs $0.06 an hour in r1a now; twice that is over maxPrice, $0.10",
     1, /* a warning */
     {"ami-hvm", "mid", "r1a", "", ", \"maxPrice\": 0.12"}},
    {FINDING_VCPU_QUOTA,
     {"ami-hvm", "m9.big", "r1a", "", ""},
     "instanceTypes[0].instanceType: m9.big has 8 vCPUs; the account's spot quota (L-34B43A08) is 4 in r1",
     0,
     {"ami-hvm", "m9.small", "r1a", "", ""}},
    {FINDING_VCPU_QUOTA,
     {"ami-hvm", "m9.big", "r1a", "", ", \"canUseOndemand\": true"},
     "instanceTypes[0].instanceType: m9.big has 8 vCPUs; the account's spot quota (L-34B43A08) is 4 in r1",
     1,                                     /* the other market has room */
     {"ami-hvm", "p9.big", "r1a", "", ""}}, /* a quota of its own, which is not asked for */
    {FINDING_MIN_PRICE,
     {"ami-hvm", "mid", "r1a", "", ", \"minPrice\": 0.13"},
     "minPrice: mid costs $0.06 an hour in r1a now; minPrice bids $0.13 for it",
     1, /* a warning */
     {"ami-hvm", "mid", "r1a", "", ", \"minPrice\": 0.12"}},
};

/* Which codes some test here has made appear, and which it has seen stay away where all is well. */
static bool appeared[FINDING_CODE_COUNT], stayed_away[FINDING_CODE_COUNT];

static struct definition *make(const struct shape *shape)
{
    char text[2000];
    struct error err;
    bool key = strstr(shape->launch, "KeyName") != NULL, price = strstr(shape->more, "maxPrice") != NULL;
    snprintf(text, sizeof text,
             "{\"workerType\": \"foo\", \"maxCapacity\": 9%s%s, \"launchSpec\": {%s%s},"
             " \"regions\": [{\"region\": \"r1\", \"launchSpec\": {\"ImageId\": \"%s\"}}],"
             " \"availabilityZones\": [{\"region\": \"r1\", \"availabilityZone\": \"%s\"}],"
             " \"instanceTypes\": [{\"instanceType\": \"%s\", \"capacity\": 1}]}",
             price ? "" : ", \"maxPrice\": 1", shape->more, key ? "" : "\"KeyName\": \"key\"",
             key ? shape->launch + 2 : shape->launch, shape->image, shape->zone, shape->type);
    json_t *document = json_loads(text, 0, NULL);
    struct definition *definition = document ? definition_parse(document, "foo.json", zones, 1, &err) : NULL;
    if (!definition)
        fail_msg("%s: %s", err.text, text);
    json_decref(document);
    return definition;
}

static void fill_facts(struct catalogue_facts *facts, json_t *from)
{
    memset(facts, 0, sizeof *facts);
    text_copy(facts->region, sizeof facts->region, "r1");
    for (int kind = 0; kind < CATALOGUE_KIND_COUNT; kind++)
        facts->of[kind] = json_object_get(from, catalogue_kind_name((enum catalogue_kind)kind));
}

static struct money six_cents(void *context, const struct launch_spec *spec)
{
    (void)context;
    (void)spec;
    return MONEY(60000);
}

static json_t *known, *candidates;

static void look(const struct definition *definition, const struct catalogue_facts *facts, struct preflight *out)
{
    struct preflight_input input = {.definition = definition, .facts = facts, .region_count = 1};
    preflight_run(&input, out);
}

static void run(const struct definition *definition, const json_t *dry_runs, bool forced, struct preflight *out)
{
    struct catalogue_facts facts;
    fill_facts(&facts, known);
    struct preflight_input input = {.definition = definition,
                                    .facts = &facts,
                                    .region_count = 1,
                                    .candidates = candidates,
                                    .price = six_cents,
                                    .dry_runs = dry_runs,
                                    .forced = forced};
    preflight_run(&input, out);
}

static const struct finding *find(const struct preflight *result, enum finding_code code)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->findings[i].code == code)
            return &result->findings[i];
    return NULL;
}

static const struct finding *must_find(const struct preflight *result, enum finding_code code)
{
    const struct finding *finding = find(result, code);
    if (!finding)
        fail_msg("%s: no finding", finding_code_name(code));
    appeared[code] = true;
    return finding;
}

static void must_not_find(const struct preflight *result, enum finding_code code)
{
    if (find(result, code))
        fail_msg("%s: refuses a good one", finding_code_name(code));
    stayed_away[code] = true;
}

static void each_check_refuses_and_lets_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct preflight result;
        char sentence[700];
        struct definition *bad = make(&checks[i].fails), *good = make(&checks[i].passes);
        run(bad, NULL, false, &result);
        preflight_sentence(must_find(&result, checks[i].code), sentence, sizeof sentence);
        assert_string_equal(sentence, checks[i].text);
        if (result.usable != checks[i].usable)
            fail_msg("%s: %zu usable", finding_code_name(checks[i].code), result.usable);
        preflight_clear(&result);
        run(good, NULL, false, &result);
        must_not_find(&result, checks[i].code);
        definition_destroy(&bad);
        definition_destroy(&good);
        preflight_clear(&result);
    }
}

/* Offered in one zone of two: that zone goes on, and it is no error. */
static void a_zone_without_the_type_is_left_out_alone(void **state)
{
    json_t *document =
        json_loads("{\"workerType\": \"foo\", \"maxCapacity\": 9, \"maxPrice\": 1, \"canUseSpot\": false,"
                   " \"canUseOndemand\": true, \"launchSpec\": {\"KeyName\": \"key\"},"
                   " \"regions\": [{\"region\": \"r1\", \"launchSpec\": {\"ImageId\": \"ami-hvm\"}}],"
                   " \"instanceTypes\": [{\"instanceType\": \"new\", \"capacity\": 1}]}",
                   0, NULL);
    struct error err;
    struct preflight result;
    struct definition *definition = definition_parse(document, "foo.json", zones, 1, &err);
    (void)state;
    run(definition, NULL, false, &result);
    assert_int_equal(result.placements, 2);
    assert_int_equal(result.usable, 1);
    assert_int_equal(result.errors, 0);
    assert_int_equal(must_find(&result, FINDING_NOT_OFFERED)->severity, SEVERITY_WARNING);
    assert_false(result.on_demand_out[0]);
    assert_true(result.on_demand_out[1]);
    preflight_clear(&result);
    definition_destroy(&definition);
    json_decref(document);
}

static void a_refused_dry_run_is_an_error(void **state)
{
    struct shape shape = {"ami-hvm", "mid", "r1a", "", ""};
    struct definition *definition = make(&shape);
    struct preflight result;
    char text[700];
    json_t *dry_runs = json_pack("{s:{s:s, s:s}}", definition->specs[0].hash, "code", "UnauthorizedOperation",
                                 "message", "You are not authorized");
    (void)state;
    run(definition, dry_runs, false, &result);
    preflight_first_error(&result, text, sizeof text);
    assert_string_equal(text, "instanceTypes[0].instanceType: EC2 would refuse it: UnauthorizedOperation: You are not "
                              "authorized in r1");
    assert_int_equal(result.usable, 0);
    must_find(&result, FINDING_DRY_RUN);
    preflight_clear(&result);
    json_object_set_new(dry_runs, definition->specs[0].hash, json_true());
    run(definition, dry_runs, false, &result);
    assert_int_equal(result.count, 0);
    must_not_find(&result, FINDING_DRY_RUN);
    preflight_clear(&result);
    definition_destroy(&definition);
    json_decref(dry_runs);
}

/* Unknown is no fault: nothing is left out, and what was not read is said. */
static void unread_facts_leave_nothing_out(void **state)
{
    struct shape shape = {"ami-hvm", "old", "r1a", "", ""};
    struct definition *definition = make(&shape);
    struct catalogue_facts facts = {.region = "r1"};
    struct preflight result;
    (void)state;
    look(definition, &facts, &result);
    assert_int_equal(result.usable, 1);
    assert_int_equal(result.errors, 0);
    assert_int_equal(result.count, CATALOGUE_KIND_COUNT);
    must_find(&result, FINDING_NOT_CHECKED);
    preflight_clear(&result);
    run(definition, NULL, false, &result);
    must_not_find(&result, FINDING_NOT_CHECKED);
    preflight_clear(&result);
    definition_destroy(&definition);
}

static void force_finds_but_leaves_nothing_out(void **state)
{
    struct shape shape = {"ami-hvm", "old", "r1a", "", ""};
    struct definition *definition = make(&shape);
    struct preflight result;
    (void)state;
    run(definition, NULL, true, &result);
    assert_int_equal(result.errors, 1);
    assert_int_equal(result.usable, 1);
    preflight_clear(&result);
    definition_destroy(&definition);
}

/* Both types out of one set, each with its own image; without the catalogue none, and then nothing can be sent. */
static void images_are_chosen_by_instance_type(void **state)
{
    json_t *document = json_loads("{\"workerType\": \"foo\", \"maxCapacity\": 9, \"maxPrice\": 1, \"amiSet\": \"s\","
                                  " \"launchSpec\": {\"KeyName\": \"key\"}, \"regions\": [{\"region\": \"r1\"}],"
                                  " \"availabilityZones\": [{\"region\": \"r1\", \"availabilityZone\": \"r1a\"}],"
                                  " \"instanceTypes\": [{\"instanceType\": \"old\", \"capacity\": 1},"
                                  "   {\"instanceType\": \"mid\", \"capacity\": 1}, {\"instanceType\": \"arm\","
                                  "    \"capacity\": 1}],"
                                  " \"amiImages\": {\"r1\": {\"hvm\": {\"x86_64\": \"ami-hvm\"}, \"pv\": \"ami-pv\"}}}",
                                  0, NULL);
    struct error err;
    struct catalogue_facts facts, nothing = {.region = "r1"};
    struct preflight result;
    char text[700];
    struct definition *definition = definition_parse(document, "foo.json", zones, 1, &err);
    (void)state;
    assert_non_null(definition);
    fill_facts(&facts, known);
    assert_int_equal(preflight_choose(definition, &nothing, 1), 3);
    look(definition, &nothing, &result);
    assert_int_equal(result.usable, 0);
    assert_int_equal(result.errors, 0);
    preflight_sentence(must_find(&result, FINDING_NO_IMAGE_CHOSEN), text, sizeof text);
    assert_string_equal(text, "amiSet: which image old boots cannot be told: its catalogue entry is not known in r1");
    preflight_clear(&result);
    assert_int_equal(preflight_choose(definition, &facts, 1), 1);
    assert_string_equal(definition->specs[0].image, "ami-pv");
    assert_string_equal(definition->specs[1].image, "ami-hvm");
    run(definition, NULL, true, &result);
    assert_int_equal(result.usable, 2); /* force cannot launch without an image */
    preflight_first_error(&result, text, sizeof text);
    assert_string_equal(text, "amiSet: set s has no image in r1 for arm, which boots hvm");
    must_find(&result, FINDING_SET_WITHOUT_IMAGE);
    must_not_find(&result, FINDING_NO_IMAGE_CHOSEN);
    preflight_clear(&result);
    definition_choose_image(&definition->specs[2], "ami-arm");
    run(definition, NULL, false, &result);
    must_not_find(&result, FINDING_SET_WITHOUT_IMAGE);
    preflight_clear(&result);
    definition_destroy(&definition);
    json_decref(document);
}

/* A check that is added without a refusal and a pass among the tests above fails here. Last: it looks at what they did.
 */
static void every_code_of_the_table_appeared_and_stayed_away(void **state)
{
    (void)state;
    for (int i = 0; i < FINDING_CODE_COUNT; i++)
        if (!appeared[i] || !stayed_away[i])
            fail_msg("%s: %s", finding_code_name((enum finding_code)i),
                     appeared[i] ? "no test lets it pass" : "no test makes it appear");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_check_refuses_and_lets_pass),
        cmocka_unit_test(a_zone_without_the_type_is_left_out_alone),
        cmocka_unit_test(a_refused_dry_run_is_an_error),
        cmocka_unit_test(unread_facts_leave_nothing_out),
        cmocka_unit_test(force_finds_but_leaves_nothing_out),
        cmocka_unit_test(images_are_chosen_by_instance_type),
        cmocka_unit_test(every_code_of_the_table_appeared_and_stayed_away),
    };
    known = json_loads(catalogue, 0, NULL);
    candidates = json_loads("[{\"region\": \"r1\", \"image\": \"ami-gone\", \"from\": \"set worn\"},"
                            " {\"region\": \"r1\", \"image\": \"ami-pv\", \"from\": \"set spare\"},"
                            " {\"region\": \"r1\", \"image\": \"ami-hvm\", \"from\": \"set spare\"}]",
                            0, NULL);
    int status = known && candidates ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    json_decref(known);
    json_decref(candidates);
    return status;
}
