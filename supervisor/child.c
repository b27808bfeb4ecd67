/* SPDX-License-Identifier: MPL-2.0 */
/* child.c: makes worker processes by fork and exec, signals them, and carries their stderr to the log.
 * Runs in: supervisor, on its main thread: PDEATHSIG fires when the forking *thread* ends. Owns what child.h says.
 * Between fork and exec only async-signal-safe calls are made (libzmq's and SQLite's threads are alive in the parent):
 * arguments, environment and descriptors are prepared before. Nothing of a library crosses: the child execs at once. */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/text.h"

#define PROGRAM_FD 5 /* in the child, until exec; a script keeps it */
#define EXEC_FAILED 127
#define READ_AT_ONCE 16384 /* bytes of stderr taken in a loop turn: a chatty worker starves nobody */

/* ---- the workshop ---- */

static int find_program(char *path, size_t size, struct error *err)
{
    char self[400];
    const char *chosen = getenv("PROVISIOND_WORKER");

    if (chosen && *chosen)
        return text_copy(path, size, chosen) == 0 ? 0 : error_set(err, ERROR_LOCAL, "PROVISIOND_WORKER is too long");
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return error_set_errno(err, ERROR_LOCAL, "/proc/self/exe");
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash || text_format(path, size, "%.*s/provisiond-worker", (int)(slash - self), self) != 0)
        return error_set(err, ERROR_LOCAL, "cannot tell where provisiond-worker is");
    return 0;
}

static int open_program(struct child_workshop *workshop, struct error *err)
{
    char start[2];

    if (find_program(workshop->program, sizeof workshop->program, err) != 0)
        return -1;
    if (access(workshop->program, X_OK) != 0)
        return error_set_errno(err, ERROR_LOCAL, "the worker's program %s", workshop->program);
    workshop->program_fd = open(workshop->program, O_RDONLY | O_CLOEXEC);
    if (workshop->program_fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "the worker's program %s", workshop->program);
    workshop->script = pread(workshop->program_fd, start, 2, 0) == 2 && start[0] == '#' && start[1] == '!';
    return 0;
}

int child_workshop_open(struct child_workshop *workshop, struct error *err)
{
    int ends[2];

    *workshop = (struct child_workshop){.program_fd = -1, .lifeline_read = -1, .lifeline_write = -1, .nothing_fd = -1};
    if (open_program(workshop, err) != 0)
        return -1;
    workshop->nothing_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (workshop->nothing_fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(err, ERROR_LOCAL, "preparing to start workers");
        child_workshop_close(workshop);
        return -1;
    }
    workshop->lifeline_read = ends[0];
    workshop->lifeline_write = ends[1];
    return 0;
}

