/* SPDX-License-Identifier: MPL-2.0 */
/* The part of a scenario that is about EC2's offer: regions, instance types, images. */
#include "scenario.h"

#include "memory.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static bool wrong(char *error, const char *what, const char *name, const char *key, const char *wanted)
{
    snprintf(error, SCENARIO_ERROR_SIZE, "%s.%s.%s: must be %s", what, name, key, wanted);
    return false;
}

/* A list of words from the table, as bits. */
static bool read_bits(const json_t *list, const struct word *words, unsigned *bits)
{
    size_t i;
    json_t *item;
    unsigned found = 0;
    if (json_is_string(list))
        found = word_bit(words, json_string_value(list));
    json_array_foreach(list, i, item)
    {
        unsigned bit = json_is_string(item) ? word_bit(words, json_string_value(item)) : 0;
        if (bit == 0)
            return false;
        found |= bit;
    }
    *bits = found;
    return found != 0;
}

static bool apply_type(struct world *world, const char *name, const json_t *json, char *error)
{
    static const char *const keys[] = {"virtualization", "architectures", "bootModes",  "ena",   "vcpus", "memoryMiB",
                                       "bareMetal",      "onDemandPrice", "quotaClass", "zones", NULL};
    if (!scenario_keys_known(json, keys, name, error, SCENARIO_ERROR_SIZE))
        return false;
    struct instance_type *type = table_get(&world->instance_types, name);
    if (type == NULL)
        type = catalogue_new_type(world, name);
    const struct {
        const char *key;
        const struct word *words;
        unsigned *bits;
    } lists[] = {{"virtualization", virtualization_words, &type->virtualizations},
                 {"architectures", architecture_words, &type->architectures},
                 {"bootModes", boot_mode_words, &type->boot_modes},
                 {"ena", ena_words, &type->ena}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const json_t *value = json_object_get(json, lists[i].key);
        if (value != NULL && !read_bits(value, lists[i].words, lists[i].bits))
            return wrong(error, "instanceTypes", name, lists[i].key, "known words");
    }
    type->vcpus = (int)scenario_number(json, "vcpus", type->vcpus);
    type->memory_mib = (int)scenario_number(json, "memoryMiB", type->memory_mib);
    type->on_demand_price = scenario_number(json, "onDemandPrice", type->on_demand_price);
    if (json_object_get(json, "bareMetal") != NULL)
        type->bare_metal = json_is_true(json_object_get(json, "bareMetal"));
    if (json_is_string(json_object_get(json, "quotaClass")))
        must_replace(&type->quota_class, json_string_value(json_object_get(json, "quotaClass")));
    if (json_object_get(json, "zones") != NULL)
        type->zones =
            json_is_null(json_object_get(json, "zones")) ? NULL : json_deep_copy(json_object_get(json, "zones"));
    return true;
}

bool scenario_apply_types(struct world *world, const json_t *types, char *error)
{
    const char *name;
    json_t *json;
    json_object_foreach((json_t *)types, name, json)
    {
        if (!apply_type(world, name, json, error))
            return false;
    }
    return true;
}

