/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay.c: takes the status stream from the daemon's ipc socket and gives it to many subscribers over tcp,
 * encrypted (CURVE), to those on a list only. Runs as: one process beside the daemon, best as a user of its own.
 * Decides nothing and changes no byte of a message. Deaf, slow, hostile and late subscribers cost the others nothing:
 * what waits for one is bounded, and the daemon has this one reader instead of thousands. Late ones have everything
 * after one statusInterval, since the daemon publishes in full that often. */
#include "subscribers/provisiond-relay.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/text.h"
#include "proto/sockets.h"

#define DEFAULT_RUN_DIR "/run/provisiond"
#define DEFAULT_LISTEN "tcp://127.0.0.1:9732"
#define DEFAULT_HIGH_WATER 4096 /* above twice the topics of 1,000 types (DESIGN section 10) */
#define A_TURN 2000             /* messages: then signals and newcomers are looked at */
#define REOPEN_AFTER SPAN_MS(50)
#define IO_THREADS 2 /* they encrypt */
/* Each message is encrypted once for each subscriber: with a thousand of them that is ten milliseconds of both cores a
 * message, which the daemon on the same host should not wait for. Not every kernel keeps to it: docs/subscribers.md. */
#define POLICY SCHED_IDLE

#define EXIT_SELFTEST 1 /* everything else that stops it: 2, by log_fatal */

struct relay {
    const char *run_dir, *allow_path, *secret_path;
    struct public_options options;
    struct secret *secret_key;
    char public_key[KEY_TEXT_SIZE];
    struct relay_keys keys;
    struct zap zap;
    struct loop *loop;
    void *zmq, *upstream, *downstream;
    struct mono reopen_at; /* MONO_NEVER: it is open */
    char listen[256];      /* with the port that was really taken, so that a reopened socket has the same */
    bool stopping;
};

/* ---- the stream ---- */

