/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_ask.c: one question to the daemon and its answer, within a time limit.
 * Runs in: provisionctl. Owns: one socket for the length of a question. Repeats nothing: a command that was sent may
 * have been carried out although no answer came, and the message says so. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/text.h"
#include "proto/sockets.h"
#include "subscribers/provisionctl.h"

enum ctl_exit ctl_fail(enum ctl_exit code, const struct error *err)
{
    fprintf(stderr, "provisionctl: %s\n", err->text);
    return code;
}

/* The claimed user; the daemon writes it down as unverified. */
static void who_am_i(char *out, size_t size)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *entry = getpwuid(getuid());
    if (getuid() == 0 && sudo && sudo[0])
        text_copy(out, size, sudo);
    else if (entry && entry->pw_name[0])
        text_copy(out, size, entry->pw_name);
    else
        text_format(out, size, "uid %u", (unsigned)getuid());
}

/* A daemon that was never started needs no waiting. */
static enum ctl_exit check_socket(const struct ctl *ctl, struct error *err)
{
    char path[512];
    struct stat status;
    text_format(path, sizeof path, "%s/control.sock", ctl->run_dir);
    if (stat(path, &status) < 0) {
        error_set_errno(err, ERROR_REMOTE, "no daemon: %s", path);
        return CTL_NO_ANSWER;
    }
    if (access(path, R_OK | W_OK) < 0) {
        error_set_errno(err, ERROR_REMOTE, "%s (are you in the group that owns it?)", path);
        return CTL_NO_ANSWER;
    }
    return CTL_OK;
}

static enum ctl_exit no_answer(const struct ctl *ctl, struct error *err)
{
    char limit[32];
    span_format(ctl->timeout, limit, sizeof limit);
    error_set(err, ERROR_TIMEOUT, "no answer from the daemon at %s within %s; the command may still be carried out",
              ctl->run_dir, limit);
    return CTL_NO_ANSWER;
}

static enum ctl_exit wait_for(struct ctl *ctl, void *socket, int64_t id, struct message *answer, struct error *err)
{
    struct mono deadline = mono_add(clock_now(), ctl->timeout);
    for (;;) {
        int64_t left = span_ms(mono_since(clock_now(), deadline));
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, (long)left) < 0 && errno != EINTR) {
            error_set(err, ERROR_LOCAL, "waiting: %s", zmq_strerror(errno));
            return CTL_NO_ANSWER;
        }
        int got = message_receive(socket, NULL, 0, answer, err);
        if (got < 0) {
            error_prefix(err, "the daemon's answer cannot be read");
            return CTL_REFUSED;
        }
        if (got > 0 && answer->kind == PROTO_ANSWER && answer->as.ANSWER.id == id)
            return CTL_OK;
        if (got > 0)
            message_clear(answer); /* the answer to somebody else's question */
        else if (mono_reached(deadline, clock_now()))
            return no_answer(ctl, err);
    }
}

static int fill_question(struct ctl *ctl, const char *command, const char *argument, struct message *question,
                         struct error *err)
{
    struct proto_CONTROL *control = &question->as.CONTROL;
    memset(question, 0, sizeof *question);
    question->kind = PROTO_CONTROL;
    control->id = ++ctl->next_id;
    control->argument = (char *)argument;
    who_am_i(control->who, sizeof control->who);
    if (text_copy(control->command, sizeof control->command, command) < 0 ||
        text_copy(control->name, sizeof control->name, ctl->name) < 0)
        return error_set(err, ERROR_USAGE, "the name is longer than %zu bytes", sizeof control->name - 1);
    return 0;
}

enum ctl_exit ctl_ask(struct ctl *ctl, const char *command, const char *argument, struct message *answer,
                      struct error *err)
{
    struct message question;
    if (fill_question(ctl, command, argument, &question, err) < 0)
        return CTL_USAGE;
    enum ctl_exit code = check_socket(ctl, err);
    if (code != CTL_OK)
        return code;
    void *socket = socket_open(ctl->context, SOCKET_CONTROL_CLIENT, ctl->run_dir, NULL, NULL, err);
    if (!socket)
        return CTL_NO_ANSWER;
    if (message_send(socket, NULL, 0, &question, err) < 0)
        code = errno == EINVAL ? CTL_USAGE : CTL_NO_ANSWER;
    else
        code = wait_for(ctl, socket, question.as.CONTROL.id, answer, err);
    zmq_close(socket);
    return code;
}

enum ctl_exit ctl_ask_body(struct ctl *ctl, const char *command, const char *argument, json_t **body, struct error *err)
{
    struct message answer;
    *body = NULL;
    enum ctl_exit code = ctl_ask(ctl, command, argument, &answer, err);
    if (code != CTL_OK)
        return code;
    if (!answer.as.ANSWER.ok) {
        error_set(err, ERROR_REMOTE, "%s", answer.as.ANSWER.text);
        code = CTL_REFUSED;
    } else {
        *body = json_loads(answer.as.ANSWER.body, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(*body)) {
            json_decref(*body);
            *body = NULL;
            error_set(err, ERROR_REMOTE, "the daemon's answer has no JSON object in it");
            code = CTL_REFUSED;
        }
    }
    message_clear(&answer);
    return code;
}
