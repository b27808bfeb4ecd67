/* SPDX-License-Identifier: MPL-2.0 */
/* notify.h: what the init system is told: READY, STATUS, WATCHDOG, RELOADING, STOPPING, and more time while starting or
 * stopping takes long. s6 and its kin are told that we are ready by a line on a descriptor that they name. Runs in:
 * supervisor, main thread, from the main loop only: a ping proves that the loop advances (case B63). Without
 * NOTIFY_SOCKET nothing happens. Owns nothing. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "supervisor/supervisor.h"

/* Readiness is a line on this descriptor too, which is then closed; at least 3, and open. Before anything is opened. */
int notify_to_fd(int fd, struct error *err);
void notify_begin(void); /* reads the watchdog's interval */
void notify_step(struct supervisor *supervisor);
struct mono notify_deadline(const struct supervisor *supervisor);
void notify_reloading(const struct supervisor *supervisor);
void notify_reloaded(const struct supervisor *supervisor);
void notify_stopping(const struct supervisor *supervisor);

#endif
