/* SPDX-License-Identifier: MPL-2.0 */
/* record.h: structs as JSON and back, by a table of their members: for journals that are replayed.
 * Runs in: every process. Pure: memory only. Owns: nothing; a struct that record_change or record_apply filled is the
 * caller's, and its lists and texts end with record_clear.
 * What is written is what differs from a struct that both sides know. From a zeroed struct that is everything that is
 * not zero: a complete record. Else a list of the same length becomes an object of the elements that changed:
 * {"types": {"3": {"lag": 12000000}}}.
 * A table ends with a row whose name is NULL. */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum record_kind {
    RECORD_INTEGER, /* any whole number of 4 or 8 bytes, and the structs of one number: times, spans, money */
    RECORD_BOOL,
    RECORD_NUMBER,  /* double, exact */
    RECORD_WORD,    /* an enum, by its words */
    RECORD_TEXT,    /* char[size] */
    RECORD_POINTER, /* const char *; NULL is kept apart from "" */
    RECORD_STRUCT,  /* by its own table */
    RECORD_LIST,    /* a pointer to `count` structs */
    RECORD_ARRAY    /* an array in the struct, of which `count` are in use */
};

struct record_field {
    const char *name;
    enum record_kind kind;
    size_t offset, size; /* of the member; of one element for lists and arrays */
    const struct record_field *table;
    size_t count; /* offset of the size_t that counts the elements */
    size_t room;  /* of an array; words of a word */
    const char *const *words;
};

#define RECORD_ROW(type, member, of_kind)                                                                              \
    .name = #member, .kind = of_kind, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define RECORD_MEMBER(type, member, of_kind)                                                                           \
    {                                                                                                                  \
        RECORD_ROW(type, member, of_kind)                                                                              \
    }
#define RECORD_A_WORD(type, member, list)                                                                              \
    {                                                                                                                  \
        RECORD_ROW(type, member, RECORD_WORD), .words = list, .room = sizeof(list) / sizeof((list)[0])                 \
    }
#define RECORD_A_STRUCT(type, member, of_table)                                                                        \
    {                                                                                                                  \
        RECORD_ROW(type, member, RECORD_STRUCT), .table = of_table                                                     \
    }
#define RECORD_A_LIST(type, member, counter, of_table)                                                                 \
    {                                                                                                                  \
        .name = #member, .kind = RECORD_LIST, .offset = offsetof(type, member), .size = sizeof(*((type *)0)->member),  \
        .table = of_table, .count = offsetof(type, counter)                                                            \
    }
#define RECORD_AN_ARRAY(type, member, counter, of_table)                                                               \
    {                                                                                                                  \
        .name = #member, .kind = RECORD_ARRAY, .offset = offsetof(type, member),                                       \
        .size = sizeof(((type *)0)->member[0]), .table = of_table, .count = offsetof(type, counter),                   \
        .room = sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0])                                           \
    }

/* The members of `value` that differ from `known`, which becomes a deep copy of `value`. New reference. */
json_t *record_change(const struct record_field *table, void *known, const void *value);
/* All of `value` that is not zero. New reference. */
json_t *record_whole(const struct record_field *table, size_t size, const void *value);
/* True when all members of the table are the same in both. */
bool record_same(const struct record_field *table, const void *a, const void *b);
/* What record_change gave, put into `known`. Members that are not in the table are errors. */
int record_apply(const struct record_field *table, const json_t *change, void *known, struct error *err);
/* Frees what `known` holds and zeroes the members of the table. */
void record_clear(const struct record_field *table, void *known);

#endif
