/* SPDX-License-Identifier: MPL-2.0 */
/* definition.c: a workerType's definition from JSON to struct definition, with the checks that join its members.
 * Runs in: supervisor (files, revisions) and type worker (from WELCOME). Pure: no file, clock or environment.
 * The table of members is in definition_table.c, the lists in definition_lists.c, the merge in definition_merge.c. */
#include "proto/definition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/definition_parts.h"

/* ---- words that stand for numbers ---- */

const struct setting_word definition_words[] = {
    {"canary", "off", 0}, {"latencyTarget", "none", 0}, {"onDemandAfter", "never", 0}, {NULL, NULL, 0}};

static void take_words(json_t *document)
{
    for (const struct setting_word *spoken = definition_words; spoken->name; spoken++) {
        const char *word = json_string_value(json_object_get(document, spoken->name));
        if (word && strcmp(word, spoken->word) == 0)
            json_object_set_new(document, spoken->name, json_integer(spoken->number));
    }
}

/* ---- checks ---- */

static int check_name(const struct definition *definition, const struct json_at *root, struct error *err)
{
    struct json_at at = json_at_member(root, "workerType");
    for (const char *c = definition->name; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            return json_complain(&at, err, "may hold letters, digits, - and _ only");
    }
    return 0;
}

static int check_amounts(const struct definition *d, const struct json_at *root, struct error *err)
{
    char least[32], most[32];
    struct json_at minimum = json_at_member(root, "minCapacity"), floor = json_at_member(root, "maxFloor");
    struct json_at dear = json_at_member(root, "maxPrice"), cheap = json_at_member(root, "minPrice");
    if (d->min_capacity > d->max_capacity)
        return json_complain(&minimum, err, "%" PRId64 " units are more than maxCapacity, %" PRId64, d->min_capacity,
                             d->max_capacity);
    if (d->max_floor < d->min_capacity || d->max_floor > d->max_capacity)
        return json_complain(&floor, err,
                             "%" PRId64 " units: must be from minCapacity, %" PRId64 ", to maxCapacity, "
                             "%" PRId64,
                             d->max_floor, d->min_capacity, d->max_capacity);
    if (d->max_price.micros == 0)
        return json_complain(&dear, err, "must be above 0: at price 0 nothing can be launched");
    money_format(d->min_price, least, sizeof least);
    money_format(d->max_price, most, sizeof most);
    if (money_compare(d->min_price, d->max_price) > 0)
        return json_complain(&cheap, err, "%s is more than maxPrice, %s", least, most);
    return 0;
}

static int check_markets(const struct definition *d, const struct json_at *root, struct error *err)
{
    struct json_at spot = json_at_member(root, "canUseSpot"), most = json_at_member(root, "onDemandMax");
    if (!d->can_use_spot && !d->can_use_on_demand)
        return json_complain(&spot, err, "neither canUseSpot nor canUseOndemand: nothing could be launched");
    if (d->on_demand_max > 0 && !d->can_use_on_demand)
        return json_complain(&most, err, "needs canUseOndemand");
    return 0;
}

static int check_texts(const json_t *document, const struct json_at *root, struct error *err)
{
    static const char *const names[] = {"description", "owner", "lastModified"};
    const char *ignored;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (json_get_string(document, root, names[i], false, 0, 10000, &ignored, err) < 0)
            return -1;
    }
    return 0;
}

#define TAGS_MOST 40 /* EC2 takes 50, some of them are ours */
#define TAG_NAME_LONGEST 127
#define TAG_VALUE_LONGEST 255

static int check_tag(const char *name, const json_t *value, const struct json_at *tags, struct error *err)
{
    struct json_at at = json_at_member(tags, name);
    if (text_starts(name, "provisiond:") || text_starts(name, "aws:"))
        return json_complain(&at, err, "names that begin with provisiond: or aws: are taken");
    if (!name[0] || strlen(name) > TAG_NAME_LONGEST)
        return json_complain(&at, err, "a tag's name has 1 to %d bytes", TAG_NAME_LONGEST);
    if (!json_is_string(value) || json_string_length(value) > TAG_VALUE_LONGEST)
        return json_complain(&at, err, "must be text of at most %d bytes", TAG_VALUE_LONGEST);
    return 0;
}

