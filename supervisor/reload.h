/* SPDX-License-Identifier: MPL-2.0 */
/* reload.h: brings definitions and settings from the files into what runs, all of them or none.
 * Runs in: supervisor, main thread. Owns: the definitions in the type records, sup->config.
 * Every definition that is applied is a revision with a number of its own, kept in the ledger for ever. */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

#include "supervisor/catalog.h"
#include "supervisor/supervisor.h"

/* Takes over the definitions of a catalogue: new types begin, changed ones get a new revision and restart, those that
 * are gone stop and their instances are left alone. Says in `text` how many. */
void reload_apply(struct supervisor *supervisor, struct catalog *catalog, char *text, size_t size);
/* Reads everything anew. -1: nothing was changed, *err says why; the configuration problem and its alarm stand. */
int reload_all(struct supervisor *supervisor, char *text, size_t size, struct error *err);
/* Reads one type's file anew, because its process asked for it or an operator did. An invalid file keeps the old
 * definition, with an alarm. */
void reload_type(struct supervisor *supervisor, struct type_record *type);
/* A definition that an operator applied: live at once. Takes it over; returns its revision. */
int64_t reload_apply_one(struct supervisor *supervisor, struct definition **definition, const char *who, bool forced);
/* A revision of the ledger counts instead of the newest one. Takes the definition over. */
void reload_go_back(struct supervisor *supervisor, struct type_record *type, struct definition *definition,
                    int64_t revision, bool forced);
/* SIGHUP is a level: one reload a second at most, however many signals came (case B57). */
void reload_if_asked(struct supervisor *supervisor);
struct mono reload_deadline(const struct supervisor *supervisor);

#endif
