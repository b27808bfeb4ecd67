/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.c: the ledger and the thread that writes it.
 * Runs in: supervisor. The thread owns the database handle after ledger_start; main loop and thread share only the
 * fields below `lock`. The file is opened in ledger_open.c, changes are made in ledger_change.c, rows are read at start
 * in ledger_load.c, copies are made in ledger_backup.c. */
#include "supervisor/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/crash.h"
#include "common/text.h"
#include "supervisor/ledger_private.h"

/* ---- opening ---- */

int ledger_open(struct ledger **out, const char *state_dir, enum ledger_start *start, char *aside, size_t aside_size,
                struct error *err)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (!ledger)
        return error_set(err, ERROR_LOCAL, "ledger: no memory");
    ledger->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ledger->next_ticket = 1;
    pthread_mutex_init(&ledger->lock, NULL);
    pthread_cond_init(&ledger->changed, NULL);
    if (ledger->event_fd >= 0 && text_format(ledger->path, sizeof ledger->path, "%s/ledger.db", state_dir) == 0 &&
        ledger_open_file(ledger, start, aside, aside_size, err) == 0) {
        *out = ledger;
        return 0;
    }
    ledger_close(&ledger, SPAN_SECONDS(0));
    return -1;
}

/* ---- the writing thread ---- */

static int bind_value(sqlite3_stmt *statement, int at, const struct ledger_value *value)
{
    if (value->text)
        return sqlite3_bind_text(statement, at, value->text, -1, SQLITE_STATIC);
    return sqlite3_bind_int64(statement, at, value->number);
}

static int write_change(struct ledger *ledger, const struct ledger_change *change)
{
    sqlite3_stmt **statement = &ledger->prepared[change->statement];
    int result = SQLITE_OK;

    if (!*statement)
        result = sqlite3_prepare_v3(ledger->database, ledger_sql(change->statement), -1, SQLITE_PREPARE_PERSISTENT,
                                    statement, NULL);
    for (int i = 0; result == SQLITE_OK && i < change->count; i++)
        result = bind_value(*statement, i + 1, &change->values[i]);
    if (result == SQLITE_OK)
        result = sqlite3_step(*statement);
    if (*statement)
        sqlite3_reset(*statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int write_batch(struct ledger *ledger, const struct ledger_batch *batch)
{
    CRASH_POINT(supervisor_before_begin);
    int result = sqlite3_exec(ledger->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t i = 0; result == SQLITE_OK && i < batch->count; i++)
        result = write_change(ledger, &batch->changes[i]);
    CRASH_POINT(supervisor_before_commit);
    if (result == SQLITE_OK)
        result = sqlite3_exec(ledger->database, "COMMIT", NULL, NULL, NULL);
    CRASH_POINT(supervisor_after_commit);
    if (result != SQLITE_OK && !sqlite3_get_autocommit(ledger->database))
        sqlite3_exec(ledger->database, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

static void set_problem(struct ledger *ledger, const char *text)
{
    pthread_mutex_lock(&ledger->lock);
    text_copy(ledger->problem, sizeof ledger->problem, text);
    pthread_mutex_unlock(&ledger->lock);
    eventfd_write(ledger->event_fd, 1);
}

static void wait_a_second(struct ledger *ledger)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&ledger->lock);
    if (!ledger->abandon)
        pthread_cond_timedwait(&ledger->changed, &ledger->lock, &until);
    pthread_mutex_unlock(&ledger->lock);
}

/* Until it is written, or the daemon ends without it. */
static bool insist(struct ledger *ledger)
{
    bool abandoned = false;

    while (!abandoned && write_batch(ledger, &ledger->writing) != SQLITE_OK) {
        set_problem(ledger, sqlite3_errmsg(ledger->database));
        wait_a_second(ledger);
        pthread_mutex_lock(&ledger->lock);
        abandoned = ledger->abandon;
        pthread_mutex_unlock(&ledger->lock);
    }
    return !abandoned;
}

/* The batch that was handed over; false: the daemon ends without it. */
static bool write_handed_over(struct ledger *ledger)
{
    if (!insist(ledger))
        return false;
    ledger_batch_free(&ledger->writing);
    pthread_mutex_lock(&ledger->lock);
    ledger->busy = false;
    ledger->acknowledged = ledger->writing.ticket;
    ledger->problem[0] = '\0';
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->lock);
    eventfd_write(ledger->event_fd, 1);
    return true;
}

/* Batches, and between them a backup's steps. */
static void *write_for_ever(void *context)
{
    struct ledger *ledger = context;
    bool going_on = true;

    while (going_on) {
        pthread_mutex_lock(&ledger->lock);
        while (!ledger->busy && !ledger->ending && !ledger_backup_waits(ledger))
            pthread_cond_wait(&ledger->changed, &ledger->lock);
        bool work = ledger->busy;
        going_on = work || !ledger->ending;
        pthread_mutex_unlock(&ledger->lock);
        if (work)
            going_on = write_handed_over(ledger);
        if (going_on)
            ledger_backup_step(ledger);
    }
    ledger_backup_abandon(ledger);
    return NULL;
}

int ledger_start(struct ledger *ledger, struct error *err)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&ledger->thread, NULL, write_for_ever, ledger);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return error_set(err, ERROR_LOCAL, "ledger: cannot start its thread: %s", strerror(result));
    ledger->started = true;
    return 0;
}

