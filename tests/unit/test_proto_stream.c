/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_stream.c: what a subscriber may conclude from sequence numbers and refresh counts, and that no message,
 * however wrong, is more than a skipped one. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#include "proto/stream.h"

/* One message of run `run`; count 0: no refresh. Its JSON is freed at once: only the flags are looked at. */
static struct stream_message take(struct stream *stream, const char *run, int sequence, int index, int count)
{
    char text[256], refresh[64] = "";
    struct stream_message message;
    struct error err = {0};

    if (count > 0)
        snprintf(refresh, sizeof refresh, "\"refresh\":{\"index\":%d,\"count\":%d},", index, count);
    snprintf(text, sizeof text, "{\"incarnation\":\"%s\",\"sequence\":%d,\"asOf\":1000,%s\"data\":{}}", run, sequence,
             refresh);
    assert_int_equal(stream_take(stream, "type.a.", 7, text, strlen(text), &message, &err), 1);
    stream_message_clear(&message);
    return message;
}

static void a_refresh_is_complete_when_all_of_it_came_in_order(void **state)
{
    struct stream stream = {0};

    (void)state;
    assert_true(take(&stream, "r", 1, 0, 3).new_incarnation);
    assert_false(take(&stream, "r", 2, 1, 3).refresh_complete);
    assert_true(take(&stream, "r", 3, 2, 3).refresh_complete);
    assert_true(take(&stream, "r", 4, 0, 1).refresh_complete);
    assert_int_equal(stream.refreshes, 2);
    assert_int_equal(stream.lost, 0);
}

static void a_change_in_between_does_not_break_a_refresh(void **state)
{
    struct stream stream = {0};

    (void)state;
    take(&stream, "r", 1, 0, 2);
    take(&stream, "r", 2, 0, 0);
    assert_true(take(&stream, "r", 3, 1, 2).refresh_complete);
}

static void a_lost_message_makes_its_refresh_incomplete_and_not_the_next(void **state)
{
    struct stream stream = {0};

    (void)state;
    take(&stream, "r", 1, 0, 3);
    assert_false(take(&stream, "r", 3, 2, 3).refresh_complete);
    assert_int_equal(stream.lost, 1);
    take(&stream, "r", 4, 0, 2);
    assert_true(take(&stream, "r", 5, 1, 2).refresh_complete);
}

static void a_late_joiner_waits_for_the_next_refresh(void **state)
{
    struct stream stream = {0};

    (void)state;
    assert_false(take(&stream, "r", 50, 2, 3).refresh_complete);
    assert_int_equal(stream.lost, 0);
    take(&stream, "r", 51, 0, 1);
    assert_int_equal(stream.refreshes, 1);
}

static void a_new_supervisor_is_no_loss(void **state)
{
    struct stream stream = {0};

    (void)state;
    take(&stream, "r", 900, 0, 2);
    struct stream_message first = take(&stream, "s", 2, 1, 2);
    assert_true(first.new_incarnation);
    assert_false(first.refresh_complete);
    assert_false(take(&stream, "s", 3, 0, 0).new_incarnation);
    assert_int_equal(stream.lost, 0);
}

static void topics_give_kind_and_name(void **state)
{
    static const struct {
        const char *topic, *name;
        enum stream_topic kind;
    } rows[] = {{"supervisor.", "", STREAM_SUPERVISOR},
                {"type.gecko.b.", "gecko.b", STREAM_TYPE},
                {"region.us-west-2.", "us-west-2", STREAM_REGION},
                {"event.launched.", "launched", STREAM_EVENT},
                {"alarm.lag.", "lag", STREAM_ALARM},
                {"weather.", "", STREAM_OTHER},
                {"type.", "", STREAM_TYPE}};
    const char *text = "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1,\"data\":{}}";

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stream stream = {0};
        struct stream_message message;
        assert_int_equal(stream_take(&stream, rows[i].topic, strlen(rows[i].topic), text, strlen(text), &message, NULL),
                         1);
        assert_int_equal(message.kind, rows[i].kind);
        assert_string_equal(message.name, rows[i].name);
        stream_message_clear(&message);
    }
}

static void wrong_messages_are_counted_and_change_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1}",
        "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1,\"data\":[]}",
        "{\"incarnation\":\"\",\"sequence\":1,\"asOf\":1,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":0,\"asOf\":1,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":1.5,\"asOf\":1,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":-1,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":1,\"sequence\":2,\"asOf\":1,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1,\"refresh\":7,\"data\":{}}",
        "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1,\"refresh\":{\"index\":0,\"count\":0},\"data\":{}}"};
    static const char *const topics[] = {"", "type", "type.a", "type.\n."};
    const char *good = "{\"incarnation\":\"r\",\"sequence\":1,\"asOf\":1,\"data\":{}}";
    struct stream stream = {0};
    struct stream_message message;
    struct error err;
    uint64_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++, wrong++)
        assert_int_equal(stream_take(&stream, "type.a.", 7, texts[i], strlen(texts[i]), &message, &err), -1);
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++, wrong++)
        assert_int_equal(stream_take(&stream, topics[i], strlen(topics[i]), good, strlen(good), &message, &err), -1);
    assert_int_equal(stream.unreadable, wrong);
    assert_int_equal(stream.messages, 0);
    assert_string_equal(stream.incarnation, "");
    stream_message_clear(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh_is_complete_when_all_of_it_came_in_order),
        cmocka_unit_test(a_change_in_between_does_not_break_a_refresh),
        cmocka_unit_test(a_lost_message_makes_its_refresh_incomplete_and_not_the_next),
        cmocka_unit_test(a_late_joiner_waits_for_the_next_refresh),
        cmocka_unit_test(a_new_supervisor_is_no_loss),
        cmocka_unit_test(topics_give_kind_and_name),
        cmocka_unit_test(wrong_messages_are_counted_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
