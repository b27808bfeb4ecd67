/* SPDX-License-Identifier: MPL-2.0 */
/* type_judge.c: looks at a definition that is not applied, with the worker's own eyes: preflight against the catalogue,
 * and where asked the plan that would come of it from live demand, supply and prices. Changes nothing.
 * Runs in: type worker. Owns: the judgements under way. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

#define JUDGE_WAIT SPAN_SECONDS(15)
#define MOST_SPECS 300 /* shown in an answer */

struct judgement {
    struct judgement *next;
    int64_t id;
    bool decide;
    struct definition *definition;
    json_t *candidates;
    struct type_check check;
};

static void forget(struct judgement *judgement)
{
    type_check_clear(&judgement->check);
    definition_destroy(&judgement->definition);
    json_decref(judgement->candidates);
    free(judgement);
}

static struct definition *read_definition(const struct type_worker *worker, const char *text, struct error *err)
{
    struct region_zones zones[CONFIG_MAX_REGIONS];
    size_t count = config_zones(&worker->config, zones);
    json_t *document =
        *text ? json_read_text("definition", text, strlen(text), err) : json_incref(worker->definition->document);
    if (!document)
        return NULL;
    struct definition *definition = definition_parse(document, "definition", zones, count, err);
    json_decref(document);
    return definition;
}

static void refuse(struct type_worker *worker, int64_t id, const char *problem)
{
    struct message message = {.kind = PROTO_JUDGED};
    message.as.JUDGED.id = id;
    message.as.JUDGED.pending = -1;
    text_copy(message.as.JUDGED.problem, sizeof message.as.JUDGED.problem, problem);
    CRASH_POINT(type_before_judged);
    bus_send(&worker->bus, &message, BUS_KEEP);
}

void type_judge_take(struct type_worker *worker, const struct proto_JUDGE *judge, struct mono now)
{
    struct error err = {0};
    struct judgement *judgement = calloc(1, sizeof *judgement);
    if (!judgement)
        abort();
    judgement->id = judge->id;
    judgement->decide = judge->decide;
    judgement->definition = read_definition(worker, judge->definition, &err);
    judgement->candidates = *judge->images ? json_loads(judge->images, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!judgement->definition) {
        refuse(worker, judge->id, err.text);
        forget(judgement);
        return;
    }
    judgement->check.definition = judgement->definition;
    judgement->check.candidates = judgement->candidates;
    type_check_begin(worker, &judgement->check, JUDGE_WAIT, now);
    judgement->next = worker->preflight.judgements;
    worker->preflight.judgements = judgement;
}

/* ---- the answer ---- */

static json_t *specs_json(const struct definition *definition, const struct preflight *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < definition->spec_count && i < MOST_SPECS; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:b}", "region", spec->region, "zone",
                                              spec->zone, "instanceType", spec->instance_type, "capacity",
                                              (json_int_t)spec->capacity, "image", spec->image, "hash", spec->hash,
                                              "leftOut", result->spot_out[i] && result->on_demand_out[i]));
    }
    return list;
}

static void add_plan(struct proto_JUDGED *out, const struct plan *plan)
{
    out->pending = plan->pending;
    out->need = plan->need;
    out->units = plan->units;
    text_copy(out->reason, sizeof out->reason, reason_name(plan->reason));
    text_copy(out->why, sizeof out->why, plan->why);
    out->lots = calloc(plan->lot_count + 1, sizeof *out->lots);
    for (size_t i = 0; out->lots && i < plan->lot_count; i++)
        type_fill_lot(&out->lots[out->lots_count++], &plan->lots[i]);
}

static void answer(struct type_worker *worker, struct judgement *judgement, struct mono now)
{
    const struct type_check *check = &judgement->check;
    struct message message = {.kind = PROTO_JUDGED};
    struct proto_JUDGED *out = &message.as.JUDGED;
    struct preflight result = {0};
    struct type_prices prices = {.worker = worker};
    struct preflight_input input = {.definition = judgement->definition,
                                    .facts = check->facts,
                                    .region_count = check->region_count,
                                    .candidates = judgement->candidates,
                                    .price = type_price_of,
                                    .price_context = &prices};
    preflight_choose(judgement->definition, check->facts, check->region_count);
    preflight_run(&input, &result);
    json_t *findings = preflight_json(&result), *specs = specs_json(judgement->definition, &result);
    out->id = judgement->id;
    out->known = type_check_complete(check);
    text_copy(out->problem, sizeof out->problem, check->problem);
    out->placements = (int64_t)result.placements;
    out->usable = (int64_t)result.usable;
    out->errors = (int64_t)result.errors;
    out->findings = json_text(findings);
    out->specs = json_text(specs);
    out->pending = -1;
    struct plan *plan = judgement->decide ? calloc(1, sizeof *plan) : NULL;
    if (plan) {
        type_plan_for(worker, judgement->definition, &result, plan, now);
        add_plan(out, plan);
    }
    CRASH_POINT(type_before_judged);
    bus_send(&worker->bus, &message, BUS_KEEP);
    free(plan);
    json_decref(findings);
    json_decref(specs);
    message_clear(&message);
    preflight_clear(&result);
}

void type_judge_step(struct type_worker *worker, struct mono now)
{
    for (struct judgement **place = &worker->preflight.judgements; *place;) {
        struct judgement *judgement = *place;
        if (!type_check_step(worker, &judgement->check, now)) {
            place = &judgement->next;
            continue;
        }
        *place = judgement->next;
        answer(worker, judgement, now);
        forget(judgement);
    }
}

bool type_judge_found(struct type_worker *worker, const struct proto_FOUND *found, struct mono now)
{
    for (struct judgement *judgement = worker->preflight.judgements; judgement; judgement = judgement->next)
        if (type_check_found(&judgement->check, found, now))
            return true;
    return false;
}

struct mono type_judge_deadline(const struct type_worker *worker)
{
    struct mono next = MONO_NEVER;
    for (const struct judgement *judgement = worker->preflight.judgements; judgement; judgement = judgement->next)
        next = mono_min(next, type_check_deadline(&judgement->check));
    return next;
}

void type_judge_clear(struct type_worker *worker)
{
    while (worker->preflight.judgements) {
        struct judgement *judgement = worker->preflight.judgements;
        worker->preflight.judgements = judgement->next;
        forget(judgement);
    }
}
