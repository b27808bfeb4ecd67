/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.h: what must survive a crash, in one SQLite file: grants before they are sent, instances, revisions, spend,
 * breakers, proven specifications, events. WAL, synchronous=FULL, one writer: a thread of its own, so that the main
 * loop never waits for a disk. Runs in: supervisor. Owns: the database handle, the thread, and changes not yet
 * committed.
 *
 * The main loop adds changes during a turn and calls ledger_submit() once at its end: all of them become one
 * transaction. While the thread is at one batch, further changes gather in the next. A change is durable when
 * ledger_acknowledged() has reached the ticket that ledger_ticket() gave when it was added; ledger_fd() becomes
 * readable then. A commit that fails (disk full, read-only) is tried again every second for ever; ledger_problem()
 * says so, and the caller stops granting. No secret is ever stored: they are derived. */
#ifndef SUPERVISOR_LEDGER_H
#define SUPERVISOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "supervisor/breaker.h"
#include "supervisor/budget.h"
#include "supervisor/fleet.h"

struct ledger;

/* What became of the file at start. */
enum ledger_start { LEDGER_KEPT, LEDGER_NEW, LEDGER_DAMAGED /* moved aside: `aside` says where */ };

/* Opens <state_dir>/ledger.db, checks its integrity, brings its schema up to date. A file of a newer schema is an
 * error, a damaged one is moved aside, never deleted; its successor says "rebuilt" and "spend-unknown" in its meta rows
 * before it takes the name, so that a crash on the way forgets neither. */
int ledger_open(struct ledger **out, const char *state_dir, enum ledger_start *start, char *aside, size_t aside_size,
                struct error *err);

/* What ledger_load hands over, row by row; pointers are valid during the call only. */
struct ledger_reader {
    void (*meta)(void *context, const char *key, const char *value);
    void (*lease)(void *context, const struct lease *lease, struct wall quiet); /* open ones; times are not set */
    void (*highest_grant)(void *context, const char *type, int64_t grant);
    void (*instance)(void *context, const struct instance *instance, const char *type); /* `launched` is not set */
    void (*revision)(void *context, const char *type, int64_t revision, const char *hash,
                     bool forced);                                                    /* the newest of each type */
    void (*set)(void *context, const char *name, int64_t revision, const char *hash); /* the newest of each set */
    void (*dry_run)(void *context, const char *type, const char *hash);
    void (*spec)(void *context, const char *type, const char *hash, const char *how);
    void (*day)(void *context, const struct budget_day *day); /* the newest */
    void (*breaker)(void *context, const struct breaker_entry *entry, struct wall since, struct wall until);
    void (*event)(void *context, int64_t sequence, struct wall at, const char *kind, const char *type,
                  const char *region, const char *text); /* the last ones, oldest first */
};
int ledger_load(struct ledger *ledger, const struct ledger_reader *reader, void *context, struct error *err);

/* Reads revisions of a type (or of an AMI set) while the ledger is in use, newest first, by a handle of its own that
 * only reads: what was added a moment ago may not be there yet. `revision` 0: all; else that one. */
struct ledger_revision {
    int64_t revision;
    const char *hash, *document, *who;
    struct wall applied;
    bool forced;
};
typedef void ledger_revision_function(void *context, const struct ledger_revision *revision);
int ledger_revisions(const struct ledger *ledger, bool is_set, const char *name, int64_t revision,
                     ledger_revision_function *function, void *context, struct error *err);

/* Starts the writing thread; from here on the handle is the thread's. */
int ledger_start(struct ledger *ledger, struct error *err);

uint64_t ledger_ticket(const struct ledger *ledger); /* of the changes that are added now */
void ledger_submit(struct ledger *ledger);           /* hands over what was added, if the thread is free */
uint64_t ledger_acknowledged(struct ledger *ledger);
int ledger_fd(const struct ledger *ledger);
void ledger_clear_fd(struct ledger *ledger);
/* Copies what is wrong, "" if nothing; returns true when something is. */
bool ledger_problem(struct ledger *ledger, char *out, size_t size);
/* Begins a copy of everything into a new file `path`, absolute, made by the thread between its batches; one at a time.
 * The copy says "backup" in its meta rows: who restores it knows that newer grants are not in it. -1: not now. */
int ledger_backup(struct ledger *ledger, const char *path, struct error *err);
/* True once after each backup's end; `problem` "": the file is there, whole and synced. */
bool ledger_backup_ended(struct ledger *ledger, char *problem, size_t size);
/* Commits what was added if that is done within the limit, then ends the thread. NULL-safe. */
void ledger_close(struct ledger **ledger, struct span limit);

/* ---- changes: all are copied ---- */

void ledger_put_meta(struct ledger *ledger, const char *key, const char *value);
void ledger_remove_meta(struct ledger *ledger, const char *key);
/* `quiet`: nobody can have been at it since then; 0: somebody may be. */
void ledger_put_lease(struct ledger *ledger, const struct lease *lease, struct wall now, struct wall send_by,
                      struct wall quiet);
void ledger_end_lease(struct ledger *ledger, int64_t grant, const char *how, struct wall now);
void ledger_put_instance(struct ledger *ledger, const struct instance *instance);
void ledger_remove_instance(struct ledger *ledger, const char *id);
void ledger_put_revision(struct ledger *ledger, const char *type, int64_t revision, const char *hash,
                         const char *document, struct wall now, const char *who, bool forced);
void ledger_put_set(struct ledger *ledger, const char *name, int64_t revision, const char *hash, const char *document,
                    struct wall now, const char *who, bool forced);
void ledger_put_dry_run(struct ledger *ledger, const char *type, const char *hash, struct wall now);
void ledger_put_spec(struct ledger *ledger, const char *type, const char *hash, const char *how, struct wall now);
void ledger_put_day(struct ledger *ledger, const struct budget_day *day);
void ledger_clear_breakers(struct ledger *ledger); /* before putting all of them anew */
void ledger_put_breaker(struct ledger *ledger, const struct breaker_entry *entry, struct wall since, struct wall until);
void ledger_put_event(struct ledger *ledger, int64_t sequence, struct wall at, const char *kind, const char *type,
                      const char *region, const char *text);
/* Drops events and ended grants that are old. */
void ledger_prune(struct ledger *ledger, int64_t last_event, struct wall now);

#endif
