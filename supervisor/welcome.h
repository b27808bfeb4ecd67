/* SPDX-License-Identifier: MPL-2.0 */
/* welcome.h: the answer to hello, all that a worker starts from, and the worker's copy of the breakers.
 * Runs in: supervisor, main thread. Owns nothing. */
#ifndef SUPERVISOR_WELCOME_H
#define SUPERVISOR_WELCOME_H

#include "supervisor/supervisor.h"

int welcome_send(struct supervisor *supervisor, struct worker *worker);
/* {"instanceTypes": [...], "types": [...]} for one region, as JSON text; caller frees. */
char *welcome_scope(const struct supervisor *supervisor, const char *region);

#endif
