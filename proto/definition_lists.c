/* SPDX-License-Identifier: MPL-2.0 */
/* definition_lists.c: reads regions, availabilityZones and instanceTypes of a definition, each element checked.
 * Runs in: supervisor and type worker. Pure. Owns: the arrays in struct definition_parts. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/definition_parts.h"

#define LIST_LONGEST 1000
#define CAPACITY_MOST 10000 /* units of one instance, as in messages.def */
#define UTILITY_LEAST 0.000001
#define UTILITY_MOST 1000000

static int check_scopes(const json_t *object, const struct json_at *at, struct error *err)
{
    json_t *scopes = NULL;
    const json_t *scope;
    size_t i;
    struct json_at scopes_at = json_at_member(at, "scopes");
    if (json_get_array(object, at, "scopes", false, &scopes, err) < 0)
        return -1;
    json_array_foreach(scopes, i, scope)
    {
        struct json_at scope_at = json_at_index(&scopes_at, i);
        if (!json_is_string(scope))
            return json_complain(&scope_at, err, "must be text");
    }
    return 0;
}

/* What every level of a definition may hold: launchSpec, userData, secrets, scopes. */
static int parse_layer(const json_t *object, const struct json_at *at, struct definition_layer *layer,
                       struct error *err)
{
    json_t *secrets = NULL;
    struct json_at launch_at = json_at_member(at, "launchSpec");
    if (json_get_object(object, at, "launchSpec", false, &layer->launch, err) < 0 ||
        json_get_object(object, at, "userData", false, &layer->user_data, err) < 0 ||
        json_get_object(object, at, "secrets", false, &secrets, err) < 0 || check_scopes(object, at, err) < 0)
        return -1;
    return layer->launch ? definition_check_launch(layer->launch, &launch_at, layer->list, err) : 0;
}

/* Names go into file names, topics and EC2 parameters. */
static int parse_name(const json_t *object, const struct json_at *at, const char *member, const char **out,
                      struct error *err)
{
    struct json_at name_at = json_at_member(at, member);
    if (json_get_string(object, at, member, true, 1, NAME_SIZE - 1, out, err) < 0)
        return -1;
    for (const char *c = *out; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", *c))
            return json_complain(&name_at, err, "may hold letters, digits, -, . and _ only");
    }
    return 0;
}

static const struct region_zones *find_standard(const struct region_zones *regions, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(regions[i].region, name))
            return &regions[i];
    }
    return NULL;
}

static int unknown_region(const struct json_at *at, const char *name, const struct region_zones *regions, size_t count,
                          struct error *err)
{
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names && i < count; i++)
        names[i] = regions[i].region;
    const char *nearest = names ? json_suggest(name, names) : NULL;
    free(names);
    if (nearest)
        return json_complain(at, err, "\"%s\" is not one of the daemon's regions; did you mean \"%s\"?", name, nearest);
    return json_complain(at, err, "\"%s\" is not one of the daemon's regions", name);
}

struct known_regions {
    const struct region_zones *regions;
    size_t count;
};

/* An image from the AMI set, or from the region itself: one of them. */
static int check_image(struct definition_region *region, const struct json_at *launch_at, const struct json_at *name_at,
                       const struct definition_parts *parts, struct error *err)
{
    bool given = json_object_get(region->layer.launch, "ImageId") != NULL;
    struct json_at image_at = json_at_member(launch_at, "ImageId");
    if (!parts->images && !given)
        return json_complain(&image_at, err, "is missing: every region needs its image, or the type an amiSet");
    if (parts->images && given)
        return json_complain(&image_at, err, "may not be here: the images come from AMI set %s", parts->images->name);
    if (parts->images && amiset_region(parts->images, region->name, &region->only_image) == 0)
        return json_complain(name_at, err, "AMI set %s has no image for \"%s\"", parts->images->name, region->name);
    return 0;
}

static int parse_region(const json_t *object, const struct json_at *at, const struct known_regions *known,
                        struct definition_parts *parts, struct error *err)
{
    static const char *const members[] = {"region", "launchSpec", "userData", "secrets", "scopes", NULL};
    struct definition_region *region = &parts->regions[parts->region_count];
    struct json_at name_at = json_at_member(at, "region"), launch_at = json_at_member(at, "launchSpec");
    region->layer = (struct definition_layer){.list = "regions", .index = parts->region_count};
    if (json_only_members(object, at, members, err) < 0 || parse_name(object, at, "region", &region->name, err) < 0 ||
        parse_layer(object, at, &region->layer, err) < 0)
        return -1;
    region->standard = find_standard(known->regions, known->count, region->name);
    if (!region->standard)
        return unknown_region(&name_at, region->name, known->regions, known->count, err);
    for (size_t i = 0; i < parts->region_count; i++) {
        if (text_equal(parts->regions[i].name, region->name))
            return json_complain(&name_at, err, "\"%s\" is there twice", region->name);
    }
    if (check_image(region, &launch_at, &name_at, parts, err) < 0)
        return -1;
    parts->region_count++;
    return 0;
}

