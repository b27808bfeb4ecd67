/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_definition.c: workerType definitions: every refusal with its exact sentence, the merge, the canonical
 * form, and the limits of user data at their last byte. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "proto/definition.h"

static const char *const west[] = {"us-west-2a", "us-west-2b"};
static const char *const east[] = {"us-east-1a"};
static const struct region_zones regions[] = {{"us-west-2", west, 2}, {"us-east-1", east, 1}};

static const char plain[] =
    "{\"workerType\": \"foo\", \"maxCapacity\": 20, \"maxPrice\": 0.5, \"launchSpec\": {\"KeyName\": \"key\"},"
    " \"regions\": [{\"region\": \"us-west-2\", \"launchSpec\": {\"ImageId\": \"ami-1\"}},"
    "               {\"region\": \"us-east-1\", \"launchSpec\": {\"ImageId\": \"ami-2\"}}],"
    " \"instanceTypes\": [{\"instanceType\": \"m3.large\", \"capacity\": 1, \"utility\": 1},"
    "                     {\"instanceType\": \"m3.xlarge\", \"capacity\": 2, \"utility\": 2.5}]}";

/* New reference: the plain definition with changes: {"path": value}, null deletes. Paths: a/0/b. */
static json_t *changed(const char *changes)
{
    json_t *document = json_loads(plain, 0, NULL), *value, *list = json_loads(changes, 0, NULL);
    const char *path;
    assert_non_null(list);
    json_object_foreach(list, path, value)
    {
        char steps[128], *rest = steps, *step;
        json_t *at = document;
        snprintf(steps, sizeof steps, "%s", path);
        while ((step = strsep(&rest, "/")) && rest)
            at = json_is_array(at) ? json_array_get(at, (size_t)atoi(step)) : json_object_get(at, step);
        if (json_is_array(at))
            json_array_set(at, (size_t)atoi(step), value);
        else if (json_is_null(value))
            json_object_del(at, step);
        else
            json_object_set(at, step, value);
    }
    json_decref(list);
    return document;
}

static struct definition *parse(const char *changes, struct error *err)
{
    json_t *document = changed(changes);
    struct definition *definition = definition_parse(document, "workertypes.d/foo.json", regions, 2, err);
    json_decref(document);
    return definition;
}

static struct definition *accept(const char *changes)
{
    struct error err = {0};
    struct definition *definition = parse(changes, &err);
    if (!definition)
        fail_msg("%s", err.text);
    return definition;
}

/* ---- refusals ---- */

struct refusal {
    const char *changes, *text; /* without "workertypes.d/foo.json: " */
};

