/* SPDX-License-Identifier: MPL-2.0 */
/* preflight_type.c: instance type, zone, market and price of a specification, and what its DryRun said.
 * Pure. Runs in: type worker. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/preflight_parts.h"

static bool offered_in(const json_t *zones, const char *zone)
{
    const json_t *value;
    size_t i;
    json_array_foreach(zones, i, value)
    {
        if (text_equal(json_string_value(value), zone))
            return true;
    }
    return false;
}

/* Is the type offered in any zone that the definition has in this region? Then one that lacks it is no fault. */
static bool offered_somewhere(const struct preflight_look *look, const json_t *zones)
{
    const struct definition *definition = look->input->definition;
    for (size_t i = 0; i < definition->spec_count; i++)
        if (text_equal(definition->specs[i].region, look->spec->region) && offered_in(zones, definition->specs[i].zone))
            return true;
    return false;
}

static void check_offered(struct preflight_look *look)
{
    const json_t *zones = NULL;
    char path[160], where[120] = "";
    enum fact fact = fact_of(look->facts, CATALOGUE_OFFERINGS, look->spec->instance_type, &zones);
    if (fact == FACT_UNKNOWN || offered_in(zones, look->spec->zone))
        return;
    bool somewhere = offered_somewhere(look, zones);
    path_of_list(look->input->definition, look->spec, "instanceTypes", path, sizeof path);
    struct finding *finding =
        preflight_add(look, FINDING_NOT_OFFERED, somewhere ? SEVERITY_WARNING : SEVERITY_ERROR, true, path,
                      "%s is not offered in %s", look->spec->instance_type, look->spec->zone);
    const json_t *value;
    size_t i;
    json_array_foreach(zones, i, value)
    {
        size_t used = strlen(where);
        text_format(where + used, sizeof where - used, "%s%s", i > 0 ? ", " : "", json_string_value(value));
    }
    if (finding && *where)
        text_format(finding->fits, sizeof finding->fits, "it is offered in %s", where);
}

/* Leaves the spec out in one market only: a warning where the other one is allowed. */
static void leave_market(struct preflight_look *look, enum finding_code code, enum market market, const char *found)
{
    const struct definition *definition = look->input->definition;
    bool both = definition->can_use_spot && definition->can_use_on_demand;
    char path[160];
    path_of_list(definition, look->spec, "instanceTypes", path, sizeof path);
    struct finding *finding =
        preflight_add(look, code, both ? SEVERITY_WARNING : SEVERITY_ERROR, false, path, "%s", found);
    bool *out = market == MARKET_SPOT ? look->out->spot_out : look->out->on_demand_out;
    out[look->index] = true;
    if (finding)
        text_copy(finding->market, sizeof finding->market, market_name(market));
}

/* Not one instance fits into the account's quota. How much of it is used EC2 does not tell: that is the quota
 * breaker's. CpuOptions may ask for fewer vCPUs than the type has. */
static void check_quota(struct preflight_look *look, const json_t *type, enum market market)
{
    const char *code = quota_of(look->spec->instance_type, market);
    const json_t *quota = NULL;
    char found[200];
    double vcpus = strtod(fact_text(type, "vCpuInfo.defaultVCpus"), NULL);
    if (!code || json_object_get(look->spec->launch, "CpuOptions") ||
        fact_of(look->facts, CATALOGUE_QUOTAS, code, &quota) != FACT_THERE ||
        vcpus <= strtod(fact_text(quota, "value"), NULL))
        return;
    text_format(found, sizeof found, "%s has %.0f vCPUs; the account's %s quota (%s) is %s", look->spec->instance_type,
                vcpus, market_name(market), code, fact_text(quota, "value"));
    leave_market(look, FINDING_VCPU_QUOTA, market, found);
}

static void check_market(struct preflight_look *look, const json_t *type, enum market market, bool wanted)
{
    char found[200];
    if (!wanted)
        return;
    if (json_object_get(type, "supportedUsageClasses") &&
        !fact_has(type, "supportedUsageClasses", market_name(market))) {
        text_format(found, sizeof found, "%s is not sold as %s", look->spec->instance_type, market_name(market));
        leave_market(look, FINDING_MARKET, market, found);
        return;
    }
    check_quota(look, type, market);
}

static void check_known(struct preflight_look *look)
{
    const struct definition *definition = look->input->definition;
    const json_t *type = NULL;
    char path[160];
    enum fact fact = fact_of(look->facts, CATALOGUE_TYPES, look->spec->instance_type, &type);
    path_of_list(definition, look->spec, "instanceTypes", path, sizeof path);
    if (fact == FACT_ABSENT) {
        preflight_add(look, FINDING_TYPE_MISSING, SEVERITY_ERROR, true, path, "%s has no instance type %s",
                      look->spec->region, look->spec->instance_type);
    } else if (fact == FACT_THERE) {
        check_offered(look);
        check_market(look, type, MARKET_SPOT, definition->can_use_spot);
        check_market(look, type, MARKET_ON_DEMAND, definition->can_use_on_demand);
    }
}

/* Moves by the minute, so it only warns: the plan leaves out what is too dear, and never bids less than minPrice. */
static void check_price(struct preflight_look *look)
{
    const struct definition *definition = look->input->definition;
    struct money price = MONEY_ZERO, twice;
    char now[32], most[32], least[32];
    if (look->input->price && definition->can_use_spot)
        price = look->input->price(look->input->price_context, look->spec);
    twice = money_times(price, 2);
    if (price.micros <= 0 ||
        (money_compare(twice, definition->max_price) <= 0 && money_compare(twice, definition->min_price) >= 0))
        return;
    money_format(price, now, sizeof now);
    money_format(definition->max_price, most, sizeof most);
    money_format(definition->min_price, least, sizeof least);
    if (money_compare(twice, definition->min_price) < 0) {
        preflight_add(look, FINDING_MIN_PRICE, SEVERITY_WARNING, false, "minPrice",
                      "%s costs $%s an hour in %s now; minPrice bids $%s for it", look->spec->instance_type, now,
                      look->spec->zone, least);
        return;
    }
    preflight_add(look, FINDING_PRICE, SEVERITY_WARNING, false, "maxPrice",
                  "%s costs $%s an hour in %s now; twice that is over maxPrice, $%s", look->spec->instance_type, now,
                  look->spec->zone, most);
}

static void check_dry_run(struct preflight_look *look)
{
    const json_t *refusal = json_object_get(look->input->dry_runs, look->spec->hash);
    char path[160];
    if (!json_is_object(refusal))
        return;
    path_of_list(look->input->definition, look->spec, "instanceTypes", path, sizeof path);
    preflight_add(look, FINDING_DRY_RUN, SEVERITY_ERROR, true, path, "EC2 would refuse it: %s: %.140s",
                  fact_text(refusal, "code"), fact_text(refusal, "message"));
}

void preflight_check_type(struct preflight_look *look)
{
    check_known(look);
    check_price(look);
    check_dry_run(look);
}
