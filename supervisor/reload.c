/* SPDX-License-Identifier: MPL-2.0 */
/* reload.c: reload as a transaction: everything is read and checked first, then applied without a step that can fail.
 * Runs in: supervisor, main thread. See reload.h. */
#include "supervisor/reload.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/amisets.h"
#include "supervisor/bus.h"
#include "supervisor/events.h"
#include "supervisor/notify.h"
#include "supervisor/preflight.h"
#include "supervisor/revisions.h"
#include "supervisor/workers.h"

#define RELOAD_EVERY SPAN_SECONDS(1)

/* ---- one definition ---- */

static void keep_revision(struct supervisor *supervisor, struct type_record *type, const char *who)
{
    char *document = json_text(type->definition->document);

    ledger_put_revision(supervisor->ledger, type->name, type->revision, type->definition->hash,
                        document ? document : "", supervisor->wall, who, type->forced);
    free(document);
}

/* The first definition of a start whose hash is the ledger's newest goes on under the same number. */
static bool is_newest_revision(const struct type_record *type, const struct definition *definition)
{
    return type->newest > 0 && text_equal(type->newest_hash, definition->hash);
}

/* Puts it in place of the old one; the revision is the caller's. */
static void replace_definition(struct supervisor *supervisor, struct type_record *type, struct definition *definition)
{
    definition_destroy(&type->definition);
    preflight_record_clear(&type->preflight);
    type->definition = definition;
    type->holdings->usual_price = definition->max_price;
    type->has_priority = false;
    type->bid.stands = false;
    type->dirty = true;
    supervisor->fleet->version++; /* prices of adopted instances may be others now */
    supervisor->arbiter_due = true;
}

/* Takes over `definition`. A forced one is a revision of its own even if the text is the same. */
static void apply_definition(struct supervisor *supervisor, struct type_record *type, struct definition *definition,
                             const char *who, bool forced)
{
    bool same = is_newest_revision(type, definition) && !forced;
    bool went_back = type->definition && type->revision != type->newest;

    replace_definition(supervisor, type, definition);
    if (same) {
        type->revision = type->newest;
        type->forced = type->newest_forced;
        if (went_back)
            breakers_new_definition(supervisor->breakers, type->name, supervisor->now);
        return;
    }
    type->revision = ++type->newest;
    type->forced = type->newest_forced = forced;
    text_copy(type->newest_hash, sizeof type->newest_hash, definition->hash);
    keep_revision(supervisor, type, who);
    breakers_new_definition(supervisor->breakers, type->name, supervisor->now);
    event_record(supervisor, "definition-applied", type->name, NULL, "revision %lld from %s", (long long)type->revision,
                 definition->file);
}

static void hash_live(struct supervisor *supervisor)
{
    const struct definition **live = calloc(supervisor->type_count + 1, sizeof(struct definition *));
    size_t count = 0;

    for (size_t i = 0; live && i < supervisor->type_count; i++)
        if (supervisor->types[i]->definition)
            live[count++] = supervisor->types[i]->definition;
    if (live)
        catalog_hash(supervisor->config, live, count, supervisor->config_hash);
    free(live);
}

/* Definitions of single types changed: what follows from that for all. */
static void after_one(struct supervisor *supervisor)
{
    hash_live(supervisor);
    supervisor->pace_due = true;
    supervisor->dirty = true;
    bus_send_scopes(supervisor);
}

/* ---- all of them ---- */

struct tally {
    size_t added, changed, removed;
};

static bool is_unchanged(const struct type_record *type, const struct definition *definition)
{
    return type->definition && text_equal(type->definition->hash, definition->hash);
}

void reload_go_back(struct supervisor *supervisor, struct type_record *type, struct definition *definition,
                    int64_t revision, bool forced)
{
    if (type->definition)
        text_copy(definition->file, sizeof definition->file, type->definition->file);
    replace_definition(supervisor, type, definition);
    type->revision = revision;
    type->forced = forced;
    breakers_new_definition(supervisor->breakers, type->name, supervisor->now);
    after_one(supervisor);
    workers_event(supervisor, &type->worker, PROCESS_RESTART, "an operator pinned a revision");
}

