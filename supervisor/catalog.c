/* SPDX-License-Identifier: MPL-2.0 */
/* catalog.c: from files to a checked catalogue. Runs in: supervisor. Owns nothing that lasts.
 * A half-written file is no valid JSON object, so it is refused as a whole (case B57): nothing is applied in part. */
#include "supervisor/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/day.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/faults.h"

#define DEFINITION_LIMIT (4 * 1024 * 1024) /* bytes */

struct reading {
    struct catalog *out;
    catalog_complaint *complain;
    void *context;
    struct error *err;
    int faults;
    const char *path; /* of the file under way, in complain_of_all */
};

static void complain(struct reading *reading, const struct error *fault)
{
    if (reading->faults++ == 0 && reading->err)
        *reading->err = *fault;
    if (reading->complain)
        reading->complain(reading->context, fault->text);
}

/* ---- one file ---- */

struct amiset *catalog_read_set(const struct config *config, const char *name, struct error *err)
{
    char path[600];
    struct json_at at = json_at_root("amiSet");

    if (amiset_check_name(name, &at, err) != 0)
        return NULL;
    text_format(path, sizeof path, "%s/%s.json", config->amisets_dir, name);
    json_t *document = json_read_file(path, DEFINITION_LIMIT, err);
    if (!document)
        return NULL;
    struct amiset *set = amiset_parse(document, name, path, err);
    json_decref(document);
    return set;
}

/* The document with the images of its set. NULL with *err; the caller frees it. */
static json_t *join_images(const struct config *config, const json_t *document, const char *path,
                           const struct amiset *given, struct error *err)
{
    const char *name = definition_set_name(document);
    struct json_at root = json_at_root(path), at = json_at_member(&root, "amiImages");
    struct amiset *read = NULL;

    if (json_object_get(document, "amiImages")) {
        json_complain(&at, err, "is written by provisiond beside amiSet, not by hand");
        return NULL;
    }
    if (!name)
        return json_incref((json_t *)document);
    if (!given || !text_equal(given->name, name)) {
        read = catalog_read_set(config, name, err);
        if (!read) {
            error_prefix(err, "%s: amiSet", path);
            return NULL;
        }
        given = read;
    }
    json_t *joined = definition_with_images(document, given);
    amiset_destroy(&read);
    return joined;
}

struct definition *catalog_parse_definition(const struct config *config, const json_t *document, const char *path,
                                            const struct amiset *set, struct error *err)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(config, zones);
    json_t *joined = join_images(config, document, path, set, err);

    if (!joined)
        return NULL;
    struct definition *definition = definition_parse(joined, path, zones, count, err);
    json_decref(joined);
    /* Case B56: too long user data is refused here, not at the launch. */
    if (definition && definition_check_user_data(definition, config->provisioner_id, config->root_url, err) != 0)
        definition_destroy(&definition);
    return definition;
}

struct definition *catalog_with_set(const struct config *config, const struct definition *running,
                                    const struct amiset *set, struct error *err)
{
    json_t *document = json_copy(running->document);

    json_object_del(document, "amiImages");
    struct definition *definition = catalog_parse_definition(config, document, running->file, set, err);
    json_decref(document);
    return definition;
}

struct definition *catalog_read_definition(const struct config *config, const char *path, struct error *err)
{
    json_t *document = json_read_file(path, DEFINITION_LIMIT, err);

    if (!document)
        return NULL;
    struct definition *definition = catalog_parse_definition(config, document, path, NULL, err);
    json_decref(document);
    return definition;
}

/* ---- all files ---- */

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

/* ---- all faults of one file, for --check ---- */

static int parse_again(void *context, const json_t *document, struct error *err)
{
    const struct reading *reading = context;
    struct definition *definition = catalog_parse_definition(reading->out->config, document, reading->path, NULL, err);
    int result = definition ? 0 : -1;

    definition_destroy(&definition);
    return result;
}

