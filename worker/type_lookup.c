/* SPDX-License-Identifier: MPL-2.0 */
/* type_lookup.c: launches whose outcome is unknown: looked up by token at the region worker, then renewed only while
 * still wanted (need without this lease > 0), by asking the supervisor for the same lease anew (DESIGN section 5, 7).
 * Runs in: type worker. Nothing found proves nothing yet: the lease stays until a listing ends it. */
#include <inttypes.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"
#include "worker/type_worker.h"

#define ANSWER_LIMIT SPAN_SECONDS(10) /* for an answer of the region worker, or of the supervisor to a renewal */
#define LONGEST_DELAY SPAN_SECONDS(60)
#define FIRST_PAUSE SPAN_SECONDS(2) /* between a re-send that ended unknown and the next */

/* What can happen to an outcome that is unknown, and where it goes. */
enum lookup_event {
    FOUND_INSTANCES,
    FOUND_NOTHING_WANTED,
    FOUND_NOTHING_UNWANTED, /* or wanted, and too early after the last re-send */
    LOOKUP_FAILED,
    TIME_CAME
};
#define LOOKUP_EVENTS 5

static const enum launch_state next_state[][LOOKUP_EVENTS] = {
    /*                   found        nothing, wanted  nothing, unwanted failed          time */
    [LAUNCH_CALLING] = {LAUNCH_CALLING, LAUNCH_CALLING, LAUNCH_CALLING, LAUNCH_CALLING, LAUNCH_CALLING},
    [LAUNCH_LOOKING] = {LAUNCH_OVER, LAUNCH_RENEWING, LAUNCH_WAITING, LAUNCH_LOOKING, LAUNCH_LOOKING},
    [LAUNCH_RENEWING] = {LAUNCH_OVER, LAUNCH_RENEWING, LAUNCH_WAITING, LAUNCH_LOOKING, LAUNCH_LOOKING},
    [LAUNCH_WAITING] = {LAUNCH_OVER, LAUNCH_RENEWING, LAUNCH_WAITING, LAUNCH_LOOKING, LAUNCH_LOOKING},
    [LAUNCH_OVER] = {LAUNCH_OVER, LAUNCH_OVER, LAUNCH_OVER, LAUNCH_OVER, LAUNCH_OVER},
};

void *type_lookup_socket(struct type_worker *worker, const char *region)
{
    int index = type_region_index(worker, region);
    struct error err;
    if (index < 0)
        return NULL;
    if (!worker->lookups[index]) {
        void *socket =
            socket_open(worker->bus.context, SOCKET_LOOKUP_CLIENT, worker->options->run_dir, region, NULL, &err);
        if (!socket)
            return log_error("lookup.socket", "region=%s problem=%s", region, log_quote(err.text)), NULL;
        worker->lookups[index] = socket;
        if (loop_add_socket(worker->loop, socket, &err) < 0) /* too many: it is read at each turn all the same */
            log_warn("lookup.socket", "region=%s problem=%s", region, log_quote(err.text));
    }
    return worker->lookups[index];
}

static void ask(struct launch *launch, struct mono now)
{
    struct type_worker *worker = launch->worker;
    struct message message = {.kind = PROTO_LOOKUP};
    struct error err;
    void *socket = type_lookup_socket(worker, launch->grant.region);
    launch->lookup = ++worker->next_lookup;
    launch->due = mono_add(now, ANSWER_LIMIT);
    message.as.LOOKUP.id = launch->lookup;
    text_copy(message.as.LOOKUP.kind, sizeof message.as.LOOKUP.kind, "client-token");
#if PROTO_VERSION >= 2                                /* version 1 had a bounded text here */
    message.as.LOOKUP.argument = launch->grant.token; /* lent for the sending */
#else
    text_copy(message.as.LOOKUP.argument, sizeof message.as.LOOKUP.argument, launch->grant.token);
#endif
    CRASH_POINT(type_before_lookup);
    if (!socket || message_send(socket, NULL, 0, &message, &err) < 0)
        launch->lookup = 0;
    CRASH_POINT(type_after_lookup);
}

/* The same request can only be made again from the same specification, and to any avail only while its token is not
 * spent; each renewal in vain would prolong the lease, for `grace` counts from the last send. */
static bool can_be_resent(const struct launch *launch)
{
    const struct proto_GRANT *grant = &launch->grant;
    const struct launch_spec *spec =
        definition_spec(launch->worker->definition, grant->region, grant->zone, grant->instanceType);
    return !launch->spent && spec && strcmp(spec->hash, grant->specHash) == 0;
}

/* Need that this lease does not cover: it counts among the credit, so it is added back. */
static bool still_wanted(const struct launch *launch)
{
    const struct type_worker *worker = launch->worker;
    const struct supply_lease *lease = NULL;
    for (size_t i = 0; i < worker->supply.lease_count; i++)
        if (worker->supply.leases[i].grant == launch->grant.grant)
            lease = &worker->supply.leases[i];
    return !worker->stopping && lease && can_be_resent(launch) &&
           worker->plan.need + supply_lease_units(&worker->supply, lease) > 0 && worker->plan.reason != REASON_STARTING;
}

