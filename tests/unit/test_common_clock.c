/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_clock.c: saturating times, and their texts there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

#define MONO(n) ((struct mono){n})

static void sums_saturate_and_never_stays_never(void **state)
{
    (void)state;
    assert_int_equal(mono_add(MONO(5), SPAN_US(7)).us, 12);
    assert_int_equal(mono_sub(MONO(5), SPAN_US(7)).us, -2);
    assert_int_equal(mono_add(MONO_NEVER, SPAN_US(-7)).us, INT64_MAX);
    assert_int_equal(mono_sub(MONO_NEVER, SPAN_US(7)).us, INT64_MAX);
    assert_int_equal(mono_add(MONO(INT64_MAX - 1), SPAN_US(2)).us, INT64_MAX);
    assert_int_equal(mono_sub(MONO(INT64_MIN + 1), SPAN_US(2)).us, INT64_MIN);
    assert_int_equal(mono_sub(MONO(1), SPAN_US(INT64_MIN)).us, INT64_MAX);
}

static void intervals_are_never_negative(void **state)
{
    (void)state;
    assert_int_equal(mono_since(MONO(3), MONO(10)).us, 7);
    assert_int_equal(mono_since(MONO(10), MONO(3)).us, 0);
    assert_int_equal(mono_since(MONO(INT64_MIN), MONO(INT64_MAX)).us, INT64_MAX);
}

static void a_deadline_is_reached_on_the_dot_and_never_never(void **state)
{
    (void)state;
    assert_true(mono_reached(MONO(5), MONO(5)));
    assert_false(mono_reached(MONO(6), MONO(5)));
    assert_true(mono_reached(MONO_ZERO, MONO(1)));
    assert_false(mono_reached(MONO_NEVER, MONO(INT64_MAX)));
    assert_true(mono_before(MONO(5), MONO(6)));
    assert_false(mono_before(MONO(6), MONO(6)));
    assert_int_equal(mono_min(MONO(5), MONO_NEVER).us, 5);
    assert_int_equal(mono_max(MONO(5), MONO_ZERO).us, 5);
    assert_true(mono_is_set(MONO(1)));
    assert_false(mono_is_set(MONO_ZERO));
    assert_false(mono_is_set(MONO_NEVER));
}

static void the_clocks_run(void **state)
{
    struct mono first = clock_now(), second = clock_now();

    (void)state;
    assert_true(mono_is_set(first));
    assert_false(mono_before(second, first));
    assert_true(clock_wall().ms > INT64_C(1469131560000)); /* 2016-07-21 is over */
}

static void spans_scale_and_saturate(void **state)
{
    (void)state;
    assert_int_equal(span_scale(SPAN_SECONDS(2), 1.5).us, 3000000);
    assert_int_equal(span_scale(SPAN_US(INT64_MAX), 2).us, INT64_MAX);
    assert_int_equal(span_scale(SPAN_US(INT64_MAX), 1).us, INT64_MAX);
    assert_int_equal(span_scale(SPAN_US(INT64_MAX), -2).us, INT64_MIN);
    assert_int_equal(span_scale(SPAN_SECONDS(2), __builtin_nan("")).us, 2000000);
    assert_int_equal(span_min(SPAN_US(1), SPAN_US(2)).us, 1);
    assert_int_equal(span_max(SPAN_US(1), SPAN_US(2)).us, 2);
    assert_int_equal(span_ms(SPAN_SECONDS(2)), 2000);
}

static void span_texts_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"10s", 10000000},
        {"250ms", 250000},
        {"20m", INT64_C(1200000000)},
        {"96h", INT64_C(345600000000)},
        {"2d", INT64_C(172800000000)},
        {"60", 60000000},
        {"0", 0},
        {"0.5", 500000},
        {"1.5h", INT64_C(5400000000)},
        {"7us", 7},
        {"0.000001", 1},
        {"3653d", INT64_C(315619200000000)},
        {"315619200000000us", 315619200000000},
    };
    static const char *const bad[] = {
        "",
        " ",
        "s",
        "-1s",
        "+1s",
        "1 s",
        "1x",
        "1S",
        "10s ",
        ".5",
        "5.",
        "1e3",
        "0x10",
        "nan",
        "inf",
        "3654d",
        "0.0000001",
        "0.5us",
        "99999999999999999999999999999999999999999999s",
        "315619200000001us",
        "1s1s",
    };
    struct span span;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        print_message("# %s\n", good[i].text);
        assert_int_equal(span_parse(good[i].text, &span), 0);
        assert_int_equal(span.us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("# refused: '%s'\n", bad[i]);
        assert_int_equal(span_parse(bad[i], &span), -1);
    }
    assert_int_equal(span_parse(NULL, &span), -1);
}