/* ---- what the main loop calls ---- */

uint64_t ledger_ticket(const struct ledger *ledger)
{
    return ledger->next_ticket;
}

void ledger_submit(struct ledger *ledger)
{
    if (ledger->gathering.count == 0)
        return;
    pthread_mutex_lock(&ledger->lock);
    if (!ledger->busy) {
        ledger->writing = ledger->gathering;
        ledger->writing.ticket = ledger->next_ticket++;
        ledger->busy = true;
        ledger->gathering = (struct ledger_batch){0};
        pthread_cond_broadcast(&ledger->changed);
    }
    pthread_mutex_unlock(&ledger->lock);
}

uint64_t ledger_acknowledged(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    uint64_t ticket = ledger->acknowledged;
    pthread_mutex_unlock(&ledger->lock);
    return ticket;
}

int ledger_fd(const struct ledger *ledger)
{
    return ledger->event_fd;
}

void ledger_clear_fd(struct ledger *ledger)
{
    eventfd_t ignored;

    eventfd_read(ledger->event_fd, &ignored);
}

bool ledger_problem(struct ledger *ledger, char *out, size_t size)
{
    pthread_mutex_lock(&ledger->lock);
    text_copy(out, size, ledger->problem);
    pthread_mutex_unlock(&ledger->lock);
    return *out != '\0';
}

/* Waits until the thread is free or the time is up. */
static void wait_until_free(struct ledger *ledger, const struct timespec *until)
{
    pthread_mutex_lock(&ledger->lock);
    while (ledger->busy)
        if (pthread_cond_timedwait(&ledger->changed, &ledger->lock, until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&ledger->lock);
}

static void end_thread(struct ledger *ledger, struct span limit)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += limit.us / 1000000 + 1;
    wait_until_free(ledger, &until);
    ledger_submit(ledger);
    wait_until_free(ledger, &until);
    pthread_mutex_lock(&ledger->lock);
    ledger->ending = true;
    ledger->abandon = true;
    pthread_cond_broadcast(&ledger->changed);
    pthread_mutex_unlock(&ledger->lock);
    pthread_join(ledger->thread, NULL);
}

void ledger_close(struct ledger **ledger, struct span limit)
{
    struct ledger *it = *ledger;

    if (!it)
        return;
    if (it->started)
        end_thread(it, limit);
    for (int i = 0; i < LEDGER_STATEMENT_COUNT; i++)
        sqlite3_finalize(it->prepared[i]);
    sqlite3_close(it->database);
    ledger_batch_free(&it->gathering);
    ledger_batch_free(&it->writing);
    if (it->event_fd >= 0)
        close(it->event_fd);
    pthread_cond_destroy(&it->changed);
    pthread_mutex_destroy(&it->lock);
    free(it);
    *ledger = NULL;
}
