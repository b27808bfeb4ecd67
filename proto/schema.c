/* SPDX-License-Identifier: MPL-2.0 */
/* schema.c: see schema.h. Pure but for jansson and the stream it is given. What takes hands in the parser (lists,
 * layers) takes hands here; members with one value come from their tables. */
#include "proto/schema.h"

#include <string.h>

#include "common/settings.h"
#include "proto/amiset.h"
#include "proto/config_table.h"
#include "proto/definition_parts.h"

#define DRAFT "https://json-schema.org/draft/2020-12/schema"
#define NAME_PATTERN "^[A-Za-z0-9_-]+$"
#define DOTTED_PATTERN "^[A-Za-z0-9._-]+$"
#define IMAGE_PATTERN "^ami-[A-Za-z0-9_-]+$"

static json_t *text(const char *pattern, int longest)
{
    return json_pack("{s:s, s:s, s:i, s:i}", "type", "string", "pattern", pattern, "minLength", 1, "maxLength",
                     longest);
}

static json_t *object(json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required", required,
                     "additionalProperties", 0);
}

static json_t *list_of(json_t *items, int least, int most)
{
    return json_pack("{s:s, s:o, s:i, s:i}", "type", "array", "items", items, "minItems", least, "maxItems", most);
}

static void set_default(json_t *properties, const char *name, json_t *schema, const char *description)
{
    json_object_set_new(schema, "description", json_string(description));
    json_object_set_new(properties, name, schema);
}

/* ---- workerType ---- */

