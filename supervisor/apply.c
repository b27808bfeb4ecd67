/* SPDX-License-Identifier: MPL-2.0 */
/* apply.c: see apply.h. Runs in: supervisor, main thread.
 * Judged first, then written, then live: a refusal leaves everything as it was; a crash after the writing is what a
 * restart with the new file is. --force leaves the judging out and is recorded with the revision. */
#include "supervisor/apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/amisets.h"
#include "supervisor/catalog.h"
#include "supervisor/events.h"
#include "supervisor/judge.h"
#include "supervisor/reload.h"
#include "supervisor/revisions.h"

/* ---- judged ---- */

static json_t *parts_json(const struct judgement *judgement)
{
    json_t *list = json_array();

    for (size_t i = 0; i < judgement->count; i++)
        json_array_append_new(list, judge_part_json(&judgement->parts[i]));
    return list;
}

/* Why it is not applied: the first error of the first type that has one; "" if none. */
static void find_fault(const struct judgement *judgement, char *out, size_t size)
{
    int64_t errors = 0;

    text_copy(out, size, "");
    for (size_t i = 0; i < judgement->count; i++) {
        const struct judge_part *part = &judgement->parts[i];
        json_t *findings = part->said.findings ? json_loads(part->said.findings, 0, NULL) : NULL, *finding;
        size_t k;
        errors += part->said.errors;
        if (!part->said.known && !*out)
            text_format(out, size, "%s could not be checked: %s", part->name, part->said.problem);
        json_array_foreach(findings, k, finding)
        {
            if (!*out && text_equal(json_string_value(json_object_get(finding, "severity")), "error"))
                text_format(out, size, "%s: %s", part->name, json_string_value(json_object_get(finding, "text")));
        }
        json_decref(findings);
    }
    size_t used = strlen(out);
    if (errors > 1)
        text_format(out + used, size - used, " (and %" PRId64 " more)", errors - 1);
}

/* ---- written ---- */

static void make_live(struct supervisor *supervisor, struct judgement *judgement, struct control_reply *reply)
{
    char names[300] = "";

    if (judgement->set)
        amisets_take(supervisor, &judgement->set, judgement->who, judgement->force);
    for (size_t i = 0; i < judgement->count; i++) {
        struct judge_part *part = &judgement->parts[i];
        size_t used = strlen(names);
        int64_t revision = reload_apply_one(supervisor, &part->definition, judgement->who, judgement->force);
        text_format(names + used, sizeof names - used, "%s%s revision %" PRId64, i > 0 ? ", " : "", part->name,
                    revision);
    }
    if (judgement->count == 0)
        text_copy(names, sizeof names, "no type is touched");
    event_record(supervisor, "applied", judgement->count == 1 ? judgement->parts[0].name : NULL, NULL,
                 "%s written by %s%s: %s", judgement->path, judgement->who, judgement->force ? " with --force" : "",
                 names);
    text_format(reply->text, sizeof reply->text, "written to %s and live: %s%s", judgement->path, names,
                judgement->force ? " (forced: preflight leaves nothing out)" : "");
}

static void begin_writing(struct supervisor *supervisor, struct judgement *judgement, struct control_reply *reply)
{
    char *text = json_dumps(judgement->document, JSON_INDENT(2));
    struct buffer whole = {0};
    struct error error;

    buffer_print(&whole, "%s\n", text ? text : "");
    judgement->writer = writer_start(judgement->path, buffer_text(&whole), &error);
    if (!judgement->writer) {
        control_refuse(reply, "nothing was changed: %s", error.text);
        judge_answer(supervisor, judgement, reply);
    }
    buffer_free(&whole);
    free(text);
}

static void finish(struct supervisor *supervisor, struct judgement *judgement)
{
    struct control_reply reply = {.ok = true};
    struct error error = {0};
    char fault[900];

    if (!judgement->writer) {
        find_fault(judgement, fault, sizeof fault);
        if (!*fault || judgement->force) {
            begin_writing(supervisor, judgement, &reply);
            return;
        }
        reply.body = json_pack("{s:o}", "types", parts_json(judgement));
        control_refuse(&reply, "not applied: %s", fault);
    } else if (writer_result(judgement->writer, &error) != 0) {
        control_refuse(&reply, "nothing was changed: %s", error.text);
    } else {
        reply.body = json_pack("{s:o}", "types", parts_json(judgement));
        make_live(supervisor, judgement, &reply);
        reply.ticket = ledger_ticket(supervisor->ledger);
    }
    judge_answer(supervisor, judgement, &reply);
}

/* ---- a definition ---- */

static void path_of_type(const struct supervisor *supervisor, const char *name, char *out, size_t size)
{
    const struct type_record *type = supervisor_type(supervisor, name);

    if (type && type->definition && text_starts(type->definition->file, "/"))
        text_copy(out, size, type->definition->file);
    else
        text_format(out, size, "%s/%s.json", supervisor->config->worker_types_dir, name);
}

static void apply_definition(struct supervisor *supervisor, const struct proto_CONTROL *request,
                             struct control_reply *reply, const json_t *document, bool force)
{
    const char *name = json_string_value(json_object_get(document, "workerType"));
    char path[600];
    struct error error;

