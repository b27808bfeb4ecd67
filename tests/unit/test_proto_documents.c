/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_documents.c: docs/PROTOCOL.md and docs/STATUS.md are what the tables give now; and the word tables. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/control.h"
#include "proto/messages.h"
#include "proto/schema.h"
#include "proto/status_document.h"
#include "proto/words.h"

static char *read_whole(const char *path)
{
    char *text = NULL, piece[4096];
    size_t size = 0, got;
    FILE *in = fopen(path, "r"), *out = open_memstream(&text, &size);
    if (!in)
        fail_msg("%s cannot be read from the directory where the test runs: it must be the repository's root", path);
    while ((got = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, got, out);
    fclose(in);
    fclose(out);
    return text;
}

static void compare(const char *path, const char *tool, void (*write)(FILE *))
{
    char *made = NULL, *kept = read_whole(path);
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    write(out);
    fclose(out);
    if (strcmp(made, kept) != 0)
        fail_msg("%s is not what the tables give: run build/tools/%s > %s", path, tool, path);
    free(made);
    free(kept);
}

static void the_protocol_page_is_the_tables(void **state)
{
    (void)state;
    compare("docs/PROTOCOL.md", "protocol_document", message_document);
}

static void the_status_page_is_the_table(void **state)
{
    (void)state;
    compare("docs/STATUS.md", "status_document", status_document);
}

static void workertype_schema(FILE *out)
{
    schema_document("workertype", out);
}
static void amiset_schema(FILE *out)
{
    schema_document("amiset", out);
}
static void settings_file_schema(FILE *out)
{
    schema_document("settings", out);
}

static void the_schemas_are_the_tables(void **state)
{
    (void)state;
    compare("docs/schema/workertype.json", "schema_file workertype", workertype_schema);
    compare("docs/schema/amiset.json", "schema_file amiset", amiset_schema);
    compare("docs/schema/settings.json", "schema_file settings", settings_file_schema);
}

static void control_commands_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < CONTROL_COMMAND_COUNT; i++)
        assert_int_equal(control_command_of(control_row((enum control_command)i)->name), i);
    assert_int_equal(control_command_of("assume-empty"), CONTROL_assume_empty); /* as people write it */
    assert_int_equal(control_command_of("assume"), -1);
    assert_int_equal(control_command_of("freeze-"), -1);
    assert_int_equal(control_command_of(""), -1);
    assert_null(control_row(CONTROL_COMMAND_COUNT));
    assert_int_equal(control_row(CONTROL_reload)->needs_name, NAME_NONE);
}

static void words_and_values_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++)
        assert_int_equal(failure_of(failure_name((enum failure)i)), i);
    for (int i = 0; i < DENIAL_COUNT; i++)
        assert_int_equal(denial_of(denial_name((enum denial)i)), i);
    for (int i = 0; i < REASON_COUNT; i++)
        assert_int_equal(reason_of(reason_name((enum reason)i)), i);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        assert_int_equal(outcome_of(outcome_name((enum outcome)i)), i);
    assert_int_equal(market_of("on-demand"), MARKET_ON_DEMAND);
    assert_int_equal(market_of("on demand"), -1);
    assert_int_equal(failure_of(NULL), -1);
    assert_string_equal(market_name((enum market)99), "?");
}

/* Case B29: a state word that is not known occupies. */
static void a_strange_instance_state_occupies(void **state)
{
    (void)state;
    assert_int_equal(instance_state_of("hibernating"), INSTANCE_UNREADABLE);
    assert_true(instance_state_occupies(instance_state_of("hibernating")));
    assert_true(instance_state_occupies(INSTANCE_SHUTTING_DOWN));
    assert_true(instance_state_occupies(INSTANCE_STOPPED));
    assert_false(instance_state_occupies(INSTANCE_TERMINATED));
}

static void placements_are_compared_and_written(void **state)
{
    struct placement a = {"us-west-2", "us-west-2a", "m3.large", MARKET_SPOT}, b = a;
    char text[200], small[8];
    (void)state;
    assert_true(placement_equal(&a, &b));
    b.market = MARKET_ON_DEMAND;
    assert_false(placement_equal(&a, &b));
    placement_format(&a, text, sizeof text);
    assert_string_equal(text, "us-west-2a/m3.large/spot");
    placement_format(&a, small, sizeof small);
    assert_string_equal(small, "us-west");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_protocol_page_is_the_tables),     cmocka_unit_test(the_status_page_is_the_table),
        cmocka_unit_test(the_schemas_are_the_tables),          cmocka_unit_test(control_commands_are_found_by_name),
        cmocka_unit_test(words_and_values_go_both_ways),       cmocka_unit_test(a_strange_instance_state_occupies),
        cmocka_unit_test(placements_are_compared_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
