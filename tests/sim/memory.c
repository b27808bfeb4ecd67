/* SPDX-License-Identifier: MPL-2.0 */
/* Allocation that ends the program when there is no memory left. See memory.h. */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer)
{
    if (pointer == NULL) {
        fputs("simcloud: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *must_alloc(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *must_resize(void *old, size_t size)
{
    return checked(realloc(old, size > 0 ? size : 1));
}

char *must_copy(const char *text)
{
    return text != NULL ? checked(strdup(text)) : NULL;
}

char *must_copy_bytes(const char *bytes, size_t length)
{
    char *copy = must_alloc(length + 1);
    memcpy(copy, bytes, length);
    return copy;
}

char *must_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return checked(length < 0 ? NULL : text);
}

void must_keep(void *pointer)
{
    static void **kept;
    static size_t count;
    kept = must_resize(kept, (count + 1) * sizeof *kept);
    kept[count++] = pointer;
}

void must_replace(char **field, const char *text)
{
    char *copy = must_copy(text);
    free(*field);
    *field = copy;
}
