/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay_zap.c: answers libzmq's question who may come in (ZeroMQ RFC 27, ZAP), in the relay's own loop.
 * Runs in: provisiond-relay. Owns: the handler's socket. Says yes to keys of the allow-list and to nothing else: every
 * request that is not exactly as the RFC says is refused. */
#include "subscribers/provisiond-relay.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/log.h"
#include "common/text.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define A_TURN 256 /* requests: a crowd at the door does not keep the loop from its other work */

/* Frames of a request. */
enum { FRAME_VERSION, FRAME_REQUEST, FRAME_DOMAIN, FRAME_ADDRESS, FRAME_IDENTITY, FRAME_MECHANISM, FRAME_KEY, FRAMES };

struct request {
    char bytes[FRAMES][256];
    size_t sizes[FRAMES];
    size_t count;
};

int zap_open(struct zap *zap, void *zmq_context, const struct relay_keys *allowed, struct error *err)
{
    int none = 0;

    *zap = (struct zap){.allowed = allowed};
    zap->socket = zmq_socket(zmq_context, ZMQ_REP);
    if (zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
        zmq_bind(zap->socket, ZAP_ENDPOINT) == 0)
        return 0;
    error_set(err, ERROR_LOCAL, "the ZAP handler: %s", zmq_strerror(errno));
    zap_close(zap);
    return -1;
}

void zap_close(struct zap *zap)
{
    if (zap->socket)
        zmq_close(zap->socket);
    zap->socket = NULL;
}

/* 1 got one, 0 none there. Frames that are too many or too long make a request that nobody admits. */
static int read_request(void *socket, struct request *request)
{
    int more = 1;
    size_t more_size = sizeof more;

    *request = (struct request){0};
    while (more) {
        size_t at = request->count < FRAMES ? request->count : FRAMES - 1;
        int got = zmq_recv(socket, request->bytes[at], sizeof request->bytes[at] - 1, ZMQ_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return 0;
        request->sizes[at] = (size_t)got;
        request->count++;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) != 0)
            return 0;
    }
    return 1;
}

static bool frame_is(const struct request *request, int frame, const char *text)
{
    return request->sizes[frame] == strlen(text) && memcmp(request->bytes[frame], text, strlen(text)) == 0;
}

static struct relay_key *find_admitted(const struct zap *zap, const struct request *request)
{
    if (request->count != FRAMES || !frame_is(request, FRAME_VERSION, "1.0") ||
        !frame_is(request, FRAME_MECHANISM, "CURVE") || request->sizes[FRAME_KEY] != KEY_BYTES)
        return NULL;
    struct relay_key *key = keys_find(zap->allowed, (const unsigned char *)request->bytes[FRAME_KEY]);
    return key && !key->barred ? key : NULL;
}

static bool is_probe(const struct zap *zap, const struct request *request)
{
    return zap->probing && request->count == FRAMES && request->sizes[FRAME_KEY] == KEY_BYTES &&
           memcmp(zap->probe, request->bytes[FRAME_KEY], KEY_BYTES) == 0;
}

static void answer(void *socket, const struct request *request, bool admitted, const char *user)
{
    const struct {
        const char *bytes;
        size_t size;
    } frames[] = {{"1.0", 3},
                  {request->bytes[FRAME_REQUEST], request->sizes[FRAME_REQUEST]},
                  {admitted ? "200" : "400", 3},
                  {admitted ? "" : "not on the list", admitted ? 0 : strlen("not on the list")},
                  {user, strlen(user)},
                  {"", 0}};

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        zmq_send(socket, frames[i].bytes, frames[i].size, ZMQ_DONTWAIT | (i < 5 ? ZMQ_SNDMORE : 0));
}

void zap_step(struct zap *zap)
{
    struct request request;

    for (int i = 0; i < A_TURN && read_request(zap->socket, &request) == 1; i++) {
        struct relay_key *key = find_admitted(zap, &request);
        bool admitted = key || is_probe(zap, &request);
        const char *address = request.bytes[FRAME_ADDRESS];
        answer(zap->socket, &request, admitted, key ? key->text : "");
        zap->admitted += key != NULL;
        zap->refused += !admitted;
        if (key && key->allowance < ALLOWANCE_MOST)
            key->allowance += ALLOWANCE_OF_CONNECTION;
        if (key)
            log_info("client.admitted", "client=%s address=%s", log_quote(key->label), log_quote(address));
        else if (!admitted && !zap->testing)
            log_repeating(LOG_WARN_LEVEL, "client.refused", address, "", "address=%s", log_quote(address));
    }
}
