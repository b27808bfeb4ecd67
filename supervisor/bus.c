/* SPDX-License-Identifier: MPL-2.0 */
/* bus.c: receives from all workers and hands each message to its handler, if its sender may say it now.
 * Runs in: supervisor, main thread. */
#include "supervisor/bus.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/judge.h"
#include "supervisor/preflight.h"
#include "supervisor/workers.h"

#define MESSAGES_A_TURN 500
/* Messages within one second: no honest worker comes near. A tick has a dozen; a region's listing comes in rows by the
 * thousand, but in messages of many rows. */
#define TYPE_SAYS_MOST 2000
#define REGION_SAYS_MOST 10000
#define RETIRED_FOR SPAN_SECONDS(120)

/* The routing ids that count, sorted: each message is looked up. */
struct secret_entry {
    char secret[2 * SECRET_BYTES + 1];
    struct worker *worker;
    int64_t generation;
    struct mono retired; /* MONO_ZERO: its process lives */
};

static bus_handler *const handlers[] = {
    [PROTO_HELLO] = bus_hello,
    [PROTO_BEAT] = bus_beat,
    [PROTO_OBSERVATION] = bus_observation,
    [PROTO_BID] = bus_bid,
    [PROTO_RESULT] = bus_result,
    [PROTO_RENEW] = bus_renew,
    [PROTO_WORKED] = bus_worked,
    [PROTO_CONDEMN] = bus_condemn,
    [PROTO_PREFLIGHT] = bus_preflight,
    [PROTO_SPARE] = bus_spare,
    [PROTO_DRYRUN_DONE] = bus_dryrun_done,
    [PROTO_JUDGED] = bus_judged,
    [PROTO_ROWS] = bus_rows,
    [PROTO_LISTED] = bus_listed,
    [PROTO_LISTING_FAILED] = bus_listing_failed,
    [PROTO_PRICES] = bus_prices,
    [PROTO_TERMINATED] = bus_terminated,
    [PROTO_CREDENTIALS] = bus_credentials,
};
#define HANDLER_COUNT (sizeof handlers / sizeof handlers[0])

static void forget_old(struct supervisor *supervisor)
{
    size_t kept = 0;

    for (size_t i = 0; i < supervisor->secret_count; i++) {
        const struct secret_entry *entry = &supervisor->secrets[i];
        if (!mono_is_set(entry->retired) || mono_since(entry->retired, supervisor->now).us <= RETIRED_FOR.us)
            supervisor->secrets[kept++] = *entry;
    }
    supervisor->secret_count = kept;
}

