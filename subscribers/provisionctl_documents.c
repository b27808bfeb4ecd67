/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_documents.c: what several commands do with definitions: print, compare, read a directory of them.
 * Runs in: provisionctl. Owns nothing. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define MOST_WARNINGS 20

void ctl_be_patient(struct ctl *ctl)
{
    if (ctl->timeout.us == SPAN_SECONDS(5).us)
        ctl->timeout = SPAN_SECONDS(40);
}

void ctl_print_json(const json_t *value, FILE *out)
{
    json_dumpf(value, out, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    fputc('\n', out);
}

static void print_those(const json_t *findings, const char *severity, size_t most, FILE *out)
{
    const json_t *finding;
    size_t i, count = 0;
    json_array_foreach(findings, i, finding)
    {
        if (strcmp(ctl_word_of(finding, "severity"), severity) != 0)
            continue;
        if (count++ < most)
            fprintf(out, "  %-7s %s: %s\n", severity, ctl_word_of(finding, "code"), ctl_word_of(finding, "text"));
    }
    if (count > most)
        fprintf(out, "  and %zu more of severity %s\n", count - most, severity);
}

void ctl_print_findings(const json_t *findings, FILE *out)
{
    print_those(findings, "error", SIZE_MAX, out);
    print_those(findings, "warning", MOST_WARNINGS, out);
}

/* ---- differences ---- */

static void print_value(const json_t *value, FILE *out)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
    fputs(text ? text : "(absent)", out);
    free(text);
}

static size_t one_line(const char *path, const json_t *before, const json_t *after, FILE *out)
{
    fprintf(out, "%s: ", *path ? path : "(all)");
    print_value(before, out);
    fputs(" -> ", out);
    print_value(after, out);
    fputc('\n', out);
    return 1;
}

static size_t objects_differ(const char *path, const json_t *before, const json_t *after, FILE *out)
{
    char below[600];
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach((json_t *)before, name, value)
    {
        text_format(below, sizeof below, "%s%s%s", path, *path ? "." : "", name);
        count += ctl_print_difference(below, value, json_object_get(after, name), out);
    }
    json_object_foreach((json_t *)after, name, value)
    {
        if (json_object_get(before, name))
            continue;
        text_format(below, sizeof below, "%s%s%s", path, *path ? "." : "", name);
        count += one_line(below, NULL, value, out);
    }
    return count;
}

size_t ctl_print_difference(const char *path, const json_t *before, const json_t *after, FILE *out)
{
    char below[600];
    size_t count = 0;
    if (json_equal(before, after))
        return 0;
    if (json_is_object(before) && json_is_object(after))
        return objects_differ(path, before, after, out);
    if (!json_is_array(before) || !json_is_array(after))
        return one_line(path, before, after, out);
    size_t longest =
        json_array_size(before) > json_array_size(after) ? json_array_size(before) : json_array_size(after);
    for (size_t i = 0; i < longest; i++) {
        text_format(below, sizeof below, "%s[%zu]", path, i);
        count += ctl_print_difference(below, json_array_get(before, i), json_array_get(after, i), out);
    }
    return count;
}

/* ---- directories ---- */

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

json_t *ctl_read_directory(const char *path, struct error *err)
{
    struct dirent **names = NULL;
    json_t *documents = json_object();
    int count = scandir(path, &names, is_json, alphasort), result = 0;
    if (count < 0)
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    for (int i = 0; i < count; i++) {
        char file[1200], name[300];
        text_format(file, sizeof file, "%s/%s", path, names[i]->d_name);
        text_format(name, sizeof name, "%.*s", (int)(strlen(names[i]->d_name) - 5), names[i]->d_name);
        json_t *document = result == 0 ? json_read_file(file, FILE_LIMIT, err) : NULL;
        if (document)
            json_object_set_new(documents, name, document);
        else
            result = -1;
        free(names[i]);
    }
    free(names);
    if (result == 0)
        return documents;
    json_decref(documents);
    return NULL;
}
