/* SPDX-License-Identifier: MPL-2.0 */
/* rebuild.h: how much the ledger is believed. It may be of a first start, or look so because its file was deleted; it
 * may have been lost (damaged, deleted) or be an older backup: then launches may be under way that nobody remembers,
 * and what runs is adopted from its tags. Runs in: supervisor, main thread. Owns: `first_start` and `rebuilt` of struct
 * supervisor, and their rows in the ledger, whose times outlive restarts: a daemon that is killed again and again waits
 * one grace, not one grace a life. */
#ifndef SUPERVISOR_REBUILD_H
#define SUPERVISOR_REBUILD_H

#include "supervisor/supervisor.h"

/* The ledger's rows were loaded: what is believed, before anything is granted. */
void rebuild_begin(struct supervisor *supervisor);
/* An instance of this deployment that nothing here knew: with a ledger that looks new, this one was lost. */
void rebuild_saw(struct supervisor *supervisor, const struct instance *instance);
/* Ends what is over. */
void rebuild_step(struct supervisor *supervisor);
/* Nothing is granted anywhere now. A first start waits for all regions, but for a dark one no longer than
 * three polls; a lost ledger for all regions, listed after one grace, or an operator's word. */
bool rebuild_holds(const struct supervisor *supervisor);

#endif
