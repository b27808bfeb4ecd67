/* SPDX-License-Identifier: MPL-2.0 */
/* startup.c: takes what the daemon needs of this host, in an order in which a second daemon is stopped before it can
 * touch anything, and binds before the first worker is spawned. Runs in: supervisor. See startup.h. */
#include "supervisor/startup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/day.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"
#include "supervisor/control.h"
#include "supervisor/events.h"
#include "supervisor/judge.h"
#include "supervisor/lock.h"
#include "supervisor/notify.h"
#include "supervisor/rebuild.h"
#include "supervisor/reload.h"
#include "supervisor/spend.h"
#include "supervisor/workers.h"

#define LEDGER_CLOSE_LIMIT SPAN_SECONDS(10)

static int make_directory(const char *path, mode_t mode, struct error *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return access(path, W_OK | X_OK) == 0 ? 0 : error_set_errno(err, ERROR_LOCAL, "%s", path);
    return error_set_errno(err, ERROR_LOCAL, "%s", path);
}

static int take_locks(struct supervisor *supervisor, struct error *err)
{
    const struct config *config = supervisor->config;

    if ((supervisor->lock_fds[0] = lock_deployment(config->deployment_id, err)) < 0 ||
        make_directory(config->run_dir, 0750, err) != 0 || make_directory(config->state_dir, 0700, err) != 0 ||
        (supervisor->lock_fds[1] = lock_directory(config->run_dir, err)) < 0 ||
        (supervisor->lock_fds[2] = lock_directory(config->state_dir, err)) < 0)
        return -1;
    return workers_prepare(supervisor, err);
}

/* Our environment may hold credentials for processes that are started later: no core file may. */
static void keep_out_of_cores(void)
{
    prctl(PR_SET_DUMPABLE, 0);
}

static int open_sockets(struct supervisor *supervisor, struct error *err)
{
    const char *run_dir = supervisor->config->run_dir;

    supervisor->zmq = zmq_ctx_new();
    if (!supervisor->zmq)
        return error_set(err, ERROR_LOCAL, "ZeroMQ: %s", zmq_strerror(errno));
    supervisor->bus = socket_open(supervisor->zmq, SOCKET_BUS_SERVER, run_dir, NULL, NULL, err);
    if (supervisor->bus)
        supervisor->control = socket_open(supervisor->zmq, SOCKET_CONTROL_SERVER, run_dir, NULL, NULL, err);
    if (supervisor->control)
        supervisor->status = socket_open(supervisor->zmq, SOCKET_STATUS_SERVER, run_dir, NULL, NULL, err);
    if (!supervisor->status)
        return -1;
    if (loop_add_socket(supervisor->loop, supervisor->bus, err) != 0 ||
        loop_add_socket(supervisor->loop, supervisor->control, err) != 0)
        return -1;
    return loop_add_socket(supervisor->loop, supervisor->status, err);
}

static void on_ledger(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    ledger_clear_fd(context);
}

static int open_loop(struct supervisor *supervisor, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE};

    if (loop_create(&supervisor->loop, err) != 0 ||
        loop_catch_signals(supervisor->loop, signals, sizeof signals / sizeof signals[0], err) != 0)
        return -1;
    return 0;
}

static int open_ledger(struct supervisor *supervisor, struct error *err)
{
    enum ledger_start start;
    char aside[400] = "";

    if (ledger_open(&supervisor->ledger, supervisor->config->state_dir, &start, aside, sizeof aside, err) != 0 ||
        restore_from_ledger(supervisor, err) != 0)
        return -1;
    if (start == LEDGER_DAMAGED) /* its successor says so in its rows */
        event_record(supervisor, "ledger-lost", NULL, NULL, "it was damaged and moved to %s", aside);
    rebuild_begin(supervisor);
    if (ledger_start(supervisor->ledger, err) != 0)
        return -1;
    return loop_add_fd(supervisor->loop, ledger_fd(supervisor->ledger), EPOLLIN, on_ledger, supervisor->ledger, err);
}

/* Types that only the ledger knows have no process. */
static void begin_types(struct supervisor *supervisor, struct catalog *catalog)
{
    char text[300];

    reload_apply(supervisor, catalog, text, sizeof text);
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (!supervisor->types[i]->definition)
            workers_event(supervisor, &supervisor->types[i]->worker, PROCESS_STOP, "not defined");
    event_record(supervisor, "started", NULL, NULL, "deployment %s, incarnation %s: %s",
                 supervisor->config->deployment_id, supervisor->incarnation, text);
}

static void set_clocks(struct supervisor *supervisor)
{
    supervisor->now = supervisor->started_mono = clock_now();
    supervisor->wall = supervisor->started = clock_wall();
    supervisor->refreshed = supervisor->reloaded = mono_sub(supervisor->now, SPAN_SECONDS(3600));
    supervisor->accrued = supervisor->pruned = supervisor->now;
}

int startup(struct supervisor *supervisor, const char *config_path, struct catalog *catalog, struct error *err)
{
    if (text_copy(supervisor->config_path, sizeof supervisor->config_path, config_path) != 0)
        return error_set(err, ERROR_USAGE, "the path of the configuration is too long");
    supervisor->config = catalog->config;
    catalog->config = NULL;
    set_clocks(supervisor);
    supervisor_configure(supervisor);
    limits_raise_files();
    keep_out_of_cores();
    if (day_open(supervisor->config->day_zone, err) != 0 || take_locks(supervisor, err) != 0 ||
        child_workshop_open(&supervisor->workshop, err) != 0 || open_loop(supervisor, err) != 0)
        return -1;
    supervisor_begin_helper(supervisor);
    for (size_t i = 0; i < supervisor->config->region_count; i++)
        supervisor_add_region(supervisor, supervisor->config->regions[i].name);
    for (size_t i = 0; i < catalog->count; i++)
        supervisor_add_type(supervisor, catalog->definitions[i]->name);
    if (open_ledger(supervisor, err) != 0 || open_sockets(supervisor, err) != 0)
        return -1;
    begin_types(supervisor, catalog);
    spend_begin(supervisor);
    notify_begin();
    supervisor->workers_due = true;
    return 0;
}

static void close_socket(void **socket)
{
    if (*socket)
        zmq_close(*socket);
    *socket = NULL;
}

void shutdown_all(struct supervisor *supervisor)
{
    workers_kill_all(supervisor);
    control_forget(supervisor);
    ledger_close(&supervisor->ledger, LEDGER_CLOSE_LIMIT);
    judge_clear(supervisor);
    close_socket(&supervisor->bus);
    close_socket(&supervisor->control);
    close_socket(&supervisor->status);
    if (supervisor->zmq)
        zmq_ctx_term(supervisor->zmq);
    child_workshop_close(&supervisor->workshop);
    loop_destroy(&supervisor->loop);
    if (supervisor->lock_fds[0] >= 0)
        lock_release(supervisor->config->deployment_id, supervisor->lock_fds[0]);
    for (size_t i = 1; i < sizeof supervisor->lock_fds / sizeof supervisor->lock_fds[0]; i++)
        if (supervisor->lock_fds[i] >= 0)
            close(supervisor->lock_fds[i]);
}