static int check_tags(const json_t *document, const struct json_at *root, struct error *err)
{
    json_t *tags = NULL, *value;
    const char *name;
    struct json_at at = json_at_member(root, "tags");
    if (json_get_object(document, root, "tags", false, &tags, err) < 0)
        return -1;
    if (json_object_size(tags) > TAGS_MOST)
        return json_complain(&at, err, "%zu tags; %d are the most", json_object_size(tags), TAGS_MOST);
    json_object_foreach(tags, name, value)
    {
        if (check_tag(name, value, &at, err) < 0)
            return -1;
    }
    return 0;
}

/* Case B05: ceiling in units, instances of several units: one instance must fit. A ceiling of 0 is a closed type. */
static int check_capacities(const struct definition_parts *parts, struct definition *definition, struct error *err)
{
    struct json_at root = json_at_root(parts->file), list = json_at_member(&root, "instanceTypes");
    for (size_t i = 0; i < parts->type_count; i++) {
        int64_t capacity = parts->types[i].capacity;
        struct json_at element = json_at_index(&list, i), at = json_at_member(&element, "capacity");
        if (capacity > definition->max_capacity && definition->max_capacity > 0)
            return json_complain(&at, err,
                                 "one instance gives %" PRId64 " units, more than maxCapacity, %" PRId64 " units",
                                 capacity, definition->max_capacity);
        if (i == 0 || capacity > definition->largest_capacity)
            definition->largest_capacity = capacity;
        if (i == 0 || capacity < definition->smallest_capacity)
            definition->smallest_capacity = capacity;
    }
    return 0;
}

/* ---- putting it together ---- */

static int fill(json_t *document, struct definition *definition, struct definition_parts *parts,
                const struct region_zones *regions, size_t region_count, struct error *err)
{
    struct json_at root = json_at_root(parts->file);
    take_words(document);
    if (settings_parse(definition_table, document, parts->file, definition_also, definition, err) < 0)
        return -1;
    if (definition->max_floor < 0)
        definition->max_floor = definition->min_capacity;
    if (check_name(definition, &root, err) < 0 || check_amounts(definition, &root, err) < 0 ||
        check_markets(definition, &root, err) < 0 || check_texts(document, &root, err) < 0 ||
        check_tags(document, &root, err) < 0 || definition_images_parse(document, &root, definition, err) < 0)
        return -1;
    parts->images = definition->images;
    if (definition_parts_parse(document, regions, region_count, parts, err) < 0 ||
        check_capacities(parts, definition, err) < 0 || definition_merge(parts, definition, err) < 0)
        return -1;
    definition_canonical(document, definition);
    definition->tags = json_incref(json_object_get(document, "tags"));
    json_sha256(document, definition->hash);
    return definition_check_user_data(definition, "", "", err);
}

struct definition *definition_parse(const json_t *document, const char *file, const struct region_zones *regions,
                                    size_t region_count, struct error *err)
{
    struct definition *definition = calloc(1, sizeof *definition);
    struct definition_parts parts = {.file = file};
    if (definition)
        definition->document = json_deep_copy(document);
    if (!definition || !definition->document) {
        error_set(err, ERROR_LOCAL, "%s: memory ended", file);
        definition_destroy(&definition);
        return NULL;
    }
    text_copy(definition->file, sizeof definition->file, file);
    if (fill(definition->document, definition, &parts, regions, region_count, err) < 0)
        definition_destroy(&definition);
    definition_parts_clear(&parts);
    return definition;
}

void definition_destroy(struct definition **definition)
{
    struct definition *d = *definition;
    if (!d)
        return;
    for (size_t i = 0; i < d->spec_count; i++) {
        json_decref(d->specs[i].launch);
        json_decref(d->specs[i].user_data);
    }
    free(d->specs);
    amiset_destroy(&d->images);
    json_decref(d->tags);
    json_decref(d->document);
    free(d);
    *definition = NULL;
}

const struct launch_spec *definition_spec(const struct definition *definition, const char *region, const char *zone,
                                          const char *instance_type)
{
    for (size_t i = 0; i < definition->spec_count; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        if (strcmp(spec->instance_type, instance_type) == 0 && strcmp(spec->zone, zone) == 0 &&
            strcmp(spec->region, region) == 0)
            return spec;
    }
    return NULL;
}
