/* SPDX-License-Identifier: MPL-2.0 */
/* Open addressing over an array kept in order of insertion. See table.h. */
#include "table.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static size_t hash_text(const char *text)
{
    size_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* The slot that holds key, or the empty one where it belongs. */
static size_t slot_of(const struct table *table, const char *key, size_t hash)
{
    size_t mask = table->slot_count - 1;
    size_t slot = hash & mask;
    for (; table->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct table_entry *entry = &table->entries[table->slots[slot] - 1];
        if (entry->hash == hash && strcmp(entry->key, key) == 0)
            break;
    }
    return slot;
}

static void grow_slots(struct table *table)
{
    free(table->slots);
    table->slot_count = table->slot_count > 0 ? table->slot_count * 2 : 16;
    table->slots = must_alloc(table->slot_count * sizeof *table->slots);
    for (size_t i = 0; i < table->count; i++)
        table->slots[slot_of(table, table->entries[i].key, table->entries[i].hash)] = i + 1;
}

void *table_get(const struct table *table, const char *key)
{
    if (table->count == 0)
        return NULL;
    size_t slot = slot_of(table, key, hash_text(key));
    return table->slots[slot] != 0 ? table->entries[table->slots[slot] - 1].value : NULL;
}

void table_put(struct table *table, const char *key, void *value)
{
    if ((table->count + 1) * 2 > table->slot_count)
        grow_slots(table);
    size_t hash = hash_text(key);
    size_t slot = slot_of(table, key, hash);
    if (table->slots[slot] != 0) {
        table->entries[table->slots[slot] - 1].value = value;
        return;
    }
    if (table->count == table->room) {
        table->room = table->room > 0 ? table->room * 2 : 16;
        table->entries = must_resize(table->entries, table->room * sizeof *table->entries);
    }
    table->entries[table->count] = (struct table_entry){must_copy(key), value, hash};
    table->slots[slot] = ++table->count;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].key);
    free(table->entries);
    free(table->slots);
    *table = (struct table){0};
}

void table_retire(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        must_keep(table->entries[i].value);
    table_clear(table);
}
