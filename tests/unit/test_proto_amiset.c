/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_amiset.c: AMI sets: refusals with file and path, and how a definition that names one gets its images. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <string.h>

#include "proto/amiset.h"
#include "proto/definition.h"

static struct amiset *parse(const char *text, struct error *err)
{
    json_t *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    struct amiset *set = amiset_parse(document, "base", "amisets.d/base.json", err);
    json_decref(document);
    return set;
}

static void faults_name_file_and_path(void **state)
{
    static const struct {
        const char *text, *fault;
    } faults[] = {
        {"[]", "amisets.d/base.json: an AMI set is an object of 1 to 64 regions"},
        {"{}", "amisets.d/base.json: an AMI set is an object of 1 to 64 regions"},
        {"{\"us-west-2\": {}}", "amisets.d/base.json: us-west-2: must be an object with hvm, pv or both"},
        {"{\"us west\": {\"hvm\": \"ami-1\"}}", "amisets.d/base.json: us west: is no region's name"},
        {"{\"us-west-2\": {\"hmv\": \"ami-1\"}}",
         "amisets.d/base.json: us-west-2.hmv: is not a known name; did you mean \"hvm\"?"},
        {"{\"us-west-2\": {\"hvm\": \"1234\"}}",
         "amisets.d/base.json: us-west-2.hvm.x86_64: must be an image's id, ami-..."},
        {"{\"us-west-2\": {\"hvm\": {\"x86\": \"ami-1\"}}}",
         "amisets.d/base.json: us-west-2.hvm.x86: is not a known name; did you mean \"i386\"?"},
        {"{\"us-west-2\": {\"pv\": {\"arm64\": 7}}}",
         "amisets.d/base.json: us-west-2.pv.arm64: must be an image's id, ami-..."},
        {"{\"us-west-2\": {\"pv\": 7}}",
         "amisets.d/base.json: us-west-2.pv: must be an image's id, or an object of architecture -> image id"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct error err = {0};
        assert_null(parse(faults[i].text, &err));
        /* a suggestion may follow or not */
        assert_memory_equal(err.text, faults[i].fault, strcspn(faults[i].fault, ";"));
    }
}

static void one_form_whatever_the_spelling(void **state)
{
    struct error err;
    struct amiset *shorter =
        parse("{\"b\": {\"pv\": \"ami-2\", \"hvm\": \"ami-1\"}, \"a\": {\"hvm\": \"ami-3\"}}", &err);
    struct amiset *longer = parse("{\"a\": {\"hvm\": {\"x86_64\": \"ami-3\"}},"
                                  " \"b\": {\"hvm\": {\"x86_64\": \"ami-1\"}, \"pv\": {\"x86_64\": \"ami-2\"}}}",
                                  &err);
    const char *only;
    (void)state;
    assert_string_equal(shorter->hash, longer->hash);
    assert_int_equal(shorter->count, 3);
    assert_string_equal(shorter->images[0].image, "ami-3"); /* regions by name */
    assert_string_equal(shorter->images[1].image, "ami-1"); /* hvm before pv */
    assert_string_equal(shorter->images[2].virtualization, "pv");
    assert_int_equal(amiset_region(shorter, "a", &only), 1);
    assert_string_equal(only, "ami-3");
    assert_int_equal(amiset_region(shorter, "b", &only), 2);
    assert_null(only);
    assert_int_equal(amiset_region(shorter, "c", &only), 0);
    amiset_destroy(&shorter);
    amiset_destroy(&longer);
}

/* ---- with a definition ---- */

static const char *const zone_names[] = {"us-west-2a"};
static const struct region_zones zones[] = {{"us-west-2", zone_names, 1}};

static const char definition_text[] =
    "{\"workerType\": \"foo\", \"maxCapacity\": 9, \"maxPrice\": 1, \"amiSet\": \"base\","
    " \"launchSpec\": {\"KeyName\": \"k\"}, \"regions\": [{\"region\": \"us-west-2\"}],"
    " \"instanceTypes\": [{\"instanceType\": \"m3.large\", \"capacity\": 1}]}";

static struct definition *join(const char *document_text, const char *set_text, struct error *err)
{
    json_t *document = json_loads(document_text, 0, NULL);
    struct amiset *set = parse(set_text, err);
    assert_non_null(document);
    assert_non_null(set);
    assert_string_equal(definition_set_name(document), "base");
    json_t *joined = definition_with_images(document, set);
    struct definition *definition = definition_parse(joined, "foo.json", zones, 1, err);
    json_decref(joined);
    json_decref(document);
    amiset_destroy(&set);
    return definition;
}

static void a_single_image_needs_no_choice(void **state)
{
    struct error err;
    struct definition *foo = join(definition_text, "{\"us-west-2\": {\"hvm\": \"ami-1\"}}", &err);
    (void)state;
    assert_non_null(foo);
    assert_string_equal(foo->specs[0].image, "ami-1");
    assert_string_equal(foo->ami_set, "base");
    definition_destroy(&foo);
}

/* The spec hash is that of the same definition with ImageId written out, before or after the choice. */
static void the_chosen_image_is_in_the_hash(void **state)
{
    struct error err;
    struct definition *chosen = join(definition_text, "{\"us-west-2\": {\"hvm\": \"ami-1\", \"pv\": \"ami-2\"}}", &err);
    struct definition *single = join(definition_text, "{\"us-west-2\": {\"pv\": \"ami-2\"}}", &err);
    char before[HASH_SIZE];
    (void)state;
    assert_string_equal(chosen->specs[0].image, "");
    memcpy(before, chosen->specs[0].hash, sizeof before);
    definition_choose_image(&chosen->specs[0], "ami-2");
    assert_string_equal(chosen->specs[0].image, "ami-2");
    assert_string_equal(json_string_value(json_object_get(chosen->specs[0].launch, "ImageId")), "ami-2");
    assert_string_not_equal(chosen->specs[0].hash, before);
    assert_string_equal(chosen->specs[0].hash, single->specs[0].hash);
    definition_choose_image(&chosen->specs[0], "ami-1");
    assert_string_not_equal(chosen->specs[0].hash, single->specs[0].hash);
    definition_destroy(&chosen);
    definition_destroy(&single);
}

/* Another image makes another revision; another region's image does not. */
static void only_its_regions_touch_a_type(void **state)
{
    struct error err;
    struct definition *first = join(definition_text, "{\"us-west-2\": {\"hvm\": \"ami-1\"}}", &err);
    struct definition *elsewhere =
        join(definition_text, "{\"us-west-2\": {\"hvm\": \"ami-1\"}, \"eu-west-1\": {\"hvm\": \"ami-7\"}}", &err);
    struct definition *other = join(definition_text, "{\"us-west-2\": {\"hvm\": \"ami-9\"}}", &err);
    (void)state;
    assert_string_equal(first->hash, elsewhere->hash);
    assert_string_not_equal(first->hash, other->hash);
    struct definition *again = definition_parse(first->document, "foo.json", zones, 1, &err);
    assert_non_null(again);
    assert_string_equal(again->hash, first->hash);
    definition_destroy(&again);
    definition_destroy(&first);
    definition_destroy(&elsewhere);
    definition_destroy(&other);
}

static void set_and_definition_must_fit(void **state)
{
    static const char with_image[] =
        "{\"workerType\": \"foo\", \"maxCapacity\": 9, \"maxPrice\": 1, \"amiSet\": \"base\","
        " \"launchSpec\": {\"KeyName\": \"k\"},"
        " \"regions\": [{\"region\": \"us-west-2\", \"launchSpec\": {\"ImageId\": \"ami-5\"}}],"
        " \"instanceTypes\": [{\"instanceType\": \"m3.large\", \"capacity\": 1}]}";
    struct error err;
    (void)state;
    assert_null(join(definition_text, "{\"eu-west-1\": {\"hvm\": \"ami-1\"}}", &err));
    assert_string_equal(err.text, "foo.json: amiSet: AMI set \"base\" has no image for any of its regions");
    assert_null(join(with_image, "{\"us-west-2\": {\"hvm\": \"ami-1\"}}", &err));
    assert_string_equal(err.text,
                        "foo.json: regions[0].launchSpec.ImageId: may not be here: the images come from AMI set base");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_name_file_and_path),      cmocka_unit_test(one_form_whatever_the_spelling),
        cmocka_unit_test(a_single_image_needs_no_choice), cmocka_unit_test(the_chosen_image_is_in_the_hash),
        cmocka_unit_test(only_its_regions_touch_a_type),  cmocka_unit_test(set_and_definition_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