static const struct refusal refusals[] = {
    {"{\"workerType\": null}", "workerType: is missing"},
    {"{\"workerType\": \"\"}", "workerType: must not be empty"},
    {"{\"workerType\": \"a b\"}", "workerType: may hold letters, digits, - and _ only"},
    {"{\"workerType\": \"abcdefghijabcdefghijabcdefghijabcdefghi\"}",
     "workerType: must have 1 to 38 characters, not 39"},
    {"{\"maxCapacity\": null}", "maxCapacity: is missing"},
    {"{\"maxCapacity\": \"20\"}", "maxCapacity: must be a whole number"},
    {"{\"maxCapcity\": 3}", "maxCapcity: is not a known setting; did you mean \"maxCapacity\"?"},
    {"{\"minCapacity\": 21}", "minCapacity: 21 units are more than maxCapacity, 20"},
    {"{\"minCapacity\": -1}", "minCapacity: must be from 0 to 1000000000"},
    {"{\"maxFloor\": 21}", "maxFloor: 21 units: must be from minCapacity, 0, to maxCapacity, 20"},
    {"{\"scalingRatio\": 1.5}", "scalingRatio: must be from 0 to 1"},
    {"{\"maxPrice\": null}", "maxPrice: is missing"},
    {"{\"maxPrice\": 0}", "maxPrice: must be above 0: at price 0 nothing can be launched"},
    {"{\"minPrice\": \"0.51\"}", "minPrice: 0.51 is more than maxPrice, 0.50"},
    {"{\"maxPrice\": \"cheap\"}", "maxPrice: must be an amount of dollars with at most six decimals"},
    {"{\"canUseSpot\": false}", "canUseSpot: neither canUseSpot nor canUseOndemand: nothing could be launched"},
    {"{\"canUseSpot\": 1}", "canUseSpot: must be true or false"},
    {"{\"onDemandMax\": 3}", "onDemandMax: needs canUseOndemand"},
    {"{\"settle\": \"soon\"}", "settle: must be a length of time such as \"10s\", \"250ms\", \"20m\" or \"96h\""},
    {"{\"amiSet\": \"base\"}", "amiSet: the images of AMI set \"base\" are not known here"},
    {"{\"amiImages\": {}}", "amiImages: is written by provisiond beside amiSet, not by hand"},
    {"{\"owner\": 7}", "owner: must be text"},
    {"{\"tags\": {\"provisiond:type\": \"x\"}}",
     "tags.provisiond:type: names that begin with provisiond: or aws: are taken"},
    {"{\"tags\": {\"team\": 7}}", "tags.team: must be text of at most 255 bytes"},
    /* case B05 */
    {"{\"maxCapacity\": 4, \"instanceTypes/1/capacity\": 8}",
     "instanceTypes[1].capacity: one instance gives 8 units, more than maxCapacity, 4 units"},
    {"{\"instanceTypes\": []}", "instanceTypes: must list 1 to 1000"},
    {"{\"instanceTypes\": null}", "instanceTypes: is missing"},
    {"{\"instanceTypes/0/capacity\": 0}", "instanceTypes[0].capacity: must be from 1 to 10000"},
    {"{\"instanceTypes/0/utility\": 0}", "instanceTypes[0].utility: must be from 1e-06 to 1e+06"},
    {"{\"instanceTypes/0/instanceType\": \"m3.xlarge\"}",
     "instanceTypes[1].instanceType: \"m3.xlarge\" is there twice"},
    {"{\"instanceTypes/0/instanceType\": \"../x\"}",
     "instanceTypes[0].instanceType: may hold letters, digits, -, . and _ only"},
    {"{\"instanceTypes/0/capasity\": 1}", "instanceTypes[0].capasity: is not a known name; did you mean \"capacity\"?"},
    {"{\"instanceTypes/0\": 5}", "instanceTypes[0]: must be an object"},
    {"{\"regions\": []}", "regions: must list 1 to 1000"},
    {"{\"regions/0/region\": \"us-wst-2\"}",
     "regions[0].region: \"us-wst-2\" is not one of the daemon's regions; did you mean \"us-west-2\"?"},
    {"{\"regions/0/region\": \"mars\"}", "regions[0].region: \"mars\" is not one of the daemon's regions"},
    {"{\"regions/1/region\": \"us-west-2\"}", "regions[1].region: \"us-west-2\" is there twice"},
    {"{\"regions/1/launchSpec\": {}}",
     "regions[1].launchSpec.ImageId: is missing: every region needs its image, or the type an amiSet"},
    {"{\"regions/1/launchSpec\": null}",
     "regions[1].launchSpec.ImageId: is missing: every region needs its image, or the type an amiSet"},
    {"{\"regions/1/launchSpec/ImageId\": 7}", "regions[1].launchSpec.ImageId: must be text"},
    {"{\"regions/1/launchSpec/ImageId\": \"\"}", "regions[1].launchSpec.ImageId: must have 1 to 255 characters, not 0"},
    {"{\"regions/1/launchSpec/EbsOptimised\": true}",
     "regions[1].launchSpec.EbsOptimised: is not a known name; did you mean \"EbsOptimized\"?"},
    {"{\"regions/0/launchSpec/SecurityGroups\": \"a\"}", "regions[0].launchSpec.SecurityGroups: must be a list"},
    {"{\"regions/0/launchSpec/Placement\": []}", "regions[0].launchSpec.Placement: must be an object"},
    {"{\"regions/0/launchSpec/EbsOptimized\": 1}", "regions[0].launchSpec.EbsOptimized: must be true or false"},
    {"{\"regions/0/userData\": []}", "regions[0].userData: must be an object"},
    {"{\"regions/0/scopes\": [1]}", "regions[0].scopes[0]: must be text"},
    {"{\"launchSpec/ImageId\": \"ami-9\"}",
     "launchSpec.ImageId: may not be here: images belong to a region, in regions[].launchSpec"},
    {"{\"instanceTypes/0/launchSpec\": {\"ImageId\": \"ami-9\"}}",
     "instanceTypes[0].launchSpec.ImageId: may not be here: images belong to a region, in regions[].launchSpec"},
    {"{\"launchSpec/InstanceType\": \"m3.large\"}",
     "launchSpec.InstanceType: may not be here: it comes from instanceTypes[].instanceType"},
    {"{\"regions/0/launchSpec/UserData\": \"x\"}",
     "regions[0].launchSpec.UserData: may not be here: it is made from userData"},
    {"{\"launchSpec\": {}}",
     "launchSpec.KeyName: is missing here, in the region, the zone and the instance type (us-west-2a, m3.large)"},
    {"{\"instanceTypes/1/launchSpec\": {\"SubnetId\": \"subnet-1\"}, \"regions/1/launchSpec/SecurityGroups\": [\"a\"]}",
     "regions[1].launchSpec.SecurityGroups: cannot be used together with SubnetId: use SecurityGroupIds (us-east-1a, "
     "m3.xlarge)"},
    {"{\"availabilityZones\": [{\"region\": \"us-east-9\", \"availabilityZone\": \"us-east-9a\"}]}",
     "availabilityZones[0].region: \"us-east-9\" is not in the definition's regions"},
    {"{\"availabilityZones\": [{\"region\": \"us-west-2\"}]}", "availabilityZones[0].availabilityZone: is missing"},
    {"{\"availabilityZones\": [{\"region\": \"us-west-2\", \"availabilityZone\": \"z\"}, {\"region\": \"us-west-2\", "
     "\"availabilityZone\": \"z\"}]}",
     "availabilityZones[1].availabilityZone: \"z\" is there twice"},
};

