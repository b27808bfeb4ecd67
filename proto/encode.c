/* SPDX-License-Identifier: MPL-2.0 */
/* encode.c: writes a message as one frame of compact JSON and refuses to write what the decoder would refuse: a wrong
 * value is then found in the process that made it, not in the one that would have to kill it.
 * Runs in: every process. The text belongs to the caller. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/shapes.h"

static json_t *encode_shape(const struct proto_shape *shape, const char *values, struct error *err);

static json_t *fault(const struct proto_shape *shape, const struct proto_field *field, const char *what,
                     struct error *err)
{
    error_set(err, ERROR_INPUT, "%s.%s: %s", shape->name, field->name, what);
    return NULL;
}

static json_t *encode_text(const struct proto_shape *shape, const struct proto_field *field, const char *text,
                           struct error *err)
{
    size_t length = strnlen(text, (size_t)field->most + 1);
    if (length > (size_t)field->most || length < (size_t)field->least)
        return fault(shape, field, "its length is out of range", err);
    json_t *value = json_stringn(text, length);
    return value ? value : fault(shape, field, "it is not UTF-8", err);
}

static json_t *encode_list(const struct proto_shape *shape, const struct proto_field *field, const char *values,
                           struct error *err)
{
    const char *list = *(char *const *)(const void *)(values + field->offset);
    size_t count = *(const size_t *)(const void *)(values + field->count_offset);
    if (count > (size_t)field->most)
        return fault(shape, field, "the list is too long", err);
    const struct proto_shape *record = field->record();
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *element = encode_shape(record, list + i * record->size, err);
        if (!element || json_array_append_new(array, element) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *encode_field(const struct proto_shape *shape, const struct proto_field *field, const char *values,
                            struct error *err)
{
    const void *place = values + field->offset;
    const char *text;
    int64_t number;
    switch (field->kind) {
    case FIELD_INTEGER:
        number = *(const int64_t *)place;
        if (number < field->least || number > field->most)
            return fault(shape, field, "it is out of range", err);
        return json_integer(number);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)place);
    case FIELD_STRING:
        return encode_text(shape, field, place, err);
    case FIELD_TEXT:
        text = *(char *const *)place;
        return encode_text(shape, field, text ? text : "", err);
    case FIELD_LIST:
        return encode_list(shape, field, values, err);
    }
    return NULL;
}

static int encode_fields(const struct proto_shape *shape, const char *values, json_t *object, struct error *err)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        json_t *value = encode_field(shape, &shape->fields[i], values, err);
        if (!value)
            return -1;
        if (json_object_set_new_nocheck(object, shape->fields[i].name, value) < 0)
            return error_set(err, ERROR_LOCAL, "%s: memory ended", shape->name);
    }
    return 0;
}

static json_t *encode_shape(const struct proto_shape *shape, const char *values, struct error *err)
{
    json_t *object = json_object();
    if (object && encode_fields(shape, values, object, err) == 0)
        return object;
    json_decref(object);
    return NULL;
}

int message_encode(const struct message *message, char **text_out, size_t *size_out, struct error *err)
{
    const struct proto_shape *shape = shape_of_kind(message->kind);
    *text_out = NULL;
    *size_out = 0;
    if (!shape)
        return error_set(err, ERROR_INPUT, "there is no message number %d", (int)message->kind);
    json_t *object = json_object();
    json_object_set_new_nocheck(object, "m", json_string(shape->name));
    char *text = NULL;
    if (encode_fields(shape, (const char *)&message->as, object, err) == 0) {
        text = json_dumps(object, JSON_COMPACT);
        if (!text)
            error_set(err, ERROR_LOCAL, "%s: memory ended", shape->name);
    }
    json_decref(object);
    if (!text)
        return -1;
    *size_out = strlen(text);
    if (*size_out > PROTO_MESSAGE_LIMIT) {
        free(text);
        return error_set(err, ERROR_LIMIT, "%s: %zu bytes are more than a message may have", shape->name, *size_out);
    }
    *text_out = text;
    return 0;
}
