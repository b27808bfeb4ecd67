/* SPDX-License-Identifier: MPL-2.0 */
/* start.c: see start.h. Runs in: provisiond-worker, after exec, before and while the role begins. */
#include "worker/start.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/text.h"

#define LONGEST_IDENTITY 256
#define WELCOME_LIMIT SPAN_SECONDS(60) /* the supervisor's helloLimit is what counts; this is a second net */

struct secret *start_read_identity(struct error *err)
{
    char text[LONGEST_IDENTITY + 1];
    size_t size = 0;
    ssize_t got;
    while (size < sizeof text && (got = read(WORKER_SECRET_FD, text + size, sizeof text - size)) != 0) {
        if (got < 0 && errno != EINTR) {
            error_set_errno(err, ERROR_USAGE, "fd %d, the identity that the supervisor gives", WORKER_SECRET_FD);
            return NULL;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    close(WORKER_SECRET_FD);
    while (size > 0 && text[size - 1] == '\n')
        size--;
    bool good = size > 0 && size <= LONGEST_IDENTITY;
    for (size_t i = 0; good && i < size; i++)
        good = isxdigit((unsigned char)text[i]);
    struct secret *identity = good ? secret_create(text, size) : NULL;
    secret_wipe(text, sizeof text);
    if (!identity)
        error_set(err, ERROR_USAGE, "fd %d does not hold an identity: workers are started by provisiond",
                  WORKER_SECRET_FD);
    return identity;
}

int start_tie_to_parent(pid_t parent, struct error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set_errno(err, ERROR_LOCAL, "PR_SET_PDEATHSIG");
    /* The parent may have died before the line above. Compared with its pid, not with 1: there are subreapers. */
    if (getppid() != parent)
        return error_set(err, ERROR_USAGE, "process %d is not our parent", (int)parent);
    return 0;
}

void start_reset_signals(void)
{
    signals_reset();
    signal(SIGPIPE, SIG_IGN);
}

void start_clean_environment(void)
{
    /* Only the supervisor speaks to systemd (STYLE trap 28). */
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

void start_keep_out_of_cores(void)
{
    prctl(PR_SET_DUMPABLE, 0); /* also for a core_pattern that is a pipe, which RLIMIT_CORE does not stop */
}

void start_set_title(int argc, char **argv, const struct worker_options *options)
{
    char title[NAME_SIZE + 32];
    const char *role = worker_role_name(options->role);
    size_t room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
    text_format(title, sizeof title, "provisiond-worker %s %s", role, options->name);
    memset(argv[0], 0, room);
    text_copy(argv[0], room, title);
    text_format(title, sizeof title, "%c:%s", role[0], options->name);
    prctl(PR_SET_NAME, title); /* the kernel keeps 15 bytes */
}

/* The supervisor holds the only write end. Nothing is said or saved: all that matters is in its ledger. */
static void on_lifeline(void *context, int fd, uint32_t events)
{
    char byte;
    (void)context;
    (void)events;
    ssize_t got = read(fd, &byte, 1);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        _exit(0);
}

/* SIGHUP and SIGTERM as data, and the end of the process at the lifeline's end of file. */
static int watch(struct loop *loop, struct error *err)
{
    static const int signals[] = {SIGHUP, SIGTERM};
    if (loop_catch_signals(loop, signals, 2, err) < 0)
        return -1;
    int flags = fcntl(WORKER_LIFELINE_FD, F_GETFL);
    if (flags < 0)
        return error_set_errno(err, ERROR_USAGE, "fd %d, the lifeline", WORKER_LIFELINE_FD);
    fcntl(WORKER_LIFELINE_FD, F_SETFD, FD_CLOEXEC);
    return loop_add_fd(loop, WORKER_LIFELINE_FD, EPOLLIN, on_lifeline, NULL, err);
}

static bool await_welcome(struct loop *loop, struct bus *bus, struct message *out, int *exit_status)
{
    struct error err;
    struct mono limit = mono_add(clock_now(), WELCOME_LIMIT);
    *exit_status = WORKER_EXIT_REFUSED;
    while (!mono_reached(limit, clock_now())) {
        if (loop_wait(loop, limit, &err) < 0)
            return error_prefix(&err, "the loop"), log_error("worker.loop", "problem=%s", log_quote(err.text)), false;
        int signal_number = loop_take_signal(loop);
        if (signal_number) {
            *exit_status = signal_number == SIGHUP ? WORKER_EXIT_RELOAD : 0;
            return false;
        }
        bus_flush(bus);
        if (bus_receive(bus, IN_STARTING, out) == 1)
            return true;
    }
    log_error("worker.welcome", "problem=\"the supervisor does not answer\"");
    return false;
}

bool start_role(struct loop **loop, struct bus *bus, const struct worker_options *options, start_taker *take,
                void *worker, int *exit_status)
{
    struct message welcome;
    struct error err;

    *exit_status = WORKER_EXIT_USAGE;
    if (loop_create(loop, &err) < 0 || watch(*loop, &err) < 0 || bus_open(bus, *loop, options, &err) < 0) {
        log_error("worker.start", "problem=%s", log_quote(err.text));
        return false;
    }
    if (!await_welcome(*loop, bus, &welcome, exit_status))
        return false;
    int taken = take(worker, &welcome.as.WELCOME, &err);
    message_clear(&welcome);
    if (taken < 0) {
        log_error("worker.welcome", "problem=%s", log_quote(err.text));
        *exit_status = WORKER_EXIT_REFUSED;
        return false;
    }
    return true;
}

int start_read_settings(const char *text, struct config *out, struct error *err)
{
    json_t *document = json_read_text("settings", text, strlen(text), err);
    if (!document)
        return -1;
    int result = config_parse(document, "settings", out, err);
    json_decref(document);
    if (result == 0)
        log_set_level((enum log_level)out->log_level);
    return result;
}

struct http_client *start_http(struct loop *loop, const struct config *config, struct error *err)
{
    struct http_client *http = NULL;
    struct http_options options = {.user_agent = "provisiond-worker",
                                   .proxy = *config->proxy ? config->proxy : NULL,
                                   .ca_path = *config->ca_path ? config->ca_path : NULL,
                                   .allow_plain_http = config->allow_plain_http};
    return http_create(&http, loop, &options, err) == 0 ? http : NULL;
}

struct credentials *start_credentials(struct loop *loop, struct http_client *http, const struct config *config,
                                      struct error *err)
{
    struct credentials *credentials = NULL;
    struct credentials_options options = {.loop = loop,
                                          .metadata_endpoint = config->metadata_endpoint,
                                          .sts_endpoint = config->sts_endpoint,
                                          .region = config->region_count > 0 ? config->regions[0].name : NULL};
    return credentials_create(&credentials, http, &options, err) == 0 ? credentials : NULL;
}
