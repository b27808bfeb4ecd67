/* SPDX-License-Identifier: MPL-2.0 */
/* workers.c: from decisions of process.c to processes, and from dead processes to events of process.c.
 * Runs in: supervisor, main thread. SIGCHLD coalesces, so reaping goes on until nobody is left (case B64). */
#include "supervisor/workers.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"
#include "supervisor/reload.h"

static const char *role_of(const struct worker *worker)
{
    return worker->is_helper ? "helper" : worker->is_region ? "region" : "type";
}

/* The n-th of all workers: types first, then regions, then the helper. */
static struct worker *worker_at(struct supervisor *supervisor, size_t index)
{
    if (index < supervisor->type_count)
        return &supervisor->types[index]->worker;
    index -= supervisor->type_count;
    return index < supervisor->region_count ? &supervisor->regions[index]->worker : &supervisor->helper.worker;
}

static size_t worker_count(const struct supervisor *supervisor)
{
    return supervisor->type_count + supervisor->region_count + 1;
}

static void mark_dirty(struct supervisor *supervisor, struct worker *worker)
{
    if (worker->is_helper)
        supervisor->dirty = true;
    else if (worker->is_region)
        region_of_worker(worker)->dirty = true;
    else
        type_of_worker(worker)->dirty = true;
}

/* ---- pid files ---- */

static int pid_path(const struct supervisor *supervisor, const struct worker *worker, char *path, size_t size)
{
    return text_format(path, size, "%s/%ss/%s.pid", supervisor->config->run_dir, role_of(worker), worker->name);
}

static void write_pid_file(const struct supervisor *supervisor, const struct worker *worker)
{
    char path[300], made[310];

    if (pid_path(supervisor, worker, path, sizeof path) != 0 || text_format(made, sizeof made, "%s.new", path) != 0)
        return;
    FILE *file = fopen(made, "we");
    if (!file || fprintf(file, "%d\n", (int)worker->child.pid) < 0 || fclose(file) != 0 || rename(made, path) != 0)
        log_repeating(LOG_WARN_LEVEL, "pidfile.not-written", worker->name, strerror(errno), "path=%s error=%s", path,
                      log_quote(strerror(errno)));
}

static void remove_pid_file(const struct supervisor *supervisor, const struct worker *worker)
{
    char path[300];

    if (pid_path(supervisor, worker, path, sizeof path) == 0)
        unlink(path);
}

static int empty_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    DIR *folder = opendir(path);
    if (!folder)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    return 0;
}

int workers_prepare(const struct supervisor *supervisor, struct error *err)
{
    static const char *const folders[] = {"types", "regions", "helpers"};
    char path[300];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (text_format(path, sizeof path, "%s/%s", supervisor->config->run_dir, folders[i]) != 0 ||
            empty_folder(path, err) != 0)
            return -1;
    return 0;
}

/* ---- spawning ---- */

static void on_stderr(void *context, int fd, uint32_t events)
{
    struct worker *worker = context;

    (void)events;
    if (!child_read_stderr(&worker->child))
        loop_remove_fd(worker->watching, fd);
}

static void spawn(struct supervisor *supervisor, struct worker *worker)
{
    struct error error;

    text_random_hex(SECRET_BYTES, worker->secret);
    worker->doom[0] = '\0';
    worker->process.generation++;
    struct child_spec spec = {.role = role_of(worker),
                              .name = worker->name,
                              .run_dir = supervisor->config->run_dir,
                              .generation = worker->process.generation,
                              .secret = worker->secret};
    CRASH_POINT(supervisor_before_spawn);
    if (child_spawn(&worker->child, &supervisor->workshop, &spec, &error) != 0) {
        log_repeating(LOG_ERROR_LEVEL, "spawn.failed", worker->name, error.text, "worker=%s error=%s", worker->name,
                      log_quote(error.text));
        workers_event(supervisor, worker, PROCESS_NOT_SPAWNED, error.text);
        return;
    }
    CRASH_POINT(supervisor_after_spawn);
    worker->watching = supervisor->loop;
    worker->spawned = supervisor->wall;
    worker->ticked = (struct wall){0};
    loop_add_fd(supervisor->loop, worker->child.stderr_fd, EPOLLIN, on_stderr, worker, NULL);
    bus_admit(supervisor, worker);
    write_pid_file(supervisor, worker);
    workers_event(supervisor, worker, PROCESS_SPAWNED, NULL);
}

/* ---- events ---- */

