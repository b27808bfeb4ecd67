/* SPDX-License-Identifier: MPL-2.0 */
/* lease.c: grants from decision to their end. Runs in: supervisor, main thread.
 * Order is everything here: the row is in the ledger before the grant leaves this process, and a grant that has left
 * ends only by fleet.c's rules. */
#include "supervisor/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/decide.h"
#include "supervisor/decide_journal.h"
#include "supervisor/events.h"
#include "supervisor/workers.h"

/* How long after its send-by and the limit of the call a worker may say nothing of a lease. */
#define SILENCE_MARGIN SPAN_SECONDS(15)

struct breaker_subject lease_subject(const struct lease *lease)
{
    return (struct breaker_subject){.type = lease->type,
                                    .placement = lease->placement,
                                    .spec_hash = lease->spec_hash,
                                    .subnet = lease->subnet,
                                    .max_price = lease->max_price};
}

static struct wall wall_after(const struct supervisor *supervisor, struct span span)
{
    return (struct wall){supervisor->wall.ms + span.us / 1000};
}

static void commit(struct supervisor *supervisor, struct lease *lease)
{
    lease->ticket = COMMITS_FIRST ? ledger_ticket(supervisor->ledger) : 0;
    if (!COMMITS_FIRST)
        return;
    ledger_put_lease(supervisor->ledger, lease, supervisor->wall, wall_after(supervisor, supervisor->config->send_by),
                     (struct wall){0});
}

struct lease *lease_decide(struct supervisor *supervisor, struct type_record *type, const struct proto_LOT *lot,
                           int64_t count)
{
    struct lease lease = {.grant = ++supervisor->last_grant,
                          .count = count,
                          .capacity = lot->capacity,
                          .max_price = MONEY(lot->maxPrice),
                          .revision = type->revision,
                          .state = LEASE_COMMITTING,
                          .generation = type->worker.process.generation,
                          .bid_heard = type->bid.heard,
                          .send_by = mono_add(supervisor->now, supervisor->config->send_by)};
    int market = market_of(lot->market);

    text_format(lease.token, sizeof lease.token, "pd-%.40s-%lld", supervisor->incarnation, (long long)lease.grant);
    text_copy(lease.type, sizeof lease.type, type->name);
    text_copy(lease.placement.region, sizeof lease.placement.region, lot->region);
    text_copy(lease.placement.zone, sizeof lease.placement.zone, lot->zone);
    text_copy(lease.placement.instance_type, sizeof lease.placement.instance_type, lot->instanceType);
    lease.placement.market = market < 0 ? MARKET_SPOT : (enum market)market;
    text_copy(lease.spec_hash, sizeof lease.spec_hash, lot->specHash);
    text_copy(lease.subnet, sizeof lease.subnet, lot->subnet);
    struct lease *added = fleet_add_lease(supervisor->fleet, &lease);
    commit(supervisor, added);
    type->highest_grant = lease.grant;
    type->dirty = true;
    supervisor->counters.grants++;
    CRASH_POINT(supervisor_after_decision);
    return added;
}

/* ---- sending ---- */

static void fill_grant(struct message *message, const struct lease *lease, struct mono send_by)
{
    struct proto_GRANT *grant = &message->as.GRANT;

    message->kind = PROTO_GRANT;
    grant->grant = lease->grant;
    text_copy(grant->token, sizeof grant->token, lease->token);
    text_copy(grant->region, sizeof grant->region, lease->placement.region);
    text_copy(grant->zone, sizeof grant->zone, lease->placement.zone);
    text_copy(grant->instanceType, sizeof grant->instanceType, lease->placement.instance_type);
    text_copy(grant->market, sizeof grant->market, market_name(lease->placement.market));
    grant->count = lease->count;
    grant->capacity = lease->capacity;
    grant->maxPrice = lease->max_price.micros;
    grant->revision = lease->revision;
    text_copy(grant->specHash, sizeof grant->specHash, lease->spec_hash);
    grant->generation = lease->generation;
    grant->sendByMono = send_by.us;
    grant->resend = lease->doubtful;
}

