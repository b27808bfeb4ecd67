/* SPDX-License-Identifier: MPL-2.0 */
/* definition_parts.h: the pieces between a definition's file and its merged specs, used by definition*.c alone.
 * Owns: struct definition_parts owns its arrays; all names and JSON values in it are borrowed from the document. */
#ifndef PROTO_DEFINITION_PARTS_H
#define PROTO_DEFINITION_PARTS_H

#include "common/json.h"
#include "common/settings.h"
#include "proto/definition.h"

/* One level of launchSpec and userData: the whole definition, or an element of one of its lists. */
struct definition_layer {
    const char *list; /* "regions", "availabilityZones", "instanceTypes"; NULL: the definition itself */
    size_t index;
    json_t *launch, *user_data; /* NULL: none given */
};

struct definition_region {
    const char *name;
    struct definition_layer layer;
    const struct region_zones *standard; /* the daemon's zones of this region */
    const char *only_image;              /* of the AMI set, where it has just one for this region; else NULL */
};

struct definition_zone {
    const char *region, *name;
    struct definition_layer layer;
};

struct definition_type {
    const char *name;
    int64_t capacity;
    double utility;
    struct definition_layer layer;
};

struct definition_parts {
    const char *file;
    const struct amiset *images; /* NULL: each region names its image */
    struct definition_layer whole;
    struct definition_region *regions;
    struct definition_zone *zones;
    struct definition_type *types;
    size_t region_count, zone_count, type_count;
};

extern const struct setting definition_table[];      /* the members with one value, into struct definition */
extern const struct setting_word definition_words[]; /* words that stand for numbers: "off", "none", "never" */
extern const char *const definition_also[];          /* the members that are read by hand */

/* Reads the lists of the document and checks each element. Call definition_parts_clear also after a failure. */
int definition_parts_parse(const json_t *document, const struct region_zones *regions, size_t region_count,
                           struct definition_parts *parts, struct error *err);
void definition_parts_clear(struct definition_parts *parts);

/* Checks one launchSpec: known names, right types, each at a level where it may stand. */
int definition_check_launch(const json_t *launch, const struct json_at *at, const char *list, struct error *err);

/* The spec hash: `launch` and `user_data` are the compact texts of the merged values. */
void definition_hash_spec(const char *launch, const char *user_data, const char *instance_type, int64_t capacity,
                          char out[HASH_SIZE]);

/* Reads amiSet and amiImages into the definition. */
int definition_images_parse(const json_t *document, const struct json_at *root, struct definition *definition,
                            struct error *err);

/* The same as JSON Schema properties: with or without ImageId. New reference. */
json_t *definition_launch_schema(bool with_image);

/* Makes definition->specs: every region x zone x instance type, in file order. */
int definition_merge(const struct definition_parts *parts, struct definition *definition, struct error *err);

/* Puts the defaults into the document, and amounts and times into one form; `document` is changed. */
void definition_canonical(json_t *document, const struct definition *definition);

#endif
