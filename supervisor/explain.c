/* SPDX-License-Identifier: MPL-2.0 */
/* explain.c: everything that bears on whether one type launches: what it bids, what was refused to it and by what,
 * which breakers stand in its way, which leases are open, how its processes died. Runs in: supervisor, main thread. */
#include "common/text.h"
#include "supervisor/control.h"
#include "supervisor/decide.h"
#include "supervisor/preflight.h"
#include "supervisor/status.h"

/* A point of the monotonic clock as milliseconds UTC, for people; null when it never comes. */
static json_t *wall_of(const struct supervisor *supervisor, struct mono at)
{
    if (!mono_is_set(at))
        return json_null();
    int64_t ahead_us = mono_since(supervisor->now, at).us, behind_us = mono_since(at, supervisor->now).us;
    return json_integer(supervisor->wall.ms + ahead_us / 1000 - behind_us / 1000);
}

static json_t *dollars(struct money money)
{
    return json_real((double)money.micros / 1e6);
}

static json_t *explain_lots(const struct type_record *type)
{
    json_t *lots = json_array();

    for (size_t i = 0; type->bid.stands && i < type->bid.lot_count; i++) {
        const struct proto_LOT *lot = &type->bid.lots[i];
        json_array_append_new(lots, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o}", "region", lot->region, "zone",
                                              lot->zone, "instanceType", lot->instanceType, "market", lot->market,
                                              "count", (json_int_t)lot->count, "capacity", (json_int_t)lot->capacity,
                                              "maxPrice", dollars(MONEY(lot->maxPrice))));
    }
    return lots;
}

static json_t *explain_denials(struct supervisor *supervisor, struct type_record *type)
{
    json_t *denials = json_array();

    denials_expire(&type->denials, supervisor->now);
    for (size_t i = 0; i < type->denials.count; i++) {
        const struct denial_entry *entry = &type->denials.entries[i];
        char where[200];
        placement_format(&entry->placement, where, sizeof where);
        json_array_append_new(denials, json_pack("{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "placement", where,
                                                 "wanted", (json_int_t)entry->wanted, "granted",
                                                 (json_int_t)entry->granted, "by", denial_name(entry->by), "breaker",
                                                 entry->failure == FAILURE_NONE ? "" : failure_name(entry->failure),
                                                 "at", (json_int_t)entry->last_wall.ms, "since",
                                                 (json_int_t)entry->since_wall.ms, "times", (json_int_t)entry->times));
    }
    return denials;
}

/* A shared breaker concerns the type only if it has a launch specification that the breaker could stop. */
static bool concerns(const struct breaker_entry *entry, const struct type_record *type)
{
    if (*entry->type)
        return text_equal(entry->type, type->name);
    for (size_t i = 0; type->definition && i < type->definition->spec_count; i++) {
        const struct launch_spec *spec = &type->definition->specs[i];
        if ((!*entry->region || text_equal(entry->region, spec->region)) &&
            (!*entry->zone || text_equal(entry->zone, spec->zone)) &&
            (!*entry->instance_type || text_equal(entry->instance_type, spec->instance_type)))
            return true;
    }
    return false;
}

static json_t *explain_breakers(struct supervisor *supervisor, const struct type_record *type)
{
    static const char *const states[] = {
        [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half-open", [BREAKER_CLOSED] = "closed"};
    json_t *breakers = json_array();
    size_t count = breakers_count(supervisor->breakers);

    for (size_t i = 0; i < count; i++) {
        struct breaker_entry entry;
        breakers_entry(supervisor->breakers, i, supervisor->now, &entry);
        if (entry.state == BREAKER_OPEN || !concerns(&entry, type))
            continue;
        json_array_append_new(breakers, json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "scope", entry.scope, "failure",
                                                  failure_name(entry.failure), "code", entry.code, "state",
                                                  states[entry.state], "until", wall_of(supervisor, entry.until),
                                                  "liftedBy", entry.lifted_by ? entry.lifted_by : ""));
    }
    return breakers;
}

static json_t *explain_leases(const struct supervisor *supervisor, const struct type_record *type)
{
    json_t *leases = json_array();

    for (size_t i = 0; i < supervisor->fleet->lease_count; i++) {
        const struct lease *lease = supervisor->fleet->leases[i];
        char where[200];
        if (!text_equal(lease->type, type->name))
            continue;
        placement_format(&lease->placement, where, sizeof where);
        struct mono decided = mono_sub(lease->send_by, supervisor->config->send_by);
        json_array_append_new(leases, json_pack("{s:I, s:s, s:I, s:s, s:I}", "grant", (json_int_t)lease->grant,
                                                "placement", where, "count", (json_int_t)lease->count, "state",
                                                lease_state_name(lease->state), "age_s",
                                                (json_int_t)(mono_since(decided, supervisor->now).us / 1000000)));
    }
    return leases;
}

static json_t *explain_deaths(const struct worker *worker)
{
    json_t *deaths = json_array();
    int64_t first = worker->death_count > DEATHS_KEPT ? worker->death_count - DEATHS_KEPT : 0;

    for (int64_t i = first; i < worker->death_count; i++) {
        const struct death *death = &worker->deaths[i % DEATHS_KEPT];
        json_array_append_new(deaths,
                              json_pack("{s:I, s:I, s:I, s:I, s:s}", "at", (json_int_t)death->at.ms, "generation",
                                        (json_int_t)death->generation, "pid", (json_int_t)death->pid, "uptime_s",
                                        (json_int_t)(death->uptime.us / 1000000), "reason", death->reason));
    }
    return deaths;
}

void control_explain(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = supervisor_type(supervisor, request->name);
    char sentence[SENTENCE_SIZE];

    if (!type) {
        control_refuse(reply, "there is no workerType %s", request->name);
        return;
    }
    decide_count(supervisor);
    const char *reason = status_reason(supervisor, type, sentence, sizeof sentence);
    reply->body = json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "type", type->name, "asOf",
                            (json_int_t)supervisor->wall.ms, "sentence", sentence, "reason", reason, "data",
                            status_of_type(supervisor, type), "lots", explain_lots(type), "denials",
                            explain_denials(supervisor, type), "breakers", explain_breakers(supervisor, type), "leases",
                            explain_leases(supervisor, type), "deaths", explain_deaths(&type->worker), "preflight",
                            preflight_of_type(type));
    text_copy(reply->text, sizeof reply->text, sentence);
}
