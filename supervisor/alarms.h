/* SPDX-License-Identifier: MPL-2.0 */
/* alarms.h: measures what alarm_rules.h judges, and raises and clears accordingly.
 * Runs in: supervisor, main thread, with the housekeeping. Owns: the watches in struct supervisor and its records. */
#ifndef SUPERVISOR_ALARMS_H
#define SUPERVISOR_ALARMS_H

#include "supervisor/supervisor.h"

void alarms_watch(struct supervisor *supervisor);

#endif
