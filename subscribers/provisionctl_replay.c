/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_replay.c: provisionctl replay FILE: runs each entry of a file of the decision journal through the same
 * pure functions that made it, linked into this program, and tells what comes out differently, by its path.
 * Runs in: provisionctl; asks no daemon. Reads the file, writes nothing. Equal: exit 0; differences: 1; a file that is
 * no journal, or of another version of the structs: 2. A last line that is cut (the writer was killed) is left out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/journal.h"
#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "supervisor/arbiter_record.h"
#include "worker/plan_record.h"

#define MOST_TOLD 1000      /* differences in all */
#define MOST_TOLD_OF_ONE 20 /* of one entry */

struct replay {
    const char *path;
    struct arbiter_rerun *arbiter; /* of a supervisor's file */
    struct plan_record *plans;     /* of a type worker's */
    json_t *header, *differences;
    size_t line, entries, differ; /* entries that were run, and how many of them differ */
    bool cut, all;
    char first[40], last[40]; /* when the first and the last entry were made */
};

/* ---- differences ---- */

struct place {
    struct replay *replay;
    const json_t *entry;
    size_t count; /* of this entry */
};

static void compare(struct place *place, const char *path, const json_t *before, const json_t *now);

static void note(struct place *place, const char *path, const json_t *before, const json_t *now)
{
    struct replay *replay = place->replay;

    if (place->count++ >= MOST_TOLD_OF_ONE || json_array_size(replay->differences) >= MOST_TOLD)
        return;
    json_t *one = json_pack("{s:I, s:O, s:s}", "line", (json_int_t)replay->line, "at",
                            json_object_get(place->entry, "at"), "path", path);
    json_object_set_new(one, "recorded", before ? json_deep_copy(before) : json_null());
    json_object_set_new(one, "now", now ? json_deep_copy(now) : json_null());
    json_array_append_new(replay->differences, one);
}

static void compare_objects(struct place *place, const char *path, const json_t *before, const json_t *now)
{
    char below[600];
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)before, name, value)
    {
        text_format(below, sizeof below, "%s.%s", path, name);
        compare(place, below, value, json_object_get(now, name));
    }
    json_object_foreach((json_t *)now, name, value)
    {
        text_format(below, sizeof below, "%s.%s", path, name);
        if (!json_object_get(before, name))
            note(place, below, NULL, value);
    }
}

static void compare(struct place *place, const char *path, const json_t *before, const json_t *now)
{
    char below[600];

    if (json_equal(before, now))
        return;
    if (json_is_object(before) && json_is_object(now)) {
        compare_objects(place, path, before, now);
    } else if (json_is_array(before) && json_is_array(now)) {
        size_t most = json_array_size(before) > json_array_size(now) ? json_array_size(before) : json_array_size(now);
        for (size_t i = 0; i < most; i++) {
            text_format(below, sizeof below, "%s[%zu]", path, i);
            compare(place, below, json_array_get(before, i), json_array_get(now, i));
        }
    } else {
        note(place, path, before, now);
    }
}

/* ---- the file ---- */

