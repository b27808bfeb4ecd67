/* SPDX-License-Identifier: MPL-2.0 */
/* shapes.c: expands messages.def to the tables that encoder, decoder, checks and docs/PROTOCOL.md all read.
 * Runs in: every process. Owns nothing: all tables are const.
 * Each row becomes a function with a local typedef, because the field lists do not know which struct they are in. */
#include "proto/shapes.h"

#include <stdlib.h>
#include <string.h>

#define SHAPE_I(name_, least_, most_, doc_)                                                                            \
    {.kind = FIELD_INTEGER,                                                                                            \
     .name = #name_,                                                                                                   \
     .offset = offsetof(current, name_),                                                                               \
     .least = least_,                                                                                                  \
     .most = most_,                                                                                                    \
     .doc = doc_},
#define SHAPE_S(name_, least_, most_, doc_)                                                                            \
    {.kind = FIELD_STRING,                                                                                             \
     .name = #name_,                                                                                                   \
     .offset = offsetof(current, name_),                                                                               \
     .least = least_,                                                                                                  \
     .most = most_,                                                                                                    \
     .doc = doc_},
#define SHAPE_B(name_, doc_) {.kind = FIELD_BOOL, .name = #name_, .offset = offsetof(current, name_), .doc = doc_},
#define SHAPE_T(name_, most_, doc_)                                                                                    \
    {.kind = FIELD_TEXT, .name = #name_, .offset = offsetof(current, name_), .most = most_, .doc = doc_},
#define SHAPE_R(record_, name_, most_, doc_)                                                                           \
    {.kind = FIELD_LIST,                                                                                               \
     .name = #name_,                                                                                                   \
     .offset = offsetof(current, name_),                                                                               \
     .count_offset = offsetof(current, name_##_count),                                                                 \
     .most = most_,                                                                                                    \
     .record = shape_##record_,                                                                                        \
     .doc = doc_},

#define SHAPE_FUNCTION(NAME, kind_, senders_, states_, FIELDS, doc_)                                                   \
    static const struct proto_shape *shape_##NAME(void)                                                                \
    {                                                                                                                  \
        typedef struct proto_##NAME current;                                                                           \
        static const struct proto_field fields[] = {FIELDS(SHAPE_I, SHAPE_S, SHAPE_B, SHAPE_T, SHAPE_R)};              \
        static const struct proto_shape shape = {.name = #NAME,                                                        \
                                                 .kind = kind_,                                                        \
                                                 .senders = senders_,                                                  \
                                                 .states = states_,                                                    \
                                                 .size = sizeof(current),                                              \
                                                 .fields = fields,                                                     \
                                                 .field_count = sizeof fields / sizeof fields[0],                      \
                                                 .doc = doc_};                                                         \
        return &shape;                                                                                                 \
    }
#define RECORD(NAME, FIELDS, doc) SHAPE_FUNCTION(NAME, PROTO_NONE, 0, 0, FIELDS, doc)
#define MESSAGE(NAME, number, senders, states, FIELDS, doc)                                                            \
    SHAPE_FUNCTION(NAME, PROTO_##NAME, senders, states, FIELDS, doc)
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE

typedef const struct proto_shape *shape_function(void);

static shape_function *const messages[] = {
#define RECORD(NAME, FIELDS, doc)
#define MESSAGE(NAME, number, senders, states, FIELDS, doc) shape_##NAME,
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE
};

static shape_function *const records[] = {
#define RECORD(NAME, FIELDS, doc) shape_##NAME,
#define MESSAGE(NAME, number, senders, states, FIELDS, doc)
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE
};

#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])
#define RECORD_COUNT (sizeof records / sizeof records[0])

const struct proto_shape *shape_of_kind(enum proto_kind kind)
{
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        if (messages[i]()->kind == kind)
            return messages[i]();
    }
    return NULL;
}

const struct proto_shape *shape_of_name(const char *name)
{
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        if (strcmp(messages[i]()->name, name) == 0)
            return messages[i]();
    }
    return NULL;
}

const struct proto_shape *shape_message_at(size_t index)
{
    return index < MESSAGE_COUNT ? messages[index]() : NULL;
}

const struct proto_shape *shape_record_at(size_t index)
{
    return index < RECORD_COUNT ? records[index]() : NULL;
}

static void list_clear(const struct proto_field *field, char **list, size_t *count)
{
    const struct proto_shape *record = field->record();
    for (size_t i = 0; *list && i < *count; i++)
        shape_clear(record, *list + i * record->size);
    free(*list);
    *list = NULL;
    *count = 0;
}

void shape_clear(const struct proto_shape *shape, void *values)
{
    char *base = values;
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct proto_field *field = &shape->fields[i];
        void *place = base + field->offset;
        if (field->kind == FIELD_TEXT) {
            free(*(char **)place);
            *(char **)place = NULL;
        } else if (field->kind == FIELD_LIST) {
            list_clear(field, (char **)place, (size_t *)(void *)(base + field->count_offset));
        }
    }
}
