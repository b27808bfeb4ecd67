/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun.c: see dryrun.h. Runs in: supervisor, main thread.
 * Each type's own worker plans for its new definition from live demand, supply and prices; then a scratch arbiter
 * decides twice, over the bids that stand with the settings that run, and over those that would with those that are
 * tried: same breakers and leases, no launch rate.
 * No call to EC2 comes of it but the reading ones of preflight. */
#include "supervisor/dryrun.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/catalog.h"
#include "supervisor/decide.h"
#include "supervisor/judge.h"

/* ---- what an arbitration would give, by type: {"launches": [...], "denials": [...], "perHour": $} ---- */

static json_t *entry_of(json_t *forecast, const char *type)
{
    json_t *entry = json_object_get(forecast, type);

    if (!entry) {
        entry = json_pack("{s:[], s:[], s:f}", "launches", "denials", "perHour", 0.0);
        json_object_set_new(forecast, type, entry);
    }
    return entry;
}

static void add_launch(json_t *forecast, const struct type_record *type, const struct arbiter_grant *grant)
{
    const struct proto_LOT *lot = &type->bid.lots[grant->lot];
    json_t *entry = entry_of(forecast, type->name);
    double each = (double)lot->maxPrice / 1e6, sum = json_number_value(json_object_get(entry, "perHour"));

    json_array_append_new(json_object_get(entry, "launches"),
                          json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:o}", "region", lot->region, "zone",
                                    lot->zone, "instanceType", lot->instanceType, "market", lot->market, "count",
                                    (json_int_t)grant->count, "units",
                                    (json_int_t)grant->count * (json_int_t)lot->capacity, "maxPrice", each, "price",
                                    lot->price > 0 ? json_real((double)lot->price / 1e6) : json_null()));
    json_object_set_new(entry, "perHour", json_real(sum + each * (double)grant->count));
}

static void add_denial(json_t *forecast, const struct type_record *type, const struct arbiter_denial *denial)
{
    char where[4 * NAME_SIZE];

    placement_format(&type->bid.views[denial->lot].placement, where, sizeof where);
    json_array_append_new(json_object_get(entry_of(forecast, type->name), "denials"),
                          json_pack("{s:s, s:I, s:I, s:s}", "placement", where, "wanted", (json_int_t)denial->wanted,
                                    "granted", (json_int_t)denial->granted, "by", denial_name(denial->by)));
}

static json_t *forecast_now(struct supervisor *supervisor)
{
    struct arbiter_output output = {0};
    struct decision *decision = decide_forecast(supervisor, &output);
    json_t *forecast = json_object();

    for (size_t i = 0; i < output.grant_count; i++)
        add_launch(forecast, decide_record(decision, output.grants[i].type), &output.grants[i]);
    for (size_t i = 0; i < output.denial_count; i++)
        add_denial(forecast, decide_record(decision, output.denials[i].type), &output.denials[i]);
    arbiter_output_clear(&output);
    decide_destroy(&decision);
    return forecast;
}

/* ---- the other configuration in its place, for the length of one arbitration ---- */

struct aside {
    struct type_record *type;
    struct definition *definition;
    struct bid bid;
};

static void put_in(struct supervisor *supervisor, struct judge_part *part, struct aside *aside)
{
    struct type_record *type = supervisor_type(supervisor, part->name);
    struct proto_BID bid = {.units = part->said.units, .lots = part->said.lots, .lots_count = part->said.lots_count};

    if (!type || !type->definition || text_equal(part->change, "unchanged"))
        return; /* a new type: its demand is not known before it runs */
    *aside = (struct aside){type, type->definition, type->bid};
    type->bid = (struct bid){0};
    if (text_equal(part->change, "removed"))
        return;
    type->definition = part->definition;
    bid.number = aside->bid.number + 1;
    bid.seen = aside->bid.stands ? aside->bid.seen : type->highest_grant;
    if (*part->said.reason)
        decide_take_bid(supervisor, type, &bid);
}

static void take_out(struct judge_part *part, struct aside *aside)
{
    struct type_record *type = aside->type;

    if (!type)
        return;
    if (type->bid.stands) { /* the lots go back to the part */
        part->said.lots = type->bid.lots;
        part->said.lots_count = type->bid.lot_count;
        free(type->bid.views);
    }
    type->definition = aside->definition;
    type->bid = aside->bid;
}

