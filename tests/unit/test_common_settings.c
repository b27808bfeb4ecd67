/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_settings.c: a table of every kind: defaults, faults with their place, and print -> parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/money.h"
#include "common/settings.h"

struct values {
    char name[16];
    char endpoint[64];
    int64_t lots;
    double share;
    bool enabled;
    struct span poll;
    struct money cap, floor;
    int policy;
};

#define AT(member) offsetof(struct values, member)
static const char *const policies[] = {"round-robin", "lag", NULL};
static const struct setting table[] = {
    {"name", SETTING_STRING, AT(name), 1, 16, NULL, NULL, NULL, 0, "What it is called."},
    {"ec2.endpoint", SETTING_STRING, AT(endpoint), 0, 64, "", NULL, NULL, 0, "Where EC2 is."},
    {"ec2.lots", SETTING_INTEGER, AT(lots), 1, 10, "5", NULL, "instances", 1, "How many."},
    {"ec2.limits.share", SETTING_NUMBER, AT(share), 0, 1, "0.8", NULL, NULL, 1, "How much."},
    {"enabled", SETTING_BOOL, AT(enabled), 0, 1, "true", NULL, NULL, 1, "Whether."},
    {"poll", SETTING_SPAN, AT(poll), 1000000, 60000000, "10s", NULL, "seconds", 1, "How often."},
    {"cap", SETTING_MONEY, AT(cap), 0, INT64_MAX, "unlimited", NULL, "dollars per hour", 1, "How dear."},
    {"floor", SETTING_MONEY, AT(floor), 0, 5000000, "0.0031", NULL, "dollars", 0, "How cheap."},
    {"policy", SETTING_CHOICE, AT(policy), 0, 0, "lag", policies, NULL, 1, "Which way."},
    {NULL, SETTING_STRING, 0, 0, 0, NULL, NULL, NULL, 0, NULL},
};
static const char *const also[] = {"include", NULL};

static int parse(const char *text, struct values *values, struct error *err)
{
    json_t *document = json_read_text("c", text, strlen(text), err);

    if (!document)
        fail_msg("%s: %s", text, err->text);
    int result = settings_parse(table, document, "c.json", also, values, err);
    json_decref(document);
    return result;
}

static void defaults_are_what_the_table_says(void **state)
{
    struct values values;

    (void)state;
    memset(&values, 0xff, sizeof values);
    assert_int_equal(settings_defaults(table, &values, NULL), 0);
    assert_string_equal(values.name, "");
    assert_string_equal(values.endpoint, "");
    assert_int_equal(values.lots, 5);
    assert_true(values.share == 0.8);
    assert_true(values.enabled);
    assert_int_equal(values.poll.us, 10000000);
    assert_int_equal(values.cap.micros, INT64_MAX);
    assert_int_equal(values.floor.micros, 3100);
    assert_int_equal(values.policy, 1);
}

static void a_wrong_table_says_so(void **state)
{
    static const struct setting wrong[][2] = {
        {{"a", SETTING_INTEGER, AT(lots), 1, 10, "11", NULL, NULL, 0, ""}, {0}},
        {{"a", SETTING_INTEGER, AT(lots), 1, 10, "x", NULL, NULL, 0, ""}, {0}},
        {{"a", SETTING_SPAN, AT(poll), 1, 10, "1s", NULL, NULL, 0, ""}, {0}},
        {{"a", SETTING_MONEY, AT(cap), 0, 10, "unlimited", NULL, NULL, 0, ""}, {0}},
        {{"a", SETTING_CHOICE, AT(policy), 0, 0, "none", policies, NULL, 0, ""}, {0}},
        {{"a", SETTING_STRING, AT(name), 0, 4, "long", NULL, NULL, 0, ""}, {0}},
    };
    struct values values;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(settings_defaults(wrong[i], &values, &err), -1);
        assert_memory_equal(err.text, "default: a: ", 12);
    }
}

