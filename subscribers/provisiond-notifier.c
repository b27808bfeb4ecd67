/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier.c: tells people of alarms, by a command and by a webhook. Runs as: one process beside the daemon,
 * best as a user of its own. Reads the status stream like any subscriber; the daemon knows nothing of it.
 * It owns its state file; it decides nothing but when to tell what it was told. */
#include "subscribers/provisiond-notifier.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"

#define A_TURN 2000                /* messages */
#define STOP_LIMIT SPAN_SECONDS(5) /* for what is under way when we are asked to stop */
#define URL_LIMIT 4096

/* ---- start ---- */

/* The URL is a secret: a file that others may read is refused. */
static int read_webhook(struct notifier *notifier, struct error *err)
{
    const char *path = notifier->config.webhook_file;
    char line[URL_LIMIT];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    ssize_t got = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? read(fd, line, sizeof line - 1) : -1;
    close(fd);
    if (got < 0)
        return error_set(err, ERROR_INPUT, "%s: is no readable file", path);
    if (status.st_mode & 077)
        return error_set(err, ERROR_INPUT, "%s: holds a secret and may be read by others; chmod 600 it", path);
    line[got] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    notifier->webhook = secret_create(line, strlen(line));
    bool empty = line[0] == '\0';
    secret_wipe(line, sizeof line);
    if (empty)
        return error_set(err, ERROR_INPUT, "%s: its first line is no URL", path);
    return notifier->webhook ? 0 : error_set(err, ERROR_LOCAL, "memory ended");
}

static int open_book(struct notifier *notifier, struct error *err)
{
    struct notifier_config *config = &notifier->config;

    notifier->book.lanes[LANE_HOOK] = *config->command;
    notifier->book.lanes[LANE_WEBHOOK] = *config->webhook_file;
    notifier->book.tell_cleared = config->cleared;
    if (*config->command && access(config->command, X_OK) != 0)
        return error_set_errno(err, ERROR_INPUT, "command %s", config->command);
    if (*config->webhook_file && read_webhook(notifier, err) != 0)
        return -1;
    if (state_read(config->state_file, &notifier->book, config->retry_unknown, err) != 0)
        return -1;
    /* Written at once: a place where it cannot be is better found now than with the first alarm. */
    return state_write(config->state_file, &notifier->book, err);
}

static int open_all(struct notifier *notifier, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    const struct notifier_config *config = &notifier->config;
    struct http_options options = {.user_agent = "provisiond-notifier",
                                   .proxy = *config->proxy ? config->proxy : NULL,
                                   .ca_path = config->ca_path,
                                   .allow_plain_http = config->allow_plain_http};

    if (open_book(notifier, err) != 0 || loop_create(&notifier->loop, err) != 0 ||
        loop_catch_signals(notifier->loop, signals, 4, err) != 0 ||
        http_create(&notifier->http, notifier->loop, &options, err) != 0)
        return -1;
    notifier->zmq = zmq_ctx_new();
    if (!notifier->zmq)
        return error_set(err, ERROR_LOCAL, "ZeroMQ: memory ended");
    notifier->socket = socket_open(notifier->zmq, SOCKET_STATUS_CLIENT, config->run_dir, NULL, NULL, err);
    if (!notifier->socket || loop_add_socket(notifier->loop, notifier->socket, err) != 0)
        return -1;
    /* Everything, not alarms alone: only so is it known that a refresh was complete and nothing was lost. */
    return zmq_setsockopt(notifier->socket, ZMQ_SUBSCRIBE, "", 0) == 0 ? 0 : error_set(err, ERROR_LOCAL, "SUBSCRIBE");
}

/* ---- loop ---- */

static void read_stream(struct notifier *notifier, struct mono now)
{
    struct stream_message message;
    struct error err;
    int got = 0;

    for (int i = 0; i < A_TURN && (got = stream_receive(notifier->socket, &notifier->stream, &message, &err)) != 0;
         i++) {
        if (got < 0) {
            log_repeating(LOG_WARN_LEVEL, "message.unreadable", "stream", "", "reason=%s", log_quote(err.text));
            continue;
        }
        book_take(&notifier->book, &message, notifier->stream.incarnation, notifier->config.restart_grace, now);
        stream_message_clear(&message);
    }
}

static bool is_idle(const struct notifier *notifier)
{
    return notifier->active[LANE_HOOK] + notifier->active[LANE_WEBHOOK] == 0;
}

static void take_signals(struct notifier *notifier, struct mono now)
{
    int signal_number;

    while ((signal_number = loop_take_signal(notifier->loop)) != 0) {
        if (notifier->stopping || (signal_number != SIGTERM && signal_number != SIGINT))
            continue;
        notifier->stopping = true;
        notifier->stop_deadline = mono_add(now, STOP_LIMIT);
    }
}

static void run(struct notifier *notifier)
{
    struct error err;
    struct mono now = clock_now();

    while (!notifier->stopping || (!is_idle(notifier) && !mono_reached(notifier->stop_deadline, now))) {
        struct mono deadline = lanes_deadline(notifier);
        if (notifier->stopping)
            deadline = mono_min(deadline, notifier->stop_deadline);
        if (loop_wait(notifier->loop, deadline, &err) != 0)
            log_fatal("loop", "%s", err.text);
        now = clock_now();
        take_signals(notifier, now);
        read_stream(notifier, now);
        http_step(notifier->http, now);
        lanes_step(notifier, now);
        http_step(notifier->http, now); /* what was started just now leaves at once */
    }
}

/* What is under way stays "sending" in the file: it may have arrived. */
static void close_all(struct notifier *notifier)
{
    hook_end_all(notifier);
    http_destroy(&notifier->http);
    lanes_forget(notifier);
    zmq_close(notifier->socket);
    zmq_ctx_term(notifier->zmq);
    loop_destroy(&notifier->loop);
    book_clear(&notifier->book);
    secret_destroy(&notifier->webhook);
}

/* ---- the command line ---- */

static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                        {"print-config", no_argument, NULL, 'p'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static void print_help(void)
{
    printf("usage: provisiond-notifier --config FILE [--print-config]\n\n"
           "Tells of alarms by a command and by a webhook, each raise once.\n"
           "--print-config checks the file, prints all settings, and ends.\n\n"
           "Exit status: 0 stopped by SIGTERM, 2 anything else.\n\nSettings (JSON):\n\n");
    notifier_config_help(stdout);
}

static int print_config(const struct notifier_config *config)
{
    json_t *document = notifier_config_print(config);

    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
    return 0;
}

int main(int argc, char **argv)
{
    static struct notifier notifier;
    const char *path = NULL;
    struct error err = {0};
    bool print = false;
    int letter;

    log_open("notifier", LOG_INFO_LEVEL);
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'h') {
            print_help();
            return 0;
        }
        if (letter == '?')
            log_fatal("usage", "an option is wrong; see --help");
        path = letter == 'c' ? optarg : path;
        print |= letter == 'p';
    }
    if (!path || optind != argc)
        log_fatal("usage", "--config FILE must be given and nothing else; see --help");
    if (notifier_config_read(path, &notifier.config, &err) != 0)
        log_fatal("configuration", "%s", err.text);
    if (print)
        return print_config(&notifier.config);
    if (open_all(&notifier, &err) != 0)
        log_fatal("start", "%s", err.text);
    log_info("notifier.ready", "command=%s webhook=%s notices=%zu", *notifier.config.command ? "yes" : "no",
             *notifier.config.webhook_file ? "yes" : "no", notifier.book.count);
    run(&notifier);
    close_all(&notifier);
    return 0;
}
