/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_day.c: days of 23, 24 and 25 hours and days without a midnight (issue: budget's day bounds). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/day.h"

#define HOUR 3600000

static struct wall at(const char *text)
{
    struct wall wall;
    assert_int_equal(wall_parse(text, &wall), 0);
    return wall;
}

static void check(const char *zone, const char *when, const char *began, const char *ends, int hours)
{
    struct wall from, to;
    assert_int_equal(day_open(zone, NULL), 0);
    day_bounds(at(when), &from, &to);
    assert_int_equal(from.ms, at(began).ms);
    assert_int_equal(to.ms, at(ends).ms);
    assert_int_equal(to.ms - from.ms, (int64_t)hours * HOUR);
}

static void a_utc_day_has_24_hours(void **state)
{
    (void)state;
    check("UTC", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24);
    check("UTC", "2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24);
    check("UTC", "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", 24);
}

static void spring_and_autumn_days_have_23_and_25_hours(void **state)
{
    (void)state;
    check("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 23);
    check("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 25);
    check("America/Los_Angeles", "2026-11-01T09:30:00Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z", 25);
}

static void a_day_without_midnight_begins_at_its_first_instant(void **state)
{
    (void)state;
    /* Sao Paulo, 2018-11-04: the clock went from 23:59:59 to 01:00:00. */
    check("America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", 23);
    /* and the day that had its last hour twice, 2018-02-17 */
    check("America/Sao_Paulo", "2018-02-17T12:00:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z", 25);
}

static void an_unknown_zone_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(day_open("Europe/Atlantis", &err), -1);
    assert_non_null(strstr(err.text, "Atlantis"));
    assert_int_equal(day_open("../../etc/passwd", &err), -1);
    assert_int_equal(day_open("", &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_utc_day_has_24_hours),
        cmocka_unit_test(spring_and_autumn_days_have_23_and_25_hours),
        cmocka_unit_test(a_day_without_midnight_begins_at_its_first_instant),
        cmocka_unit_test(an_unknown_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
