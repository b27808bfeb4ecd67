/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics.c: the status stream as Prometheus metrics over HTTP, on loopback unless told otherwise.
 * Runs as: one process beside the daemon. Asks the daemon nothing: it subscribes, and answers scrapes from memory.
 * When the stream stops, values older than --max-age are no longer exposed, and provisiond_up is 0. */
#include "subscribers/provisiond-metrics.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/log.h"
#include "proto/sockets.h"

#define DEFAULT_RUN_DIR "/run/provisiond"
#define DEFAULT_LISTEN "127.0.0.1:9731"
#define DEFAULT_MAX_AGE SPAN_SECONDS(120)
#define DEFAULT_MAX_TYPES 2000
#define A_TURN 2000 /* messages: then scrapes and signals are looked at */

struct exporter {
    const char *run_dir, *listen;
    struct text_options text;
    struct store store;
    struct loop *loop;
    void *zmq, *stream;
    struct server server;
    bool stopping;
};

static void print_page(void *context, struct buffer *out)
{
    struct exporter *exporter = context;

    metrics_print(&exporter->store, &exporter->text, clock_wall(), out);
}

static void read_stream(struct exporter *exporter)
{
    struct stream_message message;
    struct error err;
    int got = 0;

    for (int i = 0;
         i < A_TURN && (got = stream_receive(exporter->stream, &exporter->store.stream, &message, &err)) != 0; i++) {
        if (got < 0) {
            log_repeating(LOG_WARN_LEVEL, "message.unreadable", "stream", "", "reason=%s", log_quote(err.text));
            continue;
        }
        store_take(&exporter->store, &message);
        stream_message_clear(&message);
    }
}

static int open_all(struct exporter *exporter, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};

    exporter->zmq = zmq_ctx_new();
    if (!exporter->zmq)
        return error_set(err, ERROR_LOCAL, "ZeroMQ: memory ended");
    if (loop_create(&exporter->loop, err) != 0 || loop_catch_signals(exporter->loop, signals, 4, err) != 0)
        return -1;
    exporter->stream = socket_open(exporter->zmq, SOCKET_STATUS_CLIENT, exporter->run_dir, NULL, NULL, err);
    if (!exporter->stream || loop_add_socket(exporter->loop, exporter->stream, err) != 0)
        return -1;
    if (zmq_setsockopt(exporter->stream, ZMQ_SUBSCRIBE, "", 0) != 0)
        return error_set(err, ERROR_LOCAL, "SUBSCRIBE failed");
    exporter->server = (struct server){.page = print_page, .context = exporter};
    return server_open(&exporter->server, exporter->listen, exporter->loop, err);
}

static void run(struct exporter *exporter)
{
    struct error err;
    int signal_number;

    while (!exporter->stopping) {
        if (loop_wait(exporter->loop, http_server_deadline(exporter->server.http, clock_now()), &err) != 0)
            log_fatal("loop", "%s", err.text);
        while ((signal_number = loop_take_signal(exporter->loop)) != 0)
            exporter->stopping |= signal_number == SIGTERM || signal_number == SIGINT;
        read_stream(exporter);
        http_server_step(exporter->server.http);
    }
}

static void close_all(struct exporter *exporter)
{
    http_server_destroy(&exporter->server.http);
    zmq_close(exporter->stream);
    zmq_ctx_term(exporter->zmq);
    loop_destroy(&exporter->loop);
    store_clear(&exporter->store);
}

/* ---- the command line ---- */

static const struct option options[] = {{"run-dir", required_argument, NULL, 'd'},
                                        {"listen", required_argument, NULL, 'l'},
                                        {"max-age", required_argument, NULL, 'a'},
                                        {"max-types", required_argument, NULL, 't'},
                                        {"list", no_argument, NULL, 'L'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static void print_help(void)
{
    printf("usage: provisiond-metrics [OPTION]...\n\n"
           "  --run-dir DIR      the daemon's runDir (default %s)\n"
           "  --listen HOST:PORT where to answer GET /metrics (default %s); who can reach it can read it\n"
           "  --max-age TIME     figures older than this are not exposed (default 2m)\n"
           "  --max-types N      workerTypes at most, to bound the number of series (default %d)\n"
           "  --list             prints the table: topic, figure, metric\n\n"
           "Exit status: 0 stopped by SIGTERM, 2 anything else.\n",
           DEFAULT_RUN_DIR, DEFAULT_LISTEN, DEFAULT_MAX_TYPES);
}

static void print_table(void)
{
    static const char *const topics[] = {"supervisor", "type", "region"};

    for (const struct metric *metric = metrics_table; metric->name; metric++)
        printf("%s %s provisiond_%s\n", topics[metric->topic], metric->figure, metric->name);
}

static bool take_option(struct exporter *exporter, int letter, const char *value)
{
    char *end = NULL;
    long number;

    switch (letter) {
    case 'd':
        exporter->run_dir = value;
        return true;
    case 'l':
        exporter->listen = value;
        return true;
    case 'a':
        return span_parse(value, &exporter->text.max_age) == 0 && exporter->text.max_age.us > 0;
    case 't':
        number = strtol(value, &end, 10);
        exporter->store.types_most = (size_t)number;
        return *value && !*end && number >= 1 && number <= 1000000;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct exporter exporter = {.run_dir = DEFAULT_RUN_DIR,
                                .listen = DEFAULT_LISTEN,
                                .text = {.max_age = DEFAULT_MAX_AGE},
                                .store = {.types_most = DEFAULT_MAX_TYPES}};
    struct error err = {0};
    int letter;

    log_open("metrics", LOG_INFO_LEVEL);
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'h' || letter == 'L') {
            letter == 'h' ? print_help() : print_table();
            return 0;
        }
        if (!take_option(&exporter, letter, optarg))
            log_fatal("usage", "an option is wrong; see --help");
    }
    if (optind != argc)
        log_fatal("usage", "there is a word too many; see --help");
    if (open_all(&exporter, &err) != 0)
        log_fatal("start", "%s", err.text);
    log_info("metrics.ready", "listen=%s", http_server_address(exporter.server.http));
    run(&exporter);
    close_all(&exporter);
    return 0;
}