    if (*request->name && !text_equal(request->name, name)) {
        control_refuse(reply, "the file defines %s, not %s", name, request->name);
        return;
    }
    path_of_type(supervisor, name, path, sizeof path);
    struct definition *definition = catalog_parse_definition(supervisor->config, document, path, NULL, &error);
    const struct type_record *type = definition ? supervisor_type(supervisor, definition->name) : NULL;
    if (!definition) {
        control_refuse(reply, "nothing was changed: %s", error.text);
        return;
    }
    if (type && type->pin > 0) {
        control_refuse(reply, "%s is pinned to revision %" PRId64 "; unpin it first", type->name, type->pin);
        definition_destroy(&definition);
        return;
    }
    if (!force && type && type->definition && text_equal(type->definition->hash, definition->hash)) {
        text_format(reply->text, sizeof reply->text, "that is live already: revision %" PRId64, type->revision);
        definition_destroy(&definition);
        return;
    }
    struct judgement *judgement = judge_begin(supervisor, request, reply, finish);
    judgement->force = force;
    judgement->document = json_deep_copy(document);
    text_copy(judgement->path, sizeof judgement->path, path);
    judge_add(supervisor, judgement, &definition, type && type->definition ? "changed" : "new", !force);
}

/* ---- an AMI set ---- */

/* Types whose definition becomes another one by it. -1 when one of them cannot have these images. */
static int add_touched(struct supervisor *supervisor, struct judgement *judgement, struct error *err)
{
    for (size_t i = 0; i < supervisor->type_count; i++) {
        const struct type_record *type = supervisor->types[i];
        if (!type->definition || type->pin > 0 || !text_equal(type->definition->ami_set, judgement->set->name))
            continue;
        struct definition *definition = catalog_with_set(supervisor->config, type->definition, judgement->set, err);
        if (!definition)
            return -1;
        if (text_equal(definition->hash, type->definition->hash) && !judgement->force)
            definition_destroy(&definition);
        else
            judge_add(supervisor, judgement, &definition, "changed", !judgement->force);
    }
    return 0;
}

void apply_set(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply,
               const json_t *document, bool force)
{
    const char *name = revisions_set_name(request->name);
    char path[600];
    struct error error;

    text_format(path, sizeof path, "%s/%s.json", supervisor->config->amisets_dir, name);
    struct amiset *set = amiset_parse(document, name, path, &error);
    if (!set) {
        control_refuse(reply, "nothing was changed: %s", error.text);
        return;
    }
    struct judgement *judgement = judge_begin(supervisor, request, reply, finish);
    judgement->force = force;
    judgement->set = set;
    judgement->document = json_deep_copy(document);
    text_copy(judgement->path, sizeof judgement->path, path);
    if (add_touched(supervisor, judgement, &error) == 0)
        return;
    struct control_reply refusal = {0};
    control_refuse(&refusal, "nothing was changed: %s", error.text);
    judge_answer(supervisor, judgement, &refusal);
}

/* {"document": {...}, "force": true or false} */
void control_apply(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    static const char *const members[] = {"document", "force", NULL};
    struct json_at at = json_at_root("argument");
    json_t *document = NULL;
    bool force = false;
    struct error error;
    json_t *argument = json_read_text("argument", request->argument, strlen(request->argument), &error);

    if (!argument || json_only_members(argument, &at, members, &error) != 0 ||
        json_get_object(argument, &at, "document", true, &document, &error) != 0 ||
        json_get_bool(argument, &at, "force", false, &force, &error) != 0)
        control_refuse(reply, "%s", error.text);
    else if (revisions_set_name(request->name))
        apply_set(supervisor, request, reply, document, force);
    else if (json_is_string(json_object_get(document, "workerType")))
        apply_definition(supervisor, request, reply, document, force);
    else
        control_refuse(reply, "the file is no workerType: it has no member workerType that is a text");
    json_decref(argument);
}

/* ---- on demand ---- */

static void finish_preflight(struct supervisor *supervisor, struct judgement *judgement)
{
    struct control_reply reply = {.ok = true};
    const struct judge_part *part = &judgement->parts[0];

    reply.body = judge_part_json(part);
    if (!part->said.known)
        text_format(reply.text, sizeof reply.text, "not all could be read: %s", part->said.problem);
    else
        text_format(reply.text, sizeof reply.text,
                    "%" PRId64 " of %" PRId64 " placements can launch, %" PRId64 " errors", part->said.usable,
                    part->said.placements, part->said.errors);
    judge_answer(supervisor, judgement, &reply);
}

void control_preflight(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    const struct type_record *type = supervisor_type(supervisor, request->name);
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(supervisor->config, zones);
    struct error error;

    if (!type || !type->definition) {
        control_refuse(reply, "there is no workerType %s", request->name);
        return;
    }
    struct definition *same =
        definition_parse(type->definition->document, type->definition->file, zones, count, &error);
    if (!same) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    struct judgement *judgement = judge_begin(supervisor, request, reply, finish_preflight);
    judge_add(supervisor, judgement, &same, "unchanged", true);
}
