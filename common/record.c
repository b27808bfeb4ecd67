/* SPDX-License-Identifier: MPL-2.0 */
/* record.c: what changed in a struct, as JSON; see record.h. Runs in: every process. Pure.
 * One walk compares, writes and copies, so that a large state of which little changed costs little. Memory running out
 * aborts. record_apply.c is the way back. */
#include "common/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/record_parts.h"
#include "common/text.h"

static void change_struct(const struct record_field *table, void *known, const void *value, json_t **out);

/* Objects come into being with their first member: most structs did not change. */
static void put(json_t **out, const char *name, json_t *value)
{
    if (!*out)
        *out = json_object();
    if (!*out || json_object_set_new_nocheck(*out, name, value) != 0)
        abort();
}

/* Texts of other programs may hold what JSON may not. */
static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);

    if (value)
        return value;
    char *plain = strdup(text);
    for (char *at = plain; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = plain ? json_string(plain) : NULL;
    free(plain);
    return value;
}

static json_t *word_value(const struct record_field *field, int64_t number)
{
    if (number >= 0 && (size_t)number < field->room)
        return json_string_nocheck(field->words[number]);
    return json_integer(number);
}

int64_t record_integer(const void *at, size_t size)
{
    int64_t large = 0;
    int32_t small;

    if (size == sizeof large) {
        memcpy(&large, at, sizeof large);
        return large;
    }
    memcpy(&small, at, sizeof small);
    return small;
}

/* JSON has no word for what is no finite number. */
static json_t *number_value(double number)
{
    if (isfinite(number))
        return json_real(number);
    return json_string_nocheck(isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
}

static json_t *plain_value(const struct record_field *field, const void *at)
{
    double number;

    switch (field->kind) {
    case RECORD_BOOL:
        return json_boolean(*(const bool *)at);
    case RECORD_NUMBER:
        memcpy(&number, at, sizeof number);
        return number_value(number);
    case RECORD_WORD:
        return word_value(field, record_integer(at, field->size));
    default:
        return json_integer(record_integer(at, field->size));
    }
}

static void change_text(const struct record_field *field, char *known, const char *value, json_t **out)
{
    if (strncmp(known, value, field->size) == 0)
        return;
    put(out, field->name, text_value(value));
    text_copy(known, field->size, value);
}

static void change_pointer(const struct record_field *field, char *known_at, const char *value_at, json_t **out)
{
    char *known;
    const char *value;

    memcpy(&known, known_at, sizeof known);
    memcpy(&value, value_at, sizeof value);
    if (text_equal(known, value))
        return;
    put(out, field->name, value ? text_value(value) : json_null());
    record_set_pointer(known_at, value);
}

/* ---- lists ---- */

static void change_elements(const struct record_field *field, char *known, const char *value, size_t count,
                            json_t **out)
{
    json_t *changed = NULL;
    char index[24];

    for (size_t i = 0; i < count; i++) {
        char *known_at = known + i * field->size;
        const char *value_at = value + i * field->size;
        json_t *element = NULL;
        if (memcmp(known_at, value_at, field->size) == 0) /* a glance: most did not change */
            continue;
        change_struct(field->table, known_at, value_at, &element);
        if (!element)
            continue;
        (void)text_format(index, sizeof index, "%zu", i);
        put(&changed, index, element);
    }
    if (changed)
        put(out, field->name, changed);
}

static void change_list(const struct record_field *field, char *known, const char *value, json_t **out)
{
    size_t before = record_count(field, known), count = record_count(field, value);
    const char *from = record_elements(field, value);

    if (before == count) {
        if (count > 0)
            change_elements(field, record_elements(field, known), from, count, out);
        return;
    }
    json_t *all = json_array();
    char *to = record_resize(field, known, count);
    for (size_t i = 0; i < count; i++) {
        json_t *element = NULL;
        change_struct(field->table, to + i * field->size, from + i * field->size, &element);
        if (json_array_append_new(all, element ? element : json_object()) != 0)
            abort();
    }
    put(out, field->name, all);
}

/* ---- structs ---- */

static void change_field(const struct record_field *field, char *known, const char *value, json_t **out)
{
    char *known_at = known + field->offset;
    const char *value_at = value + field->offset;
    json_t *inner = NULL;

    switch (field->kind) {
    case RECORD_TEXT:
        change_text(field, known_at, value_at, out);
        break;
    case RECORD_POINTER:
        change_pointer(field, known_at, value_at, out);
        break;
    case RECORD_STRUCT:
        if (memcmp(known_at, value_at, field->size) != 0)
            change_struct(field->table, known_at, value_at, &inner);
        if (inner)
            put(out, field->name, inner);
        break;
    case RECORD_LIST:
    case RECORD_ARRAY:
        change_list(field, known, value, out);
        break;
    default:
        if (memcmp(known_at, value_at, field->size) == 0)
            break;
        put(out, field->name, plain_value(field, value_at));
        memcpy(known_at, value_at, field->size);
    }
}

static void change_struct(const struct record_field *table, void *known, const void *value, json_t **out)
{
    for (const struct record_field *field = table; field->name; field++)
        change_field(field, known, value, out);
}

json_t *record_change(const struct record_field *table, void *known, const void *value)
{
    json_t *out = NULL;

    change_struct(table, known, value, &out);
    return out ? out : json_object();
}

json_t *record_whole(const struct record_field *table, size_t size, const void *value)
{
    void *nothing = calloc(1, size);

    if (!nothing)
        abort();
    json_t *out = record_change(table, nothing, value);
    record_clear(table, nothing);
    free(nothing);
    return out;
}

/* ---- comparing ---- */

static bool same_elements(const struct record_field *field, const void *a, const void *b)
{
    size_t count = record_count(field, a);
    const char *left = record_elements(field, a), *right = record_elements(field, b);

    if (count != record_count(field, b))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!record_same(field->table, left + i * field->size, right + i * field->size))
            return false;
    return true;
}

static bool same_field(const struct record_field *field, const char *a, const char *b)
{
    const char *left, *right;

    switch (field->kind) {
    case RECORD_TEXT:
        return strncmp(a + field->offset, b + field->offset, field->size) == 0;
    case RECORD_POINTER:
        memcpy(&left, a + field->offset, sizeof left);
        memcpy(&right, b + field->offset, sizeof right);
        return text_equal(left, right);
    case RECORD_STRUCT:
        return record_same(field->table, a + field->offset, b + field->offset);
    case RECORD_LIST:
    case RECORD_ARRAY:
        return same_elements(field, a, b);
    default:
        return memcmp(a + field->offset, b + field->offset, field->size) == 0;
    }
}

bool record_same(const struct record_field *table, const void *a, const void *b)
{
    for (const struct record_field *field = table; field->name; field++)
        if (!same_field(field, a, b))
            return false;
    return true;
}
