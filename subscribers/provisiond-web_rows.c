/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_rows.c: a status message in the short form that goes to browsers. A thousand types are published every
 * few seconds; names and units of their figures are sent once, in the schema. Runs in: provisiond-web. Owns nothing.
 * Names, units and meanings come from proto/status.def. */
#include <math.h>
#include <string.h>

#include "subscribers/provisiond-web.h"

static const struct row_field {
    const char *topic, *name, *unit, *doc; /* unit NULL: a word */
} rows[] = {
#define FIGURE(topic, name, unit, doc) {#topic, #name, unit, doc},
#define WORD(topic, name, doc) {#topic, #name, NULL, doc},
#include "proto/status.def"
#undef FIGURE
#undef WORD
};
#define ROWS (sizeof rows / sizeof rows[0])

json_t *rows_row(const char *topic, const char *name, int64_t as_of, const json_t *data)
{
    json_t *words = json_array(), *values = json_array(), *ages = json_array();

    for (size_t i = 0; i < ROWS; i++) {
        const json_t *member = json_object_get(data, rows[i].name);
        if (strcmp(rows[i].topic, topic) != 0)
            continue;
        if (!rows[i].unit) {
            json_array_append_new(words, json_string(json_is_string(member) ? json_string_value(member) : ""));
            continue;
        }
        json_t *value = json_object_get(member, "value");
        const json_t *seen = json_object_get(member, "asOf");
        json_array_append_new(values, json_is_number(value) ? json_incref(value) : json_null());
        json_array_append_new(ages,
                              json_is_integer(seen) ? json_integer(as_of - json_integer_value(seen)) : json_null());
    }
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "n", name, "t", (json_int_t)as_of, "w", words, "v", values, "a",
                     ages);
}

json_t *rows_schema(void)
{
    json_t *schema = json_object();

    for (size_t i = 0; i < ROWS; i++) {
        json_t *topic = json_object_get(schema, rows[i].topic);
        if (!topic) {
            topic = json_pack("{s:[], s:[]}", "words", "figures");
            json_object_set_new(schema, rows[i].topic, topic);
        }
        if (rows[i].unit)
            json_array_append_new(
                json_object_get(topic, "figures"),
                json_pack("{s:s, s:s, s:s}", "name", rows[i].name, "unit", rows[i].unit, "doc", rows[i].doc));
        else
            json_array_append_new(json_object_get(topic, "words"),
                                  json_pack("{s:s, s:s}", "name", rows[i].name, "doc", rows[i].doc));
    }
    return schema;
}

double rows_value(const json_t *data, const char *name, int64_t as_of, struct span max_age)
{
    const json_t *member = json_object_get(data, name), *value = json_object_get(member, "value");
    int64_t seen = (int64_t)json_number_value(json_object_get(member, "asOf"));

    if (!json_is_number(value) || as_of - seen > span_ms(max_age))
        return NAN;
    return json_number_value(value);
}
