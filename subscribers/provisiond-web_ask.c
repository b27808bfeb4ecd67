/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_ask.c: questions to the daemon on its control socket, without waiting for the answer.
 * Runs in: provisiond-web. Owns: one socket a question, closed with it, so that a command which was not taken in time
 * cannot reach a daemon that comes back later. Few at a time: the page must cost the daemon nothing. */
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "proto/messages.h"
#include "proto/sockets.h"
#include "subscribers/provisiond-web.h"

#define QUESTIONS_MOST 8
#define PATIENCE SPAN_SECONDS(5)
#define A_SECOND 10 /* questions at most, however many pages ask */

struct ask {
    void *zmq;
    struct loop *loop;
    const char *run_dir;
    struct question *open[QUESTIONS_MOST];
    int64_t last_id;
    struct mono second; /* in which `asked` were begun */
    int asked;
};

struct ask *ask_create(void *zmq, struct loop *loop, const char *run_dir)
{
    struct ask *ask = calloc(1, sizeof *ask);

    if (!ask)
        abort();
    *ask = (struct ask){.zmq = zmq, .loop = loop, .run_dir = run_dir};
    return ask;
}

static void close_socket(struct ask *ask, struct question *question)
{
    if (!question->socket)
        return;
    loop_remove_socket(ask->loop, question->socket);
    zmq_close(question->socket);
    question->socket = NULL;
}

static int send_question(struct ask *ask, struct question *question, const char *argument, struct error *err)
{
    struct message message = {.kind = PROTO_CONTROL};
    struct proto_CONTROL *control = &message.as.CONTROL;

    control->id = question->id;
    control->argument = (char *)argument;
    if (text_copy(control->command, sizeof control->command, question->command) != 0 ||
        text_copy(control->name, sizeof control->name, question->name) != 0)
        return error_set(err, ERROR_USAGE, "the name is too long");
    text_copy(control->who, sizeof control->who, "provisiond-web");
    question->socket = socket_open(ask->zmq, SOCKET_CONTROL_CLIENT, ask->run_dir, NULL, NULL, err);
    if (!question->socket || loop_add_socket(ask->loop, question->socket, err) != 0 ||
        message_send(question->socket, NULL, 0, &message, err) != 0)
        return -1;
    return 0;
}

static bool too_often(struct ask *ask, struct mono now)
{
    if (mono_reached(mono_add(ask->second, SPAN_SECONDS(1)), now)) {
        ask->second = now;
        ask->asked = 0;
    }
    return ++ask->asked > A_SECOND;
}

struct question *ask_begin(struct ask *ask, const char *command, const char *name, const char *argument,
                           struct MHD_Connection *connection, struct error *err)
{
    size_t at = 0;
    struct question *question;

    while (at < QUESTIONS_MOST && ask->open[at])
        at++;
    if (at == QUESTIONS_MOST || too_often(ask, clock_now()) || !(question = calloc(1, sizeof *question))) {
        error_set(err, ERROR_LIMIT, "too many questions at a time");
        return NULL;
    }
    *question =
        (struct question){.id = ++ask->last_id, .deadline = mono_add(clock_now(), PATIENCE), .connection = connection};
    if (text_copy(question->command, sizeof question->command, command) != 0 ||
        text_copy(question->name, sizeof question->name, name) != 0 ||
        send_question(ask, question, argument, err) != 0) {
        close_socket(ask, question);
        free(question);
        return NULL;
    }
    ask->open[at] = question;
    return question;
}

static void destroy(struct ask *ask, size_t at)
{
    struct question *question = ask->open[at];

    close_socket(ask, question);
    free(question->body);
    free(question);
    ask->open[at] = NULL;
}

void ask_release(struct ask *ask, struct question *question)
{
    for (size_t i = 0; question && i < QUESTIONS_MOST; i++)
        if (ask->open[i] == question)
            destroy(ask, i);
}

static void finish(struct ask *ask, struct question *question, enum ask_state state, const char *text)
{
    question->state = state;
    text_copy(question->text, sizeof question->text, text);
    close_socket(ask, question);
    if (question->connection)
        MHD_resume_connection(question->connection);
    question->connection = NULL;
}

static void read_answer(struct ask *ask, struct question *question)
{
    struct message message = {0};
    struct error err = {0};
    int got;

    while (question->socket && (got = message_receive(question->socket, NULL, 0, &message, &err)) != 0) {
        if (got < 0) {
            finish(ask, question, ASK_SILENT, "the daemon's answer cannot be read");
            return;
        }
        if (message.kind == PROTO_ANSWER && message.as.ANSWER.id == question->id) {
            const struct proto_ANSWER *answer = &message.as.ANSWER;
            question->body = answer->body && *answer->body ? strdup(answer->body) : NULL;
            finish(ask, question, answer->ok ? ASK_ANSWERED : ASK_REFUSED, answer->text);
        }
        message_clear(&message);
    }
}

void ask_step(struct ask *ask, struct mono now)
{
    for (size_t i = 0; i < QUESTIONS_MOST; i++) {
        struct question *question = ask->open[i];
        if (!question || question->state != ASK_WAITING)
            continue;
        read_answer(ask, question);
        if (question->state == ASK_WAITING && mono_reached(question->deadline, now))
            finish(ask, question, ASK_SILENT,
                   "the daemon did not answer; what it was told may still be carried out (may this process use "
                   "control.sock?)");
    }
}

struct mono ask_deadline(const struct ask *ask)
{
    struct mono first = MONO_NEVER;

    for (size_t i = 0; i < QUESTIONS_MOST; i++)
        if (ask->open[i] && ask->open[i]->state == ASK_WAITING)
            first = mono_min(first, ask->open[i]->deadline);
    return first;
}

void ask_close(struct ask *ask)
{
    for (size_t i = 0; i < QUESTIONS_MOST; i++)
        if (ask->open[i] && ask->open[i]->state == ASK_WAITING)
            finish(ask, ask->open[i], ASK_SILENT, "this server stops");
}

void ask_destroy(struct ask **ask)
{
    for (size_t i = 0; i < QUESTIONS_MOST; i++)
        if ((*ask)->open[i])
            destroy(*ask, i);
    free(*ask);
    *ask = NULL;
}