static int parse_settings_again(void *context, const json_t *document, struct error *err)
{
    const struct reading *reading = context;
    struct config *config = calloc(1, sizeof *config);
    int result = config ? config_parse(document, reading->path, config, err) : -1;

    free(config);
    return result;
}

static void tell(void *context, const char *text)
{
    struct reading *reading = context;
    struct error fault;

    error_set(&fault, ERROR_INPUT, "%s", text);
    complain(reading, &fault);
}

/* False when the file is no JSON, or the fault is none of the document's. */
static bool complain_of_all(struct reading *reading, const char *path, const char *kind, faults_parse *parse)
{
    json_t *document = json_read_file(path, DEFINITION_LIMIT, NULL);
    json_t *harmless = text_equal(kind, "settings")
                           ? json_pack("{s:s, s:i, s:i, s:s, s:s}", "deploymentId", "x", "maxCapacity", 1,
                                       "maxInstances", 1, "maxHourlyCost", "unlimited", "rootUrl", "https://x")
                           : json_pack("{s:s, s:s, s:i, s:i, s:i, s:s}", "ImageId", "ami-0", "workerType", "x",
                                       "maxCapacity", 1000000, "maxPrice", 1000, "capacity", 1, "KeyName", "x");
    size_t count = 0;

    reading->path = path;
    if (document)
        count = faults_find(document, path, harmless, parse, reading, tell, reading);
    reading->path = NULL;
    json_decref(document);
    json_decref(harmless);
    return count > 0;
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
    else if (!reading->complain || !complain_of_all(reading, path, "definition", parse_again))
        complain(reading, &fault);
}

static void read_set_file(struct reading *reading, const char *file)
{
    struct catalog *catalog = reading->out;
    char name[300];
    struct error fault;

    text_format(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    struct amiset *set = catalog_read_set(catalog->config, name, &fault);
    if (!set) {
        complain(reading, &fault);
        return;
    }
    catalog->sets = realloc(catalog->sets, (catalog->set_count + 1) * sizeof(struct amiset *));
    if (!catalog->sets)
        abort();
    catalog->sets[catalog->set_count++] = set;
}

static void read_price_file(struct reading *reading, const char *file)
{
    struct catalog *catalog = reading->out;
    char path[600], region[300];
    struct error fault;

    text_format(region, sizeof region, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    text_format(path, sizeof path, "%s/%s", catalog->config->prices_dir, file);
    json_t *document = json_read_file(path, DEFINITION_LIMIT, &fault);
    if (!document || price_list_add(&catalog->prices, document, region, path, &fault) != 0)
        complain(reading, &fault);
    json_decref(document);
}

static void read_directory(struct reading *reading, const char *directory, bool may_be_absent,
                           void (*read_file)(struct reading *reading, const char *name))
{
    struct dirent **names = NULL;
    int count = scandir(directory, &names, is_definition, alphasort);
    struct error fault;

    if (count < 0 && !(may_be_absent && errno == ENOENT)) {
        error_set_errno(&fault, ERROR_LOCAL, "%s", directory);
        complain(reading, &fault);
    }
    for (int i = 0; i < count; i++) {
        read_file(reading, names[i]->d_name);
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
    if (config_read(config_path, out->config, &fault) == 0) {
        read_directory(&reading, out->config->amisets_dir, true, read_set_file);
        read_directory(&reading, out->config->worker_types_dir, false, read_definition_file);
        read_directory(&reading, out->config->prices_dir, true, read_price_file);
        if (day_check(out->config->day_zone, &fault) != 0)
            complain(&reading, &fault);
    } else if (!complain_to || !complain_of_all(&reading, config_path, "settings", parse_settings_again)) {
        complain(&reading, &fault);
    }
    if (reading.faults == 0)
        return 0;
    catalog_clear(out);
    return -1;
}

void catalog_clear(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++)
        definition_destroy(&catalog->definitions[i]);
    for (size_t i = 0; i < catalog->set_count; i++)
        amiset_destroy(&catalog->sets[i]);
    price_list_clear(&catalog->prices);
    free(catalog->sets);
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
