/* SPDX-License-Identifier: MPL-2.0 */
/* status_data.c: fills the figures and words of proto/status.def from the state. Runs in: supervisor, main thread.
 * Each figure carries the time it was seen, not the time it is sent: old numbers keep their age (case B59). What is not
 * known stays null; unknown is never zero. The struct and its encoder come from status.def, so none can be forgotten
 * there without being null here. */
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "supervisor/credentials.h"
#include "supervisor/decide.h"
#include "supervisor/preflight.h"
#include "supervisor/status.h"

struct figure {
    bool known, dollars;
    int64_t value; /* micro-dollars if dollars */
    struct wall as_of;
};

struct values {
#define FIGURE(topic, name, unit, doc) struct figure topic##_##name;
#define WORD(topic, name, doc) const char *topic##_##name;
#include "proto/status.def"
#undef FIGURE
#undef WORD
};

static json_t *encode_figure(const struct figure *figure, const char *unit)
{
    json_t *value = !figure->known    ? json_null()
                    : figure->dollars ? json_real((double)figure->value / 1e6)
                                      : json_integer(figure->value);
    json_t *as_of = figure->known && figure->as_of.ms > 0 ? json_integer(figure->as_of.ms) : json_null();

    return json_pack("{s:o, s:s, s:o}", "value", value, "unit", unit, "asOf", as_of);
}

