/* SPDX-License-Identifier: MPL-2.0 */
/* control.c: receives requests, finds their command, answers. Runs in: supervisor, main thread. See control.h. */
#include "supervisor/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/control.h"
#include "supervisor/apply.h"
#include "supervisor/bus.h"
#include "supervisor/dryrun.h"
#include "supervisor/events.h"
#include "supervisor/reload.h"
#include "supervisor/revisions.h"
#include "supervisor/status.h"
#include "supervisor/workers.h"

#define REQUESTS_A_TURN 20
#define EVENTS_BY_DEFAULT 100

int control_refuse(struct control_reply *reply, const char *format, ...)
{
    va_list arguments;

    reply->ok = false;
    va_start(arguments, format);
    vsnprintf(reply->text, sizeof reply->text, format, arguments);
    va_end(arguments);
    return -1;
}

struct type_record *control_type(struct supervisor *supervisor, const struct proto_CONTROL *request,
                                 struct control_reply *reply)
{
    struct type_record *type = supervisor_type(supervisor, request->name);

    if (type && type->definition)
        return type;
    control_refuse(reply, "there is no workerType %s", request->name);
    return NULL;
}

/* ---- looking ---- */

static void control_status(struct supervisor *supervisor, const struct proto_CONTROL *request,
                           struct control_reply *reply)
{
    if (*request->name && !supervisor_type(supervisor, request->name) && !supervisor_region(supervisor, request->name))
        control_refuse(reply, "there is no workerType or region %s", request->name);
    else
        reply->body = status_of_all(supervisor, request->name);
}

/* {"last": N}, or nothing. */
static int read_last(const char *argument, int64_t *last, struct error *err)
{
    static const char *const members[] = {"last", NULL};
    struct json_at at = json_at_root("argument");

    if (!argument || !*argument)
        return 0;
    json_t *document = json_read_text("argument", argument, strlen(argument), err);
    if (!document)
        return -1;
    int result = json_only_members(document, &at, members, err);
    if (result == 0)
        result = json_get_integer(document, &at, "last", false, 1, EVENTS_KEPT, last, err);
    json_decref(document);
    return result;
}

static void control_events(struct supervisor *supervisor, const struct proto_CONTROL *request,
                           struct control_reply *reply)
{
    int64_t last = EVENTS_BY_DEFAULT, sequence = supervisor->event_count;
    json_t *events = json_array();
    struct error error;

    if (read_last(request->argument, &last, &error) != 0) {
        json_decref(events);
        control_refuse(reply, "%s", error.text);
        return;
    }
    for (const struct event *event; last > 0 && (event = event_of(supervisor, sequence)) != NULL; sequence--) {
        if (*request->name && !text_equal(event->type, request->name) && !text_equal(event->region, request->name))
            continue;
        json_array_insert_new(events, 0, status_of_event(event));
        last--;
    }
    reply->body = json_pack("{s:o}", "events", events);
}

static bool names_alarm(const struct proto_CONTROL *request, const struct alarm *alarm)
{
    return !*request->name || text_equal(alarm->subject, request->name);
}

static void control_alarms(struct supervisor *supervisor, const struct proto_CONTROL *request,
                           struct control_reply *reply)
{
    json_t *alarms = json_array(), *ended = json_array();
    int64_t count = supervisor->alarm_end_count, kept = count < ALARM_ENDS_KEPT ? count : ALARM_ENDS_KEPT;

    for (size_t i = 0; i < supervisor->alarm_count; i++)
        if (!supervisor->alarms[i].cleared && names_alarm(request, &supervisor->alarms[i]))
            json_array_append_new(alarms, status_of_alarm(&supervisor->alarms[i]));
    for (int64_t i = count - kept; i < count; i++) {
        const struct alarm_end *end = &supervisor->alarm_ends[i % ALARM_ENDS_KEPT];
        if (!names_alarm(request, &end->alarm))
            continue;
        json_t *alarm = status_of_alarm(&end->alarm);
        json_object_set_new(alarm, "raised", json_false());
        json_object_set_new(alarm, "ended", json_integer(end->ended.ms));
        json_array_append_new(ended, alarm);
    }
    reply->body = json_pack("{s:s, s:I, s:I, s:o, s:o}", "incarnation", supervisor->run_id, "asOf",
                            (json_int_t)supervisor->wall.ms, "started", (json_int_t)supervisor->started.ms, "alarms",
                            alarms, "ended", ended);
}

