/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_record_parts.h: the tables by which the arbiter's structs become JSON, one each; a member that is added to a
 * struct needs its row here (a test compares). Private to supervisor/arbiter_re*.c and their test. Pure. */
#ifndef SUPERVISOR_ARBITER_RECORD_PARTS_H
#define SUPERVISOR_ARBITER_RECORD_PARTS_H

#include "common/record.h"
#include "supervisor/arbiter_parts.h"

/* One input with its settings in it. */
struct arbitration {
    struct arbiter_settings settings;
    struct arbiter_input input; /* its `settings` is not written: it points to the above */
};
extern const struct record_field arbitration_table[];
extern const struct record_field arbiter_memory_table[]; /* of struct arbiter */

extern const struct record_field arbiter_budget_limits_table[], arbiter_settings_table[], arbiter_region_table[],
    arbiter_placement_table[], arbiter_view_table[], arbiter_lot_table[], arbiter_type_table[], arbiter_lease_table[],
    arbiter_day_table[], arbiter_input_table[], arbiter_bucket_table[], arbiter_unseen_table[],
    arbiter_type_memory_table[], arbiter_region_memory_table[];

/* What comes out, with names in place of indices. */
struct told_grant {
    const char *type;
    size_t lot;
    struct placement placement;
    int64_t count;
    int step;
    bool probe;
};
struct told_denial {
    size_t lot;
    struct placement placement;
    int64_t wanted, granted;
    enum denial by;
};
struct told_type {
    const char *name;
    struct told_denial *denials;
    size_t denial_count;
};
struct told_output {
    struct told_grant *grants;
    size_t grant_count;
    struct told_type *types; /* all of the input: thousands of denials are often those of the step before */
    size_t type_count;
    struct mono again;
    bool over_units, over_instances, over_hourly;
    struct told_denial *all_denials; /* the memory of all types' denials; NULL where each list is its own (record.h) */
};
extern const struct record_field arbiter_told_table[]; /* of struct told_output */
extern const struct record_field arbiter_told_grant_table[], arbiter_told_type_table[], arbiter_told_denial_table[];
/* Those of its members that each entry tells in full, so that a person finds them there. */
extern const struct record_field arbiter_told_anew_table[];

/* The output of a step; names and placements stay the input's. Ends with arbiter_told_clear. */
struct told_output arbiter_tell(const struct arbiter_input *input, const struct arbiter_output *output);
void arbiter_told_clear(struct told_output *told);

#endif