static bool apply_image(struct world *world, const char *id, const json_t *json, char *error)
{
    static const char *const keys[] = {"virtualization", "architecture", "bootMode", "ena",   "state",
                                       "rootDeviceType", "regions",      "denied",   "optIn", NULL};
    if (!scenario_keys_known(json, keys, id, error, SCENARIO_ERROR_SIZE))
        return false;
    struct image *image = table_get(&world->images, id);
    if (image == NULL)
        image = catalogue_new_image(world, id);
    const json_t *boot_mode = json_object_get(json, "bootMode");
    const json_t *virtualization = json_object_get(json, "virtualization");
    const json_t *architecture = json_object_get(json, "architecture");
    if (virtualization != NULL && !read_bits(virtualization, virtualization_words, &image->virtualization))
        return wrong(error, "images", id, "virtualization", "hvm or paravirtual");
    if (architecture != NULL && !read_bits(architecture, architecture_words, &image->architecture))
        return wrong(error, "images", id, "architecture", "i386, x86_64 or arm64");
    if (json_is_null(boot_mode))
        image->boot_mode = 0;
    else if (boot_mode != NULL && !read_bits(boot_mode, boot_mode_words, &image->boot_mode))
        return wrong(error, "images", id, "bootMode", "null, legacy-bios, uefi or uefi-preferred");
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {{"ena", &image->ena}, {"denied", &image->denied}, {"optIn", &image->opt_in}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (json_object_get(json, flags[i].key) != NULL)
            *flags[i].flag = json_is_true(json_object_get(json, flags[i].key));
    if (json_is_string(json_object_get(json, "state")))
        must_replace(&image->state, json_string_value(json_object_get(json, "state")));
    if (json_is_string(json_object_get(json, "rootDeviceType")))
        must_replace(&image->root_device_type, json_string_value(json_object_get(json, "rootDeviceType")));
    if (json_object_get(json, "regions") != NULL)
        image->regions =
            json_is_null(json_object_get(json, "regions")) ? NULL : json_deep_copy(json_object_get(json, "regions"));
    return true;
}

bool scenario_apply_images(struct world *world, const json_t *images, char *error)
{
    const char *id;
    json_t *json;
    json_object_foreach((json_t *)images, id, json)
    {
        if (!apply_image(world, id, json, error))
            return false;
    }
    return true;
}

static void apply_prices(struct region *region, const json_t *prices)
{
    const char *key;
    json_t *price;
    json_object_foreach((json_t *)prices, key, price)
    {
        region_set_price(region, key, price);
    }
}

static bool apply_subnets(struct region *region, const json_t *subnets, char *error)
{
    const char *id;
    json_t *json;
    if (subnets != NULL)
        table_retire(&region->subnets);
    json_object_foreach((json_t *)subnets, id, json)
    {
        const char *zone = json_string_value(json_object_get(json, "zone"));
        if (zone == NULL || !region_has_zone(region, zone))
            return wrong(error, region->name, "subnets", id, "in a zone of the region");
        struct subnet *subnet = must_alloc(sizeof *subnet);
        subnet->id = must_copy(id);
        subnet->zone = (char *)region_zone(region, zone);
        subnet->free_addresses = (int)scenario_number(json, "freeAddresses", 4091);
        table_put(&region->subnets, id, subnet);
    }
    return true;
}

static void apply_groups(struct region *region, const json_t *groups)
{
    const char *id;
    json_t *name;
    if (groups != NULL)
        table_retire(&region->groups);
    json_object_foreach((json_t *)groups, id, name)
    {
        table_put(&region->groups, id, must_copy(json_string_value(name)));
    }
}

static void replace_list(json_t **list, const json_t *value)
{
    if (value == NULL)
        return;
    json_decref(*list);
    *list = json_is_null(value) ? NULL : json_deep_copy(value);
}

static bool apply_region(struct world *world, const char *name, const json_t *json, char *error)
{
    static const char *const keys[] = {"zones",   "capacity", "prices",   "priceHistoryRows", "quotas",
                                       "subnets", "groups",   "keyPairs", "instanceProfiles", "comment",
                                       NULL};
    static const char *const quota_keys[] = {"spotInstances", "onDemandInstances", "spotVcpus", "onDemandVcpus", NULL};
    if (!scenario_keys_known(json, keys, name, error, SCENARIO_ERROR_SIZE) ||
        !scenario_keys_known(json_object_get(json, "quotas"), quota_keys, name, error, SCENARIO_ERROR_SIZE))
        return false;
    struct region *region = table_get(&world->regions, name);
    if (region == NULL)
        region = region_create(world, name);
    if (json_is_array(json_object_get(json, "zones")))
        region_set_zones(region, json_object_get(json, "zones"));
    region->price_history_rows = (int)scenario_number(json, "priceHistoryRows", region->price_history_rows);
    json_object_update(region->capacity, json_object_get(json, "capacity"));
    json_object_update(region->quotas, json_object_get(json, "quotas"));
    apply_prices(region, json_object_get(json, "prices"));
    apply_groups(region, json_object_get(json, "groups"));
    replace_list(&region->key_pairs, json_object_get(json, "keyPairs"));
    replace_list(&region->instance_profiles, json_object_get(json, "instanceProfiles"));
    return apply_subnets(region, json_object_get(json, "subnets"), error);
}

bool scenario_apply_regions(struct world *world, const json_t *regions, char *error)
{
    size_t i;
    json_t *item;
    const char *name;
    json_array_foreach(regions, i, item)
    {
        if (json_is_string(item) && table_get(&world->regions, json_string_value(item)) == NULL)
            region_create(world, json_string_value(item));
    }
    json_object_foreach((json_t *)regions, name, item)
    {
        if (!apply_region(world, name, item, error))
            return false;
    }
    return true;
}
