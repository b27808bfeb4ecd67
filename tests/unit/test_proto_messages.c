/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_messages.c: the codec, for every message of messages.def: values at both ends of each range survive a
 * round trip, and everything that differs from the table is refused, by the encoder and by the decoder. The test walks
 * the same table as the codec, so a new message is tested without a new line here. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/shapes.h"

#define ELEMENTS 3 /* of each list, in generated messages */

/* ---- generated values ---- */

static void fill_shape(const struct proto_shape *shape, char *values, bool high);

static void fill_text(char *to, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = (char)('a' + i % 26);
    to[length] = '\0';
}

static void fill_list(const struct proto_field *field, char *values, bool high)
{
    const struct proto_shape *record = field->record();
    size_t count = high ? ELEMENTS : 0;
    char *list = count ? calloc(count, record->size) : NULL;
    for (size_t i = 0; i < count; i++)
        fill_shape(record, list + i * record->size, i % 2 == 0);
    *(char **)(void *)(values + field->offset) = list;
    *(size_t *)(void *)(values + field->count_offset) = count;
}

static void fill_field(const struct proto_field *field, char *values, bool high)
{
    void *place = values + field->offset;
    size_t length = (size_t)(high ? field->most : field->least);
    switch (field->kind) {
    case FIELD_INTEGER:
        *(int64_t *)place = high ? field->most : field->least;
        break;
    case FIELD_STRING:
        fill_text(place, length);
        break;
    case FIELD_BOOL:
        *(bool *)place = high;
        break;
    case FIELD_TEXT:
        length = length > 5000 ? 5000 : length; /* 64 MiB of text proves no more */
        *(char **)place = malloc(length + 1);
        fill_text(*(char **)place, length);
        break;
    case FIELD_LIST:
        fill_list(field, values, high);
        break;
    }
}

static void fill_shape(const struct proto_shape *shape, char *values, bool high)
{
    for (size_t i = 0; i < shape->field_count; i++)
        fill_field(&shape->fields[i], values, high);
}

static void make(const struct proto_shape *shape, struct message *out, bool high)
{
    memset(out, 0, sizeof *out);
    out->kind = shape->kind;
    fill_shape(shape, (char *)&out->as, high);
}

/* The message's JSON; new reference. */
static json_t *document_of(const struct proto_shape *shape, bool high)
{
    struct message message;
    char *text;
    size_t size;
    make(shape, &message, high);
    assert_int_equal(message_encode(&message, &text, &size, NULL), 0);
    json_t *document = json_loadb(text, size, 0, NULL);
    assert_non_null(document);
    free(text);
    message_clear(&message);
    return document;
}

static void refuse_text(const char *text, size_t size)
{
    struct message message;
    struct error err = {0};
    if (message_decode(text, size, &message, &err) == 0)
        fail_msg("this was accepted: %.*s", (int)(size > 300 ? 300 : size), text);
    assert_true(err.text[0] != '\0');
    assert_int_equal(message.kind, PROTO_NONE);
}

static void refuse(json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY);
    refuse_text(text, strlen(text));
    free(text);
}

/* ---- round trips ---- */

static void compare_shape(const struct proto_shape *shape, const char *a, const char *b)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct proto_field *field = &shape->fields[i];
        const void *x = a + field->offset, *y = b + field->offset;
        size_t count;
        switch (field->kind) {
        case FIELD_INTEGER:
            assert_int_equal(*(const int64_t *)x, *(const int64_t *)y);
            break;
        case FIELD_STRING:
            assert_string_equal(x, y);
            break;
        case FIELD_BOOL:
            assert_int_equal(*(const bool *)x, *(const bool *)y);
            break;
        case FIELD_TEXT:
            assert_string_equal(*(char *const *)x, *(char *const *)y);
            break;
        case FIELD_LIST:
            count = *(const size_t *)(const void *)(a + field->count_offset);
            assert_int_equal(count, *(const size_t *)(const void *)(b + field->count_offset));
            for (size_t j = 0; j < count; j++)
                compare_shape(field->record(), *(char *const *)x + j * field->record()->size,
                              *(char *const *)y + j * field->record()->size);
            break;
        }
    }
}

