/* SPDX-License-Identifier: MPL-2.0 */
/* terminate.c: checks each proposal against what the fleet knows, brakes, and orders. See terminate.h.
 * Runs in: supervisor, main thread. */
#include "supervisor/terminate.h"

#include <stdlib.h>

#include "common/crash.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/events.h"

/* An order without effect may be repeated after so long. */
#define ORDER_AGAIN SPAN_SECONDS(120)

static bool cause_holds(const struct instance *instance, const char *cause)
{
    if (text_equal(cause, "boot-limit"))
        return !instance->worked;
    if (text_equal(cause, "stopped"))
        return instance->state == INSTANCE_STOPPED || instance->state == INSTANCE_STOPPING;
    if (text_equal(cause, "pending-limit"))
        return instance->state == INSTANCE_PENDING;
    return text_equal(cause, "max-lifetime") || (text_equal(cause, "wrong-market") && !instance->worked);
}

/* Its tags were seen as ours, and nobody has just ordered its end. */
static bool may_end(const struct supervisor *supervisor, const struct instance *instance,
                    const struct region_record *region)
{
    if (!instance->listed || instance->absent || !instance_state_occupies(instance->state) ||
        instance->state == INSTANCE_SHUTTING_DOWN || !text_equal(instance->placement.region, region->name))
        return false;
    return !mono_is_set(instance->ordered) || mono_since(instance->ordered, supervisor->now).us >= ORDER_AGAIN.us;
}

/* It may be ended, and the cause fits what we know of it. */
static struct instance *permitted(const struct supervisor *supervisor, const struct type_record *type,
                                  const struct region_record *region, const char *id, const char *cause)
{
    struct instance *instance = fleet_instance(supervisor->fleet, id);

    if (!instance || instance->owner != type->holdings || !may_end(supervisor, instance, region))
        return NULL;
    return cause_holds(instance, cause) ? instance : NULL;
}

static void condemn(struct supervisor *supervisor, struct type_record *type, struct instance *instance,
                    const char *cause)
{
    bool first = !instance->condemned;

    instance->condemned = true;
    instance->ordered = supervisor->now;
    supervisor->fleet->version++;
    ledger_put_instance(supervisor->ledger, instance);
    if (first && text_equal(cause, "boot-limit")) {
        struct breaker_subject subject = {.type = type->name,
                                          .placement = instance->placement,
                                          .spec_hash = instance->spec_hash,
                                          .subnet = "",
                                          .max_price = instance_price(instance)};
        breakers_without_effect(supervisor->breakers, &subject, instance->grant, supervisor->now);
    }
}

static void order(struct supervisor *supervisor, struct type_record *type, struct region_record *region,
                  const char *cause, struct message *message)
{
    struct proto_TERMINATE *terminate = &message->as.TERMINATE;

    if (terminate->instances_count == 0)
        return;
    terminate->order = ++supervisor->counters.orders;
    text_copy(terminate->cause, sizeof terminate->cause, cause);
    text_copy(terminate->type, sizeof terminate->type, type->name);
    CRASH_POINT(supervisor_before_terminate);
    bus_post(supervisor, &region->worker, message);
    CRASH_POINT(supervisor_after_terminate);
    event_record(supervisor, "terminate", type->name, region->name, "%zu instances, %s, the first is %s",
                 terminate->instances_count, cause, terminate->instances[0].id);
}

void terminate_propose(struct supervisor *supervisor, struct type_record *type, const struct proto_CONDEMN *proposed)
{
    struct region_record *region = supervisor_region(supervisor, proposed->region);
    struct message message = {.kind = PROTO_TERMINATE};
    struct proto_TERMINATE *terminate = &message.as.TERMINATE;
    size_t held_back = 0;

    if (!region || region->worker.process.state != PROCESS_LIVE ||
        fleet_region_stale(supervisor->fleet, region->view, supervisor->now))
        return; /* it proposes again */
    fleet_count(supervisor->fleet, supervisor->now);
    int64_t room = brake_room(&type->brake, type->holdings->totals.held_instances, supervisor->now);
    terminate->instances = calloc(proposed->instances_count + 1, sizeof *terminate->instances);
    for (size_t i = 0; terminate->instances && i < proposed->instances_count; i++) {
        struct instance *instance = permitted(supervisor, type, region, proposed->instances[i].id, proposed->cause);
        if (!instance)
            continue;
        if ((int64_t)terminate->instances_count >= room) {
            held_back++;
            continue;
        }
        text_copy(terminate->instances[terminate->instances_count++].id, INSTANCE_ID_SIZE, instance->id);
        condemn(supervisor, type, instance, proposed->cause);
    }
    brake_used(&type->brake, (int64_t)terminate->instances_count, supervisor->now);
    order(supervisor, type, region, proposed->cause, &message);
    if (held_back > 0) { /* alarms.c looks at it */
        type->held_back = supervisor->now;
        type->held_back_count = (int64_t)held_back;
        text_copy(type->held_back_cause, sizeof type->held_back_cause, proposed->cause);
    }
    message_clear(&message);
    supervisor->arbiter_due = true;
}

