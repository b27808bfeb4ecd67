/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_record.c: arbitrations as entries of the decision journal; see arbiter_record.h.
 * Runs in: supervisor. Pure: the entries are JSON in memory, journal.c writes them. */
#include "supervisor/arbiter_record.h"

#include <stdlib.h>

#include "supervisor/arbiter_record_parts.h"

struct arbiter_record {
    struct arbitration known; /* as the last entry told it */
    struct told_output told;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (!memory)
        abort();
    return memory;
}

struct arbiter_record *arbiter_record_create(void)
{
    return allocate(1, sizeof(struct arbiter_record));
}

void arbiter_record_destroy(struct arbiter_record **record)
{
    if (!*record)
        return;
    record_clear(arbitration_table, &(*record)->known);
    record_clear(arbiter_told_table, &(*record)->told);
    free(*record);
    *record = NULL;
}

static json_t *entry_of(const char *kind, struct wall at)
{
    char text[40];

    wall_format(at, text, sizeof text);
    return json_pack("{s:s, s:s}", "kind", kind, "at", text);
}

json_t *arbiter_record_before(struct arbiter_record *record, struct wall at, const struct arbiter *arbiter,
                              const struct arbiter_input *input, bool whole)
{
    struct arbitration now = {.settings = *input->settings, .input = *input};
    json_t *entry = entry_of("arbitration", at);

    if (whole) {
        record_clear(arbitration_table, &record->known);
        record_clear(arbiter_told_table, &record->told);
        json_object_set_new(entry, "memory", record_whole(arbiter_memory_table, sizeof *arbiter, arbiter));
    }
    json_object_set_new(entry, "in", record_change(arbitration_table, &record->known, &now));
    return entry;
}

static struct told_grant tell_grant(const struct arbiter_input *input, const struct arbiter_grant *grant)
{
    const struct arbiter_type *type = &input->types[grant->type];

    return (struct told_grant){.type = type->name,
                               .lot = grant->lot,
                               .placement = type->lots[grant->lot].placement,
                               .count = grant->count,
                               .step = grant->step,
                               .probe = grant->probe};
}

/* Each type's denials come to stand together, in their order, in one piece of memory. */
static void tell_denials(const struct arbiter_input *input, const struct arbiter_output *output,
                         struct told_output *told)
{
    struct told_denial *next = told->all_denials = allocate(output->denial_count, sizeof *next);

    for (size_t i = 0; i < output->denial_count; i++)
        told->types[output->denials[i].type].denial_count++;
    for (size_t i = 0; i < told->type_count; i++) {
        told->types[i].denials = next;
        next += told->types[i].denial_count;
        told->types[i].denial_count = 0;
    }
    for (size_t i = 0; i < output->denial_count; i++) {
        const struct arbiter_denial *denial = &output->denials[i];
        struct told_type *type = &told->types[denial->type];
        type->denials[type->denial_count++] =
            (struct told_denial){.lot = denial->lot,
                                 .placement = input->types[denial->type].lots[denial->lot].placement,
                                 .wanted = denial->wanted,
                                 .granted = denial->granted,
                                 .by = denial->by};
    }
}

struct told_output arbiter_tell(const struct arbiter_input *input, const struct arbiter_output *output)
{
    struct told_output told = {.grants = allocate(output->grant_count, sizeof *told.grants),
                               .grant_count = output->grant_count,
                               .types = allocate(input->type_count, sizeof *told.types),
                               .type_count = input->type_count,
                               .again = output->again,
                               .over_units = output->over_units,
                               .over_instances = output->over_instances,
                               .over_hourly = output->over_hourly};

    for (size_t i = 0; i < output->grant_count; i++)
        told.grants[i] = tell_grant(input, &output->grants[i]);
    for (size_t i = 0; i < input->type_count; i++)
        told.types[i].name = input->types[i].name;
    tell_denials(input, output, &told);
    return told;
}

void arbiter_told_clear(struct told_output *told)
{
    free(told->all_denials);
    free(told->types);
    free(told->grants);
    *told = (struct told_output){0};
}

void arbiter_record_after(struct arbiter_record *record, json_t *entry, const struct arbiter_input *input,
                          const struct arbiter_output *output)
{
    struct told_output told = arbiter_tell(input, output);

    record_clear(arbiter_told_anew_table, &record->told);
    json_object_set_new(entry, "out", record_change(arbiter_told_table, &record->told, &told));
    arbiter_told_clear(&told);
}

/* ---- what else moves the arbiter's memory ---- */

static json_t *region_entry(const char *kind, struct wall at, const char *region)
{
    json_t *entry = entry_of(kind, at);

    json_object_set_new(entry, "region", json_string(region));
    return entry;
}

json_t *arbiter_record_returned(struct wall at, const char *region, int64_t calls, int64_t instances)
{
    json_t *entry = region_entry("returned", at, region);

    json_object_set_new(entry, "calls", json_integer(calls));
    json_object_set_new(entry, "instances", json_integer(instances));
    return entry;
}

json_t *arbiter_record_limited(struct wall at, const char *region, struct mono now)
{
    json_t *entry = region_entry("rate-limited", at, region);

    json_object_set_new(entry, "now", json_integer(now.us));
    return entry;
}

json_t *arbiter_record_spare(struct wall at, const char *region, struct mono now, bool given)
{
    json_t *entry = region_entry("spare-call", at, region);

    json_object_set_new(entry, "now", json_integer(now.us));
    json_object_set_new(entry, "out", json_pack("{s:b}", "given", given));
    return entry;
}
