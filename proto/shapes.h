/* SPDX-License-Identifier: MPL-2.0 */
/* shapes.h: what the codec knows of a message: its fields with their places in the C struct, all from messages.def.
 * Runs in: every process; used by proto/ alone. Owns nothing: all tables are const. */
#ifndef PROTO_SHAPES_H
#define PROTO_SHAPES_H

#include "proto/messages.h"

enum proto_field_kind { FIELD_INTEGER, FIELD_STRING, FIELD_BOOL, FIELD_TEXT, FIELD_LIST };

struct proto_shape;

struct proto_field {
    enum proto_field_kind kind;
    const char *name;
    size_t offset;                             /* in the struct */
    size_t count_offset;                       /* of a list's count */
    int64_t least, most;                       /* range, length in bytes, or number of elements */
    const struct proto_shape *(*record)(void); /* of a list's elements */
    const char *doc;
};

struct proto_shape {
    const char *name;
    enum proto_kind kind; /* PROTO_NONE: a record */
    int senders, states;  /* bits of enum proto_sender and enum proto_state */
    size_t size;          /* of the C struct */
    const struct proto_field *fields;
    size_t field_count;
    const char *doc;
};

/* The shape of a message, or NULL. */
const struct proto_shape *shape_of_kind(enum proto_kind kind);
const struct proto_shape *shape_of_name(const char *name);
/* All messages, then all records, in the table's order; NULL past the end. */
const struct proto_shape *shape_message_at(size_t index);
const struct proto_shape *shape_record_at(size_t index);

/* Frees the lists and texts inside a struct of this shape and empties them. */
void shape_clear(const struct proto_shape *shape, void *values);

#endif
