/* SPDX-License-Identifier: MPL-2.0 */
/* record_parts.h: what record.c and record_apply.c share: members, lists and owned texts in memory.
 * Private to common/record*.c. Pure. Owns: see record.h. */
#ifndef COMMON_RECORD_PARTS_H
#define COMMON_RECORD_PARTS_H

#include "common/record.h"

/* A whole number of 4 or 8 bytes. */
int64_t record_integer(const void *at, size_t size);
/* `value` is the struct that holds the list. */
size_t record_count(const struct record_field *field, const void *value);
void *record_elements(const struct record_field *field, const void *value);
/* Clears the list and makes room for `count` zeroed elements, which it then has. */
void *record_resize(const struct record_field *field, void *known, size_t count);
/* Frees the text that the const char * at `at` owns and puts a copy of `text` there. */
void record_set_pointer(void *at, const char *text);

#endif
