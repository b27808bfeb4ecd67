/* SPDX-License-Identifier: MPL-2.0 */
/* log_repeat.c: a bounded table of events that repeat: the first line, one an hour after it, and each change of state.
 * Runs in: every process, under the lock of log.c. Pure; it writes nothing itself.
 * The table holds 64-bit hashes of the names, not the names: two that collide would share an hour, which loses a line
 * of a log and nothing else. When it is full, the entry that was not seen for longest makes room. */
#include "common/log_repeat.h"

#include <stddef.h>

/* FNV-1a, carried on over several texts with a separator, so that ("ab", "c") and ("a", "bc") differ. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

static struct log_repeat_entry *find(struct log_repeat_table *table, uint64_t id)
{
    struct log_repeat_entry *oldest = &table->entries[0];

    for (size_t i = 0; i < LOG_REPEAT_ENTRIES; i++) {
        struct log_repeat_entry *entry = &table->entries[i];
        if (entry->id == id)
            return entry;
        if (oldest->id != 0 && (entry->id == 0 || mono_before(entry->seen, oldest->seen)))
            oldest = entry;
    }
    *oldest = (struct log_repeat_entry){0};
    return oldest;
}

bool log_repeat_due(struct log_repeat_table *table, const char *event, const char *key, const char *state,
                    struct mono now, int64_t *repeats)
{
    uint64_t start = UINT64_C(14695981039346656037);
    uint64_t id = hash_text(hash_text(start, event), key) | 1; /* never 0 */
    uint64_t state_id = hash_text(start, state);
    struct log_repeat_entry *entry = find(table, id);
    bool is_new = entry->id == 0;

    entry->seen = now;
    if (!is_new && entry->state == state_id && !mono_reached(mono_add(entry->written, LOG_REPEAT_EVERY), now)) {
        entry->held_back++;
        return false;
    }
    *repeats = entry->held_back;
    *entry = (struct log_repeat_entry){.id = id, .state = state_id, .written = now, .seen = now};
    return true;
}
