/* SPDX-License-Identifier: MPL-2.0 */
/* settings_print.c: the values of a settings table as JSON, their differences, and the help.
 * Runs in: provisiond and tools. Pure but for jansson and the stream it is given.
 * Lengths of time and amounts are printed as text in their exact form, so that print -> parse gives the same values. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/money.h"
#include "common/settings.h"
#include "common/text.h"

#define NAME_SIZE 128

static const void *place(const struct setting *row, const void *values)
{
    return (const char *)values + row->offset;
}

static json_t *print_money(const struct setting *row, struct money money)
{
    char text[48];

    if (row->most == INT64_MAX && money.micros == INT64_MAX)
        return json_string("unlimited");
    money_format(money, text, sizeof text);
    return json_string(text);
}

static json_t *print_span(struct span span)
{
    char text[48];

    span_format(span, text, sizeof text);
    return json_string(text);
}

/* New reference. */
static json_t *print_value(const struct setting *row, const void *from)
{
    switch (row->kind) {
    case SETTING_STRING:
        return json_string(from);
    case SETTING_INTEGER:
        return json_integer(*(const int64_t *)from);
    case SETTING_NUMBER:
        return json_real(*(const double *)from);
    case SETTING_BOOL:
        return json_boolean(*(const bool *)from);
    case SETTING_SPAN:
        return print_span(*(const struct span *)from);
    case SETTING_MONEY:
        return print_money(row, *(const struct money *)from);
    case SETTING_CHOICE:
        return json_string(row->choices[*(const int *)from]);
    }
    return NULL;
}

/* Puts `value` under a dotted name, making the objects on the way. Takes the reference. */
static int put(json_t *object, const char *name, json_t *value)
{
    char part[NAME_SIZE];
    const char *dot = strchr(name, '.');

    if (!dot)
        return json_object_set_new(object, name, value);
    text_format(part, sizeof part, "%.*s", (int)(dot - name), name);
    json_t *inner = json_object_get(object, part);
    if (!inner) {
        inner = json_object();
        if (json_object_set_new(object, part, inner) != 0) {
            json_decref(value);
            return -1;
        }
    }
    return put(inner, dot + 1, value);
}

json_t *settings_print(const struct setting *table, const void *values)
{
    json_t *document = json_object();

    if (!document)
        abort();
    for (const struct setting *row = table; row->name; row++)
        if (put(document, row->name, print_value(row, place(row, values))) != 0)
            abort(); /* no memory, or text that no parser let in */
    return document;
}

static bool is_same(const struct setting *row, const void *a, const void *b)
{
    switch (row->kind) {
    case SETTING_STRING:
        return text_equal(a, b);
    case SETTING_INTEGER:
        return *(const int64_t *)a == *(const int64_t *)b;
    case SETTING_NUMBER:
        return *(const double *)a == *(const double *)b;
    case SETTING_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case SETTING_SPAN:
        return ((const struct span *)a)->us == ((const struct span *)b)->us;
    case SETTING_MONEY:
        return ((const struct money *)a)->micros == ((const struct money *)b)->micros;
    case SETTING_CHOICE:
        return *(const int *)a == *(const int *)b;
    }
    return true;
}

int settings_frozen_changes(const struct setting *table, const void *before, const void *after, char *out, size_t size)
{
    int count = 0;

    text_copy(out, size, "");
    for (const struct setting *row = table; row->name; row++) {
        if (row->reloadable || is_same(row, place(row, before), place(row, after)))
            continue;
        size_t used = strlen(out);
        text_format(out + used, size - used, "%s%s", count > 0 ? ", " : "", row->name);
        count++;
    }
    return count;
}

void settings_help(const struct setting *table, FILE *out)
{
    for (const struct setting *row = table; row->name; row++) {
        fprintf(out, "%s (", row->name);
        if (row->fallback)
            fprintf(out, "default %s", *row->fallback ? row->fallback : "empty");
        else
            fprintf(out, "must be given");
        if (row->unit)
            fprintf(out, ", %s", row->unit);
        for (int i = 0; row->kind == SETTING_CHOICE && row->choices[i]; i++)
            fprintf(out, "%s%s", i > 0 ? " | " : ", one of ", row->choices[i]);
        fprintf(out, "%s)\n    %s\n\n", row->reloadable ? "" : ", needs a restart", row->help ? row->help : "");
    }
}
