/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_revisions.c: history, show, diff, rollback: what was ever applied, and going back to it.
 * Runs in: provisionctl. Owns nothing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

/* Splits NAME@REV; the revision is 0 where none is given. */
static int split(const char *word, char *name, size_t size, int64_t *revision, struct error *err)
{
    const char *at = strchr(word, '@');
    char *end;
    *revision = 0;
    if (text_format(name, size, "%.*s", (int)(at ? at - word : (ptrdiff_t)strlen(word)), word) != 0 || !*name)
        return error_set(err, ERROR_USAGE, "\"%s\" is no TYPE@REV", word);
    if (!at)
        return 0;
    *revision = strtoll(at + 1, &end, 10);
    if (!at[1] || *end || *revision < 1)
        return error_set(err, ERROR_USAGE, "\"%s\" is no revision's number", at + 1);
    return 0;
}

static char *argument_of(int64_t revision)
{
    json_t *argument = revision > 0 ? json_pack("{s:I}", "revision", (json_int_t)revision) : NULL;
    char *text = argument ? json_text(argument) : strdup("");
    json_decref(argument);
    return text;
}

static enum ctl_exit ask_for(struct ctl *ctl, const char *word, json_t **body, struct error *err)
{
    static char name[300]; /* ctl borrows it until the answer */
    int64_t revision;
    if (split(word, name, sizeof name, &revision, err) < 0)
        return CTL_USAGE;
    char *argument = argument_of(revision);
    ctl->name = name;
    enum ctl_exit code = ctl_ask_body(ctl, "show", argument, body, err);
    free(argument);
    return code;
}

enum ctl_exit ctl_history(struct ctl *ctl)
{
    json_t *body, *row;
    struct error err;
    size_t i;
    enum ctl_exit code = ctl_ask_body(ctl, "history", "", &body, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    int64_t live = json_integer_value(json_object_get(body, "live"));
    int64_t pin = json_integer_value(json_object_get(body, "pin"));
    if (ctl->json) {
        ctl_print_json(body, stdout);
        json_decref(body);
        return CTL_OK;
    }
    printf("%8s  %-24s  %-12s  %-7s  %s\n", "revision", "applied", "hash", "forced", "by");
    json_array_foreach(json_object_get(body, "revisions"), i, row)
    {
        char applied[40];
        int64_t revision = json_integer_value(json_object_get(row, "revision"));
        wall_format((struct wall){json_integer_value(json_object_get(row, "applied"))}, applied, sizeof applied);
        printf("%8" PRId64 "  %-24s  %-12.12s  %-7s  %s%s%s\n", revision, applied, ctl_word_of(row, "hash"),
               json_is_true(json_object_get(row, "forced")) ? "forced" : "", ctl_word_of(row, "who"),
               revision == live ? "  (live)" : "", revision == pin ? "  (pinned)" : "");
    }
    json_decref(body);
    return CTL_OK;
}

enum ctl_exit ctl_show(struct ctl *ctl)
{
    json_t *body;
    struct error err;
    enum ctl_exit code = ask_for(ctl, ctl->name, &body, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    ctl_print_json(ctl->json ? body : json_object_get(body, "document"), stdout);
    json_decref(body);
    return CTL_OK;
}

/* "us-west-2a/m3.large" -> its merged specification. New reference. */
static json_t *specs_by_place(const json_t *body)
{
    json_t *places = json_object(), *spec;
    size_t i;
    json_array_foreach(json_object_get(body, "specs"), i, spec)
    {
        char place[200];
        text_format(place, sizeof place, "%s/%s", ctl_word_of(spec, "zone"), ctl_word_of(spec, "instanceType"));
        json_object_set(places, place, spec);
    }
    return places;
}

/* Placements that differ in the same way are told once, with how many there are. */
static void print_specs(const json_t *before, const json_t *after, FILE *out)
{
    json_t *old = specs_by_place(before), *new = specs_by_place(after), *value, *told = json_object();
    const char *place;
    json_object_foreach(old, place, value)
    {
        char *text = NULL;
        size_t size = 0;
        FILE *lines = open_memstream(&text, &size);
        json_t *other = json_object_get(new, place), *a = json_copy(value), *b = other ? json_copy(other) : NULL;
        json_object_del(a, "zone");
        json_object_del(b, "zone");
        size_t count = b ? ctl_print_difference("  ", a, b, lines) : (size_t)fputs("  only in the first\n", lines);
        fclose(lines);
        if (count > 0 && !json_object_get(told, text)) {
            fprintf(out, "%s:\n%s", place, text);
            json_object_set_new(told, text, json_true());
        }
        free(text);
        json_decref(a);
        json_decref(b);
    }
    json_object_foreach(new, place, value)
    {
        if (!json_object_get(old, place))
            fprintf(out, "%s:\n  only in the second\n", place);
    }
    json_decref(old);
    json_decref(new);
    json_decref(told);
}

static bool print_both(const json_t *before, const json_t *after)
{
    size_t count =
        ctl_print_difference("", json_object_get(before, "document"), json_object_get(after, "document"), stdout);
    if (count > 0) {
        printf("\nmerged specifications:\n");
        print_specs(before, after, stdout);
    }
    return count > 0;
}

static bool tell_both(json_t *before, json_t *after)
{
    bool differ = !json_equal(json_object_get(before, "document"), json_object_get(after, "document"));
    json_t *both = json_pack("{s:b, s:O, s:O}", "differ", differ, "before", before, "after", after);
    ctl_print_json(both, stdout);
    json_decref(both);
    return differ;
}

enum ctl_exit ctl_diff(struct ctl *ctl)
{
    json_t *before = NULL, *after = NULL;
    struct error err;
    const char *second = ctl->second;
    enum ctl_exit code = ask_for(ctl, ctl->name, &before, &err);
    if (code == CTL_OK)
        code = ask_for(ctl, second, &after, &err);
    if (code != CTL_OK) {
        json_decref(before);
        return ctl_fail(code == CTL_REFUSED ? CTL_USAGE : code, &err);
    }
    bool differ = ctl->json ? tell_both(before, after) : print_both(before, after);
    json_decref(before);
    json_decref(after);
    return differ ? CTL_REFUSED : CTL_OK; /* as diff does */
}

enum ctl_exit ctl_rollback(struct ctl *ctl)
{
    struct message answer;
    struct error err;
    char *end, *argument;
    int64_t revision = *ctl->second ? strtoll(ctl->second, &end, 10) : 0;
    if (*ctl->second && (*end || revision < 1)) {
        error_set(&err, ERROR_USAGE, "\"%s\" is no revision's number", ctl->second);
        return ctl_fail(CTL_USAGE, &err);
    }
    ctl_be_patient(ctl);
    argument = argument_of(revision);
    enum ctl_exit code = ctl_ask(ctl, "rollback", argument, &answer, &err);
    free(argument);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    return ctl_print_answer(ctl, &answer);
}