/* Its worker is the one it was decided for, no operator stopped it meanwhile, and it is not late: a commit that took
 * long (a slow or full disk) makes the decision old. */
static bool may_leave(const struct supervisor *supervisor, const struct type_record *type, const struct lease *lease)
{
    return type && type->worker.process.state == PROCESS_LIVE && type->worker.process.generation == lease->generation &&
           !supervisor->stopping && !type->paused && !mono_reached(lease->send_by, supervisor->now) &&
           decide_region_closed(supervisor, lease->placement.region) != DENIED_BY_FREEZE;
}

/* Since its bid came, by the clock as it is now; -1: not known. */
static int64_t age_of_bid_us(const struct lease *lease)
{
    return mono_is_set(lease->bid_heard) ? mono_since(lease->bid_heard, clock_now()).us : -1;
}

static void send_one(struct supervisor *supervisor, struct lease *lease)
{
    struct type_record *type = supervisor_type(supervisor, lease->type);
    struct mono send_by = mono_add(supervisor->now, supervisor->config->send_by);
    struct message message = {0};

    fill_grant(&message, lease, send_by);
    CRASH_POINT(supervisor_before_grant);
    if (may_leave(supervisor, type, lease) && bus_post(supervisor, &type->worker, &message) == 0) {
        CRASH_POINT(supervisor_after_grant);
        fleet_lease_sent(supervisor->fleet, lease, send_by);
        log_info("grant.sent", "type=%s grant=%lld region=%s instanceType=%s count=%lld afterBidUs=%lld", lease->type,
                 (long long)lease->grant, lease->placement.region, lease->placement.instance_type,
                 (long long)lease->count, (long long)age_of_bid_us(lease));
    } else {
        fleet_lease_not_sent(supervisor->fleet, lease, lease_take_fact, supervisor);
    }
    supervisor->arbiter_due = true;
}

void lease_send_committed(struct supervisor *supervisor)
{
    uint64_t acknowledged = ledger_acknowledged(supervisor->ledger);

    if (COMMITS_FIRST && acknowledged == supervisor->ledger_seen)
        return;
    supervisor->ledger_seen = acknowledged;
    /* In rising order: a worker's `seen` says that it has counted all grants up to that number. */
    for (size_t i = 0; i < supervisor->fleet->lease_count;) {
        struct lease *lease = supervisor->fleet->leases[i];
        int64_t grant = lease->grant;
        if (lease->state == LEASE_COMMITTING && lease->ticket <= acknowledged)
            send_one(supervisor, lease);
        if (i < supervisor->fleet->lease_count && supervisor->fleet->leases[i]->grant == grant)
            i++; /* else it is over, and another has taken its place */
    }
}

/* ---- answers ---- */

static void tell_breakers(struct supervisor *supervisor, const struct lease *lease, const struct proto_RESULT *result,
                          int outcome, int failure)
{
    struct breaker_subject subject = lease_subject(lease);

    if (outcome == OUTCOME_LAUNCHED) {
        breakers_launched(supervisor->breakers, &subject, lease->grant, supervisor->now);
    } else if (failure == FAILURE_RATE) {
        decide_rate_limited(supervisor, lease->placement.region);
        breakers_unsent(supervisor->breakers, lease->grant, supervisor->now);
    } else if (outcome != OUTCOME_UNSENT) {
        enum failure class = outcome == OUTCOME_UNKNOWN ? FAILURE_NO_ANSWER : (enum failure)failure;
        breakers_failed(supervisor->breakers, &subject, lease->grant, class, result->code, result->message,
                        supervisor->now);
    }
}

static void record_result(struct supervisor *supervisor, struct type_record *type, const struct lease *lease,
                          const struct proto_RESULT *result, int outcome)
{
    char where[200];

    placement_format(&lease->placement, where, sizeof where);
    if (outcome == OUTCOME_LAUNCHED) {
        event_record(supervisor, "launched", type->name, lease->placement.region, "%zu of %lld at %s, grant %lld",
                     result->launched_count, (long long)lease->count, where, (long long)lease->grant);
    } else if (outcome == OUTCOME_FAILED) {
        type->counters.failed++;
        supervisor->counters.launch_failures++;
        event_record(supervisor, "launch-failed", type->name, lease->placement.region, "%s at %s, grant %lld: %.200s",
                     *result->code ? result->code : result->failure, where, (long long)lease->grant, result->message);
    } else if (outcome == OUTCOME_UNKNOWN) {
        event_record(supervisor, "launch-unknown", type->name, lease->placement.region,
                     "no answer at %s, grant %lld: it holds its room until it is known (%s)", where,
                     (long long)lease->grant, result->code);
    }
}