static void carry_out(const struct worker *worker, enum process_action action)
{
    static const int signals[] = {
        [PROCESS_SEND_HUP] = SIGHUP, [PROCESS_SEND_TERM] = SIGTERM, [PROCESS_SEND_KILL] = SIGKILL};

    if (action == PROCESS_NOTHING || action == PROCESS_SPAWN)
        return;
    if (action == PROCESS_SEND_KILL) {
        log_warn("worker.kill", "worker=%s pid=%d why=%s", worker->name, (int)worker->child.pid,
                 log_quote(worker->doom));
    } else {
        /* A stopped process takes no signal but KILL and CONT. */
        child_signal(&worker->child, SIGCONT);
    }
    child_signal(&worker->child, signals[action]);
}

void workers_event(struct supervisor *supervisor, struct worker *worker, enum process_event event, const char *why)
{
    enum process_state before = worker->process.state;

    if (why)
        text_copy(worker->doom, sizeof worker->doom, why);
    carry_out(worker, process_step(&worker->process, event, &supervisor->process_settings, supervisor->now));
    supervisor->workers_due = true;
    if (worker->process.state == before)
        return;
    log_debug("worker.state", "worker=%s was=%s is=%s event=%s", worker->name, process_state_name(before),
              process_state_name(worker->process.state), process_event_name(event));
    mark_dirty(supervisor, worker);
}

const char *workers_whose(const struct worker *worker)
{
    return worker->is_helper ? "credentials " : "";
}

void workers_offended(struct supervisor *supervisor, struct worker *worker, const char *format, ...)
{
    char why[sizeof worker->doom];
    va_list arguments;

    if (worker->process.state == PROCESS_STOPPING && worker->process.told == PROCESS_SEND_KILL)
        return; /* its last words; it is being killed already */
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    event_record(supervisor, "worker-killed", worker_type_name(worker), worker_region_name(worker),
                 "%sprocess %d is killed: %s", workers_whose(worker), (int)worker->child.pid, why);
    workers_event(supervisor, worker, PROCESS_OFFENDED, why);
}

/* ---- reaping ---- */

static struct worker *worker_of_pid(struct supervisor *supervisor, pid_t pid)
{
    for (size_t i = 0; i < worker_count(supervisor); i++)
        if (worker_at(supervisor, i)->child.pid == pid)
            return worker_at(supervisor, i);
    return NULL;
}

static void describe_end(const struct worker *worker, int status, char *out, size_t size)
{
    const char *because = *worker->doom ? worker->doom : worker->child.last_words;
    char how[64];

    if (WIFSIGNALED(status))
        text_format(how, sizeof how, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        text_format(how, sizeof how, "exit status %d", WEXITSTATUS(status));
    text_format(out, size, "%s%s%.90s", how, *because ? ": " : "", because);
}

/* It ends because it was told to, and in time. */
static bool was_told(const struct process *process)
{
    return process->state == PROCESS_STOPPING && process->told != PROCESS_SEND_KILL;
}

static void remember_death(struct supervisor *supervisor, struct worker *worker, int64_t pid, bool asked,
                           const char *reason)
{
    struct death *death = &worker->deaths[worker->death_count++ % DEATHS_KEPT];

    *death = (struct death){.at = supervisor->wall, .generation = worker->process.generation, .pid = pid};
    death->uptime = mono_since(worker->process.spawned, supervisor->now);
    death->asked = asked;
    text_copy(death->reason, sizeof death->reason, reason);
}

static void tell_of_death(struct supervisor *supervisor, const struct worker *worker, bool asked, const char *reason)
{
    const char *type = worker_type_name(worker), *region = worker_region_name(worker), *whose = workers_whose(worker);
    bool failing = worker->process.state == PROCESS_FAILING;

    if (asked || worker->process.state == PROCESS_ENDED || worker->process.state == PROCESS_DUE)
        event_record(supervisor, "worker-ended", type, region, "its %sprocess ended: %s", whose, reason);
    else
        event_record(supervisor, failing ? "worker-failing" : "worker-died", type, region,
                     "its %sprocess died%s: %s; the next start is %.1f s away", whose,
                     failing ? " before its first word" : "", reason,
                     span_seconds(mono_since(supervisor->now, worker->process.deadline)));
    if (failing)
        alarm_raise(supervisor, "worker-failing", worker->name, "its process dies before its first word: %s", reason);
}

/* A SIGHUP or SIGTERM of somebody else's (DESIGN section 9): no crash, it is started anew at once. */
static bool ended_unharmed(const struct process *process, int status)
{
    return WIFEXITED(status) && (WEXITSTATUS(status) == PROCESS_RELOAD_STATUS ||
                                 (WEXITSTATUS(status) == 0 && process->state == PROCESS_LIVE));
}

static void bury(struct supervisor *supervisor, struct worker *worker, int status)
{
    bool asked = ended_unharmed(&worker->process, status);
    int64_t pid = worker->child.pid;
    char reason[160];

    loop_remove_fd(supervisor->loop, worker->child.stderr_fd);
    child_reaped(&worker->child);
    describe_end(worker, status, reason, sizeof reason);
    remember_death(supervisor, worker, pid, asked || was_told(&worker->process), reason);
    remove_pid_file(supervisor, worker);
    bus_retire(supervisor, worker);
    if (worker->is_region)
        lease_region_worker_gone(supervisor, region_of_worker(worker));
    else if (worker->is_helper)
        supervisor->helper.told = false;
    else
        lease_type_worker_gone(supervisor, type_of_worker(worker));
    if (asked && worker_is_type(worker) && !supervisor->stopping)
        reload_type(supervisor, type_of_worker(worker));
    workers_event(supervisor, worker, asked ? PROCESS_ASKED_RELOAD : PROCESS_DIED, NULL);
    tell_of_death(supervisor, worker, asked, reason);
    mark_dirty(supervisor, worker);
}

void workers_reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct worker *worker = worker_of_pid(supervisor, pid);
        if (worker)
            bury(supervisor, worker, status);
        else
            log_warn("reaped.stranger", "pid=%d", (int)pid); /* a grandchild that was left to us */
    }
}