static void round_trip(const struct proto_shape *shape, bool high)
{
    struct message before, after;
    struct error err = {0};
    char *text;
    size_t size;
    make(shape, &before, high);
    if (message_encode(&before, &text, &size, &err) < 0)
        fail_msg("%s: %s", shape->name, err.text);
    if (message_decode(text, size, &after, &err) < 0)
        fail_msg("%s: %s", shape->name, err.text);
    assert_int_equal(after.kind, before.kind);
    compare_shape(shape, (const char *)&before.as, (const char *)&after.as);
    free(text);
    message_clear(&before);
    message_clear(&after);
    assert_int_equal(after.kind, PROTO_NONE);
}

static void every_message_survives_a_round_trip_at_both_range_ends(void **state)
{
    (void)state;
    for (size_t i = 0; shape_message_at(i); i++) {
        round_trip(shape_message_at(i), false);
        round_trip(shape_message_at(i), true);
    }
}

static void an_absent_text_is_sent_as_an_empty_one(void **state)
{
    struct message message = {.kind = PROTO_SCOPE}, got;
    char *text;
    size_t size;
    (void)state;
    assert_int_equal(message_encode(&message, &text, &size, NULL), 0);
    assert_string_equal(text, "{\"m\":\"SCOPE\",\"definition\":\"\"}");
    assert_int_equal(message_decode(text, size, &got, NULL), 0);
    assert_string_equal(got.as.SCOPE.definition, "");
    free(text);
    message_clear(&got);
}

/* ---- the decoder refuses ---- */

/* One wrong value after the other in one field of `object`, which is somewhere inside `document`. */
static void spoil_value(json_t *document, json_t *object, const char *name, json_t *wrong)
{
    json_t *right = json_incref(json_object_get(object, name));
    json_object_set_new(object, name, wrong);
    refuse(document);
    json_object_set_new(object, name, right);
}

static json_t *long_text(size_t length)
{
    char *text = malloc(length + 1);
    fill_text(text, length);
    json_t *value = json_string(text);
    free(text);
    return value;
}

/* One element too many, each of them right; of the longest lists only the count is looked at. */
static json_t *long_list(const json_t *right, int64_t most)
{
    json_t *list = json_array(), *element = most <= 2000 ? json_array_get(right, 0) : json_null();
    for (int64_t i = 0; i <= most; i++)
        json_array_append(list, element);
    return list;
}

static void spoil_types(json_t *document, json_t *object, const struct proto_field *field)
{
    spoil_value(document, object, field->name, json_null());
    spoil_value(document, object, field->name, json_object());
    spoil_value(document, object, field->name, json_real(1.0));
    if (field->kind != FIELD_INTEGER)
        spoil_value(document, object, field->name, json_integer(1));
    if (field->kind != FIELD_STRING && field->kind != FIELD_TEXT)
        spoil_value(document, object, field->name, json_string("1"));
    if (field->kind != FIELD_BOOL)
        spoil_value(document, object, field->name, json_true());
    if (field->kind != FIELD_LIST)
        spoil_value(document, object, field->name, json_array());
}

static void spoil_ranges(json_t *document, json_t *object, const struct proto_field *field)
{
    if (field->kind == FIELD_INTEGER) {
        if (field->least > INT64_MIN)
            spoil_value(document, object, field->name, json_integer(field->least - 1));
        if (field->most < INT64_MAX)
            spoil_value(document, object, field->name, json_integer(field->most + 1));
    }
    if (field->kind == FIELD_STRING || (field->kind == FIELD_TEXT && field->most <= 4194304))
        spoil_value(document, object, field->name, long_text((size_t)field->most + 1));
    if (field->kind == FIELD_STRING && field->least > 0)
        spoil_value(document, object, field->name, long_text((size_t)field->least - 1));
    if (field->kind == FIELD_LIST)
        spoil_value(document, object, field->name, long_list(json_object_get(object, field->name), field->most));
}

