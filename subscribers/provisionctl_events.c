/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_events.c: the command `events`: the last ones by question, later ones from the status stream.
 * Runs in: provisionctl. Owns: one SUB socket while it follows.
 * No event is lost between the two: a subscription works only after some time, and the daemon's `supervisor.` message,
 * which comes every statusInterval, shows that it does; then the last events are asked for once more. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zmq.h>

#include "common/text.h"
#include "proto/sockets.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_pages.h"

#define ASK_AGAIN 1000 /* events, to fill the gap */

struct follow {
    struct ctl *ctl;
    int64_t printed; /* sequence of the last printed event, 0 none */
    char incarnation[80];
    bool is_joined; /* the subscription is known to work */
};

static bool concerns(const struct ctl *ctl, const json_t *event)
{
    static const char *const members[] = {"type", "region"};
    for (size_t i = 0; ctl->name[0] && i < 2; i++) {
        const char *value = json_string_value(json_object_get(event, members[i]));
        if (value && strcmp(value, ctl->name) == 0)
            return true;
    }
    return !ctl->name[0];
}

void ctl_print_event(const json_t *event, FILE *out)
{
    char when[40];
    const char *type = ctl_word_of(event, "type"), *region = ctl_word_of(event, "region");
    wall_format((struct wall){(int64_t)json_number_value(json_object_get(event, "at"))}, when, sizeof when);
    fprintf(out, "%s  %-22s  %s%s%s  %s\n", when, ctl_word_of(event, "kind"), type, type[0] && region[0] ? " " : "",
            region, ctl_word_of(event, "text"));
}

static void print_event(struct follow *follow, const json_t *event)
{
    int64_t sequence = json_integer_value(json_object_get(event, "sequence"));
    if (sequence <= follow->printed && sequence > 0)
        return;
    if (sequence > 0)
        follow->printed = sequence;
    if (!concerns(follow->ctl, event))
        return;
    if (follow->ctl->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        fputc('\n', stdout);
        return;
    }
    ctl_print_event(event, stdout);
}

static enum ctl_exit ask(struct follow *follow, int64_t last, struct error *err)
{
    char argument[64];
    json_t *body;
    const json_t *event;
    size_t i;
    text_format(argument, sizeof argument, "{\"last\":%" PRId64 "}", last);
    enum ctl_exit code = ctl_ask_body(follow->ctl, "events", argument, &body, err);
    if (code != CTL_OK)
        return code;
    json_array_foreach(json_object_get(body, "events"), i, event)
    {
        print_event(follow, event);
    }
    fflush(stdout);
    json_decref(body);
    return CTL_OK;
}

/* A new supervisor counts its events anew. */
static void check_incarnation(struct follow *follow, const json_t *message)
{
    const char *incarnation = json_string_value(json_object_get(message, "incarnation"));
    if (!incarnation || strcmp(incarnation, follow->incarnation) == 0)
        return;
    if (follow->incarnation[0]) {
        follow->printed = 0;
        fprintf(stderr, "provisionctl: this is a new supervisor\n");
    }
    text_copy(follow->incarnation, sizeof follow->incarnation, incarnation);
}

/* Reads one frame as text; -1 nothing there, or the socket is broken. */
static int read_frame(void *socket, zmq_msg_t *frame)
{
    int got;
    do
        got = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

/* New reference to the next message, or NULL when nothing is there; a message that is no JSON gives json_null(). */
static json_t *next_message(void *socket, bool *is_event)
{
    zmq_msg_t topic, frame;
    json_t *message = NULL;
    zmq_msg_init(&topic);
    zmq_msg_init(&frame);
    if (read_frame(socket, &topic) >= 0) {
        const char *name = zmq_msg_data(&topic);
        *is_event = zmq_msg_size(&topic) >= 6 && memcmp(name, "event.", 6) == 0;
        bool more = zmq_msg_more(&topic);
        while (more && read_frame(socket, &frame) >= 0) {
            json_decref(message);
            message = json_loadb(zmq_msg_data(&frame), zmq_msg_size(&frame), 0, NULL);
            more = zmq_msg_more(&frame);
        }
        message = message ? message : json_null();
    }
    zmq_msg_close(&topic);
    zmq_msg_close(&frame);
    return message;
}

static void take_messages(struct follow *follow, void *socket)
{
    json_t *message;
    bool is_event = false;
    struct error err;
    while ((message = next_message(socket, &is_event))) {
        check_incarnation(follow, message);
        if (!follow->is_joined) {
            follow->is_joined = true;
            zmq_setsockopt(socket, ZMQ_UNSUBSCRIBE, "supervisor.", strlen("supervisor."));
            if (ask(follow, ASK_AGAIN, &err) != CTL_OK)
                fprintf(stderr, "provisionctl: %s\n", err.text);
        }
        if (is_event)
            print_event(follow, json_object_get(message, "data"));
        json_decref(message);
    }
    fflush(stdout);
}

static enum ctl_exit follow_stream(struct follow *follow, void *socket)
{
    struct error err;
    while (!ferror(stdout)) {
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, -1) < 0 && errno != EINTR) {
            error_set(&err, ERROR_LOCAL, "waiting: %s", zmq_strerror(errno));
            return ctl_fail(CTL_REFUSED, &err);
        }
        take_messages(follow, socket);
    }
    return CTL_OK;
}

enum ctl_exit ctl_events(struct ctl *ctl)
{
    struct follow follow = {.ctl = ctl};
    struct error err;
    void *socket = NULL;
    if (ctl->follow) {
        socket = socket_open(ctl->context, SOCKET_STATUS_CLIENT, ctl->run_dir, NULL, NULL, &err);
        if (!socket)
            return ctl_fail(CTL_NO_ANSWER, &err);
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "event.", strlen("event."));
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "supervisor.", strlen("supervisor."));
    }
    enum ctl_exit code = ask(&follow, ctl->last, &err);
    if (code != CTL_OK)
        ctl_fail(code, &err);
    else if (socket)
        code = follow_stream(&follow, socket);
    if (socket)
        zmq_close(socket);
    return code;
}
