/* SPDX-License-Identifier: MPL-2.0 */
/* Writes journal lines, flushed one by one. See journal.h. */
#include "journal.h"

#include "world.h"

#include <math.h>
#include <string.h>

json_t *json_text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

bool json_lists_word(const json_t *list, const char *word)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
            return true;
    }
    return false;
}

void journal_write(struct world *world, const char *kind, json_t *fields)
{
    double simulated = round(world->now * 1e6) / 1e6, wall = round(clock_wall() * 1e6) / 1e6;
    json_t *line = json_pack("{s:f, s:f, s:s}", "t", simulated, "wall", wall, "kind", kind);
    json_object_update(line, fields);
    json_decref(fields);
    json_dumpf(line, world->journal, JSON_COMPACT | JSON_REAL_PRECISION(16));
    fputc('\n', world->journal);
    fflush(world->journal);
    json_decref(line);
}
