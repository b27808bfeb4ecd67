/* SPDX-License-Identifier: MPL-2.0 */
/* bus.c: see bus.h. Runs in: every worker, on the main thread, after exec: the ZeroMQ context is made here
 * and never crosses a fork (case B39). */
#include "worker/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"

#define MOST_WAITING 20000
#define TRY_AGAIN SPAN_MS(20) /* nobody tells when the supervisor takes more */
#define LAST_WORDS_MS 1000    /* how long the last messages may take to leave */

struct bus_text {
    struct bus_text *next;
    char *text;
    size_t size;
};

static void say_hello(struct bus *bus, const struct worker_options *options)
{
    struct message hello = {.kind = PROTO_HELLO};
    hello.as.HELLO.version = PROTO_VERSION;
    text_copy(hello.as.HELLO.role, sizeof hello.as.HELLO.role, worker_role_name(options->role));
    text_copy(hello.as.HELLO.name, sizeof hello.as.HELLO.name, options->name);
    hello.as.HELLO.generation = options->generation;
    hello.as.HELLO.pid = getpid();
    CRASH_POINT(worker_before_hello);
    bus_send(bus, &hello, BUS_KEEP);
    CRASH_POINT(worker_after_hello);
}

int bus_open(struct bus *bus, struct loop *loop, const struct worker_options *options, struct error *err)
{
    memset(bus, 0, sizeof *bus);
    bus->last = &bus->first;
    bus->context = zmq_ctx_new();
    if (!bus->context)
        return error_set_errno(err, ERROR_LOCAL, "ZeroMQ");
    zmq_ctx_set(bus->context, ZMQ_BLOCKY, 0);
    bus->socket =
        socket_open(bus->context, SOCKET_BUS_CLIENT, options->run_dir, NULL, secret_reveal(options->identity), err);
    if (!bus->socket || loop_add_socket(loop, bus->socket, err) < 0)
        return -1;
    say_hello(bus, options);
    return 0;
}

static void drop_first(struct bus *bus)
{
    struct bus_text *first = bus->first;
    bus->first = first->next;
    if (!bus->first)
        bus->last = &bus->first;
    bus->waiting--;
    free(first->text);
    free(first);
}

void bus_close(struct bus *bus, struct loop *loop)
{
    if (bus->socket) {
        int linger = LAST_WORDS_MS;
        bus_flush(bus);
        loop_remove_socket(loop, bus->socket);
        zmq_setsockopt(bus->socket, ZMQ_LINGER, &linger, sizeof linger);
        zmq_close(bus->socket);
    }
    while (bus->first)
        drop_first(bus);
    if (bus->context)
        zmq_ctx_term(bus->context);
    bus->socket = bus->context = NULL;
}

static bool send_text(struct bus *bus, const char *text, size_t size)
{
    CRASH_POINT(worker_before_send);
    while (zmq_send(bus->socket, text, size, ZMQ_DONTWAIT) < 0) {
        if (errno == EAGAIN)
            return false;
        if (errno != EINTR) {
            log_error("bus.send", "problem=%s", log_quote(zmq_strerror(errno)));
            return true; /* it will not get better by waiting */
        }
    }
    CRASH_POINT(worker_after_send);
    return true;
}

static void keep(struct bus *bus, char *text, size_t size)
{
    struct bus_text *waiting = bus->waiting < MOST_WAITING ? malloc(sizeof *waiting) : NULL;
    if (!waiting) {
        log_error("bus.full", "waiting=%zu", bus->waiting);
        free(text);
        return;
    }
    *waiting = (struct bus_text){NULL, text, size};
    *bus->last = waiting;
    bus->last = &waiting->next;
    bus->waiting++;
}

void bus_send(struct bus *bus, const struct message *message, enum bus_care care)
{
    char *text = NULL;
    size_t size = 0;
    struct error err;
    if (message_encode(message, &text, &size, &err) < 0) {
        log_error("bus.encode", "message=%s problem=%s", message_name(message->kind), log_quote(err.text));
        return;
    }
    bool sent = !bus->first && send_text(bus, text, size);
    if (!sent && care == BUS_KEEP)
        keep(bus, text, size);
    else
        free(text);
}

void bus_flush(struct bus *bus)
{
    while (bus->first && send_text(bus, bus->first->text, bus->first->size))
        drop_first(bus);
}

struct mono bus_deadline(const struct bus *bus, struct mono now)
{
    return bus->first ? mono_add(now, TRY_AGAIN) : MONO_NEVER;
}

int bus_receive(struct bus *bus, enum proto_state state, struct message *out)
{
    struct error err;
    for (;;) {
        int got = message_receive(bus->socket, NULL, 0, out, &err);
        if (got == 0)
            return 0;
        if (got < 0) {
            log_error("bus.bad", "problem=%s", log_quote(err.text));
            continue;
        }
        if (message_allowed(out->kind, FROM_SUPERVISOR, state))
            return 1;
        log_error("bus.unexpected", "message=%s", message_name(out->kind));
        message_clear(out);
    }
}