static json_t *encode(const struct values *values, const char *topic)
{
    json_t *data = json_object();

#define FIGURE(of, name, unit, doc)                                                                                    \
    if (text_equal(topic, #of))                                                                                        \
        json_object_set_new(data, #name, encode_figure(&values->of##_##name, unit));
#define WORD(of, name, doc)                                                                                            \
    if (text_equal(topic, #of))                                                                                        \
        json_object_set_new(data, #name, json_string(values->of##_##name ? values->of##_##name : ""));
#include "proto/status.def"
#undef FIGURE
#undef WORD
    return data;
}

static struct figure count_of(int64_t value, struct wall as_of)
{
    return (struct figure){.known = true, .value = value, .as_of = as_of};
}

static struct figure known_if(bool known, int64_t value, struct wall as_of)
{
    return (struct figure){.known = known && value >= 0, .value = value, .as_of = as_of};
}

static struct figure dollars_of(struct money money, struct wall as_of)
{
    return (struct figure){.known = true, .dollars = true, .value = money.micros, .as_of = as_of};
}

static struct figure limit_of(struct money money, struct wall as_of)
{
    struct figure figure = dollars_of(money, as_of);
    figure.known = money_compare(money, MONEY_MAX) < 0;
    return figure;
}

/* ---- processes ---- */

static struct figure started_of(const struct worker *worker, struct wall now)
{
    return known_if(worker->child.pid > 0 && worker->spawned.ms > 0, worker->spawned.ms, now);
}

static struct figure tick_of(const struct worker *worker)
{
    return known_if(worker->child.pid > 0 && worker->ticked.ms > 0, worker->tick_us, worker->ticked);
}

/* ---- supervisor ---- */

/* The oldest of the listings that totals over all regions rest on. */
static struct wall oldest_listing(const struct supervisor *supervisor)
{
    struct wall oldest = supervisor->wall;

    for (size_t i = 0; i < supervisor->region_count; i++) {
        const struct fleet_region *view = supervisor->regions[i]->view;
        struct wall seen = view->listed ? view->began_wall : (struct wall){0};
        if (seen.ms < oldest.ms)
            oldest = seen;
    }
    return oldest;
}

static void add_totals(const struct supervisor *supervisor, struct fleet_totals *sum)
{
    for (size_t i = 0; i < supervisor->fleet->type_count; i++) {
        const struct fleet_totals *totals = &supervisor->fleet->types[i]->totals;
        sum->held_units += totals->held_units;
        sum->held_instances += totals->held_instances;
        sum->leased_units += totals->leased_units;
        sum->leased_instances += totals->leased_instances;
    }
}

static int64_t count_unknown(const struct supervisor *supervisor)
{
    int64_t count = 0;

    for (size_t i = 0; i < supervisor->fleet->lease_count; i++)
        count += supervisor->fleet->leases[i]->state == LEASE_UNKNOWN;
    return count;
}

static int64_t count_live(const struct supervisor *supervisor)
{
    int64_t count = 0;

    for (size_t i = 0; i < supervisor->type_count; i++)
        count += supervisor->types[i]->worker.process.state == PROCESS_LIVE;
    for (size_t i = 0; i < supervisor->region_count; i++)
        count += supervisor->regions[i]->worker.process.state == PROCESS_LIVE;
    return count;
}

/* Below 0: they ended so long ago. */
static struct figure left_of(const struct proto_CREDENTIALS *keys, struct wall now)
{
    return (struct figure){
        .known = keys->present && keys->expiresWall > 0, .value = (keys->expiresWall - now.ms) / 1000, .as_of = now};
}

json_t *status_of_supervisor(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct wall now = supervisor->wall, listed = oldest_listing(supervisor);
    const struct helper_record *helper = &supervisor->helper;
    const struct proto_CREDENTIALS *keys = &helper->seen;
    struct fleet_totals sum = {0};
    char credentials[SENTENCE_SIZE];

    add_totals(supervisor, &sum);
    credentials_sentence(supervisor, credentials, sizeof credentials);
    struct values values = {
        .supervisor_deployment = config->deployment_id,
        .supervisor_incarnation = supervisor->run_id,
        .supervisor_configuration = supervisor->config_hash,
        .supervisor_configurationProblem = supervisor->config_problem,
        .supervisor_ledger = supervisor->ledger_problem[0] ? supervisor->ledger_problem : "ok",
        .supervisor_credentials = credentials,
        .supervisor_credentialsSource = keys->source,
        .supervisor_credentialsAge = known_if(keys->present, (now.ms - keys->refreshedWall) / 1000, now),
        .supervisor_credentialsLeft = left_of(keys, now),
        .supervisor_credentialsPid = known_if(helper->worker.child.pid > 0, helper->worker.child.pid, now),
        .supervisor_credentialsState = process_state_name(helper->worker.process.state),
        .supervisor_credentialsGeneration =
            known_if(helper->worker.process.generation > 0, helper->worker.process.generation, now),
        .supervisor_credentialsDeaths = count_of(helper->worker.process.deaths, now),
        .supervisor_credentialsStarted = started_of(&helper->worker, now),
        .supervisor_credentialsTick = tick_of(&helper->worker),
        .supervisor_types = count_of((int64_t)supervisor_defined(supervisor), now),
        .supervisor_workers = count_of(count_live(supervisor), now),
        .supervisor_units = count_of(sum.held_units, listed),
        .supervisor_unitsLeased = count_of(sum.leased_units, now),
        .supervisor_unitsCeiling = count_of(config->max_capacity, now),
        .supervisor_instances = count_of(sum.held_instances, listed),
        .supervisor_instancesLeased = count_of(sum.leased_instances, now),
        .supervisor_instancesCeiling = count_of(config->max_instances, now),
        .supervisor_committed = dollars_of(decide_committed(supervisor), listed),
        .supervisor_committedCeiling = limit_of(config->max_hourly_cost, now),
        .supervisor_spentToday = dollars_of(supervisor->day.spent, supervisor->day.accrued_to),
        .supervisor_dailyCeiling = limit_of(config->max_daily_cost, now),
        .supervisor_grants = count_of(supervisor->counters.grants, now),
        .supervisor_launched = count_of(supervisor->counters.launched, now),
        .supervisor_launchFailures = count_of(supervisor->counters.launch_failures, now),
        .supervisor_unknownOutcomes = count_of(count_unknown(supervisor), now),
        .supervisor_pid = count_of(getpid(), now),
        .supervisor_started = count_of(supervisor->started.ms, now),
        .supervisor_turn = count_of(span_max(supervisor->turn_longest, supervisor->turn_before).us, now),
    };
    return encode(&values, "supervisor");
}

/* ---- types ---- */

const char *status_state(struct supervisor *supervisor, const struct type_record *type)
{
    enum process_state state = type->worker.process.state;

    if (state != PROCESS_LIVE)
        return state == PROCESS_ENDED ? "stopping" : process_state_name(state);
    if (type->paused)
        return "paused";
    if (breakers_quarantined(supervisor->breakers, type->name, NULL, supervisor->now))
        return "quarantined";
    return preflight_unlaunchable(type) ? "unlaunchable" : "live";
}

/* Oldest of the listings of the regions in which the type has rows or may launch: its worker says it. */
static struct wall supply_time(const struct supervisor *supervisor, const struct type_record *type)
{
    if (type->observed && type->seen.inventoryWall > 0)
        return (struct wall){type->seen.inventoryWall};
    return oldest_listing(supervisor);
}

static void fill_observed(const struct supervisor *supervisor, const struct type_record *type, struct values *values)
{
    const struct proto_OBSERVATION *seen = &type->seen;
    struct wall demand = {seen->demandWall}, supply = supply_time(supervisor, type);
    struct wall heard = {supervisor->wall.ms - mono_since(type->heard, supervisor->now).us / 1000};
    bool known = type->observed, wait_known = known && seen->pending >= 0;
    int64_t wait = seen->oldestWall > 0 && supervisor->wall.ms > seen->oldestWall
                       ? (supervisor->wall.ms - seen->oldestWall) / 1000
                       : 0;

    values->type_pending = known_if(known, seen->pending, demand);
    values->type_claimed = known_if(known, seen->claimed, demand);
    values->type_oldestWait = known_if(wait_known && (seen->oldestWall > 0 || seen->pending == 0), wait, demand);
    values->type_wanted = known_if(known, seen->need > 0 ? seen->need : 0, demand);
    values->type_running = known_if(known, seen->running, supply);
    values->type_booting = known_if(known, seen->booting, supply);
    values->type_idle = known_if(known, seen->idle, supply);
    values->type_dead = known_if(known, seen->dead, supply);
    values->type_demandProblem = seen->demandProblem;
    values->type_registrationsOpen = known_if(known && seen->registrationsOpen >= 0, seen->registrationsOpen, heard);
    values->type_registrationProblem = seen->registrationProblem;
}

static void fill_held(const struct supervisor *supervisor, const struct type_record *type, struct values *values)
{
    const struct fleet_totals *totals = &type->holdings->totals;
    struct wall now = supervisor->wall, listed = supply_time(supervisor, type);

    values->type_serving = count_of(totals->serving_units + totals->leased_units, listed);
    values->type_occupying = count_of(totals->held_units, listed);
    values->type_occupyingInstances = count_of(totals->held_instances, listed);
    values->type_leased = count_of(totals->leased_units, now);
    values->type_committed = dollars_of(money_add(totals->held_cost, totals->leased_cost), listed);
}

json_t *status_of_type(struct supervisor *supervisor, struct type_record *type)
{
    const struct definition *definition = type->definition;
    const struct process *process = &type->worker.process;
    struct wall now = supervisor->wall;
    char why[SENTENCE_SIZE], preflight[128], denials[256];
    struct values values = {
        .type_name = type->name,
        .type_state = status_state(supervisor, type),
        .type_floor = known_if(definition, definition ? definition->min_capacity : 0, now),
        .type_ceiling = known_if(definition, definition ? definition->max_capacity : 0, now),
        .type_priority = count_of(decide_priority(type), now),
        .type_launches = count_of(type->counters.launched, now),
        .type_launchFailures = count_of(type->counters.failed, now),
        .type_lastLaunch = known_if(type->counters.last_launch.ms > 0, type->counters.last_launch.ms, now),
        .type_worked = count_of(type->counters.worked, now),
        .type_interrupted = count_of(type->counters.interrupted, now),
        .type_earlyDeaths = count_of(type->counters.died_early, now),
        .type_pin = known_if(type->pin > 0, type->pin, now),
        .type_revision = known_if(type->revision > 0, type->revision, now),
        .type_pid = known_if(type->worker.child.pid > 0, type->worker.child.pid, now),
        .type_generation = known_if(process->generation > 0, process->generation, now),
        .type_deaths = count_of(process->deaths, now),
        .type_started = started_of(&type->worker, now),
        .type_tick = tick_of(&type->worker),
    };

    values.type_reason = status_reason(supervisor, type, why, sizeof why);
    values.type_why = why;
    values.type_preflight = preflight_word(type, preflight, sizeof preflight);
    denials_expire(&type->denials, supervisor->now);
    values.type_denials = denials_summary(&type->denials, denials, sizeof denials);
    fill_observed(supervisor, type, &values);
    fill_held(supervisor, type, &values);
    return encode(&values, "type");
}

/* ---- regions, alarms, events ---- */

static const char *region_state(const struct supervisor *supervisor, const struct region_record *region)
{
    enum process_state state = region->worker.process.state;

    if (state != PROCESS_LIVE)
        return process_state_name(state);
    if (region->frozen || supervisor->frozen)
        return "frozen";
    if (!region->view->listed)
        return "starting";
    return fleet_region_stale(supervisor->fleet, region->view, supervisor->now) ? "stale" : "live";
}

void status_count_region(const struct supervisor *supervisor, const struct region_record *region, int64_t *instances,
                         int64_t *foreign)
{
    const struct fleet *fleet = supervisor->fleet;

    for (size_t i = 0; i < fleet->instance_count; i++) {
        const struct instance *it = fleet->instances[i];
        if (!instance_state_occupies(it->state) || !text_equal(it->placement.region, region->name))
            continue;
        const struct type_record *type = supervisor_type(supervisor, it->owner->name);
        ++*instances;
        *foreign +=
            !type || !type->definition || (*it->incarnation && !text_equal(it->incarnation, supervisor->incarnation));
    }
}

json_t *status_of_region(struct supervisor *supervisor, struct region_record *region)
{
    struct wall now = supervisor->wall, listed = region->view->began_wall;
    struct arbiter_bucket bucket = {0};
    bool has_bucket = arbiter_bucket(supervisor->arbiter, region->name, supervisor->now, &bucket);
    const struct process *process = &region->worker.process;
    int64_t instances = 0, foreign = 0;

    status_count_region(supervisor, region, &instances, &foreign);
    struct values values = {
        .region_name = region->name,
        .region_state = region_state(supervisor, region),
        .region_problem = region->problem,
        .region_instances = count_of(instances, listed),
        .region_foreign = count_of(foreign, listed),
        .region_listing = known_if(region->view->listed, region->view->took.us / 1000000, listed),
        .region_launchCalls = known_if(has_bucket, (int64_t)bucket.calls, now),
        .region_launchInstances = known_if(has_bucket, (int64_t)bucket.instances, now),
        .region_pid = known_if(region->worker.child.pid > 0, region->worker.child.pid, now),
        .region_generation = known_if(process->generation > 0, process->generation, now),
        .region_deaths = count_of(process->deaths, now),
        .region_started = started_of(&region->worker, now),
        .region_tick = tick_of(&region->worker),
    };
    return encode(&values, "region");
}

json_t *status_of_alarm(const struct alarm *alarm)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:b}", "id", (json_int_t)alarm->id, "kind", alarm->kind, "subject",
                     alarm->subject, "text", alarm->text, "since", (json_int_t)alarm->since.ms, "raised",
                     !alarm->cleared);
}

json_t *status_of_event(const struct event *event)
{
    return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "sequence", (json_int_t)event->sequence, "at",
                     (json_int_t)event->at.ms, "kind", event->kind, "type", event->type, "region", event->region,
                     "text", event->text);
}
