/* SPDX-License-Identifier: MPL-2.0 */
/* A hash table from text to pointer. Keys are copied; values stay the caller's.
 * Iteration is in order of insertion, so that everything derived from it is deterministic. */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stddef.h>

struct table_entry {
    char *key;
    void *value;
    size_t hash;
};

struct table {
    struct table_entry *entries; /* in order of insertion */
    size_t count, room;
    size_t *slots; /* index + 1 into entries; 0 is empty */
    size_t slot_count;
};

void *table_get(const struct table *table, const char *key);       /* NULL when missing */
void table_put(struct table *table, const char *key, void *value); /* replaces */
void table_clear(struct table *table);                             /* frees keys, not values */
void table_retire(struct table *table); /* clears it, keeping the values for whoever points to them */

#endif
