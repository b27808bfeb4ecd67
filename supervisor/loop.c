/* SPDX-License-Identifier: MPL-2.0 */
/* loop.c: the whole supervisor on one screen: supervise(). Everything above it in this file is one of its lines.
 * Runs in: supervisor, main thread. Owns: the order of things in a turn. It may wait nowhere but in loop_wait. */
#include "supervisor/loop.h"

#include <signal.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/alarms.h"
#include "supervisor/bus.h"
#include "supervisor/control.h"
#include "supervisor/credentials.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"
#include "supervisor/judge.h"
#include "supervisor/lease.h"
#include "supervisor/notify.h"
#include "supervisor/preflight.h"
#include "supervisor/rebuild.h"
#include "supervisor/reload.h"
#include "supervisor/spend.h"
#include "supervisor/status.h"
#include "supervisor/workers.h"

#define LAST_WORDS SPAN_MS(200) /* after the last worker is gone: what it sent may still be on the way */
#define STOP_LIMIT SPAN_SECONDS(20)
#define PRUNE_EVERY SPAN_SECONDS(600)
#define STANDSTILL SPAN_SECONDS(5) /* no turn is planned to come so late: housekeeping is at most 500 ms away */

/* After a standstill of the machine all workers look silent at once, and none of them is to blame. */
static void begin_turn(struct supervisor *supervisor)
{
    struct mono before = supervisor->turn;

    supervisor->turn = supervisor->now = clock_now();
    supervisor->wall = clock_wall();
    struct span gap = mono_is_set(before) ? mono_since(before, supervisor->now) : SPAN_MS(0);
    if (gap.us < STANDSTILL.us)
        return;
    supervisor->awake = supervisor->now;
    workers_postpone(supervisor, gap);
    event_record(supervisor, "stood-still", NULL, NULL,
                 "the supervisor did not run for %.1f s: no worker is blamed for that time", (double)gap.us / 1e6);
}

static void begin_stop(struct supervisor *supervisor)
{
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    supervisor->stop_deadline = mono_add(supervisor->now, STOP_LIMIT);
    event_record(supervisor, "stopping", NULL, NULL, "every worker is told to end");
    notify_stopping(supervisor);
    workers_stop_all(supervisor);
}

static void log_state(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        char why[SENTENCE_SIZE];
        const char *reason = status_reason(supervisor, type, why, sizeof why);
        log_info("state.type", "type=%s state=%s pid=%d held=%lld leased=%lld bid=%lld reason=%s why=%s", type->name,
                 status_state(supervisor, type), (int)type->worker.child.pid,
                 (long long)type->holdings->totals.held_units, (long long)type->holdings->totals.leased_units,
                 type->bid.stands ? (long long)type->bid.units : 0LL, reason, log_quote(why));
    }
    for (size_t i = 0; i < supervisor->fleet->lease_count; i++)
        log_info("state.lease", "type=%s grant=%lld state=%s count=%lld", supervisor->fleet->leases[i]->type,
                 (long long)supervisor->fleet->leases[i]->grant, lease_state_name(supervisor->fleet->leases[i]->state),
                 (long long)supervisor->fleet->leases[i]->count);
}

static void take_signals(struct supervisor *supervisor)
{
    int number;

    while ((number = loop_take_signal(supervisor->loop)) != 0)
        switch (number) {
        case SIGTERM:
        case SIGINT:
            begin_stop(supervisor);
            break;
        case SIGHUP:
            supervisor->reload_asked = true;
            break;
        case SIGUSR1:
            log_state(supervisor);
            break;
        default: /* SIGCHLD: workers_reap looks each turn; SIGPIPE: nothing */
            break;
        }
}

/* The ledger's word: grants that may leave now, or why none may. */
static void take_ledger(struct supervisor *supervisor)
{
    char problem[sizeof supervisor->ledger_problem];
    bool wrong = ledger_problem(supervisor->ledger, problem, sizeof problem);

    if (!text_equal(problem, supervisor->ledger_problem)) {
        text_copy(supervisor->ledger_problem, sizeof supervisor->ledger_problem, problem);
        supervisor->arbiter_due = supervisor->dirty = true;
        if (wrong)
            alarm_raise(supervisor, "ledger", "", "it cannot be written, nothing is granted until it can: %s", problem);
        else
            alarm_clear(supervisor, "ledger", "");
    }
    lease_send_committed(supervisor);
    control_send_committed(supervisor);
}

