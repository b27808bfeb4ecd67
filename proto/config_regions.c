/* SPDX-License-Identifier: MPL-2.0 */
/* config_regions.c: the list of regions with their zones and endpoints, and which URLs are allowed.
 * Runs in: supervisor and workers. Owns nothing beyond the struct config it fills. */
#include "proto/config_regions.h"

#include <string.h>

#include "common/text.h"

/* Region and zone names become file names and topics: nothing but these characters. */
static int check_name(const struct json_at *at, const char *name, struct error *err)
{
    for (const char *c = name; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            return json_complain(at, err, "\"%.64s\" may hold letters, digits, - and _ only", name);
    }
    return 0;
}

static bool has_zone(const struct config_region *region, const char *zone)
{
    for (size_t i = 0; i < region->zone_count; i++) {
        if (strcmp(region->zone_names[i], zone) == 0)
            return true;
    }
    return false;
}

static int parse_zone(const json_t *value, const struct json_at *at, struct config_region *region, struct error *err)
{
    const char *zone = json_string_value(value);
    size_t length = json_string_length(value);
    if (!zone || length == 0 || length >= NAME_SIZE)
        return json_complain(at, err, "must be a zone's name, 1 to %d characters", NAME_SIZE - 1);
    if (check_name(at, zone, err) < 0)
        return -1;
    if (has_zone(region, zone))
        return json_complain(at, err, "\"%s\" is there twice", zone);
    text_copy(region->zone_names[region->zone_count++], NAME_SIZE, zone);
    return 0;
}

static int parse_zones(const json_t *object, const struct json_at *at, struct config_region *region, struct error *err)
{
    json_t *zones = NULL;
    struct json_at zones_at = json_at_member(at, "zones");
    if (json_get_array(object, at, "zones", true, &zones, err) < 0)
        return -1;
    size_t count = json_array_size(zones);
    if (count == 0 || count > CONFIG_MAX_ZONES)
        return json_complain(&zones_at, err, "must list 1 to %d zones", CONFIG_MAX_ZONES);
    for (size_t i = 0; i < count; i++) {
        struct json_at zone_at = json_at_index(&zones_at, i);
        if (parse_zone(json_array_get(zones, i), &zone_at, region, err) < 0)
            return -1;
    }
    return 0;
}

static int parse_region(const json_t *object, const struct json_at *at, struct config *config, struct error *err)
{
    static const char *const members[] = {"name", "zones", "endpoint", NULL};
    struct config_region *region = &config->regions[config->region_count];
    const char *name = NULL, *endpoint = "";
    struct json_at name_at = json_at_member(at, "name");
    struct json_at endpoint_at = json_at_member(at, "endpoint");
    if (json_only_members(object, at, members, err) < 0 ||
        json_get_string(object, at, "name", true, 1, NAME_SIZE - 1, &name, err) < 0 ||
        json_get_string(object, at, "endpoint", false, 0, sizeof region->endpoint - 1, &endpoint, err) < 0 ||
        check_name(&name_at, name, err) < 0)
        return -1;
    if (config_region(config, name))
        return json_complain(&name_at, err, "\"%s\" is there twice", name);
    if (endpoint[0] && config_check_url(&endpoint_at, endpoint, config->allow_plain_http, err) < 0)
        return -1;
    text_copy(region->name, sizeof region->name, name);
    text_copy(region->endpoint, sizeof region->endpoint, endpoint);
    if (parse_zones(object, at, region, err) < 0)
        return -1;
    config->region_count++;
    return 0;
}

int config_regions_parse(const json_t *document, const struct json_at *root, struct config *out, struct error *err)
{
    json_t *regions = NULL;
    struct json_at regions_at = json_at_member(root, "regions");
    if (json_get_array(document, root, "regions", true, &regions, err) < 0)
        return -1;
    size_t count = json_array_size(regions);
    if (count == 0 || count > CONFIG_MAX_REGIONS)
        return json_complain(&regions_at, err, "must list 1 to %d regions", CONFIG_MAX_REGIONS);
    for (size_t i = 0; i < count; i++) {
        struct json_at at = json_at_index(&regions_at, i);
        if (parse_region(json_array_get(regions, i), &at, out, err) < 0)
            return -1;
    }
    struct region_zones ignored[CONFIG_MAX_REGIONS];
    config_zones(out, ignored);
    return 0;
}

