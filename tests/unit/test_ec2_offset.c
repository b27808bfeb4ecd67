/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_offset.c: when a host's clock is believed, case B48. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/ec2/offset.h"

#define MINUTE 60000
#define DATE "Thu, 21 Jul 2016 20:06:00 GMT"
#define DATE_MS 1469131560000

static const struct ec2_error expired = {400, "RequestExpired", ""};

/* One refusal, our clock being `ahead_ms` ahead of the host's. */
static bool refuse(struct clock_offset *offset, const struct ec2_error *error, int64_t ahead_ms)
{
    struct wall local = {DATE_MS + ahead_ms};

    return clock_offset_refused(offset, error, DATE, local, local, SPAN_MS(80));
}

static void http_dates_are_read(void **state)
{
    struct wall at;

    (void)state;
    assert_int_equal(http_date_parse(DATE, &at), 0);
    assert_true(at.ms == DATE_MS);
    assert_int_equal(http_date_parse("", &at), -1);
    assert_int_equal(http_date_parse("2016-07-21T20:06:00Z", &at), -1);
    assert_int_equal(http_date_parse(DATE " or so", &at), -1);
}

static void a_clock_far_off_is_corrected_once(void **state)
{
    struct clock_offset offset = {0};

    (void)state;
    assert_true(refuse(&offset, &expired, 20 * MINUTE));
    assert_true(offset.ms == -20 * MINUTE);
    assert_non_null(strstr(offset.problem, "20 min 00 s ahead of"));
    assert_true(clock_offset_apply(&offset, (struct wall){DATE_MS + 20 * MINUTE}).ms == DATE_MS);
    assert_false(refuse(&offset, &expired, 20 * MINUTE)); /* it did not help: no loop */

    offset = (struct clock_offset){0};
    struct ec2_error mismatch = {403, "SignatureDoesNotMatch", ""};
    assert_true(refuse(&offset, &mismatch, -7 * MINUTE));
    assert_true(offset.ms == 7 * MINUTE);
}

static void under_four_minutes_it_is_not_the_clock(void **state)
{
    struct clock_offset offset = {0};

    (void)state;
    assert_false(refuse(&offset, &expired, 4 * MINUTE - 1));
    assert_true(offset.ms == 0);
    assert_true(refuse(&offset, &expired, 4 * MINUTE));
}

static void other_refusals_and_missing_dates_teach_nothing(void **state)
{
    struct clock_offset offset = {0};
    struct ec2_error other = {400, "InvalidAMIID.NotFound", ""}, token = {400, "ExpiredToken", ""};
    struct wall local = {DATE_MS + 20 * MINUTE};

    (void)state;
    assert_false(refuse(&offset, &other, 20 * MINUTE));
    assert_false(refuse(&offset, &token, 20 * MINUTE)); /* an expired token is that, and not a clock */
    assert_false(clock_offset_refused(&offset, &expired, "", local, local, SPAN_MS(80)));
    assert_true(offset.ms == 0);
}

/* Stopped for 20 minutes between signing and sending: sign anew, the clock is right. */
static void an_old_signature_is_not_a_wrong_clock(void **state)
{
    struct clock_offset offset = {0};

    (void)state;
    assert_true(clock_offset_refused(&offset, &expired, DATE, (struct wall){DATE_MS - 20 * MINUTE},
                                     (struct wall){DATE_MS}, SPAN_MS(80)));
    assert_true(offset.ms == 0);
}

/* Stopped for 20 minutes between answer and receipt. */
static void a_late_answer_teaches_nothing(void **state)
{
    struct clock_offset offset = {0};
    struct wall late = {DATE_MS + 20 * MINUTE};

    (void)state;
    clock_offset_refused(&offset, &expired, DATE, (struct wall){DATE_MS}, late, SPAN_SECONDS(1200));
    assert_true(offset.ms == 0);
    assert_false(clock_offset_refused(&offset, &expired, DATE, late, late, SPAN_SECONDS(60)));
    assert_true(offset.ms == 0);
}

static void an_offset_ends_when_the_clock_is_set(void **state)
{
    struct clock_offset offset = {0};

    (void)state;
    assert_true(refuse(&offset, &expired, 20 * MINUTE));
    clock_offset_accepted(&offset, DATE, (struct wall){DATE_MS + 19 * MINUTE}, SPAN_MS(80));
    assert_true(offset.ms == -19 * MINUTE);
    clock_offset_accepted(&offset, DATE, (struct wall){DATE_MS + 1000}, SPAN_MS(80));
    assert_true(offset.ms == 0);
    assert_string_equal(offset.problem, "");
    clock_offset_accepted(&offset, DATE, (struct wall){DATE_MS + 20 * MINUTE}, SPAN_MS(80));
    assert_true(offset.ms == 0); /* EC2 takes our time: nothing to correct */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_dates_are_read),
        cmocka_unit_test(a_clock_far_off_is_corrected_once),
        cmocka_unit_test(under_four_minutes_it_is_not_the_clock),
        cmocka_unit_test(other_refusals_and_missing_dates_teach_nothing),
        cmocka_unit_test(an_old_signature_is_not_a_wrong_clock),
        cmocka_unit_test(a_late_answer_teaches_nothing),
        cmocka_unit_test(an_offset_ends_when_the_clock_is_set),
    };
    return cmocka_run_group_tests_name("ec2 clock offset", tests, NULL, NULL);
}
