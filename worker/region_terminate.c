/* SPDX-License-Identifier: MPL-2.0 */
/* region_terminate.c: lane 2: carries out the supervisor's orders to terminate, one after another.
 * Runs in: region worker. The tags are read anew first: only what carries our deployment's tag, and the type's tag that
 * the order names, is terminated (cases B09, B36). The ids go into a filter, not into InstanceId: EC2 refuses the whole
 * call when one id is unknown. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/describe.h"
#include "worker/region_worker.h"

#define BATCH 200 /* values that EC2 takes in one filter */

enum order_state { ORDER_CHECK, ORDER_CHECKING, ORDER_TERMINATE, ORDER_TERMINATING };

struct order {
    struct order *next;
    struct region_worker *worker;
    struct proto_TERMINATE order; /* its instances' codes are filled in */
    bool *ours;                   /* of each instance: its tags were seen to be ours */
    size_t at, batch;             /* the instances [at, at + batch) are being worked on */
    enum order_state state;
};

void region_terminate_take(struct region_worker *worker, struct proto_TERMINATE *message)
{
    struct order **last = &worker->orders;
    struct order *order = calloc(1, sizeof *order);
    bool *ours = calloc(message->instances_count + 1, sizeof *ours);
    if (!order || !ours)
        abort();
    order->ours = ours;
    order->worker = worker;
    order->order = *message;
    memset(message, 0, sizeof *message);
    while (*last)
        last = &(*last)->next;
    *last = order;
}

static void free_order(struct order *order)
{
    free(order->order.instances);
    free(order->ours);
    free(order);
}

static void report(struct order *order)
{
    struct region_worker *worker = order->worker;
    struct message message = {.kind = PROTO_TERMINATED};
    message.as.TERMINATED.order = order->order.order;
    message.as.TERMINATED.instances = order->order.instances;
    message.as.TERMINATED.instances_count = order->order.instances_count;
    CRASH_POINT(region_before_terminated);
    bus_send(&worker->bus, &message, BUS_KEEP);
    CRASH_POINT(region_after_terminated);
    log_info("terminate.done", "order=%" PRId64 " cause=%s instances=%zu", order->order.order, order->order.cause,
             order->order.instances_count);
    worker->orders = order->next;
    free_order(order);
}

static void next_batch(struct order *order)
{
    order->at += order->batch;
    order->batch = 0;
    order->state = ORDER_CHECK;
    if (order->at >= order->order.instances_count)
        report(order);
}

/* The code of each instance of the batch: of all, or only of those that are ours. */
static void set_codes(struct order *order, bool only_ours, const char *code)
{
    for (size_t i = order->at; i < order->at + order->batch; i++)
        if (!only_ours || order->ours[i])
            text_copy(order->order.instances[i].code, CODE_SIZE, code);
}

/* ---- check the tags ---- */

static void on_checked_row(void *context, const struct proto_ROW *row)
{
    struct order *order = context;
    bool right_type = !*order->order.type || strcmp(order->order.type, row->type) == 0;
    for (size_t i = order->at; i < order->at + order->batch; i++)
        if (right_type && strcmp(order->order.instances[i].id, row->id) == 0) {
            order->ours[i] = true;
            *order->order.instances[i].code = '\0';
        }
}

static void on_checked(void *context, const struct cloud_answer *answer)
{
    struct order *order = context;
    size_t ours = 0;
    for (size_t i = order->at; i < order->at + order->batch; i++)
        ours += order->ours[i];
    if (answer->ending != CLOUD_DONE) { /* nobody is terminated on an unread tag */
        memset(order->ours + order->at, 0, order->batch * sizeof *order->ours);
        set_codes(order, false, answer->error.code);
        next_batch(order);
    } else if (ours == 0) {
        next_batch(order);
    } else {
        order->state = ORDER_TERMINATE;
    }
}

static void fill_check(struct order *order, struct ec2_form *form)
{
    char name[48];
    ec2_form_start(form, "DescribeInstances");
    ec2_form_add(form, "Filter.1.Name", "tag:" EC2_DEPLOYMENT_TAG);
    ec2_form_add(form, "Filter.1.Value.1", order->worker->config.deployment_id);
    ec2_form_add(form, "Filter.2.Name", "instance-id");
    for (size_t i = 0; i < order->batch; i++) {
        text_format(name, sizeof name, "Filter.2.Value.%zu", i + 1);
        ec2_form_add(form, name, order->order.instances[order->at + i].id);
    }
}

/* ---- terminate ---- */

static void on_terminated(void *context, const struct cloud_answer *answer)
{
    struct order *order = context;
    if (answer->ending != CLOUD_DONE)
        set_codes(order, true, answer->error.code);
    next_batch(order);
}

static void fill_termination(struct order *order, struct ec2_form *form)
{
    const char *ids[BATCH];
    size_t count = 0;
    for (size_t i = order->at; i < order->at + order->batch; i++)
        if (order->ours[i])
            ids[count++] = order->order.instances[i].id;
    ec2_terminate_instances(form, ids, count);
}

/* ---- the lane ---- */

static void send_call(struct order *order)
{
    struct region_worker *worker = order->worker;
    struct ec2_form form = {0};
    struct error err;
    bool check = order->state == ORDER_CHECK;
    struct cloud_request request = {.form = &form,
                                    .total_limit = region_page_limit(worker),
                                    .not_after = MONO_NEVER,
                                    .rows = {.instance = check ? on_checked_row : NULL, .context = order},
                                    .on_done = check ? on_checked : on_terminated,
                                    .context = order};
    if (check) {
        size_t left = order->order.instances_count - order->at;
        order->batch = left < BATCH ? left : BATCH;
        set_codes(order, false, "NotOurs"); /* until the tags say otherwise */
        fill_check(order, &form);
    } else {
        fill_termination(order, &form);
    }
    order->state = check ? ORDER_CHECKING : ORDER_TERMINATING;
    CRASH_POINT(region_before_terminate_call);
    if (cloud_start(&worker->cloud, &request, &err) < 0) {
        set_codes(order, false, "CannotSend");
        next_batch(order);
    }
    CRASH_POINT(region_after_terminate_call);
    ec2_form_free(&form);
}

bool region_terminate_waits(const struct region_worker *worker)
{
    const struct order *order = worker->orders;
    return order && (order->state == ORDER_CHECK || order->state == ORDER_TERMINATE);
}

bool region_terminate_calling(const struct region_worker *worker)
{
    return worker->orders && worker->orders->state == ORDER_TERMINATING;
}

void region_terminate_step(struct region_worker *worker, struct mono now)
{
    if (!region_terminate_waits(worker))
        return;
    if (worker->orders->order.instances_count == 0)
        report(worker->orders);
    else if (region_take_call(worker, now))
        send_call(worker->orders);
}

void region_terminate_clear(struct region_worker *worker)
{
    while (worker->orders) {
        struct order *order = worker->orders;
        worker->orders = order->next;
        free_order(order);
    }
}
