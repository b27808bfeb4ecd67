/* SPDX-License-Identifier: MPL-2.0 */
/* amisets.h: the AMI sets that are live, their revisions, and which types a change of one touches.
 * Runs in: supervisor, main thread. Owns: supervisor->sets. Nothing is ever overwritten: each applied set is a
 * revision in the ledger. */
#ifndef SUPERVISOR_AMISETS_H
#define SUPERVISOR_AMISETS_H

#include "supervisor/supervisor.h"

/* Takes over a set: a changed one becomes a revision, and an event says which types it touches. `set` is emptied. */
void amisets_take(struct supervisor *supervisor, struct amiset **set, const char *who, bool forced);
struct set_record *amisets_find(struct supervisor *supervisor, const char *name, bool make);
/* "alpha, beta": the defined types that name the set, at most some; returns how many. */
size_t amisets_touched(const struct supervisor *supervisor, const char *name, char *out, size_t size);
void amisets_clear(struct supervisor *supervisor);

#endif