/* ---- doing ---- */

static void control_restart(struct supervisor *supervisor, const struct proto_CONTROL *request,
                            struct control_reply *reply)
{
    struct region_record *region = supervisor_region(supervisor, request->name);
    struct type_record *type = region ? NULL : control_type(supervisor, request, reply);
    struct worker *worker = region ? &region->worker : type ? &type->worker : NULL;

    if (!worker)
        return;
    if (type)
        reload_type(supervisor, type);
    event_record(supervisor, "restart", type ? type->name : NULL, region ? region->name : NULL, "asked for by %s",
                 request->who);
    workers_event(supervisor, worker, PROCESS_RESTART, "an operator restarts it");
    text_format(reply->text, sizeof reply->text, "%s restarts", request->name);
}

static void control_reload(struct supervisor *supervisor, const struct proto_CONTROL *request,
                           struct control_reply *reply)
{
    struct error error;

    (void)request;
    if (reload_all(supervisor, reply->text, sizeof reply->text, &error) != 0)
        control_refuse(reply, "nothing was changed: %s", error.text);
}

static void set_pause(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply,
                      bool paused)
{
    struct type_record *type = control_type(supervisor, request, reply);
    char key[NAME_SIZE + 8];

    if (!type)
        return;
    text_format(key, sizeof key, "pause:%s", type->name);
    reply->ticket = ledger_ticket(supervisor->ledger);
    if (paused)
        ledger_put_meta(supervisor->ledger, key, request->who);
    else
        ledger_remove_meta(supervisor->ledger, key);
    if (type->retired && !paused) {
        text_format(key, sizeof key, "retire:%s", type->name);
        ledger_remove_meta(supervisor->ledger, key);
        type->retired = false;
    }
    if (type->paused != paused)
        event_record(supervisor, paused ? "paused" : "resumed", type->name, NULL, "by %s", request->who);
    type->paused = paused;
    type->dirty = true;
    supervisor->arbiter_due = true;
    text_format(reply->text, sizeof reply->text, paused ? "%s launches nothing until it is resumed" : "%s goes on",
                type->name);
}

static void control_pause(struct supervisor *supervisor, const struct proto_CONTROL *request,
                          struct control_reply *reply)
{
    set_pause(supervisor, request, reply, true);
}

static void control_resume(struct supervisor *supervisor, const struct proto_CONTROL *request,
                           struct control_reply *reply)
{
    set_pause(supervisor, request, reply, false);
}

/* ---- dispatch ---- */

static control_handler *const handlers[CONTROL_COMMAND_COUNT] = {
#define COMMAND(name, needs_name, argument, doc) [CONTROL_##name] = control_##name,
#include "proto/control.def"
#undef COMMAND
};

static void carry_out(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    int command = control_command_of(request->command);

    if (command < 0) {
        control_refuse(reply, "there is no command %s", request->command);
        return;
    }
    const struct control_row *row = control_row((enum control_command)command);
    if (row->needs_name == NAME_NEEDED && !*request->name)
        control_refuse(reply, "%s needs a name", row->name);
    else if (row->needs_name == NAME_NONE && *request->name)
        control_refuse(reply, "%s takes no name", row->name);
    else
        handlers[command](supervisor, request, reply);
}

struct waiting_answer {
    char peer[256];
    struct message message;
    uint64_t ticket;
};

