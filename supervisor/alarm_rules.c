/* SPDX-License-Identifier: MPL-2.0 */
/* alarm_rules.c: hysteresis by table. Pure; runs in the supervisor; owns nothing. See alarm_rules.h. */
#include "supervisor/alarm_rules.h"

#include <stddef.h>

static const struct alarm_rule rules[] = {
#define ALARM_RULE_ROW(symbol, kind, raise, clear, hold, rest)                                                         \
    [symbol] = {kind, raise, clear, {INT64_C(1000000) * (hold)}, {INT64_C(1000000) * (rest)}},
    ALARM_RULES(ALARM_RULE_ROW)
#undef ALARM_RULE_ROW
};

const struct alarm_rule *alarm_rule(enum alarm_rule_id id)
{
    return &rules[id];
}

enum alarm_move alarm_rule_step(enum alarm_rule_id id, struct alarm_watch *watch, struct alarm_measure measure,
                                struct mono now)
{
    const struct alarm_rule *rule = &rules[id];
    struct span stay = watch->raised ? rule->clear_after : rule->raise_after;

    if (!measure.known)
        return ALARM_STAYS;
    if (watch->raised ? measure.value >= rule->clear_below : measure.value < rule->raise_at) {
        watch->turned = MONO_ZERO;
        return ALARM_STAYS;
    }
    if (!mono_is_set(watch->turned))
        watch->turned = now;
    if (mono_since(watch->turned, now).us < stay.us)
        return ALARM_STAYS;
    watch->raised = !watch->raised;
    watch->turned = MONO_ZERO;
    return watch->raised ? ALARM_RAISE : ALARM_CLEAR;
}

struct span alarm_without_progress(struct alarm_progress *progress, const struct alarm_effort *effort, struct mono now)
{
    bool granted =
        progress->begun && effort->grant > progress->grant; /* those before our start are not ours to judge */
    bool took = effort->worked > progress->worked ||
                (effort->claimed >= 0 && mono_is_set(progress->since) && effort->claimed > progress->claimed_least);

    if (took || effort->pending == 0)
        progress->since = MONO_ZERO;
    if (granted && !mono_is_set(progress->since)) {
        progress->since = now;
        progress->claimed_least = effort->claimed >= 0 ? effort->claimed : INT64_MAX;
    }
    if (effort->claimed >= 0 && effort->claimed < progress->claimed_least)
        progress->claimed_least = effort->claimed;
    progress->begun = true;
    progress->grant = effort->grant;
    progress->worked = effort->worked;
    return mono_is_set(progress->since) ? mono_since(progress->since, now) : SPAN_US(0);
}
