/* SPDX-License-Identifier: MPL-2.0 */
/* A growing text, and the few calls that write XML into it with everything escaped. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NUL-terminated once anything was added */
    size_t length, room;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

void xml_open(struct text *text, const char *name);
void xml_close(struct text *text, const char *name);
void xml_text(struct text *text, const char *name, const char *value); /* nothing when value is NULL */
void xml_integer(struct text *text, const char *name, long long value);
void xml_bool(struct text *text, const char *name, bool value);

#endif
