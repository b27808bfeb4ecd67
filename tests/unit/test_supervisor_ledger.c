/* SPDX-License-Identifier: MPL-2.0 */
/* The ledger on a real file: what is written is read back, a slow disk does not stop the caller, a full one heals, a
 * damaged file is moved aside, an older schema is brought up to date and a newer one refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "supervisor/ledger.h"
#include "supervisor/ledger_schema.h"

/* ---- a disk that can be slow or full: SQLite's own file layer with two calls replaced ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool slow, full; /* slow: a sync waits until it is false again */
    int waiting;
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    sqlite3_io_methods methods[4];
    const sqlite3_io_methods *original[4]; /* database and WAL have tables of their own, with the same functions */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_disk(bool slow, bool full)
{
    pthread_mutex_lock(&disk.lock);
    disk.slow = slow;
    disk.full = full;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static int disk_sync(sqlite3_file *file, int flags)
{
    pthread_mutex_lock(&disk.lock);
    disk.waiting++;
    pthread_cond_broadcast(&disk.changed);
    while (disk.slow)
        pthread_cond_wait(&disk.changed, &disk.lock);
    disk.waiting--;
    pthread_mutex_unlock(&disk.lock);
    return disk.original[0]->xSync(file, flags);
}

static int disk_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    pthread_mutex_lock(&disk.lock);
    bool full = disk.full;
    pthread_mutex_unlock(&disk.lock);
    return full ? SQLITE_FULL : disk.original[0]->xWrite(file, bytes, size, at);
}

static const sqlite3_io_methods *replaced(const sqlite3_io_methods *methods)
{
    for (size_t i = 0; i < 4; i++) {
        if (disk.original[i] && disk.original[i] != methods)
            continue;
        disk.original[i] = methods;
        disk.methods[i] = *methods;
        disk.methods[i].xSync = disk_sync;
        disk.methods[i].xWrite = disk_write;
        return &disk.methods[i];
    }
    return methods;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    int result = disk.real->xOpen(disk.real, name, file, flags, out_flags);
    (void)vfs;
    if (result == SQLITE_OK && file->pMethods)
        file->pMethods = replaced(file->pMethods);
    return result;
}

static int use_disk(void **state)
{
    (void)state;
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "test-disk";
    disk.vfs.xOpen = disk_open;
    return sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK ? 0 : -1;
}

/* ---- what was read back ---- */

struct seen {
    bool forced;
    int metas, leases, instances, revisions, sets, dry_runs, specs, days, breakers, events;
    int64_t highest;
    struct lease lease;
    struct wall quiet;
    struct instance instance;
    struct breaker_entry breaker;
    struct budget_day day;
    char meta[64], last_event[64];
};

static void see_meta(void *context, const char *key, const char *value)
{
    struct seen *seen = context;
    seen->metas++;
    text_format(seen->meta, sizeof seen->meta, "%s=%s", key, value);
}
static void see_lease(void *context, const struct lease *lease, struct wall quiet)
{
    struct seen *seen = context;
    seen->quiet = quiet;
    seen->leases++;
    seen->lease = *lease;
}
static void see_highest(void *context, const char *type, int64_t grant)
{
    (void)type;
    ((struct seen *)context)->highest = grant;
}
static void see_instance(void *context, const struct instance *instance, const char *type)
{
    struct seen *seen = context;
    assert_string_equal(type, "alpha");
    seen->instances++;
    seen->instance = *instance;
}
static void see_revision(void *context, const char *type, int64_t revision, const char *hash, bool forced)
{
    ((struct seen *)context)->forced = forced;
    assert_string_equal(type, "alpha");
    assert_int_equal(revision, 2);
    assert_string_equal(hash, "h2");
    ((struct seen *)context)->revisions++;
}
static void see_set(void *context, const char *name, int64_t revision, const char *hash)
{
    assert_string_equal(name, "base");
    assert_int_equal(revision, 1);
    assert_string_equal(hash, "s1");
    ((struct seen *)context)->sets++;
}
static void see_dry_run(void *context, const char *type, const char *hash)
{
    assert_string_equal(type, "alpha");
    assert_string_equal(hash, "passed");
    ((struct seen *)context)->dry_runs++;
}
static void see_spec(void *context, const char *type, const char *hash, const char *how)
{
    (void)type;
    (void)hash;
    assert_string_equal(how, "took-work");
    ((struct seen *)context)->specs++;
}
static void see_day(void *context, const struct budget_day *day)
{
    struct seen *seen = context;
    seen->days++;
    seen->day = *day;
}
static void see_breaker(void *context, const struct breaker_entry *entry, struct wall since, struct wall until)
{
    struct seen *seen = context;
    assert_int_equal(until.ms - since.ms, 60000);
    seen->breakers++;
    seen->breaker = *entry;
}
static void see_event(void *context, int64_t sequence, struct wall at, const char *kind, const char *type,
                      const char *region, const char *text)
{
    struct seen *seen = context;
    (void)sequence, (void)at, (void)kind, (void)type, (void)region;
    seen->events++;
    text_copy(seen->last_event, sizeof seen->last_event, text);
}
static const struct ledger_reader reader = {see_meta,    see_lease, see_highest, see_instance, see_revision, see_set,
                                            see_dry_run, see_spec,  see_day,     see_breaker,  see_event};

