/* SPDX-License-Identifier: MPL-2.0 */
/* alarm_rules.h: when an alarm is raised and when it is cleared, as a table: a measure passes one mark to raise, falls
 * below another to clear, and stays there for a while, so that nothing flutters. Unknown moves nothing.
 * Pure: `now` is an argument. Runs in: supervisor. Owns nothing: a watch is the caller's, one a rule and subject.
 * What is measured is in alarms.c; the alarms that a single fact raises (a bad file, a broken ledger, a stale region)
 * are raised where that fact is found. */
#ifndef SUPERVISOR_ALARM_RULES_H
#define SUPERVISOR_ALARM_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

/* R(SYMBOL, kind, raise at, clear below, seconds to stay before raise, before clear)   the measure, in words */
#define ALARM_RULES(R)                                                                                                 \
    R(ALARM_LATENCY, "latency", 1, 0.8, 0, 0)               /* oldest wait / latencyTarget */                          \
    R(ALARM_NO_PROGRESS, "no-progress", 1, 1, 0, 0)         /* time since a grant with nothing taken / bootLimit */    \
    R(ALARM_DEMAND_STALE, "demand-stale", 1, 1, 0, 0)       /* age of the counts / their limit */                      \
    R(ALARM_QUARANTINE, "quarantine", 1, 1, 0, 0)           /* 1: quarantined */                                       \
    R(ALARM_OVER_CEILING, "over-ceiling", 1, 1, 0, 0)       /* units above the type's maxCapacity */                   \
    R(ALARM_DEATH_LOOP, "worker-death-loop", 3, 1, 0, 0)    /* deaths of its process in ten minutes */                 \
    R(ALARM_INVENTORY_STALE, "inventory-stale", 1, 1, 0, 0) /* 1: the region's last complete listing is too old */     \
    R(ALARM_BRAKE, "termination-brake", 1, 1, 0, 0)         /* 1: instances were held back in the last 90 s */         \
    R(ALARM_FOREIGN, "foreign-instances", 1, 1, 0, 0) /* instances with our tags that are not ours to count on */      \
    R(ALARM_BUDGET_80, "budget-80", 0.8, 0.75, 0, 30) /* used / cap */                                                 \
    R(ALARM_BUDGET_100, "budget-100", 1, 0.95, 0, 30) /* the same; 1 while it is what stops launches */

#define ALARM_RULE_ENUM(symbol, kind, raise, clear, hold, rest) symbol,
enum alarm_rule_id { ALARM_RULES(ALARM_RULE_ENUM) ALARM_RULE_COUNT };

struct alarm_rule {
    const char *kind;
    double raise_at, clear_below;
    struct span raise_after, clear_after;
};
const struct alarm_rule *alarm_rule(enum alarm_rule_id id);

/* Zero-initialised: nothing is wrong. */
struct alarm_watch {
    bool raised;
    struct mono turned; /* since when the measure speaks for the other state; MONO_ZERO: it does not */
};

struct alarm_measure {
    bool known;
    double value;
};

enum alarm_move { ALARM_STAYS, ALARM_RAISE, ALARM_CLEAR };
enum alarm_move alarm_rule_step(enum alarm_rule_id id, struct alarm_watch *watch, struct alarm_measure measure,
                                struct mono now);

/* Launches that were granted and from which no work came. */
struct alarm_progress {
    bool begun;
    struct mono since; /* of the first such grant; MONO_ZERO: there is none */
    int64_t grant, worked, claimed_least;
};
struct alarm_effort {
    int64_t pending, claimed; /* -1: unknown */
    int64_t grant;            /* the newest one's number */
    int64_t worked;           /* instances seen taking work, ever rising */
};
/* How long so, zero if it is not. Whatever takes work, or nothing pending, ends it; unknown counts go on as before. */
struct span alarm_without_progress(struct alarm_progress *progress, const struct alarm_effort *effort, struct mono now);

#endif
