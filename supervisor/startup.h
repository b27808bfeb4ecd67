/* SPDX-License-Identifier: MPL-2.0 */
/* startup.h: from a checked catalogue to a supervisor that can run, and back to nothing.
 * Runs in: supervisor. What fails here is a local fault: exit 2. Remote faults never stop the daemon. */
#ifndef SUPERVISOR_STARTUP_H
#define SUPERVISOR_STARTUP_H

#include "supervisor/catalog.h"
#include "supervisor/supervisor.h"

/* Takes over the catalogue: locks, directories, ledger, sockets, records. */
int startup(struct supervisor *supervisor, const char *config_path, struct catalog *catalog, struct error *err);
/* Ends all of it; workers are gone already, or are killed. */
void shutdown_all(struct supervisor *supervisor);
/* Puts back what the ledger holds: restore.c. */
int restore_from_ledger(struct supervisor *supervisor, struct error *err);

#endif
