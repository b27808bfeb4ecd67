/* SPDX-License-Identifier: MPL-2.0 */
/* json.h: jansson with manners: duplicate keys refused, sizes capped, errors that name file and path.
 * Runs in: every process. The json_t ownership rules are jansson's own; functions that return a new reference say so.
 * Paths look like `workertypes.d/foo.json: regions[1].launchSpec.ImageId: ...`. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/money.h"

/* New reference, or NULL with *err filled ("NAME: line 3, column 7: ..."). `limit` bytes at most. */
json_t *json_read_file(const char *path, size_t limit, struct error *err);
json_t *json_read_text(const char *name, const char *text, size_t size, struct error *err);

/* A position inside a document, for messages. Made on the stack; children point to parents. */
struct json_at {
    const struct json_at *parent;
    const char *name; /* member name, or NULL for an array element; for the root: the file's name */
    size_t index;
};
struct json_at json_at_root(const char *file);
struct json_at json_at_member(const struct json_at *parent, const char *name);
struct json_at json_at_index(const struct json_at *parent, size_t index);
/* Fills *err with "<file>: <path>: <text>". Returns -1. */
int json_complain(const struct json_at *at, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses members of `object` that are not in the NULL-terminated list, with the nearest name as a suggestion. */
int json_only_members(const json_t *object, const struct json_at *at, const char *const *allowed, struct error *err);
/* The nearest of the allowed names (edit distance at most 3 and under half its length), or NULL. */
const char *json_suggest(const char *word, const char *const *allowed);

/* Typed members. `required` false: absent leaves *out untouched and returns 0. Ranges are inclusive. */
int json_get_string(const json_t *object, const struct json_at *at, const char *name, bool required, size_t least,
                    size_t most, const char **out, struct error *err); /* borrowed from the object */
int json_get_integer(const json_t *object, const struct json_at *at, const char *name, bool required, int64_t least,
                     int64_t most, int64_t *out, struct error *err);
int json_get_number(const json_t *object, const struct json_at *at, const char *name, bool required, double least,
                    double most, double *out, struct error *err);
int json_get_bool(const json_t *object, const struct json_at *at, const char *name, bool required, bool *out,
                  struct error *err);
/* Money: a JSON number or decimal text of dollars, exact to the micro-dollar. May be negative: the caller's range. */
int json_get_money(const json_t *object, const struct json_at *at, const char *name, bool required, struct money *out,
                   struct error *err);
/* Time: text such as "10s", or a number of seconds. */
int json_get_span(const json_t *object, const struct json_at *at, const char *name, bool required, struct span *out,
                  struct error *err);
int json_get_object(const json_t *object, const struct json_at *at, const char *name, bool required, json_t **out,
                    struct error *err); /* borrowed */
int json_get_array(const json_t *object, const struct json_at *at, const char *name, bool required, json_t **out,
                   struct error *err); /* borrowed */

/* Compact text with sorted keys; caller frees. NULL when memory ends. */
char *json_text(const json_t *value);
/* Lower-case hex SHA-256 of the sorted compact form, for hashes of definitions and specs. `out` holds 65 bytes. */
void json_sha256(const json_t *value, char out[65]);

#endif
