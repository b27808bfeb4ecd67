/* SPDX-License-Identifier: MPL-2.0 */
/* plan_record.h: plans as JSON for the decision journal, and made again from there.
 * An entry holds the memory before, the whole input, and what came out: the plan and the memory after. The first of a
 * file is complete; of later inputs only what changed is written.
 * Runs in: type worker (writes), provisionctl (makes again). Pure: no clock, no files. Owns: a copy of the last input.
 */
#ifndef WORKER_PLAN_RECORD_H
#define WORKER_PLAN_RECORD_H

#include <jansson.h>

#include "common/error.h"
#include "worker/plan.h"

struct plan_record;
struct plan_record *plan_record_create(void);
void plan_record_destroy(struct plan_record **record);

/* `at` is for readers. `before` is the memory as plan_make got it, `after` as it left it; `whole`: all of the input.
 * New reference. */
json_t *plan_record_entry(struct plan_record *record, struct wall at, const struct plan_memory *before,
                          const struct plan_input *input, const struct plan_memory *after, const struct plan *plan,
                          bool whole);

/* Makes the plan of an entry again. The same struct carries the input from entry to entry. 0 and *out, what comes out
 * now, to be compared with the entry's "out" (new reference); -1 with *err. */
int plan_rerun_entry(struct plan_record *record, const json_t *entry, json_t **out, struct error *err);

#endif