static void spoil_object(json_t *document, json_t *object, const struct proto_shape *shape)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct proto_field *field = &shape->fields[i];
        json_t *right = json_incref(json_object_get(object, field->name));
        assert_non_null(right);
        json_object_del(object, field->name);
        refuse(document);
        json_object_set_new(object, field->name, right);
        spoil_types(document, object, field);
        spoil_ranges(document, object, field);
        if (field->kind == FIELD_LIST) {
            json_t *list = json_object_get(object, field->name);
            spoil_object(document, json_array_get(list, ELEMENTS - 1), field->record());
        }
    }
    json_object_set_new(object, "stranger", json_integer(1));
    refuse(document);
    json_object_del(object, "stranger");
}

static void missing_wrong_and_extra_fields_are_refused_in_every_message(void **state)
{
    (void)state;
    for (size_t i = 0; shape_message_at(i); i++) {
        json_t *document = document_of(shape_message_at(i), true);
        spoil_object(document, document, shape_message_at(i));
        json_decref(document);
    }
}

static void what_is_no_message_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "nonsense",
                                        "[]",
                                        "[1]",
                                        "\"RENEW\"",
                                        "{}",
                                        "{\"m\":1,\"grant\":1}",
                                        "{\"m\":\"NOBODY\"}",
                                        "{\"m\":\"renew\",\"grant\":1}",
                                        "{\"m\":\"LOT\"}",
                                        "{\"m\":\"RENEW\",\"grant\":1}}",
                                        "{\"m\":\"RENEW\",\"grant\":1}x",
                                        "{\"m\":\"RENEW\",\"grant\":1",
                                        "{\"m\":\"RENEW\",\"grant\":1,\"grant\":1}",
                                        "{\"m\":\"RENEW\",\"m\":\"RENEW\",\"grant\":1}",
                                        "{\"m\":\"RENEW\",\"grant\":9223372036854775808}",
                                        "{\"m\":\"RENEW\",\"grant\":1e3}",
                                        "{\"m\":\"RENEW\",\"grant\":01}",
                                        "{\"m\":\"RENEW\\u0000\",\"grant\":1}",
                                        "{\"m\":\"SCOPE\",\"definition\":\"a\\u0000b\"}",
                                        "{\"m\":\"SCOPE\",\"definition\":\"\xff\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuse_text(texts[i], strlen(texts[i]));
    refuse_text("{\"m\":\"RENEW\",\"grant\":1}\0", 24);
}

static void a_message_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; shape_message_at(i); i++) {
        json_t *document = document_of(shape_message_at(i), false);
        char *text = json_dumps(document, JSON_COMPACT);
        for (size_t size = 0; size < strlen(text); size++)
            refuse_text(text, size);
        free(text);
        json_decref(document);
    }
}

static void a_list_inside_a_broken_message_is_freed(void **state)
{
    json_t *document = document_of(shape_of_kind(PROTO_BID), true);
    json_t *lots = json_object_get(document, "lots");
    (void)state;
    json_object_set_new(json_array_get(lots, ELEMENTS - 1), "count", json_integer(0));
    refuse(document); /* the leak checker looks */
    json_decref(document);
}

/* ---- the encoder refuses ---- */

static void refuse_encoding(struct message *message)
{
    struct error err = {0};
    char *text;
    size_t size;
    assert_int_equal(message_encode(message, &text, &size, &err), -1);
    assert_null(text);
    assert_true(err.text[0] != '\0');
}

static void spoil_struct(struct message *message, const struct proto_field *field)
{
    char *values = (char *)&message->as;
    void *place = values + field->offset;
    if (field->kind == FIELD_INTEGER && field->least > INT64_MIN) {
        int64_t right = *(int64_t *)place;
        *(int64_t *)place = field->least - 1;
        refuse_encoding(message);
        *(int64_t *)place = right;
    }
    if (field->kind == FIELD_STRING) {
        char first = *(char *)place, *end = (char *)place + field->most;
        *end = 'x'; /* no NUL at all */
        refuse_encoding(message);
        *end = '\0';
        *(char *)place = '\xff';
        refuse_encoding(message);
        *(char *)place = first;
    }
    if (field->kind == FIELD_LIST) {
        size_t *count = (size_t *)(void *)(values + field->count_offset), right = *count;
        *count = (size_t)field->most + 1;
        refuse_encoding(message);
        *count = right;
    }
}

