/* SPDX-License-Identifier: MPL-2.0 */
/* reason.c: why a type launches or does not, in one code and one sentence (case B59): what stops it here comes before
 * what its worker says. Runs in: supervisor, main thread. See status.h. */
#include "common/text.h"
#include "supervisor/decide.h"
#include "supervisor/status.h"

/* How a refusal is told to a person. Where it has no row the arbiter only waits for its turn. */
static const char *const refusals[DENIAL_COUNT] = {
    [DENIED_BY_TYPE_CEILING] = "the type is at its maxCapacity",
    [DENIED_BY_GLOBAL_UNITS] = "all types together are at the global maxCapacity",
    [DENIED_BY_GLOBAL_INSTANCES] = "all types together are at maxInstances",
    [DENIED_BY_HOURLY_COST] = "maxHourlyCost is committed",
    [DENIED_BY_DAILY_COST] = "the day's stop line of maxDailyCost is reached",
    [DENIED_BY_HEADROOM] = "what is left is kept for types that hold nothing",
    [DENIED_BY_ESSENTIAL_RESERVE] = "what is left is the essentialReserve",
    [DENIED_BY_OWNED_ROOM] = "the room that is free belongs to a type that was passed over for long",
    [DENIED_BY_LEASE_LIMIT] = "its launches under way reach their limit",
    [DENIED_BY_LAUNCH_RATE] = "the region's launch rate is used up for the moment",
    [DENIED_BY_CANARY] = "its specification is new and not proven yet",
    [DENIED_BY_BREAKER] = "a breaker is closed",
    [DENIED_BY_QUARANTINE] = "the type is quarantined",
    [DENIED_BY_REGION_UNLISTED] = "the region has no complete listing since the start",
    [DENIED_BY_REGION_STALE] = "the region's inventory is stale",
    [DENIED_BY_FREEZE] = "launches are frozen",
    [DENIED_BY_NO_PRICE] = "its price is not known",
    [DENIED_BY_LEDGER] = "the ledger cannot be written",
};

/* Codes of ours for what the worker cannot know. */
static const struct {
    enum denial by;
    const char *code;
} codes[] = {{DENIED_BY_GLOBAL_UNITS, "at-global-ceiling"},
             {DENIED_BY_GLOBAL_INSTANCES, "at-global-ceiling"},
             {DENIED_BY_HOURLY_COST, "at-budget"},
             {DENIED_BY_DAILY_COST, "at-budget"},
             {DENIED_BY_ESSENTIAL_RESERVE, "at-budget"},
             {DENIED_BY_HEADROOM, "headroom"},
             {DENIED_BY_OWNED_ROOM, "owned-room"},
             {DENIED_BY_LAUNCH_RATE, "launch-rate"},
             {DENIED_BY_LEASE_LIMIT, "lease-limit"},
             {DENIED_BY_BREAKER, "breaker"},
             {DENIED_BY_REGION_UNLISTED, "region-unlisted"},
             {DENIED_BY_REGION_STALE, "inventory-stale"},
             {DENIED_BY_FREEZE, "frozen"},
             {DENIED_BY_NO_PRICE, "no-price"},
             {DENIED_BY_LEDGER, "ledger"},
             {DENIED_BY_TYPE_CEILING, "at-ceiling"},
             {DENIED_BY_CANARY, "canary"},
             {DENIED_BY_QUARANTINE, "quarantined"}};

static const char *code_of(enum denial by)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].by == by)
            return codes[i].code;
    return reason_name(REASON_LAUNCHING);
}

static const char *by_process(const struct type_record *type, char *sentence, size_t size)
{
    const struct worker *worker = &type->worker;
    const struct death *last =
        worker->death_count > 0 ? &worker->deaths[(worker->death_count - 1) % DEATHS_KEPT] : NULL;

    if (!type->definition)
        text_format(sentence, size, "It is no longer defined; its instances are left alone.");
    else if (worker->process.state == PROCESS_FAILING || worker->process.state == PROCESS_BACKING_OFF)
        text_format(sentence, size, "Its process died %lld times, the last time with %s; it is started again soon.",
                    (long long)worker->process.deaths, last ? last->reason : "no trace");
    else
        text_format(sentence, size, "Its process is %s.", process_state_name(worker->process.state));
    return reason_name(REASON_STARTING);
}

static const char *by_denial(const struct denial_entry *denial, const struct type_record *type, char *sentence,
                             size_t size)
{
    char where[200];

    placement_format(&denial->placement, where, sizeof where);
    text_format(sentence, size, "It wants %lld units more, but %s (at %s).", (long long)type->seen.need,
                refusals[denial->by], where);
    return code_of(denial->by);
}

static const char *by_quarantine(const struct breaker_view *view, char *sentence, size_t size)
{
    text_format(sentence, size,
                "It is quarantined after refusals of its definition, the last one %s: one launch at a time until one "
                "succeeds, a new definition comes, or provisionctl lift.",
                *view->code ? view->code : failure_name(view->failure));
    return reason_name(REASON_QUARANTINED);
}

const char *status_reason(struct supervisor *supervisor, struct type_record *type, char *sentence, size_t size)
{
    struct breaker_view view = {0};
    struct span recent = span_scale(supervisor->config->tick, 2);
    const struct denial_entry *denial = denials_latest(&type->denials, recent, supervisor->now);

    if (!type->definition || type->worker.process.state != PROCESS_LIVE)
        return by_process(type, sentence, size);
    if (type->paused) {
        text_format(sentence, size, "An operator %s it; provisionctl resume ends that.",
                    type->retired ? "retired" : "paused");
        return reason_name(REASON_PAUSED);
    }
    if (breakers_quarantined(supervisor->breakers, type->name, &view, supervisor->now))
        return by_quarantine(&view, sentence, size);
    if (!type->observed) {
        text_format(sentence, size, "Its worker has not completed a tick yet.");
        return reason_name(REASON_STARTING);
    }
    if (text_equal(type->seen.reason, reason_name(REASON_LAUNCHING)) && denial && refusals[denial->by] &&
        type->holdings->totals.leased_instances == 0)
        return by_denial(denial, type, sentence, size);
    text_copy(sentence, size, type->seen.why);
    int reason = reason_of(type->seen.reason);
    return reason < 0 ? reason_name(REASON_STARTING) : reason_name((enum reason)reason);
}
