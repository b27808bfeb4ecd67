/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_read.c: reads revisions while the ledger is in use. Runs in: supervisor, main thread, for operators' requests
 * and a reload with pins: a few rows by primary key, through a handle of its own that may only read (WAL: the writing
 * thread is not disturbed). */
#include "common/text.h"
#include "supervisor/ledger_private.h"

static const char *text_at(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static int read_rows(sqlite3_stmt *row, ledger_revision_function *function, void *context)
{
    int result;

    while ((result = sqlite3_step(row)) == SQLITE_ROW) {
        struct ledger_revision revision = {.revision = sqlite3_column_int64(row, 0),
                                           .hash = text_at(row, 1),
                                           .document = text_at(row, 2),
                                           .applied = {sqlite3_column_int64(row, 3)},
                                           .who = text_at(row, 4),
                                           .forced = sqlite3_column_int(row, 5) != 0};
        function(context, &revision);
    }
    return result;
}

int ledger_revisions(const struct ledger *ledger, bool is_set, const char *name, int64_t revision,
                     ledger_revision_function *function, void *context, struct error *err)
{
    const char *sql = is_set ? "SELECT revision, hash, document, applied, who, forced FROM sets"
                               " WHERE name = ?1 AND (?2 = 0 OR revision = ?2) ORDER BY revision DESC LIMIT 1000"
                             : "SELECT revision, hash, document, applied, who, forced FROM revisions"
                               " WHERE type = ?1 AND (?2 = 0 OR revision = ?2) ORDER BY revision DESC LIMIT 1000";
    sqlite3 *database = NULL;
    sqlite3_stmt *row = NULL;
    int result = sqlite3_open_v2(ledger->path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(database, sql, -1, &row, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(row, 2, revision);
        result = read_rows(row, function, context);
    }
    if (result != SQLITE_DONE)
        error_set(err, ERROR_LOCAL, "ledger: %s", sqlite3_errmsg(database));
    sqlite3_finalize(row);
    sqlite3_close(database);
    return result == SQLITE_DONE ? 0 : -1;
}
