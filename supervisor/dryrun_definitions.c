/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun_definitions.c: which definitions a dry run is about: those of the daemon's files, or of documents that an
 * operator sent; each is handed to judge.c, which asks its type's worker.
 * Runs in: supervisor, main thread. Owns nothing: the judgement does. Changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/catalog.h"
#include "supervisor/dryrun.h"
#include "supervisor/judge.h"

/* Nobody is asked about a definition that runs as it is: what its worker said last is what it would say. */
static void add_as_it_runs(struct supervisor *supervisor, struct judgement *judgement, struct definition **definition,
                           const char *change)
{
    const struct type_record *type = supervisor_type(supervisor, (*definition)->name);
    struct judge_part *part = judge_add(supervisor, judgement, definition, change, false);
    bool stays = text_equal(change, "unchanged");

    part->said.known = true;
    part->said.placements = stays ? type->preflight.placements : 0;
    part->said.usable = stays ? type->preflight.usable : 0;
    if (!stays || !type->observed)
        return;
    part->said.pending = type->seen.pending;
    part->said.need = type->seen.need;
    part->said.units = type->bid.stands ? type->bid.units : 0;
    text_copy(part->said.reason, sizeof part->said.reason, type->seen.reason);
    text_copy(part->said.why, sizeof part->said.why, type->seen.why);
}

static void add(struct supervisor *supervisor, struct judgement *judgement, struct definition **definition,
                const char *only)
{
    const struct type_record *type = supervisor_type(supervisor, (*definition)->name);
    bool is_new = !type || !type->definition;
    bool same = !is_new && text_equal(type->definition->hash, (*definition)->hash);

    if (*only && !text_equal(only, (*definition)->name))
        return;
    if (same && !*only) {
        if (judgement->config) /* other caps may give it more or less */
            add_as_it_runs(supervisor, judgement, definition, "unchanged");
        return;
    }
    judge_add(supervisor, judgement, definition, is_new ? "new" : same ? "unchanged" : "changed", true);
}

/* Of a whole configuration: what runs and is in none of its files would end. */
static void add_removed(struct supervisor *supervisor, struct judgement *judgement, const json_t *names)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(supervisor->config, zones);

    for (size_t i = 0; i < supervisor->type_count; i++) {
        const struct definition *running = supervisor->types[i]->definition;
        if (!running || json_object_get(names, running->name))
            continue;
        struct definition *copy = definition_parse(running->document, running->file, zones, count, NULL);
        if (copy)
            add_as_it_runs(supervisor, judgement, &copy, "removed");
    }
}

/* The settings that are tried; those that are as they run are none. */
static void take_settings(const struct supervisor *supervisor, struct judgement *judgement, struct config **config)
{
    json_t *differ = dryrun_settings_differ(supervisor->config, *config);

    if (json_array_size(differ) > 0) {
        judgement->config = *config;
        *config = NULL;
    }
    json_decref(differ);
}

int dryrun_add_files(struct supervisor *supervisor, struct judgement *judgement, const char *only, struct error *err)
{
    struct catalog catalog;

    if (catalog_read(&catalog, supervisor->config_path, NULL, NULL, err) != 0)
        return -1;
    json_t *names = json_object();
    take_settings(supervisor, judgement, &catalog.config);
    for (size_t i = 0; i < catalog.count; i++) {
        json_object_set_new(names, catalog.definitions[i]->name, json_true());
        add(supervisor, judgement, &catalog.definitions[i], only);
    }
    if (!*only)
        add_removed(supervisor, judgement, names);
    json_decref(names);
    catalog_clear(&catalog);
    return 0;
}

static struct amiset *set_of(const json_t *sets, const json_t *document, struct error *err)
{
    const char *name = definition_set_name(document);
    const json_t *set = name ? json_object_get(sets, name) : NULL;

    error_clear(err);
    return set ? amiset_parse(set, name, name, err) : NULL;
}

/* Judges what a document and its set (NULL: none) made, and frees both; without a definition it is a fault of the file.
 */
static int add_made(struct supervisor *supervisor, struct judgement *judgement, struct amiset *set,
                    struct definition *definition, const char *only)
{
    amiset_destroy(&set);
    if (!definition)
        return -1;
    add(supervisor, judgement, &definition, only);
    definition_destroy(&definition);
    return 0;
}

static int add_document(struct supervisor *supervisor, struct judgement *judgement, const struct config *config,
                        const json_t *document, const json_t *sets, const char *only, struct error *err)
{
    char file[NAME_SIZE + 8];
    const char *name = json_string_value(json_object_get(document, "workerType"));
    struct amiset *set = set_of(sets, document, err);

    if (!set && err->code != ERROR_NONE)
        return -1;
    text_format(file, sizeof file, "%s.json", name ? name : "?");
    return add_made(supervisor, judgement, set, catalog_parse_definition(config, document, file, set, err), only);
}

/* What runs and is touched by one of the sets. */
static int add_touched(struct supervisor *supervisor, struct judgement *judgement, const json_t *argument,
                       const json_t *names, const char *only, struct error *err)
{
    const json_t *sets = json_object_get(argument, "sets");

    for (size_t i = 0; i < supervisor->type_count; i++) {
        const struct definition *running = supervisor->types[i]->definition;
        const json_t *document = running ? json_object_get(sets, running->ami_set) : NULL;
        if (!document || supervisor->types[i]->pin > 0 || json_object_get(names, running->name))
            continue;
        struct amiset *set = amiset_parse(document, running->ami_set, running->ami_set, err);
        struct definition *made = set ? catalog_with_set(supervisor->config, running, set, err) : NULL;
        if (add_made(supervisor, judgement, set, made, only) != 0)
            return -1;
    }
    return 0;
}

/* With settings it is a whole configuration; without, some definitions and sets beside those that run. */
int dryrun_add_documents(struct supervisor *supervisor, struct judgement *judgement, const json_t *argument,
                         const char *only, struct error *err)
{
    const json_t *document, *settings = json_object_get(argument, "settings");
    json_t *names = json_object();
    struct config *config = settings ? dryrun_settings_read(supervisor->config, settings, err) : NULL, *other = config;
    int result = settings && !config ? -1 : 0;
    size_t i;

    if (config)
        take_settings(supervisor, judgement, &other);
    json_array_foreach(json_object_get(argument, "documents"), i, document)
    {
        const char *name = json_string_value(json_object_get(document, "workerType"));
        if (name)
            json_object_set_new(names, name, json_true());
        if (result == 0)
            result = add_document(supervisor, judgement, config ? config : supervisor->config, document,
                                  json_object_get(argument, "sets"), only, err);
    }
    if (result == 0 && !settings)
        result = add_touched(supervisor, judgement, argument, names, only, err);
    if (result == 0 && settings && !*only)
        add_removed(supervisor, judgement, names);
    free(other); /* as they run: not tried */
    json_decref(names);
    return result;
}
