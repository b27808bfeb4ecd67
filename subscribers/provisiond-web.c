/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web.c: the dashboard: one page that says who waits, why, and what it costs, from the status stream.
 * Runs as: one process beside the daemon, one thread. Asks the daemon only for explanations and past events, when a
 * page is open, and hands on an operator's pause, resume and restart when a token is configured; else read-only. */
#include "subscribers/provisiond-web.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/json.h"
#include "common/log.h"
#include "proto/sockets.h"

#define DEFAULT_RUN_DIR "/run/provisiond"
#define DEFAULT_LISTEN "127.0.0.1:9730"
#define DEFAULT_MAX_AGE SPAN_SECONDS(60) /* maxDemandAge's and maxInventoryAge's default */
#define DEFAULT_MAX_TYPES 2000
#define PAST_EVENTS "{\"last\": 200}"
#define A_TURN 2000 /* messages: then browsers and signals are looked at */

struct dashboard {
    const char *run_dir, *listen, *token_file;
    struct span max_age;
    size_t types_most;
    struct web web;
    struct loop *loop;
    void *zmq, *stream;
    struct http_server *server;
    struct question *past; /* events from before we listened */
    bool stopping;
};

/* ---- the stream ---- */

static void ask_for_past_events(struct dashboard *dashboard)
{
    struct error err;

    ask_release(dashboard->web.ask, dashboard->past);
    dashboard->past = ask_begin(dashboard->web.ask, "events", "", PAST_EVENTS, NULL, &err);
}

static void take_past_events(struct dashboard *dashboard)
{
    const struct question *past = dashboard->past;
    json_t *body, *event;
    size_t i;

    if (!past || past->state == ASK_WAITING)
        return;
    body = past->body ? json_read_text("events", past->body, strlen(past->body), NULL) : NULL;
    if (!body)
        log_info("events.unknown", "reason=%s", log_quote(past->text));
    json_array_foreach(json_object_get(body, "events"), i, event)
    {
        store_take_event(&dashboard->web.store, event);
    }
    json_decref(body);
    ask_release(dashboard->web.ask, dashboard->past);
    dashboard->past = NULL;
}

static void read_stream(struct dashboard *dashboard)
{
    struct store *store = &dashboard->web.store;
    struct stream_message message;
    struct error err;
    int got = 0;

    for (int i = 0; i < A_TURN && (got = stream_receive(dashboard->stream, &store->stream, &message, &err)) != 0; i++) {
        if (got < 0) {
            log_repeating(LOG_WARN_LEVEL, "message.unreadable", "stream", "", "reason=%s", log_quote(err.text));
            continue;
        }
        store_take(store, &message, clock_now());
        if (message.new_incarnation)
            ask_for_past_events(dashboard);
        stream_message_clear(&message);
    }
    store_settle(store);
}

/* ---- start, run, end ---- */

static int open_all(struct dashboard *dashboard, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    struct web *web = &dashboard->web;

    dashboard->zmq = zmq_ctx_new();
    if (!dashboard->zmq)
        return error_set(err, ERROR_LOCAL, "ZeroMQ: memory ended");
    if (dashboard->token_file && guard_read_token(&web->guard, dashboard->token_file, err) != 0)
        return -1;
    if (loop_create(&dashboard->loop, err) != 0 || loop_catch_signals(dashboard->loop, signals, 4, err) != 0)
        return -1;
    dashboard->stream = socket_open(dashboard->zmq, SOCKET_STATUS_CLIENT, dashboard->run_dir, NULL, NULL, err);
    if (!dashboard->stream || loop_add_socket(dashboard->loop, dashboard->stream, err) != 0)
        return -1;
    if (zmq_setsockopt(dashboard->stream, ZMQ_SUBSCRIBE, "", 0) != 0)
        return error_set(err, ERROR_LOCAL, "SUBSCRIBE failed");
    store_open(&web->store, dashboard->types_most, dashboard->max_age, clock_now());
    web->feed = feed_create(&web->store, web->guard.token);
    web->ask = ask_create(dashboard->zmq, dashboard->loop, dashboard->run_dir);
    if (server_create(&dashboard->server, dashboard->listen, dashboard->loop, web, err) != 0)
        return -1;
    /* This server speaks no TLS: a token that crosses a network would be everybody's. */
    if (web->guard.token && !http_server_is_loopback(dashboard->server))
        return error_set(err, ERROR_USAGE, "with a token it listens on loopback only; put a TLS proxy before it");
    return 0;
}

