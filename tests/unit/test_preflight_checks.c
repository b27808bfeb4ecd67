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
    "  \"never\": null},"
    " \"offerings\": {\"old\": [\"r1a\", \"r1b\"], \"mid\": [\"r1a\", \"r1b\"], \"new\": [\"r1a\"], \"arm\": "
    "[\"r9a\"]},"
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
    const char *code;
    struct shape fails;
    const char *text; /* of the finding: path, found, what would fit */
    size_t usable;    /* placements left */
    struct shape passes;
};

static const struct check checks[] = {
    {"image-virtualization",
     {"ami-hvm", "old", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-hvm is hvm; old boots only paravirtual in r1; set spare has ami-pv for it",
     0,
     {"ami-pv", "old", "r1a", "", ""}},
    {"image-architecture",
     {"ami-arm", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-arm is arm64; mid runs only x86_64 in r1; set spare has ami-hvm for it",
     0,
     {"ami-arm", "arm", "r1a", "", ""}},
    {"image-boot-mode",
     {"ami-uefi", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-uefi is uefi; mid boots only legacy-bios in r1; set spare has ami-hvm for it",
     0,
     {"ami-uefi", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"}},
    {"image-ena",
     {"ami-noena", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"},
     "regions[0].launchSpec.ImageId: ami-noena is without ENA; new needs it in r1; set spare has ami-hvm for it",
     0,
     {"ami-noena", "mid", "r1a", "", ""}},
    {"image-root-device",
     {"ami-store", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-store is instance-store; mid takes only ebs in r1; set spare has ami-hvm for "
     "it",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"image-state",
     {"ami-pending", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-pending is pending, not available in r1",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"image-missing",
     {"ami-gone", "mid", "r1a", "", ""},
     "regions[0].launchSpec.ImageId: ami-gone is not in r1, or not ours to use; set spare has ami-hvm for it",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"volume-too-small",
     {"ami-hvm", "mid", "r1a",
      ", \"BlockDeviceMappings\": [{\"DeviceName\": \"/dev/sda1\", \"Ebs\": {\"VolumeSize\": 4}}]", ""},
     "launchSpec.BlockDeviceMappings: /dev/sda1 asks for 4 GiB; the snapshot of ami-hvm has 8 in r1",
     0,
     {"ami-hvm", "mid", "r1a",
      ", \"BlockDeviceMappings\": [{\"DeviceName\": \"/dev/sda1\", \"Ebs\": {\"VolumeSize\": 8}}]", ""}},
    {"type-missing",
     {"ami-hvm", "never", "r1a", "", ""},
     "instanceTypes[0].instanceType: r1 has no instance type never",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"not-offered",
     {"ami-arm", "arm", "r1a", "", ""},
     "instanceTypes[0].instanceType: arm is not offered in r1a; it is offered in r9a",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"market",
     {"ami-hvm", "new", "r1a", "", ""},
     "instanceTypes[0].instanceType: new is not sold as spot in r1",
     0,
     {"ami-hvm", "new", "r1a", "", ", \"canUseSpot\": false, \"canUseOndemand\": true"}},
    {"subnet-missing",
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-gone\"", ""},
     "launchSpec.SubnetId: subnet-gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {"subnet-zone",
     {"ami-hvm", "mid", "r1b", ", \"SubnetId\": \"subnet-a\"", ""},
     "launchSpec.SubnetId: subnet-a is in r1a, not in r1b",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {"subnet-full",
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-full\"", ""},
     "launchSpec.SubnetId: subnet-full has no free address in r1",
     1, /* a warning */
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\"", ""}},
    {"group-missing",
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroupIds\": [\"sg-1\", \"sg-gone\"]", ""},
     "launchSpec.SecurityGroupIds: security group sg-gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroupIds\": [\"sg-1\"]", ""}},
    {"group-missing",
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroups\": [\"gone\"]", ""},
     "launchSpec.SecurityGroups: security group gone is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SecurityGroups\": [\"there\"]", ""}},
    {"group-vpc",
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\", \"SecurityGroupIds\": [\"sg-2\"]", ""},
     "launchSpec.SecurityGroupIds: security group sg-2 is of vpc-2, and subnet-a of vpc-1 in r1",
     0,
     {"ami-hvm", "mid", "r1a", ", \"SubnetId\": \"subnet-a\", \"SecurityGroupIds\": [\"sg-1\"]", ""}},
    {"key-missing",
     {"ami-hvm", "mid", "r1a", ", \"KeyName\": \"lost\"", ""},
     "launchSpec.KeyName: key pair lost is not in r1",
     0,
     {"ami-hvm", "mid", "r1a", "", ""}},
    {"price",
     {"ami-hvm", "mid", "r1a", "", ", \"maxPrice\": 0.1"},
     "maxPrice: mid costs $0.06 an hour in r1a now; twice that is over maxPrice, $0.10",
     1, /* a warning */
     {"ami-hvm", "mid", "r1a", "", ", \"maxPrice\": 0.12"}},
};

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

static const struct finding *find(const struct preflight *result, const char *code)
{
    for (size_t i = 0; i < result->count; i++)
        if (strcmp(result->findings[i].code, code) == 0)
            return &result->findings[i];
    return NULL;
}

static void each_check_refuses_and_lets_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct preflight result;
        char sentence[700];
        struct definition *bad = make(&checks[i].fails), *good = make(&checks[i].passes);
        run(bad, NULL, false, &result);
        const struct finding *finding = find(&result, checks[i].code);
        if (!finding)
            fail_msg("%s: no finding", checks[i].code);
        preflight_sentence(finding, sentence, sizeof sentence);
        assert_string_equal(sentence, checks[i].text);
        if (result.usable != checks[i].usable)
            fail_msg("%s: %zu usable", checks[i].code, result.usable);
        preflight_clear(&result);
        run(good, NULL, false, &result);
        if (find(&result, checks[i].code))
            fail_msg("%s: refuses a good one", checks[i].code);
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
    assert_int_equal(find(&result, "not-offered")->severity, SEVERITY_WARNING);
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
    preflight_clear(&result);
    json_object_set_new(dry_runs, definition->specs[0].hash, json_true());
    run(definition, dry_runs, false, &result);
    assert_int_equal(result.count, 0);
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
    struct preflight_input input = {.definition = definition, .facts = &facts, .region_count = 1};
    struct preflight result;
    (void)state;
    preflight_run(&input, &result);
    assert_int_equal(result.usable, 1);
    assert_int_equal(result.errors, 0);
    assert_int_equal(result.count, CATALOGUE_KIND_COUNT);
    assert_string_equal(result.findings[0].code, "not-checked");
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
    assert_int_equal(preflight_choose(definition, &facts, 1), 1);
    assert_string_equal(definition->specs[0].image, "ami-pv");
    assert_string_equal(definition->specs[1].image, "ami-hvm");
    run(definition, NULL, true, &result);
    assert_int_equal(result.usable, 2); /* force cannot launch without an image */
    preflight_first_error(&result, text, sizeof text);
    assert_string_equal(text, "amiSet: set s has no image in r1 for arm, which boots hvm");
    preflight_clear(&result);
    definition_destroy(&definition);
    json_decref(document);
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
