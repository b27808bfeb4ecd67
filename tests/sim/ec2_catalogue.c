/* SPDX-License-Identifier: MPL-2.0 */
/* What EC2 says about its offer: images, instance types, where they are offered, and what
 * they cost on the spot market. */
#include "ec2.h"

#include "world.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Do all filters accept the value that value_of gives for their name? */
static bool filters_accept(const struct ec2_call *call, const void *thing,
                           const char *(*value_of)(const void *thing, const char *name))
{
    const char *name;
    for (int i = 1; (name = ec2_parameterf(call, "Filter.%d.Name", i)) != NULL; i++)
        if (!ec2_filter_matches(call, i, value_of(thing, name)))
            return false;
    return true;
}

static const char *image_value(const void *thing, const char *name)
{
    const struct image *image = thing;
    if (strcmp(name, "image-id") == 0)
        return image->id;
    if (strcmp(name, "state") == 0)
        return image->state;
    if (strcmp(name, "virtualization-type") == 0)
        return word_name(virtualization_words, image->virtualization);
    return strcmp(name, "architecture") == 0 ? word_name(architecture_words, image->architecture) : NULL;
}

static void image_row(struct ec2_call *call, const struct image *image)
{
    struct text *xml = call->xml;
    xml_open(xml, "item");
    xml_text(xml, "imageId", image->id);
    text_addf(xml, "<imageLocation>%s/sim</imageLocation>", call->world->account_id);
    xml_text(xml, "imageState", image->state);
    xml_text(xml, "imageOwnerId", call->world->account_id);
    xml_bool(xml, "isPublic", false);
    xml_text(xml, "architecture", word_name(architecture_words, image->architecture));
    xml_text(xml, "imageType", "machine");
    xml_text(xml, "name", image->id);
    xml_text(xml, "rootDeviceType", image->root_device_type);
    xml_text(xml, "rootDeviceName", "/dev/sda1");
    text_add(xml, "<blockDeviceMapping/>");
    xml_text(xml, "virtualizationType", word_name(virtualization_words, image->virtualization));
    if (image->ena)
        xml_bool(xml, "enaSupport", true);
    xml_text(xml, "bootMode", word_name(boot_mode_words, image->boot_mode));
    xml_text(xml, "hypervisor", "xen");
    xml_text(xml, "creationDate", "2016-07-21T00:00:00.000Z");
    xml_close(xml, "item");
}

static bool image_visible(const struct ec2_call *call, const struct image *image)
{
    return image != NULL && image_in_region(image, call->region->name) && !image->denied &&
           strcmp(image->state, "deregistered") != 0;
}

void ec2_describe_images(struct ec2_call *call)
{
    static const char *const names[] = {"image-id", "state", "virtualization-type", "architecture", NULL};
    const char *id;
    if (!ec2_filters_known(call, names))
        return;
    for (int i = 1; (id = ec2_parameterf(call, "ImageId.%d", i)) != NULL; i++) {
        if (!image_visible(call, table_get(&call->world->images, id))) {
            ec2_error(call, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id);
            return;
        }
    }
    ec2_begin(call);
    xml_open(call->xml, "imagesSet");
    for (size_t i = 0; i < call->world->images.count; i++) {
        const struct image *image = call->world->images.entries[i].value;
        if (image_visible(call, image) && ec2_listed(call, "ImageId", image->id) &&
            filters_accept(call, image, image_value))
            image_row(call, image);
    }
    xml_close(call->xml, "imagesSet");
    ec2_end(call);
}

static void word_set(struct text *xml, const char *element, const struct word *words, unsigned bits)
{
    xml_open(xml, element);
    for (; words->name != NULL; words++)
        if (bits & words->bit)
            xml_text(xml, "item", words->name);
    xml_close(xml, element);
}

