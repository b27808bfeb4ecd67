/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_money.c: amounts are exact to the micro-dollar, and overflow looks unaffordable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/money.h"

static struct money dollars(const char *text)
{
    struct money money;

    assert_int_equal(money_parse(text, &money), 0);
    return money;
}

static void a_thousand_small_prices_fit_their_cap_exactly(void **state)
{
    struct money sum = MONEY_ZERO;

    (void)state;
    for (int i = 0; i < 1000; i++)
        sum = money_add(sum, dollars("0.0031"));
    assert_int_equal(money_compare(sum, dollars("3.10")), 0);
    assert_int_equal(money_compare(money_times(dollars("0.0031"), 1000), dollars("3.1")), 0);
    assert_int_equal(money_compare(money_add(sum, MONEY(1)), dollars("3.10")), 1);
    /* In floating point this sum is above 0.3. */
    assert_int_equal(money_compare(money_times(dollars("0.1"), 3), dollars("0.3")), 0);
}

static void sums_saturate_at_both_ends(void **state)
{
    (void)state;
    assert_int_equal(money_add(MONEY_MAX, MONEY(1)).micros, INT64_MAX);
    assert_int_equal(money_add(MONEY(INT64_MIN), MONEY(-1)).micros, INT64_MIN);
    assert_int_equal(money_sub(MONEY(INT64_MIN), MONEY(1)).micros, INT64_MIN);
    assert_int_equal(money_sub(MONEY(0), MONEY(INT64_MIN)).micros, INT64_MAX);
    assert_int_equal(money_sub(MONEY(5), MONEY(7)).micros, -2);
    assert_int_equal(money_times(MONEY(INT64_MAX), 2).micros, INT64_MAX);
    assert_int_equal(money_times(MONEY(INT64_MAX), -2).micros, INT64_MIN);
    assert_int_equal(money_times(MONEY(INT64_MIN), -1).micros, INT64_MAX);
    assert_int_equal(money_times(MONEY(INT64_C(1) << 62), 2).micros, INT64_MAX);
    assert_int_equal(money_times(MONEY(7), 0).micros, 0);
}

static void time_is_charged_up_to_the_next_micro_dollar(void **state)
{
    const int64_t hour = INT64_C(3600000000);

    (void)state;
    assert_int_equal(money_for_time(dollars("1"), hour).micros, 1000000);
    assert_int_equal(money_for_time(dollars("1"), hour / 2).micros, 500000);
    assert_int_equal(money_for_time(dollars("1"), 1).micros, 1);
    assert_int_equal(money_for_time(dollars("1"), hour + 1).micros, 1000001);
    assert_int_equal(money_for_time(dollars("1"), 0).micros, 0);
    assert_int_equal(money_for_time(dollars("1"), -hour).micros, 0);
    assert_int_equal(money_for_time(MONEY_MAX, hour * 2).micros, INT64_MAX);
    assert_int_equal(money_for_time(MONEY(-1), 1).micros, 0);
}

static void percent_is_rounded_down(void **state)
{
    (void)state;
    assert_int_equal(money_percent(MONEY(199), 50).micros, 99);
    assert_int_equal(money_percent(MONEY(-199), 50).micros, -100);
    assert_int_equal(money_percent(MONEY(100), 20).micros, 20);
    assert_int_equal(money_percent(MONEY_MAX, 100).micros, INT64_MAX);
    assert_int_equal(money_percent(MONEY_MAX, 200).micros, INT64_MAX);
    assert_int_equal(money_percent(MONEY(99), 1).micros, 0);
}

static void texts_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        int64_t micros;
    } good[] = {
        {"0.0031", 3100},
        {"12", 12000000},
        {"-3.5", -3500000},
        {"0", 0},
        {"-0", 0},
        {"0.000001", 1},
        {"0.0000010000", 1},
        {"007.50", 7500000},
        {"9223372036854.775807", INT64_MAX},
        {"-9223372036854.775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "",
        "-",
        ".",
        ".5",
        "5.",
        "+5",
        " 5",
        "5 ",
        "5,0",
        "1e3",
        "0x5",
        "$5",
        "nan",
        "inf",
        "1.2.3",
        "--1",
        "0.0000001",
        "9223372036854.775808",
        "-9223372036854.775809",
        "9223372036855",
        "18446744073709.551616",
        "340282366920938463463374607431768211456000000",
        "99999999999999999999999999999999999999999999999999",
    };
    struct money money;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        print_message("# %s\n", good[i].text);
        assert_int_equal(money_parse(good[i].text, &money), 0);
        assert_int_equal(money.micros, good[i].micros);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("# refused: '%s'\n", bad[i]);
        assert_int_equal(money_parse(bad[i], &money), -1);
    }
    assert_int_equal(money_parse(NULL, &money), -1);
}

static void finer_prices_are_rounded_up(void **state)
{
    static const struct {
        const char *text;
        int64_t micros;
    } known[] = {
        {"0.0031000", 3100},
        {"0.00310001", 3101},
        {"0.0000001", 1},
        {"0.9999999", 1000000},
        {"-0.0000019", -1},
        {"1.5", 1500000},
        {"0.00000000000000000000000000000000001", 1},
    };
    struct money money;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(money_parse_round_up(known[i].text, &money), 0);
        assert_int_equal(money.micros, known[i].micros);
    }
    assert_int_equal(money_parse_round_up("9223372036854.7758071", &money), -1);
    assert_int_equal(money_parse_round_up("0.1x", &money), -1);
}

static void texts_go_there_and_back(void **state)
{
    static const struct {
        int64_t micros;
        const char *text;
    } known[] = {
        {3100, "0.0031"},
        {12000000, "12.00"},
        {0, "0.00"},
        {1, "0.000001"},
        {-3500000, "-3.50"},
        {-1, "-0.000001"},
        {1100000, "1.10"},
        {INT64_MAX, "9223372036854.775807"},
        {INT64_MIN, "-9223372036854.775808"},
    };
    char text[48];

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        money_format(MONEY(known[i].micros), text, sizeof text);
        assert_string_equal(text, known[i].text);
        assert_int_equal(dollars(text).micros, known[i].micros);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_small_prices_fit_their_cap_exactly),
        cmocka_unit_test(sums_saturate_at_both_ends),
        cmocka_unit_test(time_is_charged_up_to_the_next_micro_dollar),
        cmocka_unit_test(percent_is_rounded_down),
        cmocka_unit_test(texts_are_read_exactly),
        cmocka_unit_test(finer_prices_are_rounded_up),
        cmocka_unit_test(texts_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
