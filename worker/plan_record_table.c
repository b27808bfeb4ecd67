/* SPDX-License-Identifier: MPL-2.0 */
/* plan_record_table.c: the plan's structs, member by member, for the decision journal. See plan_record.h.
 * Runs in: type worker, provisionctl. Pure: constants only. A test tells of each member that has no row. */
#include "worker/plan_record_parts.h"

#define NAME_OF(symbol, name) name,
static const char *const markets[] = {MARKETS(NAME_OF)};
static const char *const failures[] = {FAILURES(NAME_OF)};
static const char *const reasons[] = {REASONS(NAME_OF)};
static const char *const doors[] = {"open", "half-open", "closed"}; /* enum plan_door */

/* ---- what comes in ---- */

const struct record_field plan_placement_table[] = {
    RECORD_MEMBER(struct placement, region, RECORD_TEXT),
    RECORD_MEMBER(struct placement, zone, RECORD_TEXT),
    RECORD_MEMBER(struct placement, instance_type, RECORD_TEXT),
    RECORD_A_WORD(struct placement, market, markets),
    {.name = NULL},
};

const struct record_field plan_type_table[] = {
    RECORD_MEMBER(struct plan_type, min_units, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, max_units, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, largest_capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, scaling_ratio, RECORD_NUMBER),
    RECORD_MEMBER(struct plan_type, min_price, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, max_price, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, can_use_spot, RECORD_BOOL),
    RECORD_MEMBER(struct plan_type, can_use_on_demand, RECORD_BOOL),
    RECORD_MEMBER(struct plan_type, on_demand_after, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, on_demand_max, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_type, settle, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field plan_demand_table[] = {
    RECORD_MEMBER(struct plan_demand, pending, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_demand, claimed, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_demand, seen, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_demand, age_limit, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_demand, problem, RECORD_POINTER),
    {.name = NULL},
};

const struct record_field plan_supply_table[] = {
    RECORD_MEMBER(struct plan_supply, starting, RECORD_BOOL),
    RECORD_MEMBER(struct plan_supply, running, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, young, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, ending, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, booting, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, in_flight, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, serving, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, occupying, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, occupying_instances, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, on_demand_instances, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_supply, claimed_unknown, RECORD_BOOL),
    RECORD_MEMBER(struct plan_supply, work_taken, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field plan_region_table[] = {
    RECORD_MEMBER(struct plan_region, name, RECORD_TEXT),
    RECORD_MEMBER(struct plan_region, listed, RECORD_BOOL),
    RECORD_MEMBER(struct plan_region, began, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_region, limit, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field plan_option_table[] = {
    RECORD_A_STRUCT(struct plan_option, placement, plan_placement_table),
    RECORD_MEMBER(struct plan_option, capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_option, utility, RECORD_NUMBER),
    RECORD_MEMBER(struct plan_option, health, RECORD_NUMBER),
    RECORD_MEMBER(struct plan_option, price, RECORD_INTEGER),
    RECORD_A_WORD(struct plan_option, door, doors),
    RECORD_A_WORD(struct plan_option, failure, failures),
    RECORD_MEMBER(struct plan_option, type_wide, RECORD_BOOL),
    RECORD_MEMBER(struct plan_option, code, RECORD_POINTER),
    RECORD_MEMBER(struct plan_option, unfit, RECORD_BOOL),
    RECORD_MEMBER(struct plan_option, spec_hash, RECORD_POINTER),
    RECORD_MEMBER(struct plan_option, subnet, RECORD_POINTER),
    {.name = NULL},
};

const struct record_field plan_input_table[] = {
    RECORD_MEMBER(struct plan_input, now, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_input, lot_max, RECORD_INTEGER),
    RECORD_A_STRUCT(struct plan_input, type, plan_type_table),
    RECORD_A_STRUCT(struct plan_input, demand, plan_demand_table),
    RECORD_A_STRUCT(struct plan_input, supply, plan_supply_table),
    RECORD_A_LIST(struct plan_input, regions, region_count, plan_region_table),
    RECORD_A_LIST(struct plan_input, options, option_count, plan_option_table),
    RECORD_MEMBER(struct plan_input, credentials_problem, RECORD_POINTER),
    RECORD_MEMBER(struct plan_input, preflight_waits, RECORD_POINTER),
    RECORD_MEMBER(struct plan_input, preflight_error, RECORD_POINTER),
    {.name = NULL},
};

/* ---- what is remembered ---- */

const struct record_field plan_bucket_table[] = {
    RECORD_MEMBER(struct plan_bucket, began, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_bucket, least, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field plan_memory_table[] = {
    RECORD_AN_ARRAY(struct plan_memory, buckets, bucket_count, plan_bucket_table),
    RECORD_MEMBER(struct plan_memory, readings, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, first_reading, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, last_reading, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, dead_base, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, dead, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, work_taken, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_memory, unmet_since, RECORD_INTEGER),
    {.name = NULL},
};

/* ---- what goes out ---- */

const struct record_field plan_lot_table[] = {
    RECORD_A_STRUCT(struct plan_lot, placement, plan_placement_table),
    RECORD_MEMBER(struct plan_lot, count, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_lot, capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_lot, max_price, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_lot, price, RECORD_INTEGER),
    RECORD_MEMBER(struct plan_lot, spec_hash, RECORD_POINTER),
    RECORD_MEMBER(struct plan_lot, subnet, RECORD_POINTER),
    {.name = NULL},
};

const struct record_field plan_table[] = {
    RECORD_MEMBER(struct plan, pending, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, claimed, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, idle, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, dead, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, credit, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, need, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, ending, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, instances, RECORD_INTEGER),
    RECORD_MEMBER(struct plan, units, RECORD_INTEGER),
    RECORD_A_WORD(struct plan, reason, reasons),
    RECORD_MEMBER(struct plan, why, RECORD_TEXT),
    RECORD_AN_ARRAY(struct plan, lots, lot_count, plan_lot_table),
    {.name = NULL},
};
