/* SPDX-License-Identifier: MPL-2.0 */
/* terminate.h: permission to terminate. The type worker proposes, the supervisor permits with the brake on, the region
 * worker looks at the tags anew and does it (DESIGN section 11). Nothing is ever terminated for idleness.
 * Runs in: supervisor, main thread. Owns nothing. */
#ifndef SUPERVISOR_TERMINATE_H
#define SUPERVISOR_TERMINATE_H

#include "supervisor/supervisor.h"

void terminate_propose(struct supervisor *supervisor, struct type_record *type, const struct proto_CONDEMN *condemn);
void terminate_answered(struct supervisor *supervisor, struct region_record *region,
                        const struct proto_TERMINATED *terminated);

#endif