/* ---- operators' orders ---- */

#define ORDERED "ordered"

static bool can_order(const struct supervisor *supervisor, const struct region_record *region)
{
    return region->worker.process.state == PROCESS_LIVE &&
           !fleet_region_stale(supervisor->fleet, region->view, supervisor->now);
}

static void add_instance(struct supervisor *supervisor, struct type_record *type, struct instance *instance,
                         struct message *message)
{
    struct proto_TERMINATE *terminate = &message->as.TERMINATE;

    text_copy(terminate->instances[terminate->instances_count++].id, INSTANCE_ID_SIZE, instance->id);
    condemn(supervisor, type, instance, ORDERED);
}

int terminate_ordered(struct supervisor *supervisor, struct instance *instance, const char *who, struct error *err)
{
    struct region_record *region = supervisor_region(supervisor, instance->placement.region);
    struct type_record *type = instance->owner ? supervisor_type(supervisor, instance->owner->name) : NULL;
    struct message message = {.kind = PROTO_TERMINATE};

    if (!region || !can_order(supervisor, region))
        return error_set(err, ERROR_REMOTE, "%s: its region %s is not listed now: its tags cannot be read",
                         instance->id, instance->placement.region);
    if (!type || !may_end(supervisor, instance, region))
        return error_set(err, ERROR_INPUT, "%s: not listed as ours, ended already, or its end was just ordered",
                         instance->id);
    message.as.TERMINATE.instances = calloc(1, sizeof *message.as.TERMINATE.instances);
    if (!message.as.TERMINATE.instances)
        abort();
    add_instance(supervisor, type, instance, &message);
    order(supervisor, type, region, ORDERED, &message);
    event_record(supervisor, "ordered", type->name, region->name, "the end of %s, by %s", instance->id, who);
    message_clear(&message);
    supervisor->arbiter_due = true;
    return 0;
}

#define LARGEST_ORDER 1000 /* the rest comes with the next listing */

static size_t retire_in(struct supervisor *supervisor, struct type_record *type, struct region_record *region)
{
    struct message message = {.kind = PROTO_TERMINATE};
    struct proto_TERMINATE *terminate = &message.as.TERMINATE;

    terminate->instances = calloc(LARGEST_ORDER, sizeof *terminate->instances);
    if (!terminate->instances)
        abort();
    for (struct instance *instance = type->holdings->instances; instance; instance = instance->next_of_type)
        if (terminate->instances_count < LARGEST_ORDER && may_end(supervisor, instance, region))
            add_instance(supervisor, type, instance, &message);
    size_t count = terminate->instances_count;
    order(supervisor, type, region, "retired", &message);
    message_clear(&message);
    return count;
}

size_t terminate_retired(struct supervisor *supervisor, struct region_record *region)
{
    size_t count = 0;

    for (size_t i = 0; i < supervisor->type_count; i++)
        if (supervisor->types[i]->retired && can_order(supervisor, region))
            count += retire_in(supervisor, supervisor->types[i], region);
    return count;
}

void terminate_answered(struct supervisor *supervisor, struct region_record *region,
                        const struct proto_TERMINATED *terminated)
{
    size_t refused = 0;
    const char *code = "";

    for (size_t i = 0; i < terminated->instances_count; i++) {
        struct instance *instance = fleet_instance(supervisor->fleet, terminated->instances[i].id);
        if (!*terminated->instances[i].code)
            continue;
        refused++;
        code = terminated->instances[i].code;
        if (instance)
            instance->condemned = false; /* it serves on; the worker may propose it again */
    }
    if (refused == 0)
        return;
    supervisor->fleet->version++;
    event_record(supervisor, "terminate-refused", NULL, region->name, "%zu of %zu instances of order %lld: %s", refused,
                 terminated->instances_count, (long long)terminated->order, code);
}
