/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_apply.c: apply FILE, preflight TYPE: sends a definition or an AMI set, prints what was found.
 * Runs in: provisionctl. Owns nothing. Decides nothing: the daemon judges, writes and applies. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define FILE_LIMIT (4 * 1024 * 1024)

int ctl_document_name(const json_t *document, const char *path, char *out, size_t size, struct error *err)
{
    const char *type = json_string_value(json_object_get(document, "workerType"));
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *dot = strrchr(file, '.');
    if (type)
        return text_copy(out, size, type) == 0 ? 0 : error_set(err, ERROR_INPUT, "%s: workerType is too long", path);
    if (!dot || strcmp(dot, ".json") != 0 || dot == file)
        return error_set(err, ERROR_INPUT, "%s: an AMI set's file is NAME.json", path);
    return text_format(out, size, "set:%.*s", (int)(dot - file), file) == 0
               ? 0
               : error_set(err, ERROR_INPUT, "%s: the name is too long", path);
}

static void print_parts(const json_t *body, FILE *out)
{
    const json_t *part;
    size_t i;
    json_array_foreach(json_object_get(body, "types"), i, part)
    {
        const json_t *findings = json_object_get(part, "findings");
        fprintf(out, "%s: %lld of %lld placements can launch\n", ctl_word_of(part, "type"),
                (long long)json_integer_value(json_object_get(part, "usable")),
                (long long)json_integer_value(json_object_get(part, "placements")));
        ctl_print_findings(findings, out);
    }
}

static enum ctl_exit say(struct ctl *ctl, const char *command, const char *argument,
                         void (*print)(const json_t *body, FILE *out))
{
    struct message answer;
    struct error err;
    enum ctl_exit code = ctl_ask(ctl, command, argument, &answer, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    bool ok = answer.as.ANSWER.ok;
    json_t *body = json_loads(answer.as.ANSWER.body, 0, NULL);
    if (ctl->json)
        ctl_print_json(body ? body : json_null(), stdout);
    else if (body)
        print(body, ok ? stdout : stderr);
    fprintf(ok && !ctl->json ? stdout : stderr, "%s%s\n", ok ? "" : "provisionctl: ", answer.as.ANSWER.text);
    json_decref(body);
    message_clear(&answer);
    return ok ? CTL_OK : CTL_REFUSED;
}

enum ctl_exit ctl_apply(struct ctl *ctl)
{
    char name[256];
    struct error err;
    json_t *document = json_read_file(ctl->name, FILE_LIMIT, &err);
    if (!document || ctl_document_name(document, ctl->name, name, sizeof name, &err) < 0) {
        json_decref(document);
        return ctl_fail(CTL_USAGE, &err);
    }
    json_t *argument = json_pack("{s:o, s:b}", "document", document, "force", ctl->force);
    char *text = json_text(argument);
    ctl->name = name;
    ctl_be_patient(ctl);
    enum ctl_exit code = say(ctl, "apply", text ? text : "", print_parts);
    free(text);
    json_decref(argument);
    return code;
}

static void print_one(const json_t *part, FILE *out)
{
    ctl_print_findings(json_object_get(part, "findings"), out);
}

enum ctl_exit ctl_preflight(struct ctl *ctl)
{
    ctl_be_patient(ctl);
    return say(ctl, "preflight", "", print_one);
}