static void a_document_goes_over_the_defaults(void **state)
{
    struct values values;
    struct error err;

    (void)state;
    assert_int_equal(parse("{\"name\":\"n\",\"ec2\":{\"lots\":7,\"limits\":{\"share\":0}},\"enabled\":false,"
                           "\"poll\":\"250s\",\"include\":[1]}",
                           &values, &err),
                     -1);
    assert_string_equal(err.text, "c.json: poll: must be from 1s to 1m");
    assert_int_equal(parse("{\"name\":\"n\",\"ec2\":{\"lots\":7,\"limits\":{\"share\":0}},\"enabled\":false,"
                           "\"poll\":2.5,\"cap\":1.5,\"policy\":\"round-robin\",\"include\":[1]}",
                           &values, &err),
                     0);
    assert_string_equal(values.name, "n");
    assert_int_equal(values.lots, 7);
    assert_true(values.share == 0);
    assert_false(values.enabled);
    assert_int_equal(values.poll.us, 2500000);
    assert_int_equal(values.cap.micros, 1500000);
    assert_int_equal(values.floor.micros, 3100);
    assert_int_equal(values.policy, 0);
}

static void faults_name_file_path_and_remedy(void **state)
{
    static const struct {
        const char *text, *complaint;
    } known[] = {
        {"{}", "c.json: name: is missing"},
        {"{\"name\":\"\"}", "c.json: name: must not be empty"},
        {"{\"name\":\"0123456789abcdef\"}", "c.json: name: must have 1 to 15 characters, not 16"},
        {"{\"name\":\"n\",\"polls\":1}", "c.json: polls: is not a known setting; did you mean \"poll\"?"},
        {"{\"name\":\"n\",\"zebra\":1}", "c.json: zebra: is not a known setting"},
        {"{\"name\":\"n\",\"includes\":1}", "c.json: includes: is not a known setting; did you mean \"include\"?"},
        {"{\"name\":\"n\",\"ec2\":{\"endpiont\":\"\"}}",
         "c.json: ec2.endpiont: is not a known setting; did you mean \"endpoint\"?"},
        {"{\"name\":\"n\",\"ec2\":{\"name\":\"\"}}", "c.json: ec2.name: is not a known setting"},
        {"{\"name\":\"n\",\"ec2\":{\"include\":\"\"}}", "c.json: ec2.include: is not a known setting"},
        {"{\"name\":\"n\",\"ec2.lots\":3}", "c.json: ec2.lots: is not a known setting"},
        {"{\"name\":\"n\",\"ec2\":3}", "c.json: ec2: must be an object"},
        {"{\"name\":\"n\",\"ec2\":{\"limits\":{\"share\":2}}}", "c.json: ec2.limits.share: must be from 0 to 1"},
        {"{\"name\":\"n\",\"ec2\":{\"lots\":\"3\"}}", "c.json: ec2.lots: must be a whole number"},
        {"{\"name\":\"n\",\"enabled\":1}", "c.json: enabled: must be true or false"},
        {"{\"name\":\"n\",\"floor\":\"unlimited\"}",
         "c.json: floor: must be an amount of dollars with at most six decimals"},
        {"{\"name\":\"n\",\"floor\":5.000001}", "c.json: floor: must be from 0.00 to 5.00"},
        {"{\"name\":\"n\",\"cap\":-1}", "c.json: cap: must be from 0.00 to 9223372036854.775807"},
        {"{\"name\":\"n\",\"policy\":\"fair\"}", "c.json: policy: must be one of \"round-robin\", \"lag\""},
        {"{\"name\":\"n\",\"poll\":null}",
         "c.json: poll: must be a length of time such as \"10s\", \"250ms\", \"20m\" or \"96h\""},
        {"[]", "c.json: must be an object"},
    };
    struct values values;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(parse(known[i].text, &values, &err), -1);
        assert_string_equal(err.text, known[i].complaint);
    }
}

