/* SPDX-License-Identifier: MPL-2.0 */
/* json_get.c: typed members of JSON objects, with ranges, and messages that name file and path.
 * Runs in: every process. Pure but for jansson; owns nothing: results are borrowed from the object.
 * An explicit null is a wrong type, not an absent member: whoever writes null means something that we would guess at.
 * Values are not quoted in messages: they may be secrets. */
#include "common/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICROS 1000000
/* Below 2^32 dollars the doubles lie less than half a micro-dollar apart: each amount of whole micro-dollars has one of
 * its own, and multiplying by a million still rounds to the right whole number. */
#define EXACT_DOLLARS 4294967296.0

/* 1 with *value set; 0 when an optional member is absent; -1 with *err filled. */
static int find(const json_t *object, const struct json_at *at, const char *name, bool required, const json_t **value,
                struct error *err)
{
    *value = NULL;
    if (!json_is_object(object)) {
        json_complain(at, err, "must be an object");
        return -1;
    }
    *value = json_object_get(object, name);
    if (*value)
        return 1;
    if (!required)
        return 0;
    struct json_at member = json_at_member(at, name);
    json_complain(&member, err, "is missing");
    return -1;
}

enum kind { KIND_ANY, KIND_TEXT, KIND_WHOLE, KIND_NUMBER, KIND_BOOL, KIND_OBJECT, KIND_LIST };

static const char *const sentences[] = {
    [KIND_TEXT] = "must be text",          [KIND_WHOLE] = "must be a whole number", [KIND_NUMBER] = "must be a number",
    [KIND_BOOL] = "must be true or false", [KIND_OBJECT] = "must be an object",     [KIND_LIST] = "must be a list"};

static bool is_of(const json_t *value, enum kind kind)
{
    switch (kind) {
    case KIND_ANY:
        return true;
    case KIND_TEXT:
        return json_is_string(value);
    case KIND_WHOLE:
        return json_is_integer(value);
    case KIND_NUMBER:
        return json_is_number(value);
    case KIND_BOOL:
        return json_is_boolean(value);
    case KIND_OBJECT:
        return json_is_object(value);
    case KIND_LIST:
        return json_is_array(value);
    }
    return false;
}

/* As find, and of the right kind; *member says where it is, for what the caller may have to complain of. */
static int find_of(const json_t *object, const struct json_at *at, const char *name, bool required, enum kind kind,
                   struct json_at *member, const json_t **value, struct error *err)
{
    *member = json_at_member(at, name);
    int found = find(object, at, name, required, value, err);

    if (found > 0 && !is_of(*value, kind))
        return json_complain(member, err, "%s", sentences[kind]);
    return found;
}

int json_get_string(const json_t *object, const struct json_at *at, const char *name, bool required, size_t least,
                    size_t most, const char **out, struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_TEXT, &member, &value, err);

    if (found <= 0)
        return found;
    size_t size = json_string_length(value);
    if (size < least && least == 1)
        return json_complain(&member, err, "must not be empty");
    if (size < least || size > most)
        return json_complain(&member, err, "must have %zu to %zu characters, not %zu", least, most, size);
    *out = json_string_value(value);
    return 0;
}

int json_get_integer(const json_t *object, const struct json_at *at, const char *name, bool required, int64_t least,
                     int64_t most, int64_t *out, struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_WHOLE, &member, &value, err);

    if (found <= 0)
        return found;
    json_int_t number = json_integer_value(value);
    if (number < least || number > most)
        return json_complain(&member, err, "must be from %" PRId64 " to %" PRId64, least, most);
    *out = number;
    return 0;
}

int json_get_number(const json_t *object, const struct json_at *at, const char *name, bool required, double least,
                    double most, double *out, struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_NUMBER, &member, &value, err);

    if (found <= 0)
        return found;
    double number = json_number_value(value);
    if (!(number >= least && number <= most))
        return json_complain(&member, err, "must be from %g to %g", least, most);
    *out = number;
    return 0;
}

int json_get_bool(const json_t *object, const struct json_at *at, const char *name, bool required, bool *out,
                  struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_BOOL, &member, &value, err);

    if (found > 0)
        *out = json_is_true(value);
    return found < 0 ? -1 : 0;
}

/* JSON numbers with decimals arrive as doubles. 0.0031 has no exact double, but it is the double nearest to exactly
 * one amount of whole micro-dollars: that amount is taken, and a number that is no such double is refused. */
static int money_from_real(double dollars, struct money *out)
{
    char text[48];

    if (!(fabs(dollars) < EXACT_DOLLARS))
        return -1;
    struct money money = {llround(dollars * MICROS)};
    money_format(money, text, sizeof text);
    if (strtod(text, NULL) != dollars)
        return -1;
    *out = money;
    return 0;
}

static int money_from_integer(json_int_t dollars, struct money *out)
{
    int64_t micros;

    if (__builtin_mul_overflow((int64_t)dollars, (int64_t)MICROS, &micros))
        return -1;
    out->micros = micros;
    return 0;
}

int json_get_money(const json_t *object, const struct json_at *at, const char *name, bool required, struct money *out,
                   struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_ANY, &member, &value, err);
    int result = -1;

    if (found <= 0)
        return found;
    if (json_is_integer(value))
        result = money_from_integer(json_integer_value(value), out);
    else if (json_is_real(value))
        result = money_from_real(json_real_value(value), out);
    else if (json_is_string(value))
        result = money_parse(json_string_value(value), out);
    if (result != 0)
        return json_complain(&member, err, "must be an amount of dollars with at most six decimals");
    return 0;
}

int json_get_span(const json_t *object, const struct json_at *at, const char *name, bool required, struct span *out,
                  struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_ANY, &member, &value, err);
    char text[64];

    if (found <= 0)
        return found;
    const char *given = json_string_value(value); /* NULL when it is no text */
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && fabs(json_real_value(value)) < 1e9)
        snprintf(text, sizeof text, "%.6f", json_real_value(value));
    else
        text[0] = '\0';
    if (span_parse(given ? given : text, out) != 0)
        return json_complain(&member, err, "must be a length of time such as \"10s\", \"250ms\", \"20m\" or \"96h\"");
    return 0;
}

int json_get_object(const json_t *object, const struct json_at *at, const char *name, bool required, json_t **out,
                    struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_OBJECT, &member, &value, err);

    if (found > 0)
        *out = (json_t *)value;
    return found < 0 ? -1 : 0;
}

int json_get_array(const json_t *object, const struct json_at *at, const char *name, bool required, json_t **out,
                   struct error *err)
{
    const json_t *value;
    struct json_at member;
    int found = find_of(object, at, name, required, KIND_LIST, &member, &value, err);

    if (found > 0)
        *out = (json_t *)value;
    return found < 0 ? -1 : 0;
}
