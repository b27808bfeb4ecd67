/* SPDX-License-Identifier: MPL-2.0 */
/* messages.c: sends and receives messages on ZeroMQ sockets, and answers who may say what and when.
 * Runs in: every process. Never blocks: every call is DONTWAIT, "full" and "gone" are answers, not waits.
 * Owns nothing; a received message belongs to the caller until message_clear. */
#include "proto/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/secret.h"
#include "proto/shapes.h"

static void wipe_text(char *text)
{
    if (text)
        secret_wipe(text, strlen(text));
}

void message_clear(struct message *message)
{
    if (message->kind == PROTO_KEYS) {
        wipe_text(message->as.KEYS.secretKey);
        wipe_text(message->as.KEYS.sessionToken);
    }
    const struct proto_shape *shape = shape_of_kind(message->kind);
    if (shape)
        shape_clear(shape, &message->as);
    memset(message, 0, sizeof *message);
}

bool message_allowed(enum proto_kind kind, enum proto_sender sender, enum proto_state state)
{
    const struct proto_shape *shape = shape_of_kind(kind);
    return shape && (shape->senders & (int)sender) && (shape->states & (int)state);
}

const char *message_name(enum proto_kind kind)
{
    const struct proto_shape *shape = shape_of_kind(kind);
    return shape ? shape->name : "?";
}

/* `hint` is the size of a frame that holds secrets, else 0. */
static void free_frame(void *bytes, void *hint)
{
    secret_wipe(bytes, (size_t)(uintptr_t)hint);
    free(bytes);
}

/* Keeps errno, so that the caller can tell EAGAIN (full) from EHOSTUNREACH (gone). */
static int send_failed(const struct message *message, struct error *err)
{
    int saved = errno;
    error_set(err, ERROR_LOCAL, "sending %s: %s", message_name(message->kind), zmq_strerror(saved));
    errno = saved;
    return -1;
}

int message_send(void *socket, const void *peer, size_t peer_size, const struct message *message, struct error *err)
{
    char *text;
    size_t size;
    if (message_encode(message, &text, &size, err) < 0) {
        errno = EINVAL;
        return -1;
    }
    if (peer && zmq_send(socket, peer, peer_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        int saved = errno;
        free(text);
        errno = saved;
        return send_failed(message, err);
    }
    zmq_msg_t frame;
    size_t wiped = message->kind == PROTO_KEYS ? size : 0;
    zmq_msg_init_data(&frame, text, size, free_frame, (void *)(uintptr_t)wiped);
    if (zmq_msg_send(&frame, socket, ZMQ_DONTWAIT) < 0) {
        send_failed(message, err);
        int saved = errno;
        zmq_msg_close(&frame);
        errno = saved;
        return -1;
    }
    return 0;
}

/* 1: a frame, 0: nothing there, -1: the socket is broken. */
static int receive_frame(void *socket, zmq_msg_t *frame, struct error *err)
{
    for (;;) {
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
            return 1;
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            return error_set(err, ERROR_LOCAL, "receiving: %s", zmq_strerror(errno));
    }
}

/* Whatever was left of a message with too many frames must not be taken for the next message. */
static int drop_rest(void *socket)
{
    int dropped = 0;
    int more = 1;
    size_t size = sizeof more;
    while (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int got = receive_frame(socket, &frame, NULL);
        zmq_msg_close(&frame);
        if (got != 1)
            break;
        dropped++;
    }
    return dropped;
}

/* Peers are kept as text; ours name themselves in printable characters, so a NUL byte is a stranger's. */
static int take_peer(zmq_msg_t *frame, char *peer, size_t room, struct error *err)
{
    size_t size = zmq_msg_size(frame);
    const void *bytes = zmq_msg_data(frame);
    size_t kept = size < room ? size : room - 1;
    memcpy(peer, bytes, kept);
    peer[kept] = '\0';
    if (size == 0 || kept < size || memchr(bytes, '\0', size))
        return error_set(err, ERROR_INPUT, "the sender's routing id or topic is empty, too long or holds a NUL byte");
    return 0;
}

static int receive_body(void *socket, zmq_msg_t *frame, struct message *out, struct error *err)
{
    int got = receive_frame(socket, frame, err);
    if (got <= 0)
        return got;
    if (drop_rest(socket) > 0)
        return error_set(err, ERROR_INPUT, "the message has more frames than it may have");
    return message_decode(zmq_msg_data(frame), zmq_msg_size(frame), out, err) < 0 ? -1 : 1;
}

static int receive_from_peer(void *socket, zmq_msg_t *frame, char *peer, size_t room, struct message *out,
                             struct error *err)
{
    int got = receive_frame(socket, frame, err);
    if (got <= 0)
        return got;
    int peer_is_good = take_peer(frame, peer, room, err) == 0;
    if (!zmq_msg_more(frame))
        return error_set(err, ERROR_INPUT, "the message has one frame only");
    if (!peer_is_good) {
        drop_rest(socket);
        return -1;
    }
    got = receive_body(socket, frame, out, err);
    return got == 0 ? error_set(err, ERROR_INPUT, "the message was cut off") : got;
}

int message_receive(void *socket, char *peer, size_t peer_room, struct message *out, struct error *err)
{
    zmq_msg_t frame;
    memset(out, 0, sizeof *out);
    if (peer && peer_room > 0)
        peer[0] = '\0';
    zmq_msg_init(&frame);
    int result =
        peer ? receive_from_peer(socket, &frame, peer, peer_room, out, err) : receive_body(socket, &frame, out, err);
    if (out->kind == PROTO_KEYS)
        secret_wipe(zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
    return result;
}