json_t *config_regions_print(const struct config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; i < config->region_count; i++) {
        const struct config_region *region = &config->regions[i];
        json_t *zones = json_array();
        for (size_t j = 0; j < region->zone_count; j++)
            json_array_append_new(zones, json_string(region->zone_names[j]));
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s}", "name", region->name, "zones", zones, "endpoint", region->endpoint));
    }
    return list;
}

/* The zone pointers point into the struct itself; after a struct config was copied they are aimed at the copy here. */
static void aim_zones(const struct config_region *region)
{
    struct config_region *own = (struct config_region *)region;
    for (size_t i = 0; i < own->zone_count; i++)
        own->zones[i] = own->zone_names[i];
}

const struct config_region *config_region(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->region_count; i++) {
        if (strcmp(config->regions[i].name, name) == 0) {
            aim_zones(&config->regions[i]);
            return &config->regions[i];
        }
    }
    return NULL;
}

size_t config_zones(const struct config *config, struct region_zones *out)
{
    for (size_t i = 0; i < config->region_count; i++) {
        const struct config_region *region = &config->regions[i];
        aim_zones(region);
        out[i] = (struct region_zones){region->name, region->zones, region->zone_count};
    }
    return config->region_count;
}

static void with_region(const char *form, const char *region, char *out, size_t size)
{
    static const char mark[] = "{region}";
    struct buffer url = {0};
    const char *found;
    while ((found = strstr(form, mark))) {
        buffer_add(&url, form, (size_t)(found - form));
        buffer_add(&url, region, strlen(region));
        form = found + strlen(mark);
    }
    buffer_add(&url, form, strlen(form));
    text_copy(out, size, buffer_text(&url));
    buffer_free(&url);
}

void config_ec2_endpoint(const struct config *config, const char *region, char *out, size_t size)
{
    const struct config_region *known = config_region(config, region);
    with_region(known && known->endpoint[0] ? known->endpoint : config->ec2_endpoint, region, out, size);
}

void config_quotas_endpoint(const struct config *config, const char *region, char *out, size_t size)
{
    char ec2[256], own[256];
    if (!text_equal(config->quotas_endpoint, "auto")) {
        with_region(config->quotas_endpoint, region, out, size);
        return;
    }
    config_ec2_endpoint(config, region, ec2, sizeof ec2);
    with_region("https://ec2.{region}.amazonaws.com", region, own, sizeof own);
    with_region(text_equal(ec2, own) ? "https://servicequotas.{region}.amazonaws.com" : "", region, out, size);
}

/* The host ends at the port, the path or the end; a name such as 127.evil.example is no address. */
static bool is_loopback(const char *host)
{
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (strncmp(host, "localhost", length) == 0 && length == strlen("localhost"))
        return true;
    if (strncmp(host, "[::1]", length) == 0 && length == strlen("[::1]"))
        return true;
    return text_starts(host, "127.") && strspn(host, "0123456789.") == length;
}

int config_check_url(const struct json_at *at, const char *url, bool allow_plain, struct error *err)
{
    static const char plain[] = "http://", secure[] = "https://";
    if (strchr(url, '@') || strpbrk(url, " \t\r\n"))
        return json_complain(at, err, "must be a URL without blanks, user or password");
    if (text_starts(url, secure) && url[strlen(secure)])
        return 0;
    if (!text_starts(url, plain) || !url[strlen(plain)])
        return json_complain(at, err, "must begin with https:// or http://");
    if (allow_plain || is_loopback(url + strlen(plain)))
        return 0;
    return json_complain(at, err, "plain http goes only to loopback, unless allowPlainHttp is true");
}
