/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_private.h: the inside of struct ledger, for ledger.c, ledger_change.c and ledger_load.c only.
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
};

void ledger_batch_free(struct ledger_batch *batch); /* keeps its ticket */

#endif