static json_t *forecast_other(struct supervisor *supervisor, struct judgement *judgement)
{
    struct aside *aside = calloc(judgement->count + 1, sizeof *aside);
    struct config *running = supervisor->config;
    bool due = supervisor->arbiter_due;

    if (!aside)
        abort();
    for (size_t i = 0; i < judgement->count; i++)
        put_in(supervisor, &judgement->parts[i], &aside[i]);
    if (judgement->config)
        supervisor->config = judgement->config;
    json_t *forecast = forecast_now(supervisor);
    supervisor->config = running;
    for (size_t i = 0; i < judgement->count; i++)
        take_out(&judgement->parts[i], &aside[i]);
    supervisor->arbiter_due = due;
    free(aside);
    return forecast;
}

/* ---- the answer ---- */

static json_t *side(const char *reason, const char *why, int64_t pending, int64_t need, int64_t units, json_t *forecast,
                    const char *type)
{
    json_t *entry = json_deep_copy(entry_of(forecast, type));

    json_object_set_new(entry, "reason", json_string(reason));
    json_object_set_new(entry, "why", json_string(why));
    json_object_set_new(entry, "pending", pending >= 0 ? json_integer(pending) : json_null());
    json_object_set_new(entry, "need", json_integer(need));
    json_object_set_new(entry, "units", json_integer(units));
    return entry;
}

static json_t *type_json(const struct supervisor *supervisor, const struct judge_part *part, json_t *now, json_t *then)
{
    const struct type_record *type = supervisor_type(supervisor, part->name);
    const struct proto_JUDGED *said = &part->said;
    json_t *object = judge_part_json(part);

    json_object_set_new(object, "new",
                        side(said->reason, said->why, said->pending, said->need, said->units, then, part->name));
    if (type && type->definition && type->observed)
        json_object_set_new(object, "running",
                            side(type->seen.reason, type->seen.why, type->seen.pending, type->seen.need,
                                 type->bid.stands ? type->bid.units : 0, now, part->name));
    else
        json_object_set_new(object, "running", json_null());
    return object;
}

static json_t *settings_of(const struct supervisor *supervisor, const struct judgement *judgement)
{
    return judgement->config ? dryrun_settings_differ(supervisor->config, judgement->config) : json_array();
}

static void finish(struct supervisor *supervisor, struct judgement *judgement)
{
    struct control_reply reply = {.ok = true};
    json_t *now = forecast_now(supervisor), *then = forecast_other(supervisor, judgement), *types = json_array();
    long long errors = 0, launches = 0, unknown = 0;
    double per_hour = 0;

    for (size_t i = 0; i < judgement->count; i++) {
        const struct judge_part *part = &judgement->parts[i];
        json_t *object = type_json(supervisor, part, now, then), *fresh = json_object_get(object, "new"), *launch;
        size_t k;
        errors += part->said.errors;
        unknown += !part->said.known && !text_equal(part->change, "removed");
        per_hour += json_number_value(json_object_get(fresh, "perHour"));
        json_array_foreach(json_object_get(fresh, "launches"), k, launch) launches +=
            json_integer_value(json_object_get(launch, "count"));
        json_array_append_new(types, object);
    }
    reply.body = json_pack("{s:I, s:b, s:I, s:I, s:f, s:o, s:o}", "asOf", (json_int_t)supervisor->wall.ms, "ok",
                           errors == 0 && unknown == 0, "errors", (json_int_t)errors, "launches", (json_int_t)launches,
                           "perHour", per_hour, "settings", settings_of(supervisor, judgement), "types", types);
    text_format(reply.text, sizeof reply.text,
                "%zu types looked at: %lld instances would be launched now, for at most $%.6f an hour; %lld errors",
                judgement->count, launches, per_hour, errors);
    json_decref(now);
    json_decref(then);
    judge_answer(supervisor, judgement, &reply);
}

void control_dryrun(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    static const char *const members[] = {"documents", "sets", "settings", NULL};
    struct json_at at = json_at_root("argument");
    struct error error = {0};
    json_t *argument = NULL;

    if (*request->argument) {
        argument = json_read_text("argument", request->argument, strlen(request->argument), &error);
        if (!argument || json_only_members(argument, &at, members, &error) != 0) {
            control_refuse(reply, "%s", error.text);
            json_decref(argument);
            return;
        }
    }
    struct judgement *judgement = judge_begin(supervisor, request, reply, finish);
    judgement->decide = true;
    int result = argument ? dryrun_add_documents(supervisor, judgement, argument, request->name, &error)
                          : dryrun_add_files(supervisor, judgement, request->name, &error);
    json_decref(argument);
    if (result == 0 && *request->name && judgement->count == 0)
        result = error_set(&error, ERROR_INPUT, "there is no definition of %s", request->name);
    if (result == 0)
        return;
    struct control_reply refusal = {0};
    control_refuse(&refusal, "%s", error.text);
    judge_answer(supervisor, judgement, &refusal);
}