/* A pin wins over the file. True when `*definition` was used up. */
static bool keep_pinned(struct supervisor *supervisor, struct type_record *type, struct definition **definition)
{
    bool forced = false;
    struct error error;
    struct definition *pinned = NULL;

    if (!type->definition || type->revision != type->pin) {
        pinned = revisions_definition(supervisor, type->name, type->pin, &forced, &error);
        if (!pinned) {
            alarm_raise(supervisor, "pin", type->name, "revision %lld cannot be read, its file counts: %s",
                        (long long)type->pin, error.text);
            return false;
        }
        text_copy(pinned->file, sizeof pinned->file, (*definition)->file);
        replace_definition(supervisor, type, pinned);
        type->revision = type->pin;
        type->forced = forced;
        alarm_clear(supervisor, "pin", type->name);
        workers_event(supervisor, &type->worker, PROCESS_RESTART, "its pinned revision");
    }
    definition_destroy(definition);
    return true;
}

static void take_definition(struct supervisor *supervisor, struct definition **definition, struct tally *tally)
{
    struct type_record *type = supervisor_type(supervisor, (*definition)->name);
    bool is_new = !type || !type->definition;

    if (!type)
        type = supervisor_add_type(supervisor, (*definition)->name);
    if (type->pin > 0 && keep_pinned(supervisor, type, definition))
        return;
    if (is_unchanged(type, *definition)) {
        definition_destroy(&type->definition); /* its file may have another name now */
        type->definition = *definition;
        *definition = NULL;
        return;
    }
    apply_definition(supervisor, type, *definition, "files", false);
    *definition = NULL;
    tally->added += is_new;
    tally->changed += !is_new;
    workers_event(supervisor, &type->worker, PROCESS_RESTART, "a new definition");
}

static bool is_defined(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (text_equal(catalog->definitions[i]->name, name))
            return true;
    return false;
}

static void remove_type(struct supervisor *supervisor, struct type_record *type)
{
    definition_destroy(&type->definition);
    type->bid.stands = false;
    type->observed = false;
    type->dirty = true;
    breakers_forget_type(supervisor->breakers, type->name);
    workers_event(supervisor, &type->worker, PROCESS_STOP, "its type is no longer defined");
    event_record(supervisor, "type-removed", type->name, NULL,
                 "it is no longer defined: its process stops, its %lld instances are left alone",
                 (long long)type->holdings->totals.held_instances);
}

static void remove_missing(struct supervisor *supervisor, const struct catalog *catalog, struct tally *tally)
{
    for (size_t i = 0; i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        if (!type->definition || is_defined(catalog, type->name))
            continue;
        remove_type(supervisor, type);
        tally->removed++;
    }
}

/* What lies in the files now; a set without a file is remembered, but names no images. */
static void take_sets(struct supervisor *supervisor, struct catalog *catalog)
{
    for (size_t i = 0; i < supervisor->set_count; i++)
        amiset_destroy(&supervisor->sets[i].set);
    for (size_t i = 0; i < catalog->set_count; i++)
        amisets_take(supervisor, &catalog->sets[i], "files", false);
    catalog->set_count = 0;
}

int64_t reload_apply_one(struct supervisor *supervisor, struct definition **definition, const char *who, bool forced)
{
    struct type_record *type = supervisor_type(supervisor, (*definition)->name);

    if (!type)
        type = supervisor_add_type(supervisor, (*definition)->name);
    apply_definition(supervisor, type, *definition, who, forced);
    *definition = NULL;
    alarm_clear(supervisor, "definition", type->name);
    after_one(supervisor);
    workers_event(supervisor, &type->worker, PROCESS_RESTART, "an operator applied a definition");
    return type->revision;
}

/* What operators changed by hand counts until the files are read anew. */
static void end_changes(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->type_count; i++) {
        if (supervisor->types[i]->has_priority)
            event_record(supervisor, "priority", supervisor->types[i]->name, NULL, "its definition's again");
        supervisor->types[i]->has_priority = false;
    }
    if (supervisor->caps_changed)
        event_record(supervisor, "caps", NULL, NULL, "those of the configuration file again");
    supervisor->caps_changed = false;
    supervisor->arbiter_due = true;
}

