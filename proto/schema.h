/* SPDX-License-Identifier: MPL-2.0 */
/* schema.h: JSON Schemas (draft 2020-12) of the three kinds of files, from the tables that the parsers use.
 * Runs in: tests/tools/schema_file and the test that compares docs/schema. Owns nothing. */
#ifndef PROTO_SCHEMA_H
#define PROTO_SCHEMA_H

#include <jansson.h>
#include <stdio.h>

/* "workertype", "amiset" or "settings"; NULL for another name. New reference. */
json_t *schema_of(const char *name);
/* The file of docs/schema; -1 for another name. */
int schema_document(const char *name, FILE *out);

#endif
