/* SPDX-License-Identifier: MPL-2.0 */
/* budget.h: what is committed and what is spent, in exact integers, and where the day's stop line is.
 * Pure: no clock, no I/O; `now` and the day's bounds come in. Runs in: supervisor.
 * Committed: sum over instances and leases of the granted max price (an upper bound, DESIGN section 11).
 * Spent: what it may have cost so far today, by the current spot price while known, else the max price. */
#ifndef SUPERVISOR_BUDGET_H
#define SUPERVISOR_BUDGET_H

#include <stdbool.h>

#include "common/clock.h"
#include "common/money.h"

struct budget_limits {
    struct money hourly;            /* MONEY_MAX: unlimited */
    struct money daily;             /* MONEY_MAX: unlimited */
    struct money essential_reserve; /* inside each cap, only for floors marked essential */
    struct span daily_horizon;
};

struct budget_day {
    struct wall began, ends; /* bounds of the current day, computed outside (23, 24, 25 hours), never set back */
    struct money spent;      /* since `began` */
    struct wall accrued_to;  /* spending is counted up to here */
    int64_t ahead;           /* 3,600,000ths of a micro-dollar that `spent` was rounded up by: many small steps cost
                                what one large step costs; 0 when not kept */
};

/* One cost that runs: an instance that occupies. */
struct budget_running {
    struct money per_hour;
    struct wall from; /* cost starts here (launch), or the day's begin */
};

/* Adds what `running` cost from day->accrued_to to `now`. When `now` has passed day->ends the caller starts the next
 * day first. A clock set back adds nothing. */
void budget_accrue(struct budget_day *day, const struct budget_running *running, size_t count, struct wall now);
/* Adds what one of them, that nobody knew of, cost since the day's begin up to day->accrued_to. */
void budget_catch_up(struct budget_day *day, const struct budget_running *running);
/* Starts a day: spending up to its begin belonged to the day before. */
void budget_start_day(struct budget_day *day, struct wall began, struct wall ends);

/* How much more per hour may be committed, for an ordinary lot or for an essential floor; never negative; 0 once
 * spent + committed x horizon has reached the day's line. */
struct money budget_room(const struct budget_limits *limits, const struct budget_day *day, struct money committed,
                         bool essential_floor);
/* True when the day's stop line is what stops. */
bool budget_day_stopped(const struct budget_limits *limits, const struct budget_day *day, struct money committed,
                        bool essential_floor);

#endif
