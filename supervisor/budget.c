/* SPDX-License-Identifier: MPL-2.0 */
/* budget.c: committed and spent money in exact integers, and the day's stop line (DESIGN sections 6 and 11).
 * Runs in: supervisor. Pure: no clock, no I/O. Owns nothing: the day is the caller's.
 * Everything fails closed: a saturated sum looks unaffordable, a reserve above its cap leaves nothing (case B45).
 * Rates and amounts meet in 128 bits, so that no product is rounded twice and no order of additions matters. */
#include "supervisor/budget.h"

__extension__ typedef __int128 wide;

#define HOUR_MS INT64_C(3600000)
#define HOUR_US (HOUR_MS * 1000)

static bool unlimited(struct money cap)
{
    return money_compare(cap, MONEY_MAX) == 0;
}

static struct money saturate(wide micros)
{
    return micros > INT64_MAX ? MONEY_MAX : (struct money){(int64_t)micros};
}

/* The part of a cap that this lot may use: only essential floors may spend the reserve. */
static struct money usable(struct money cap, const struct budget_limits *limits, bool essential_floor)
{
    if (unlimited(cap) || essential_floor || limits->essential_reserve.micros <= 0)
        return cap;
    struct money rest = money_sub(cap, limits->essential_reserve);
    return rest.micros > 0 ? rest : MONEY_ZERO;
}

/* The highest whole rate an hour that costs at most `amount` in `time`. */
static struct money highest_rate(struct money amount, struct span time)
{
    if (time.us <= 0)
        return MONEY_MAX;
    return saturate((wide)amount.micros * HOUR_US / time.us);
}

void budget_accrue(struct budget_day *day, const struct budget_running *running, size_t count, struct wall now)
{
    wide cost = 0; /* in micro-dollars x ms per hour: exact */

    if (now.ms <= day->accrued_to.ms)
        return;
    for (size_t i = 0; i < count; i++) {
        int64_t from = running[i].from.ms > day->accrued_to.ms ? running[i].from.ms : day->accrued_to.ms;
        if (from < now.ms && running[i].per_hour.micros > 0)
            cost += (wide)running[i].per_hour.micros * (now.ms - from);
    }
    cost -= day->ahead; /* what earlier rounding has charged too much */
    wide whole = cost <= 0 ? 0 : (cost + HOUR_MS - 1) / HOUR_MS;
    day->ahead = (int64_t)(whole * HOUR_MS - cost);
    day->spent = money_add(day->spent, saturate(whole));
    day->accrued_to = now;
}

void budget_catch_up(struct budget_day *day, const struct budget_running *running)
{
    struct wall from = {running->from.ms > day->began.ms ? running->from.ms : day->began.ms};
    struct budget_day missed = {.began = day->began, .accrued_to = from};

    budget_accrue(&missed, running, 1, day->accrued_to);
    day->spent = money_add(day->spent, missed.spent);
}

void budget_start_day(struct budget_day *day, struct wall began, struct wall ends)
{
    if (began.ms <= day->began.ms || ends.ms <= began.ms) /* the bounds of the day never go back */
        return;
    day->began = began;
    day->ends = ends;
    day->spent = MONEY_ZERO;
    day->ahead = 0;
    if (day->accrued_to.ms < began.ms)
        day->accrued_to = began;
}

bool budget_day_stopped(const struct budget_limits *limits, const struct budget_day *day, struct money committed,
                        bool essential_floor)
{
    struct money line = usable(limits->daily, limits, essential_floor);

    if (unlimited(line))
        return false;
    struct money ahead = money_for_time(committed, limits->daily_horizon.us);
    return money_compare(money_add(day->spent, ahead), line) >= 0;
}

struct money budget_room(const struct budget_limits *limits, const struct budget_day *day, struct money committed,
                         bool essential_floor)
{
    struct money hourly = usable(limits->hourly, limits, essential_floor);
    struct money line = usable(limits->daily, limits, essential_floor);

    if (!unlimited(line)) {
        struct money left = money_sub(line, day->spent);
        struct money rate = left.micros > 0 ? highest_rate(left, limits->daily_horizon) : MONEY_ZERO;
        if (money_compare(rate, hourly) < 0)
            hourly = rate;
    }
    if (unlimited(hourly))
        return MONEY_MAX;
    struct money room = money_sub(hourly, committed);
    return room.micros > 0 ? room : MONEY_ZERO;
}
