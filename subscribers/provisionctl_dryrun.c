/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_dryrun.c: dryrun [TYPE|FILE|DIR]: what a configuration would launch now, beside what runs. Changes
 * nothing. Runs in: provisionctl. Exit status: 0 it could be applied as it is, 1 it has errors. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define FILE_LIMIT (4 * 1024 * 1024) /* bytes */

/* A name without a slash is a type's, unless it is a file's. 0: a type, or nothing. */
static mode_t kind_of(const char *path)
{
    struct stat status;
    return strpbrk(path, "/.") && stat(path, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/* {"documents": [...], "sets": {...}} of one file: a workerType or an AMI set. */
static json_t *read_one(const char *path, struct error *err)
{
    char name[256];
    json_t *document = json_read_file(path, FILE_LIMIT, err), *whole = NULL;
    if (document && ctl_document_name(document, path, name, sizeof name, err) == 0)
        whole = text_starts(name, "set:")
                    ? json_pack("{s:[], s:{s:O}}", "documents", "sets", name + strlen("set:"), document)
                    : json_pack("{s:[O], s:{}}", "documents", document, "sets");
    json_decref(document);
    return whole;
}

/* A folder that the settings name, from DIR; where they do not, or there are none, the usual one. */
static void folder_of(const json_t *settings, const char *name, const char *usual, const char *directory, char *out,
                      size_t size)
{
    const char *given = json_string_value(json_object_get(settings, name));
    text_format(out, size, "%s%s%s", given && *given == '/' ? "" : directory, given && *given == '/' ? "" : "/",
                given ? given : usual);
}

/* {"documents": [...], "sets": {...}, "settings": {...}} of a directory like the daemon's own; the settings only where
 * it has provisiond.json. */
static json_t *read_all(const char *directory, struct error *err)
{
    char path[1100];
    struct stat status;
    json_t *types = NULL, *sets = NULL, *settings = NULL, *value, *whole = NULL;
    const char *name;
    text_format(path, sizeof path, "%s/provisiond.json", directory);
    if (stat(path, &status) == 0 && !(settings = json_read_file(path, FILE_LIMIT, err)))
        return NULL;
    folder_of(settings, "workerTypesDir", "workertypes.d", directory, path, sizeof path);
    types = ctl_read_directory(path, err);
    folder_of(settings, "amiSetsDir", "amisets.d", directory, path, sizeof path);
    if (types)
        sets = stat(path, &status) == 0 ? ctl_read_directory(path, err) : json_object();
    if (sets) {
        whole = json_pack("{s:[], s:O}", "documents", "sets", sets);
        json_object_foreach(types, name, value) json_array_append(json_object_get(whole, "documents"), value);
        if (settings)
            json_object_set(whole, "settings", settings);
    }
    json_decref(types);
    json_decref(sets);
    json_decref(settings);
    return whole;
}

static void print_value(const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    printf("%s", text ? text : "-");
    free(text);
}

static void print_settings(const json_t *body)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(body, "settings"), i, row)
    {
        printf("setting %s: ", ctl_word_of(row, "name"));
        print_value(json_object_get(row, "running"));
        printf(" -> ");
        print_value(json_object_get(row, "new"));
        printf("%s\n", json_is_true(json_object_get(row, "restart")) ? " (needs a restart)" : "");
    }
}

static void print_side(const char *title, const json_t *side)
{
    const json_t *row;
    size_t i;
    if (!json_is_object(side) || !*ctl_word_of(side, "reason")) {
        printf("  %-8s nothing is known: its own worker has not looked yet\n", title);
        return;
    }
    printf("  %-8s %s: %s\n", title, ctl_word_of(side, "reason"), ctl_word_of(side, "why"));
    json_array_foreach(json_object_get(side, "launches"), i, row)
    {
        const json_t *price = json_object_get(row, "price");
        char now[32] = "?";
        if (json_is_number(price))
            text_format(now, sizeof now, "%.4f", json_number_value(price));
        printf("           launches %lld x %s in %s, %s, at most $%.4f an hour each (now $%s)\n",
               (long long)json_integer_value(json_object_get(row, "count")), ctl_word_of(row, "instanceType"),
               ctl_word_of(row, "zone"), ctl_word_of(row, "market"),
               json_number_value(json_object_get(row, "maxPrice")), now);
    }
    json_array_foreach(json_object_get(side, "denials"), i, row)
    {
        printf("           %lld of %lld at %s: %s\n", (long long)json_integer_value(json_object_get(row, "granted")),
               (long long)json_integer_value(json_object_get(row, "wanted")), ctl_word_of(row, "placement"),
               ctl_word_of(row, "by"));
    }
}

static void print_type(const json_t *type)
{
    const char *problem = ctl_word_of(type, "problem");
    if (strcmp(ctl_word_of(type, "change"), "removed") == 0) {
        printf("%s (removed): its process would end, its instances would be left alone\n", ctl_word_of(type, "type"));
        print_side("running", json_object_get(type, "running"));
        return;
    }
    printf("%s (%s): %lld of %lld placements can launch%s%s\n", ctl_word_of(type, "type"), ctl_word_of(type, "change"),
           (long long)json_integer_value(json_object_get(type, "usable")),
           (long long)json_integer_value(json_object_get(type, "placements")), *problem ? "; " : "", problem);
    ctl_print_findings(json_object_get(type, "findings"), stdout);
    print_side("running", json_object_get(type, "running"));
    print_side("new", json_object_get(type, "new"));
}

static enum ctl_exit show(const struct ctl *ctl, json_t *body, const char *text)
{
    const json_t *type;
    size_t i;
    bool ok = json_is_true(json_object_get(body, "ok"));
    if (ctl->json) {
        ctl_print_json(body, stdout);
    } else {
        print_settings(body);
        json_array_foreach(json_object_get(body, "types"), i, type) print_type(type);
        printf("%s\n", text);
    }
    return ok ? CTL_OK : CTL_REFUSED;
}

enum ctl_exit ctl_dryrun(struct ctl *ctl)
{
    struct message answer;
    struct error err;
    json_t *argument = NULL;
    mode_t kind = kind_of(ctl->name);
    if (kind) {
        argument = kind == S_IFDIR ? read_all(ctl->name, &err) : read_one(ctl->name, &err);
        if (!argument)
            return ctl_fail(CTL_USAGE, &err);
        ctl->name = "";
    }
    char *text = argument ? json_text(argument) : strdup("");
    json_decref(argument);
    ctl_be_patient(ctl);
    enum ctl_exit code = ctl_ask(ctl, "dryrun", text ? text : "", &answer, &err);
    free(text);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    json_t *body = answer.as.ANSWER.ok ? json_loads(answer.as.ANSWER.body, 0, NULL) : NULL;
    if (body)
        code = show(ctl, body, answer.as.ANSWER.text);
    else {
        fprintf(stderr, "provisionctl: %s\n", answer.as.ANSWER.text);
        code = CTL_REFUSED;
    }
    json_decref(body);
    message_clear(&answer);
    return code;
}