/* As the functions give it: complete, where the file tells only what changed. */
static void print_entry(const struct replay *replay, const json_t *entry, const json_t *recorded, const json_t *now,
                        bool differs)
{
    json_t *one = json_pack("{s:I, s:O, s:O, s:O?}", "line", (json_int_t)replay->line, "at",
                            json_object_get(entry, "at"), "kind", json_object_get(entry, "kind"), "out", now);

    if (differs)
        json_object_set_new(one, "recorded", json_deep_copy(recorded));
    json_dumpf(one, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(one);
}

static int rerun(struct replay *replay, const json_t *entry, json_t **recorded, json_t **now, struct error *err)
{
    if (replay->arbiter)
        return arbiter_rerun_entry(replay->arbiter, entry, replay->all, recorded, now, err);
    int result = plan_rerun_entry(replay->plans, entry, now, err);
    *recorded = json_incref(json_object_get(entry, "out"));
    return result;
}

static int run_entry(struct replay *replay, const json_t *entry, struct error *err)
{
    struct place place = {.replay = replay, .entry = entry};
    const char *at = json_string_value(json_object_get(entry, "at"));
    json_t *recorded = NULL, *now = NULL;
    int result = rerun(replay, entry, &recorded, &now, err);

    if (result == 0 && !at)
        result = error_set(err, ERROR_INPUT, "it has no time");
    if (result == 0) {
        if (recorded || now)
            compare(&place, "out", recorded, now);
        if (replay->all)
            print_entry(replay, entry, recorded, now, place.count > 0);
        replay->entries++;
        replay->differ += place.count > 0;
        text_copy(replay->last, sizeof replay->last, at);
        if (!replay->first[0])
            text_copy(replay->first, sizeof replay->first, at);
    }
    json_decref(recorded);
    json_decref(now);
    return result;
}

static int take_header(struct replay *replay, json_t *line, struct error *err)
{
    const char *kind = json_string_value(json_object_get(line, "journal"));

    if (!text_equal(kind, "decisions") && !text_equal(kind, "plans"))
        return error_set(err, ERROR_INPUT, "it is no file of the decision journal");
    if (json_integer_value(json_object_get(line, "version")) != JOURNAL_VERSION)
        return error_set(err, ERROR_INPUT, "its version is not %d, the one that is known here", JOURNAL_VERSION);
    replay->header = json_incref(line);
    if (text_equal(kind, "decisions"))
        replay->arbiter = arbiter_rerun_create();
    else
        replay->plans = plan_record_create();
    return 0;
}

static int take_line(struct replay *replay, const char *text, size_t size, struct error *err)
{
    json_t *line = json_read_text("JSON", text, size, err);

    if (!line)
        return -1;
    int result = replay->header ? run_entry(replay, line, err) : take_header(replay, line, err);
    json_decref(line);
    return result;
}

static int read_lines(struct replay *replay, FILE *file, struct error *err)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t size;
    int result = 0;

    errno = 0;
    while (result == 0 && (size = getline(&text, &room, file)) > 0) {
        replay->line++;
        if (text[size - 1] != '\n' && replay->header)
            replay->cut = true;
        else if ((result = take_line(replay, text, (size_t)size, err)) != 0)
            error_prefix(err, "%.200s: line %zu", replay->path, replay->line);
    }
    if (result == 0 && ferror(file))
        result = error_set_errno(err, ERROR_LOCAL, "%s", replay->path);
    if (result == 0 && !replay->header)
        result = error_set(err, ERROR_INPUT, "%s: it is empty", replay->path);
    free(text);
    return result;
}

static int read_file(struct replay *replay, struct error *err)
{
    FILE *file = fopen(replay->path, "re");

    if (!file)
        return error_set_errno(err, ERROR_LOCAL, "%s", replay->path);
    int result = read_lines(replay, file, err);
    fclose(file);
    return result;
}

/* ---- what is told ---- */

static void print_json(const struct replay *replay)
{
    json_t *all = json_pack("{s:s, s:O, s:I, s:I, s:b, s:O}", "file", replay->path, "header", replay->header, "entries",
                            (json_int_t)replay->entries, "different", (json_int_t)replay->differ, "cut", replay->cut,
                            "differences", replay->differences);

    ctl_print_json(all, stdout);
    json_decref(all);
}

/* Members that are zero are left out of entries. */
static char *told(const json_t *value)
{
    return json_is_null(value) ? strdup("zero") : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void print_text(const struct replay *replay, FILE *out)
{
    const char *type = json_string_value(json_object_get(replay->header, "workerType"));
    const json_t *one;
    size_t i;

    json_array_foreach(replay->differences, i, one)
    {
        char *before = told(json_object_get(one, "recorded"));
        char *now = told(json_object_get(one, "now"));
        fprintf(out, "line %lld, %s: %s: %s -> %s\n", (long long)json_integer_value(json_object_get(one, "line")),
                json_string_value(json_object_get(one, "at")), json_string_value(json_object_get(one, "path")),
                before ? before : "?", now ? now : "?");
        free(before);
        free(now);
    }
    fprintf(out, "%s%s: %zu entries%s%s%s%s, %zu of them come out differently%s\n", type ? "plans of " : "decisions",
            type ? type : "", replay->entries, replay->first[0] ? ", " : "", replay->first,
            replay->first[0] ? " to " : "", replay->last, replay->differ,
            replay->cut ? "; the last line is cut and was left out" : "");
}

enum ctl_exit ctl_replay(struct ctl *ctl)
{
    struct replay replay = {.path = ctl->name, .differences = json_array(), .all = ctl->all};
    struct error err;
    enum ctl_exit code = CTL_USAGE;

    if (read_file(&replay, &err) != 0)
        ctl_fail(code, &err);
    else {
        if (ctl->json && !ctl->all)
            print_json(&replay);
        else
            print_text(&replay, ctl->all ? stderr : stdout);
        code = replay.differ > 0 ? CTL_REFUSED : CTL_OK;
    }
    arbiter_rerun_destroy(&replay.arbiter);
    plan_record_destroy(&replay.plans);
    json_decref(replay.header);
    json_decref(replay.differences);
    return code;
}
