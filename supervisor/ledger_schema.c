/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_schema.c: the ledger's tables and statements as two tables of text.
 * Runs in: supervisor. Touches the database only in ledger_migrate, before the writing thread starts.
 * A change of the tables is a new element of `migrations`; the old ones are never edited: files in the field are at
 * every version. Money is in micro-dollars, times are milliseconds UTC: the monotonic clock does not outlive a boot. */
#include "supervisor/ledger_schema.h"

#include <stddef.h>

#include "common/crash.h"

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE grants (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
    " region TEXT NOT NULL, zone TEXT NOT NULL, instance_type TEXT NOT NULL, market TEXT NOT NULL,"
    " count INTEGER NOT NULL, capacity INTEGER NOT NULL, max_price INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " spec_hash TEXT NOT NULL, subnet TEXT NOT NULL, state TEXT NOT NULL, generation INTEGER NOT NULL,"
    " doubtful INTEGER NOT NULL, granted INTEGER NOT NULL, send_by INTEGER NOT NULL, ended INTEGER, how TEXT);"
    "CREATE INDEX grants_open ON grants (number) WHERE ended IS NULL;"
    "CREATE INDEX grants_by_type ON grants (type, number);"
    "CREATE TABLE instances (id TEXT PRIMARY KEY, type TEXT NOT NULL, region TEXT NOT NULL, zone TEXT NOT NULL,"
    " instance_type TEXT NOT NULL, market TEXT NOT NULL, grant_number INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " capacity INTEGER NOT NULL, token TEXT NOT NULL, spec_hash TEXT NOT NULL, image TEXT NOT NULL,"
    " incarnation TEXT NOT NULL, max_price INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,"
    " launched INTEGER NOT NULL, listed INTEGER NOT NULL, judged INTEGER NOT NULL, worked INTEGER NOT NULL,"
    " condemned INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE revisions (type TEXT NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL,"
    " document TEXT NOT NULL, applied INTEGER NOT NULL, PRIMARY KEY (type, revision));"
    "CREATE TABLE spend (began INTEGER PRIMARY KEY, ends INTEGER NOT NULL, spent INTEGER NOT NULL,"
    " accrued_to INTEGER NOT NULL);"
    "CREATE TABLE events (sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL,"
    " region TEXT NOT NULL, text TEXT NOT NULL);",
    /* 2 */
    "CREATE TABLE breakers (scope TEXT NOT NULL, failure TEXT NOT NULL, type TEXT NOT NULL, region TEXT NOT NULL,"
    " zone TEXT NOT NULL, instance_type TEXT NOT NULL, market TEXT NOT NULL, spec_hash TEXT NOT NULL,"
    " subnet TEXT NOT NULL, quota_class TEXT NOT NULL, price_at_most INTEGER NOT NULL, quarantine INTEGER NOT NULL,"
    " code TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, delay_us INTEGER NOT NULL,"
    " failures INTEGER NOT NULL);"
    "CREATE TABLE specs (type TEXT NOT NULL, hash TEXT NOT NULL, how TEXT NOT NULL, proven INTEGER NOT NULL,"
    " PRIMARY KEY (type, hash)) WITHOUT ROWID;",
    /* 3 */
    "ALTER TABLE revisions ADD COLUMN who TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE revisions ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE sets (name TEXT NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL,"
    " applied INTEGER NOT NULL, who TEXT NOT NULL, forced INTEGER NOT NULL, PRIMARY KEY (name, revision));"
    "CREATE TABLE dry_runs (type TEXT NOT NULL, hash TEXT NOT NULL, passed INTEGER NOT NULL,"
    " PRIMARY KEY (type, hash)) WITHOUT ROWID;",
    /* 4 */
    "ALTER TABLE grants ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;"};

#define VERSION ((int)(sizeof migrations / sizeof migrations[0]))

/* A change names its statement and gives the values in this order. */
static const char *const statements[LEDGER_STATEMENT_COUNT] = {
    [LEDGER_PUT_META] = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [LEDGER_REMOVE_META] = "DELETE FROM meta WHERE key = ?",
    [LEDGER_PUT_LEASE] =
        ("INSERT INTO grants (number, token, type, region, zone, instance_type, market, count, capacity, max_price,"
         " revision, spec_hash, subnet, state, generation, doubtful, granted, send_by, quiet)"
         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
         " state = excluded.state, generation = excluded.generation, doubtful = excluded.doubtful,"
         " send_by = excluded.send_by, quiet = excluded.quiet"),
    [LEDGER_END_LEASE] = "UPDATE grants SET ended = ?2, how = ?3 WHERE number = ?1",
    [LEDGER_PUT_INSTANCE] = ("INSERT OR REPLACE INTO instances VALUES"
                             " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    [LEDGER_REMOVE_INSTANCE] = "DELETE FROM instances WHERE id = ?",
    [LEDGER_PUT_REVISION] = "INSERT OR IGNORE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?)",
    [LEDGER_PUT_SET] = "INSERT OR IGNORE INTO sets VALUES (?, ?, ?, ?, ?, ?, ?)",
    [LEDGER_PUT_DRY_RUN] = "INSERT OR IGNORE INTO dry_runs VALUES (?, ?, ?)",
    [LEDGER_PUT_SPEC] = "INSERT OR IGNORE INTO specs VALUES (?, ?, ?, ?)",
    [LEDGER_PUT_DAY] = "INSERT OR REPLACE INTO spend VALUES (?, ?, ?, ?)",
    [LEDGER_CLEAR_BREAKERS] = "DELETE FROM breakers",
    [LEDGER_PUT_BREAKER] = "INSERT INTO breakers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [LEDGER_PUT_EVENT] = "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)",
    [LEDGER_PRUNE_EVENTS] = "DELETE FROM events WHERE sequence <= ?",
    [LEDGER_PRUNE_GRANTS] = ("DELETE FROM grants WHERE ended < ?1 AND number NOT IN"
                             " (SELECT max(number) FROM grants GROUP BY type)")};

const char *ledger_sql(enum ledger_statement statement)
{
    return statements[statement];
}

int ledger_schema_version(void)
{
    return VERSION;
}

static int read_version(sqlite3 *database, int *version, struct error *err)
{
    sqlite3_stmt *query = NULL;

    if (sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &query, NULL) != SQLITE_OK ||
        sqlite3_step(query) != SQLITE_ROW) {
        sqlite3_finalize(query);
        return error_set(err, ERROR_LOCAL, "ledger: %s", sqlite3_errmsg(database));
    }
    *version = sqlite3_column_int(query, 0);
    sqlite3_finalize(query);
    return 0;
}

static int migrate_to(sqlite3 *database, int version, struct error *err)
{
    char *sql =
        sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;", migrations[version - 1], version);
    CRASH_POINT(supervisor_before_migration);
    int result = sql ? sqlite3_exec(database, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

    sqlite3_free(sql);
    CRASH_POINT(supervisor_after_migration);
    if (result == SQLITE_OK)
        return 0;
    error_set(err, ERROR_LOCAL, "ledger: bringing it to version %d: %s", version, sqlite3_errmsg(database));
    sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int ledger_migrate(sqlite3 *database, struct error *err)
{
    int version = 0;

    if (read_version(database, &version, err) != 0)
        return -1;
    if (version > VERSION)
        return error_set(err, ERROR_INPUT, "ledger: it has version %d, this program knows %d: use a newer program",
                         version, VERSION);
    while (version < VERSION)
        if (migrate_to(database, ++version, err) != 0)
            return -1;
    return 0;
}
