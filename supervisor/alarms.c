/* SPDX-License-Identifier: MPL-2.0 */
/* alarms.c: what is measured for each rule of alarm_rules.h, and the sentence for people when it is raised.
 * Runs in: supervisor, main thread. See alarms.h. */
#include "supervisor/alarms.h"

#include <stdio.h>

#include "common/text.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"
#include "supervisor/status.h"

#define HELD_BACK_WITHIN SPAN_SECONDS(90) /* a worker proposes anew what was held back, once a minute */
#define DEATHS_WITHIN_MS (INT64_C(10) * 60 * 1000)

static const struct alarm_measure unknown = {false, 0};

static struct alarm_measure measured(double value)
{
    return (struct alarm_measure){true, value};
}

static void judge(struct supervisor *supervisor, enum alarm_rule_id id, struct alarm_watch *watch, const char *subject,
                  struct alarm_measure measure, const char *sentence)
{
    enum alarm_move move = alarm_rule_step(id, watch, measure, supervisor->now);

    if (move == ALARM_RAISE)
        alarm_raise(supervisor, alarm_rule(id)->kind, subject, "%s", sentence);
    else if (move == ALARM_CLEAR)
        alarm_clear(supervisor, alarm_rule(id)->kind, subject);
}

/* ---- processes ---- */

static int64_t count_deaths(const struct supervisor *supervisor, const struct worker *worker)
{
    int64_t kept = worker->death_count < DEATHS_KEPT ? worker->death_count : DEATHS_KEPT, count = 0;

    for (int64_t i = 0; i < kept; i++)
        count += !worker->deaths[i].asked && supervisor->wall.ms - worker->deaths[i].at.ms < DEATHS_WITHIN_MS;
    return count;
}

static void watch_process(struct supervisor *supervisor, struct worker *worker)
{
    const struct death *last =
        worker->death_count > 0 ? &worker->deaths[(worker->death_count - 1) % DEATHS_KEPT] : NULL;
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence, "its process dies again and again, the last time with %s",
                last ? last->reason : "");
    judge(supervisor, ALARM_DEATH_LOOP, &worker->death_loop, worker->name,
          measured((double)count_deaths(supervisor, worker)), sentence);
}

/* ---- types ---- */

static double share(struct span part, struct span whole)
{
    return whole.us > 0 ? (double)part.us / (double)whole.us : 0;
}

static void watch_latency(struct supervisor *supervisor, struct type_record *type)
{
    const struct proto_OBSERVATION *seen = &type->seen;
    struct span target = type->definition->latency_target, wait = {0};
    struct alarm_measure measure = unknown;
    char sentence[SENTENCE_SIZE];

    if (target.us > 0 && type->observed && seen->pending >= 0 && (seen->pending == 0 || seen->oldestWall > 0)) {
        if (seen->pending > 0 && supervisor->wall.ms > seen->oldestWall)
            wait = SPAN_MS(supervisor->wall.ms - seen->oldestWall);
        measure = measured(share(wait, target));
    } else if (target.us == 0) {
        measure = measured(0);
    }
    text_format(sentence, sizeof sentence, "its oldest task has waited %.0f s; latencyTarget is %.0f s",
                span_seconds(wait), span_seconds(target));
    judge(supervisor, ALARM_LATENCY, &type->watches[ALARM_LATENCY], type->name, measure, sentence);
}

static void watch_progress(struct supervisor *supervisor, struct type_record *type)
{
    struct alarm_effort effort = {.pending = type->observed ? type->seen.pending : -1,
                                  .claimed = type->observed ? type->seen.claimed : -1,
                                  .grant = type->highest_grant,
                                  .worked = type->counters.worked};
    struct span without = alarm_without_progress(&type->progress, &effort, supervisor->now);
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence,
                "%lld tasks are pending and launches were granted, yet no work was taken for %.0f s",
                (long long)effort.pending, span_seconds(without));
    judge(supervisor, ALARM_NO_PROGRESS, &type->watches[ALARM_NO_PROGRESS], type->name,
          measured(share(without, type->definition->boot_limit)), sentence);
}

