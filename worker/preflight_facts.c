/* SPDX-License-Identifier: MPL-2.0 */
/* preflight_facts.c: which things of the catalogue a definition names, what was found of them, and where in the file
 * they are named. Pure. Runs in: type worker. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/preflight_parts.h"

static const char *const kind_names[] = {
#define KIND_NAME(symbol, name) [symbol] = name,
    CATALOGUE_KINDS(KIND_NAME)
#undef KIND_NAME
};

const char *catalogue_kind_name(enum catalogue_kind kind)
{
    return kind_names[kind];
}

int catalogue_kind_of(const char *name)
{
    for (int i = 0; i < CATALOGUE_KIND_COUNT; i++)
        if (text_equal(kind_names[i], name))
            return i;
    return -1;
}

/* ---- which ones ---- */

static void add_name(json_t *names, const char *name)
{
    if (name && *name)
        json_object_set_new(names, name, json_true());
}

static void add_list(json_t *names, const json_t *list)
{
    const json_t *value;
    size_t i;
    json_array_foreach(list, i, value) add_name(names, json_string_value(value));
}

static void add_images_of_set(json_t *names, const struct amiset *set, const char *region)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (text_equal(set->images[i].region, region))
            add_name(names, set->images[i].image);
}

static void add_candidates(json_t *names, const json_t *candidates, const char *region)
{
    const json_t *candidate;
    size_t i;
    json_array_foreach(candidates, i, candidate)
    {
        if (text_equal(json_string_value(json_object_get(candidate, "region")), region))
            add_name(names, json_string_value(json_object_get(candidate, "image")));
    }
}

const char *quota_of(const char *instance_type, enum market market)
{
    /* "All Standard (A, C, D, H, I, M, R, T, Z)": one letter and the generation. inf1, mac1, trn1 and the like have
     * quotas of their own. */
    if (!*instance_type || !strchr("acdhimrtz", instance_type[0]) || instance_type[1] < '0' || instance_type[1] > '9')
        return NULL;
    return market == MARKET_SPOT ? "L-34B43A08" : "L-1216C47A";
}

static void add_of_spec(json_t *names, const struct definition *definition, const struct launch_spec *spec,
                        enum catalogue_kind kind)
{
    switch (kind) {
    case CATALOGUE_IMAGES:
        add_name(names, spec->image);
        break;
    case CATALOGUE_TYPES:
    case CATALOGUE_OFFERINGS:
        add_name(names, spec->instance_type);
        break;
    case CATALOGUE_SUBNETS:
        add_name(names, spec->subnet);
        break;
    case CATALOGUE_GROUPS:
        add_list(names, json_object_get(spec->launch, "SecurityGroupIds"));
        break;
    case CATALOGUE_GROUP_NAMES:
        add_list(names, json_object_get(spec->launch, "SecurityGroups"));
        break;
    case CATALOGUE_KEYS:
        add_name(names, json_string_value(json_object_get(spec->launch, "KeyName")));
        break;
    case CATALOGUE_QUOTAS:
        if (definition->can_use_spot)
            add_name(names, quota_of(spec->instance_type, MARKET_SPOT));
        if (definition->can_use_on_demand)
            add_name(names, quota_of(spec->instance_type, MARKET_ON_DEMAND));
        break;
    case CATALOGUE_KIND_COUNT:
        break;
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that the same wants are the same question. */
static json_t *sorted_keys(json_t *names)
{
    const char *name, **keys = calloc(json_object_size(names) + 1, sizeof *keys);
    json_t *list = json_array(), *ignored;
    size_t count = 0;
    json_object_foreach(names, name, ignored) keys[count++] = name;
    qsort(keys, count, sizeof *keys, compare_names);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(keys[i]));
    free(keys);
    return list;
}

json_t *preflight_names(const struct preflight_input *input, const char *region, enum catalogue_kind kind)
{
    const struct definition *definition = input->definition;
    bool choosing = kind == CATALOGUE_IMAGES || kind == CATALOGUE_TYPES, unchosen = false;
    json_t *names = json_object();
    for (size_t i = 0; i < definition->spec_count; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        bool open = definition->images && amiset_region(definition->images, region, NULL) > 1;
        if (!text_equal(spec->region, region) || (input->images_only && !(choosing && open)))
            continue;
        unchosen = unchosen || open;
        add_of_spec(names, definition, spec, kind);
    }
    if (kind == CATALOGUE_IMAGES && (unchosen || !input->images_only)) {
        add_images_of_set(names, definition->images, region);
        if (!input->images_only)
            add_candidates(names, input->candidates, region);
    }
    json_t *list = sorted_keys(names);
    json_decref(names);
    return list;
}

/* ---- what was found ---- */

const struct catalogue_facts *facts_of_region(const struct catalogue_facts *facts, size_t count, const char *region)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(facts[i].region, region))
            return &facts[i];
    return NULL;
}