static void every_fault_is_refused_with_file_path_and_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct error err = {0};
        char expected[600];
        struct definition *definition = parse(refusals[i].changes, &err);
        snprintf(expected, sizeof expected, "workertypes.d/foo.json: %s", refusals[i].text);
        if (definition)
            fail_msg("accepted: %s", refusals[i].changes);
        assert_string_equal(err.text, expected);
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

static void what_is_no_object_is_refused(void **state)
{
    struct error err = {0};
    json_t *document = json_pack("[]");
    (void)state;
    assert_null(definition_parse(document, "x.json", regions, 2, &err));
    assert_string_equal(err.text, "x.json: must be an object");
    json_decref(document);
}

/* ---- what is accepted ---- */

static void defaults_are_those_of_the_design(void **state)
{
    struct definition *d = accept("{\"minCapacity\": 3}");
    (void)state;
    assert_string_equal(d->name, "foo");
    assert_string_equal(d->file, "workertypes.d/foo.json");
    assert_int_equal(d->min_capacity, 3);
    assert_int_equal(d->max_floor, 3);
    assert_int_equal(d->max_price.micros, 500000);
    assert_true(d->can_use_spot && !d->can_use_on_demand && !d->essential);
    assert_int_equal(d->canary, 2);
    assert_int_equal(d->settle.us, SPAN_SECONDS(60).us);
    assert_int_equal(d->boot_limit.us, SPAN_SECONDS(20 * 60).us);
    assert_int_equal(d->pending_limit.us, SPAN_SECONDS(30 * 60).us);
    assert_int_equal(d->max_lifetime.us, SPAN_SECONDS(96 * 3600).us);
    assert_int_equal(d->latency_target.us, 0);
    assert_int_equal(d->on_demand_after.us, 0);
    assert_int_equal(d->largest_capacity, 2);
    assert_int_equal(d->smallest_capacity, 1);
    definition_destroy(&d);
    assert_null(d);
    definition_destroy(&d);
}

static void words_and_old_members_are_accepted(void **state)
{
    struct definition *d =
        accept("{\"canary\": \"off\", \"onDemandAfter\": \"never\", \"latencyTarget\": \"none\", \"maxPrice\": \"1.5\","
               " \"description\": \"d\", \"owner\": \"o\", \"lastModified\": \"2016-07-21T20:06:00.000Z\", \"scopes\": "
               "[\"a\"],"
               " \"secrets\": {\"password\": \"hunter2\"}, \"regions/0/secrets\": {}, \"tags\": {\"team\": \"ci\"}}");
    (void)state;
    assert_int_equal(d->canary, 0);
    assert_int_equal(d->max_price.micros, 1500000);
    assert_string_equal(json_string_value(json_object_get(d->tags, "team")), "ci");
    /* Secrets are never stored: the canonical document goes to the ledger. */
    char *text = json_text(d->document);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "2016-07-21T20:06"));
    free(text);
    definition_destroy(&d);
}

