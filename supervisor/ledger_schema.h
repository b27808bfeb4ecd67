/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_schema.h: the tables of the ledger, their versions, and every statement that writes to them.
 * Runs in: supervisor, for ledger*.c only. Owns nothing. */
#ifndef SUPERVISOR_LEDGER_SCHEMA_H
#define SUPERVISOR_LEDGER_SCHEMA_H

#include <sqlite3.h>

#include "common/error.h"

#define LEDGER_EVENTS_KEPT 10000
#define LEDGER_MOST_VALUES 24

enum ledger_statement {
    LEDGER_PUT_META,
    LEDGER_REMOVE_META,
    LEDGER_PUT_LEASE,
    LEDGER_END_LEASE,
    LEDGER_PUT_INSTANCE,
    LEDGER_REMOVE_INSTANCE,
    LEDGER_PUT_REVISION,
    LEDGER_PUT_SPEC,
    LEDGER_PUT_SET,
    LEDGER_PUT_DRY_RUN,
    LEDGER_PUT_DAY,
    LEDGER_CLEAR_BREAKERS,
    LEDGER_PUT_BREAKER,
    LEDGER_PUT_EVENT,
    LEDGER_PRUNE_EVENTS,
    LEDGER_PRUNE_GRANTS,
    LEDGER_STATEMENT_COUNT
};

const char *ledger_sql(enum ledger_statement statement);

/* Brings the tables from the version in the file to the present one, each step in a transaction of its own.
 * -1 with ERROR_INPUT when the file is of a newer version than this program knows. */
int ledger_migrate(sqlite3 *database, struct error *err);
int ledger_schema_version(void);

#endif
