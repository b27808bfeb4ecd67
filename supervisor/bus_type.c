/* SPDX-License-Identifier: MPL-2.0 */
/* bus_type.c: handlers of what type workers say, and of hello and beat, which regions say too.
 * Runs in: supervisor, main thread. See bus.h. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"
#include "supervisor/terminate.h"
#include "supervisor/welcome.h"
#include "supervisor/workers.h"

static bool hello_is_true(const struct bus_sender *sender, const struct proto_HELLO *hello)
{
    const struct worker *worker = sender->worker;

    return text_equal(hello->role, worker->is_helper   ? "helper"
                                   : worker->is_region ? "region"
                                                       : "type") &&
           text_equal(hello->name, worker->name) && hello->generation == sender->generation &&
           hello->pid == worker->child.pid;
}

void bus_hello(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct worker *worker = sender->worker;

    if (message->as.HELLO.version != PROTO_VERSION) {
        workers_offended(supervisor, worker, "it speaks version %lld, we speak %d",
                         (long long)message->as.HELLO.version, PROTO_VERSION);
        return;
    }
    if (!hello_is_true(sender, &message->as.HELLO)) {
        workers_offended(supervisor, worker, "its hello is not what it was started as");
        return;
    }
    workers_event(supervisor, worker, PROCESS_SAID_HELLO, NULL);
    alarm_clear(supervisor, "worker-failing", worker->name);
    if (welcome_send(supervisor, worker) != 0) {
        workers_offended(supervisor, worker, "it could not be welcomed");
        return;
    }
    event_record(supervisor, "worker-live", worker_type_name(worker), worker_region_name(worker),
                 "%sprocess %d, generation %lld, is ready", workers_whose(worker), (int)worker->child.pid,
                 (long long)sender->generation);
}

void bus_beat(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    sender->worker->tick_us = message->as.BEAT.tookUs;
    sender->worker->ticked = supervisor->wall;
    process_beat(&sender->worker->process, &supervisor->process_settings, supervisor->now);
    if (worker_is_type(sender->worker))
        type_of_worker(sender->worker)->heard = supervisor->now;
}

/* ---- what it saw ---- */

/* Work that is claimed, or waits less, may prove a specification although nobody was seen at work. */
static void look_for_proof(struct supervisor *supervisor, struct type_record *type, int64_t pending_before)
{
    struct canary_evidence evidence = {.claimed = type->seen.claimed,
                                       .pending_fell = type->seen.pending >= 0 && type->seen.pending < pending_before,
                                       .boot_limit = type->definition->boot_limit};
    const char *how = "", *hash;

    while ((hash = canary_passed(&type->proofs, type->holdings, &evidence, supervisor->now, &how)) != NULL) {
        canary_prove(&type->proofs, hash, how);
        ledger_put_spec(supervisor->ledger, type->name, hash, how, supervisor->wall);
        event_record(supervisor, "specification-proven", type->name, NULL, "specification %.12s: %s", hash, how);
        supervisor->arbiter_due = true;
    }
}

static void alarm_problems(struct supervisor *supervisor, const struct type_record *type)
{
    const struct proto_OBSERVATION *seen = &type->seen;

    if (*seen->demandProblem)
        alarm_raise(supervisor, "demand", type->name, "%s", seen->demandProblem);
    else
        alarm_clear(supervisor, "demand", type->name);
    if (*seen->registrationProblem)
        alarm_raise(supervisor, "registration", type->name, "%lld instances wait for worker-manager: %s",
                    (long long)seen->registrationsOpen, seen->registrationProblem);
    else
        alarm_clear(supervisor, "registration", type->name);
}

void bus_observation(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);
    int64_t pending_before = type->observed ? type->seen.pending : -1;

    type->seen = message->as.OBSERVATION;
    type->observed = true;
    type->dirty = true;
    type->heard = supervisor->now;
    if (type->definition)
        look_for_proof(supervisor, type, pending_before);
    alarm_problems(supervisor, type);
}

void bus_bid(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);

    if (message->as.BID.seen > type->highest_grant) {
        workers_offended(supervisor, sender->worker, "it counted grant %lld, which it never had",
                         (long long)message->as.BID.seen);
        return;
    }
    type->heard = supervisor->now;
    decide_take_bid(supervisor, type, &message->as.BID);
}

/* ---- what it did ---- */

void bus_result(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);

    if (lease_take_result(supervisor, type, &message->as.RESULT, sender->generation) != 0 && !sender->gone)
        workers_offended(supervisor, sender->worker, "its result of grant %lld cannot be",
                         (long long)message->as.RESULT.grant);
}

void bus_renew(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    lease_renew(supervisor, type_of_worker(sender->worker), message->as.RENEW.grant);
}

static void took_work(struct supervisor *supervisor, struct type_record *type, struct instance *instance)
{
    if (instance->worked || instance->owner != type->holdings)
        return;
    instance->worked = true;
    type->counters.worked++;
    ledger_put_instance(supervisor->ledger, instance);
    breakers_worked(supervisor->breakers, type->name, instance->grant, supervisor->now);
    if (canary_prove(&type->proofs, instance->spec_hash, "took-work")) {
        ledger_put_spec(supervisor->ledger, type->name, instance->spec_hash, "took-work", supervisor->wall);
        event_record(supervisor, "specification-proven", type->name, NULL, "specification %.12s: %s took work",
                     instance->spec_hash, instance->id);
    }
}

void bus_worked(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);

    for (size_t i = 0; i < message->as.WORKED.instances_count; i++) {
        struct instance *instance = fleet_instance(supervisor->fleet, message->as.WORKED.instances[i].id);
        if (instance)
            took_work(supervisor, type, instance);
    }
    type->dirty = true;
    supervisor->arbiter_due = true;
}

void bus_condemn(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    terminate_propose(supervisor, type_of_worker(sender->worker), &message->as.CONDEMN);
}

/* ---- to type workers ---- */

void bus_send_paces(struct supervisor *supervisor)
{
    size_t count = supervisor_defined(supervisor), index = 0;

    if (!supervisor->pace_due)
        return;
    supervisor->pace_due = false;
    for (size_t i = 0; i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        if (!type->definition)
            continue;
        struct pace pace = pace_deal(supervisor->config->demand_poll, supervisor->config->queue_rate, index++, count);
        bool other = pace.poll_ms != type->pace.poll_ms || pace.phase_ms != type->pace.phase_ms;
        type->pace = pace;
        if (!other || type->worker.process.state != PROCESS_LIVE)
            continue;
        struct message message = {.kind = PROTO_PACE, .as.PACE = {.pollMs = pace.poll_ms, .phaseMs = pace.phase_ms}};
        CRASH_POINT(supervisor_before_pace);
        bus_post(supervisor, &type->worker, &message);
    }
}
