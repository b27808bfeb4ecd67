/* SPDX-License-Identifier: MPL-2.0 */
/* settings.h: a table of settings gives the parser, the defaults, the printed form and the help.
 * Runs in: provisiond and tools. Owns nothing: the table is const, the values live in the caller's struct.
 * It knows nothing of bids: the daemon's own table is proto/config.c.
 * A table ends with a row whose name is NULL. */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "common/json.h"

enum setting_kind {
    SETTING_STRING,  /* char[size] in the struct, size in `most` (with the NUL) */
    SETTING_INTEGER, /* int64_t */
    SETTING_NUMBER,  /* double */
    SETTING_BOOL,    /* bool */
    SETTING_SPAN,    /* struct span; range in microseconds */
    SETTING_MONEY,   /* struct money; range in micro-dollars; "unlimited" gives MONEY_MAX where most is INT64_MAX */
    SETTING_CHOICE   /* int; `choices` lists the words, the value is the index */
};

struct setting {
    const char *name; /* JSON member, "inventoryPoll"; a dot makes a nested object: "ec2.endpoint" */
    enum setting_kind kind;
    size_t offset;
    int64_t least, most;
    const char *fallback; /* default as text, as one would write it; NULL: must be given */
    const char *const *choices;
    const char *unit; /* for help: "seconds", "units", "dollars per hour" */
    int reloadable;   /* 0: SIGHUP may not change it; a restart is needed */
    const char *help; /* one or two sentences */
};

/* Defaults into `values`; those without one are zeroed. Returns -1 only if the table itself is wrong. */
int settings_defaults(const struct setting *table, void *values, struct error *err);
/* Defaults, then the document over them; unknown members, wrong types and ranges are errors with file and path;
 * members named in `also` (NULL-terminated, may be NULL) are left to the caller. */
int settings_parse(const struct setting *table, const json_t *document, const char *file, const char *const *also,
                   void *values, struct error *err);
/* The values as a JSON document that settings_parse reads back to the same values. New reference. */
json_t *settings_print(const struct setting *table, const void *values);
/* The names of settings that differ and may not be changed by a reload; returns how many, names in `out`. */
int settings_frozen_changes(const struct setting *table, const void *before, const void *after, char *out, size_t size);
/* The table as JSON Schema (draft 2020-12): an object with "properties" and "required" of its members; dotted names are
 * not supported. `words`: pairs of a name and a word that stands for a number there, ended by a NULL name. New
 * reference. */
struct setting_word {
    const char *name, *word;
    int number;
};
json_t *settings_schema(const struct setting *table, const struct setting_word *words);
/* One paragraph a setting: name, default, unit, help. */
void settings_help(const struct setting *table, FILE *out);

#endif
