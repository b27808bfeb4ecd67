/* SPDX-License-Identifier: MPL-2.0 */
/* definition_merge.c: merges a definition to one launch specification for each region x zone x instance type:
 * later over earlier, shallow by key: definition -> region -> availabilityZone -> instanceType.
 * Runs in: supervisor and type worker. Pure. Owns: what it puts into definition->specs.
 * A thousand types with hundreds of combinations each must load fast: levels that add nothing share their values and
 * their text with the level above. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/definition_parts.h"

#define COMBINATIONS_MOST 20000

/* Merged values so far, with their compact text for the hash. */
struct merged {
    json_t *launch, *user_data;
    char *launch_text, *user_data_text;
};

static json_t *merge_one(json_t *below, json_t *above, const char *text, char **text_out)
{
    if (json_object_size(above) == 0) {
        *text_out = strdup(text);
        return json_incref(below);
    }
    json_t *result = json_copy(below);
    json_object_update(result, above);
    *text_out = json_text(result);
    return result;
}

static void merge(const struct merged *below, const struct definition_layer *layer, struct merged *out)
{
    out->launch = merge_one(below->launch, layer->launch, below->launch_text, &out->launch_text);
    out->user_data = merge_one(below->user_data, layer->user_data, below->user_data_text, &out->user_data_text);
}

static void merged_clear(struct merged *merged)
{
    json_decref(merged->launch);
    json_decref(merged->user_data);
    free(merged->launch_text);
    free(merged->user_data_text);
    memset(merged, 0, sizeof *merged);
}

/* ---- checks of a merged specification ---- */

struct combination {
    const struct definition_parts *parts;
    const struct definition_region *region;
    const struct definition_layer *zone_layer;
    const char *zone;
    const struct definition_type *type;
};

/* The narrowest level that gives `key`, so that the message points at the text that is wrong. */
static const struct definition_layer *giver(const struct combination *c, const char *key)
{
    if (json_object_get(c->type->layer.launch, key))
        return &c->type->layer;
    if (json_object_get(c->zone_layer->launch, key))
        return c->zone_layer;
    return json_object_get(c->region->layer.launch, key) ? &c->region->layer : &c->parts->whole;
}

static int complain(const struct combination *c, const char *key, struct error *err, const char *text)
{
    const struct definition_layer *layer = giver(c, key);
    struct json_at root = json_at_root(c->parts->file);
    struct json_at list = json_at_member(&root, layer->list);
    struct json_at element = json_at_index(&list, layer->index);
    struct json_at launch = json_at_member(layer->list ? &element : &root, "launchSpec");
    struct json_at at = json_at_member(&launch, key);
    return json_complain(&at, err, "%s (%s, %s)", text, c->zone, c->type->name);
}

static int check_merged(const struct combination *c, const struct merged *merged, struct error *err)
{
    if (!json_object_get(merged->launch, "KeyName"))
        return complain(c, "KeyName", err, "is missing here, in the region, the zone and the instance type");
    if (json_object_get(merged->launch, "SecurityGroups") && json_object_get(merged->launch, "SubnetId"))
        return complain(c, "SecurityGroups", err, "cannot be used together with SubnetId: use SecurityGroupIds");
    return 0;
}

/* ---- one specification ---- */

void definition_hash_spec(const char *launch, const char *user_data, const char *instance_type, int64_t capacity,
                          char out[HASH_SIZE])
{
    unsigned char digest[32];
    struct buffer text = {0};
    buffer_print(&text, "%s\n%s\n%s\n%" PRId64, launch, user_data, instance_type, capacity);
    text_sha256(text.bytes, text.size, digest);
    text_hex(digest, sizeof digest, out);
    buffer_free(&text);
}

static int copy_member(const struct combination *c, const json_t *object, const char *key, char *out, size_t size,
                       struct error *err)
{
    if (text_copy(out, size, json_string_value(json_object_get(object, key))) < 0)
        return complain(c, key, err, "is too long");
    return 0;
}

