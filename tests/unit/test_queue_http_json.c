/* SPDX-License-Identifier: MPL-2.0 */
/* test_queue_http_json.c: counts out of other systems' JSON; what is not exactly a count is a failure, never zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "worker/queue/http_json.h"

static int parse(const char *pending, const char *claimed, const char *oldest, const char *body, int64_t counts[2],
                 struct wall *since, struct error *err)
{
    struct http_json source = {0};

    text_copy(source.pending, sizeof source.pending, pending);
    text_copy(source.claimed, sizeof source.claimed, claimed);
    text_copy(source.oldest, sizeof source.oldest, oldest);
    counts[0] = counts[1] = -7;
    return http_json_parse(&source, body, strlen(body), &counts[0], &counts[1], since, err);
}

static void pointers_are_those_of_rfc_6901(void **state)
{
    static const char text[] =
        "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";
    static const struct {
        const char *pointer;
        int value;
    } rows[] = {{"/", 0}, {"/a~1b", 1}, {"/c%d", 2}, {"/k\"l", 6}, {"/ ", 7}, {"/m~0n", 8}};
    json_t *document = json_loads(text, 0, NULL);

    (void)state;
    assert_non_null(document);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(json_integer_value(http_json_at(document, rows[i].pointer)), rows[i].value);
    assert_ptr_equal(http_json_at(document, ""), document);
    assert_string_equal(json_string_value(http_json_at(document, "/foo/0")), "bar");
    assert_null(http_json_at(document, "/foo/2"));
    assert_null(http_json_at(document, "/foo/-1"));
    assert_null(http_json_at(document, "/foo/x"));
    assert_null(http_json_at(document, "/foo/0/deeper"));
    assert_null(http_json_at(document, "foo"));
    json_decref(document);
}

static void counts_and_times_are_read(void **state)
{
    int64_t counts[2];
    struct wall since;
    struct error err;

    (void)state;
    assert_int_equal(parse("/q/waiting", "/q/running", "/q/since",
                           "{\"q\": {\"waiting\": 3, \"running\": 4, \"since\": \"2016-07-21T20:06:00Z\"}}", counts,
                           &since, &err),
                     0);
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 4);
    assert_int_equal(since.ms, INT64_C(1469131560000));
    assert_int_equal(parse("/a/0", "", "/a/1", "{\"a\": [1, 1469131560.5]}", counts, &since, &err), 0);
    assert_int_equal(counts[1], -1);
    assert_int_equal(since.ms, INT64_C(1469131560500));
    assert_int_equal(parse("/0", "", "", "[0]", counts, &since, &err), 0);
    assert_int_equal(counts[0], 0);
    assert_int_equal(parse("/n", "", "/t", "{\"n\": 0, \"t\": null}", counts, &since, &err), 0);
    assert_int_equal(since.ms, 0);
}

static void what_is_no_count_is_refused(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "{\"n\": null}",
                                         "{\"n\": \"3\"}",
                                         "{\"n\": 3.0}",
                                         "{\"n\": -1}",
                                         "{\"n\": true}",
                                         "{\"n\": [1]}",
                                         "{\"n\": 99999999999}",
                                         "",
                                         "<html>",
                                         "{\"n\": 1, \"t\": \"yesterday\"}",
                                         "{\"n\": 1, \"t\": null}",
                                         "{\"n\": 1}"};
    int64_t counts[2];
    struct wall since;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (parse("/n", "", "/t", bodies[i], counts, &since, &err) != -1)
            fail_msg("%s was read", bodies[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_are_those_of_rfc_6901),
        cmocka_unit_test(counts_and_times_are_read),
        cmocka_unit_test(what_is_no_count_is_refused),
    };
    return cmocka_run_group_tests_name("http-json demand", tests, NULL, NULL);
}
