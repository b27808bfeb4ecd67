/* SPDX-License-Identifier: MPL-2.0 */
/* settings_schema.c: a settings table as JSON Schema, so that editors and other validators know what the parser knows.
 * Runs in: tools. Pure but for jansson. What a schema cannot say (ranges of times and amounts given as text, relations
 * between settings) the parser alone checks: a document that the parser takes always fits the schema. */
#include <string.h>

#include "common/settings.h"

/* One place is stricter than the parser needs to be told: no blanks. */
#define SPAN_PATTERN "^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)?$"
#define MONEY_PATTERN "^-?[0-9]+(\\.[0-9]{1,6})?$"

static json_t *integer_schema(const struct setting *row)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)row->least, "maximum",
                     (json_int_t)row->most);
}

static json_t *number_schema(const struct setting *row)
{
    return json_pack("{s:s, s:I, s:I}", "type", "number", "minimum", (json_int_t)row->least, "maximum",
                     (json_int_t)row->most);
}

static json_t *span_schema(void)
{
    return json_pack("{s:[{s:s, s:i}, {s:s, s:s}]}", "anyOf", "type", "number", "minimum", 0, "type", "string",
                     "pattern", SPAN_PATTERN);
}

static json_t *money_schema(const struct setting *row)
{
    json_t *schema =
        json_pack("{s:[{s:s}, {s:s, s:s}]}", "anyOf", "type", "number", "type", "string", "pattern", MONEY_PATTERN);
    if (row->most == INT64_MAX)
        json_array_append_new(json_object_get(schema, "anyOf"), json_pack("{s:s}", "const", "unlimited"));
    return schema;
}

static json_t *choice_schema(const struct setting *row)
{
    json_t *words = json_array();
    for (int i = 0; row->choices[i]; i++)
        json_array_append_new(words, json_string(row->choices[i]));
    return json_pack("{s:o}", "enum", words);
}

static json_t *value_schema(const struct setting *row)
{
    switch (row->kind) {
    case SETTING_STRING:
        return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)row->least, "maxLength",
                         (json_int_t)row->most - 1);
    case SETTING_INTEGER:
        return integer_schema(row);
    case SETTING_NUMBER:
        return number_schema(row);
    case SETTING_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case SETTING_SPAN:
        return span_schema();
    case SETTING_MONEY:
        return money_schema(row);
    case SETTING_CHOICE:
        return choice_schema(row);
    }
    return NULL;
}

static json_t *with_word(json_t *schema, const char *word)
{
    json_t *list = json_object_get(schema, "anyOf"), *constant = json_pack("{s:s}", "const", word);
    if (!list)
        return json_pack("{s:[o, o]}", "anyOf", schema, constant);
    json_array_append_new(list, constant);
    return schema;
}

static void describe(json_t *schema, const struct setting *row)
{
    if (row->help)
        json_object_set_new(schema, "description", json_string(row->help));
    if (row->unit)
        json_object_set_new(schema, "x-unit", json_string(row->unit));
    if (row->fallback)
        json_object_set_new(schema, "x-default", json_string(row->fallback));
}

json_t *settings_schema(const struct setting *table, const struct setting_word *words)
{
    json_t *properties = json_object(), *required = json_array();
    for (const struct setting *row = table; row->name; row++) {
        json_t *schema = value_schema(row);
        for (const struct setting_word *word = words; word && word->name; word++)
            if (strcmp(word->name, row->name) == 0)
                schema = with_word(schema, word->word);
        describe(schema, row);
        json_object_set_new(properties, row->name, schema);
        if (!row->fallback)
            json_array_append_new(required, json_string(row->name));
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required", required,
                     "additionalProperties", 0);
}