/* A call that keeps ending unknown is not made again and again: 2 s, 4 s, 8 s ... There is no longest pause, for each
 * re-send begins the lease's grace anew: once a pause is longer than that, a listing that shows nothing ends the lease
 * (DESIGN section 4), and what is still needed is bid for anew, where breakers and other placements have a say. */
struct span type_resend_pause(unsigned resends)
{
    struct span pause = FIRST_PAUSE;

    if (resends == 0)
        return (struct span){0};
    for (; resends > 1 && pause.us <= SPAN_SECONDS(86400).us; resends--)
        pause = span_scale(pause, 2);
    return pause;
}

static void renew(struct launch *launch)
{
    struct message message = {.kind = PROTO_RENEW};
    message.as.RENEW.grant = launch->grant.grant;
    log_info("launch.renewed", "grant=%" PRId64, launch->grant.grant);
    CRASH_POINT(type_before_renewal);
    bus_send(&launch->worker->bus, &message, BUS_KEEP);
    CRASH_POINT(type_after_renewal);
}

static void move(struct launch *launch, enum lookup_event event, struct mono now)
{
    launch->state = next_state[launch->state][event];
    launch->lookup = 0;
    switch (event) {
    case FOUND_NOTHING_WANTED:
        renew(launch);
        launch->due = mono_add(now, ANSWER_LIMIT);
        break;
    case FOUND_NOTHING_UNWANTED:
        launch->due = mono_add(now, ANSWER_LIMIT);
        if (mono_before(now, launch->resend_after))
            launch->due = mono_min(launch->due, launch->resend_after);
        break;
    case LOOKUP_FAILED:
        launch->due = mono_add(now, launch->delay);
        launch->delay = span_min(span_scale(launch->delay, 2), LONGEST_DELAY);
        break;
    default:
        launch->due = now;
    }
}

static struct launch *asked_as(const struct type_worker *worker, int64_t id)
{
    for (struct launch *launch = worker->launches; launch; launch = launch->next)
        if (launch->lookup == id && launch->state == LAUNCH_LOOKING)
            return launch;
    return NULL;
}

/* Listings are eventually consistent: some of a launch may be missing for a while. Fewer than asked for are believed
 * when the next look-up finds as many. */
static bool may_be_all(struct launch *launch, size_t found)
{
    bool believed = (int64_t)found >= launch->grant.count || found == launch->found_before;
    launch->found_before = found;
    return believed;
}

static void take_answer(struct type_worker *worker, const struct proto_FOUND *found, struct mono now)
{
    struct launch *launch = asked_as(worker, found->id);
    CRASH_POINT(type_after_lookup_answer);
    if (!launch) {
        type_preflight_found(worker, found, now);
        return;
    }
    if (found->known && found->rows_count > 0 && !may_be_all(launch, found->rows_count))
        move(launch, LOOKUP_FAILED, now);
    else if (found->known && found->rows_count > 0)
        type_launch_found(launch, found->rows, found->rows_count, NULL);
    else if (!found->known)
        move(launch, LOOKUP_FAILED, now);
    else if (still_wanted(launch) && mono_reached(launch->resend_after, now))
        move(launch, FOUND_NOTHING_WANTED, now);
    else
        move(launch, FOUND_NOTHING_UNWANTED, now);
}

void type_lookup_drain(struct type_worker *worker, struct mono now)
{
    struct message message;
    struct error err;
    int got;
    for (size_t i = 0; i < CONFIG_MAX_REGIONS; i++) {
        while (worker->lookups[i] && (got = message_receive(worker->lookups[i], NULL, 0, &message, &err)) != 0) {
            if (got < 0) {
                log_error("lookup.bad", "problem=%s", log_quote(err.text));
                continue;
            }
            if (message.kind == PROTO_FOUND)
                take_answer(worker, &message.as.FOUND, now);
            message_clear(&message);
        }
    }
}

static bool is_due(const struct launch *launch)
{
    return launch->state == LAUNCH_LOOKING || launch->state == LAUNCH_RENEWING || launch->state == LAUNCH_WAITING;
}

void type_lookup_step(struct type_worker *worker, struct mono now)
{
    for (struct launch *launch = worker->launches; launch; launch = launch->next) {
        if (!is_due(launch) || !mono_reached(launch->due, now))
            continue;
        if (launch->state == LAUNCH_LOOKING && launch->lookup != 0) {
            move(launch, LOOKUP_FAILED, now); /* no answer */
            continue;
        }
        move(launch, TIME_CAME, now);
        if (worker->stopping)
            launch->due = MONO_NEVER;
        else
            ask(launch, now);
    }
}

struct mono type_lookup_deadline(const struct type_worker *worker)
{
    struct mono next = MONO_NEVER;
    for (const struct launch *launch = worker->launches; launch; launch = launch->next)
        if (is_due(launch))
            next = mono_min(next, launch->due);
    return next;
}
