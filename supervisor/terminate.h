/* SPDX-License-Identifier: MPL-2.0 */
/* terminate.h: permission to terminate. The type worker proposes, the supervisor permits with the brake on, the region
 * worker looks at the tags anew and does it (DESIGN section 11). Nothing is ever terminated for idleness.
 * Runs in: supervisor, main thread. Owns nothing. */
#ifndef SUPERVISOR_TERMINATE_H
#define SUPERVISOR_TERMINATE_H

#include "supervisor/supervisor.h"

void terminate_propose(struct supervisor *supervisor, struct type_record *type, const struct proto_CONDEMN *condemn);
/* An operator's order: no brake. -1: it cannot be given now, or there is nothing to end. */
int terminate_ordered(struct supervisor *supervisor, struct instance *instance, const char *who, struct error *err);
/* Orders the end of what the region lists of retired types; returns of how many. */
size_t terminate_retired(struct supervisor *supervisor, struct region_record *region);
void terminate_answered(struct supervisor *supervisor, struct region_record *region,
                        const struct proto_TERMINATED *terminated);

#endif
