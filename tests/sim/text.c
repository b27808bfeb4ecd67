/* SPDX-License-Identifier: MPL-2.0 */
/* A growing text and an XML writer that cannot forget to escape. See text.h. */
#include "text.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct text *text, size_t more)
{
    if (text->length + more + 1 <= text->room)
        return;
    while (text->length + more + 1 > text->room)
        text->room = text->room > 0 ? text->room * 2 : 1024;
    text->data = must_resize(text->data, text->room);
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    reserve(text, length);
    if (length > 0)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    reserve(text, (size_t)length);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    va_end(again);
    text->length += (size_t)length;
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void xml_open(struct text *text, const char *name)
{
    text_add_bytes(text, "<", 1);
    text_add(text, name);
    text_add_bytes(text, ">", 1);
}

void xml_close(struct text *text, const char *name)
{
    text_add_bytes(text, "</", 2);
    text_add(text, name);
    text_add_bytes(text, ">", 1);
}

static void add_escaped(struct text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        switch (byte) {
        case '&':
            text_add(text, "&amp;");
            break;
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '"':
            text_add(text, "&quot;");
            break;
        default:
            if (byte < 0x20 && byte != '\t' && byte != '\n')
                text_addf(text, "&#x%x;", byte);
            else
                text_add_bytes(text, value, 1);
        }
    }
}

void xml_text(struct text *text, const char *name, const char *value)
{
    if (value == NULL)
        return;
    xml_open(text, name);
    add_escaped(text, value);
    xml_close(text, name);
}

void xml_integer(struct text *text, const char *name, long long value)
{
    xml_open(text, name);
    text_addf(text, "%lld", value);
    xml_close(text, name);
}

void xml_bool(struct text *text, const char *name, bool value)
{
    xml_text(text, name, value ? "true" : "false");
}