static void span_texts_go_there_and_back(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } known[] = {
        {0, "0s"},
        {10000000, "10s"},
        {250000, "250ms"},
        {60000000, "1m"},
        {INT64_C(345600000000), "4d"},
        {1, "1us"},
        {90000000, "90s"},
        {INT64_C(5400000000), "90m"},
    };
    char text[48];
    struct span back;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        span_format(SPAN_US(known[i].us), text, sizeof text);
        assert_string_equal(text, known[i].text);
    }
    for (int64_t us = 1; us < INT64_C(315619200000000); us = us * 3 + 1) {
        span_format(SPAN_US(us), text, sizeof text);
        assert_int_equal(span_parse(text, &back), 0);
        assert_int_equal(back.us, us);
    }
}

static void span_texts_for_people_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } known[] = {
        {0, "0s"},
        {4, "4s"},
        {59, "59s"},
        {60, "1m"},
        {12 * 60 + 59, "12m"},
        {3 * 3600 + 5 * 60, "3h05m"},
        {47 * 3600, "47h00m"},
        {2 * 86400, "2d"},
    };
    char text[48];

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        span_format_short(SPAN_SECONDS(known[i].seconds), text, sizeof text);
        assert_string_equal(text, known[i].text);
    }
    span_format_short(SPAN_MS(250), text, sizeof text);
    assert_string_equal(text, "250ms");
}

static void wall_texts_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2016-07-21T20:06:00.000Z", INT64_C(1469131560000)},
        {"2016-07-21T22:06:00.5+02:00", INT64_C(1469131560500)},
        {"2016-07-21t13:06:00.123456789-07:00", INT64_C(1469131560123)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)}, /* a leap second is the next one */
        {"2016-12-31T23:59:60.250Z", INT64_C(1483228800250)},
        {"2016-02-29T00:00:00Z", INT64_C(1456704000000)},
        {"1969-12-31T23:59:59.999Z", -1},
    };
    static const char *const bad[] = {
        "",
        "2016-07-21",
        "2016-07-21T20:06:00",
        "2016-07-21T20:06:61Z",
        "2016-02-30T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "2016-13-01T00:00:00Z",
        "2016-00-01T00:00:00Z",
        "2016-01-00T00:00:00Z",
        "2016-01-01T24:00:00Z",
        "2016-01-01T00:60:00Z",
        "2016-01-01T00:00:00.Z",
        "2016-01-01T00:00:00ZZ",
        "2016-01-01T00:00:00+2:00",
        "2016-01-01T00:00:00+24:00",
        "16-01-01T00:00:00Z",
        "2016-1-01T00:00:00Z",
        "2016-01-01T00:00:00 Z",
        " 2016-01-01T00:00:00Z",
    };
    struct wall wall;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        print_message("# %s\n", good[i].text);
        assert_int_equal(wall_parse(good[i].text, &wall), 0);
        assert_int_equal(wall.ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("# refused: '%s'\n", bad[i]);
        assert_int_equal(wall_parse(bad[i], &wall), -1);
    }
    assert_int_equal(wall_parse(NULL, &wall), -1);
}

static void wall_texts_go_there_and_back(void **state)
{
    static const int64_t known[] = {
        0, -1, -999, -1000, 1, 999, INT64_C(1469131560123), INT64_C(253402300799999), INT64_C(-62167219200000)};
    char text[32];
    struct wall back;

    (void)state;
    wall_format((struct wall){INT64_C(1469131560000)}, text, sizeof text);
    assert_string_equal(text, "2016-07-21T20:06:00.000Z");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        wall_format((struct wall){known[i]}, text, sizeof text);
        assert_int_equal(wall_parse(text, &back), 0);
        assert_int_equal(back.ms, known[i]);
    }
    wall_format((struct wall){INT64_MAX}, text, sizeof text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    wall_format((struct wall){INT64_MIN}, text, sizeof text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_saturate_and_never_stays_never),
        cmocka_unit_test(intervals_are_never_negative),
        cmocka_unit_test(a_deadline_is_reached_on_the_dot_and_never_never),
        cmocka_unit_test(the_clocks_run),
        cmocka_unit_test(spans_scale_and_saturate),
        cmocka_unit_test(span_texts_are_read),
        cmocka_unit_test(span_texts_go_there_and_back),
        cmocka_unit_test(span_texts_for_people_are_short),
        cmocka_unit_test(wall_texts_are_read),
        cmocka_unit_test(wall_texts_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
