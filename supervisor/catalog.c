/* SPDX-License-Identifier: MPL-2.0 */
/* catalog.c: from files to a checked catalogue. Runs in: supervisor. Owns nothing that lasts.
 * A half-written file is no valid JSON object, so it is refused as a whole (case B57): nothing is applied in part. */
#include "supervisor/catalog.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define DEFINITION_LIMIT (4 * 1024 * 1024) /* bytes */

struct reading {
    struct catalog *out;
    catalog_complaint *complain;
    void *context;
    struct error *err;
    int faults;
};

static void complain(struct reading *reading, const struct error *fault)
{
    if (reading->faults++ == 0 && reading->err)
        *reading->err = *fault;
    if (reading->complain)
        reading->complain(reading->context, fault->text);
}

struct definition *catalog_read_definition(const struct config *config, const char *path, struct error *err)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(config, zones);
    json_t *document = json_read_file(path, DEFINITION_LIMIT, err);

    if (!document)
        return NULL;
    struct definition *definition = definition_parse(document, path, zones, count, err);
    json_decref(document);
    return definition;
}

static int is_definition(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static void add_definition(struct reading *reading, struct definition *definition)
{
    struct catalog *catalog = reading->out;
    size_t at = 0;
    struct error fault;

    while (at < catalog->count && strcmp(catalog->definitions[at]->name, definition->name) < 0)
        at++;
    if (at < catalog->count && text_equal(catalog->definitions[at]->name, definition->name)) {
        error_set(&fault, ERROR_INPUT, "%s: workerType %s is defined already in %s", definition->file, definition->name,
                  catalog->definitions[at]->file);
        complain(reading, &fault);
        definition_destroy(&definition);
        return;
    }
    catalog->definitions = realloc(catalog->definitions, (catalog->count + 1) * sizeof *catalog->definitions);
    if (!catalog->definitions)
        abort();
    memmove(catalog->definitions + at + 1, catalog->definitions + at,
            (catalog->count - at) * sizeof *catalog->definitions);
    catalog->definitions[at] = definition;
    catalog->count++;
}

static void read_definition_file(struct reading *reading, const char *name)
{
    char path[600];
    struct error fault;

    if (text_format(path, sizeof path, "%s/%s", reading->out->config->worker_types_dir, name) != 0) {
        error_set(&fault, ERROR_INPUT, "%s/%s: the path is too long", reading->out->config->worker_types_dir, name);
        complain(reading, &fault);
        return;
    }
    struct definition *definition = catalog_read_definition(reading->out->config, path, &fault);
    if (definition)
        add_definition(reading, definition);
    else
        complain(reading, &fault);
}

static void read_definitions(struct reading *reading)
{
    struct dirent **names = NULL;
    const char *directory = reading->out->config->worker_types_dir;
    int count = scandir(directory, &names, is_definition, alphasort);
    struct error fault;

    if (count < 0) {
        error_set_errno(&fault, ERROR_LOCAL, "%s", directory);
        complain(reading, &fault);
        return;
    }
    for (int i = 0; i < count; i++) {
        read_definition_file(reading, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

int catalog_read(struct catalog *out, const char *config_path, catalog_complaint *complain_to, void *context,
                 struct error *err)
{
    struct reading reading = {.out = out, .complain = complain_to, .context = context, .err = err};
    struct error fault;

    *out = (struct catalog){.config = calloc(1, sizeof(struct config))};
    if (!out->config)
        return error_set(err, ERROR_LOCAL, "no memory for the configuration");
    if (config_read(config_path, out->config, &fault) == 0)
        read_definitions(&reading);
    else
        complain(&reading, &fault);
    if (reading.faults == 0)
        return 0;
    catalog_clear(out);
    return -1;
}

void catalog_clear(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++)
        definition_destroy(&catalog->definitions[i]);
    free(catalog->definitions);
    free(catalog->config);
    *catalog = (struct catalog){0};
}

void catalog_hash(const struct config *config, const struct definition *const *definitions, size_t count,
                  char out[HASH_SIZE])
{
    json_t *whole = json_object(), *hashes = json_object();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(hashes, definitions[i]->name, json_string(definitions[i]->hash));
    json_object_set_new(whole, "settings", config_print(config));
    json_object_set_new(whole, "definitions", hashes);
    json_sha256(whole, out);
    json_decref(whole);
}
