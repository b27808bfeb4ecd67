/* SPDX-License-Identifier: MPL-2.0 */
/* settings.c: reads, prints, compares and explains a table of settings.
 * Runs in: provisiond and tools. Pure but for jansson: it opens no file and knows no setting by name.
 * A dotted name is a member of a nested object. Parsing is two passes: one over the document, for names that nobody
 * knows; one over the table, for the values, so that the table alone decides the order in which faults are found. */
#include "common/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/money.h"
#include "common/text.h"

#define NAME_SIZE 128
#define DEEPEST 4      /* objects within each other */
#define MOST_NAMES 256 /* that a suggestion looks at */

static void *place(const struct setting *row, void *values)
{
    return (char *)values + row->offset;
}

static size_t value_size(const struct setting *row)
{
    switch (row->kind) {
    case SETTING_STRING:
        return (size_t)row->most;
    case SETTING_INTEGER:
        return sizeof(int64_t);
    case SETTING_NUMBER:
        return sizeof(double);
    case SETTING_BOOL:
        return sizeof(bool);
    case SETTING_SPAN:
        return sizeof(struct span);
    case SETTING_MONEY:
        return sizeof(struct money);
    case SETTING_CHOICE:
        return sizeof(int);
    }
    return 0;
}

static int check_range(const struct setting *row, int64_t value, const struct json_at *at, struct error *err)
{
    char least[48], most[48];

    if (value >= row->least && value <= row->most)
        return 0;
    if (row->kind == SETTING_SPAN) {
        span_format((struct span){row->least}, least, sizeof least);
        span_format((struct span){row->most}, most, sizeof most);
    } else {
        money_format((struct money){row->least}, least, sizeof least);
        money_format((struct money){row->most}, most, sizeof most);
    }
    return json_complain(at, err, "must be from %s to %s", least, most);
}

static int find_choice(const struct setting *row, const char *word)
{
    for (int i = 0; row->choices[i]; i++)
        if (text_equal(row->choices[i], word))
            return i;
    return -1;
}

static int read_choice(const struct setting *row, const json_t *object, const struct json_at *parent, const char *name,
                       int *out, struct error *err)
{
    struct json_at at = json_at_member(parent, name);
    const char *word = NULL;
    char all[192] = "";

    if (json_get_string(object, parent, name, true, 0, SIZE_MAX, &word, err) != 0)
        return -1;
    int choice = find_choice(row, word);
    if (choice >= 0) {
        *out = choice;
        return 0;
    }
    for (int i = 0; row->choices[i]; i++) {
        size_t used = strlen(all);
        text_format(all + used, sizeof all - used, "%s\"%s\"", i > 0 ? ", " : "", row->choices[i]);
    }
    return json_complain(&at, err, "must be one of %s", all);
}

static int read_money(const struct setting *row, const json_t *object, const struct json_at *parent, const char *name,
                      struct money *out, struct error *err)
{
    struct json_at at = json_at_member(parent, name);
    struct money money = MONEY_ZERO;

    if (row->most == INT64_MAX && text_equal(json_string_value(json_object_get(object, name)), "unlimited")) {
        *out = MONEY_MAX;
        return 0;
    }
    if (json_get_money(object, parent, name, true, &money, err) != 0 || check_range(row, money.micros, &at, err) != 0)
        return -1;
    *out = money;
    return 0;
}

static int read_span(const struct setting *row, const json_t *object, const struct json_at *parent, const char *name,
                     struct span *out, struct error *err)
{
    struct json_at at = json_at_member(parent, name);
    struct span span = {0};

    if (json_get_span(object, parent, name, true, &span, err) != 0 || check_range(row, span.us, &at, err) != 0)
        return -1;
    *out = span;
    return 0;
}

/* The member `name` of `object`, which is there, into the place of its row. */
static int read_value(const struct setting *row, const json_t *object, const struct json_at *parent, const char *name,
                      void *to, struct error *err)
{
    const char *text = NULL;

    switch (row->kind) {
    case SETTING_STRING:
        if (json_get_string(object, parent, name, true, (size_t)row->least, (size_t)row->most - 1, &text, err) != 0)
            return -1;
        memset(to, 0, (size_t)row->most); /* the rest too, so that equal values are equal bytes */
        return text_copy(to, (size_t)row->most, text);
    case SETTING_INTEGER:
        return json_get_integer(object, parent, name, true, row->least, row->most, to, err);
    case SETTING_NUMBER:
        return json_get_number(object, parent, name, true, (double)row->least, (double)row->most, to, err);
    case SETTING_BOOL:
        return json_get_bool(object, parent, name, true, to, err);
    case SETTING_SPAN:
        return read_span(row, object, parent, name, to, err);
    case SETTING_MONEY:
        return read_money(row, object, parent, name, to, err);
    case SETTING_CHOICE:
        return read_choice(row, object, parent, name, to, err);
    }
    return json_complain(parent, err, "the table has no such kind");
}