static void type_row(struct ec2_call *call, const struct instance_type *type)
{
    struct text *xml = call->xml;
    unsigned architectures = type->architectures;
    if (type->vcpus == 1 && architectures & ARCHITECTURE_X86_64)
        architectures |= ARCHITECTURE_I386;
    xml_open(xml, "item");
    xml_text(xml, "instanceType", type->name);
    xml_bool(xml, "currentGeneration", type->ena == ENA_REQUIRED);
    text_add(xml, "<supportedUsageClasses><item>on-demand</item><item>spot</item></supportedUsageClasses>"
                  "<supportedRootDeviceTypes><item>ebs</item></supportedRootDeviceTypes>");
    word_set(xml, "supportedVirtualizationTypes", virtualization_words, type->virtualizations);
    xml_bool(xml, "bareMetal", type->bare_metal);
    if (!type->bare_metal)
        xml_text(xml, "hypervisor", type->ena == ENA_REQUIRED ? "nitro" : "xen");
    xml_open(xml, "processorInfo");
    word_set(xml, "supportedArchitectures", architecture_words, architectures);
    xml_close(xml, "processorInfo");
    xml_open(xml, "vCpuInfo");
    xml_integer(xml, "defaultVCpus", type->vcpus);
    xml_integer(xml, "defaultCores", (type->vcpus + 1) / 2);
    xml_close(xml, "vCpuInfo");
    xml_open(xml, "memoryInfo");
    xml_integer(xml, "sizeInMiB", type->memory_mib);
    xml_close(xml, "memoryInfo");
    xml_open(xml, "networkInfo");
    xml_text(xml, "enaSupport", word_name(ena_words, type->ena));
    xml_close(xml, "networkInfo");
    word_set(xml, "supportedBootModes", boot_mode_words, type->boot_modes);
    xml_close(xml, "item");
}

static const char *type_value(const void *thing, const char *name)
{
    const struct instance_type *type = thing;
    return strcmp(name, "instance-type") == 0 ? type->name : type->bare_metal ? "true" : "false";
}

static bool offered_in_region(const struct ec2_call *call, const struct instance_type *type)
{
    for (size_t i = 0; i < call->region->zone_count; i++)
        if (type_offered_in(type, call->region->zones[i]))
            return true;
    return false;
}

void ec2_describe_instance_types(struct ec2_call *call)
{
    static const char *const names[] = {"instance-type", "bare-metal", NULL};
    struct ec2_page page;
    size_t count = 0, i;
    const char *name;
    if (!ec2_filters_known(call, names) || !ec2_page_begin(call, 5, 100, &page))
        return;
    for (int n = 1; (name = ec2_parameterf(call, "InstanceType.%d", n)) != NULL; n++) {
        const struct instance_type *type = table_get(&call->world->instance_types, name);
        if (type == NULL || !offered_in_region(call, type)) {
            ec2_error(call, "InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name);
            return;
        }
    }
    ec2_begin(call);
    xml_open(call->xml, "instanceTypeSet");
    for (i = page.after; i < call->world->instance_types.count && count < page.limit && !page.empty; i++) {
        const struct instance_type *type = call->world->instance_types.entries[i].value;
        if (!offered_in_region(call, type) || !ec2_listed(call, "InstanceType", type->name) ||
            !filters_accept(call, type, type_value))
            continue;
        type_row(call, type);
        count++;
    }
    xml_close(call->xml, "instanceTypeSet");
    ec2_page_end(call, &page, i, i < call->world->instance_types.count);
    ec2_end(call);
}

struct offering {
    const struct instance_type *type;
    const char *location;
};

static const char *offering_value(const void *thing, const char *name)
{
    const struct offering *offering = thing;
    return strcmp(name, "instance-type") == 0 ? offering->type->name : offering->location;
}

static void offering_row(struct ec2_call *call, const struct offering *offering, const char *location_type)
{
    if (!filters_accept(call, offering, offering_value))
        return;
    xml_open(call->xml, "item");
    xml_text(call->xml, "instanceType", offering->type->name);
    xml_text(call->xml, "locationType", location_type);
    xml_text(call->xml, "location", offering->location);
    xml_close(call->xml, "item");
}

void ec2_describe_offerings(struct ec2_call *call)
{
    static const char *const names[] = {"instance-type", "location", NULL};
    const char *location_type = ec2_parameter(call, "LocationType");
    struct ec2_page page;
    location_type = location_type != NULL ? location_type : "region";
    bool by_zone = strcmp(location_type, "availability-zone") == 0;
    if (!by_zone && strcmp(location_type, "region") != 0) {
        ec2_error(call, "InvalidParameterValue", "Value (%s) for parameter LocationType is invalid.", location_type);
        return;
    }
    if (!ec2_filters_known(call, names) || !ec2_page_begin(call, 5, 1000, &page))
        return;
    size_t places = by_zone ? call->region->zone_count : 1;
    size_t total = call->world->instance_types.count * places, i, count = 0;
    ec2_begin(call);
    xml_open(call->xml, "instanceTypeOfferingSet");
    for (i = page.after; i < total && count < page.limit && !page.empty; i++, count++) {
        const struct instance_type *type = call->world->instance_types.entries[i / places].value;
        struct offering offering = {type, by_zone ? call->region->zones[i % places] : call->region->name};
        if (by_zone ? type_offered_in(type, offering.location) : offered_in_region(call, type))
            offering_row(call, &offering, location_type);
    }
    xml_close(call->xml, "instanceTypeOfferingSet");
    ec2_page_end(call, &page, i, i < total);
    ec2_end(call);
}

static const char *pool_value(const void *thing, const char *name)
{
    const struct pool *pool = thing;
    if (strcmp(name, "availability-zone") == 0)
        return pool->zone;
    return strcmp(name, "instance-type") == 0 ? pool->type->name : "Linux/UNIX";
}

static double time_parameter(const struct ec2_call *call, const char *name, double otherwise)
{
    const char *text = ec2_parameter(call, name);
    struct tm parts = {0};
    if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) == NULL)
        return otherwise;
    return (double)timegm(&parts);
}