enum fact fact_of(const struct catalogue_facts *facts, enum catalogue_kind kind, const char *name, const json_t **item)
{
    const json_t *found = facts && facts->of[kind] ? json_object_get(facts->of[kind], name) : NULL;
    *item = found && !json_is_null(found) ? found : NULL;
    if (!found)
        return FACT_UNKNOWN;
    return *item ? FACT_THERE : FACT_ABSENT;
}

bool fact_has(const json_t *item, const char *member, const char *word)
{
    const json_t *list = json_object_get(item, member), *value;
    size_t i;
    json_array_foreach(list, i, value)
    {
        if (text_equal(json_string_value(value), word))
            return true;
    }
    return text_equal(json_string_value(list), word);
}

const char *fact_text(const json_t *item, const char *member)
{
    const char *text = json_string_value(json_object_get(item, member));
    return text ? text : "";
}

void fact_words(const json_t *item, const char *member, char *out, size_t size)
{
    const json_t *list = json_object_get(item, member), *value;
    size_t i, used = 0;
    text_copy(out, size, fact_text(item, member));
    json_array_foreach(list, i, value)
    {
        text_format(out + used, size - used, "%s%s", i > 0 ? " or " : "", json_string_value(value));
        used = strlen(out);
    }
}

/* ---- where it is named ---- */

/* The index of the element of a list that made this spec, or -1. */
static int index_in(const struct definition *definition, const char *list, const struct launch_spec *spec)
{
    const json_t *element;
    size_t i;
    json_array_foreach(json_object_get(definition->document, list), i, element)
    {
        const char *region = json_string_value(json_object_get(element, "region"));
        const char *zone = json_string_value(json_object_get(element, "availabilityZone"));
        const char *type = json_string_value(json_object_get(element, "instanceType"));
        if ((!region || text_equal(region, spec->region)) && (!zone || text_equal(zone, spec->zone)) &&
            (!type || text_equal(type, spec->instance_type)))
            return (int)i;
    }
    return -1;
}

void path_of_key(const struct definition *definition, const struct launch_spec *spec, const char *key, char *out,
                 size_t size)
{
    static const char *const lists[] = {"instanceTypes", "availabilityZones", "regions"};
    if (definition->images && text_equal(key, "ImageId")) {
        text_copy(out, size, "amiSet");
        return;
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        int index = index_in(definition, lists[i], spec);
        const json_t *list = json_object_get(definition->document, lists[i]);
        const json_t *element = index >= 0 ? json_array_get(list, (size_t)index) : NULL;
        if (!json_object_get(json_object_get(element, "launchSpec"), key))
            continue;
        text_format(out, size, "%s[%d].launchSpec.%s", lists[i], index, key);
        return;
    }
    text_format(out, size, "launchSpec.%s", key);
}

void path_of_list(const struct definition *definition, const struct launch_spec *spec, const char *list, char *out,
                  size_t size)
{
    int index = index_in(definition, list, spec);
    const char *member = text_equal(list, "instanceTypes")       ? "instanceType"
                         : text_equal(list, "availabilityZones") ? "availabilityZone"
                                                                 : "region";
    if (index >= 0)
        text_format(out, size, "%s[%d].%s", list, index, member);
    else /* the daemon's own zones */
        path_of_list(definition, spec, "regions", out, size);
}
