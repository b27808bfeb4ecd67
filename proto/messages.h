/* SPDX-License-Identifier: MPL-2.0 */
/* messages.h: the messages of messages.def as C structs, with a strict encoder and decoder.
 * Runs in: every process. Owns: lists and texts inside a decoded message, until message_clear.
 * On the wire: one frame of compact JSON, {"m":"BID","number":7,...}: exactly the table's fields, no more, no less,
 * ranges checked. Whoever receives a message that does not decode, or that its sender may not send now, drops the
 * sender (the supervisor kills that worker), never itself. */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define PROTO_VERSION 6
#define PROTO_MESSAGE_LIMIT (64 * 1024 * 1024) /* bytes; ZMQ_MAXMSGSIZE on every socket */

enum proto_sender { FROM_TYPE = 1, FROM_REGION = 2, FROM_SUPERVISOR = 4, FROM_CONTROL = 8, FROM_HELPER = 16 };
enum proto_state { IN_STARTING = 1, IN_LIVE = 2 };

#define PROTO_I(name, least, most, doc) int64_t name;
#define PROTO_S(name, least, most, doc) char name[(most) + 1];
#define PROTO_B(name, doc) bool name;
#define PROTO_T(name, most, doc) char *name;
#define PROTO_R(record, name, most, doc)                                                                               \
    struct proto_##record *name;                                                                                       \
    size_t name##_count;
#define RECORD(NAME, FIELDS, doc)                                                                                      \
    struct proto_##NAME {                                                                                              \
        FIELDS(PROTO_I, PROTO_S, PROTO_B, PROTO_T, PROTO_R)                                                            \
    };
#define MESSAGE(NAME, number, senders, states, FIELDS, doc)                                                            \
    struct proto_##NAME {                                                                                              \
        FIELDS(PROTO_I, PROTO_S, PROTO_B, PROTO_T, PROTO_R)                                                            \
    };
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE

enum proto_kind {
    PROTO_NONE = 0,
#define RECORD(NAME, FIELDS, doc)
#define MESSAGE(NAME, number, senders, states, FIELDS, doc) PROTO_##NAME = number,
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE
};

/* One decoded message: kind says which member of the union is valid. */
struct message {
    enum proto_kind kind;
    union {
#define RECORD(NAME, FIELDS, doc)
#define MESSAGE(NAME, number, senders, states, FIELDS, doc) struct proto_##NAME NAME;
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE
    } as;
};

/* Encodes; checks ranges as the decoder does. Caller frees *text_out. */
int message_encode(const struct message *message, char **text_out, size_t *size_out, struct error *err);
/* Decodes strictly. On success the caller calls message_clear; on failure *out is empty. */
int message_decode(const void *bytes, size_t size, struct message *out, struct error *err);
void message_clear(struct message *message); /* frees lists and texts; safe on a zeroed message */

/* May `sender` say this `kind` in `state`? */
bool message_allowed(enum proto_kind kind, enum proto_sender sender, enum proto_state state);
const char *message_name(enum proto_kind kind);

/* Sends one message on a ZeroMQ socket without blocking. `peer` (size peer_size) is the ROUTER routing id or topic
 * frame that goes first; NULL: none. Returns -1 with errno kept: EAGAIN (full), EHOSTUNREACH (gone). */
int message_send(void *socket, const void *peer, size_t peer_size, const struct message *message, struct error *err);
/* Receives one message without blocking: 1 got one, 0 nothing there, -1 it was bad (*err says why; `peer` is filled
 * so that the sender can be dropped). On a ROUTER or SUB socket pass `peer` to get the first frame (NUL-terminated,
 * at most peer_room - 1 bytes); on a DEALER pass NULL. */
int message_receive(void *socket, char *peer, size_t peer_room, struct message *out, struct error *err);

/* Writes docs/PROTOCOL.md. */
#include <stdio.h>
void message_document(FILE *out);

#endif
