/* SPDX-License-Identifier: MPL-2.0 */
/* money.h: dollars as whole micro-dollars in 64 bits, never in floating point (case B45).
 * Runs in: every process; may be included by pure files. Owns nothing.
 * All sums saturate at MONEY_MAX: an overflow must fail closed (look unaffordable), never wrap. */
#ifndef COMMON_MONEY_H
#define COMMON_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct money {
    int64_t micros;
};

#define MONEY(n) ((struct money){(int64_t)(n)})
#define MONEY_MAX ((struct money){INT64_MAX})
#define MONEY_ZERO ((struct money){0})

struct money money_add(struct money a, struct money b);
struct money money_sub(struct money a, struct money b); /* saturates at both ends */
struct money money_times(struct money each, int64_t count);
/* each-per-hour for a number of microseconds, rounded up to a micro-dollar: what it may have cost. */
struct money money_for_time(struct money per_hour, int64_t microseconds);
int money_compare(struct money a, struct money b); /* -1, 0, 1 */
/* floor(m x percent / 100) */
struct money money_percent(struct money m, int64_t percent);

/* Exact decimal dollars, "0.0031", "12", "-3.5"; at most six decimals (more only if zeros). Returns 0 or -1. */
int money_parse(const char *text, struct money *out);
/* As money_parse, but more decimals are rounded up to the next micro-dollar (EC2's spot prices). */
int money_parse_round_up(const char *text, struct money *out);
/* The shortest exact decimal form, at least two decimals: "0.0031", "12.00". */
void money_format(struct money m, char *out, size_t size);

#endif
