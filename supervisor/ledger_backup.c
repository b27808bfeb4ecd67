/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_backup.c: an online copy of the ledger, some pages at a time between the batches.
 * Runs in: supervisor; ledger_backup and ledger_backup_ended on the main thread, the rest on the ledger's thread.
 * Owns: the copy until it has its name. It gets that only when it is whole and synced, and never that of a file which
 * is there already: who may ask for a backup may not overwrite what the daemon may write. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/text.h"
#include "supervisor/ledger_private.h"

#define PAGES_A_STEP 256

/* ---- main thread ---- */

int ledger_backup(struct ledger *ledger, const char *path, struct error *err)
{
    struct ledger_backup *backup = &ledger->backup;
    int result = 0;

    if (*path != '/')
        return error_set(err, ERROR_INPUT, "a backup needs an absolute path");
    if (access(path, F_OK) == 0)
        return error_set(err, ERROR_INPUT, "%s is there already: a backup never replaces a file", path);
    pthread_mutex_lock(&ledger->lock);
    if (backup->state != BACKUP_NONE)
        result = error_set(err, ERROR_INPUT, "another backup, to %s, is under way", backup->path);
    else if (text_copy(backup->path, sizeof backup->path, path) != 0 ||
             text_format(backup->partial, sizeof backup->partial, "%s.partial", path) != 0)
        result = error_set(err, ERROR_INPUT, "the path is too long");
    else
        backup->state = BACKUP_ASKED;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->lock);
    return result;
}

bool ledger_backup_ended(struct ledger *ledger, char *problem, size_t size)
{
    pthread_mutex_lock(&ledger->lock);
    bool ended = ledger->backup.state == BACKUP_ENDED;
    if (ended) {
        text_copy(problem, size, ledger->backup.problem);
        ledger->backup.state = BACKUP_NONE;
    }
    pthread_mutex_unlock(&ledger->lock);
    return ended;
}

/* ---- the ledger's thread ---- */

bool ledger_backup_waits(const struct ledger *ledger)
{
    return ledger->backup.state == BACKUP_ASKED || ledger->backup.state == BACKUP_RUNNING;
}

static void set_state(struct ledger *ledger, enum ledger_backup_state state)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->backup.state = state;
    pthread_mutex_unlock(&ledger->lock);
    if (state == BACKUP_ENDED)
        eventfd_write(ledger->event_fd, 1);
}

static void close_copy(struct ledger_backup *backup)
{
    sqlite3_backup_finish(backup->run);
    sqlite3_close(backup->copy);
    backup->run = NULL;
    backup->copy = NULL;
}

static void fail(struct ledger *ledger, const char *problem)
{
    struct ledger_backup *backup = &ledger->backup;

    text_format(backup->problem, sizeof backup->problem, "%.200s", problem);
    close_copy(backup);
    unlink(backup->partial);
    set_state(ledger, BACKUP_ENDED);
}

static void begin(struct ledger *ledger)
{
    struct ledger_backup *backup = &ledger->backup;

    CRASH_POINT(supervisor_before_backup);
    backup->problem[0] = '\0';
    unlink(backup->partial); /* of a daemon that ended while it wrote it */
    int file = open(backup->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        char problem[64];
        fail(ledger, strerror_r(errno, problem, sizeof problem));
        return;
    }
    close(file);
    if (sqlite3_open(backup->partial, &backup->copy) == SQLITE_OK)
        backup->run = sqlite3_backup_init(backup->copy, "main", ledger->database, "main");
    if (backup->run)
        set_state(ledger, BACKUP_RUNNING);
    else
        fail(ledger, sqlite3_errmsg(backup->copy));
}

/* One file without companions, that says of itself that it is a copy. */
static int seal(struct ledger_backup *backup)
{
    char *sql = sqlite3_mprintf("PRAGMA journal_mode = DELETE; INSERT OR REPLACE INTO meta VALUES ('backup', '%lld');",
                                (long long)clock_wall().ms);
    int result = sql ? sqlite3_exec(backup->copy, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

    sqlite3_free(sql);
    return result;
}

static void finish(struct ledger *ledger)
{
    struct ledger_backup *backup = &ledger->backup;
    int result = sqlite3_backup_finish(backup->run);

    backup->run = NULL;
    if (result == SQLITE_OK)
        result = seal(backup);
    if (result != SQLITE_OK) {
        fail(ledger, sqlite3_errmsg(backup->copy));
        return;
    }
    close_copy(backup);
    CRASH_POINT(supervisor_after_backup);
    if (link(backup->partial, backup->path) != 0) { /* unlike rename, it replaces nothing */
        char problem[64];
        fail(ledger, strerror_r(errno, problem, sizeof problem));
        return;
    }
    unlink(backup->partial);
    set_state(ledger, BACKUP_ENDED);
}

void ledger_backup_step(struct ledger *ledger)
{
    struct ledger_backup *backup = &ledger->backup;

    pthread_mutex_lock(&ledger->lock);
    enum ledger_backup_state state = backup->state;
    pthread_mutex_unlock(&ledger->lock);
    if (state == BACKUP_ASKED) {
        begin(ledger);
    } else if (state == BACKUP_RUNNING) {
        int result = sqlite3_backup_step(backup->run, PAGES_A_STEP);
        if (result == SQLITE_DONE)
            finish(ledger);
        else if (result != SQLITE_OK)
            fail(ledger, sqlite3_errstr(result));
    }
}

void ledger_backup_abandon(struct ledger *ledger)
{
    if (ledger_backup_waits(ledger))
        fail(ledger, "the daemon ended");
}