/* The default's text as the JSON value that a person would write for it. */
static json_t *fallback_value(const struct setting *row)
{
    if (row->kind == SETTING_INTEGER || row->kind == SETTING_NUMBER || row->kind == SETTING_BOOL)
        return json_loads(row->fallback, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return json_string(row->fallback);
}

static int set_fallback(const struct setting *row, void *values, struct error *err)
{
    struct json_at root = json_at_root("default");
    json_t *object = json_object();
    int result = -1;

    if (!object || json_object_set_new(object, row->name, fallback_value(row)) != 0)
        error_set(err, ERROR_INPUT, "default: %s: \"%s\" cannot be read", row->name, row->fallback);
    else
        result = read_value(row, object, &root, row->name, place(row, values), err);
    json_decref(object);
    return result;
}

int settings_defaults(const struct setting *table, void *values, struct error *err)
{
    for (const struct setting *row = table; row->name; row++) {
        memset(place(row, values), 0, value_size(row));
        if (row->fallback && set_fallback(row, values, err) != 0)
            return -1;
    }
    return 0;
}

/* The next part of a dotted name into `part`; returns what follows its dot, or NULL after the last part. */
static const char *take_part(const char *name, char part[NAME_SIZE])
{
    size_t length = strcspn(name, ".");

    text_format(part, NAME_SIZE, "%.*s", (int)length, name);
    return name[length] == '.' ? name + length + 1 : NULL;
}

/* Walks to the row's member and reads it; absent members keep their default, or are a fault when they have none. */
static int read_row(const struct setting *row, const json_t *document, const struct json_at *root, void *values,
                    struct error *err)
{
    char parts[DEEPEST][NAME_SIZE];
    struct json_at ats[DEEPEST];
    const struct json_at *parent = root;
    const json_t *object = document;
    const char *rest = row->name;

    for (int depth = 0; depth < DEEPEST; depth++) {
        rest = take_part(rest, parts[depth]);
        const json_t *value = json_object_get(object, parts[depth]);
        if (!value && !row->fallback)
            return json_get_object(object, parent, parts[depth], true, NULL, err); /* says that it is missing */
        if (!value)
            return 0;
        if (!rest)
            return read_value(row, object, parent, parts[depth], place(row, values), err);
        ats[depth] = json_at_member(parent, parts[depth]);
        parent = &ats[depth];
        object = value;
    }
    return json_complain(root, err, "the setting %s is nested too deep", row->name);
}

/* The names that may stand in the object whose dotted name is `prefix` ("" or "ec2."), for a suggestion. */
static const char *suggest(const struct setting *table, const char *prefix, const char *const *also, const char *word)
{
    char names[MOST_NAMES][NAME_SIZE];
    const char *list[MOST_NAMES + 1] = {NULL};
    size_t count = 0;

    for (const struct setting *row = table; row->name && count < MOST_NAMES; row++)
        if (text_starts(row->name, prefix)) {
            take_part(row->name + strlen(prefix), names[count]);
            list[count] = names[count];
            count++;
        }
    for (; !*prefix && also && *also && count < MOST_NAMES; also++)
        list[count++] = *also;
    return json_suggest(word, list);
}

enum known { KNOWN_NOT, KNOWN_VALUE, KNOWN_OBJECT };

static enum known look_up(const struct setting *table, const char *name)
{
    size_t length = strlen(name);

    for (const struct setting *row = table; row->name; row++) {
        if (strcmp(row->name, name) == 0)
            return KNOWN_VALUE;
        if (strncmp(row->name, name, length) == 0 && row->name[length] == '.')
            return KNOWN_OBJECT;
    }
    return KNOWN_NOT;
}

static bool is_listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static int check_names(const struct setting *table, const json_t *object, const struct json_at *at, const char *prefix,
                       const char *const *also, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return json_complain(at, err, "must be an object");
    json_object_foreach((json_t *)object, name, value)
    {
        char full[NAME_SIZE];
        struct json_at member = json_at_member(at, name);
        bool fits = text_format(full, sizeof full, "%s%s", prefix, name) == 0 && !strchr(name, '.');
        enum known known = fits ? look_up(table, full) : KNOWN_NOT;
        if (known == KNOWN_VALUE || (!*prefix && is_listed(name, also)))
            continue;
        if (known == KNOWN_OBJECT) {
            text_format(full, sizeof full, "%s%s.", prefix, name);
            if (check_names(table, value, &member, full, NULL, err) != 0)
                return -1;
            continue;
        }
        const char *nearest = suggest(table, prefix, also, name);
        return json_complain(&member, err, "is not a known setting%s%s%s", nearest ? "; did you mean \"" : "",
                             nearest ? nearest : "", nearest ? "\"?" : "");
    }
    return 0;
}

int settings_parse(const struct setting *table, const json_t *document, const char *file, const char *const *also,
                   void *values, struct error *err)
{
    struct json_at root = json_at_root(file);

    if (settings_defaults(table, values, err) != 0 || check_names(table, document, &root, "", also, err) != 0)
        return -1;
    for (const struct setting *row = table; row->name; row++)
        if (read_row(row, document, &root, values, err) != 0)
            return -1;
    return 0;
}