static void close_once(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void child_workshop_close(struct child_workshop *workshop)
{
    close_once(&workshop->program_fd);
    close_once(&workshop->lifeline_read);
    close_once(&workshop->lifeline_write);
    close_once(&workshop->nothing_fd);
}

/* ---- what the child gets, prepared before the fork ---- */

#define ARGUMENT_COUNT 10

struct preparation {
    char option[16], generation[24], parent[16];
    char *arguments[ARGUMENT_COUNT];
    char **environment;
    int secret_fd, stderr_fd; /* the child's ends */
    pid_t parent_pid;
};

/* Variables a worker must not see: systemd's, proxies (only configured ones count), and credentials that it does not
 * need: AWS's are for the helper alone, the queue's for type workers alone. An entry that ends in '*' is a prefix; case
 * does not matter for proxies. */
static const char *const hidden_from_all[] = {
    "NOTIFY_SOCKET=", "WATCHDOG_*", "LISTEN_*",   "MAINPID=", "PROVISIOND_*", "http_proxy=", "https_proxy=",
    "all_proxy=",     "no_proxy=",  "ftp_proxy=", NULL};
static const char *const of_the_queue[] = {
    "TASKCLUSTER_CLIENT_ID=", "TASKCLUSTER_ACCESS_TOKEN=", "TASKCLUSTER_CERTIFICATE=", NULL};
static const char *const of_aws[] = {"AWS_*", NULL};

static bool is_listed(const char *variable, const char *const *list)
{
    for (; *list; list++) {
        size_t size = strlen(*list);
        if ((*list)[size - 1] == '*')
            size--;
        if (strncasecmp(variable, *list, size) == 0)
            return true;
    }
    return false;
}

static bool is_hidden(const char *variable, const char *role)
{
    return is_listed(variable, hidden_from_all) || (!text_equal(role, "type") && is_listed(variable, of_the_queue)) ||
           (!text_equal(role, "helper") && is_listed(variable, of_aws));
}

static char **make_environment(const char *role)
{
    size_t count = 0, kept = 0;

    while (environ[count])
        count++;
    char **environment = calloc(count + 1, sizeof *environment);
    for (size_t i = 0; environment && i < count; i++)
        if (CRASH_VARIABLE(environ[i]) || !is_hidden(environ[i], role))
            environment[kept++] = environ[i];
    return environment;
}

/* The secret fits a pipe's buffer, so it is written before anybody reads. */
static int make_secret_pipe(const char *secret, int *read_end, struct error *err)
{
    int ends[2];
    ssize_t size = (ssize_t)strlen(secret);

    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(err, ERROR_LOCAL, "a pipe for a worker's secret");
    bool written = write(ends[1], secret, (size_t)size) == size;
    close(ends[1]);
    *read_end = ends[0];
    return written ? 0 : error_set(err, ERROR_LOCAL, "a worker's secret could not be handed over");
}

static int make_stderr_pipe(int *read_end, int *write_end, struct error *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(err, ERROR_LOCAL, "a pipe for a worker's log");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

static void make_arguments(struct preparation *ready, const struct child_spec *spec)
{
    ready->parent_pid = getpid();
    text_format(ready->option, sizeof ready->option, "--%s", spec->role);
    text_format(ready->generation, sizeof ready->generation, "%lld", (long long)spec->generation);
    text_format(ready->parent, sizeof ready->parent, "%d", (int)ready->parent_pid);
    char *const arguments[ARGUMENT_COUNT] = {
        "provisiond-worker", ready->option,     (char *)spec->name, "--run-dir",   (char *)spec->run_dir,
        "--generation",      ready->generation, "--parent",         ready->parent, NULL};
    memcpy(ready->arguments, arguments, sizeof arguments);
}

static void discard(struct preparation *ready)
{
    close_once(&ready->secret_fd);
    close_once(&ready->stderr_fd);
    free(ready->environment);
}

static int prepare(struct preparation *ready, struct child *child, const struct child_spec *spec, struct error *err)
{
    *ready = (struct preparation){.secret_fd = -1, .stderr_fd = -1};
    make_arguments(ready, spec);
    ready->environment = make_environment(spec->role);
    if (!ready->environment)
        return error_set(err, ERROR_LOCAL, "no memory to start a worker");
    if (make_secret_pipe(spec->secret, &ready->secret_fd, err) == 0 &&
        make_stderr_pipe(&child->stderr_fd, &ready->stderr_fd, err) == 0)
        return 0;
    discard(ready);
    return -1;
}

/* ---- between fork and exec: async-signal-safe calls only ---- */

/* All sources are moved above the targets first, so that no dup2 overwrites what is still needed. */
static bool place_descriptors(const struct preparation *ready, const struct child_workshop *workshop)
{
    const int from[] = {workshop->nothing_fd, ready->stderr_fd,        ready->stderr_fd,
                        ready->secret_fd,     workshop->lifeline_read, workshop->program_fd};
    int high[6];

    for (int i = 0; i < 6; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD, 16)) < 0)
            return false;
    for (int i = 0; i < 6; i++)
        if (dup2(high[i], i) < 0)
            return false;
    if (!workshop->script && fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    return close_range(PROGRAM_FD + 1, ~0U, 0) == 0;
}

_Noreturn static void become_worker(const struct preparation *ready, const struct child_workshop *workshop)
{
    static const char complaint[] = "event=child.exec the worker's program could not be started\n";

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != ready->parent_pid) /* it died before the line above: nobody would tell us */
        _exit(EXEC_FAILED);
    if (place_descriptors(ready, workshop)) {
        signals_reset();
        execveat(PROGRAM_FD, "", ready->arguments, ready->environment, AT_EMPTY_PATH);
    }
    if (write(STDERR_FILENO, complaint, sizeof complaint - 1) < 0)
        _exit(EXEC_FAILED);
    _exit(EXEC_FAILED);
}

/* ---- the child as its parent sees it ---- */

void child_clear(struct child *child)
{
    *child = (struct child){.pid = 0, .stderr_fd = -1};
}

int child_spawn(struct child *child, const struct child_workshop *workshop, const struct child_spec *spec,
                struct error *err)
{
    struct preparation ready;

    child_clear(child);
    text_format(child->label, sizeof child->label, "%s:%s", spec->role, spec->name);
    if (prepare(&ready, child, spec, err) != 0) {
        close_once(&child->stderr_fd);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_worker(&ready, workshop);
    if (pid < 0) {
        error_set_errno(err, ERROR_LOCAL, "fork");
        close_once(&child->stderr_fd);
    } else {
        setpgid(pid, pid); /* here too: whoever comes first */
        child->pid = pid;
    }
    discard(&ready);
    return pid < 0 ? -1 : 0;
}

void child_signal(const struct child *child, int signal_number)
{
    if (child->pid <= 1) /* 0 is our own group, -1 everybody (STYLE trap 29) */
        return;
    if (signal_number == SIGKILL)
        kill(-child->pid, SIGKILL);
    kill(child->pid, signal_number);
}

static void end_line(struct child *child)
{
    child->line[child->line_size] = '\0';
    if (child->line_size > 0) {
        log_child_line(child->label, (int)child->pid, child->line);
        text_copy(child->last_words, sizeof child->last_words, child->line);
    }
    child->line_size = 0;
}

static void take_bytes(struct child *child, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || child->line_size == CHILD_LINE_SIZE - 1)
            end_line(child);
        if (bytes[i] != '\n' && bytes[i] != '\0')
            child->line[child->line_size++] = bytes[i];
    }
}

bool child_read_stderr(struct child *child)
{
    char bytes[4096];

    for (size_t taken = 0; taken < READ_AT_ONCE;) {
        ssize_t size = read(child->stderr_fd, bytes, sizeof bytes);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0)
            return false;
        take_bytes(child, bytes, (size_t)size);
        taken += (size_t)size;
    }
    return true;
}

void child_reaped(struct child *child)
{
    if (child->stderr_fd >= 0)
        child_read_stderr(child);
    end_line(child);
    close_once(&child->stderr_fd);
    child->pid = 0;
    child->line_size = 0;
}