/* The rows within the window, and the last one before it: that price was in force. */
static bool row_in_window(const struct pool *pool, size_t row, double start, double end)
{
    if (pool->rows[row].at > end)
        return false;
    return pool->rows[row].at >= start || row + 1 == pool->row_count || pool->rows[row + 1].at > start;
}

static bool pool_wanted(const struct ec2_call *call, const struct pool *pool)
{
    const char *zone = ec2_parameter(call, "AvailabilityZone");
    return pool->priced && type_offered_in(pool->type, pool->zone) && (zone == NULL || strcmp(zone, pool->zone) == 0) &&
           ec2_listed(call, "InstanceType", pool->type->name) && ec2_listed(call, "ProductDescription", "Linux/UNIX") &&
           filters_accept(call, pool, pool_value);
}

static void price_row(struct ec2_call *call, const struct pool *pool, const struct price_row *row)
{
    char stamp[32];
    clock_format(row->at, stamp);
    xml_open(call->xml, "item");
    xml_text(call->xml, "instanceType", pool->type->name);
    xml_text(call->xml, "productDescription", "Linux/UNIX");
    xml_text(call->xml, "spotPrice", row->price);
    xml_text(call->xml, "timestamp", stamp);
    xml_text(call->xml, "availabilityZone", pool->zone);
    xml_close(call->xml, "item");
}

/* Rows of one pool, newest first; position counts all rows of all pools. */
static bool list_prices(struct ec2_call *call, const struct pool *pool, struct ec2_page *page,
                        unsigned long long *position, size_t *count)
{
    double start = time_parameter(call, "StartTime", -DBL_MAX), end = time_parameter(call, "EndTime", DBL_MAX);
    for (size_t row = pool->row_count; row-- > 0;) {
        if (!row_in_window(pool, row, start, end))
            continue;
        if (*count == page->limit)
            return false;
        if ((*position)++ < page->after)
            continue;
        price_row(call, pool, &pool->rows[row]);
        (*count)++;
    }
    return true;
}

/* Creates all pools, so that prices are there before anything was launched. */
static void touch_pools(struct region *region)
{
    const struct table *types = &region->world->instance_types;
    if (region->pools.count >= types->count * region->zone_count)
        return;
    for (size_t i = 0; i < types->count; i++)
        for (size_t j = 0; j < region->zone_count; j++)
            region_pool(region, region->zones[j], types->entries[i].value);
}

void ec2_describe_spot_prices(struct ec2_call *call)
{
    static const char *const names[] = {"availability-zone", "instance-type", "product-description", NULL};
    struct ec2_page page;
    unsigned long long position = 0;
    size_t count = 0;
    bool complete = true;
    touch_pools(call->region);
    if (!ec2_filters_known(call, names) || !ec2_page_begin(call, 1, 1000, &page))
        return;
    if (page.limit > 1000)
        page.limit = 1000;
    ec2_begin(call);
    xml_open(call->xml, "spotPriceHistorySet");
    for (size_t i = 0; i < call->region->pools.count && complete && !page.empty; i++) {
        const struct pool *pool = call->region->pools.entries[i].value;
        if (pool_wanted(call, pool))
            complete = list_prices(call, pool, &page, &position, &count);
    }
    xml_close(call->xml, "spotPriceHistorySet");
    ec2_page_end(call, &page, page.empty ? page.after : position, page.empty || !complete);
    ec2_end(call);
}
