/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_private.h: the inside of struct ledger, for ledger*.c only.
 * Runs in: supervisor, main thread and the ledger's thread. A batch belongs to one of them at a time. */
#ifndef SUPERVISOR_LEDGER_PRIVATE_H
#define SUPERVISOR_LEDGER_PRIVATE_H

#include <pthread.h>
#include <signal.h>

#include "supervisor/ledger.h"
#include "supervisor/ledger_schema.h"

struct ledger_value {
    char *text; /* NULL: it is the number */
    int64_t number;
};

struct ledger_change {
    enum ledger_statement statement;
    int count;
    struct ledger_value values[LEDGER_MOST_VALUES];
};

struct ledger_batch {
    struct ledger_change *changes;
    size_t count, room;
    uint64_t ticket;
};

enum ledger_backup_state { BACKUP_NONE, BACKUP_ASKED, BACKUP_RUNNING, BACKUP_ENDED };

struct ledger_backup {
    enum ledger_backup_state state; /* below the ledger's `lock`; the rest is the thread's while asked or running */
    char path[512], partial[520];
    char problem[256];
    sqlite3 *copy;
    sqlite3_backup *run;
};

struct ledger {
    char path[300];
    sqlite3 *database;
    sqlite3_stmt *prepared[LEDGER_STATEMENT_COUNT];
    int event_fd;
    bool started;
    pthread_t thread;
    struct ledger_batch gathering; /* the main loop's */
    struct ledger_batch writing;   /* the thread's while busy */
    uint64_t next_ticket;          /* of `gathering`; the main loop's */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool busy, ending, abandon; /* below `lock` from here */
    uint64_t acknowledged;
    char problem[256];
    struct ledger_backup backup;
};

/* Opens the file, or its successor if it is damaged, and brings its tables up to date. */
int ledger_open_file(struct ledger *ledger, enum ledger_start *start, char *aside, size_t aside_size,
                     struct error *err);
/* The thread's part of a backup: is there one (below `lock`), one step of it, and its end with the daemon. */
bool ledger_backup_waits(const struct ledger *ledger);
void ledger_backup_step(struct ledger *ledger);
void ledger_backup_abandon(struct ledger *ledger);

void ledger_batch_free(struct ledger_batch *batch); /* keeps its ticket */

#endif
