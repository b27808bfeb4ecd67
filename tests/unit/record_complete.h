/* SPDX-License-Identifier: MPL-2.0 */
/* record_complete.h: RECORD_COMPLETE(struct x, table) fails when a member of the struct has no row in its record table.
 * Included by test_arbiter_record.c and test_plan_record.c. Needs a compiler that can tell padding (gcc). */
#ifndef TESTS_UNIT_RECORD_COMPLETE_H
#define TESTS_UNIT_RECORD_COMPLETE_H

#include <string.h>

#include "common/record.h"

#ifdef __has_builtin
#if __has_builtin(__builtin_clear_padding)
#define RECORD_PADDING_IS_KNOWN
#endif
#endif

static inline bool record_covers(const struct record_field *field, size_t byte)
{
    bool list = field->kind == RECORD_LIST || field->kind == RECORD_ARRAY;
    size_t size = field->kind == RECORD_LIST    ? sizeof(void *)
                  : field->kind == RECORD_ARRAY ? field->size * field->room
                                                : field->size;
    bool counts = list && byte >= field->count && byte < field->count + sizeof(size_t);

    return counts || (byte >= field->offset && byte < field->offset + size);
}

/* A kind reads and writes members of its own size only. */
static inline bool record_fits(const struct record_field *field)
{
    switch (field->kind) {
    case RECORD_INTEGER:
        return field->size == sizeof(int32_t) || field->size == sizeof(int64_t);
    case RECORD_BOOL:
        return field->size == sizeof(bool);
    case RECORD_WORD:
        return field->size == sizeof(int32_t);
    case RECORD_NUMBER:
    case RECORD_POINTER:
        return field->size == 8;
    default:
        return true;
    }
}

/* `bytes` are 0xff where the struct has members. */
static inline void record_check(const char *name, const struct record_field *table, const unsigned char *bytes,
                                size_t size)
{
    for (const struct record_field *field = table; field->name; field++)
        if (!record_fits(field))
            fail_msg("%s: %s is of another kind", name, field->name);
    for (size_t byte = 0; byte < size; byte++) {
        bool covered = bytes[byte] == 0;
        for (const struct record_field *field = table; !covered && field->name; field++)
            covered = record_covers(field, byte);
        if (!covered)
            fail_msg("%s: the member at byte %zu has no row", name, byte);
    }
}

/* What comes after the table is done to `value`, to zero members that are left out on purpose. */
#define RECORD_COMPLETE(type, table, ...)                                                                              \
    do {                                                                                                               \
        static type value;                                                                                             \
        memset(&value, 0xff, sizeof value);                                                                            \
        __builtin_clear_padding(&value);                                                                               \
        __VA_ARGS__;                                                                                                   \
        record_check(#type, table, (const unsigned char *)&value, sizeof value);                                       \
    } while (0)

#endif
