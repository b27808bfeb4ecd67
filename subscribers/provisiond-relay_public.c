/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay_public.c: the socket that faces the network: CURVE, limits, and what subscribers may say.
 * Runs in: provisiond-relay. Owns nothing: the caller closes the socket.
 * What a subscriber can do to us is bounded: messages that wait for it (high water mark), how long it may be deaf
 * (heart beats, then it is cut off), how long its subscriptions are (MAXMSGSIZE), how many it makes (an allowance a
 * key: libzmq keeps every subscription in memory), how long it may take to shake hands. */
#include "subscribers/provisiond-relay.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <zmq.h>

#include "common/log.h"
#include "common/text.h"

#define SUBSCRIPTION_LIMIT 128 /* bytes of a topic; ours have at most 80 */
#define MESSAGE_LIMIT 1024     /* above it libzmq cuts the connection; its own handshake needs about 500 */
#define HEARTBEAT_MS 5000
#define HEARTBEAT_LIMIT_MS 15000
#define HANDSHAKE_MS 5000
#define SEND_BUFFER (256 * 1024) /* bytes in the kernel: otherwise up to 4 MB for each deaf one */
#define BACKLOG 4096
#define A_TURN 1000
#define ALLOWANCE_A_SECOND 4.0
#define PRICE_OF_RUBBISH 16.0 /* subscriptions */

static const char *const roots[] = {"supervisor.", "type.", "region.", "event.", "alarm."};

bool subscription_is_valid(const unsigned char *bytes, size_t size)
{
    if (size == 0 || bytes[0] > 1 || size - 1 > SUBSCRIPTION_LIMIT)
        return false;
    const char *topic = (const char *)bytes + 1;
    size_t length = size - 1;
    for (size_t i = 0; i < length; i++)
        if (bytes[1 + i] < 0x20 || bytes[1 + i] == 0x7f)
            return false;
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        size_t root = strlen(roots[i]);
        if (memcmp(topic, roots[i], length < root ? length : root) == 0)
            return true;
    }
    return false;
}

static int set_all(void *socket, const struct public_options *options, struct error *err)
{
    int64_t most = MESSAGE_LIMIT;
    const struct {
        int option, value;
    } numbers[] = {{ZMQ_LINGER, 0},
                   {ZMQ_CURVE_SERVER, 1},
                   {ZMQ_XPUB_VERBOSE, 1},
                   {ZMQ_SNDHWM, options->high_water},
                   {ZMQ_RCVHWM, A_TURN},
                   {ZMQ_SNDBUF, SEND_BUFFER},
                   {ZMQ_BACKLOG, BACKLOG},
                   {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
                   {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
                   {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_LIMIT_MS},
                   {ZMQ_IPV6, options->listen[strlen("tcp://")] == '['}};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (zmq_setsockopt(socket, numbers[i].option, &numbers[i].value, sizeof numbers[i].value) != 0)
            return error_set(err, ERROR_LOCAL, "socket option %d: %s", numbers[i].option, zmq_strerror(errno));
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "provisiond", strlen("provisiond")) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_reveal(options->secret_key), KEY_TEXT_SIZE) != 0)
        return error_set(err, ERROR_LOCAL, "socket options: %s", zmq_strerror(errno));
    return 0;
}

void *public_open(void *zmq_context, const struct public_options *options, struct error *err)
{
    void *socket = zmq_socket(zmq_context, ZMQ_XPUB);

    if (!socket) {
        error_set(err, ERROR_LOCAL, "a socket: %s", zmq_strerror(errno));
        return NULL;
    }
    if (set_all(socket, options, err) == 0) {
        if (zmq_bind(socket, options->listen) == 0)
            return socket;
        error_set(err, ERROR_LOCAL, "%s: %s", options->listen, zmq_strerror(errno));
    }
    int cause = errno;
    zmq_close(socket);
    errno = cause;
    return NULL;
}

/* True: its allowance is used up now. */
static bool charge(struct relay_key *key, double price, struct mono now)
{
    if (key->counted.us > 0 && key->allowance < ALLOWANCE_OF_KEY) {
        double earned = span_seconds(mono_since(key->counted, now)) * ALLOWANCE_A_SECOND;
        key->allowance = fmin(ALLOWANCE_OF_KEY, key->allowance + earned);
    }
    key->counted = now;
    key->allowance -= price;
    if (key->allowance >= 0 || key->barred)
        return false;
    key->barred = true;
    log_error("client.barred", "client=%s reason=\"too many or invalid subscriptions\" until=reload",
              log_quote(key->label));
    return true;
}

/* libzmq gives the subscriptions that it made at a disconnect without a user: they are nobody's doing. */
static bool judge(zmq_msg_t *frame, struct relay_keys *keys, struct mono now)
{
    const unsigned char *bytes = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame);
    const char *user = zmq_msg_gets(frame, "User-Id");
    struct relay_key *key = user ? keys_find_text(keys, user) : NULL;
    bool valid = subscription_is_valid(bytes, size);

    if (!key)
        return false;
    if (!valid)
        log_repeating(LOG_WARN_LEVEL, "client.rubbish", key->text, "", "client=%s bytes=%zu", log_quote(key->label),
                      size);
    if (valid && bytes[0] == 0)
        return false;
    return charge(key, valid ? 1 : PRICE_OF_RUBBISH, now);
}

bool public_hear(void *socket, struct relay_keys *keys, struct mono now)
{
    bool barred = false;
    zmq_msg_t frame;

    zmq_msg_init(&frame);
    for (int i = 0; i < A_TURN && zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0; i++)
        barred |= judge(&frame, keys, now);
    zmq_msg_close(&frame);
    return barred;
}
