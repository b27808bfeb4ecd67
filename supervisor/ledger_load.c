/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_load.c: reads the ledger's rows at start and hands them to a reader, one call a row.
 * Runs in: supervisor, main thread, before the writing thread starts. Changes nothing. */
#include <string.h>

#include "common/text.h"
#include "supervisor/ledger_private.h"

typedef void row_function(sqlite3_stmt *row, const struct ledger_reader *reader, void *context);

static const char *text_at(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

#define COPY_TEXT(row, column, field) text_copy(field, sizeof(field), text_at(row, column))

static void read_meta(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->meta(context, text_at(row, 0), text_at(row, 1));
}

static void read_lease(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    struct lease lease = {.state = LEASE_UNKNOWN};
    int market = market_of(text_at(row, 6));

    lease.grant = sqlite3_column_int64(row, 0);
    COPY_TEXT(row, 1, lease.token);
    COPY_TEXT(row, 2, lease.type);
    COPY_TEXT(row, 3, lease.placement.region);
    COPY_TEXT(row, 4, lease.placement.zone);
    COPY_TEXT(row, 5, lease.placement.instance_type);
    lease.placement.market = market < 0 ? MARKET_SPOT : (enum market)market;
    lease.count = sqlite3_column_int64(row, 7);
    lease.capacity = sqlite3_column_int64(row, 8);
    lease.max_price = MONEY(sqlite3_column_int64(row, 9));
    lease.revision = sqlite3_column_int64(row, 10);
    COPY_TEXT(row, 11, lease.spec_hash);
    COPY_TEXT(row, 12, lease.subnet);
    lease.generation = sqlite3_column_int64(row, 13);
    lease.doubtful = sqlite3_column_int64(row, 14) != 0;
    reader->lease(context, &lease, (struct wall){sqlite3_column_int64(row, 15)});
}

static void read_highest(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->highest_grant(context, text_at(row, 0), sqlite3_column_int64(row, 1));
}

static void read_instance(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    struct instance it = {0};
    int market = market_of(text_at(row, 5));

    COPY_TEXT(row, 0, it.id);
    COPY_TEXT(row, 2, it.placement.region);
    COPY_TEXT(row, 3, it.placement.zone);
    COPY_TEXT(row, 4, it.placement.instance_type);
    it.placement.market = market < 0 ? MARKET_SPOT : (enum market)market;
    it.grant = sqlite3_column_int64(row, 6);
    it.revision = sqlite3_column_int64(row, 7);
    it.capacity = sqlite3_column_int64(row, 8);
    COPY_TEXT(row, 9, it.token);
    COPY_TEXT(row, 10, it.spec_hash);
    COPY_TEXT(row, 11, it.image);
    COPY_TEXT(row, 12, it.incarnation);
    it.max_price = MONEY(sqlite3_column_int64(row, 13));
    it.state = instance_state_of(text_at(row, 14));
    COPY_TEXT(row, 15, it.reason);
    it.launch_wall = (struct wall){sqlite3_column_int64(row, 16)};
    it.listed = sqlite3_column_int(row, 17) != 0;
    it.judged = sqlite3_column_int(row, 18) != 0;
    it.worked = sqlite3_column_int(row, 19) != 0;
    it.condemned = sqlite3_column_int(row, 20) != 0;
    reader->instance(context, &it, text_at(row, 1));
}

static void read_revision(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->revision(context, text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2),
                     sqlite3_column_int(row, 3) != 0);
}

static void read_set(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->set(context, text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2));
}

static void read_dry_run(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->dry_run(context, text_at(row, 0), text_at(row, 1));
}

static void read_spec(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->spec(context, text_at(row, 0), text_at(row, 1), text_at(row, 2));
}

static void read_day(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->day(context, &(struct budget_day){.began = {sqlite3_column_int64(row, 0)},
                                              .ends = {sqlite3_column_int64(row, 1)},
                                              .spent = MONEY(sqlite3_column_int64(row, 2)),
                                              .accrued_to = {sqlite3_column_int64(row, 3)}});
}

static void read_breaker(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    struct breaker_entry entry = {0};
    int failure = failure_of(text_at(row, 1));

    COPY_TEXT(row, 0, entry.scope);
    entry.failure = failure < 0 ? FAILURE_DEFINITION : (enum failure)failure;
    COPY_TEXT(row, 2, entry.type);
    COPY_TEXT(row, 3, entry.region);
    COPY_TEXT(row, 4, entry.zone);
    COPY_TEXT(row, 5, entry.instance_type);
    COPY_TEXT(row, 6, entry.market);
    COPY_TEXT(row, 7, entry.spec_hash);
    COPY_TEXT(row, 8, entry.subnet);
    COPY_TEXT(row, 9, entry.quota_class);
    entry.price_at_most = MONEY(sqlite3_column_int64(row, 10));
    entry.quarantine = sqlite3_column_int(row, 11) != 0;
    COPY_TEXT(row, 12, entry.code);
    entry.delay = SPAN_US(sqlite3_column_int64(row, 15));
    entry.failures = sqlite3_column_int64(row, 16);
    reader->breaker(context, &entry, (struct wall){sqlite3_column_int64(row, 13)},
                    (struct wall){sqlite3_column_int64(row, 14)});
}

static void read_event(sqlite3_stmt *row, const struct ledger_reader *reader, void *context)
{
    reader->event(context, sqlite3_column_int64(row, 0), (struct wall){sqlite3_column_int64(row, 1)}, text_at(row, 2),
                  text_at(row, 3), text_at(row, 4), text_at(row, 5));
}

static const struct {
    const char *sql;
    row_function *read;
} queries[] = {
    {"SELECT key, value FROM meta", read_meta},
    {"SELECT number, token, type, region, zone, instance_type, market, count, capacity, max_price, revision,"
     " spec_hash, subnet, generation, doubtful, quiet FROM grants WHERE ended IS NULL ORDER BY number",
     read_lease},
    {"SELECT type, max(number) FROM grants GROUP BY type", read_highest},
    {"SELECT * FROM instances", read_instance},
    {"SELECT type, max(revision), hash, forced FROM revisions GROUP BY type", read_revision},
    {"SELECT name, max(revision), hash FROM sets GROUP BY name", read_set},
    {"SELECT type, hash FROM dry_runs", read_dry_run},
    {"SELECT type, hash, how FROM specs", read_spec},
    {"SELECT began, ends, spent, accrued_to FROM spend ORDER BY began DESC LIMIT 1", read_day},
    {"SELECT * FROM breakers", read_breaker},
    {"SELECT * FROM (SELECT * FROM events ORDER BY sequence DESC LIMIT 1000) ORDER BY sequence", read_event},
};

int ledger_load(struct ledger *ledger, const struct ledger_reader *reader, void *context, struct error *err)
{
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        sqlite3_stmt *row = NULL;
        int result = sqlite3_prepare_v2(ledger->database, queries[i].sql, -1, &row, NULL);
        while (result == SQLITE_OK && (result = sqlite3_step(row)) == SQLITE_ROW) {
            queries[i].read(row, reader, context);
            result = SQLITE_OK;
        }
        sqlite3_finalize(row);
        if (result != SQLITE_DONE)
            return error_set(err, ERROR_LOCAL, "%s: %s", ledger->path, sqlite3_errmsg(ledger->database));
    }
    return 0;
}
