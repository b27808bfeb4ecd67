/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_program.c: see credentials_program.h. Its words are cut as botocore cuts them; its errors go nowhere, for
 * they could quote a secret: whoever wants to see them runs it by hand, as the message says.
 * Runs in: the credentials helper. Between fork and exec only async-signal-safe calls. */
#include "worker/ec2/credentials_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/signals.h"

#define RUN_LIMIT SPAN_SECONDS(60)
#define ANSWER_LIMIT 65536
#define MOST_WORDS 64
#define COMMAND_LIMIT 4096
#define EXEC_FAILED 127

struct program {
    struct loop *loop;
    credentials_function *on_done;
    void *context;
    pid_t pid;    /* 0: none */
    int out, end; /* its standard output; its pidfd */
    struct mono limit;
    char answer[ANSWER_LIMIT];
    size_t size;
    bool too_long;
};

struct program *program_create(struct loop *loop, credentials_function *on_done, void *context)
{
    struct program *program = calloc(1, sizeof *program);

    if (!program)
        abort();
    program->loop = loop;
    program->on_done = on_done;
    program->context = context;
    program->out = program->end = -1;
    return program;
}

/* ---- words ---- */

/* One word, whose first character is at *in. False: a quote is open. */
static bool cut_word(char **in, char *out)
{
    char quote = '\0';

    for (; **in && (quote || !strchr(" \t\r\n", **in)); ++*in) {
        char c = **in;
        if (quote ? c == quote : (c == '\'' || c == '"')) {
            quote = quote ? '\0' : c;
        } else if (c == '\\' && quote != '\'' && (!quote || (*in)[1] == '"' || (*in)[1] == '\\')) {
            if (!*++*in)
                return false;
            *out++ = **in;
        } else {
            *out++ = c;
        }
    }
    if (**in)
        ++*in; /* before *out may overwrite it */
    *out = '\0';
    return quote == '\0';
}

int program_cut_words(char *text, char **words, size_t most)
{
    size_t count = 0;
    char *in = text;

    for (;;) {
        in += strspn(in, " \t\r\n");
        if (!*in)
            break;
        if (count == most)
            return -1;
        words[count++] = in;
        if (!cut_word(&in, words[count - 1]))
            return -1;
    }
    words[count] = NULL;
    return count > 0 ? 0 : -1;
}

/* ---- start ---- */

/* It dies with the helper, and gets none of its descriptors: sockets and identity stay here. */
_Noreturn static void become_program(char **words, int nothing, int out, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(nothing, STDERR_FILENO) >= 0 && close_range(STDERR_FILENO + 1, ~0U, 0) == 0) {
        signals_reset();
        execvp(words[0], words);
    }
    _exit(EXEC_FAILED);
}

static void watch(struct program *program, int fd)
{
    struct error err;

    if (program->loop && fd >= 0)
        loop_add_fd(program->loop, fd, EPOLLIN, NULL, NULL, &err); /* else it is seen a second later */
}

static int launch(struct program *program, char **words, struct error *err)
{
    int ends[2] = {-1, -1}, nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t parent = getpid();

    if (nothing < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(err, ERROR_LOCAL, "credential_process");
    } else if ((program->pid = fork()) == 0) {
        become_program(words, nothing, ends[1], parent);
    } else if (program->pid < 0) {
        program->pid = 0;
        error_set_errno(err, ERROR_LOCAL, "credential_process: fork");
    }
    if (nothing >= 0)
        close(nothing);
    if (ends[1] >= 0)
        close(ends[1]);
    if (program->pid == 0) {
        if (ends[0] >= 0)
            close(ends[0]);
        return -1;
    }
    setpgid(program->pid, program->pid); /* here too: whoever comes first */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    program->out = ends[0];
    program->end = pidfd_open(program->pid, 0);
    return 0;
}

void program_start(struct program *program, const char *command, struct mono now)
{
    char text[COMMAND_LIMIT], *words[MOST_WORDS + 1];
    struct error err = {0};

    if (program->pid)
        return;
    program->size = 0;
    program->too_long = false;
    program->limit = mono_add(now, RUN_LIMIT);
    if (text_copy(text, sizeof text, command) != 0 || program_cut_words(text, words, MOST_WORDS) != 0)
        error_set(&err, ERROR_INPUT, "credential_process: it is empty or too long, or a quote is open");
    else if (launch(program, words, &err) == 0) {
        watch(program, program->out);
        watch(program, program->end);
    }
    secret_wipe(text, sizeof text);
    if (!program->pid)
        program->on_done(program->context, NULL, err.text);
}

/* ---- end ---- */

static void close_one(struct program *program, int *fd)
{
    if (*fd < 0)
        return;
    if (program->loop)
        loop_remove_fd(program->loop, *fd);
    close(*fd);
    *fd = -1;
}

static void forget(struct program *program)
{
    close_one(program, &program->out);
    close_one(program, &program->end);
    secret_wipe(program->answer, program->size);
    program->size = 0;
    program->pid = 0;
}

static void kill_group(const struct program *program)
{
    if (program->pid > 1) /* 0 would be our own group */
        kill(-program->pid, SIGKILL);
}

void program_destroy(struct program **program)
{
    if (!program || !*program)
        return;
    if ((*program)->pid) {
        kill_group(*program);
        waitpid((*program)->pid, NULL, WNOHANG); /* else whoever inherits it does */
        forget(*program);
    }
    free(*program);
    *program = NULL;
}

static void drain(struct program *program)
{
    ssize_t got;

    while (program->out >= 0 && !program->too_long) {
        size_t room = sizeof program->answer - program->size;
        got = read(program->out, program->answer + program->size, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close_one(program, &program->out);
            return;
        }
        program->size += (size_t)got;
        program->too_long = program->size == sizeof program->answer;
    }
}

static void judge(struct program *program, int status)
{
    struct aws_credentials credentials;
    struct error err;
    bool good = false;

    if (program->too_long)
        error_set(&err, ERROR_REMOTE, "credential_process: it says more than %d bytes", ANSWER_LIMIT);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == EXEC_FAILED)
        error_set(&err, ERROR_INPUT, "credential_process: it could not be started (status %d)", EXEC_FAILED);
    else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        error_set(&err, ERROR_REMOTE, "credential_process: it ended with status %d; run it by hand as this user",
                  WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        error_set(&err, ERROR_REMOTE, "credential_process: it ended by signal %d", WTERMSIG(status));
    else
        good = credentials_from_program(&credentials, program->answer, program->size, &err) == 0;
    forget(program);
    program->on_done(program->context, good ? &credentials : NULL, good ? "" : err.text);
}

/* Its end is looked at before it is reaped: until then nobody else can have its number. */
void program_step(struct program *program, struct mono now)
{
    siginfo_t end = {0};
    int status = 0;

    if (!program->pid)
        return;
    bool late = mono_reached(program->limit, now);
    if (late || program->too_long)
        kill_group(program); /* it is reaped in this turn or a later one */
    bool ended = waitid(P_PID, (id_t)program->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid != 0;
    drain(program); /* after the look: what it said before its end is in the pipe */
    if (!ended)
        return;
    kill_group(program); /* children that it left behind */
    waitpid(program->pid, &status, 0);
    if (late && WIFSIGNALED(status)) {
        forget(program);
        program->on_done(program->context, NULL, "credential_process: it did not end within 60 s and was killed");
    } else {
        judge(program, status);
    }
}
