/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_hook.c: the lane that runs a command. Runs in: provisiond-notifier. Owns: the running commands.
 * No shell, a small environment, no descriptor of ours; the document is its standard input. Each has its own process
 * group, which is killed when the time is over. A status other than 0 is a definite failure; one that was killed may
 * have told somebody. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

struct hook {
    struct hook *next;
    struct attempt *attempt;
    pid_t pid;
    int pidfd;
    struct mono limit;
    bool killed;
};

/* ---- what it is given ---- */

#define VARIABLES 12

struct environment {
    char lines[VARIABLES][SENTENCE_SIZE + 64];
    char *list[VARIABLES + 1];
    size_t count;
};

static void add_variable(struct environment *environment, const char *name, const char *value)
{
    char *line = environment->lines[environment->count];

    text_format(line, sizeof environment->lines[0], "%s=%s", name, value);
    environment->list[environment->count++] = line;
    environment->list[environment->count] = NULL;
}

static void fill_environment(struct environment *environment, const struct attempt *attempt,
                             const struct notice *notice)
{
    char number[32], since[40];

    environment->count = 0;
    text_format(number, sizeof number, "%lld", (long long)notice->id);
    wall_format(notice->since, since, sizeof since);
    add_variable(environment, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_variable(environment, "LANG", "C.UTF-8");
    add_variable(environment, "HOME", getenv("HOME") ? getenv("HOME") : "/");
    add_variable(environment, "PROVISIOND_ALARM_EVENT", phase_name(attempt->phase));
    add_variable(environment, "PROVISIOND_ALARM_DEPLOYMENT", attempt->notifier->book.deployment);
    add_variable(environment, "PROVISIOND_ALARM_INCARNATION", notice->incarnation);
    add_variable(environment, "PROVISIOND_ALARM_ID", number);
    add_variable(environment, "PROVISIOND_ALARM_KIND", notice->kind);
    add_variable(environment, "PROVISIOND_ALARM_SUBJECT", notice->subject);
    add_variable(environment, "PROVISIOND_ALARM_TEXT", notice->text);
    add_variable(environment, "PROVISIOND_ALARM_SINCE", since);
}

/* In memory, so that a command that does not read it blocks nobody. */
static int make_input(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    int fd = memfd_create("alarm", MFD_CLOEXEC);
    bool whole = text && fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && write(fd, "\n", 1) == 1 &&
                 lseek(fd, 0, SEEK_SET) == 0;

    free(text);
    if (whole)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- start and end ---- */

static int spawn(const char *command, int input, char *const *variables, pid_t *pid)
{
    char *const arguments[] = {(char *)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int failed = posix_spawn(pid, command, &files, &attributes, arguments, variables);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static void unlink_hook(struct notifier *notifier, const struct hook *hook)
{
    struct hook **place = &notifier->hooks;

    while (*place && *place != hook)
        place = &(*place)->next;
    if (*place)
        *place = hook->next;
}

static void on_exit_of(void *context, int fd, uint32_t events)
{
    struct hook *hook = context;
    struct attempt *attempt = hook->attempt;
    struct notifier *notifier = attempt->notifier;
    siginfo_t info = {0};
    char why[80];

    (void)events;
    if (waitid(P_PID, (id_t)hook->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    bool exited = info.si_code == CLD_EXITED;
    text_format(why, sizeof why, exited ? "it ended with status %d" : "it was ended by signal %d%s", info.si_status,
                hook->killed ? ": its time was over" : "");
    loop_remove_fd(notifier->loop, fd);
    close(fd);
    unlink_hook(notifier, hook);
    free(hook);
    lanes_finish(attempt, !exited ? RESULT_UNKNOWN : info.si_status == 0 ? RESULT_DONE : RESULT_FAILED, why);
}

static int watch(struct hook *hook, struct error *err)
{
    hook->pidfd = pidfd_open(hook->pid, 0);
    if (hook->pidfd < 0)
        return error_set_errno(err, ERROR_LOCAL, "pidfd_open");
    return loop_add_fd(hook->attempt->notifier->loop, hook->pidfd, EPOLLIN, on_exit_of, hook, err);
}

int hook_start(struct attempt *attempt, const json_t *document, const struct notice *notice, struct error *err)
{
    struct notifier *notifier = attempt->notifier;
    struct environment environment;
    struct hook *hook = calloc(1, sizeof *hook);
    int input = make_input(document);

    fill_environment(&environment, attempt, notice);
    int failed = !hook || input < 0 ? ENOMEM : spawn(notifier->config.command, input, environment.list, &hook->pid);
    if (input >= 0)
        close(input);
    if (failed) {
        free(hook);
        errno = failed;
        return error_set_errno(err, ERROR_LOCAL, "%s", notifier->config.command);
    }
    hook->attempt = attempt;
    hook->limit = mono_add(clock_now(), notifier->config.hook_limit);
    hook->next = notifier->hooks;
    notifier->hooks = hook;
    if (watch(hook, err) != 0)
        log_fatal("command", "%s", err->text); /* descriptors have run out: a new start has them again */
    return 0;
}

static void end_hook(struct hook *hook)
{
    hook->killed = true;
    hook->limit = MONO_NEVER;
    if (hook->pid > 1)
        kill(-hook->pid, SIGKILL);
}

void hook_step(struct notifier *notifier, struct mono now)
{
    for (struct hook *hook = notifier->hooks; hook; hook = hook->next)
        if (mono_reached(hook->limit, now))
            end_hook(hook);
}

struct mono hook_deadline(const struct notifier *notifier)
{
    struct mono first = MONO_NEVER;

    for (const struct hook *hook = notifier->hooks; hook; hook = hook->next)
        first = mono_min(first, hook->limit);
    return first;
}

void hook_end_all(struct notifier *notifier)
{
    while (notifier->hooks) {
        struct hook *hook = notifier->hooks;
        notifier->hooks = hook->next;
        end_hook(hook);
        waitpid(hook->pid, NULL, 0);
        close(hook->pidfd);
        free(hook);
    }
}