static int receive(void *socket, zmq_msg_t *frame)
{
    int got;

    do
        got = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

/* One message, frame by frame as it came; without a public socket it is read away. False: none was there. */
static bool forward_one(struct relay *relay)
{
    zmq_msg_t frame;
    bool more = true, any = false;

    zmq_msg_init(&frame);
    while (more && receive(relay->upstream, &frame) >= 0) {
        any = true;
        more = zmq_msg_more(&frame);
        /* An XPUB socket never waits: it drops for subscribers that are full. */
        if (relay->downstream)
            zmq_msg_send(&frame, relay->downstream, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    }
    zmq_msg_close(&frame);
    return any;
}

static void forward(struct relay *relay)
{
    for (int i = 0; i < A_TURN && forward_one(relay); i++)
        ;
}

/* ---- the public socket ---- */

/* Only so can libzmq be made to end connections whose key is no longer welcome; the others come back by themselves. */
static void close_public(struct relay *relay)
{
    if (!relay->downstream)
        return;
    loop_remove_socket(relay->loop, relay->downstream);
    zmq_unbind(relay->downstream, relay->listen);
    zmq_close(relay->downstream);
    relay->downstream = NULL;
    relay->reopen_at = mono_add(clock_now(), REOPEN_AFTER);
}

static int open_public(struct relay *relay, struct error *err)
{
    size_t size = sizeof relay->listen;

    relay->downstream = public_open(relay->zmq, &relay->options, err);
    if (!relay->downstream)
        return -1;
    if (zmq_getsockopt(relay->downstream, ZMQ_LAST_ENDPOINT, relay->listen, &size) == 0)
        relay->options.listen = relay->listen;
    relay->reopen_at = MONO_NEVER;
    return loop_add_socket(relay->loop, relay->downstream, err);
}

/* The old socket is closed by another thread: until then the address is in use. */
static void reopen_public(struct relay *relay)
{
    struct error err;

    if (open_public(relay, &err) == 0) {
        log_info("relay.reopened", "listen=%s", relay->listen);
        return;
    }
    if (errno != EADDRINUSE)
        log_repeating(LOG_ERROR_LEVEL, "relay.closed", relay->listen, err.text, "reason=%s", log_quote(err.text));
    relay->reopen_at = mono_add(clock_now(), REOPEN_AFTER);
}

/* ---- signals ---- */

static bool lost_any(const struct relay_keys *before, const struct relay_keys *after)
{
    for (size_t i = 0; i < before->count; i++)
        if (!keys_find(after, before->list[i].bytes))
            return true;
    return false;
}

static void reload(struct relay *relay)
{
    struct relay_keys fresh = {0};
    struct error err;

    if (keys_read(relay->allow_path, &fresh, &err) != 0) {
        log_error("list.rejected", "kept=%zu reason=%s", relay->keys.count, log_quote(err.text));
        return;
    }
    bool lost = lost_any(&relay->keys, &fresh);
    keys_clear(&relay->keys);
    relay->keys = fresh;
    log_info("list.read", "keys=%zu removed=%s", fresh.count, lost ? "yes" : "no");
    if (lost)
        close_public(relay);
}

static void take_signals(struct relay *relay)
{
    int signal_number;

    while ((signal_number = loop_take_signal(relay->loop)) != 0) {
        if (signal_number == SIGHUP)
            reload(relay);
        else if (signal_number != SIGPIPE)
            relay->stopping = true;
    }
}

/* ---- start and loop ---- */

/* Before the first thread: they inherit it. */
static void stand_back(void)
{
    const struct sched_param none = {0};

    if (sched_setscheduler(0, POLICY, &none) != 0)
        log_warn("relay.priority", "reason=%s effect=\"it may delay the daemon\"", log_quote(strerror(errno)));
}

static int read_keys(struct relay *relay, struct error *err)
{
    if (keys_read_secret(relay->secret_path, &relay->secret_key, relay->public_key, err) != 0 ||
        keys_read(relay->allow_path, &relay->keys, err) != 0)
        return -1;
    relay->options.secret_key = relay->secret_key;
    if (relay->keys.count == 0)
        log_warn("list.empty", "path=%s", log_quote(relay->allow_path));
    return 0;
}

/* The ZAP handler comes before the first bind: a CURVE server without one admits everybody. */
static int open_sockets(struct relay *relay, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};

    relay->zmq = zmq_ctx_new();
    if (!relay->zmq || zmq_ctx_set(relay->zmq, ZMQ_IO_THREADS, IO_THREADS) != 0)
        return error_set(err, ERROR_LOCAL, "ZeroMQ: %s", zmq_strerror(errno));
    if (loop_create(&relay->loop, err) != 0 || loop_catch_signals(relay->loop, signals, 4, err) != 0 ||
        zap_open(&relay->zap, relay->zmq, &relay->keys, err) != 0 ||
        loop_add_socket(relay->loop, relay->zap.socket, err) != 0)
        return -1;
    return open_public(relay, err);
}

static int open_upstream(struct relay *relay, struct error *err)
{
    relay->upstream = socket_open(relay->zmq, SOCKET_STATUS_CLIENT, relay->run_dir, NULL, NULL, err);
    if (!relay->upstream || loop_add_socket(relay->loop, relay->upstream, err) != 0)
        return -1;
    if (zmq_setsockopt(relay->upstream, ZMQ_SUBSCRIBE, "", 0) != 0)
        return error_set(err, ERROR_LOCAL, "SUBSCRIBE: %s", zmq_strerror(errno));
    return 0;
}

static void run(struct relay *relay)
{
    struct error err;

    while (!relay->stopping) {
        if (loop_wait(relay->loop, relay->reopen_at, &err) != 0)
            log_fatal("loop", "%s", err.text);
        take_signals(relay);
        zap_step(&relay->zap);
        if (relay->downstream && public_hear(relay->downstream, &relay->keys, clock_now()))
            close_public(relay);
        if (!relay->downstream && mono_reached(relay->reopen_at, clock_now()))
            reopen_public(relay);
        forward(relay);
    }
}

static void close_all(struct relay *relay)
{
    if (relay->downstream)
        zmq_close(relay->downstream);
    if (relay->upstream)
        zmq_close(relay->upstream);
    zap_close(&relay->zap);
    if (relay->zmq)
        zmq_ctx_term(relay->zmq);
    loop_destroy(&relay->loop);
    keys_clear(&relay->keys);
    secret_destroy(&relay->secret_key);
}

/* ---- the command line ---- */

static const struct option options[] = {{"run-dir", required_argument, NULL, 'd'},
                                        {"listen", required_argument, NULL, 'l'},
                                        {"secret-key", required_argument, NULL, 's'},
                                        {"allow", required_argument, NULL, 'a'},
                                        {"high-water", required_argument, NULL, 'w'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static void print_help(void)
{
    printf(
        "usage: provisiond-relay --secret-key FILE --allow PATH [OPTION]...\n\n"
        "  --secret-key FILE  the relay's secret key (provisionctl keygen NAME writes NAME.key and NAME.pub)\n"
        "  --allow PATH       public keys of those who may subscribe: a file with one a line, or a directory whose\n"
        "                     *.pub files are read; SIGHUP reads it anew and cuts off whom it no longer names\n"
        "  --run-dir DIR      the daemon's runDir (default %s)\n"
        "  --listen ADDRESS   tcp://HOST:PORT (default %s)\n"
        "  --high-water N     messages that wait for one slow subscriber at most (default %d)\n\n"
        "Exit status: 0 stopped by SIGTERM, 1 the self-test failed: a random key was not refused, 2 anything else.\n",
        DEFAULT_RUN_DIR, DEFAULT_LISTEN, DEFAULT_HIGH_WATER);
}

static bool take_option(struct relay *relay, int letter, const char *value)
{
    char *end = NULL;

    switch (letter) {
    case 'd':
        relay->run_dir = value;
        return true;
    case 'l':
        relay->options.listen = value;
        return text_starts(value, "tcp://");
    case 's':
        relay->secret_path = value;
        return true;
    case 'a':
        relay->allow_path = value;
        return true;
    case 'w':
        relay->options.high_water = (int)strtol(value, &end, 10);
        return *value && !*end && relay->options.high_water >= 16 && relay->options.high_water <= 1000000;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct relay relay = {.run_dir = DEFAULT_RUN_DIR,
                          .options = {.listen = DEFAULT_LISTEN, .high_water = DEFAULT_HIGH_WATER}};
    struct error err = {0};
    int letter;

    log_open("relay", LOG_INFO_LEVEL);
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'h') {
            print_help();
            return 0;
        }
        if (!take_option(&relay, letter, optarg))
            log_fatal("usage", "an option is wrong; see --help");
    }
    if (!relay.secret_path || !relay.allow_path || optind != argc)
        log_fatal("usage", "--secret-key and --allow must be given; see --help");
    if (!zmq_has("curve"))
        log_fatal("curve", "this libzmq was built without CURVE");
    limits_raise_files();
    stand_back();
    if (read_keys(&relay, &err) != 0 || open_sockets(&relay, &err) != 0)
        log_fatal("start", "%s", err.text);
    if (selftest_run(relay.zmq, relay.downstream, relay.public_key, &relay.zap, &err) != 0) {
        log_error("selftest.failed", "reason=%s", log_quote(err.text));
        close_all(&relay);
        return EXIT_SELFTEST;
    }
    if (open_upstream(&relay, &err) != 0)
        log_fatal("start", "%s", err.text);
    log_info("relay.ready", "listen=%s key=%s keys=%zu", relay.listen, log_quote(relay.public_key), relay.keys.count);
    run(&relay);
    close_all(&relay);
    return 0;
}
