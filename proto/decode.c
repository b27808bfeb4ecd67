/* SPDX-License-Identifier: MPL-2.0 */
/* decode.c: reads a message strictly: exactly the table's fields with the table's types, ranges and lengths, nothing
 * missing and nothing left over; duplicate names are refused (jansson would keep the last, STYLE trap 26).
 * Runs in: every process, on bytes that a hostile or broken peer may have written. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/shapes.h"

static int decode_shape(const struct proto_shape *shape, const json_t *object, char *values, struct error *err);

static int fault(const struct proto_shape *shape, const struct proto_field *field, const char *what, struct error *err)
{
    return error_set(err, ERROR_INPUT, "%s.%s: %s", shape->name, field->name, what);
}

static int decode_integer(const struct proto_shape *shape, const struct proto_field *field, const json_t *value,
                          int64_t *out, struct error *err)
{
    if (!json_is_integer(value))
        return fault(shape, field, "it is not an integer", err);
    *out = json_integer_value(value);
    if (*out < field->least || *out > field->most)
        return fault(shape, field, "it is out of range", err);
    return 0;
}

/* `out` is the char array of a string field, or, for an owned text, the place of its pointer. */
static int decode_text(const struct proto_shape *shape, const struct proto_field *field, const json_t *value, void *out,
                       struct error *err)
{
    if (!json_is_string(value))
        return fault(shape, field, "it is not a string", err);
    size_t length = json_string_length(value);
    if (length > (size_t)field->most || length < (size_t)field->least)
        return fault(shape, field, "its length is out of range", err);
    char *to = out;
    if (field->kind == FIELD_TEXT) {
        to = malloc(length + 1);
        if (!to)
            return error_set(err, ERROR_LOCAL, "%s: memory ended", shape->name);
        *(char **)out = to;
    }
    memcpy(to, json_string_value(value), length);
    to[length] = '\0';
    return 0;
}

static int decode_list(const struct proto_shape *shape, const struct proto_field *field, const json_t *value,
                       char *values, struct error *err)
{
    if (!json_is_array(value))
        return fault(shape, field, "it is not a list", err);
    size_t count = json_array_size(value);
    if (count > (size_t)field->most)
        return fault(shape, field, "the list is too long", err);
    if (count == 0)
        return 0;
    const struct proto_shape *record = field->record();
    char *list = calloc(count, record->size);
    if (!list)
        return error_set(err, ERROR_LOCAL, "%s: memory ended", shape->name);
    *(char **)(void *)(values + field->offset) = list;
    *(size_t *)(void *)(values + field->count_offset) = count;
    for (size_t i = 0; i < count; i++) {
        if (decode_shape(record, json_array_get(value, i), list + i * record->size, err) < 0)
            return error_prefix(err, "%s.%s[%zu]", shape->name, field->name, i);
    }
    return 0;
}

static int decode_field(const struct proto_shape *shape, const struct proto_field *field, const json_t *value,
                        char *values, struct error *err)
{
    void *place = values + field->offset;
    switch (field->kind) {
    case FIELD_INTEGER:
        return decode_integer(shape, field, value, place, err);
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return fault(shape, field, "it is neither true nor false", err);
        *(bool *)place = json_is_true(value);
        return 0;
    case FIELD_STRING:
    case FIELD_TEXT:
        return decode_text(shape, field, value, place, err);
    case FIELD_LIST:
        return decode_list(shape, field, value, values, err);
    }
    return -1;
}

static int decode_fields(const struct proto_shape *shape, const json_t *object, char *values, struct error *err)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const json_t *value = json_object_get(object, shape->fields[i].name);
        if (!value)
            return fault(shape, &shape->fields[i], "it is missing", err);
        if (decode_field(shape, &shape->fields[i], value, values, err) < 0)
            return -1;
    }
    return 0;
}

static int decode_shape(const struct proto_shape *shape, const json_t *object, char *values, struct error *err)
{
    if (!json_is_object(object))
        return error_set(err, ERROR_INPUT, "%s: it is not an object", shape->name);
    if (decode_fields(shape, object, values, err) < 0)
        return -1;
    /* All fields were found and names are unique, so a larger size means that there is something else. */
    size_t expected = shape->field_count + (shape->kind == PROTO_NONE ? 0 : 1);
    if (json_object_size(object) != expected)
        return error_set(err, ERROR_INPUT, "%s: it has fields that it may not have", shape->name);
    return 0;
}

static int decode_document(const json_t *document, struct message *out, struct error *err)
{
    const char *name = json_string_value(json_object_get(document, "m"));
    if (!name)
        return error_set(err, ERROR_INPUT, "the message has no name in \"m\"");
    const struct proto_shape *shape = shape_of_name(name);
    if (!shape)
        return error_set(err, ERROR_INPUT, "there is no message called \"%.32s\"", name);
    out->kind = shape->kind;
    if (decode_shape(shape, document, (char *)&out->as, err) == 0)
        return 0;
    message_clear(out);
    return -1;
}

int message_decode(const void *bytes, size_t size, struct message *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (size > PROTO_MESSAGE_LIMIT)
        return error_set(err, ERROR_LIMIT, "%zu bytes are more than a message may have", size);
    json_error_t problem;
    json_t *document = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &problem);
    if (!document)
        return error_set(err, ERROR_INPUT, "the message is not JSON: %s", problem.text);
    int result = decode_document(document, out, err);
    json_decref(document);
    return result;
}
