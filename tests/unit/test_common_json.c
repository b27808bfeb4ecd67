/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_json.c: documents that are refused, and where the messages say the fault is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/json.h"

static json_t *read_good(const char *text)
{
    struct error err = {0};
    json_t *value = json_read_text("t", text, strlen(text), &err);

    if (!value)
        fail_msg("%s: %s", text, err.text);
    return value;
}

static void bad_documents_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text, *complaint;
    } bad[] = {
        {"{\"a\":1,\"a\":2}", "duplicate object key"},
        {"{\"a\":1e400}", "real number overflow"},
        {"{\"a\":9223372036854775808}", "too big integer"},
        {"{\"a\":-9223372036854775809}", "too big negative integer"},
        {"{\"a\":\"\\u0000\"}", "not allowed"},
        {"{\"a\":1} x", "end of file expected"},
        {"{\"a\":1}{\"b\":1}", "end of file expected"},
        {"{\"a\":\"\xff\"}", "unable to decode byte 0xff"},
        {"{\"a\":01}", "invalid token"},
        {"{\"a\":NaN}", "invalid token"},
        {"{\"a\":1,}", "string or"},
        {"[1,2", "']' expected"},
        {"", "'[' or '{' expected"},
        {"7", "'[' or '{' expected"},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("# %s\n", bad[i].text);
        assert_null(json_read_text("msg", bad[i].text, strlen(bad[i].text), &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_memory_equal(err.text, "msg: line 1, column ", 20);
        if (!strstr(err.text, bad[i].complaint))
            fail_msg("no \"%s\" in: %s", bad[i].complaint, err.text);
    }
    assert_null(json_read_text("msg", "{\"a\":1}\0", 8, &err)); /* a NUL byte after the end */
    assert_null(json_read_text("msg", "{\"a\0\":1}", 8, NULL));
}

static void a_message_is_not_quoted_in_its_error(void **state)
{
    static const char text[] = "{\"a\": \"s3cr3t\" \"s3cr3t\"}";
    struct error err;

    (void)state;
    assert_null(json_read_text("msg", text, strlen(text), &err));
    assert_null(strstr(err.text, "s3cr3t"));
}

static void a_depth_bomb_is_refused(void **state)
{
    const size_t depth = 1000000;
    char *bomb = malloc(depth);
    struct error err;

    (void)state;
    memset(bomb, '[', depth);
    assert_null(json_read_text("bomb", bomb, depth, &err));
    assert_non_null(strstr(err.text, "maximum parsing depth reached"));
    free(bomb);
}

static void the_largest_integers_are_exact(void **state)
{
    json_t *object = read_good("{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
    struct json_at root = json_at_root("t");
    int64_t value = 0;

    (void)state;
    assert_int_equal(json_get_integer(object, &root, "a", true, INT64_MIN, INT64_MAX, &value, NULL), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(json_get_integer(object, &root, "b", true, INT64_MIN, INT64_MAX, &value, NULL), 0);
    assert_true(value == INT64_MIN);
    json_decref(object);
}

/* A new file in a directory of its own; returns its path. */
static const char *write_file(const char *text, size_t size)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/test_common_json.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
    return path;
}

static void files_are_read_up_to_their_limit(void **state)
{
    struct error err;
    const char *path = write_file("{\n \"a\": 1\n}\n", 12);

    (void)state;
    json_t *value = json_read_file(path, 12, &err);
    assert_non_null(value);
    json_decref(value);
    assert_null(json_read_file(path, 11, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "is over 11 bytes"));
    unlink(path);
    assert_null(json_read_file(path, 100, &err));
    assert_int_equal(err.code, ERROR_LOCAL);
    assert_non_null(strstr(err.text, "No such file"));
    path = write_file("{\n \"a\": oops\n}\n", 15);
    assert_null(json_read_file(path, 100, &err));
    assert_non_null(strstr(err.text, ": line 2, column "));
    assert_non_null(strstr(err.text, "near 'oops'"));
    unlink(path);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
    struct error err;
    char path[] = "/tmp/test_common_json_dir.XXXXXX", fifo[64];

    (void)state;
    alarm(60);
    assert_non_null(mkdtemp(path));
    assert_null(json_read_file(path, 100, &err));
    assert_non_null(strstr(err.text, "is not a regular file"));
    snprintf(fifo, sizeof fifo, "%s/fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(json_read_file(fifo, 100, &err)); /* would wait for a writer for ever */
    assert_non_null(strstr(err.text, "is not a regular file"));
    unlink(fifo);
    rmdir(path);
    alarm(0);
}

static void complaints_name_file_and_path(void **state)
{
    struct json_at root = json_at_root("workertypes.d/foo.json");
    struct json_at regions = json_at_member(&root, "regions");
    struct json_at second = json_at_index(&regions, 1);
    struct json_at spec = json_at_member(&second, "launchSpec");
    struct json_at image = json_at_member(&spec, "ImageId");
    struct json_at nameless = json_at_root(NULL);
    struct error err;

    (void)state;
    assert_int_equal(json_complain(&image, &err, "must be %s", "text"), -1);
    assert_string_equal(err.text, "workertypes.d/foo.json: regions[1].launchSpec.ImageId: must be text");
    assert_int_equal(err.code, ERROR_INPUT);
    json_complain(&root, &err, "is empty");
    assert_string_equal(err.text, "workertypes.d/foo.json: is empty");
    json_complain(&nameless, &err, "is empty");
    assert_string_equal(err.text, "is empty");
    assert_int_equal(json_complain(&image, NULL, "x"), -1);
}

static void deep_paths_are_cut_without_harm(void **state)
{
    static struct json_at chain[100];
    struct error err;

    (void)state;
    chain[0] = json_at_root("f");
    for (int i = 1; i < 100; i++)
        chain[i] = json_at_member(&chain[i - 1], "a-rather-long-member-name");
    json_complain(&chain[99], &err, "is wrong");
    assert_memory_equal(err.text, "f: a-rather-long-member-name.a-rather", 37);
    assert_non_null(strstr(err.text, ": is wrong"));
}

static void unknown_members_come_with_a_suggestion(void **state)
{
    static const char *const allowed[] = {"ImageId", "minCapacity", "maxCapacity", "ami", NULL};
    struct json_at root = json_at_root("f"), spec = json_at_member(&root, "spec");
    json_t *object = read_good("{\"ami\":1,\"maxcapacity\":1}");
    json_t *strange = read_good("{\"zebra\":1}");
    struct error err;

    (void)state;
    assert_int_equal(json_only_members(object, &spec, allowed, &err), -1);
    assert_string_equal(err.text, "f: spec.maxcapacity: is not a known name; did you mean \"maxCapacity\"?");
    assert_int_equal(json_only_members(strange, &spec, allowed, &err), -1);
    assert_string_equal(err.text, "f: spec.zebra: is not a known name");
    json_object_del(object, "maxcapacity");
    assert_int_equal(json_only_members(object, &spec, allowed, &err), 0);
    assert_int_equal(json_only_members(json_object_get(object, "ami"), &spec, allowed, &err), -1);
    assert_string_equal(err.text, "f: spec: must be an object");
    json_decref(object);
    json_decref(strange);
}

static void suggestions_are_near_or_not_made(void **state)
{
    static const char *const allowed[] = {"ImageId", "minCapacity", "maxCapacity", "ami", NULL};
    static const char *const none[] = {NULL};

    (void)state;
    assert_string_equal(json_suggest("imageid", allowed), "ImageId");
    assert_string_equal(json_suggest("maxCapacty", allowed), "maxCapacity");
    assert_string_equal(json_suggest("min_capacity", allowed), "minCapacity");
    assert_string_equal(json_suggest("amu", allowed), "ami");
    assert_null(json_suggest("abc", allowed)); /* two of three letters */
    assert_null(json_suggest("imgid", none));
    assert_null(json_suggest("", allowed));
    assert_null(
        json_suggest("a-word-of-more-than-sixty-four-letters-is-near-to-nothing-whatsoever-in-the-list", allowed));
}

#define BAD(call, complaint)                                                                                           \
    do {                                                                                                               \
        assert_int_equal((call), -1);                                                                                  \
        assert_string_equal(err.text, "f: " complaint);                                                                \
    } while (0)

static void members_are_typed_and_ranged(void **state)
{
    json_t *object = read_good("{\"s\":\"text\",\"e\":\"\",\"i\":5,\"r\":5.5,\"t\":true,\"o\":{},\"l\":[],\"n\":null}");
    struct json_at at = json_at_root("f");
    struct error err;
    const char *text = "untouched";
    int64_t whole = 77;
    double number = 77;
    bool flag = false;
    json_t *inner = NULL;

    (void)state;
    assert_int_equal(json_get_string(object, &at, "s", true, 1, 4, &text, &err), 0);
    assert_string_equal(text, "text");
    BAD(json_get_string(object, &at, "s", true, 1, 3, &text, &err), "s: must have 1 to 3 characters, not 4");
    BAD(json_get_string(object, &at, "e", true, 1, 3, &text, &err), "e: must not be empty");
    BAD(json_get_string(object, &at, "i", true, 1, 3, &text, &err), "i: must be text");
    BAD(json_get_string(object, &at, "n", false, 1, 3, &text, &err), "n: must be text");
    BAD(json_get_string(object, &at, "absent", true, 1, 3, &text, &err), "absent: is missing");
    assert_int_equal(json_get_string(object, &at, "absent", false, 1, 3, &text, &err), 0);
    assert_string_equal(text, "text");
    assert_int_equal(json_get_integer(object, &at, "i", true, 5, 5, &whole, &err), 0);
    assert_int_equal(whole, 5);
    BAD(json_get_integer(object, &at, "i", true, 6, 9, &whole, &err), "i: must be from 6 to 9");
    BAD(json_get_integer(object, &at, "r", true, 0, 9, &whole, &err), "r: must be a whole number");
    assert_int_equal(json_get_number(object, &at, "i", true, 0, 9, &number, &err), 0);
    assert_int_equal(json_get_number(object, &at, "r", true, 0, 9, &number, &err), 0);
    assert_true(number == 5.5);
    BAD(json_get_number(object, &at, "r", true, 0, 5, &number, &err), "r: must be from 0 to 5");
    BAD(json_get_number(object, &at, "s", true, 0, 5, &number, &err), "s: must be a number");
    assert_int_equal(json_get_bool(object, &at, "t", true, &flag, &err), 0);
    assert_true(flag);
    BAD(json_get_bool(object, &at, "i", true, &flag, &err), "i: must be true or false");
    assert_int_equal(json_get_object(object, &at, "o", true, &inner, &err), 0);
    BAD(json_get_object(object, &at, "l", true, &inner, &err), "l: must be an object");
    assert_int_equal(json_get_array(object, &at, "l", true, &inner, &err), 0);
    BAD(json_get_array(object, &at, "o", true, &inner, &err), "o: must be a list");
    BAD(json_get_bool(inner, &at, "t", true, &flag, &err), "must be an object");
    json_decref(object);
}

static int money_of(const char *value, int64_t *micros)
{
    char text[96];
    struct json_at at = json_at_root("f");
    struct money money = MONEY_ZERO;

    snprintf(text, sizeof text, "{\"m\":%s}", value);
    json_t *object = read_good(text);
    int result = json_get_money(object, &at, "m", true, &money, NULL);
    *micros = money.micros;
    json_decref(object);
    return result;
}

static void money_is_exact_from_numbers_and_texts(void **state)
{
    static const struct {
        const char *value;
        int64_t micros;
    } good[] = {
        {"0.0031", 3100},
        {"\"0.0031\"", 3100},
        {"12", 12000000},
        {"0.1", 100000},
        {"1e-6", 1},
        {"3.10", 3100000},
        {"0.0", 0},
        {"-0.5", -500000},
        {"1234567.654321", INT64_C(1234567654321)},
        {"4294967295.999999", INT64_C(4294967295999999)},
        {"4294967295.000001", INT64_C(4294967295000001)},
        {"9223372036854", INT64_C(9223372036854000000)},
    };
    static const char *const bad[] = {"0.0000001", "1e300", "9223372036855", "\"x\"",  "true",
                                      "null",      "[]",    "4294967296.5",  "\"1e3\""};
    int64_t micros;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        print_message("# %s\n", good[i].value);
        assert_int_equal(money_of(good[i].value, &micros), 0);
        assert_int_equal(micros, good[i].micros);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("# refused: %s\n", bad[i]);
        assert_int_equal(money_of(bad[i], &micros), -1);
    }
}

static void spans_are_texts_or_seconds(void **state)
{
    json_t *object =
        read_good("{\"t\":\"250ms\",\"i\":20,\"r\":0.25,\"neg\":-1,\"big\":1e300,\"w\":\"soon\",\"b\":true}");
    static const char *const bad[] = {"neg", "big", "w", "b"};
    struct json_at at = json_at_root("f");
    struct span span = {7};
    struct error err;

    (void)state;
    assert_int_equal(json_get_span(object, &at, "absent", false, &span, &err), 0);
    assert_int_equal(span.us, 7);
    assert_int_equal(json_get_span(object, &at, "t", true, &span, &err), 0);
    assert_int_equal(span.us, 250000);
    assert_int_equal(json_get_span(object, &at, "i", true, &span, &err), 0);
    assert_int_equal(span.us, 20000000);
    assert_int_equal(json_get_span(object, &at, "r", true, &span, &err), 0);
    assert_int_equal(span.us, 250000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(json_get_span(object, &at, bad[i], true, &span, &err), -1);
    json_decref(object);
}

static void hashes_do_not_depend_on_order_or_blanks(void **state)
{
    json_t *first = read_good("{\"a\":1,\"b\":[1,2]}"), *second = read_good("{ \"b\": [1, 2], \"a\": 1 }");
    json_t *third = read_good("{\"a\":1,\"b\":[2,1]}");
    char one[65], two[65], three[65];

    (void)state;
    char *text = json_text(second);
    assert_string_equal(text, "{\"a\":1,\"b\":[1,2]}");
    free(text);
    json_sha256(first, one);
    json_sha256(second, two);
    json_sha256(third, three);
    assert_string_equal(one, two);
    assert_string_not_equal(one, three);
    /* sha256sum of the text above */
    assert_string_equal(one, "8baa73198470c7bb4c3ce142a8fd651affc0310d878bb9bd159e37a573fb4874");
    json_decref(first);
    json_decref(second);
    json_decref(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_documents_are_refused_with_their_place),
        cmocka_unit_test(a_message_is_not_quoted_in_its_error),
        cmocka_unit_test(a_depth_bomb_is_refused),
        cmocka_unit_test(the_largest_integers_are_exact),
        cmocka_unit_test(files_are_read_up_to_their_limit),
        cmocka_unit_test(what_is_no_file_is_refused_at_once),
        cmocka_unit_test(complaints_name_file_and_path),
        cmocka_unit_test(deep_paths_are_cut_without_harm),
        cmocka_unit_test(unknown_members_come_with_a_suggestion),
        cmocka_unit_test(suggestions_are_near_or_not_made),
        cmocka_unit_test(members_are_typed_and_ranged),
        cmocka_unit_test(money_is_exact_from_numbers_and_texts),
        cmocka_unit_test(spans_are_texts_or_seconds),
        cmocka_unit_test(hashes_do_not_depend_on_order_or_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
