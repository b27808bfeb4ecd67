/* SPDX-License-Identifier: MPL-2.0 */
/* preflight.h: the supervisor's side of preflight: what each type worker found, alarms about it, spare calls for its
 * DryRuns, and images that are known elsewhere.
 * Runs in: supervisor, main thread. Owns: struct preflight_record in the type records. Checks nothing itself. */
#ifndef SUPERVISOR_PREFLIGHT_H
#define SUPERVISOR_PREFLIGHT_H

#include <jansson.h>

#include "supervisor/bus.h"
#include "supervisor/supervisor.h"

bus_handler bus_preflight, bus_spare, bus_dryrun_done;

/* Answers the types that wait for a spare call, where the region has one. Every turn. */
void preflight_spare_step(struct supervisor *supervisor);
/* [{region, image, from}]: images of all AMI sets but `not_set` (NULL: none). New reference. */
json_t *preflight_known_images(const struct supervisor *supervisor, const char *not_set);
/* What was found, for explain: {"state", "placements", "usable", "errors", "why", "findings"}. New reference. */
json_t *preflight_of_type(const struct type_record *type);
/* True when a pass over its definition has left no placement: there is an alarm, and its state says so. */
bool preflight_unlaunchable(const struct type_record *type);
/* One line for status. */
const char *preflight_word(const struct type_record *type, char *out, size_t size);
void preflight_record_clear(struct preflight_record *record);

#endif