/* ---- each test in a directory of its own ---- */

struct place {
    char path[64];
};

static int begin(void **state)
{
    static struct place place;
    text_copy(place.path, sizeof place.path, "/tmp/pd-ledger-XXXXXX");
    set_disk(false, false);
    *state = &place;
    return mkdtemp(place.path) ? 0 : -1;
}

static int finish(void **state)
{
    const char *path = ((struct place *)*state)->path;
    glob_t found;
    char pattern[100];

    text_format(pattern, sizeof pattern, "%s/*", path);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    return rmdir(path);
}

static struct ledger *opened(const char *path, enum ledger_start wanted)
{
    struct ledger *ledger = NULL;
    enum ledger_start start;
    char aside[400];
    struct error error;

    if (ledger_open(&ledger, path, &start, aside, sizeof aside, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(start, wanted);
    return ledger;
}

static struct ledger *started(const char *path, enum ledger_start wanted)
{
    struct ledger *ledger = opened(path, wanted);
    assert_int_equal(ledger_start(ledger, NULL), 0);
    return ledger;
}

static void wait_for_word(struct ledger *ledger)
{
    struct pollfd fd = {.fd = ledger_fd(ledger), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 30000), 1);
    ledger_clear_fd(ledger);
}

static void wait_for_ticket(struct ledger *ledger, uint64_t ticket)
{
    while (ledger_acknowledged(ledger) < ticket)
        wait_for_word(ledger);
}

static struct lease some_lease(void)
{
    return (struct lease){.grant = 7,
                          .token = "t7",
                          .type = "alpha",
                          .placement = {"r1", "r1a", "m3.large", MARKET_ON_DEMAND},
                          .count = 3,
                          .capacity = 2,
                          .max_price = MONEY(1234567),
                          .revision = 2,
                          .spec_hash = "s",
                          .subnet = "subnet-1",
                          .generation = 4,
                          .doubtful = true};
}

static void write_some_of_everything(struct ledger *ledger)
{
    struct lease lease = some_lease(), other = some_lease();
    struct fleet_type type = {.name = "alpha"};
    struct instance instance = {.id = "i-1",
                                .placement = lease.placement,
                                .grant = 7,
                                .capacity = 2,
                                .max_price = MONEY(99),
                                .state = INSTANCE_RUNNING,
                                .worked = true,
                                .listed = true,
                                .launch_wall = {5},
                                .owner = &type};
    struct breaker_entry breaker = {.scope = "capacity r1a",
                                    .failure = FAILURE_CAPACITY,
                                    .region = "r1",
                                    .price_at_most = MONEY_MAX,
                                    .delay = SPAN_SECONDS(60),
                                    .failures = 3};

    other.grant = 8;
    text_copy(other.token, sizeof other.token, "t8");
    ledger_put_meta(ledger, "incarnation", "x");
    ledger_put_lease(ledger, &lease, (struct wall){1}, (struct wall){2}, (struct wall){0});
    ledger_put_lease(ledger, &lease, (struct wall){3}, (struct wall){3}, (struct wall){77}); /* a newer state */
    ledger_put_lease(ledger, &other, (struct wall){1}, (struct wall){2}, (struct wall){0});
    ledger_end_lease(ledger, 8, "failed", (struct wall){3});
    ledger_put_instance(ledger, &instance);
    ledger_put_revision(ledger, "alpha", 1, "h1", "{}", (struct wall){1}, "files", false);
    ledger_put_revision(ledger, "alpha", 2, "h2", "{}", (struct wall){2}, "me", true);
    ledger_put_revision(ledger, "alpha", 2, "another", "{}", (struct wall){2}, "me",
                        false); /* revisions are immutable */
    ledger_put_set(ledger, "base", 1, "s1", "{}", (struct wall){3}, "me", false);
    ledger_put_dry_run(ledger, "alpha", "passed", (struct wall){4});
    ledger_put_spec(ledger, "alpha", "s", "took-work", (struct wall){1});
    ledger_put_day(ledger, &(struct budget_day){.began = {10}, .ends = {20}, .spent = MONEY(5), .accrued_to = {15}});
    ledger_put_breaker(ledger, &breaker, (struct wall){1000}, (struct wall){61000});
    ledger_put_event(ledger, 1, (struct wall){1}, "launched", "alpha", "r1", "an event");
}

static void what_is_written_is_read_back(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = started(path, LEDGER_NEW);
    struct seen seen = {0};
    uint64_t ticket = ledger_ticket(ledger);

    write_some_of_everything(ledger);
    ledger_submit(ledger);
    wait_for_ticket(ledger, ticket);
    ledger_close(&ledger, SPAN_SECONDS(5));
    ledger = opened(path, LEDGER_KEPT);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.leases, 1); /* the other has ended */
    assert_int_equal(seen.highest, 8);
    assert_string_equal(seen.lease.token, "t7");
    assert_int_equal(seen.quiet.ms, 77);
    assert_int_equal(seen.lease.max_price.micros, 1234567);
    assert_int_equal(seen.lease.placement.market, MARKET_ON_DEMAND);
    assert_true(seen.lease.doubtful);
    assert_true(seen.instance.worked && seen.instance.listed && !seen.instance.condemned);
    assert_int_equal(seen.instance.state, INSTANCE_RUNNING);
    assert_true(seen.forced);
    assert_int_equal(seen.sets, 1);
    assert_int_equal(seen.dry_runs, 1);
    assert_int_equal(seen.revisions + seen.specs + seen.days + seen.breakers + seen.events, 5);
    assert_int_equal(seen.breaker.price_at_most.micros, MONEY_MAX.micros);
    assert_int_equal(seen.day.spent.micros, 5);
    assert_string_equal(seen.meta, "incarnation=x");
    ledger_close(&ledger, SPAN_SECONDS(0));
}

