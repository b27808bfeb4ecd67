/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_open.c: opens the ledger's file, checks it, and replaces one that is damaged.
 * Runs in: supervisor, main thread, before the writing thread starts. Owns: names in the state directory.
 *
 * A damaged ledger is moved aside, never deleted. Its successor is made beside it, whole, with the rows that say what
 * was lost, and then takes its name: were the rows written later, a crash in between would leave an empty ledger that
 * looks like a new one, and grants would go out while launches that nobody remembers may still be under way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/text.h"
#include "supervisor/ledger_private.h"

#define PATH_ROOM 420

static const char *const companions[] = {"-wal", "-shm"};

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
        return sound ? 1 : 0;
    return error_set(err, ERROR_LOCAL, "ledger: %s", sqlite3_errmsg(database));
}

/* For its owner alone (case B54); the files that SQLite puts beside it get the same rights. A file that cannot be made
 * or changed here is SQLite's to complain of. */
static void keep_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return;
    (void)!fchmod(fd, 0600);
    close(fd);
}

/* As above; the database stays open only when it is sound. */
static int open_checked(struct ledger *ledger, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int sound = -1;

    keep_private(ledger->path);
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

/* ---- names ---- */

static int name_beside(const struct ledger *ledger, const char *ending, char *out, struct error *err)
{
    if (text_format(out, PATH_ROOM, "%s%s", ledger->path, ending) == 0)
        return 0;
    return error_set(err, ERROR_LOCAL, "ledger: its path is too long");
}

static bool exists(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0;
}

static int rename_if_there(const char *from, const char *to, struct error *err)
{
    if (rename(from, to) == 0 || errno == ENOENT)
        return 0;
    return error_set_errno(err, ERROR_LOCAL, "moving %s to %s", from, to);
}

/* Renames outlive a power cut only when their directory is synced. */
static void sync_directory(const struct ledger *ledger)
{
    char path[PATH_ROOM];

    text_copy(path, sizeof path, ledger->path);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    int directory = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
}

/* ---- the successor ---- */

static int make_successor(const char *path, struct error *err)
{
    static const char lost[] = "INSERT INTO meta VALUES ('rebuilt', 'yes'), ('spend-unknown', 'yes')";
    char journal[PATH_ROOM + 16];
    sqlite3 *database = NULL;
    int result;

    text_format(journal, sizeof journal, "%s-journal", path);
    unlink(journal);
    unlink(path); /* of a start that ended before it could be used */
    if (sqlite3_open(path, &database) != SQLITE_OK)
        result = error_set(err, ERROR_LOCAL, "%s: %s", path, sqlite3_errmsg(database));
    else
        result = ledger_migrate(database, err) == 0 && run(database, lost, err) == 0 ? 0 : -1;
    sqlite3_close(database);
    return result;
}

/* The damaged file's companions go with it: a WAL that stayed would be taken for the successor's. */
static int move_aside(const struct ledger *ledger, char *aside, size_t size, struct error *err)
{
    char stamp[40], from[PATH_ROOM], to[PATH_ROOM];

    wall_format(clock_wall(), stamp, sizeof stamp);
    if (text_format(aside, size, "%s.damaged-%s", ledger->path, stamp) != 0)
        return error_set(err, ERROR_LOCAL, "ledger: its path is too long");
    if (rename_if_there(ledger->path, aside, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++)
        if (name_beside(ledger, companions[i], from, err) != 0 ||
            text_format(to, sizeof to, "%s%s", aside, companions[i]) != 0 || rename_if_there(from, to, err) != 0)
            return -1;
    return 0;
}

static int replace_damaged(struct ledger *ledger, const char *successor, char *aside, size_t aside_size,
                           struct error *err)
{
    if (make_successor(successor, err) != 0)
        return -1;
    CRASH_POINT(supervisor_before_aside);
    if (move_aside(ledger, aside, aside_size, err) != 0)
        return -1;
    CRASH_POINT(supervisor_after_aside);
    if (rename_if_there(successor, ledger->path, err) != 0)
        return -1;
    sync_directory(ledger);
    int sound = open_checked(ledger, err);
    if (sound == 0)
        return error_set(err, ERROR_LOCAL, "%s: a new ledger is damaged at once", ledger->path);
    return sound == 1 ? 0 : -1;
}

/* A start that ended between the two renames left a successor and no ledger. */
static int finish_replacing(struct ledger *ledger, const char *successor, char *aside, size_t aside_size,
                            enum ledger_start *start, struct error *err)
{
    if (exists(ledger->path) || !exists(successor))
        return 0;
    *start = LEDGER_DAMAGED;
    if (move_aside(ledger, aside, aside_size, err) != 0) /* companions only */
        return -1;
    return rename_if_there(successor, ledger->path, err);
}

int ledger_open_file(struct ledger *ledger, enum ledger_start *start, char *aside, size_t aside_size, struct error *err)
{
    char successor[PATH_ROOM];

    *start = exists(ledger->path) ? LEDGER_KEPT : LEDGER_NEW;
    if (name_beside(ledger, ".successor", successor, err) != 0 ||
        finish_replacing(ledger, successor, aside, aside_size, start, err) != 0)
        return -1;
    int sound = open_checked(ledger, err);
    if (sound < 0)
        return -1;
    if (sound == 0) {
        *start = LEDGER_DAMAGED;
        if (replace_damaged(ledger, successor, aside, aside_size, err) != 0)
            return -1;
    } else {
        unlink(successor); /* never needed */
    }
    return ledger_migrate(ledger->database, err);
}