static struct mono deadline_of(struct dashboard *dashboard, struct mono now)
{
    struct mono deadline = http_server_deadline(dashboard->server, now);

    deadline = mono_min(deadline, feed_deadline(dashboard->web.feed));
    return mono_min(deadline, ask_deadline(dashboard->web.ask));
}

static void run(struct dashboard *dashboard)
{
    struct error err;
    int signal_number;

    while (!dashboard->stopping) {
        if (loop_wait(dashboard->loop, deadline_of(dashboard, clock_now()), &err) != 0)
            log_fatal("loop", "%s", err.text);
        while ((signal_number = loop_take_signal(dashboard->loop)) != 0)
            dashboard->stopping |= signal_number == SIGTERM || signal_number == SIGINT;
        read_stream(dashboard);
        ask_step(dashboard->web.ask, clock_now());
        take_past_events(dashboard);
        feed_step(dashboard->web.feed, clock_now());
        http_server_step(dashboard->server);
    }
}

static void close_all(struct dashboard *dashboard)
{
    struct web *web = &dashboard->web;

    feed_close(web->feed);
    ask_close(web->ask);
    http_server_destroy(&dashboard->server);
    feed_destroy(&web->feed);
    ask_destroy(&web->ask);
    zmq_close(dashboard->stream);
    zmq_ctx_term(dashboard->zmq);
    loop_destroy(&dashboard->loop);
    store_clear(&web->store);
    secret_destroy(&web->guard.token);
}

/* ---- the command line ---- */

static const struct option options[] = {
    {"run-dir", required_argument, NULL, 'd'}, {"listen", required_argument, NULL, 'l'},
    {"host", required_argument, NULL, 'H'},    {"token-file", required_argument, NULL, 'T'},
    {"max-age", required_argument, NULL, 'a'}, {"max-types", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};

static void print_help(void)
{
    printf("usage: provisiond-web [OPTION]...\n\n"
           "  --run-dir DIR      the daemon's runDir (default %s)\n"
           "  --listen HOST:PORT where to answer (default %s); who can reach it can read it\n"
           "  --host NAME        also answers requests for this host name (a proxy's); may be repeated\n"
           "  --token-file FILE  who knows the token in it may pause, resume and restart; without it: read-only\n"
           "  --max-age TIME     figures older than this are shown as stale (default 60s)\n"
           "  --max-types N      workerTypes at most, about 45 KB each (default %d)\n\n"
           "Exit status: 0 stopped by SIGTERM, 2 anything else.\n",
           DEFAULT_RUN_DIR, DEFAULT_LISTEN, DEFAULT_MAX_TYPES);
}

static bool take_option(struct dashboard *dashboard, int letter, const char *value)
{
    struct guard *guard = &dashboard->web.guard;
    char *end = NULL;
    long number;

    switch (letter) {
    case 'd':
        dashboard->run_dir = value;
        return true;
    case 'l':
        dashboard->listen = value;
        return true;
    case 'H':
        if (guard->host_count == HOSTS_MOST)
            return false;
        guard->hosts[guard->host_count++] = value;
        return true;
    case 'T':
        dashboard->token_file = value;
        return true;
    case 'a':
        return span_parse(value, &dashboard->max_age) == 0 && dashboard->max_age.us > 0;
    case 't':
        number = strtol(value, &end, 10);
        dashboard->types_most = (size_t)number;
        return *value && !*end && number >= 1 && number <= 100000;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct dashboard dashboard = {.run_dir = DEFAULT_RUN_DIR,
                                  .listen = DEFAULT_LISTEN,
                                  .max_age = DEFAULT_MAX_AGE,
                                  .types_most = DEFAULT_MAX_TYPES};
    struct error err = {0};
    int letter;

    log_open("web", LOG_INFO_LEVEL);
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'h') {
            print_help();
            return 0;
        }
        if (!take_option(&dashboard, letter, optarg))
            log_fatal("usage", "an option is wrong; see --help");
    }
    if (optind != argc)
        log_fatal("usage", "there is a word too many; see --help");
    if (open_all(&dashboard, &err) != 0)
        log_fatal("start", "%s", err.text);
    log_info("web.ready", "listen=%s may-act=%s", http_server_address(dashboard.server),
             dashboard.web.guard.token ? "with-token" : "nobody");
    run(&dashboard);
    close_all(&dashboard);
    return 0;
}