static void a_slow_disk_does_not_stop_the_caller(void **state)
{
    struct ledger *ledger = started(((struct place *)*state)->path, LEDGER_NEW);
    struct lease lease = some_lease();
    char problem[100];

    set_disk(true, false);
    uint64_t first = ledger_ticket(ledger);
    ledger_put_lease(ledger, &lease, (struct wall){1}, (struct wall){2}, (struct wall){0});
    ledger_submit(ledger);
    pthread_mutex_lock(&disk.lock);
    while (disk.waiting == 0) /* the thread is in its sync */
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
    uint64_t second = ledger_ticket(ledger);
    assert_true(second > first);
    ledger_put_meta(ledger, "later", "yes");
    ledger_submit(ledger); /* returns at once; what was added gathers */
    assert_int_equal(ledger_ticket(ledger), second);
    assert_true(ledger_acknowledged(ledger) < first);
    assert_false(ledger_problem(ledger, problem, sizeof problem));
    set_disk(false, false);
    wait_for_ticket(ledger, first);
    ledger_submit(ledger);
    wait_for_ticket(ledger, second);
    ledger_close(&ledger, SPAN_SECONDS(5));
}

static void a_full_disk_is_told_and_heals_by_itself(void **state)
{
    struct ledger *ledger = started(((struct place *)*state)->path, LEDGER_NEW);
    struct lease lease = some_lease();
    char problem[100];

    set_disk(false, true);
    uint64_t ticket = ledger_ticket(ledger);
    ledger_put_lease(ledger, &lease, (struct wall){1}, (struct wall){2}, (struct wall){0});
    ledger_submit(ledger);
    wait_for_word(ledger);
    assert_true(ledger_problem(ledger, problem, sizeof problem));
    assert_true(ledger_acknowledged(ledger) < ticket);
    set_disk(false, false);
    wait_for_ticket(ledger, ticket);
    assert_false(ledger_problem(ledger, problem, sizeof problem));
    ledger_close(&ledger, SPAN_SECONDS(5));
}