/* The limit is longer where many types share queueRate: counts cannot be younger than the pace allows. */
static void watch_demand(struct supervisor *supervisor, struct type_record *type)
{
    struct span limit = span_max(supervisor->config->max_demand_age, SPAN_MS(3 * type->pace.poll_ms));
    struct span age = SPAN_MS(supervisor->wall.ms - type->seen.demandWall);
    bool known = type->observed && type->seen.demandWall > 0;
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence, "its counts are %.0f s old: it launches only up to its floor",
                span_seconds(age));
    judge(supervisor, ALARM_DEMAND_STALE, &type->watches[ALARM_DEMAND_STALE], type->name,
          known ? measured(share(age, limit)) : unknown, sentence);
}

static void watch_quarantine(struct supervisor *supervisor, struct type_record *type)
{
    struct breaker_view view = {0};
    bool quarantined = breakers_quarantined(supervisor->breakers, type->name, &view, supervisor->now);
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence, "EC2 refuses its definition (%s): one launch at a time, far apart",
                *view.code ? view.code : failure_name(view.failure));
    judge(supervisor, ALARM_QUARANTINE, &type->watches[ALARM_QUARANTINE], type->name, measured(quarantined), sentence);
}

static void watch_ceiling(struct supervisor *supervisor, struct type_record *type)
{
    int64_t held = type->holdings->totals.held_units, ceiling = type->definition->max_capacity;
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence,
                "%lld units occupy, its maxCapacity is %lld: nothing is granted, and nothing is terminated for it",
                (long long)held, (long long)ceiling);
    judge(supervisor, ALARM_OVER_CEILING, &type->watches[ALARM_OVER_CEILING], type->name,
          measured((double)(held - ceiling)), sentence);
}

static void watch_brake(struct supervisor *supervisor, struct type_record *type)
{
    bool held = mono_is_set(type->held_back) && mono_since(type->held_back, supervisor->now).us <= HELD_BACK_WITHIN.us;
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence, "%lld more instances are to be terminated (%s); the brake holds them back",
                (long long)type->held_back_count, type->held_back_cause);
    judge(supervisor, ALARM_BRAKE, &type->watches[ALARM_BRAKE], type->name, measured(held), sentence);
}

/* A type that is no longer defined troubles nobody, whoever raised it. */
static void forget_type(struct supervisor *supervisor, struct type_record *type)
{
    alarm_forget(supervisor, type->name);
    for (size_t id = 0; id < ALARM_RULE_COUNT; id++)
        type->watches[id] = (struct alarm_watch){0};
    type->worker.death_loop = (struct alarm_watch){0};
    type->held_back = MONO_ZERO;
    type->progress = (struct alarm_progress){0};
}

static void watch_type(struct supervisor *supervisor, struct type_record *type)
{
    if (!type->definition) {
        forget_type(supervisor, type);
        return;
    }
    watch_process(supervisor, &type->worker);
    watch_brake(supervisor, type);
    watch_latency(supervisor, type);
    watch_progress(supervisor, type);
    watch_demand(supervisor, type);
    watch_quarantine(supervisor, type);
    watch_ceiling(supervisor, type);
}

/* ---- regions ---- */

/* Time alone turns it stale; a freeze hides nothing. */
static void watch_listing(struct supervisor *supervisor, struct region_record *region)
{
    bool stale = fleet_region_stale(supervisor->fleet, region->view, supervisor->now);

    judge(supervisor, ALARM_INVENTORY_STALE, &region->stale, region->name,
          region->view->listed ? measured(stale) : unknown,
          "its last complete listing is too old: nothing is launched there until the next one");
}