void reload_apply(struct supervisor *supervisor, struct catalog *catalog, char *text, size_t size)
{
    struct tally tally = {0};

    remove_missing(supervisor, catalog, &tally); /* before taking: that empties the catalogue */
    take_sets(supervisor, catalog);
    for (size_t i = 0; i < catalog->count; i++)
        take_definition(supervisor, &catalog->definitions[i], &tally);
    catalog->count = 0;
    price_list_clear(&supervisor->prices);
    supervisor->prices = catalog->prices;
    catalog->prices = (struct price_list){0};
    if (catalog->config) { /* at start it is live already */
        free(supervisor->config);
        supervisor->config = catalog->config;
        catalog->config = NULL;
    }
    catalog_clear(catalog);
    end_changes(supervisor);
    supervisor_configure(supervisor);
    hash_live(supervisor);
    supervisor->pace_due = true;
    supervisor->dirty = true;
    supervisor->config_problem[0] = '\0';
    bus_send_scopes(supervisor);
    bus_send_on_demand(supervisor);
    text_format(text, size, "%zu types: %zu new, %zu changed, %zu removed; configuration %.12s is live",
                supervisor_defined(supervisor), tally.added, tally.changed, tally.removed, supervisor->config_hash);
}

static int check_frozen(const struct supervisor *supervisor, const struct catalog *catalog, struct error *err)
{
    char names[300];

    if (config_frozen_changes(supervisor->config, catalog->config, names, sizeof names) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s: a reload cannot change %s: restart the daemon for that",
                     supervisor->config_path, names);
}

static int reject(struct supervisor *supervisor, const struct error *err)
{
    text_copy(supervisor->config_problem, sizeof supervisor->config_problem, err->text);
    supervisor->dirty = true;
    alarm_raise(supervisor, "configuration", "", "the newest configuration is rejected, %.12s stays live: %s",
                supervisor->config_hash, err->text);
    event_record(supervisor, "reload-rejected", NULL, NULL, "configuration %.12s stays live: %s",
                 supervisor->config_hash, err->text);
    return -1;
}

int reload_all(struct supervisor *supervisor, char *text, size_t size, struct error *err)
{
    struct catalog catalog;
    struct error own;

    if (!err)
        err = &own;
    supervisor->reload_asked = false;
    supervisor->reloaded = supervisor->now;
    notify_reloading(supervisor);
    int result = catalog_read(&catalog, supervisor->config_path, NULL, NULL, err);
    if (result == 0 && check_frozen(supervisor, &catalog, err) != 0) {
        catalog_clear(&catalog);
        result = -1;
    }
    if (result == 0) {
        reload_apply(supervisor, &catalog, text, size);
        alarm_clear(supervisor, "configuration", "");
        event_record(supervisor, "reloaded", NULL, NULL, "%s", text);
    } else {
        reject(supervisor, err);
    }
    notify_reloaded(supervisor);
    return result;
}

void reload_type(struct supervisor *supervisor, struct type_record *type)
{
    struct error error;

    if (!type->definition || type->pin > 0)
        return;
    struct definition *definition = catalog_read_definition(supervisor->config, type->definition->file, &error);
    if (definition && !text_equal(definition->name, type->name)) {
        error_set(&error, ERROR_INPUT, "%s: it defines %s now, not %s", definition->file, definition->name, type->name);
        definition_destroy(&definition);
    }
    if (!definition) {
        alarm_raise(supervisor, "definition", type->name, "its file is invalid, revision %lld stays live: %s",
                    (long long)type->revision, error.text);
        event_record(supervisor, "definition-rejected", type->name, NULL, "revision %lld stays live: %s",
                     (long long)type->revision, error.text);
        return;
    }
    alarm_clear(supervisor, "definition", type->name);
    if (is_unchanged(type, definition)) {
        definition_destroy(&definition);
        return;
    }
    apply_definition(supervisor, type, definition, "files", false);
    after_one(supervisor);
}

struct mono reload_deadline(const struct supervisor *supervisor)
{
    return supervisor->reload_asked ? mono_add(supervisor->reloaded, RELOAD_EVERY) : MONO_NEVER;
}

void reload_if_asked(struct supervisor *supervisor)
{
    char text[300];

    if (supervisor->reload_asked && !supervisor->stopping && mono_reached(reload_deadline(supervisor), supervisor->now))
        reload_all(supervisor, text, sizeof text, NULL);
}
