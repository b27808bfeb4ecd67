/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_config.c: the daemon's settings: defaults, refusals with their exact sentences, print -> parse, paths from
 * the file's directory, socket path lengths, and which changes need a restart. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "proto/config.h"

static const char plain[] =
    "{\"deploymentId\": \"test\", \"rootUrl\": \"https://tc.example.com/\", \"maxCapacity\": 100,"
    " \"maxInstances\": 50, \"maxHourlyCost\": 25, \"regions\": [{\"name\": \"us-west-2\","
    " \"zones\": [\"us-west-2a\", \"us-west-2b\"]}, {\"name\": \"us-east-1\", \"zones\": [\"us-east-1a\"],"
    " \"endpoint\": \"https://ec2.example.com\"}]}";

/* New reference: the plain document with members replaced; null deletes. */
static json_t *changed(const char *changes)
{
    json_t *document = json_loads(plain, 0, NULL), *list = json_loads(changes, 0, NULL), *value;
    const char *name;
    assert_non_null(document);
    assert_non_null(list);
    json_object_foreach(list, name, value)
    {
        if (json_is_null(value))
            json_object_del(document, name);
        else
            json_object_set(document, name, value);
    }
    json_decref(list);
    return document;
}

static void accept(const char *changes, struct config *out)
{
    struct error err = {0};
    json_t *document = changed(changes);
    if (config_parse(document, "provisiond.json", out, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(document);
}

static void defaults_are_those_of_the_design(void **state)
{
    struct config c;
    (void)state;
    accept("{}", &c);
    assert_string_equal(c.deployment_id, "test");
    assert_string_equal(c.root_url, "https://tc.example.com");
    assert_string_equal(c.provisioner_id, "aws-provisioner-v1");
    assert_string_equal(c.run_dir, "/run/provisiond");
    assert_int_equal(c.max_daily_cost.micros, INT64_MAX);
    assert_int_equal(c.max_hourly_cost.micros, 25000000);
    assert_int_equal(c.headroom, -1);
    assert_int_equal(c.policy, POLICY_ROUND_ROBIN);
    assert_int_equal(c.log_level, LOG_INFO_LEVEL);
    assert_true(c.breakers);
    assert_int_equal(c.lot_max, 10);
    assert_true(c.launch_share > 0.79 && c.launch_share < 0.81);
    assert_int_equal(c.launch_instances_depth, 1000);
    assert_int_equal(c.tick.us, 10000000);
    assert_int_equal(c.grace.us, 300000000);
    assert_int_equal(c.send_by.us, 10000000);
    assert_int_equal(c.definition_probe.us, INT64_C(86400000000));
    assert_int_equal(c.region_count, 2);
    assert_string_equal(c.regions[0].zones[1], "us-west-2b");
}

struct refusal {
    const char *changes, *text; /* without "provisiond.json: " */
};

static const struct refusal refusals[] = {
    {"{\"deploymentId\": null}", "deploymentId: is missing"},
    {"{\"deploymentId\": \"a/b\"}", "deploymentId: may hold letters, digits, - and _ only"},
    {"{\"rootUrl\": null}", "rootUrl: is missing"},
    {"{\"rootUrl\": \"ftp://a.example\"}", "rootUrl: must begin with https:// or http://"},
    {"{\"rootUrl\": \"https://\"}", "rootUrl: must begin with https:// or http://"},
    {"{\"rootUrl\": \"https://me:word@a.example\"}", "rootUrl: must be a URL without blanks, user or password"},
    {"{\"rootUrl\": \"http://tc.example.com\"}",
     "rootUrl: plain http goes only to loopback, unless allowPlainHttp is true"},
    {"{\"ec2Endpoint\": \"http://127.0.0.1.example.com\"}",
     "ec2Endpoint: plain http goes only to loopback, unless allowPlainHttp is true"},
    {"{\"ec2Endpoint\": \"http://localhost.example.com\"}",
     "ec2Endpoint: plain http goes only to loopback, unless allowPlainHttp is true"},
    {"{\"maxCapacity\": null}", "maxCapacity: is missing"},
    {"{\"maxInstances\": null}", "maxInstances: is missing"},
    {"{\"maxHourlyCost\": null}", "maxHourlyCost: is missing"},
    {"{\"maxHourlyCost\": \"lots\"}", "maxHourlyCost: must be an amount of dollars with at most six decimals"},
    {"{\"essentialReserve\": 26}", "essentialReserve: must not be above maxHourlyCost"},
    {"{\"tick\": \"50ms\"}", "tick: must be from 100ms to 1h"},
    {"{\"tick\": \"2m\"}", "tick: must not be above workerTickLimit"},
    {"{\"launchLimit\": \"61s\"}", "launchLimit: must be from 100ms to 1m"},
    {"{\"demandPol\": 1}", "demandPol: is not a known setting; did you mean \"demandPoll\"?"},
    {"{\"policy\": \"fair\"}", "policy: must be one of \"round-robin\", \"logarithmic\", \"probability\", \"lag\""},
    {"{\"queueRate\": 0}", "queueRate: must be above 0"},
    {"{\"launchShare\": 1.1}", "launchShare: must be from 0 to 1"},
    {"{\"launchShare\": \"on\"}", "launchShare: must be a number"},
    {"{\"regions\": null}", "regions: is missing"},
    {"{\"regions\": []}", "regions: must list 1 to 32 regions"},
    {"{\"regions\": [{\"name\": \"a\", \"zones\": []}]}", "regions[0].zones: must list 1 to 16 zones"},
    {"{\"regions\": [{\"name\": \"a\", \"zones\": [\"x\", \"x\"]}]}", "regions[0].zones[1]: \"x\" is there twice"},
    {"{\"regions\": [{\"name\": \"a\", \"zones\": [7]}]}",
     "regions[0].zones[0]: must be a zone's name, 1 to 63 characters"},
    {"{\"regions\": [{\"name\": \"../a\", \"zones\": [\"x\"]}]}",
     "regions[0].name: \"../a\" may hold letters, digits, - and _ only"},
    {"{\"regions\": [{\"name\": \"a\", \"zones\": [\"x\"]}, {\"name\": \"a\", \"zones\": [\"x\"]}]}",
     "regions[1].name: \"a\" is there twice"},
    {"{\"regions\": [{\"name\": \"a\", \"zone\": [\"x\"]}]}",
     "regions[0].zone: is not a known name; did you mean \"zones\"?"},
    {"{\"regions\": [{\"name\": \"a\", \"zones\": [\"x\"], \"endpoint\": \"x\"}]}",
     "regions[0].endpoint: must begin with https:// or http://"},
    {"{\"runDir\": \"/run/a-directory-with-quite-a-long-name/and-another-one-below-it-1234567890\"}", NULL},
};

static void every_fault_is_refused_with_file_path_and_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct config c;
        struct error err = {0};
        char expected[600];
        json_t *document = changed(refusals[i].changes);
        int result = config_parse(document, "provisiond.json", &c, &err);
        json_decref(document);
        if (!refusals[i].text) { /* this one fits: 107 bytes to the last */
            assert_int_equal(result, 0);
            continue;
        }
        snprintf(expected, sizeof expected, "provisiond.json: %s", refusals[i].text);
        if (result == 0)
            fail_msg("accepted: %s", refusals[i].changes);
        assert_string_equal(err.text, expected);
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

static void the_longest_socket_path_has_at_most_107_bytes(void **state)
{
    struct config c;
    struct error err = {0};
    char region[64], changes[300];
    int longest = -1;
    (void)state;
    for (int length = 1; length < 64; length++) {
        memset(region, 'r', sizeof region);
        region[length] = '\0';
        snprintf(changes, sizeof changes,
                 "{\"runDir\": \"/0123456789012345678901234567890123456789012345678901\","
                 " \"regions\": [{\"name\": \"%s\", \"zones\": [\"z\"]}]}",
                 region);
        json_t *document = changed(changes);
        if (config_parse(document, "x", &c, &err) == 0)
            longest = length;
        json_decref(document);
    }
    /* 53 bytes, a slash, "inventory-", the region, ".sock" */
    assert_int_equal(longest, 107 - 53 - 1 - 10 - 5);
    assert_non_null(strstr(err.text, "choose a shorter one"));
}

static void words_stand_for_numbers(void **state)
{
    struct config c;
    (void)state;
    accept("{\"headroom\": \"auto\", \"launchShare\": \"off\", \"maxHourlyCost\": \"unlimited\"}", &c);
    assert_int_equal(c.headroom, -1);
    assert_true(c.launch_share == 0.0);
    assert_int_equal(c.max_hourly_cost.micros, INT64_MAX);
}

static void loopback_may_be_plain(void **state)
{
    struct config c;
    (void)state;
    accept("{\"rootUrl\": \"http://127.0.0.1:8080\", \"ec2Endpoint\": \"http://localhost:1/{region}\"}", &c);
    accept("{\"rootUrl\": \"http://[::1]:8080/x\"}", &c);
    accept("{\"rootUrl\": \"http://a.example\", \"allowPlainHttp\": true}", &c);
}

static void print_reads_back_to_the_same_values(void **state)
{
    struct config before, after;
    struct error err = {0};
    (void)state;
    accept("{\"tick\": \"250ms\", \"policy\": \"lag\", \"maxHourlyCost\": \"unlimited\", \"launchShare\": 0.35,"
           " \"essentialReserve\": \"0.000001\", \"seed\": 9223372036854775807, \"breakers\": false}",
           &before);
    json_t *printed = config_print(&before);
    if (config_parse(printed, "printed", &after, &err) < 0)
        fail_msg("%s", err.text);
    json_t *again = config_print(&after);
    assert_true(json_equal(printed, again));
    assert_int_equal(after.tick.us, 250000);
    assert_int_equal(after.policy, POLICY_LAG);
    assert_string_equal(after.regions[1].endpoint, "https://ec2.example.com");
    json_decref(printed);
    json_decref(again);
}

static void endpoints_take_the_region(void **state)
{
    struct config c;
    char url[300];
    (void)state;
    accept("{\"ec2Endpoint\": \"https://{region}.ec2.example.com/{region}\"}", &c);
    config_ec2_endpoint(&c, "us-west-2", url, sizeof url);
    assert_string_equal(url, "https://us-west-2.ec2.example.com/us-west-2");
    config_ec2_endpoint(&c, "us-east-1", url, sizeof url);
    assert_string_equal(url, "https://ec2.example.com");
}

/* An EC2 that is not AWS's own has no Service Quotas that we could guess: it is not asked. */
static void quotas_are_asked_of_aws_alone_unless_told(void **state)
{
    struct config c;
    char url[300];
    (void)state;
    accept("{}", &c);
    config_quotas_endpoint(&c, "us-west-2", url, sizeof url);
    assert_string_equal(url, "https://servicequotas.us-west-2.amazonaws.com");
    config_quotas_endpoint(&c, "us-east-1", url, sizeof url); /* its own endpoint */
    assert_string_equal(url, "");
    accept("{\"ec2Endpoint\": \"https://{region}.ec2.example.com/\"}", &c);
    config_quotas_endpoint(&c, "us-west-2", url, sizeof url);
    assert_string_equal(url, "");
    accept("{\"quotasEndpoint\": \"\"}", &c);
    config_quotas_endpoint(&c, "us-west-2", url, sizeof url);
    assert_string_equal(url, "");
    accept("{\"quotasEndpoint\": \"http://127.0.0.1:1/q/{region}/\"}", &c);
    config_quotas_endpoint(&c, "us-west-2", url, sizeof url);
    assert_string_equal(url, "http://127.0.0.1:1/q/us-west-2/");
}

static void a_copied_configuration_owns_its_zones(void **state)
{
    struct config *first = malloc(sizeof *first), copy;
    struct region_zones zones[CONFIG_MAX_REGIONS];
    (void)state;
    accept("{}", first);
    copy = *first;
    strcpy(first->regions[0].zone_names[1], "gone");
    assert_int_equal(config_zones(&copy, zones), 2);
    assert_string_equal(zones[0].zones[1], "us-west-2b");
    assert_string_equal(config_region(&copy, "us-east-1")->zones[0], "us-east-1a");
    assert_null(config_region(&copy, "us-east-2"));
    free(first);
}

static void changes_that_need_a_restart_are_named(void **state)
{
    struct config before, after;
    char names[200];
    (void)state;
    accept("{}", &before);
    accept("{\"maxCapacity\": 3, \"policy\": \"lag\"}", &after);
    assert_int_equal(config_frozen_changes(&before, &after, names, sizeof names), 0);
    accept("{\"tick\": \"1s\", \"runDir\": \"/run/x\", \"regions\": [{\"name\": \"a\", \"zones\": [\"b\"]}]}", &after);
    assert_int_equal(config_frozen_changes(&before, &after, names, sizeof names), 3);
    assert_string_equal(names, "runDir, tick, regions");
}

/* ---- files ---- */

struct place {
    char directory[PATH_MAX], file[PATH_MAX + 32];
};

static void write_file(struct place *place, const char *changes)
{
    char name[] = "/tmp/config-XXXXXX";
    json_t *document = changed(changes);
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, place->directory));
    snprintf(place->file, sizeof place->file, "%s/provisiond.json", place->directory);
    assert_int_equal(json_dump_file(document, place->file, 0), 0);
    json_decref(document);
}