static void check_round_trip(const char *text)
{
    struct values first, second;
    struct error err = {0};

    if (parse(text, &first, &err) != 0)
        fail_msg("%s", err.text);
    json_t *printed = settings_print(table, &first);
    char *again = json_dumps(printed, 0);
    json_decref(printed);
    if (parse(again, &second, &err) != 0)
        fail_msg("%s: %s", again, err.text);
    assert_string_equal(first.name, second.name);
    assert_string_equal(first.endpoint, second.endpoint);
    assert_int_equal(first.lots, second.lots);
    assert_true(first.share == second.share);
    assert_int_equal(first.enabled, second.enabled);
    assert_int_equal(first.poll.us, second.poll.us);
    assert_int_equal(first.cap.micros, second.cap.micros);
    assert_int_equal(first.floor.micros, second.floor.micros);
    assert_int_equal(first.policy, second.policy);
    free(again);
}

static void what_is_printed_parses_to_the_same_values(void **state)
{
    (void)state;
    check_round_trip("{\"name\":\"n\"}");
    check_round_trip("{\"name\":\"\xc3\xa9\\n\\\"\",\"ec2\":{\"endpoint\":\"http://x\",\"lots\":10,"
                     "\"limits\":{\"share\":0.1}},\"enabled\":false,\"poll\":1.000001,\"cap\":\"0.000001\","
                     "\"floor\":4.999999,\"policy\":\"round-robin\"}");
    check_round_trip("{\"name\":\"n\",\"ec2\":{\"limits\":{\"share\":0.3333333333333333}},\"cap\":9223372036854}");
}

static void dotted_names_are_printed_nested(void **state)
{
    struct values values;
    struct error err;

    (void)state;
    assert_int_equal(parse("{\"name\":\"n\"}", &values, &err), 0);
    values.share = 0.5;
    json_t *printed = settings_print(table, &values);
    char *text = json_text(printed);
    assert_string_equal(text,
                        "{\"cap\":\"unlimited\",\"ec2\":{\"endpoint\":\"\",\"limits\":{\"share\":0.5},\"lots\":5},"
                        "\"enabled\":true,\"floor\":\"0.0031\",\"name\":\"n\",\"policy\":\"lag\","
                        "\"poll\":\"10s\"}");
    free(text);
    json_decref(printed);
}

static void a_reload_may_change_only_what_it_may(void **state)
{
    struct values before, after;
    struct error err;
    char names[64], little[8];

    (void)state;
    assert_int_equal(parse("{\"name\":\"n\"}", &before, &err), 0);
    assert_int_equal(parse("{\"name\":\"n\",\"poll\":5,\"enabled\":false,\"ec2\":{\"lots\":3},\"cap\":1,"
                           "\"policy\":\"round-robin\"}",
                           &after, &err),
                     0);
    assert_int_equal(settings_frozen_changes(table, &before, &after, names, sizeof names), 0);
    assert_string_equal(names, "");
    assert_int_equal(parse("{\"name\":\"m\",\"poll\":5,\"floor\":1,\"ec2\":{\"endpoint\":\"x\"}}", &after, &err), 0);
    assert_int_equal(settings_frozen_changes(table, &before, &after, names, sizeof names), 3);
    assert_string_equal(names, "name, ec2.endpoint, floor");
    assert_int_equal(settings_frozen_changes(table, &before, &after, little, sizeof little), 3);
    assert_string_equal(little, "name, e");
}

static void the_help_has_a_paragraph_for_each(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    settings_help(table, out);
    fclose(out);
    assert_non_null(strstr(text, "name (must be given, needs a restart)\n    What it is called.\n\n"));
    assert_non_null(strstr(text, "ec2.endpoint (default empty, needs a restart)\n    Where EC2 is.\n\n"));
    assert_non_null(strstr(text, "cap (default unlimited, dollars per hour)\n    How dear.\n\n"));
    assert_non_null(strstr(text, "policy (default lag, one of round-robin | lag)\n    Which way.\n\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_what_the_table_says),
        cmocka_unit_test(a_wrong_table_says_so),
        cmocka_unit_test(a_document_goes_over_the_defaults),
        cmocka_unit_test(faults_name_file_path_and_remedy),
        cmocka_unit_test(what_is_printed_parses_to_the_same_values),
        cmocka_unit_test(dotted_names_are_printed_nested),
        cmocka_unit_test(a_reload_may_change_only_what_it_may),
        cmocka_unit_test(the_help_has_a_paragraph_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