static void a_damaged_file_is_moved_aside(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = NULL;
    enum ledger_start start;
    char file[100], aside[400];
    struct seen seen = {0};

    text_format(file, sizeof file, "%s/ledger.db", path);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    for (int i = 0; i < 1000; i++)
        fputs("this is no database ", out);
    fclose(out);
    assert_int_equal(ledger_open(&ledger, path, &start, aside, sizeof aside, NULL), 0);
    assert_int_equal(start, LEDGER_DAMAGED);
    assert_int_equal(access(aside, R_OK), 0);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.leases, 0);
    assert_int_equal(seen.metas, 2); /* that it was lost */
    ledger_close(&ledger, SPAN_SECONDS(0));
}

static void set_version(const char *path, const char *sql)
{
    char file[100];
    sqlite3 *database;

    text_format(file, sizeof file, "%s/ledger.db", path);
    assert_int_equal(sqlite3_open(file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void an_older_schema_is_brought_up_to_date_with_its_rows(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = started(path, LEDGER_NEW);
    struct seen seen = {0};

    write_some_of_everything(ledger);
    ledger_close(&ledger, SPAN_SECONDS(5));
    set_version(path, "DROP TABLE breakers; DROP TABLE specs; DROP TABLE sets; DROP TABLE dry_runs;"
                      "ALTER TABLE revisions DROP COLUMN who; ALTER TABLE revisions DROP COLUMN forced;"
                      "ALTER TABLE grants DROP COLUMN quiet;"
                      "PRAGMA user_version = 1");
    ledger = opened(path, LEDGER_KEPT);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.leases, 1);
    assert_int_equal(seen.quiet.ms, 0); /* not known: its grace begins with the next start */
    assert_int_equal(seen.breakers, 0);
    ledger_close(&ledger, SPAN_SECONDS(0));
}

/* The step to version 4 alone: grants get a column. */
static void a_ledger_of_version_3_keeps_its_leases(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = started(path, LEDGER_NEW);
    struct seen seen = {0};

    write_some_of_everything(ledger);
    ledger_close(&ledger, SPAN_SECONDS(5));
    set_version(path, "ALTER TABLE grants DROP COLUMN quiet; PRAGMA user_version = 3");
    ledger = opened(path, LEDGER_KEPT);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.leases, 1);
    assert_string_equal(seen.lease.token, "t7");
    assert_int_equal(seen.quiet.ms, 0);
    assert_int_equal(ledger_start(ledger, NULL), 0);
    ledger_put_lease(ledger, &seen.lease, (struct wall){5}, (struct wall){5}, (struct wall){5}); /* as a start does */
    ledger_close(&ledger, SPAN_SECONDS(5));
    ledger = opened(path, LEDGER_KEPT);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.quiet.ms, 5);
    ledger_close(&ledger, SPAN_SECONDS(0));
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = opened(path, LEDGER_NEW);
    enum ledger_start start;
    char aside[400], sql[64];
    struct error error;

    ledger_close(&ledger, SPAN_SECONDS(0));
    text_format(sql, sizeof sql, "PRAGMA user_version = %d", ledger_schema_version() + 1);
    set_version(path, sql);
    assert_int_equal(ledger_open(&ledger, path, &start, aside, sizeof aside, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
}

static void events_are_bounded(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct ledger *ledger = started(path, LEDGER_NEW);
    struct seen seen = {0};

    for (int64_t i = 1; i <= LEDGER_EVENTS_KEPT + 50; i++)
        ledger_put_event(ledger, i, (struct wall){i}, "k", "", "", i == LEDGER_EVENTS_KEPT + 50 ? "last" : "x");
    ledger_prune(ledger, LEDGER_EVENTS_KEPT + 50, (struct wall){0});
    ledger_close(&ledger, SPAN_SECONDS(20));
    ledger = opened(path, LEDGER_KEPT);
    assert_int_equal(ledger_load(ledger, &reader, &seen, NULL), 0);
    assert_int_equal(seen.events, 1000); /* the ring's worth */
    assert_string_equal(seen.last_event, "last");
    ledger_close(&ledger, SPAN_SECONDS(0));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_is_written_is_read_back),
        ON_DISK(a_slow_disk_does_not_stop_the_caller),
        ON_DISK(a_full_disk_is_told_and_heals_by_itself),
        ON_DISK(a_damaged_file_is_moved_aside),
        ON_DISK(an_older_schema_is_brought_up_to_date_with_its_rows),
        ON_DISK(a_ledger_of_version_3_keeps_its_leases),
        ON_DISK(a_newer_schema_is_refused_and_left_alone),
        ON_DISK(events_are_bounded),
    };
    return cmocka_run_group_tests(tests, use_disk, NULL);
}