int lease_take_result(struct supervisor *supervisor, struct type_record *type, const struct proto_RESULT *result,
                      int64_t generation)
{
    const struct lease *open = fleet_lease(supervisor->fleet, result->grant);
    int outcome = outcome_of(result->outcome), failure = failure_of(result->failure);
    struct lease lease;

    if (outcome < 0 || failure < 0 || (outcome == OUTCOME_LAUNCHED && result->launched_count == 0))
        return -1;
    struct fleet_result said = {.grant = result->grant,
                                .type = type->name,
                                .outcome = (enum outcome)outcome,
                                .failure = (enum failure)failure,
                                .launched = result->launched,
                                .launched_count = result->launched_count,
                                .sent = {result->sentMono},
                                .wall = supervisor->wall};
    bool known = open != NULL;
    if (known)
        lease = *open;
    CRASH_POINT(supervisor_before_result);
    int taken = fleet_result(supervisor->fleet, &said, supervisor->now, lease_take_fact, supervisor);
    if (taken < 0)
        return -1;
    if (known && text_equal(lease.type, type->name)) {
        tell_breakers(supervisor, &lease, result, outcome, failure);
        record_result(supervisor, type, &lease, result, outcome);
    }
    (void)generation;
    CRASH_POINT(supervisor_after_result);
    type->dirty = true;
    supervisor->arbiter_due = true;
    return 0;
}

void lease_renew(struct supervisor *supervisor, struct type_record *type, int64_t grant)
{
    const struct lease *open = fleet_lease(supervisor->fleet, grant);

    if (!open || supervisor->stopping || !type->definition || type->paused ||
        decide_region_closed(supervisor, open->placement.region) != DENIED_NOT || decide_ledger_stopped(supervisor))
        return; /* it stays unknown, and a listing will settle it */
    struct lease *lease = fleet_renew(supervisor->fleet, grant, type->name, type->worker.process.generation);
    if (!lease)
        return;
    lease->send_by = mono_add(supervisor->now, supervisor->config->send_by);
    lease->bid_heard = MONO_ZERO;
    commit(supervisor, lease);
    CRASH_POINT(supervisor_after_renewal);
    log_info("grant.renewed", "type=%s grant=%lld", type->name, (long long)grant);
}

/* ---- the dead and the silent ---- */

void lease_type_worker_gone(struct supervisor *supervisor, struct type_record *type)
{
    type->bid.stands = false;
    supervisor->arbiter_due = true;
    fleet_holder_gone(supervisor->fleet, type->name, type->worker.process.generation, supervisor->now, lease_take_fact,
                      supervisor);
}

void lease_region_worker_gone(struct supervisor *supervisor, struct region_record *region)
{
    (void)supervisor;
    free(region->rows);
    region->rows = NULL;
    region->row_count = 0;
    region->had_full = false;
}

void lease_check_silence(struct supervisor *supervisor)
{
    struct span limit = {supervisor->config->launch_limit.us + SILENCE_MARGIN.us};
    bool just_awake = /* from a standstill: their words may still be on the way */
        mono_is_set(supervisor->awake) && mono_since(supervisor->awake, supervisor->now).us < SILENCE_MARGIN.us;

    if (supervisor->fleet->lease_count == 0 || just_awake)
        return;
    for (size_t i = 0; i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        if (type->worker.process.state != PROCESS_LIVE)
            continue;
        int64_t grant = fleet_silent_lease(supervisor->fleet, type->name, limit, supervisor->now);
        if (grant)
            workers_offended(supervisor, &type->worker, "it says nothing of grant %lld", (long long)grant);
    }
}
