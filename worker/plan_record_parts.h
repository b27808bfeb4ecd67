/* SPDX-License-Identifier: MPL-2.0 */
/* plan_record_parts.h: the tables by which the plan's structs become JSON, one each; a member that is added to a struct
 * needs its row here (a test compares). Private to worker/plan_record*.c and their test. Pure. */
#ifndef WORKER_PLAN_RECORD_PARTS_H
#define WORKER_PLAN_RECORD_PARTS_H

#include "common/record.h"
#include "worker/plan.h"

extern const struct record_field plan_placement_table[], plan_type_table[], plan_demand_table[], plan_supply_table[],
    plan_region_table[], plan_option_table[], plan_input_table[], plan_bucket_table[], plan_memory_table[],
    plan_lot_table[], plan_table[];

#endif
