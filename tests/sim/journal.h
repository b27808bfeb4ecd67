/* SPDX-License-Identifier: MPL-2.0 */
/* The journal: one JSON line for each request and each change of state. Nothing secret is
 * ever handed to it. */
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

struct world;

/* Writes {"t", "wall", "kind", ...fields}; takes over fields. */
void journal_write(struct world *world, const char *kind, json_t *fields);

/* Two small conveniences of everybody who handles JSON here. */
json_t *json_text_or_null(const char *text);
bool json_lists_word(const json_t *list, const char *word); /* false for NULL and for what is no list */

#endif
