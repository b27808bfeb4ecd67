/* SPDX-License-Identifier: MPL-2.0 */
/* stream.c: reads the status stream. Runs in: subscribers. See stream.h.
 * What publishes it is supervisor/status.c: one sequence over all topics, a refresh in one go, alarms last. */
#include "proto/stream.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/json.h"
#include "common/text.h"

static const char *const kinds[] = {[STREAM_SUPERVISOR] = "supervisor.",
                                    [STREAM_TYPE] = "type.",
                                    [STREAM_REGION] = "region.",
                                    [STREAM_EVENT] = "event.",
                                    [STREAM_ALARM] = "alarm."};

void stream_message_clear(struct stream_message *message)
{
    json_decref(message->body);
    message->body = NULL;
    message->data = NULL;
}

/* Topics are text without control characters that ends in a dot; anything else was not published by us. */
static int take_topic(struct stream_message *message, const char *topic, size_t size, struct error *err)
{
    if (size == 0 || size >= sizeof message->topic || topic[size - 1] != '.')
        return error_set(err, ERROR_INPUT, "a topic of %zu bytes that does not end in a dot", size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)topic[i] < 0x20 || topic[i] == 0x7f)
            return error_set(err, ERROR_INPUT, "a topic with control characters");
    memcpy(message->topic, topic, size);
    message->topic[size] = '\0';
    message->kind = STREAM_OTHER;
    for (int i = 0; i < STREAM_OTHER; i++) {
        if (!text_starts(message->topic, kinds[i]))
            continue;
        message->kind = (enum stream_topic)i;
        text_copy(message->name, sizeof message->name, message->topic + strlen(kinds[i]));
        if (*message->name)
            message->name[strlen(message->name) - 1] = '\0';
    }
    return 0;
}

static int take_body(struct stream_message *message, const char **incarnation, struct error *err)
{
    struct json_at at = json_at_root(message->topic);
    const json_t *refresh = NULL;

    if (json_get_string(message->body, &at, "incarnation", true, 1, STREAM_INCARNATION_SIZE - 1, incarnation, err) !=
            0 ||
        json_get_integer(message->body, &at, "sequence", true, 1, INT64_MAX, &message->sequence, err) != 0 ||
        json_get_integer(message->body, &at, "asOf", true, 0, INT64_MAX, &message->as_of, err) != 0)
        return -1;
    message->data = json_object_get(message->body, "data");
    if (!json_is_object(message->data))
        return json_complain(&at, err, "data must be an object");
    refresh = json_object_get(message->body, "refresh");
    if (!refresh)
        return 0;
    if (json_get_integer(refresh, &at, "index", true, 0, INT32_MAX, &message->refresh_index, err) != 0 ||
        json_get_integer(refresh, &at, "count", true, 1, INT32_MAX, &message->refresh_count, err) != 0)
        return -1;
    return 0;
}

static void note_sequence(struct stream *stream, struct stream_message *message, const char *incarnation)
{
    if (!text_equal(stream->incarnation, incarnation)) {
        message->new_incarnation = true;
        text_copy(stream->incarnation, sizeof stream->incarnation, incarnation);
        stream->round_next = -1;
    } else if (message->sequence > stream->sequence + 1) {
        stream->lost += (uint64_t)(message->sequence - stream->sequence - 1);
        stream->round_next = -1;
    }
    stream->sequence = message->sequence;
    stream->as_of = message->as_of;
    stream->messages++;
}

static void note_refresh(struct stream *stream, struct stream_message *message)
{
    if (message->refresh_count == 0)
        return;
    if (message->refresh_index == 0)
        stream->round_next = 0;
    if (stream->round_next != message->refresh_index) {
        stream->round_next = -1;
        return;
    }
    stream->round_next++;
    message->refresh_complete = stream->round_next == message->refresh_count;
    stream->refreshes += message->refresh_complete;
}

int stream_take(struct stream *stream, const char *topic, size_t topic_size, const char *text, size_t text_size,
                struct stream_message *out, struct error *err)
{
    const char *incarnation = NULL;

    *out = (struct stream_message){0};
    if (take_topic(out, topic, topic_size, err) != 0 ||
        !(out->body = json_read_text("status stream", text, text_size, err)) ||
        take_body(out, &incarnation, err) != 0) {
        stream_message_clear(out);
        stream->unreadable++;
        return -1;
    }
    note_sequence(stream, out, incarnation);
    note_refresh(stream, out);
    return 1;
}

static int receive_frame(void *socket, zmq_msg_t *frame)
{
    int got;

    do
        got = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reads away what follows: a message has two frames. */
static void drop_rest(void *socket, zmq_msg_t *frame)
{
    while (zmq_msg_more(frame) && receive_frame(socket, frame) >= 0)
        ;
}

int stream_receive(void *socket, struct stream *stream, struct stream_message *out, struct error *err)
{
    zmq_msg_t topic, text;
    int result = 0;

    *out = (struct stream_message){0};
    zmq_msg_init(&topic);
    zmq_msg_init(&text);
    if (receive_frame(socket, &topic) < 0)
        goto done;
    if (!zmq_msg_more(&topic) || receive_frame(socket, &text) < 0 || zmq_msg_more(&text)) {
        drop_rest(socket, &text);
        stream->unreadable++;
        result = error_set(err, ERROR_INPUT, "a message that has not two frames");
        goto done;
    }
    result = stream_take(stream, zmq_msg_data(&topic), zmq_msg_size(&topic), zmq_msg_data(&text), zmq_msg_size(&text),
                         out, err);
done:
    zmq_msg_close(&topic);
    zmq_msg_close(&text);
    return result;
}
