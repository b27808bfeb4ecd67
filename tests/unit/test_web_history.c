/* SPDX-License-Identifier: MPL-2.0 */
/* test_web_history.c: the dashboard's memory over days: no more than 24 hours of it, in a fixed amount of memory, with
 * gaps where nothing was seen, whatever the clock does. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "subscribers/provisiond-web_history.c" /* NOLINT(bugprone-suspicious-include): no library's */

#define SECONDS(n) ((int64_t)(n)*1000)
#define HOURS(n) (SECONDS(3600) * (n))
#define BEGIN INT64_C(1480000000000)

static void see(struct history *history, int64_t at, double pending, double launches)
{
    double values[HISTORY_FIELDS];

    for (int i = 0; i < HISTORY_FIELDS; i++)
        values[i] = NAN;
    values[HISTORY_PENDING] = pending;
    values[HISTORY_LAUNCHES] = launches;
    history_record(history, (struct wall){at}, values);
}

/* Points of one of the two spans; first and last: in seconds since 1970; peak: the largest of `pending`, -1: none. */
struct told {
    size_t points, gaps;
    int64_t first, last;
    double peak, launches;
};

static struct told tell(const struct history *history, bool whole)
{
    json_t *document = history_document(history, whole), *times = json_object_get(document, "t");
    struct told told = {.points = json_array_size(times), .peak = -1};
    const json_t *value;
    size_t i;

    told.first = json_integer_value(json_array_get(times, 0));
    told.last = json_integer_value(json_array_get(times, told.points - 1));
    json_array_foreach(json_object_get(document, "pending"), i, value)
    {
        told.gaps += json_is_null(value);
        told.peak = fmax(told.peak, json_is_null(value) ? -1 : json_number_value(value));
    }
    json_array_foreach(json_object_get(document, "launches"), i, value) told.launches += json_number_value(value);
    json_decref(document);
    return told;
}

static void a_day_is_kept_and_no_more(void **unused)
{
    struct history *history = history_create();

    (void)unused;
    assert_in_range(sizeof *history, 1, 45000); /* what 1,000 types cost: 45 MB */
    for (int64_t at = 0; at < HOURS(72); at += SECONDS(5)) {
        int64_t whole_hours = at / SECONDS(3600);
        see(history, BEGIN + at,
            at == HOURS(40)                   ? 900
            : at == HOURS(60)                 ? 70
            : at == HOURS(72) - SECONDS(1800) ? 8
                                              : 1,
            (double)whole_hours);
    }
    struct told day = tell(history, true), hour = tell(history, false);
    assert_int_equal(day.points, 480);
    assert_int_equal(hour.points, 720);
    assert_in_range(day.last - day.first, 24 * 3600 - 180, 24 * 3600);
    assert_in_range(hour.last - hour.first, 3600 - 5, 3600);
    assert_in_range((BEGIN + HOURS(72)) / 1000 - day.last, 0, 180);
    assert_true(day.peak == 70 && hour.peak == 8); /* 900 was 32 hours ago */
    assert_true(day.launches >= 23 && day.launches <= 24);
    assert_true(day.gaps == 0 && hour.gaps == 0);
    history_destroy(&history);
}

static void what_was_not_seen_is_a_gap_however_long(void **unused)
{
    struct history *history = history_create();

    (void)unused;
    see(history, BEGIN, 5, 1);
    see(history, BEGIN + HOURS(12), 6, 4);
    struct told day = tell(history, true), hour = tell(history, false);
    assert_true(day.points == 241 && day.gaps == 239 && day.peak == 6 && day.launches == 3);
    assert_true(hour.points == 1 && hour.peak == 6);
    see(history, BEGIN + HOURS(24 * 90), 2, 4);
    day = tell(history, true);
    assert_true(day.points == 1 && day.peak == 2);
    history_destroy(&history);
}

static void a_clock_that_is_set_back_writes_into_the_past_or_nowhere(void **unused)
{
    struct history *history = history_create();

    (void)unused;
    see(history, BEGIN, 5, 1);
    see(history, BEGIN - HOURS(2), 9, 1);
    see(history, BEGIN - HOURS(48), 99, 1);
    see(history, 0, 99, 1);
    see(history, -1, 99, 1);
    struct told day = tell(history, true), hour = tell(history, false);
    assert_true(day.points == 41 && day.peak == 9);
    assert_true(hour.points == 1 && hour.peak == 5);
    history_destroy(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_kept_and_no_more),
        cmocka_unit_test(what_was_not_seen_is_a_gap_however_long),
        cmocka_unit_test(a_clock_that_is_set_back_writes_into_the_past_or_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