static void remove_file(struct place *place)
{
    unlink(place->file);
    rmdir(place->directory);
}

static void relative_paths_start_at_the_files_directory(void **state)
{
    struct place place;
    struct config c;
    struct error err = {0};
    char expected[PATH_MAX + 32];
    (void)state;
    write_file(&place, "{\"stateDir\": \"state\", \"amiSetsDir\": \"/etc/sets\"}");
    if (config_read(place.file, &c, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(expected, sizeof expected, "%s/workertypes.d", place.directory);
    assert_string_equal(c.worker_types_dir, expected);
    snprintf(expected, sizeof expected, "%s/state", place.directory);
    assert_string_equal(c.state_dir, expected);
    assert_string_equal(c.amisets_dir, "/etc/sets");
    remove_file(&place);
}

static void the_environment_stands_in_for_an_absent_root_url(void **state)
{
    struct place place;
    struct config c;
    struct error err = {0};
    (void)state;
    write_file(&place, "{\"rootUrl\": null}");
    unsetenv("TASKCLUSTER_ROOT_URL");
    assert_int_equal(config_read(place.file, &c, &err), -1);
    assert_non_null(strstr(err.text, "rootUrl: is missing"));
    setenv("TASKCLUSTER_ROOT_URL", "https://env.example.com", 1);
    assert_int_equal(config_read(place.file, &c, &err), 0);
    assert_string_equal(c.root_url, "https://env.example.com");
    unsetenv("TASKCLUSTER_ROOT_URL");
    remove_file(&place);
    assert_int_equal(config_read(place.file, &c, &err), -1);
    assert_int_equal(err.code, ERROR_LOCAL);
}

static void the_help_names_every_setting(void **state)
{
    char *text = NULL;
    size_t size = 0;
    struct config c;
    const char *name;
    json_t *value;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    config_help(out);
    fclose(out);
    accept("{}", &c);
    json_t *printed = config_print(&c);
    json_object_foreach(printed, name, value)
    {
        assert_non_null(value);
        if (!strstr(text, name))
            fail_msg("the help lacks %s", name);
    }
    json_decref(printed);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(every_fault_is_refused_with_file_path_and_sentence),
        cmocka_unit_test(the_longest_socket_path_has_at_most_107_bytes),
        cmocka_unit_test(words_stand_for_numbers),
        cmocka_unit_test(loopback_may_be_plain),
        cmocka_unit_test(print_reads_back_to_the_same_values),
        cmocka_unit_test(endpoints_take_the_region),
        cmocka_unit_test(quotas_are_asked_of_aws_alone_unless_told),
        cmocka_unit_test(a_copied_configuration_owns_its_zones),
        cmocka_unit_test(changes_that_need_a_restart_are_named),
        cmocka_unit_test(relative_paths_start_at_the_files_directory),
        cmocka_unit_test(the_environment_stands_in_for_an_absent_root_url),
        cmocka_unit_test(the_help_names_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
