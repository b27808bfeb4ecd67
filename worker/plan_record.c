/* SPDX-License-Identifier: MPL-2.0 */
/* plan_record.c: plans as entries of the decision journal, and plans made again from them; see plan_record.h.
 * Runs in: type worker, provisionctl. Pure: the entries are JSON in memory, type_journal.c writes them. */
#include "worker/plan_record.h"

#include <stdlib.h>

#include "common/text.h"
#include "worker/plan_record_parts.h"

struct plan_record {
    struct plan_input known; /* as the last entry told it */
    bool begun;
};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        abort();
    return memory;
}

struct plan_record *plan_record_create(void)
{
    return allocate(sizeof(struct plan_record));
}

void plan_record_destroy(struct plan_record **record)
{
    if (!*record)
        return;
    record_clear(plan_input_table, &(*record)->known);
    free(*record);
    *record = NULL;
}

static json_t *tell_memory(const struct plan_memory *memory)
{
    return record_whole(plan_memory_table, sizeof *memory, memory);
}

static json_t *tell_output(const struct plan *plan, const struct plan_memory *after)
{
    return json_pack("{s:o, s:o}", "plan", record_whole(plan_table, sizeof *plan, plan), "memory", tell_memory(after));
}

json_t *plan_record_entry(struct plan_record *record, struct wall at, const struct plan_memory *before,
                          const struct plan_input *input, const struct plan_memory *after, const struct plan *plan,
                          bool whole)
{
    char text[40];

    wall_format(at, text, sizeof text);
    json_t *entry = json_pack("{s:s, s:s, s:o}", "kind", "plan", "at", text, "memory", tell_memory(before));

    if (whole)
        record_clear(plan_input_table, &record->known);
    if (whole)
        json_object_set_new(entry, "whole", json_true());
    json_object_set_new(entry, "in", record_change(plan_input_table, &record->known, input));
    json_object_set_new(entry, "out", tell_output(plan, after));
    return entry;
}

static int take_input(struct plan_record *record, const json_t *entry, struct error *err)
{
    if (!text_equal(json_string_value(json_object_get(entry, "kind")), "plan"))
        return error_set(err, ERROR_INPUT, "it is none of a type worker's entries");
    if (json_is_true(json_object_get(entry, "whole"))) {
        record_clear(plan_input_table, &record->known);
        record->begun = true;
    }
    if (!record->begun)
        return error_set(err, ERROR_INPUT, "no complete entry comes before it");
    if (record_apply(plan_input_table, json_object_get(entry, "in"), &record->known, err) != 0)
        return error_prefix(err, "in");
    for (size_t i = 0; i < record->known.option_count; i++)
        if (record->known.options[i].capacity < 1)
            return error_set(err, ERROR_INPUT, "in: options: %zu: capacity: is below 1", i);
    return 0;
}

int plan_rerun_entry(struct plan_record *record, const json_t *entry, json_t **out, struct error *err)
{
    struct plan_memory memory = {0};
    const json_t *before = json_object_get(entry, "memory");

    *out = NULL;
    if (take_input(record, entry, err) != 0)
        return -1;
    if (record_apply(plan_memory_table, before, &memory, err) != 0)
        return error_prefix(err, "memory");
    struct plan *plan = allocate(sizeof *plan);
    plan_make(&memory, &record->known, plan);
    *out = tell_output(plan, &memory);
    free(plan);
    return 0;
}