static int add_spec(const struct combination *c, const struct merged *merged, struct definition *definition,
                    struct error *err)
{
    struct launch_spec *spec = &definition->specs[definition->spec_count];
    if (check_merged(c, merged, err) < 0 ||
        copy_member(c, merged->launch, "ImageId", spec->image, sizeof spec->image, err) < 0 ||
        copy_member(c, merged->launch, "SubnetId", spec->subnet, sizeof spec->subnet, err) < 0)
        return -1;
    text_copy(spec->region, sizeof spec->region, c->region->name);
    text_copy(spec->zone, sizeof spec->zone, c->zone);
    text_copy(spec->instance_type, sizeof spec->instance_type, c->type->name);
    spec->capacity = c->type->capacity;
    spec->utility = c->type->utility;
    spec->launch = json_incref(merged->launch);
    spec->user_data = json_incref(merged->user_data);
    definition_hash_spec(merged->launch_text, merged->user_data_text, c->type->name, c->type->capacity, spec->hash);
    definition->spec_count++;
    return 0;
}

/* ---- all of them ---- */

static int merge_zone(struct combination *c, const struct merged *region, struct definition *definition,
                      struct error *err)
{
    struct merged zone;
    int result = 0;
    merge(region, c->zone_layer, &zone);
    for (size_t i = 0; result == 0 && i < c->parts->type_count; i++) {
        struct merged whole;
        c->type = &c->parts->types[i];
        merge(&zone, &c->type->layer, &whole);
        result = add_spec(c, &whole, definition, err);
        merged_clear(&whole);
    }
    merged_clear(&zone);
    return result;
}

static bool lists_zone(const struct definition_parts *parts, const char *region)
{
    for (size_t i = 0; i < parts->zone_count; i++) {
        if (strcmp(parts->zones[i].region, region) == 0)
            return true;
    }
    return false;
}

/* An AMI set with one image for the region leaves nothing to choose. */
static void add_image(struct merged *merged, const char *image)
{
    json_t *launch = json_copy(merged->launch);
    json_object_set_new(launch, "ImageId", json_string(image));
    json_decref(merged->launch);
    free(merged->launch_text);
    merged->launch = launch;
    merged->launch_text = json_text(launch);
}

static int merge_region(const struct definition_parts *parts, const struct definition_region *region,
                        const struct merged *whole, struct definition *definition, struct error *err)
{
    static const struct definition_layer nothing = {0};
    struct combination c = {.parts = parts, .region = region};
    bool lists = lists_zone(parts, region->name);
    size_t count = lists ? parts->zone_count : region->standard->zone_count;
    struct merged merged;
    int result = 0;
    merge(whole, &region->layer, &merged);
    if (region->only_image)
        add_image(&merged, region->only_image);
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (lists && strcmp(parts->zones[i].region, region->name) != 0)
            continue;
        c.zone = lists ? parts->zones[i].name : region->standard->zones[i];
        c.zone_layer = lists ? &parts->zones[i].layer : &nothing;
        result = merge_zone(&c, &merged, definition, err);
    }
    merged_clear(&merged);
    return result;
}

static size_t count_combinations(const struct definition_parts *parts)
{
    size_t zones = parts->zone_count;
    for (size_t i = 0; i < parts->region_count; i++)
        zones += lists_zone(parts, parts->regions[i].name) ? 0 : parts->regions[i].standard->zone_count;
    return zones * parts->type_count;
}

int definition_merge(const struct definition_parts *parts, struct definition *definition, struct error *err)
{
    size_t count = count_combinations(parts);
    if (count == 0 || count > COMBINATIONS_MOST)
        return error_set(err, ERROR_INPUT,
                         "%s: regions: %zu combinations of zone and instance type; 1 to %d are allowed", parts->file,
                         count, COMBINATIONS_MOST);
    definition->specs = calloc(count, sizeof *definition->specs);
    if (!definition->specs)
        return error_set(err, ERROR_LOCAL, "%s: memory ended", parts->file);
    struct merged nothing = {json_object(), json_object(), strdup("{}"), strdup("{}")}, whole;
    merge(&nothing, &parts->whole, &whole);
    int result = 0;
    for (size_t i = 0; result == 0 && i < parts->region_count; i++)
        result = merge_region(parts, &parts->regions[i], &whole, definition, err);
    merged_clear(&whole);
    merged_clear(&nothing);
    return result;
}
