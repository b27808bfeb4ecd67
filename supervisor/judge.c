/* SPDX-License-Identifier: MPL-2.0 */
/* judge.c: see judge.h. Runs in: supervisor, main thread. */
#include "supervisor/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/text.h"
#include "supervisor/preflight.h"
#include "supervisor/revisions.h"

#define JUDGE_LIMIT SPAN_SECONDS(25) /* above the workers' own wait for the catalogue */

struct judgement *judge_begin(struct supervisor *supervisor, const struct proto_CONTROL *request,
                              struct control_reply *reply,
                              void (*finish)(struct supervisor *supervisor, struct judgement *judgement))
{
    struct judgement *judgement = calloc(1, sizeof *judgement);

    if (!judgement)
        abort();
    judgement->request = request->id;
    judgement->finish = finish;
    judgement->deadline = mono_add(supervisor->now, JUDGE_LIMIT);
    text_copy(judgement->peer, sizeof judgement->peer, reply->peer);
    text_copy(judgement->who, sizeof judgement->who, request->who);
    judgement->next = supervisor->judgements;
    supervisor->judgements = judgement;
    reply->deferred = true;
    return judgement;
}

static struct type_record *judge_for(const struct supervisor *supervisor, const char *name, bool *own)
{
    struct type_record *type = supervisor_type(supervisor, name);

    *own = type && type->worker.process.state == PROCESS_LIVE;
    if (*own)
        return type;
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (supervisor->types[i]->worker.process.state == PROCESS_LIVE)
            return supervisor->types[i];
    return NULL;
}

static void ask(struct supervisor *supervisor, const struct judgement *judgement, struct judge_part *part)
{
    struct message message = {.kind = PROTO_JUDGE};
    bool own = false;
    struct type_record *judge = judge_for(supervisor, part->name, &own);
    json_t *images = preflight_known_images(supervisor, NULL);

    if (judge) {
        revisions_add_images(supervisor, part->name, images);
        message.as.JUDGE.id = part->id = ++supervisor->last_judgement;
        message.as.JUDGE.definition = json_text(part->definition->document);
        message.as.JUDGE.images = json_text(images);
        message.as.JUDGE.decide = judgement->decide && own;
    }
    CRASH_POINT(supervisor_before_judge);
    if (!judge || bus_post(supervisor, &judge->worker, &message) != 0) {
        part->id = 0;
        part->answered = true;
        text_copy(part->said.problem, sizeof part->said.problem, "no type worker is there to look at it");
    }
    json_decref(images);
    message_clear(&message);
}

struct judge_part *judge_add(struct supervisor *supervisor, struct judgement *judgement, struct definition **definition,
                             const char *change, bool asked)
{
    judgement->parts = realloc(judgement->parts, (judgement->count + 1) * sizeof *judgement->parts);
    if (!judgement->parts)
        abort();
    struct judge_part *part = &judgement->parts[judgement->count++];
    *part = (struct judge_part){.definition = *definition, .answered = !asked, .said = {.pending = -1}};
    text_copy(part->name, sizeof part->name, (*definition)->name);
    text_copy(part->change, sizeof part->change, change);
    *definition = NULL;
    if (asked)
        ask(supervisor, judgement, part);
    return part;
}

static struct judge_part *part_of(const struct supervisor *supervisor, int64_t id)
{
    for (struct judgement *judgement = supervisor->judgements; judgement; judgement = judgement->next)
        for (size_t i = 0; i < judgement->count; i++)
            if (judgement->parts[i].id == id && !judgement->parts[i].answered)
                return &judgement->parts[i];
    return NULL;
}

void bus_judged(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct judge_part *part = part_of(supervisor, message->as.JUDGED.id);

    (void)sender;
    if (!part)
        return; /* too late */
    part->answered = true;
    part->said = message->as.JUDGED;
    *message = (struct message){0};
}

static bool all_answered(const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++)
        if (!judgement->parts[i].answered)
            return false;
    return true;
}

static void give_up_on_the_silent(struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++)
        if (!judgement->parts[i].answered) {
            judgement->parts[i].answered = true;
            text_copy(judgement->parts[i].said.problem, sizeof judgement->parts[i].said.problem,
                      "its worker did not answer in time");
        }
}

static void forget(struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++) {
        struct message message = {.kind = PROTO_JUDGED, .as.JUDGED = judgement->parts[i].said};
        message_clear(&message);
        definition_destroy(&judgement->parts[i].definition);
    }
    writer_destroy(&judgement->writer);
    amiset_destroy(&judgement->set);
    json_decref(judgement->held.body);
    json_decref(judgement->document);
    free(judgement->config);
    free(judgement->parts);
    free(judgement);
}

void judge_answer(struct supervisor *supervisor, struct judgement *judgement, struct control_reply *reply)
{
    if (reply->ticket > ledger_acknowledged(supervisor->ledger) && !supervisor->ledger_problem[0]) {
        judgement->ticket = reply->ticket;
        judgement->held = *reply;
        return;
    }
    control_answer(supervisor, judgement->peer, judgement->request, reply);
    json_decref(reply->body);
    judgement->held.body = NULL;
    judgement->over = true;
}

static void step(struct supervisor *supervisor, struct judgement *judgement)
{
    if (judgement->over)
        return;
    if (judgement->ticket > 0) {
        struct control_reply reply = judgement->held;
        judge_answer(supervisor, judgement, &reply);
        return;
    }
    if (judgement->writer) {
        if (writer_is_done(judgement->writer))
            judgement->finish(supervisor, judgement);
        return;
    }
    if (mono_reached(judgement->deadline, supervisor->now))
        give_up_on_the_silent(judgement);
    if (all_answered(judgement))
        judgement->finish(supervisor, judgement);
}

void judge_step(struct supervisor *supervisor)
{
    for (struct judgement **place = &supervisor->judgements; *place;) {
        struct judgement *judgement = *place;
        step(supervisor, judgement);
        if (!judgement->over) {
            place = &judgement->next;
            continue;
        }
        *place = judgement->next;
        forget(judgement);
    }
}

struct mono judge_deadline(const struct supervisor *supervisor)
{
    struct mono next = MONO_NEVER;

    for (const struct judgement *it = supervisor->judgements; it; it = it->next)
        next = mono_min(next, it->writer ? mono_add(supervisor->now, SPAN_MS(20)) : it->deadline);
    return next;
}

void judge_clear(struct supervisor *supervisor)
{
    while (supervisor->judgements) {
        struct judgement *judgement = supervisor->judgements;
        supervisor->judgements = judgement->next;
        forget(judgement);
    }
}

static json_t *read_list(const char *text)
{
    json_t *list = text && *text ? json_loads(text, 0, NULL) : NULL;
    return list ? list : json_array();
}

json_t *judge_part_json(const struct judge_part *part)
{
    const struct proto_JUDGED *said = &part->said;

    return json_pack("{s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:o, s:o}", "type", part->name, "change", part->change,
                     "known", said->known, "problem", said->problem, "placements", (json_int_t)said->placements,
                     "usable", (json_int_t)said->usable, "errors", (json_int_t)said->errors, "findings",
                     read_list(said->findings), "specs", read_list(said->specs));
}
