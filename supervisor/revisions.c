/* SPDX-License-Identifier: MPL-2.0 */
/* revisions.c: see revisions.h. Runs in: supervisor, main thread. */
#include "supervisor/revisions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/amisets.h"
#include "supervisor/apply.h"
#include "supervisor/events.h"
#include "supervisor/reload.h"
#include "supervisor/workers.h"

#define IMAGES_OF 10 /* the last so many revisions are looked at for images */

const char *revisions_set_name(const char *name)
{
    return text_starts(name, "set:") ? name + strlen("set:") : NULL;
}

/* ---- reading ---- */

struct found_revision {
    int64_t revision;
    char *document;
    bool forced;
};

static void take_one(void *context, const struct ledger_revision *revision)
{
    struct found_revision *found = context;

    free(found->document);
    *found = (struct found_revision){revision->revision, strdup(revision->document), revision->forced};
}

/* The document of a revision. NULL with *err; new reference. */
static json_t *read_document(struct supervisor *supervisor, const char *name, int64_t revision, bool *forced,
                             struct error *err)
{
    const char *set = revisions_set_name(name);
    struct found_revision found = {0};
    json_t *document = NULL;

    if (ledger_revisions(supervisor->ledger, set != NULL, set ? set : name, revision, take_one, &found, err) == 0) {
        if (found.document)
            document = json_read_text("revision", found.document, strlen(found.document), err);
        else
            error_set(err, ERROR_INPUT, "%s has no revision %" PRId64, name, revision);
    }
    if (forced)
        *forced = found.forced;
    free(found.document);
    return document;
}

struct definition *revisions_definition(struct supervisor *supervisor, const char *type, int64_t revision, bool *forced,
                                        struct error *err)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(supervisor->config, zones);
    char name[NAME_SIZE + 40];
    json_t *document = read_document(supervisor, type, revision, forced, err);

    if (!document)
        return NULL;
    text_format(name, sizeof name, "revision %" PRId64 " of %s", revision, type);
    struct definition *definition = definition_parse(document, name, zones, count, err);
    json_decref(document);
    return definition;
}

/* ---- images ---- */

static void add_image(json_t *list, const char *region, const char *image, const char *from)
{
    if (region && image)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "region", region, "image", image, "from", from));
}

static void add_images_of(void *context, const struct ledger_revision *revision)
{
    json_t *document = json_loads(revision->document, 0, NULL), *element, *by_architecture;
    json_t *images = json_object_get(document, "amiImages");
    const char *region, *virtualization, *architecture;
    char from[40];
    json_t *of_region, *image;
    size_t i;

    text_format(from, sizeof from, "revision %" PRId64, revision->revision);
    json_array_foreach(json_object_get(document, "regions"), i, element)
        add_image(context, json_string_value(json_object_get(element, "region")),
                  json_string_value(json_object_get(json_object_get(element, "launchSpec"), "ImageId")), from);
    json_object_foreach(images, region, of_region) json_object_foreach(of_region, virtualization, by_architecture)
        json_object_foreach(by_architecture, architecture, image)
            add_image(context, region, json_string_value(image), from);
    json_decref(document);
}

void revisions_add_images(struct supervisor *supervisor, const char *type, json_t *list)
{
    struct type_record *record = supervisor_type(supervisor, type);
    int64_t newest = record ? record->newest : 0;

    for (int64_t revision = newest; revision > 0 && revision > newest - IMAGES_OF; revision--)
        ledger_revisions(supervisor->ledger, false, type, revision, add_images_of, list, NULL);
}

/* ---- history ---- */

static void add_row(void *context, const struct ledger_revision *revision)
{
    json_array_append_new(context, json_pack("{s:I, s:I, s:s, s:b, s:s}", "revision", (json_int_t)revision->revision,
                                             "applied", (json_int_t)revision->applied.ms, "who", revision->who,
                                             "forced", revision->forced, "hash", revision->hash));
}

void control_history(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    const char *set = revisions_set_name(request->name);
    const struct type_record *type = set ? NULL : supervisor_type(supervisor, request->name);
    const struct set_record *record = set ? amisets_find(supervisor, set, false) : NULL;
    json_t *rows = json_array();
    struct error error;

    if (ledger_revisions(supervisor->ledger, set != NULL, set ? set : request->name, 0, add_row, rows, &error) != 0) {
        json_decref(rows);
        control_refuse(reply, "%s", error.text);
    } else if (json_array_size(rows) == 0) {
        json_decref(rows);
        control_refuse(reply, "there is no history of %s", request->name);
    } else {
        int64_t live = type && type->definition ? type->revision : record && record->set ? record->revision : 0;
        reply->body = json_pack("{s:s, s:I, s:I, s:o}", "name", request->name, "live", (json_int_t)live, "pin",
                                (json_int_t)(type ? type->pin : 0), "revisions", rows);
    }
}

/* {"revision": N}; absent: 0. */
static int read_revision(const struct proto_CONTROL *request, int64_t *revision, struct error *err)
{
    static const char *const members[] = {"revision", NULL};
    struct json_at at = json_at_root("argument");

    *revision = 0;
    if (!*request->argument)
        return 0;
    json_t *argument = json_read_text("argument", request->argument, strlen(request->argument), err);
    if (!argument)
        return -1;
    int result = json_only_members(argument, &at, members, err);
    if (result == 0)
        result = json_get_integer(argument, &at, "revision", false, 1, INT64_MAX, revision, err);
    json_decref(argument);
    return result;
}

