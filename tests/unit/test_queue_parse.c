/* SPDX-License-Identifier: MPL-2.0 */
/* test_queue_parse.c: the queue's answers read strictly (cases B21, B31), and the estimate of the oldest wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "worker/queue/estimate.h"
#include "worker/queue/queue_parse.h"

static void counts_are_whole_numbers_or_unknown(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"pendingTasks\": 3}",
        "{\"claimedTasks\": 3}",
        "{\"pendingTasks\": \"3\", \"claimedTasks\": 0}",
        "{\"pendingTasks\": 3.0, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 3.5, \"claimedTasks\": 0}",
        "{\"pendingTasks\": -1, \"claimedTasks\": 0}",
        "{\"pendingTasks\": null, \"claimedTasks\": 0}",
        "{\"pendingTasks\": true, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 3, \"claimedTasks\": \"0\"}",
        "{\"pendingTasks\": 3, \"pendingTasks\": 4, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 9223372036854775808, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 1e400, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 1000000001, \"claimedTasks\": 0}",
        "{\"pendingTasks\": 3, \"claimedTasks\": 0} and more",
        "<html>502 Bad Gateway</html>",
    };
    static const char good[] = "{\n  \"pendingTasks\": 6123,\n  \"claimedTasks\": 0\n}";
    static const char older[] = "{\"pendingTasks\": 0, \"workerType\": \"t\"}";
    int64_t pending = 77, claimed = 88;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (queue_parse_counts(bad[i], strlen(bad[i]), true, &pending, &claimed, NULL) != -1)
            fail_msg("taken for counts: %s", bad[i]);
    assert_int_equal(pending, 77);
    assert_int_equal(claimed, 88);
    assert_int_equal(queue_parse_counts(good, strlen(good), true, &pending, &claimed, NULL), 0);
    assert_int_equal(pending, 6123);
    assert_int_equal(claimed, 0);
    assert_int_equal(queue_parse_counts(older, strlen(older), false, &pending, &claimed, NULL), 0);
    assert_int_equal(pending, 0);
    assert_int_equal(claimed, -1); /* the older route does not say */
}

static void the_oldest_is_the_first_rows_insertion(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"tasks\": {}}",
                                      "{\"tasks\": [{}]}",
                                      "{\"tasks\": [{\"inserted\": 5}]}",
                                      "{\"tasks\": [{\"inserted\": \"soon\"}]}",
                                      "{\"tasks\": [7]}"};
    static const char good[] = "{\"tasks\": [{\"taskId\": \"a\", \"inserted\": \"2016-07-21T20:06:00.000Z\"}, {}]}";
    struct wall oldest = {5};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(queue_parse_oldest(bad[i], strlen(bad[i]), &oldest, NULL), -1);
    assert_int_equal(queue_parse_oldest(good, strlen(good), &oldest, NULL), 0);
    assert_true(oldest.ms == 1469131560000);
    assert_int_equal(queue_parse_oldest("{\"tasks\": []}", 13, &oldest, NULL), 0);
    assert_true(oldest.ms == 0);
}

static void join(void *context, const char *id)
{
    buffer_print(context, "%s,", id);
}

static void claimed_lists_give_workers_and_a_token(void **state)
{
    static const char page[] =
        "{\"tasks\": [{\"workerId\": \"i-1\"}, {\"workerId\": \"i-2\"}], \"continuationToken\": \"t\"}";
    struct buffer ids = {0};
    char token[8];

    (void)state;
    assert_int_equal(queue_parse_claimed(page, strlen(page), join, &ids, token, sizeof token, NULL), 0);
    assert_string_equal(ids.bytes, "i-1,i-2,");
    buffer_free(&ids);
    assert_string_equal(token, "t");
    assert_int_equal(queue_parse_claimed("{\"tasks\": []}", 13, join, &ids, token, sizeof token, NULL), 0);
    assert_string_equal(token, "");
    assert_int_equal(queue_parse_claimed("{\"tasks\": [{}]}", 15, join, &ids, token, sizeof token, NULL), -1);
    assert_int_equal(queue_parse_claimed("{}", 2, join, &ids, token, sizeof token, NULL), -1);
    static const char odd[] = "{\"tasks\": [], \"continuationToken\": 5}";
    assert_int_equal(queue_parse_claimed(odd, strlen(odd), join, &ids, token, sizeof token, NULL), -1);
    static const char long_token[] = "{\"tasks\": [], \"continuationToken\": \"0123456789\"}";
    assert_int_equal(queue_parse_claimed(long_token, strlen(long_token), join, &ids, token, sizeof token, NULL), -1);
}

static void only_the_word_of_a_refusal_is_taken(void **state)
{
    char code[64];

    (void)state;
    static const char refusal[] = "{\"code\": \"InsufficientScopes\", \"message\": \"secret\"}";
    queue_parse_code(refusal, strlen(refusal), code, sizeof code);
    assert_string_equal(code, "InsufficientScopes");
    queue_parse_code("{\"code\": \"two words\"}", 21, code, sizeof code);
    assert_string_equal(code, "");
    queue_parse_code("<html>", 6, code, sizeof code);
    assert_string_equal(code, "");
}

#define AT(ms) ((struct wall){ms})

static void a_wait_is_estimated_from_the_last_progress(void **state)
{
    struct estimate estimate = {.claimed = -1};

    (void)state;
    assert_true(estimate_take(&estimate, 0, 0, AT(1000)).ms == 0);
    assert_true(estimate_take(&estimate, 5, 0, AT(2000)).ms == 2000);
    assert_true(estimate_take(&estimate, 5, 0, AT(3000)).ms == 2000);
    assert_true(estimate_take(&estimate, 9, 0, AT(4000)).ms == 2000); /* more came: the first still waits */
    assert_true(estimate_take(&estimate, 9, 1, AT(5000)).ms == 5000); /* one was taken */
    assert_true(estimate_take(&estimate, 9, -1, AT(6000)).ms == 5000);
    assert_true(estimate_take(&estimate, 9, 4, AT(7000)).ms == 5000); /* unknown before: no progress seen */
    assert_true(estimate_take(&estimate, 8, 4, AT(8000)).ms == 8000);
    assert_true(estimate_take(&estimate, 0, 4, AT(9000)).ms == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_whole_numbers_or_unknown),
        cmocka_unit_test(the_oldest_is_the_first_rows_insertion),
        cmocka_unit_test(claimed_lists_give_workers_and_a_token),
        cmocka_unit_test(only_the_word_of_a_refusal_is_taken),
        cmocka_unit_test(a_wait_is_estimated_from_the_last_progress),
    };
    return cmocka_run_group_tests_name("queue answers", tests, NULL, NULL);
}
