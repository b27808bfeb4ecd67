/* SPDX-License-Identifier: MPL-2.0 */
/* stream.h: the status stream as a subscriber reads it (docs/STATUS.md): one message, and what its sequence number and
 * refresh count say: lost messages, a new supervisor, the end of a complete refresh.
 * Runs in: subscribers. Owns: the JSON of a message until stream_message_clear. The socket stays the caller's.
 * A message that cannot be read is counted and skipped: it is never a reason for a subscriber to end. */
#ifndef PROTO_STREAM_H
#define PROTO_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define STREAM_TOPIC_SIZE 256
#define STREAM_INCARNATION_SIZE 80

enum stream_topic { STREAM_SUPERVISOR, STREAM_TYPE, STREAM_REGION, STREAM_EVENT, STREAM_ALARM, STREAM_OTHER };

struct stream_message {
    enum stream_topic kind;
    char topic[STREAM_TOPIC_SIZE]; /* as it came, "type.gecko." */
    char name[STREAM_TOPIC_SIZE];  /* what stands between the dots: "gecko"; of `supervisor.` "" */
    int64_t sequence, as_of;
    int64_t refresh_index, refresh_count; /* count 0: a change, no part of a refresh */
    bool new_incarnation;                 /* the first message of this supervisor */
    bool refresh_complete;                /* it ends a full refresh of which nothing was lost */
    json_t *body;                         /* owned */
    const json_t *data;                   /* borrowed from body, an object */
};

/* Zero-initialised is a stream of which nothing was read. Counts need a subscription to all topics. */
struct stream {
    char incarnation[STREAM_INCARNATION_SIZE];
    int64_t sequence;    /* of the last message */
    int64_t as_of;       /* ms UTC: its time */
    int64_t round_next;  /* index that the running refresh goes on with; -1: something of it was lost */
    uint64_t messages;   /* read */
    uint64_t lost;       /* gaps in the sequence */
    uint64_t unreadable; /* skipped */
    uint64_t refreshes;  /* complete ones */
};

/* Takes one message, without waiting: 1 got one, 0 nothing there, -1 one was skipped (*err says why). */
int stream_receive(void *socket, struct stream *stream, struct stream_message *out, struct error *err);
/* The same from two frames. 1 or -1. */
int stream_take(struct stream *stream, const char *topic, size_t topic_size, const char *text, size_t text_size,
                struct stream_message *out, struct error *err);
void stream_message_clear(struct stream_message *message); /* safe on a zeroed message */

#endif
