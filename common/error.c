/* SPDX-License-Identifier: MPL-2.0 */
/* error.c: fills and prefixes struct error.
 * Runs in: every process and thread; touches nothing but the struct it is given.
 * Texts are put together beside the struct first, so that a caller may pass err->text itself as an argument. */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *err, enum error_code code, const char *format, va_list arguments)
{
    char text[sizeof err->text];

    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    memcpy(err->text, text, sizeof text);
    err->code = code;
}

/* Appends what fits. */
static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text), length = strlen(more);

    if (length > size - 1 - used)
        length = size - 1 - used;
    memcpy(text + used, more, length);
    text[used + length] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list arguments;

    if (!err)
        return -1;
    va_start(arguments, format);
    fill(err, code, format, arguments);
    va_end(arguments);
    return -1;
}

int error_set_errno(struct error *err, enum error_code code, const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    char reason[128];

    if (!err)
        return -1;
    va_start(arguments, format);
    fill(err, code, format, arguments);
    va_end(arguments);
    append(err->text, sizeof err->text, ": ");
    /* The GNU strerror_r: it may ignore the array and return a constant text. */
    append(err->text, sizeof err->text, strerror_r(saved, reason, sizeof reason));
    errno = saved;
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list arguments;

    if (!err)
        return -1;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    append(text, sizeof text, ": ");
    append(text, sizeof text, err->text);
    memcpy(err->text, text, sizeof text);
    return -1;
}

void error_clear(struct error *err)
{
    if (!err)
        return;
    err->code = ERROR_NONE;
    err->text[0] = '\0';
}