/* What every level may hold; into `properties`. */
static void add_layer(json_t *properties, bool with_image)
{
    json_object_set_new(properties, "launchSpec", definition_launch_schema(with_image));
    json_object_set_new(properties, "userData", json_pack("{s:s}", "type", "object"));
    json_object_set_new(properties, "secrets", json_pack("{s:s}", "type", "object"));
    json_object_set_new(properties, "scopes", json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string"));
}

static json_t *region_element(void)
{
    json_t *properties = json_pack("{s:o}", "region", text(DOTTED_PATTERN, NAME_SIZE - 1));
    add_layer(properties, true);
    return object(properties, json_pack("[s]", "region"));
}

static json_t *zone_element(void)
{
    json_t *properties = json_pack("{s:o, s:o}", "region", text(DOTTED_PATTERN, NAME_SIZE - 1), "availabilityZone",
                                   text(DOTTED_PATTERN, NAME_SIZE - 1));
    add_layer(properties, false);
    return object(properties, json_pack("[s, s]", "region", "availabilityZone"));
}

static json_t *type_element(void)
{
    json_t *properties =
        json_pack("{s:o, s:{s:s, s:i, s:i}, s:{s:s, s:f, s:i}}", "instanceType", text(DOTTED_PATTERN, NAME_SIZE - 1),
                  "capacity", "type", "integer", "minimum", 1, "maximum", 10000, "utility", "type", "number", "minimum",
                  0.000001, "maximum", 1000000);
    add_layer(properties, false);
    return object(properties, json_pack("[s, s]", "instanceType", "capacity"));
}

static json_t *tags(void)
{
    return json_pack("{s:s, s:i, s:{s:i, s:{s:s}}, s:{s:s, s:i}}", "type", "object", "maxProperties", 40,
                     "propertyNames", "maxLength", 127, "not", "pattern", "^(provisiond:|aws:)", "additionalProperties",
                     "type", "string", "maxLength", 255);
}

static json_t *worker_type(void)
{
    json_t *schema = settings_schema(definition_table, definition_words);
    json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
    static const char *const texts[] = {"description", "owner", "lastModified", NULL};
    for (const char *const *name = texts; *name; name++)
        json_object_set_new(properties, *name, json_pack("{s:s, s:i}", "type", "string", "maxLength", 10000));
    json_object_set_new(json_object_get(properties, "workerType"), "pattern", json_string(NAME_PATTERN));
    set_default(properties, "amiSet", text(NAME_PATTERN, NAME_SIZE - 1),
                "Name of an AMI set: the image that fits each instance type is chosen from it.");
    set_default(properties, "tags", tags(), "Tags of instances and volumes, besides our own.");
    set_default(properties, "regions", list_of(region_element(), 1, 1000), "Each with its image, or amiSet.");
    set_default(properties, "availabilityZones", list_of(zone_element(), 0, 1000),
                "Where a region has none here, the daemon's zones count.");
    set_default(properties, "instanceTypes", list_of(type_element(), 1, 1000), "capacity: tasks at once.");
    add_layer(properties, false);
    json_array_append_new(required, json_string("regions"));
    json_array_append_new(required, json_string("instanceTypes"));
    return schema;
}

/* ---- AMI set ---- */

#define ADD_VIRTUALIZATION(name) json_object_set(virtualizations, name, image);
#define ADD_ARCHITECTURE(name) json_object_set(architectures, name, id);

static json_t *ami_set(void)
{
    json_t *id = text(IMAGE_PATTERN, NAME_SIZE - 1), *architectures = json_object(), *virtualizations = json_object();
    AMISET_ARCHITECTURES(ADD_ARCHITECTURE)
    json_t *image = json_pack("{s:[O, {s:s, s:o, s:b, s:i}]}", "anyOf", id, "type", "object", "properties",
                              architectures, "additionalProperties", 0, "minProperties", 1);
    AMISET_VIRTUALIZATIONS(ADD_VIRTUALIZATION)
    json_decref(id);
    json_decref(image);
    return json_pack("{s:s, s:i, s:i, s:{s:s}, s:{s:s, s:o, s:b, s:i}}", "type", "object", "minProperties", 1,
                     "maxProperties", 64, "propertyNames", "pattern", NAME_PATTERN, "additionalProperties", "type",
                     "object", "properties", virtualizations, "additionalProperties", 0, "minProperties", 1);
}

/* ---- settings ---- */

static json_t *region_settings(void)
{
    json_t *zones = list_of(text(NAME_PATTERN, NAME_SIZE - 1), 1, CONFIG_MAX_ZONES);
    json_object_set_new(zones, "uniqueItems", json_true());
    json_t *properties = json_pack("{s:o, s:o, s:{s:s, s:i}}", "name", text(NAME_PATTERN, NAME_SIZE - 1), "zones",
                                   zones, "endpoint", "type", "string", "maxLength", 255);
    return object(properties, json_pack("[s, s]", "name", "zones"));
}

static json_t *settings(void)
{
    json_t *schema = settings_schema(config_table, config_words), *required = json_object_get(schema, "required"),
           *name;
    size_t i;
    set_default(json_object_get(schema, "properties"), "regions", list_of(region_settings(), 1, CONFIG_MAX_REGIONS),
                "zones: those used where a workerType lists none; endpoint: replaces ec2Endpoint for this region.");
    json_array_append_new(required, json_string("regions"));
    json_array_foreach(required, i, name)
    {
        if (strcmp(json_string_value(name), "rootUrl") == 0) { /* TASKCLUSTER_ROOT_URL may stand in */
            json_array_remove(required, i);
            break;
        }
    }
    return schema;
}

/* ---- all ---- */

static const struct {
    const char *name, *title;
    json_t *(*make)(void);
} schemas[] = {{"workertype", "provisiond workerType (workertypes.d/*.json)", worker_type},
               {"amiset", "provisiond AMI set (amisets.d/NAME.json)", ami_set},
               {"settings", "provisiond settings (provisiond.json)", settings}};

json_t *schema_of(const char *name)
{
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        if (strcmp(schemas[i].name, name) != 0)
            continue;
        json_t *schema = schemas[i].make();
        json_object_set_new(schema, "$schema", json_string(DRAFT));
        json_object_set_new(schema, "title", json_string(schemas[i].title));
        return schema;
    }
    return NULL;
}

int schema_document(const char *name, FILE *out)
{
    json_t *schema = schema_of(name);
    if (!schema)
        return -1;
    json_dumpf(schema, out, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    fputc('\n', out);
    json_decref(schema);
    return 0;
}