static json_t *merged_specs(const struct definition *definition)
{
    json_t *list = json_array();

    for (size_t i = 0; i < definition->spec_count; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:f, s:s, s:O, s:O}", "region", spec->region,
                                              "zone", spec->zone, "instanceType", spec->instance_type, "capacity",
                                              (json_int_t)spec->capacity, "utility", spec->utility, "image",
                                              spec->image, "launchSpec", spec->launch, "userData", spec->user_data));
    }
    return list;
}

void control_show(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    int64_t revision = 0;
    bool forced = false;
    struct error error = {0};

    if (read_revision(request, &revision, &error) != 0) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    const char *set = revisions_set_name(request->name);
    const struct type_record *type = set ? NULL : supervisor_type(supervisor, request->name);
    const struct set_record *record = set ? amisets_find(supervisor, set, false) : NULL;
    if (revision == 0)
        revision = type ? type->revision : record ? record->revision : 0;
    json_t *document = read_document(supervisor, request->name, revision, &forced, &error);
    if (!document) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    struct definition *definition =
        set ? NULL : revisions_definition(supervisor, request->name, revision, NULL, &error);
    reply->body =
        json_pack("{s:s, s:I, s:b, s:o, s:o}", "name", request->name, "revision", (json_int_t)revision, "forced",
                  forced, "document", document, "specs", definition ? merged_specs(definition) : json_array());
    definition_destroy(&definition);
}

/* ---- going back ---- */

/* The newest revision below the live one that says something else. */
static void take_other(void *context, const struct ledger_revision *revision)
{
    struct type_record *const *type = ((void **)context)[0];
    int64_t *best = ((void **)context)[1];

    if (*best == 0 && revision->revision < (*type)->revision && !text_equal(revision->hash, (*type)->definition->hash))
        *best = revision->revision;
}

static int64_t previous_revision(struct supervisor *supervisor, struct type_record *type, struct error *err)
{
    int64_t best = 0;
    void *context[] = {&type, &best};

    if (ledger_revisions(supervisor->ledger, false, type->name, 0, take_other, context, err) == 0 && best == 0)
        error_set(err, ERROR_INPUT, "%s has no earlier revision", type->name);
    return best;
}

static void pin(struct supervisor *supervisor, struct type_record *type, int64_t revision)
{
    char key[NAME_SIZE + 8], value[32];

    text_format(key, sizeof key, "pin:%s", type->name);
    text_format(value, sizeof value, "%" PRId64, revision);
    if (revision > 0)
        ledger_put_meta(supervisor->ledger, key, value);
    else
        ledger_remove_meta(supervisor->ledger, key);
    type->pin = revision;
    type->dirty = true;
}

static void roll_back_set(struct supervisor *supervisor, const struct proto_CONTROL *request,
                          struct control_reply *reply, int64_t revision)
{
    struct set_record *record = amisets_find(supervisor, revisions_set_name(request->name), false);
    struct error error;

    if (revision == 0)
        revision = record ? record->revision - 1 : 0;
    json_t *document = NULL;
    if (revision < 1)
        error_set(&error, ERROR_INPUT, "%s has no earlier revision", request->name);
    else
        document = read_document(supervisor, request->name, revision, NULL, &error);
    if (document)
        apply_set(supervisor, request, reply, document, false);
    else
        control_refuse(reply, "%s", error.text);
    json_decref(document);
}

void control_rollback(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = supervisor_type(supervisor, request->name);
    struct definition *definition = NULL;
    int64_t revision = 0;
    bool forced = false;
    struct error error = {0};

    if (read_revision(request, &revision, &error) != 0) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    if (revisions_set_name(request->name)) {
        roll_back_set(supervisor, request, reply, revision);
        return;
    }
    if (!type || !type->definition) {
        control_refuse(reply, "there is no workerType %s", request->name);
        return;
    }
    if (revision == 0)
        revision = previous_revision(supervisor, type, &error);
    if (revision > 0)
        definition = revisions_definition(supervisor, type->name, revision, &forced, &error);
    if (!definition) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    int64_t before = type->revision;
    pin(supervisor, type, revision);
    reload_go_back(supervisor, type, definition, revision, forced);
    event_record(supervisor, "rolled-back", type->name, NULL, "from revision %" PRId64 " to %" PRId64 ", pinned, by %s",
                 before, revision, request->who);
    reply->ticket = ledger_ticket(supervisor->ledger);
    text_format(reply->text, sizeof reply->text,
                "%s runs revision %" PRId64 " instead of %" PRId64
                "; it is pinned: its file does not count until unpin",
                type->name, revision, before);
}

void control_unpin(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = supervisor_type(supervisor, request->name);

    if (!type || type->pin == 0) {
        control_refuse(reply, "%s is not pinned", request->name);
        return;
    }
    int64_t before = type->revision;
    pin(supervisor, type, 0);
    alarm_clear(supervisor, "pin", type->name);
    event_record(supervisor, "unpinned", type->name, NULL, "by %s", request->who);
    reload_type(supervisor, type);
    if (type->definition && type->revision != before)
        workers_event(supervisor, &type->worker, PROCESS_RESTART, "it is unpinned");
    reply->ticket = ledger_ticket(supervisor->ledger);
    text_format(reply->text, sizeof reply->text, "%s follows its file again: revision %" PRId64, type->name,
                type->revision);
}