/* A region turns stale by nothing but time. */
static void watch_regions(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->region_count; i++) {
        struct region_record *region = supervisor->regions[i];
        enum denial closed = decide_region_closed(supervisor, region->name);
        if (closed == region->closed)
            continue;
        region->closed = closed;
        region->dirty = supervisor->arbiter_due = true;
    }
    supervisor->fleet->version++; /* rows of a long dark region leave running and serving: count anew */
}

static struct span housekeeping_interval(const struct supervisor *supervisor)
{
    return span_max(SPAN_MS(50), span_min(SPAN_MS(500), span_scale(supervisor->config->tick, 0.25)));
}

/* What no event tells: time that has passed. */
static void keep_house(struct supervisor *supervisor)
{
    if (mono_since(supervisor->housekept, supervisor->now).us < housekeeping_interval(supervisor).us)
        return;
    supervisor->housekept = supervisor->now;
    decide_lapse(supervisor);
    lease_check_silence(supervisor);
    rebuild_step(supervisor);
    watch_regions(supervisor);
    spend_accrue(supervisor);
    alarms_watch(supervisor);
    credentials_watch(supervisor);
    if (mono_since(supervisor->pruned, supervisor->now).us >= PRUNE_EVERY.us) {
        supervisor->pruned = supervisor->now;
        ledger_prune(supervisor->ledger, supervisor->event_count, supervisor->wall);
    }
}

/* True when the last worker is gone and so are its last words. */
static bool stop_is_done(struct supervisor *supervisor)
{
    if (!supervisor->stopping)
        return false;
    if (workers_running(supervisor) > 0) {
        if (mono_reached(supervisor->stop_deadline, supervisor->now))
            workers_kill_all(supervisor);
        return false;
    }
    if (!supervisor->stopped) {
        supervisor->stopped = true;
        supervisor->stop_deadline = mono_add(supervisor->now, LAST_WORDS);
    }
    return mono_reached(supervisor->stop_deadline, supervisor->now);
}

static struct mono next_deadline(const struct supervisor *supervisor)
{
    struct mono next = mono_add(supervisor->housekept, housekeeping_interval(supervisor));

    next = mono_min(next, supervisor->workers_next);
    next = mono_min(next, supervisor->arbiter_again);
    next = mono_min(next, mono_min(reload_deadline(supervisor), judge_deadline(supervisor)));
    next = mono_min(next, status_deadline(supervisor));
    next = mono_min(next, notify_deadline(supervisor));
    next = mono_min(next, breakers_deadline(supervisor->breakers, supervisor->now));
    if (supervisor->stopping)
        next = mono_min(next, supervisor->stop_deadline);
    return next;
}

void supervise(struct supervisor *supervisor)
{
    struct mono deadline = MONO_ZERO;
    struct error error;
    bool more;

    do {
        if (loop_wait(supervisor->loop, deadline, &error) != 0)
            log_fatal("loop.broken", "error=%s", log_quote(error.text));

        begin_turn(supervisor);
        take_signals(supervisor);
        workers_reap(supervisor);
        take_ledger(supervisor);
        more = bus_drain(supervisor);
        more |= control_drain(supervisor);
        reload_if_asked(supervisor);
        workers_step(supervisor);
        keep_house(supervisor);

        decide_step(supervisor);
        preflight_spare_step(supervisor);
        judge_step(supervisor);

        bus_send_paces(supervisor);
        bus_send_breakers(supervisor);
        status_publish(supervisor);
        ledger_submit(supervisor->ledger);
        notify_step(supervisor);
        supervisor->turn_longest = span_max(supervisor->turn_longest, mono_since(supervisor->now, clock_now()));
        deadline = more || supervisor->arbiter_due || supervisor->workers_due ? MONO_ZERO : next_deadline(supervisor);
    } while (!stop_is_done(supervisor));
}
