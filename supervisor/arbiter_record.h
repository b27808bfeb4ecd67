/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_record.h: arbitrations as JSON for the decision journal, and run again from there.
 * An entry holds the whole input of one arbiter_step and what came out. The first of a file is complete: it has the
 * arbiter's memory, too. Later ones hold what changed in the input, all grants, and the denials of types whose denials
 * changed: with thousands of lots little else is affordable in the supervisor's loop. What else moves the arbiter's
 * memory (tokens given back, a rate limit, a spare call) has entries of its own, so that the memory follows from what
 * is written. Runs in: supervisor (writes), provisionctl (runs again). Pure: no clock, no files. Owns: copies of the
 * last input and output. */
#ifndef SUPERVISOR_ARBITER_RECORD_H
#define SUPERVISOR_ARBITER_RECORD_H

#include <jansson.h>

#include "common/error.h"
#include "common/record.h"
#include "supervisor/arbiter.h"

/* ---- writing ---- */

struct arbiter_record;
struct arbiter_record *arbiter_record_create(void);
void arbiter_record_destroy(struct arbiter_record **record);

/* Before the step: the input, and with `whole` all of it and the arbiter's memory. `at` is for readers. New reference.
 */
json_t *arbiter_record_before(struct arbiter_record *record, struct wall at, const struct arbiter *arbiter,
                              const struct arbiter_input *input, bool whole);
/* After it: what came out, into the same entry. */
void arbiter_record_after(struct arbiter_record *record, json_t *entry, const struct arbiter_input *input,
                          const struct arbiter_output *output);
json_t *arbiter_record_returned(struct wall at, const char *region, int64_t calls, int64_t instances);
json_t *arbiter_record_limited(struct wall at, const char *region, struct mono now);
json_t *arbiter_record_spare(struct wall at, const char *region, struct mono now, bool given);

/* ---- running again ---- */

struct arbiter_rerun;
struct arbiter_rerun *arbiter_rerun_create(void);
void arbiter_rerun_destroy(struct arbiter_rerun **rerun);
/* Runs one entry through the arbiter. 0 and, when they differ or `whole` asks for them, what the entry says that came
 * out and what comes out now, each in full (new references; else NULL). -1 with *err: it is no such entry, or does not
 * follow on. */
int arbiter_rerun_entry(struct arbiter_rerun *rerun, const json_t *entry, bool whole, json_t **recorded, json_t **now,
                        struct error *err);

#endif