static void send_answer(struct supervisor *supervisor, const char *peer, struct message *message)
{
    struct error error;

    CRASH_POINT(supervisor_before_answer);
    if (message_send(supervisor->control, peer, strlen(peer), message, &error) != 0)
        log_repeating(LOG_WARN_LEVEL, "control.not-answered", "", error.text, "error=%s", log_quote(error.text));
    CRASH_POINT(supervisor_after_answer);
    message_clear(message);
}

static void fill_answer(struct message *message, int64_t id, const struct control_reply *reply)
{
    *message = (struct message){.kind = PROTO_ANSWER};
    message->as.ANSWER.id = id;
    message->as.ANSWER.ok = reply->ok;
    text_copy(message->as.ANSWER.text, sizeof message->as.ANSWER.text, reply->text);
    message->as.ANSWER.body = reply->body ? json_text(reply->body) : strdup("");
}

void control_answer(struct supervisor *supervisor, const char *peer, int64_t id, const struct control_reply *reply)
{
    struct message message;

    fill_answer(&message, id, reply);
    send_answer(supervisor, peer, &message);
}

/* A ledger that cannot be written keeps nobody waiting. */
void control_send_committed(struct supervisor *supervisor)
{
    uint64_t acknowledged = ledger_acknowledged(supervisor->ledger);

    for (size_t i = supervisor->answer_count; i-- > 0;) {
        struct waiting_answer *waiting = &supervisor->answers[i];
        bool failing = supervisor->ledger_problem[0] != '\0';
        if (waiting->ticket > acknowledged && !failing)
            continue;
        if (failing)
            text_copy(waiting->message.as.ANSWER.text, sizeof waiting->message.as.ANSWER.text,
                      "done, but the ledger cannot be written now: a restart may forget it");
        send_answer(supervisor, waiting->peer, &waiting->message);
        *waiting = supervisor->answers[--supervisor->answer_count];
    }
}

void control_forget(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->answer_count; i++)
        message_clear(&supervisor->answers[i].message);
    free(supervisor->answers);
    supervisor->answers = NULL;
    supervisor->answer_count = 0;
}

static void hold_answer(struct supervisor *supervisor, const char *peer, const struct message *message, uint64_t ticket)
{
    supervisor->answers = realloc(supervisor->answers, (supervisor->answer_count + 1) * sizeof *supervisor->answers);
    if (!supervisor->answers)
        abort();
    struct waiting_answer *waiting = &supervisor->answers[supervisor->answer_count++];
    *waiting = (struct waiting_answer){.message = *message, .ticket = ticket};
    text_copy(waiting->peer, sizeof waiting->peer, peer);
}

static void answer(struct supervisor *supervisor, const char *peer, const struct proto_CONTROL *request)
{
    struct control_reply reply = {.ok = true, .peer = peer};
    struct message message;

    carry_out(supervisor, request, &reply);
    if (reply.deferred)
        return;
    if (reply.later) {
        text_copy(supervisor->backup_peer, sizeof supervisor->backup_peer, peer);
        supervisor->backup_request = request->id;
        return;
    }
    fill_answer(&message, request->id, &reply);
    json_decref(reply.body);
    if (reply.ok && reply.ticket > 0)
        hold_answer(supervisor, peer, &message, reply.ticket);
    else
        send_answer(supervisor, peer, &message);
}

bool control_drain(struct supervisor *supervisor)
{
    control_finish_backup(supervisor);
    for (int i = 0; i < REQUESTS_A_TURN; i++) {
        char peer[256];
        struct message message;
        struct error error = {0};
        int got = message_receive(supervisor->control, peer, sizeof peer, &message, &error);
        if (got == 0)
            return false;
        if (got > 0 && message_allowed(message.kind, FROM_CONTROL, IN_LIVE))
            answer(supervisor, peer, &message.as.CONTROL);
        else
            log_repeating(LOG_WARN_LEVEL, "control.bad-request", "", error.text, "error=%s", log_quote(error.text));
        message_clear(&message);
    }
    return true;
}