static void the_encoder_refuses_what_the_decoder_would(void **state)
{
    (void)state;
    for (size_t i = 0; shape_message_at(i); i++) {
        const struct proto_shape *shape = shape_message_at(i);
        struct message message;
        make(shape, &message, true);
        for (size_t j = 0; j < shape->field_count; j++)
            spoil_struct(&message, &shape->fields[j]);
        message_clear(&message);
    }
    struct message nothing = {0};
    refuse_encoding(&nothing);
}

/* ---- who may say what ---- */

static void the_table_says_who_may_speak_and_when(void **state)
{
    static const struct {
        enum proto_kind kind;
        enum proto_sender sender;
        enum proto_state in;
        bool allowed;
    } rows[] = {{PROTO_HELLO, FROM_TYPE, IN_STARTING, true},
                {PROTO_HELLO, FROM_REGION, IN_STARTING, true},
                {PROTO_HELLO, FROM_TYPE, IN_LIVE, false},
                {PROTO_HELLO, FROM_CONTROL, IN_STARTING, false},
                {PROTO_BID, FROM_TYPE, IN_LIVE, true},
                {PROTO_BID, FROM_TYPE, IN_STARTING, false},
                {PROTO_BID, FROM_REGION, IN_LIVE, false},
                {PROTO_ROWS, FROM_TYPE, IN_LIVE, false},
                {PROTO_ROWS, FROM_REGION, IN_LIVE, true},
                {PROTO_GRANT, FROM_TYPE, IN_LIVE, false},
                {PROTO_GRANT, FROM_SUPERVISOR, IN_LIVE, true},
                {PROTO_CONTROL, FROM_TYPE, IN_LIVE, false},
                {PROTO_CONTROL, FROM_CONTROL, IN_LIVE, true},
                {PROTO_CONTROL, FROM_REGION, IN_LIVE, false},
                {PROTO_ANSWER, FROM_CONTROL, IN_LIVE, false},
                {PROTO_HELLO, FROM_HELPER, IN_STARTING, true},
                {PROTO_CREDENTIALS, FROM_TYPE, IN_LIVE, false},
                {PROTO_KEYS_WANTED, FROM_HELPER, IN_LIVE, false},
                {PROTO_KEYS, FROM_SUPERVISOR, IN_LIVE, false},
                {PROTO_KEYS, FROM_TYPE, IN_LIVE, false},
                {PROTO_KEYS, FROM_HELPER, IN_LIVE, true},
                {PROTO_NONE, FROM_TYPE, IN_LIVE, false},
                {(enum proto_kind)9999, FROM_TYPE, IN_LIVE, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (message_allowed(rows[i].kind, rows[i].sender, rows[i].in) != rows[i].allowed)
            fail_msg("row %zu: %s", i, message_name(rows[i].kind));
    }
    assert_string_equal(message_name(PROTO_BID), "BID");
    assert_string_equal(message_name(PROTO_NONE), "?");
}

static void numbers_and_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; shape_message_at(i); i++) {
        assert_ptr_equal(shape_of_kind(shape_message_at(i)->kind), shape_message_at(i));
        assert_ptr_equal(shape_of_name(shape_message_at(i)->name), shape_message_at(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_a_round_trip_at_both_range_ends),
        cmocka_unit_test(an_absent_text_is_sent_as_an_empty_one),
        cmocka_unit_test(missing_wrong_and_extra_fields_are_refused_in_every_message),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_message_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_list_inside_a_broken_message_is_freed),
        cmocka_unit_test(the_encoder_refuses_what_the_decoder_would),
        cmocka_unit_test(the_table_says_who_may_speak_and_when),
        cmocka_unit_test(numbers_and_names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
