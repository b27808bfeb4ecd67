/* SPDX-License-Identifier: MPL-2.0 */
/* control_change.c: what operators change while the daemon runs: priority, caps, freezes, breakers, trust, leases whose
 * outcome cannot be learned, and what is believed after a loss of the ledger. Runs in: supervisor, main thread.
 * Each change is an event that says who, and is in the ledger before its answer leaves. Priority and caps count until
 * the files are read anew: the files stay the truth; a freeze outlives restarts: forgetting one would launch. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/control.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"
#include "supervisor/workers.h"

#define PRIORITY_MOST 1000000

/* Nothing of this is answered before it is in the ledger; and all of it is something to decide anew. */
static void changed(struct supervisor *supervisor, struct control_reply *reply)
{
    reply->ticket = ledger_ticket(supervisor->ledger);
    supervisor->arbiter_due = supervisor->dirty = true;
}

/* The argument's object, or NULL and a refusal. New reference. */
static json_t *read_argument(const struct proto_CONTROL *request, struct control_reply *reply)
{
    const char *text = request->argument ? request->argument : "";
    struct error error;
    json_t *document = json_read_text("argument", text, strlen(text), &error);

    if (!document)
        control_refuse(reply, "%s", error.text);
    return document;
}

/* ---- until the files are read anew ---- */

static int read_priority(const json_t *document, int64_t *out, struct error *err)
{
    static const char *const members[] = {"priority", NULL};
    struct json_at at = json_at_root("argument");

    if (json_only_members(document, &at, members, err) != 0)
        return -1;
    return json_get_integer(document, &at, "priority", true, -PRIORITY_MOST, PRIORITY_MOST, out, err);
}

void control_priority(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = control_type(supervisor, request, reply);
    json_t *document = type ? read_argument(request, reply) : NULL;
    struct error error;
    int64_t priority = 0;

    if (!document)
        return;
    int result = read_priority(document, &priority, &error);
    json_decref(document);
    if (result != 0) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    int64_t before = decide_priority(type);
    type->has_priority = true;
    type->priority = priority;
    type->dirty = true;
    event_record(supervisor, "priority", type->name, NULL, "from %lld to %lld by %s", (long long)before,
                 (long long)priority, request->who);
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "%s has priority %lld until its file is read anew", type->name,
                (long long)priority);
}

static const char *const caps[] = {
    "maxCapacity", "maxInstances", "maxHourlyCost", "maxDailyCost", "essentialReserve", "headroom", NULL};

/* The live settings with some caps changed, checked as the file is. */
static struct config *with_caps(const struct config *live, const json_t *change, struct error *err)
{
    struct json_at at = json_at_root("caps");
    struct config *out = calloc(1, sizeof *out);

    if (!out)
        abort();
    if (json_object_size(change) == 0)
        json_complain(&at, err, "names no cap");
    else if (json_only_members(change, &at, caps, err) == 0) {
        json_t *document = config_print(live);
        json_object_update(document, (json_t *)change);
        int result = config_parse(document, "caps", out, err);
        json_decref(document);
        if (result == 0)
            return out;
    }
    free(out);
    return NULL;
}

void control_caps(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct config *live = supervisor->config;
    json_t *change = read_argument(request, reply);
    struct error error;

    if (!change)
        return;
    struct config *wanted = with_caps(live, change, &error);
    char *text = json_text(change);
    json_decref(change);
    if (!wanted) {
        control_refuse(reply, "%s", error.text);
        free(text);
        return;
    }
    live->max_capacity = wanted->max_capacity;
    live->max_instances = wanted->max_instances;
    live->max_hourly_cost = wanted->max_hourly_cost;
    live->max_daily_cost = wanted->max_daily_cost;
    live->essential_reserve = wanted->essential_reserve;
    live->headroom = wanted->headroom;
    free(wanted);
    supervisor->caps_changed = true;
    event_record(supervisor, "caps", NULL, NULL, "%.300s by %s", text ? text : "", request->who);
    free(text);
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "counts until the configuration file is read anew");
}

/* ---- freezes: until they are thawed ---- */

static void set_frozen(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply,
                       bool frozen)
{
    struct region_record *region = supervisor_region(supervisor, request->name);
    const char *where = region ? region->name : "all regions";
    bool *state = region ? &region->frozen : &supervisor->frozen;
    char key[NAME_SIZE + 8];

    if (*request->name && !region) {
        control_refuse(reply, "there is no region %s", request->name);
        return;
    }
    text_format(key, sizeof key, "freeze:%s", request->name);
    if (frozen)
        ledger_put_meta(supervisor->ledger, key, request->who);
    else
        ledger_remove_meta(supervisor->ledger, key);
    if (*state != frozen)
        event_record(supervisor, frozen ? "frozen" : "thawed", NULL, region ? region->name : NULL, "%s by %s", where,
                     request->who);
    *state = frozen;
    for (size_t i = 0; i < supervisor->region_count; i++)
        supervisor->regions[i]->dirty = true;
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, frozen ? "nothing is launched in %s until it is thawed" : "%s: thawed",
                where);
}

void control_freeze(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    set_frozen(supervisor, request, reply, true);
}