static void a_ceiling_of_zero_closes_a_type(void **state)
{
    struct definition *d = accept("{\"maxCapacity\": 0}");
    (void)state;
    assert_int_equal(d->max_capacity, 0);
    definition_destroy(&d);
}

/* ---- the merge ---- */

static const char *launch_text(const struct definition *d, const char *region, const char *zone, const char *type,
                               const char *key)
{
    const struct launch_spec *spec = definition_spec(d, region, zone, type);
    assert_non_null(spec);
    return json_string_value(json_object_get(spec->launch, key));
}

static void later_levels_win_key_by_key(void **state)
{
    struct definition *d = accept(
        "{\"launchSpec\": {\"KeyName\": \"global\", \"KernelId\": \"global\", \"RamdiskId\": \"global\","
        "  \"AddressingType\": \"global\"}, \"userData\": {\"a\": {\"x\": 1}, \"b\": 1},"
        " \"regions/0/launchSpec/KernelId\": \"region\", \"regions/0/launchSpec/RamdiskId\": \"region\","
        " \"regions/0/launchSpec/AddressingType\": \"region\", \"regions/0/userData\": {\"a\": {\"y\": 2}},"
        " \"availabilityZones\": [{\"region\": \"us-west-2\", \"availabilityZone\": \"us-west-2c\","
        "  \"launchSpec\": {\"RamdiskId\": \"zone\", \"AddressingType\": \"zone\", \"SubnetId\": \"subnet-1\"}}],"
        " \"instanceTypes/0/launchSpec\": {\"AddressingType\": \"type\"}, \"instanceTypes/0/userData\": {\"b\": 3}}");
    const struct launch_spec *spec = definition_spec(d, "us-west-2", "us-west-2c", "m3.large");
    (void)state;
    assert_int_equal(d->spec_count, 4); /* 1 listed zone + 1 of the daemon's, x 2 types */
    assert_string_equal(launch_text(d, "us-west-2", "us-west-2c", "m3.large", "KeyName"), "global");
    assert_string_equal(launch_text(d, "us-west-2", "us-west-2c", "m3.large", "KernelId"), "region");
    assert_string_equal(launch_text(d, "us-west-2", "us-west-2c", "m3.large", "RamdiskId"), "zone");
    assert_string_equal(launch_text(d, "us-west-2", "us-west-2c", "m3.large", "AddressingType"), "type");
    assert_string_equal(launch_text(d, "us-west-2", "us-west-2c", "m3.xlarge", "AddressingType"), "zone");
    assert_string_equal(launch_text(d, "us-east-1", "us-east-1a", "m3.xlarge", "AddressingType"), "global");
    assert_string_equal(spec->image, "ami-1");
    assert_string_equal(spec->subnet, "subnet-1");
    assert_int_equal(spec->capacity, 1);
    char *text = json_text(spec->user_data);
    assert_string_equal(text, "{\"a\":{\"y\":2},\"b\":3}"); /* shallow: a is replaced whole */
    free(text);
    assert_null(definition_spec(d, "us-west-2", "us-west-2a", "m3.large"));
    definition_destroy(&d);
}

static void specs_come_in_file_order_over_the_daemons_zones(void **state)
{
    static const char *const order[] = {"us-west-2a/m3.large",  "us-west-2a/m3.xlarge", "us-west-2b/m3.large",
                                        "us-west-2b/m3.xlarge", "us-east-1a/m3.large",  "us-east-1a/m3.xlarge"};
    struct definition *d = accept("{}");
    (void)state;
    assert_int_equal(d->spec_count, 6);
    for (size_t i = 0; i < 6; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s/%s", d->specs[i].zone, d->specs[i].instance_type);
        assert_string_equal(name, order[i]);
    }
    definition_destroy(&d);
}

static void the_spec_hash_changes_with_the_specification_alone(void **state)
{
    static const struct {
        const char *changes;
        bool same;
    } rows[] = {{"{\"maxPrice\": 0.6}", true},
                {"{\"maxCapacity\": 30}", true},
                {"{\"priority\": 3}", true},
                {"{\"instanceTypes/0/utility\": 3}", true},
                {"{\"regions/0/launchSpec/ImageId\": \"ami-7\"}", false},
                {"{\"userData\": {\"a\": 1}}", false},
                {"{\"instanceTypes/0/capacity\": 2}", false},
                {"{\"launchSpec/KeyName\": \"other\"}", false}};
    struct definition *base = accept("{}");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct definition *d = accept(rows[i].changes);
        if ((strcmp(d->specs[0].hash, base->specs[0].hash) == 0) != rows[i].same)
            fail_msg("%s", rows[i].changes);
        assert_string_not_equal(d->hash, base->hash);
        definition_destroy(&d);
    }
    assert_int_equal(strlen(base->specs[0].hash), 64);
    assert_string_not_equal(base->specs[0].hash, base->specs[1].hash);
    definition_destroy(&base);
}

