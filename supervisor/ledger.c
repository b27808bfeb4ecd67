/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.c: opens the ledger, and the thread that writes it.
 * Runs in: supervisor. The thread owns the database handle after ledger_start; main loop and thread share only the
 * fields below `lock`. Changes are made in ledger_change.c, rows are read at start in ledger_load.c. */
#include "supervisor/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/ledger_private.h"

/* ---- opening ---- */

static int run(sqlite3 *database, const char *sql, struct error *err)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return error_set(err, ERROR_LOCAL, "ledger: %s", sqlite3_errmsg(database));
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* 1: sound, 0: damaged, -1: cannot be told. */
static int check_integrity(sqlite3 *database, struct error *err)
{
    sqlite3_stmt *query = NULL;
    int result = sqlite3_prepare_v2(database, "PRAGMA integrity_check(1)", -1, &query, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(query);
    bool sound = result == SQLITE_ROW && text_equal((const char *)sqlite3_column_text(query, 0), "ok");
    sqlite3_finalize(query);
    if (result == SQLITE_ROW || is_damage(result))
        return sound;
    return error_set(err, ERROR_LOCAL, "ledger: %s", sqlite3_errmsg(database));
}

/* As above; the database stays open only when it is sound. */
static int open_file(struct ledger *ledger, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int sound = -1;

    if (sqlite3_open_v2(ledger->path, &ledger->database, flags, NULL) != SQLITE_OK) {
        error_set(err, ERROR_LOCAL, "%s: %s", ledger->path, sqlite3_errmsg(ledger->database));
    } else {
        sqlite3_busy_timeout(ledger->database, 1000);
        sound = check_integrity(ledger->database, err);
        if (sound == 1 && run(ledger->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err) != 0)
            sound = is_damage(sqlite3_errcode(ledger->database)) ? 0 : -1;
    }
    if (sound != 1) {
        sqlite3_close(ledger->database);
        ledger->database = NULL;
    }
    return sound;
}

static int move_aside(const struct ledger *ledger, char *aside, size_t size, struct error *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char stamp[40], from[400], to[400];

    wall_format(clock_wall(), stamp, sizeof stamp);
    if (text_format(aside, size, "%s.damaged-%s", ledger->path, stamp) != 0)
        return error_set(err, ERROR_LOCAL, "ledger: its path is too long");
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (text_format(from, sizeof from, "%s%s", ledger->path, endings[i]) != 0 ||
            text_format(to, sizeof to, "%s%s", aside, endings[i]) != 0)
            return error_set(err, ERROR_LOCAL, "ledger: its path is too long");
        if (rename(from, to) != 0 && errno != ENOENT)
            return error_set_errno(err, ERROR_LOCAL, "moving %s aside", from);
    }
    return 0;
}

static int open_or_replace(struct ledger *ledger, enum ledger_start *start, char *aside, size_t aside_size,
                           struct error *err)
{
    struct stat there;

    *start = stat(ledger->path, &there) == 0 ? LEDGER_KEPT : LEDGER_NEW;
    int sound = open_file(ledger, err);
    if (sound == 0) {
        *start = LEDGER_DAMAGED;
        if (move_aside(ledger, aside, aside_size, err) != 0)
            return -1;
        sound = open_file(ledger, err);
    }
    if (sound == 0)
        return error_set(err, ERROR_LOCAL, "%s: a new ledger is damaged at once", ledger->path);
    return sound == 1 ? 0 : -1;
}

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
        open_or_replace(ledger, start, aside, aside_size, err) == 0 && ledger_migrate(ledger->database, err) == 0) {
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
    int result = sqlite3_exec(ledger->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t i = 0; result == SQLITE_OK && i < batch->count; i++)
        result = write_change(ledger, &batch->changes[i]);
    if (result == SQLITE_OK)
        result = sqlite3_exec(ledger->database, "COMMIT", NULL, NULL, NULL);
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

static void *write_for_ever(void *context)
{
    struct ledger *ledger = context;

    for (;;) {
        pthread_mutex_lock(&ledger->lock);
        while (!ledger->busy && !ledger->ending)
            pthread_cond_wait(&ledger->changed, &ledger->lock);
        bool work = ledger->busy;
        pthread_mutex_unlock(&ledger->lock);
        if (!work || !insist(ledger))
            return NULL;
        ledger_batch_free(&ledger->writing);
        pthread_mutex_lock(&ledger->lock);
        ledger->busy = false;
        ledger->acknowledged = ledger->writing.ticket;
        ledger->problem[0] = '\0';
        pthread_cond_broadcast(&ledger->changed);
        pthread_mutex_unlock(&ledger->lock);
        eventfd_write(ledger->event_fd, 1);
    }
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
