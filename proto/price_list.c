/* SPDX-License-Identifier: MPL-2.0 */
/* price_list.c: price files, and AWS's offer file made into them. Pure; runs in the supervisor and provisionctl.
 * The offer file (AWS Price List, "Reading an offer file"): products by SKU with their attributes, terms.OnDemand by
 * SKU with one or more offers, each with price dimensions in dollars as decimal text. */
#include "proto/price_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

void price_list_clear(struct price_list *list)
{
    free(list->rows);
    *list = (struct price_list){0};
}

static int read_row(struct price_row *row, const json_t *prices, const struct json_at *at, const char *region,
                    const char *instance_type, struct error *err)
{
    struct json_at price_at = json_at_member(at, instance_type);

    if (text_copy(row->region, sizeof row->region, region) != 0 || !*instance_type ||
        text_copy(row->instance_type, sizeof row->instance_type, instance_type) != 0)
        return json_complain(at, err, "\"%.80s\" is no instance type", instance_type);
    if (json_get_money(prices, at, instance_type, true, &row->per_hour, err) != 0)
        return -1;
    return row->per_hour.micros > 0 ? 0 : json_complain(&price_at, err, "must be more than 0 dollars an hour");
}

int price_list_add(struct price_list *list, const json_t *document, const char *region, const char *file,
                   struct error *err)
{
    static const char *const members[] = {"source", "prices", NULL};
    struct json_at root = json_at_root(file), at = json_at_member(&root, "prices");
    size_t before = list->count;
    json_t *prices, *price;
    const char *name;

    if (!json_is_object(document))
        return json_complain(&root, err, "must be an object");
    if (json_only_members(document, &root, members, err) != 0 ||
        json_get_object(document, &root, "prices", true, &prices, err) != 0)
        return -1;
    struct price_row *rows = realloc(list->rows, (before + json_object_size(prices) + 1) * sizeof *rows);
    if (!rows)
        abort();
    list->rows = rows;
    json_object_foreach(prices, name, price)
    {
        rows[list->count] = (struct price_row){0};
        if (read_row(&rows[list->count], prices, &at, region, name, err) != 0) {
            list->count = before;
            return -1;
        }
        list->count++;
    }
    return 0;
}

/* ---- AWS's offer file ---- */

/* What an ordinary Linux instance is, among hundreds of kinds of a type. An attribute that is absent does not speak
 * against it: older offers lack some. */
static const struct {
    const char *name, *value;
} ordinary[] = {{"operatingSystem", "Linux"},
                {"tenancy", "Shared"},
                {"preInstalledSw", "NA"},
                {"capacitystatus", "Used"},
                {"operation", "RunInstances"},
                {"marketoption", "OnDemand"},
                {"licenseModel", "No License required"}};

static const char *attribute(const json_t *attributes, const char *name)
{
    const char *value = json_string_value(json_object_get(attributes, name));
    return value ? value : "";
}

static bool is_ordinary(const json_t *attributes)
{
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++) {
        const char *value = attribute(attributes, ordinary[i].name);
        if (*value && !text_equal(value, ordinary[i].value))
            return false;
    }
    return *attribute(attributes, "instanceType") && *attribute(attributes, "regionCode") &&
           *attribute(attributes, "operatingSystem");
}

/* The hourly dollars of a SKU's offers; NULL if there are none above 0. */
static const char *hourly_price(const json_t *offers)
{
    const char *code, *rate;
    json_t *offer, *dimension;

    json_object_foreach((json_t *)offers, code, offer)
    {
        json_object_foreach(json_object_get(offer, "priceDimensions"), rate, dimension)
        {
            const char *unit = json_string_value(json_object_get(dimension, "unit"));
            const char *dollars = json_string_value(json_object_get(json_object_get(dimension, "pricePerUnit"), "USD"));
            struct money price;
            if (unit && dollars && text_equal(unit, "Hrs") && money_parse_round_up(dollars, &price) == 0 &&
                price.micros > 0)
                return dollars;
        }
    }
    return NULL;
}

static json_t *prices_of_region(json_t *out, const char *region, const char *source)
{
    json_t *document = json_object_get(out, region);

    if (!document) {
        document = json_pack("{s:s, s:{}}", "source", source, "prices");
        json_object_set_new(out, region, document);
    }
    return json_object_get(document, "prices");
}

/* Where several products of a type look ordinary the dearest counts: a budget must not be too low. */
static void keep_dearest(json_t *prices, const char *instance_type, const char *dollars)
{
    struct money price = MONEY_ZERO, known = MONEY_ZERO;
    const char *before = json_string_value(json_object_get(prices, instance_type));
    char text[32];

    money_parse_round_up(dollars, &price);
    if (before)
        money_parse(before, &known);
    if (money_compare(known, price) >= 0)
        return;
    money_format(price, text, sizeof text);
    json_object_set_new(prices, instance_type, json_string(text));
}

json_t *price_list_from_offer(const json_t *offer, const char *source, struct error *err)
{
    json_t *products = json_object_get(offer, "products"), *product;
    json_t *terms = json_object_get(json_object_get(offer, "terms"), "OnDemand");
    json_t *out = json_object();
    const char *sku;

    json_object_foreach(products, sku, product)
    {
        const json_t *attributes = json_object_get(product, "attributes");
        const char *dollars = is_ordinary(attributes) ? hourly_price(json_object_get(terms, sku)) : NULL;
        if (dollars)
            keep_dearest(prices_of_region(out, attribute(attributes, "regionCode"), source),
                         attribute(attributes, "instanceType"), dollars);
    }
    if (json_object_size(out) > 0)
        return out;
    json_decref(out);
    error_set(err, ERROR_INPUT, "%s: %s", source,
              products && terms ? "it has no on-demand prices of Linux instances"
                                : "it is no offer file of AWS's price list: products or terms.OnDemand is missing");
    return NULL;
}
