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
    struct told_output recorded; /* as the entries tell it */
};

/* What the caller wants to know, and where to put it. */
struct what {
    bool whole;
    json_t **recorded, **now;
    struct error *err;
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
    record_clear(arbiter_told_table, &(*rerun)->recorded);
    free(*rerun);
    *rerun = NULL;
}

static int begin(struct arbiter_rerun *rerun, const json_t *memory, struct error *err)
{
    arbiter_destroy(&rerun->arbiter);
    record_clear(arbitration_table, &rerun->known);
    record_clear(arbiter_told_table, &rerun->recorded);
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

/* The entries' side is carried on by what they say alone: one difference does not show again in all that follow. */
static int compare(struct arbiter_rerun *rerun, const json_t *entry, const struct told_output *told, struct what *what)
{
    record_clear(arbiter_told_anew_table, &rerun->recorded);
    if (record_apply(arbiter_told_table, json_object_get(entry, "out"), &rerun->recorded, what->err) != 0)
        return error_prefix(what->err, "out");
    if (!what->whole && record_same(arbiter_told_table, &rerun->recorded, told))
        return 0;
    *what->recorded = record_whole(arbiter_told_table, sizeof rerun->recorded, &rerun->recorded);
    *what->now = record_whole(arbiter_told_table, sizeof *told, told);
    return 0;
}

static int arbitrate(struct arbiter_rerun *rerun, const json_t *entry, struct what *what)
{
    const json_t *memory = json_object_get(entry, "memory");
    struct arbiter_output output;

    if (memory && begin(rerun, memory, what->err) != 0)
        return -1;
    if (!rerun->arbiter)
        return error_set(what->err, ERROR_INPUT, "no complete entry comes before it");
    if (record_apply(arbitration_table, json_object_get(entry, "in"), &rerun->known, what->err) != 0)
        return error_prefix(what->err, "in");
    rerun->known.input.settings = &rerun->known.settings;
    arbiter_step(rerun->arbiter, &rerun->known.input, &output);
    struct told_output told = arbiter_tell(&rerun->known.input, &output);
    int result = compare(rerun, entry, &told, what);
    arbiter_told_clear(&told);
    arbiter_output_clear(&output);
    return result;
}

static void compare_spare(const json_t *entry, bool given, struct what *what)
{
    json_t *now = json_pack("{s:b}", "given", given), *recorded = json_object_get(entry, "out");

    if (what->whole || !json_equal(recorded, now)) {
        *what->recorded = json_incref(recorded);
        *what->now = json_incref(now);
    }
    json_decref(now);
}

/* What else moves the arbiter's memory. */
static int other(struct arbiter_rerun *rerun, const char *kind, const json_t *entry, struct what *what)
{
    struct json_at at = json_at_root("entry");
    int64_t calls = 0, instances = 0;
    struct mono now = MONO_ZERO;
    struct error *err = what->err;
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
        compare_spare(entry, arbiter_spare_call(rerun->arbiter, region, now), what);
    return 0;
}

int arbiter_rerun_entry(struct arbiter_rerun *rerun, const json_t *entry, bool whole, json_t **recorded, json_t **now,
                        struct error *err)
{
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    struct what what = {whole, recorded, now, err};

    *recorded = *now = NULL;
    if (text_equal(kind, "arbitration"))
        return arbitrate(rerun, entry, &what);
    if (text_equal(kind, "returned") || text_equal(kind, "rate-limited") || text_equal(kind, "spare-call"))
        return other(rerun, kind, entry, &what);
    return error_set(err, ERROR_INPUT, "it is none of a supervisor's entries");
}
