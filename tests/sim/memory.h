/* SPDX-License-Identifier: MPL-2.0 */
/* Allocation that never fails: a simulator with no memory left has nothing useful to say.
 * All results are freed with free(). */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>

void *must_alloc(size_t size); /* zeroed */
void *must_resize(void *old, size_t size);
char *must_copy(const char *text);                       /* NULL gives NULL */
char *must_copy_bytes(const char *bytes, size_t length); /* adds a closing NUL */
char *must_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Remembers a replaced piece of configuration that others may still point to, so that it is
 * seen to be kept, not leaked. Freed by nobody. */
void must_keep(void *pointer);

/* Replaces *field with a copy of text. */
void must_replace(char **field, const char *text);

#endif
