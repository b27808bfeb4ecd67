/* SPDX-License-Identifier: MPL-2.0 */
/* loop.h: the supervisor's main loop. Runs in: supervisor, main thread. It never blocks but in loop_wait. */
#ifndef SUPERVISOR_LOOP_H
#define SUPERVISOR_LOOP_H

#include "supervisor/supervisor.h"

/* Runs until SIGTERM or SIGINT have been carried out. */
void supervise(struct supervisor *supervisor);

#endif