/* "thaw" alone does not open a region that was frozen by its name. */
void control_thaw(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    set_frozen(supervisor, request, reply, false);
    for (size_t i = 0; reply->ok && !*request->name && i < supervisor->region_count; i++)
        if (supervisor->regions[i]->frozen)
            text_format(reply->text, sizeof reply->text, "thawed, but %s is frozen by its own name",
                        supervisor->regions[i]->name);
    if (reply->ok && *request->name && supervisor->frozen)
        text_format(reply->text, sizeof reply->text, "%s is thawed, but everything is frozen: thaw without a name",
                    request->name);
}

/* ---- breakers and proofs ---- */

void control_lift(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    int count = breakers_lift(supervisor->breakers, request->name, supervisor->now);

    if (count == 0) {
        control_refuse(reply, "no breaker has the scope %s; explain lists them", request->name);
        return;
    }
    event_record(supervisor, "lifted", NULL, NULL, "%s, %d breakers, by %s", request->name, count, request->who);
    supervisor->breakers_sent = MONO_ZERO; /* the ledger's copy goes into this turn's batch */
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "%d lifted", count);
}

static int trust_one(struct supervisor *supervisor, struct type_record *type, const char *hash)
{
    if (!canary_prove(&type->proofs, hash, "trusted"))
        return 0;
    ledger_put_spec(supervisor->ledger, type->name, hash, "trusted", supervisor->wall);
    return 1;
}

/* What the definition names, and what its worker chose of an AMI set: bid or running. */
void control_trust(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = control_type(supervisor, request, reply);
    int count = 0;

    if (!type)
        return;
    for (size_t i = 0; i < type->definition->spec_count; i++)
        if (*type->definition->specs[i].image)
            count += trust_one(supervisor, type, type->definition->specs[i].hash);
    for (size_t i = 0; i < type->bid.lot_count; i++)
        count += trust_one(supervisor, type, type->bid.lots[i].specHash);
    for (const struct instance *it = type->holdings->instances; it; it = it->next_of_type)
        if (it->revision == type->revision)
            count += trust_one(supervisor, type, it->spec_hash);
    event_record(supervisor, "trusted", type->name, NULL, "%d specifications of revision %lld, by %s", count,
                 (long long)type->revision, request->who);
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "%d specifications count as proven now", count);
}

/* ---- on an operator's word ---- */

static const struct lease *settleable(struct supervisor *supervisor, const char *name, struct control_reply *reply)
{
    char *end;
    int64_t grant = strtoll(name, &end, 10);
    const struct lease *lease = *name && !*end ? fleet_lease(supervisor->fleet, grant) : NULL;

    if (!lease) {
        control_refuse(reply, "there is no open lease %s; explain TYPE lists them", name);
    } else if (lease->state != LEASE_UNKNOWN) {
        control_refuse(reply, "the launch of grant %s is under way: only one whose outcome is unknown is settled",
                       name);
        return NULL;
    }
    return lease;
}

/* Its worker starts anew, without that lease: else it would go on counting it as in flight. */
void control_settle(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    const struct lease *lease = settleable(supervisor, request->name, reply);

    if (!lease)
        return;
    struct type_record *type = supervisor_type(supervisor, lease->type);
    int64_t grant = lease->grant;
    event_record(supervisor, "settled", lease->type, lease->placement.region,
                 "grant %lld of %lld instances whose outcome was unknown, by %s", (long long)grant,
                 (long long)lease->count, request->who);
    fleet_end_lease(supervisor->fleet, fleet_lease(supervisor->fleet, grant), LEASE_SETTLED, 0, lease_take_fact,
                    supervisor);
    if (type && type->definition)
        workers_event(supervisor, &type->worker, PROCESS_RESTART, "an operator settled a lease of it");
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text,
                "grant %lld is over; what it may have launched is adopted if it is listed", (long long)grant);
}

void control_budget(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    if (!text_equal(request->name, "accept")) {
        control_refuse(reply, "budget accept is all there is");
        return;
    }
    if (!supervisor->budget_unknown) {
        control_refuse(reply, "the day's spend is known: there is nothing to accept");
        return;
    }
    supervisor->budget_unknown = false;
    ledger_remove_meta(supervisor->ledger, "spend-unknown");
    event_record(supervisor, "budget-accepted", NULL, NULL, "%.2f dollars count as today's spend, by %s",
                 (double)supervisor->day.spent.micros / 1e6, request->who);
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "%.2f dollars count as spent today",
                (double)supervisor->day.spent.micros / 1e6);
}

void control_assume_empty(struct supervisor *supervisor, const struct proto_CONTROL *request,
                          struct control_reply *reply)
{
    struct region_record *region = supervisor_region(supervisor, request->name);

    if (!region) {
        control_refuse(reply, "there is no region %s", request->name);
        return;
    }
    if (!supervisor->rebuilt) {
        control_refuse(reply, "the ledger is whole: no region is waited for");
        return;
    }
    region->assumed_empty = true;
    event_record(supervisor, "assumed-empty", NULL, region->name, "by %s", request->who);
    changed(supervisor, reply);
    text_format(reply->text, sizeof reply->text, "%s is not waited for", region->name);
}