/* What a row raised ends with the first listing that shows no such row. */
static void clear_rows(struct supervisor *supervisor, const struct region_record *region)
{
    const struct fleet *fleet = supervisor->fleet;
    bool unreadable = false, seconds = false;

    for (size_t i = 0; i < fleet->instance_count; i++) {
        const struct instance *it = fleet->instances[i];
        if (!instance_state_occupies(it->state) || !text_equal(it->placement.region, region->name))
            continue;
        unreadable |= it->state == INSTANCE_UNREADABLE;
        seconds |= *it->incarnation && !text_equal(it->incarnation, supervisor->incarnation) &&
                   it->launch_wall.ms > supervisor->started.ms;
    }
    if (!unreadable)
        alarm_clear(supervisor, "unreadable-row", region->name);
    if (!seconds)
        alarm_clear(supervisor, "second-daemon", region->name);
}

/* Counts once a listing: that is all that can change it. */
static void watch_foreign(struct supervisor *supervisor, struct region_record *region)
{
    int64_t instances = 0, foreign = 0;
    char sentence[SENTENCE_SIZE];

    if (!region->view->listed || region->foreign_listing == region->view->began.us)
        return;
    region->foreign_listing = region->view->began.us;
    clear_rows(supervisor, region);
    status_count_region(supervisor, region, &instances, &foreign);
    text_format(sentence, sizeof sentence,
                "%lld instances carry our tags but belong to no defined type or to another incarnation: left alone",
                (long long)foreign);
    judge(supervisor, ALARM_FOREIGN, &region->foreign, region->name, measured((double)foreign), sentence);
}

/* ---- money ---- */

static double part_of(struct money used, struct money cap)
{
    if (money_compare(cap, MONEY_MAX) >= 0)
        return 0;
    return cap.micros > 0 ? (double)used.micros / (double)cap.micros : 1;
}

static void watch_cap(struct supervisor *supervisor, struct alarm_watch watches[2], const char *cap, double used,
                      const char *what)
{
    char sentence[SENTENCE_SIZE];

    text_format(sentence, sizeof sentence, "%.0f %% of %s: %s", used * 100, cap, what);
    judge(supervisor, ALARM_BUDGET_80, &watches[0], cap, measured(used), sentence);
    text_format(sentence, sizeof sentence, "%s stops launches: %s", cap, what);
    judge(supervisor, ALARM_BUDGET_100, &watches[1], cap, measured(used), sentence);
}

/* A cap counts as used up where it stops launches: the last lot of an hour's money seldom fits to the cent. */
static void watch_budget(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct money committed = decide_committed(supervisor);
    struct arbiter_settings settings;
    bool denied = mono_is_set(supervisor->hourly_denied) &&
                  mono_since(supervisor->hourly_denied, supervisor->now).us <= span_scale(config->tick, 2.5).us;
    double hourly = part_of(committed, config->max_hourly_cost),
           daily = part_of(supervisor->day.spent, config->max_daily_cost);
    char what[200];

    decide_settings(config, &settings);
    if (denied && hourly < 1)
        hourly = 1;
    if (budget_day_stopped(&settings.money, &supervisor->day, committed, false) && daily < 1)
        daily = 1;
    text_format(what, sizeof what, "%.2f dollars an hour are committed", (double)committed.micros / 1e6);
    watch_cap(supervisor, supervisor->hourly, "maxHourlyCost", hourly, what);
    text_format(what, sizeof what, "%.2f dollars are spent today, %.2f an hour are committed",
                (double)supervisor->day.spent.micros / 1e6, (double)committed.micros / 1e6);
    watch_cap(supervisor, supervisor->daily, "maxDailyCost", daily, what);
}

void alarms_watch(struct supervisor *supervisor)
{
    watch_process(supervisor, &supervisor->helper.worker);
    decide_count(supervisor);
    for (size_t i = 0; i < supervisor->type_count; i++)
        watch_type(supervisor, supervisor->types[i]);
    for (size_t i = 0; i < supervisor->region_count; i++) {
        watch_process(supervisor, &supervisor->regions[i]->worker);
        watch_listing(supervisor, supervisor->regions[i]);
        watch_foreign(supervisor, supervisor->regions[i]);
    }
    watch_budget(supervisor);
}