/* Where it is, or where it belongs. */
static size_t place_of(const struct supervisor *supervisor, const char *secret)
{
    size_t low = 0, high = supervisor->secret_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(supervisor->secrets[middle].secret, secret) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void bus_admit(struct supervisor *supervisor, struct worker *worker)
{
    forget_old(supervisor);
    if (supervisor->secret_count == supervisor->secret_room) {
        supervisor->secret_room = supervisor->secret_room ? supervisor->secret_room * 2 : 64;
        supervisor->secrets = realloc(supervisor->secrets, supervisor->secret_room * sizeof *supervisor->secrets);
        if (!supervisor->secrets)
            abort();
    }
    size_t at = place_of(supervisor, worker->secret);
    struct secret_entry *entry = &supervisor->secrets[at];
    memmove(entry + 1, entry, (supervisor->secret_count++ - at) * sizeof *entry);
    *entry = (struct secret_entry){.worker = worker, .generation = worker->process.generation};
    worker->counted = 0;
    text_copy(entry->secret, sizeof entry->secret, worker->secret);
}

void bus_retire(struct supervisor *supervisor, struct worker *worker)
{
    for (size_t i = 0; i < supervisor->secret_count; i++) {
        struct secret_entry *entry = &supervisor->secrets[i];
        if (entry->worker == worker && !mono_is_set(entry->retired))
            entry->retired = supervisor->now;
    }
    worker->secret[0] = '\0';
}

int bus_post(struct supervisor *supervisor, struct worker *worker, const struct message *message)
{
    struct error error;

    if (!worker->secret[0])
        return -1;
    CRASH_POINT(supervisor_before_post);
    if (message_send(supervisor->bus, worker->secret, strlen(worker->secret), message, &error) == 0) {
        CRASH_POINT(supervisor_after_post);
        return 0;
    }
    log_repeating(LOG_WARN_LEVEL, "bus.not-sent", worker->name, message_name(message->kind),
                  "worker=%s message=%s error=%s", worker->name, message_name(message->kind), log_quote(error.text));
    return -1;
}

static const struct secret_entry *entry_of(const struct supervisor *supervisor, const char *secret)
{
    size_t at = place_of(supervisor, secret);

    return at < supervisor->secret_count && text_equal(supervisor->secrets[at].secret, secret)
               ? &supervisor->secrets[at]
               : NULL;
}

/* Until its hello a process may only say hello, whatever else becomes of it. */
static enum proto_state state_of(const struct worker *worker)
{
    return mono_is_set(worker->process.said_hello) ? IN_LIVE : IN_STARTING;
}

static bool is_of_instances(const struct message *message)
{
    return message->kind == PROTO_RESULT || message->kind == PROTO_WORKED;
}

static enum proto_sender role_of(const struct worker *worker)
{
    return worker->is_helper ? FROM_HELPER : worker->is_region ? FROM_REGION : FROM_TYPE;
}

static void handle(struct supervisor *supervisor, const struct secret_entry *entry, struct message *message)
{
    struct bus_sender sender = {entry->worker, entry->generation, mono_is_set(entry->retired)};
    enum proto_sender role = role_of(sender.worker);
    bus_handler *handler = message->kind < HANDLER_COUNT ? handlers[message->kind] : NULL;

    if (sender.gone) {
        if (is_of_instances(message))
            handler(supervisor, &sender, message);
        return;
    }
    if (handler && message_allowed(message->kind, role, state_of(sender.worker)))
        handler(supervisor, &sender, message);
    else
        workers_offended(supervisor, sender.worker, "it may not say %s now", message_name(message->kind));
}

/* A flood costs the others' time even where each message is valid. Only what instances there are is still listened to.
 */
static bool floods(struct supervisor *supervisor, struct worker *worker)
{
    int64_t most = worker->is_region ? REGION_SAYS_MOST : TYPE_SAYS_MOST;

    if (mono_since(worker->counted_from, supervisor->now).us >= 1000000) {
        worker->counted_from = supervisor->now;
        worker->counted = 0;
    }
    if (++worker->counted <= most)
        return false;
    workers_offended(supervisor, worker, "it said more than %lld messages within a second", (long long)most);
    return true;
}

static void take(struct supervisor *supervisor, const char *peer, int got, struct message *message,
                 const struct error *error)
{
    const struct secret_entry *entry = entry_of(supervisor, peer);

    if (!entry)
        log_repeating(LOG_WARN_LEVEL, "bus.stranger", "", "", "message=%s",
                      got > 0 ? message_name(message->kind) : "unreadable");
    else if (got > 0 && (mono_is_set(entry->retired) || !floods(supervisor, entry->worker) || is_of_instances(message)))
        handle(supervisor, entry, message);
    else if (got < 0 && !mono_is_set(entry->retired))
        workers_offended(supervisor, entry->worker, "bad message: %.90s", error->text);
}

bool bus_drain(struct supervisor *supervisor)
{
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        char peer[256];
        struct message message;
        struct error error = {0};
        int got = message_receive(supervisor->bus, peer, sizeof peer, &message, &error);
        if (got == 0)
            return false;
        take(supervisor, peer, got, &message, &error);
        message_clear(&message);
    }
    return true;
}