/* ---- once a turn, when something is due ---- */

static void step_one(struct supervisor *supervisor, struct worker *worker)
{
    struct process *process = &worker->process;

    if (!mono_reached(process->deadline, supervisor->now))
        return;
    if (process->state == PROCESS_STARTING)
        workers_event(supervisor, worker, PROCESS_LATE, "it did not say hello in time");
    else if (process->state == PROCESS_LIVE)
        workers_event(supervisor, worker, PROCESS_LATE, "it completed no tick in time");
    else
        workers_event(supervisor, worker, PROCESS_LATE, NULL);
}

static size_t count_starting(struct supervisor *supervisor)
{
    size_t count = 0;

    for (size_t i = 0; i < worker_count(supervisor); i++)
        count += worker_at(supervisor, i)->process.state == PROCESS_STARTING;
    return count;
}

/* The helper first, then regions: types can do nothing without an inventory. */
static void spawn_due(struct supervisor *supervisor)
{
    size_t starting = count_starting(supervisor);

    for (size_t i = worker_count(supervisor); i-- > 0 && starting < PROCESS_SPAWNS_AT_ONCE;) {
        struct worker *worker = worker_at(supervisor, i);
        if (!process_is_due(&worker->process))
            continue;
        spawn(supervisor, worker);
        starting++;
    }
}

void workers_step(struct supervisor *supervisor)
{
    if (!supervisor->workers_due && !mono_reached(supervisor->workers_next, supervisor->now))
        return;
    for (size_t i = 0; i < worker_count(supervisor); i++)
        step_one(supervisor, worker_at(supervisor, i));
    if (!supervisor->stopping)
        spawn_due(supervisor);
    supervisor->workers_next = MONO_NEVER;
    for (size_t i = 0; i < worker_count(supervisor); i++)
        supervisor->workers_next = mono_min(supervisor->workers_next, worker_at(supervisor, i)->process.deadline);
    supervisor->workers_due = false;
}

void workers_postpone(struct supervisor *supervisor, struct span by)
{
    for (size_t i = 0; i < worker_count(supervisor); i++)
        process_postpone(&worker_at(supervisor, i)->process, by);
    supervisor->workers_due = true;
}

bool workers_settled(struct supervisor *supervisor)
{
    for (size_t i = 0; i < worker_count(supervisor); i++)
        if (worker_at(supervisor, i)->process.wanted && !worker_at(supervisor, i)->process.settled)
            return false;
    return true;
}

size_t workers_running(struct supervisor *supervisor)
{
    size_t count = 0;

    for (size_t i = 0; i < worker_count(supervisor); i++)
        count += process_has_pid(&worker_at(supervisor, i)->process);
    return count;
}

size_t workers_live(struct supervisor *supervisor)
{
    size_t count = 0;

    for (size_t i = 0; i < worker_count(supervisor) - 1; i++) /* without the helper */
        count += worker_at(supervisor, i)->process.state == PROCESS_LIVE;
    return count;
}

void workers_stop_all(struct supervisor *supervisor)
{
    for (size_t i = 0; i < worker_count(supervisor); i++)
        workers_event(supervisor, worker_at(supervisor, i), PROCESS_STOP, "the daemon stops");
}

void workers_kill_all(struct supervisor *supervisor)
{
    for (size_t i = 0; i < worker_count(supervisor); i++)
        child_signal(&worker_at(supervisor, i)->child, SIGKILL);
}
