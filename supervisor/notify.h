/* SPDX-License-Identifier: MPL-2.0 */
/* notify.h: what the init system is told: READY, STATUS, WATCHDOG, RELOADING, STOPPING, and more time while starting or
 * stopping takes long. Runs in: supervisor, main thread, from the main loop only: a ping proves that the loop advances
 * (case B63). Without NOTIFY_SOCKET nothing happens. Owns nothing. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "supervisor/supervisor.h"

void notify_begin(void); /* reads the watchdog's interval */
void notify_step(struct supervisor *supervisor);
struct mono notify_deadline(const struct supervisor *supervisor);
void notify_reloading(const struct supervisor *supervisor);
void notify_reloaded(const struct supervisor *supervisor);
void notify_stopping(const struct supervisor *supervisor);

#endif