/* ---- the canonical form ---- */

static void the_canonical_document_reads_back_to_itself(void **state)
{
    struct error err = {0};
    struct definition *first =
        accept("{\"minCapacity\": 2, \"canary\": \"off\", \"settle\": 1.5, \"maxPrice\": \"0.50\","
               " \"essential\": true, \"tags\": {\"a\": \"b\"}}");
    struct definition *again = definition_parse(first->document, "again.json", regions, 2, &err);
    (void)state;
    assert_non_null(again);
    assert_true(json_equal(first->document, again->document));
    assert_string_equal(first->hash, again->hash);
    assert_int_equal(again->settle.us, 1500000);
    assert_int_equal(again->max_floor, 2);
    definition_destroy(&first);
    definition_destroy(&again);
}

static void two_spellings_of_one_definition_have_one_hash(void **state)
{
    struct definition *a = accept("{\"maxPrice\": 0.5, \"instanceTypes/0/utility\": 1, \"settle\": 60, \"canary\": 0}");
    struct definition *b =
        accept("{\"maxPrice\": \"0.500\", \"instanceTypes/0/utility\": 1.0, \"settle\": \"1m\", \"canary\": \"off\","
               " \"minCapacity\": 0, \"userData\": {}, \"availabilityZones\": []}");
    (void)state;
    assert_string_equal(a->hash, b->hash);
    definition_destroy(&a);
    definition_destroy(&b);
}

/* ---- user data, case B56 ---- */

static struct definition *with_user_data(size_t length, struct error *err)
{
    json_t *document = changed("{}");
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    json_object_set_new(document, "userData", json_pack("{s:s}", "a", text));
    struct definition *d = definition_parse(document, "workertypes.d/foo.json", regions, 2, err);
    free(text);
    json_decref(document);
    return d;
}

static void user_data_fits_to_the_last_byte(void **state)
{
    static const char provisioner[] = "aws-provisioner-v1", url[] = "https://tc.example.com";
    struct error err = {0};
    size_t length = 15000;
    struct definition *d = with_user_data(length, &err);
    (void)state;
    while (d && definition_check_user_data(d, provisioner, url, &err) == 0) {
        definition_destroy(&d);
        d = with_user_data(++length, &err);
    }
    assert_non_null(d); /* without the settings it still might fit, with them it does not */
    assert_non_null(strstr(err.text, "userData: foo: 16385 bytes for us-"));
    assert_non_null(strstr(err.text, "and EC2 takes 16384 before base64"));
    definition_destroy(&d);
    assert_null(with_user_data(USER_DATA_LIMIT, &err));
    assert_non_null(strstr(err.text, "workertypes.d/foo.json: userData: foo: "));
}

/* ---- size ---- */

static void hundreds_of_combinations_are_merged(void **state)
{
    json_t *document = changed("{}"), *types = json_array();
    struct error err = {0};
    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "c%d.large", i);
        json_array_append_new(types, json_pack("{s:s, s:i}", "instanceType", name, "capacity", 1));
    }
    json_object_set_new(document, "instanceTypes", types);
    struct definition *d = definition_parse(document, "big.json", regions, 2, &err);
    assert_non_null(d);
    assert_int_equal(d->spec_count, 600);
    definition_destroy(&d);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_refused_with_file_path_and_sentence),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(words_and_old_members_are_accepted),
        cmocka_unit_test(a_ceiling_of_zero_closes_a_type),
        cmocka_unit_test(later_levels_win_key_by_key),
        cmocka_unit_test(specs_come_in_file_order_over_the_daemons_zones),
        cmocka_unit_test(the_spec_hash_changes_with_the_specification_alone),
        cmocka_unit_test(the_canonical_document_reads_back_to_itself),
        cmocka_unit_test(two_spellings_of_one_definition_have_one_hash),
        cmocka_unit_test(user_data_fits_to_the_last_byte),
        cmocka_unit_test(hundreds_of_combinations_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
