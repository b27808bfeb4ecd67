/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_error.c: one error is filled, prefixed and cut without harm. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/error.h"

static void an_error_has_its_class_and_sentence(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(error_set(&err, ERROR_INPUT, "%s is %d", "seven", 7), -1);
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(err.text, "seven is 7");
    error_clear(&err);
    assert_int_equal(err.code, ERROR_NONE);
    assert_string_equal(err.text, "");
}

static void errno_is_named_and_kept(void **state)
{
    struct error err;

    (void)state;
    errno = ENOENT;
    assert_int_equal(error_set_errno(&err, ERROR_LOCAL, "open %s", "/x"), -1);
    assert_string_equal(err.text, "open /x: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void prefixes_come_before_the_text_and_leave_the_class(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, ERROR_REMOTE, "refused");
    assert_int_equal(error_prefix(&err, "region %s", "us-east-1"), -1);
    assert_string_equal(err.text, "region us-east-1: refused");
    assert_int_equal(err.code, ERROR_REMOTE);
}

static void a_text_may_be_made_from_itself(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, ERROR_INPUT, "inner");
    error_set(&err, ERROR_INPUT, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void nobody_listening_is_no_fault(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_INPUT, "x"), -1);
    assert_int_equal(error_set_errno(NULL, ERROR_INPUT, "x"), -1);
    assert_int_equal(error_prefix(NULL, "x"), -1);
    error_clear(NULL);
}

static void long_texts_are_cut_and_terminated(void **state)
{
    struct error err;
    char long_text[2000];

    (void)state;
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    error_set(&err, ERROR_INPUT, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "prefix");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "prefix: aaa", 11);
    error_prefix(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    errno = EIO;
    error_set_errno(&err, ERROR_LOCAL, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_its_class_and_sentence),
        cmocka_unit_test(errno_is_named_and_kept),
        cmocka_unit_test(prefixes_come_before_the_text_and_leave_the_class),
        cmocka_unit_test(a_text_may_be_made_from_itself),
        cmocka_unit_test(nobody_listening_is_no_fault),
        cmocka_unit_test(long_texts_are_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
