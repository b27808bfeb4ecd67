/* SPDX-License-Identifier: MPL-2.0 */
/* record_apply.c: JSON back into structs, by the same tables; lists and texts in memory. See record.h.
 * Runs in: every process. Pure. What it reads may have been edited by hand: each type, word and range is checked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/record_parts.h"
#include "common/text.h"

/* ---- lists and texts in memory ---- */

size_t record_count(const struct record_field *field, const void *value)
{
    size_t count;

    memcpy(&count, (const char *)value + field->count, sizeof count);
    return count;
}

void *record_elements(const struct record_field *field, const void *value)
{
    void *elements;

    if (field->kind == RECORD_ARRAY)
        return (char *)value + field->offset;
    memcpy(&elements, (const char *)value + field->offset, sizeof elements);
    return elements;
}

static void clear_elements(const struct record_field *field, void *known)
{
    char *elements = record_elements(field, known);

    for (size_t i = 0; i < record_count(field, known); i++)
        record_clear(field->table, elements + i * field->size);
}

void *record_resize(const struct record_field *field, void *known, size_t count)
{
    void *elements = record_elements(field, known);

    clear_elements(field, known);
    memcpy((char *)known + field->count, &count, sizeof count);
    if (field->kind == RECORD_ARRAY)
        return elements;
    free(elements);
    elements = count > 0 ? calloc(count, field->size) : NULL;
    if (count > 0 && !elements)
        abort();
    memcpy((char *)known + field->offset, &elements, sizeof elements);
    return elements;
}

void record_set_pointer(void *at, const char *text)
{
    char *before, *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        abort();
    memcpy(&before, at, sizeof before);
    free(before);
    memcpy(at, &copy, sizeof copy);
}

void record_clear(const struct record_field *table, void *known)
{
    for (const struct record_field *field = table; field->name; field++) {
        char *at = (char *)known + field->offset;
        if (field->kind == RECORD_LIST || field->kind == RECORD_ARRAY)
            record_resize(field, known, 0);
        else if (field->kind == RECORD_POINTER)
            record_set_pointer(at, NULL);
        else if (field->kind == RECORD_STRUCT)
            record_clear(field->table, at);
        else
            memset(at, 0, field->size);
    }
}

/* ---- one member ---- */

static int wrong(struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "is no %s", what);
}

static int apply_integer(const struct record_field *field, const json_t *value, char *at, struct error *err)
{
    int64_t large = json_integer_value(value);
    int32_t small = (int32_t)large;

    if (!json_is_integer(value) || (field->size == sizeof small && small != large))
        return wrong(err, "whole number in its range");
    memcpy(at, field->size == sizeof small ? (const void *)&small : (const void *)&large, field->size);
    return 0;
}

static int apply_word(const struct record_field *field, const json_t *value, char *at, struct error *err)
{
    if (json_is_integer(value))
        return apply_integer(field, value, at, err);
    for (size_t i = 0; json_is_string(value) && i < field->room; i++)
        if (text_equal(json_string_value(value), field->words[i])) {
            int32_t number = (int32_t)i;
            memcpy(at, &number, sizeof number);
            return 0;
        }
    return wrong(err, "word that is known here");
}

static int apply_text(const struct record_field *field, const json_t *value, char *at, struct error *err)
{
    if (!json_is_string(value) || json_string_length(value) >= field->size)
        return wrong(err, "text of a length that fits");
    return text_copy(at, field->size, json_string_value(value));
}

static int apply_pointer(const json_t *value, char *at, struct error *err)
{
    if (!json_is_string(value) && !json_is_null(value))
        return wrong(err, "text");
    record_set_pointer(at, json_string_value(value));
    return 0;
}

static int apply_bool(const json_t *value, char *at, struct error *err)
{
    if (!json_is_boolean(value))
        return wrong(err, "true or false");
    *(bool *)at = json_is_true(value);
    return 0;
}

static int apply_number(const json_t *value, char *at, struct error *err)
{
    const char *text = json_string_value(value);
    double number = json_number_value(value);

    if (text_equal(text, "inf") || text_equal(text, "-inf"))
        number = *text == '-' ? -INFINITY : INFINITY;
    else if (text_equal(text, "nan"))
        number = NAN;
    else if (!json_is_number(value))
        return wrong(err, "number");
    memcpy(at, &number, sizeof number);
    return 0;
}

/* ---- lists ---- */

static int apply_all(const struct record_field *field, const json_t *list, void *known, struct error *err)
{
    size_t count = json_array_size(list);

    if (field->kind == RECORD_ARRAY && count > field->room)
        return error_set(err, ERROR_INPUT, "has more than %zu elements", field->room);
    char *elements = record_resize(field, known, count);
    for (size_t i = 0; i < count; i++)
        if (record_apply(field->table, json_array_get(list, i), elements + i * field->size, err) != 0)
            return error_prefix(err, "%zu", i);
    return 0;
}

static int apply_some(const struct record_field *field, json_t *changed, void *known, struct error *err)
{
    char *elements = record_elements(field, known);
    const char *index;
    json_t *element;

    json_object_foreach(changed, index, element)
    {
        char *end;
        unsigned long i = strtoul(index, &end, 10);
        if (*end || end == index || i >= record_count(field, known))
            return error_set(err, ERROR_INPUT, "%.40s: there is no such element", index);
        if (record_apply(field->table, element, elements + i * field->size, err) != 0)
            return error_prefix(err, "%lu", i);
    }
    return 0;
}

static int apply_list(const struct record_field *field, json_t *value, void *known, struct error *err)
{
    if (json_is_array(value))
        return apply_all(field, value, known, err);
    return json_is_object(value) ? apply_some(field, value, known, err) : wrong(err, "list");
}

/* ---- structs ---- */

static int apply_field(const struct record_field *field, json_t *value, char *known, struct error *err)
{
    char *at = known + field->offset;

    switch (field->kind) {
    case RECORD_INTEGER:
        return apply_integer(field, value, at, err);
    case RECORD_BOOL:
        return apply_bool(value, at, err);
    case RECORD_NUMBER:
        return apply_number(value, at, err);
    case RECORD_WORD:
        return apply_word(field, value, at, err);
    case RECORD_TEXT:
        return apply_text(field, value, at, err);
    case RECORD_POINTER:
        return apply_pointer(value, at, err);
    case RECORD_STRUCT:
        return record_apply(field->table, value, at, err);
    default:
        return apply_list(field, value, known, err);
    }
}

int record_apply(const struct record_field *table, const json_t *change, void *known, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(change))
        return wrong(err, "object");
    json_object_foreach((json_t *)change, name, value)
    {
        const struct record_field *field = table;
        while (field->name && !text_equal(field->name, name))
            field++;
        if (!field->name)
            return error_set(err, ERROR_INPUT, "%.60s: is not known here", name);
        if (apply_field(field, value, known, err) != 0)
            return error_prefix(err, "%s", name);
    }
    return 0;
}
