/* SPDX-License-Identifier: MPL-2.0 */
/* helper.c: the life of the credentials helper: the one process that asks the environment, files, STS, the container
 * endpoint or the metadata service for AWS credentials, refreshes them ahead of expiry, and hands them to all workers.
 * Runs in: provisiond-worker --helper credentials. Owns: struct helper. May not touch: EC2, queues, the ledger.
 * While it is dead the workers go on with what they have; what it tells the supervisor holds no secret. */
#include "worker/helper.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/sockets.h"
#include "worker/start.h"

#define LONGEST_TURN SPAN_SECONDS(1) /* credentials end by nothing but time */

static int take_welcome(void *context, const struct proto_WELCOME *welcome, struct error *err)
{
    struct helper *helper = context;

    if (start_read_settings(welcome->settings, &helper->config, err) < 0)
        return -1;
    helper->http = start_http(helper->loop, &helper->config, err);
    if (!helper->http || !(helper->credentials = start_credentials(helper->loop, helper->http, &helper->config, err)))
        return -1;
    helper->socket = socket_open(helper->bus.context, SOCKET_KEYS_SERVER, helper->options->run_dir, NULL, NULL, err);
    helper->tick_began = clock_now();
    return helper->socket ? loop_add_socket(helper->loop, helper->socket, err) : -1;
}

/* ---- what the supervisor hears ---- */

static bool is_same(const struct proto_CREDENTIALS *one, const struct proto_CREDENTIALS *other)
{
    return one->present == other->present && one->refreshedWall == other->refreshedWall &&
           one->expiresWall == other->expiresWall && text_equal(one->source, other->source) &&
           text_equal(one->problem, other->problem);
}

static void tell(struct helper *helper)
{
    const struct aws_credentials *current = credentials_now(helper->credentials);
    struct message message = {.kind = PROTO_CREDENTIALS};
    struct proto_CREDENTIALS *out = &message.as.CREDENTIALS;

    out->present = current != NULL;
    text_copy(out->source, sizeof out->source, credentials_source(helper->credentials));
    out->refreshedWall = credentials_refreshed(helper->credentials).ms;
    out->expiresWall = current ? current->expires.ms : 0;
    text_copy(out->problem, sizeof out->problem, credentials_problem(helper->credentials));
    bool first = helper->told.kind == PROTO_NONE;
    if ((first && credentials_asking(helper->credentials)) || (!first && is_same(out, &helper->told.as.CREDENTIALS)))
        return;
    helper->told = message;
    CRASH_POINT(helper_before_tell);
    bus_send(&helper->bus, &message, BUS_KEEP);
}

static struct span tick_length(const struct helper *helper)
{
    return span_min(helper->config.tick, span_scale(helper->config.worker_tick_limit, 0.25));
}

static void beat_when_due(struct helper *helper, struct mono now)
{
    struct message message = {.kind = PROTO_BEAT};

    if (!mono_reached(mono_add(helper->tick_began, tick_length(helper)), now))
        return;
    message.as.BEAT.tick = ++helper->tick_number;
    message.as.BEAT.beganMono = helper->tick_began.us;
    message.as.BEAT.tookUs = mono_since(helper->tick_began, now).us;
    helper->tick_began = now;
    CRASH_POINT(helper_before_beat);
    bus_send(&helper->bus, &message, BUS_MAY_DROP);
}

/* ---- the loop ---- */

static void take_signals(struct helper *helper)
{
    int number;

    while ((number = loop_take_signal(helper->loop)) != 0) {
        if (number == SIGTERM || !helper->stopping)
            helper->exit_status = number == SIGTERM ? 0 : WORKER_EXIT_RELOAD;
        helper->stopping = true;
    }
}

static void drain_bus(struct helper *helper)
{
    struct message message;

    bus_flush(&helper->bus);
    while (bus_receive(&helper->bus, IN_LIVE, &message) == 1) {
        log_warn("bus.passed-over", "message=%s", message_name(message.kind));
        message_clear(&message);
    }
}

static void work(struct helper *helper)
{
    struct error err;
    struct mono now = clock_now();

    while (!helper->stopping) {
        struct mono next = mono_min(mono_add(now, LONGEST_TURN), mono_add(helper->tick_began, tick_length(helper)));
        if (loop_wait(helper->loop, mono_min(next, http_deadline(helper->http)), &err) < 0)
            log_panic("worker.loop", "problem=%s", log_quote(err.text));
        now = clock_now();
        take_signals(helper);
        http_step(helper->http, now);
        credentials_step(helper->credentials, now, clock_wall());
        drain_bus(helper);
        helper_take_questions(helper, now);
        helper_answer(helper);
        tell(helper);
        beat_when_due(helper, now);
    }
}

/* ---- start and end ---- */

static void destroy(struct helper *helper)
{
    credentials_destroy(&helper->credentials);
    http_destroy(&helper->http);
    if (helper->socket) {
        loop_remove_socket(helper->loop, helper->socket);
        zmq_close(helper->socket);
    }
    bus_close(&helper->bus, helper->loop);
    loop_destroy(&helper->loop);
    free(helper->askers);
    free(helper);
}

int helper_run(const struct worker_options *options)
{
    struct helper *helper = calloc(1, sizeof *helper);

    if (!helper)
        return WORKER_EXIT_USAGE;
    helper->options = options;
    int status = WORKER_EXIT_USAGE;
    if (start_role(&helper->loop, &helper->bus, options, take_welcome, helper, &status)) {
        work(helper);
        status = helper->exit_status;
    }
    destroy(helper);
    return status;
}
