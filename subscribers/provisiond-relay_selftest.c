/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay_selftest.c: proves at each start that the door is closed: a random key must be refused. That the
 * same attempt with a known key succeeds shows that it was the key, and not something else, that was refused. Runs in:
 * provisiond-relay, before anything is published. Owns: its probe sockets. */
#include "subscribers/provisiond-relay.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/text.h"

#define LIMIT SPAN_SECONDS(10)
#define MONITOR "inproc://relay-selftest-%s"
#define EVENTS                                                                                                         \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |          \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)

enum verdict { LET_IN, REFUSED, NO_VERDICT };

struct probe {
    void *socket, *monitor;
};

/* A wildcard is no address to connect to. */
static int own_address(void *public_socket, char *out, size_t size, struct error *err)
{
    char bound[256];
    size_t bound_size = sizeof bound;

    if (zmq_getsockopt(public_socket, ZMQ_LAST_ENDPOINT, bound, &bound_size) != 0)
        return error_set(err, ERROR_LOCAL, "LAST_ENDPOINT: %s", zmq_strerror(errno));
    const char *colon = strrchr(bound, ':');
    if (text_starts(bound, "tcp://0.0.0.0:") && colon)
        return text_format(out, size, "tcp://127.0.0.1%s", colon);
    if (text_starts(bound, "tcp://[::]:") && colon)
        return text_format(out, size, "tcp://[::1]%s", colon);
    return text_copy(out, size, bound);
}

static int set_probe(void *socket, const char *server_key, const char *public_key, const char *secret_key, bool ipv6)
{
    int none = 0, never = -1, six = ipv6;

    return zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
                   zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never) == 0 &&
                   zmq_setsockopt(socket, ZMQ_IPV6, &six, sizeof six) == 0 &&
                   zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, KEY_TEXT_SIZE) == 0 &&
                   zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, KEY_TEXT_SIZE) == 0 &&
                   zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, KEY_TEXT_SIZE) == 0
               ? 0
               : -1;
}

static int watch(void *zmq_context, struct probe *probe, const char *name)
{
    char endpoint[80];

    text_format(endpoint, sizeof endpoint, MONITOR, name);
    probe->monitor = zmq_socket(zmq_context, ZMQ_PAIR);
    return probe->monitor && zmq_socket_monitor(probe->socket, endpoint, EVENTS) == 0 &&
                   zmq_connect(probe->monitor, endpoint) == 0
               ? 0
               : -1;
}

static void close_probe(struct probe *probe)
{
    if (probe->socket) {
        zmq_socket_monitor(probe->socket, NULL, 0);
        zmq_close(probe->socket);
    }
    if (probe->monitor)
        zmq_close(probe->monitor);
}

static enum verdict read_verdict(void *monitor)
{
    unsigned char event[6];
    char address[256];
    uint16_t number;

    if (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event)
        return NO_VERDICT;
    zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&number, event, sizeof number);
    if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        return LET_IN;
    return number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? REFUSED : NO_VERDICT;
}

/* Our own handler must answer meanwhile: it runs in this loop. */
static enum verdict wait_verdict(struct probe *probe, struct zap *zap)
{
    struct mono deadline = mono_add(clock_now(), LIMIT);
    enum verdict verdict = NO_VERDICT;

    while (verdict == NO_VERDICT && !mono_reached(deadline, clock_now())) {
        zmq_pollitem_t items[] = {{.socket = zap->socket, .events = ZMQ_POLLIN},
                                  {.socket = probe->monitor, .events = ZMQ_POLLIN}};
        if (zmq_poll(items, 2, (long)span_ms(mono_since(clock_now(), deadline))) < 0 && errno != EINTR)
            break;
        zap_step(zap);
        verdict = read_verdict(probe->monitor);
    }
    return verdict;
}

static enum verdict try_key(void *zmq_context, const char *address, const char *server_key, struct zap *zap, bool known)
{
    char public_key[KEY_TEXT_SIZE], secret_key[KEY_TEXT_SIZE];
    struct probe probe = {.socket = zmq_socket(zmq_context, ZMQ_SUB)};
    enum verdict verdict = NO_VERDICT;

    zap->testing = true;
    zap->probing = known;
    if (probe.socket && zmq_curve_keypair(public_key, secret_key) == 0 &&
        zmq_z85_decode(zap->probe, public_key) != NULL &&
        set_probe(probe.socket, server_key, public_key, secret_key, strchr(address, '[') != NULL) == 0 &&
        watch(zmq_context, &probe, known ? "known" : "random") == 0 && zmq_connect(probe.socket, address) == 0)
        verdict = wait_verdict(&probe, zap);
    zap->probing = zap->testing = false;
    secret_wipe(secret_key, sizeof secret_key);
    close_probe(&probe);
    return verdict;
}

int selftest_run(void *zmq_context, void *public_socket, const char *server_key, struct zap *zap, struct error *err)
{
    char address[256];

    if (own_address(public_socket, address, sizeof address, err) != 0)
        return error_set(err, ERROR_LOCAL, "the own address cannot be told");
    enum verdict random = try_key(zmq_context, address, server_key, zap, false);
    if (random == LET_IN)
        return error_set(err, ERROR_LOCAL, "a random key was let in at %s: the allow-list does not work", address);
    if (random != REFUSED)
        return error_set(err, ERROR_TIMEOUT, "no verdict on a random key at %s", address);
    if (try_key(zmq_context, address, server_key, zap, true) != LET_IN)
        return error_set(err, ERROR_LOCAL, "a known key was not let in at %s: the refusal of others proves nothing",
                         address);
    return 0;
}
