/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_record_table.c: the arbiter's structs, member by member, for the decision journal. See arbiter_record.h.
 * Runs in: supervisor, provisionctl. Pure: constants only. A test tells of each member that has no row. */
#include "supervisor/arbiter_record_parts.h"

#define NAME_OF(symbol, name) name,
static const char *const markets[] = {MARKETS(NAME_OF)};
static const char *const failures[] = {FAILURES(NAME_OF)};
static const char *const denials[] = {DENIALS(NAME_OF)};
static const char *const doors[] = {"open", "half-open", "closed"};                         /* breaker_state */
static const char *const policies[] = {"round-robin", "logarithmic", "probability", "lag"}; /* enum policy */

/* ---- the input ---- */

const struct record_field arbiter_placement_table[] = {
    RECORD_MEMBER(struct placement, region, RECORD_TEXT),
    RECORD_MEMBER(struct placement, zone, RECORD_TEXT),
    RECORD_MEMBER(struct placement, instance_type, RECORD_TEXT),
    RECORD_A_WORD(struct placement, market, markets),
    {.name = NULL},
};

const struct record_field arbiter_budget_limits_table[] = {
    RECORD_MEMBER(struct budget_limits, hourly, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_limits, daily, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_limits, essential_reserve, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_limits, daily_horizon, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_settings_table[] = {
    RECORD_MEMBER(struct arbiter_settings, max_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, max_instances, RECORD_INTEGER),
    RECORD_A_STRUCT(struct arbiter_settings, money, arbiter_budget_limits_table),
    RECORD_MEMBER(struct arbiter_settings, headroom_percent, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, lot_max, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, leases_per_region, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, lease_share, RECORD_INTEGER),
    RECORD_A_WORD(struct arbiter_settings, policy, policies),
    RECORD_MEMBER(struct arbiter_settings, seed, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, launch_share, RECORD_NUMBER),
    RECORD_MEMBER(struct arbiter_settings, calls_refill, RECORD_NUMBER),
    RECORD_MEMBER(struct arbiter_settings, instances_refill, RECORD_NUMBER),
    RECORD_MEMBER(struct arbiter_settings, calls_depth, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, instances_depth, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_settings, tick, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_region_table[] = {
    RECORD_MEMBER(struct arbiter_region, name, RECORD_TEXT),
    RECORD_A_WORD(struct arbiter_region, closed, denials),
    {.name = NULL},
};

const struct record_field arbiter_view_table[] = {
    RECORD_A_WORD(struct breaker_view, state, doors),
    RECORD_A_WORD(struct breaker_view, failure, failures),
    RECORD_MEMBER(struct breaker_view, quarantine, RECORD_BOOL),
    RECORD_MEMBER(struct breaker_view, code, RECORD_TEXT),
    RECORD_MEMBER(struct breaker_view, scope, RECORD_TEXT),
    RECORD_MEMBER(struct breaker_view, until, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_lot_table[] = {
    RECORD_A_STRUCT(struct arbiter_lot, placement, arbiter_placement_table),
    RECORD_MEMBER(struct arbiter_lot, count, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lot, capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lot, max_price, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lot, spec_hash, RECORD_POINTER),
    RECORD_A_STRUCT(struct arbiter_lot, breaker, arbiter_view_table),
    RECORD_MEMBER(struct arbiter_lot, no_price, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_lot, canary_room, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_type_table[] = {
    RECORD_MEMBER(struct arbiter_type, name, RECORD_TEXT),
    RECORD_MEMBER(struct arbiter_type, min_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, max_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, largest_capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, max_price, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, priority, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, essential, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, paused, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, ledger_stopped, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, failing, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, quarantined, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, quarantine_until, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, canary, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, held_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, held_instances, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, serving_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, held_cost, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, bids, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter_type, number, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, seen, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, lag, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_type, pending, RECORD_INTEGER),
    RECORD_A_LIST(struct arbiter_type, lots, lot_count, arbiter_lot_table),
    {.name = NULL},
};

const struct record_field arbiter_lease_table[] = {
    RECORD_MEMBER(struct arbiter_lease, grant, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lease, type, RECORD_INTEGER),
    RECORD_A_STRUCT(struct arbiter_lease, placement, arbiter_placement_table),
    RECORD_MEMBER(struct arbiter_lease, count, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lease, capacity, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lease, max_price, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_lease, settled, RECORD_BOOL),
    {.name = NULL},
};

const struct record_field arbiter_day_table[] = {
    RECORD_MEMBER(struct budget_day, began, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_day, ends, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_day, spent, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_day, accrued_to, RECORD_INTEGER),
    RECORD_MEMBER(struct budget_day, ahead, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_input_table[] = {
    RECORD_MEMBER(struct arbiter_input, now, RECORD_INTEGER),
    RECORD_A_LIST(struct arbiter_input, regions, region_count, arbiter_region_table),
    RECORD_A_LIST(struct arbiter_input, types, type_count, arbiter_type_table),
    RECORD_A_LIST(struct arbiter_input, leases, lease_count, arbiter_lease_table),
    RECORD_MEMBER(struct arbiter_input, other_units, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_input, other_instances, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter_input, other_cost, RECORD_INTEGER),
    RECORD_A_STRUCT(struct arbiter_input, day, arbiter_day_table),
    {.name = NULL},
};

const struct record_field arbitration_table[] = {
    RECORD_A_STRUCT(struct arbitration, settings, arbiter_settings_table),
    RECORD_A_STRUCT(struct arbitration, input, arbiter_input_table),
    {.name = NULL},
};

/* ---- the memory ---- */

const struct record_field arbiter_unseen_table[] = {
    RECORD_MEMBER(struct unseen_grant, grant, RECORD_INTEGER),
    RECORD_MEMBER(struct unseen_grant, count, RECORD_INTEGER),
    RECORD_MEMBER(struct unseen_grant, units, RECORD_INTEGER),
    RECORD_A_STRUCT(struct unseen_grant, placement, arbiter_placement_table),
    {.name = NULL},
};

const struct record_field arbiter_type_memory_table[] = {
    RECORD_MEMBER(struct type_memory, name, RECORD_TEXT),
    RECORD_MEMBER(struct type_memory, tie, RECORD_INTEGER),
    RECORD_MEMBER(struct type_memory, last_grant, RECORD_INTEGER),
    RECORD_MEMBER(struct type_memory, waits_since, RECORD_INTEGER),
    RECORD_MEMBER(struct type_memory, pass, RECORD_NUMBER),
    RECORD_MEMBER(struct type_memory, passed_over, RECORD_INTEGER),
    RECORD_MEMBER(struct type_memory, owner, RECORD_INTEGER),
    RECORD_MEMBER(struct type_memory, lacked, RECORD_INTEGER),
    RECORD_A_LIST(struct type_memory, unseen, unseen_count, arbiter_unseen_table),
    RECORD_MEMBER(struct type_memory, highest, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_bucket_table[] = {
    RECORD_MEMBER(struct bucket, at, RECORD_INTEGER),
    RECORD_MEMBER(struct bucket, halved, RECORD_INTEGER),
    RECORD_MEMBER(struct bucket, calls, RECORD_NUMBER),
    RECORD_MEMBER(struct bucket, instances, RECORD_NUMBER),
    RECORD_MEMBER(struct bucket, calls_refill, RECORD_NUMBER),
    RECORD_MEMBER(struct bucket, instances_refill, RECORD_NUMBER),
    {.name = NULL},
};

const struct record_field arbiter_region_memory_table[] = {
    RECORD_MEMBER(struct region_memory, name, RECORD_TEXT),
    RECORD_A_STRUCT(struct region_memory, bucket, arbiter_bucket_table),
    RECORD_MEMBER(struct region_memory, opened, RECORD_INTEGER),
    RECORD_MEMBER(struct region_memory, step3_grants, RECORD_INTEGER),
    RECORD_MEMBER(struct region_memory, granted, RECORD_BOOL),
    RECORD_MEMBER(struct region_memory, counted_once, RECORD_BOOL),
    RECORD_MEMBER(struct region_memory, counted, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_memory_table[] = {
    RECORD_A_LIST(struct arbiter, types, type_count, arbiter_type_memory_table),
    RECORD_A_LIST(struct arbiter, regions, region_count, arbiter_region_memory_table),
    RECORD_A_STRUCT(struct arbiter, settings, arbiter_settings_table),
    RECORD_MEMBER(struct arbiter, stepped, RECORD_BOOL),
    RECORD_MEMBER(struct arbiter, grants, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter, owners, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter, draws, RECORD_INTEGER),
    RECORD_MEMBER(struct arbiter, turn, RECORD_NUMBER),
    {.name = NULL},
};

/* ---- what comes out ---- */

const struct record_field arbiter_told_grant_table[] = {
    RECORD_MEMBER(struct told_grant, type, RECORD_POINTER),
    RECORD_MEMBER(struct told_grant, lot, RECORD_INTEGER),
    RECORD_A_STRUCT(struct told_grant, placement, arbiter_placement_table),
    RECORD_MEMBER(struct told_grant, count, RECORD_INTEGER),
    RECORD_MEMBER(struct told_grant, step, RECORD_INTEGER),
    RECORD_MEMBER(struct told_grant, probe, RECORD_BOOL),
    {.name = NULL},
};

const struct record_field arbiter_told_denial_table[] = {
    RECORD_MEMBER(struct told_denial, lot, RECORD_INTEGER),
    RECORD_A_STRUCT(struct told_denial, placement, arbiter_placement_table),
    RECORD_MEMBER(struct told_denial, wanted, RECORD_INTEGER),
    RECORD_MEMBER(struct told_denial, granted, RECORD_INTEGER),
    RECORD_A_WORD(struct told_denial, by, denials),
    {.name = NULL},
};

const struct record_field arbiter_told_type_table[] = {
    RECORD_MEMBER(struct told_type, name, RECORD_POINTER),
    RECORD_A_LIST(struct told_type, denials, denial_count, arbiter_told_denial_table),
    {.name = NULL},
};

const struct record_field arbiter_told_anew_table[] = {
    RECORD_A_LIST(struct told_output, grants, grant_count, arbiter_told_grant_table),
    RECORD_MEMBER(struct told_output, again, RECORD_INTEGER),
    {.name = NULL},
};

const struct record_field arbiter_told_table[] = {
    RECORD_A_LIST(struct told_output, grants, grant_count, arbiter_told_grant_table),
    RECORD_A_LIST(struct told_output, types, type_count, arbiter_told_type_table),
    RECORD_MEMBER(struct told_output, again, RECORD_INTEGER),
    RECORD_MEMBER(struct told_output, over_units, RECORD_BOOL),
    RECORD_MEMBER(struct told_output, over_instances, RECORD_BOOL),
    RECORD_MEMBER(struct told_output, over_hourly, RECORD_BOOL),
    {.name = NULL},
};