static int parse_zone(const json_t *object, const struct json_at *at, const struct known_regions *known,
                      struct definition_parts *parts, struct error *err)
{
    static const char *const members[] = {"region",  "availabilityZone", "launchSpec", "userData",
                                          "secrets", "scopes",           NULL};
    struct definition_zone *zone = &parts->zones[parts->zone_count];
    struct json_at region_at = json_at_member(at, "region"), name_at = json_at_member(at, "availabilityZone");
    (void)known;
    zone->layer = (struct definition_layer){.list = "availabilityZones", .index = parts->zone_count};
    if (json_only_members(object, at, members, err) < 0 || parse_name(object, at, "region", &zone->region, err) < 0 ||
        parse_name(object, at, "availabilityZone", &zone->name, err) < 0 ||
        parse_layer(object, at, &zone->layer, err) < 0)
        return -1;
    bool has_region = false;
    for (size_t i = 0; i < parts->region_count; i++)
        has_region = has_region || text_equal(parts->regions[i].name, zone->region);
    if (!has_region)
        return json_complain(&region_at, err, "\"%s\" is not in the definition's regions", zone->region);
    for (size_t i = 0; i < parts->zone_count; i++) {
        if (text_equal(parts->zones[i].name, zone->name) && text_equal(parts->zones[i].region, zone->region))
            return json_complain(&name_at, err, "\"%s\" is there twice", zone->name);
    }
    parts->zone_count++;
    return 0;
}

static int parse_type(const json_t *object, const struct json_at *at, const struct known_regions *known,
                      struct definition_parts *parts, struct error *err)
{
    static const char *const members[] = {"instanceType", "capacity", "utility", "launchSpec",
                                          "userData",     "secrets",  "scopes",  NULL};
    struct definition_type *type = &parts->types[parts->type_count];
    struct json_at name_at = json_at_member(at, "instanceType");
    (void)known;
    type->layer = (struct definition_layer){.list = "instanceTypes", .index = parts->type_count};
    type->utility = 1;
    if (json_only_members(object, at, members, err) < 0 ||
        parse_name(object, at, "instanceType", &type->name, err) < 0 ||
        json_get_integer(object, at, "capacity", true, 1, CAPACITY_MOST, &type->capacity, err) < 0 ||
        json_get_number(object, at, "utility", false, UTILITY_LEAST, UTILITY_MOST, &type->utility, err) < 0 ||
        parse_layer(object, at, &type->layer, err) < 0)
        return -1;
    for (size_t i = 0; i < parts->type_count; i++) {
        if (text_equal(parts->types[i].name, type->name))
            return json_complain(&name_at, err, "\"%s\" is there twice", type->name);
    }
    parts->type_count++;
    return 0;
}

typedef int parse_element(const json_t *object, const struct json_at *at, const struct known_regions *known,
                          struct definition_parts *parts, struct error *err);

static int open_list(const json_t *document, const struct json_at *root, const char *name, bool required, json_t **list,
                     struct error *err)
{
    struct json_at at = json_at_member(root, name);
    if (json_get_array(document, root, name, required, list, err) < 0)
        return -1;
    size_t count = json_array_size(*list);
    if (count > LIST_LONGEST || (required && count == 0))
        return json_complain(&at, err, "must list %d to %d", required ? 1 : 0, LIST_LONGEST);
    return 0;
}

static int parse_list(const json_t *list, const struct json_at *root, const char *name, parse_element *parse,
                      const struct known_regions *known, struct definition_parts *parts, struct error *err)
{
    struct json_at list_at = json_at_member(root, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct json_at at = json_at_index(&list_at, i);
        if (parse(json_array_get(list, i), &at, known, parts, err) < 0)
            return -1;
    }
    return 0;
}

int definition_parts_parse(const json_t *document, const struct region_zones *regions, size_t region_count,
                           struct definition_parts *parts, struct error *err)
{
    struct json_at root = json_at_root(parts->file);
    struct known_regions known = {regions, region_count};
    json_t *region_list = NULL, *zone_list = NULL, *type_list = NULL;
    if (parse_layer(document, &root, &parts->whole, err) < 0 ||
        open_list(document, &root, "regions", true, &region_list, err) < 0 ||
        open_list(document, &root, "availabilityZones", false, &zone_list, err) < 0 ||
        open_list(document, &root, "instanceTypes", true, &type_list, err) < 0)
        return -1;
    parts->regions = calloc(json_array_size(region_list), sizeof *parts->regions);
    parts->zones = calloc(json_array_size(zone_list) + 1, sizeof *parts->zones);
    parts->types = calloc(json_array_size(type_list), sizeof *parts->types);
    if (!parts->regions || !parts->zones || !parts->types)
        return error_set(err, ERROR_LOCAL, "%s: memory ended", parts->file);
    if (parse_list(region_list, &root, "regions", parse_region, &known, parts, err) < 0 ||
        parse_list(zone_list, &root, "availabilityZones", parse_zone, &known, parts, err) < 0)
        return -1;
    return parse_list(type_list, &root, "instanceTypes", parse_type, &known, parts, err);
}

void definition_parts_clear(struct definition_parts *parts)
{
    free(parts->regions);
    free(parts->zones);
    free(parts->types);
    memset(parts, 0, sizeof *parts);
}
