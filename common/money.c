/* SPDX-License-Identifier: MPL-2.0 */
/* money.c: sums, products and decimal texts of micro-dollars.
 * Runs in: every process; pure: no clock, file, environment or allocation.
 * Products are formed in 128 bits and brought back by saturate(), so that no intermediate value can wrap: an amount
 * too large to hold becomes MONEY_MAX, which no cap can afford. */
#include "common/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef __int128 wide;

#define MICROS INT64_C(1000000)
#define HOUR_US (INT64_C(3600) * 1000000)

static struct money saturate(wide micros)
{
    if (micros > INT64_MAX)
        return (struct money){INT64_MAX};
    if (micros < INT64_MIN)
        return (struct money){INT64_MIN};
    return (struct money){(int64_t)micros};
}

struct money money_add(struct money a, struct money b)
{
    return saturate((wide)a.micros + b.micros);
}

struct money money_sub(struct money a, struct money b)
{
    return saturate((wide)a.micros - b.micros);
}

struct money money_times(struct money each, int64_t count)
{
    return saturate((wide)each.micros * count);
}

struct money money_for_time(struct money per_hour, int64_t microseconds)
{
    if (microseconds <= 0)
        return MONEY_ZERO;
    wide product = (wide)per_hour.micros * microseconds;
    wide whole = product / HOUR_US;
    if (product % HOUR_US > 0) /* division cuts towards zero, which already is up for a negative product */
        whole++;
    return saturate(whole);
}

int money_compare(struct money a, struct money b)
{
    return (a.micros > b.micros) - (a.micros < b.micros);
}

struct money money_percent(struct money m, int64_t percent)
{
    wide product = (wide)m.micros * percent;
    wide whole = product / 100;
    if (product % 100 < 0)
        whole--;
    return saturate(whole);
}

/* Digits at *at into *value, which stops growing once it is far beyond 64 bits. Returns how many digits there were. */
static int take_whole(const char **at, wide *value)
{
    int count = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++, count++)
        if (*value <= (wide)INT64_MAX * 2)
            *value = *value * 10 + (**at - '0');
    return count;
}

/* Decimals at *at; six go into *micros, *rest says whether a later one is not zero. Returns how many there were. */
static int take_decimals(const char **at, wide *micros, bool *rest)
{
    int64_t weight = MICROS / 10;
    int count = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++, count++) {
        *micros += (**at - '0') * weight;
        if (weight == 0 && **at != '0')
            *rest = true;
        weight /= 10;
    }
    return count;
}

static int parse(const char *text, bool round_up, struct money *out)
{
    const char *at = text;
    bool negative = text && *text == '-', rest = false;
    wide whole = 0, micros = 0;

    if (!text)
        return -1;
    at += negative;
    if (take_whole(&at, &whole) == 0)
        return -1;
    if (*at == '.') {
        at++;
        if (take_decimals(&at, &micros, &rest) == 0)
            return -1;
    }
    if (*at != '\0' || (rest && !round_up))
        return -1;
    wide value = whole * MICROS + micros;
    if (negative)
        value = -value; /* cutting the decimals of a negative amount has rounded it up already */
    else if (rest)
        value++;
    if (value > INT64_MAX || value < INT64_MIN)
        return -1;
    out->micros = (int64_t)value;
    return 0;
}

int money_parse(const char *text, struct money *out)
{
    return parse(text, false, out);
}

int money_parse_round_up(const char *text, struct money *out)
{
    return parse(text, true, out);
}

void money_format(struct money m, char *out, size_t size)
{
    bool negative = m.micros < 0;
    /* In unsigned arithmetic, since -INT64_MIN does not exist. */
    uint64_t micros = negative ? 0 - (uint64_t)m.micros : (uint64_t)m.micros;
    char text[48];

    snprintf(text, sizeof text, "%s%" PRIu64 ".%06" PRIu64, negative ? "-" : "", micros / MICROS, micros % MICROS);
    size_t length = strlen(text);
    for (int spare = 4; spare > 0 && text[length - 1] == '0'; spare--)
        text[--length] = '\0';
    snprintf(out, size, "%s", text);
}
