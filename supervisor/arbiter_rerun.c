/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_rerun.c: entries of the decision journal through the arbiter once more; see arbiter_record.h.
 * Runs in: provisionctl. Pure. Owns: an arbiter of its own and the input as the last entry left it.
 * What an entry says that came out is never taken for true: the arbiter's memory grows by what it does here. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/arbiter_record.h"
#include "supervisor/arbiter_record_parts.h"

struct arbiter_rerun {
    struct arbiter *arbiter; /* NULL: no complete entry was seen yet */
    struct arbitration known;
};

struct arbiter_rerun *arbiter_rerun_create(void)
{
    struct arbiter_rerun *rerun = calloc(1, sizeof *rerun);

    if (!rerun)
        abort();
    return rerun;
}

void arbiter_rerun_destroy(struct arbiter_rerun **rerun)
{
    if (!*rerun)
        return;
    arbiter_destroy(&(*rerun)->arbiter);
    record_clear(arbitration_table, &(*rerun)->known);
    free(*rerun);
    *rerun = NULL;
}

static int begin(struct arbiter_rerun *rerun, const json_t *memory, struct error *err)
{
    arbiter_destroy(&rerun->arbiter);
    record_clear(arbitration_table, &rerun->known);
    struct arbiter *arbiter = arbiter_create();
    int result = record_apply(arbiter_memory_table, memory, arbiter, err);
    for (size_t i = 0; i < arbiter->type_count; i++) /* lists come with exactly the room that they need */
        arbiter->types[i].unseen_room = arbiter->types[i].unseen_count;
    if (result != 0) {
        arbiter_destroy(&arbiter);
        return error_prefix(err, "memory");
    }
    rerun->arbiter = arbiter;
    return 0;
}

static int arbitrate(struct arbiter_rerun *rerun, const json_t *entry, json_t **out, struct error *err)
{
    const json_t *memory = json_object_get(entry, "memory");
    struct arbiter_output output;

    if (memory && begin(rerun, memory, err) != 0)
        return -1;
    if (!rerun->arbiter)
        return error_set(err, ERROR_INPUT, "no complete entry comes before it");
    if (record_apply(arbitration_table, json_object_get(entry, "in"), &rerun->known, err) != 0)
        return error_prefix(err, "in");
    rerun->known.input.settings = &rerun->known.settings;
    arbiter_step(rerun->arbiter, &rerun->known.input, &output);
    *out = arbiter_record_output(&rerun->known.input, &output);
    arbiter_output_clear(&output);
    return 0;
}

/* What else moves the arbiter's memory. */
static int other(struct arbiter_rerun *rerun, const char *kind, const json_t *entry, json_t **out, struct error *err)
{
    struct json_at at = json_at_root("entry");
    int64_t calls = 0, instances = 0;
    struct mono now = MONO_ZERO;
    const char *region;
    bool returned = text_equal(kind, "returned");

    if (!rerun->arbiter)
        return error_set(err, ERROR_INPUT, "no complete entry comes before it");
    if (json_get_string(entry, &at, "region", true, 1, NAME_SIZE - 1, &region, err) != 0 ||
        json_get_integer(entry, &at, "calls", returned, 0, INT64_MAX, &calls, err) != 0 ||
        json_get_integer(entry, &at, "instances", returned, 0, INT64_MAX, &instances, err) != 0 ||
        json_get_integer(entry, &at, "now", !returned, 0, INT64_MAX, &now.us, err) != 0)
        return -1;
    if (returned)
        arbiter_returned(rerun->arbiter, region, calls, instances);
    else if (text_equal(kind, "rate-limited"))
        arbiter_rate_limited(rerun->arbiter, region, now);
    else
        *out = json_pack("{s:b}", "given", arbiter_spare_call(rerun->arbiter, region, now));
    return 0;
}

int arbiter_rerun_entry(struct arbiter_rerun *rerun, const json_t *entry, json_t **out, struct error *err)
{
    const char *kind = json_string_value(json_object_get(entry, "kind"));

    *out = NULL;
    if (text_equal(kind, "arbitration"))
        return arbitrate(rerun, entry, out, err);
    if (text_equal(kind, "returned") || text_equal(kind, "rate-limited") || text_equal(kind, "spare-call"))
        return other(rerun, kind, entry, out, err);
    return error_set(err, ERROR_INPUT, "it is none of a supervisor's entries");
}
