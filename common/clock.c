/* SPDX-License-Identifier: MPL-2.0 */
/* clock.c: reads the two clocks, and adds, compares, parses and prints times and lengths of time.
 * Runs in: every process and thread; owns nothing. Only clock_now() and clock_wall() look at the system; the rest is
 * pure, and every sum saturates instead of wrapping: a deadline too far away becomes MONO_NEVER, never the past. */
#include "common/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define TEN_YEARS_US (INT64_C(3653) * 86400 * SECOND_US)

__extension__ typedef __int128 wide; /* ten years in millionths of a microsecond do not fit 64 bits */

/* The longest unit first: span_format takes the first that divides. */
static const struct unit {
    const char *name;
    int64_t us;
} units[] = {
    {"d", 86400 * SECOND_US}, {"h", 3600 * SECOND_US}, {"m", 60 * SECOND_US}, {"s", SECOND_US}, {"ms", 1000}, {"us", 1},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static struct timespec read_clock(clockid_t id)
{
    struct timespec t;

    /* Cannot fail for a valid id and address; going on without a clock would be worse than stopping. */
    if (clock_gettime(id, &t) != 0)
        abort();
    return t;
}

struct mono clock_now(void)
{
    struct timespec t = read_clock(CLOCK_BOOTTIME);

    return (struct mono){(int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000};
}

struct wall clock_wall(void)
{
    struct timespec t = read_clock(CLOCK_REALTIME);

    return (struct wall){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

static int64_t subtract_saturating(int64_t a, int64_t b)
{
    int64_t difference;

    if (__builtin_sub_overflow(a, b, &difference))
        return b < 0 ? INT64_MAX : INT64_MIN;
    return difference;
}

struct mono mono_add(struct mono t, struct span d)
{
    if (t.us == INT64_MAX)
        return t;
    return (struct mono){add_saturating(t.us, d.us)};
}

struct mono mono_sub(struct mono t, struct span d)
{
    if (t.us == INT64_MAX)
        return t;
    return (struct mono){subtract_saturating(t.us, d.us)};
}

struct span mono_since(struct mono earlier, struct mono later)
{
    if (later.us <= earlier.us)
        return (struct span){0};
    return (struct span){subtract_saturating(later.us, earlier.us)};
}

bool mono_reached(struct mono t, struct mono now)
{
    return t.us != INT64_MAX && now.us >= t.us;
}

bool mono_before(struct mono a, struct mono b)
{
    return a.us < b.us;
}

struct mono mono_min(struct mono a, struct mono b)
{
    return b.us < a.us ? b : a;
}

struct mono mono_max(struct mono a, struct mono b)
{
    return b.us > a.us ? b : a;
}

bool mono_is_set(struct mono t)
{
    return t.us != 0 && t.us != INT64_MAX;
}

struct span span_scale(struct span d, double factor)
{
    double scaled = (double)d.us * factor;

    if (scaled != scaled) /* not a number: a wrong factor must not become a wait of nothing */
        return d;
    if (scaled >= 9223372036854775808.0)
        return (struct span){INT64_MAX};
    if (scaled <= -9223372036854775808.0)
        return (struct span){INT64_MIN};
    return (struct span){(int64_t)scaled};
}

struct span span_min(struct span a, struct span b)
{
    return b.us < a.us ? b : a;
}

struct span span_max(struct span a, struct span b)
{
    return b.us > a.us ? b : a;
}

int64_t span_ms(struct span d)
{
    return d.us / 1000;
}

double span_seconds(struct span d)
{
    return (double)d.us / 1e6;
}

/* Digits with at most six decimals, as millionths. Returns what follows them, or NULL when there is no such number. */
static const char *parse_millionths(const char *text, wide *out)
{
    wide value = 0;
    int decimals = 0;
    const char *at = text;

    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++) {
        if (value > TEN_YEARS_US) /* the longest that any unit admits, in microseconds */
            return NULL;
        value = value * 10 + (*at - '0');
    }
    if (*at == '.') {
        at++;
        if (!isdigit((unsigned char)*at))
            return NULL;
        for (; isdigit((unsigned char)*at); at++, decimals++) {
            if (decimals == 6)
                return NULL;
            value = value * 10 + (*at - '0');
        }
    }
    for (; decimals < 6; decimals++)
        value *= 10;
    *out = value;
    return at;
}

static int64_t unit_length(const char *name)
{
    if (*name == '\0')
        return SECOND_US;
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (strcmp(name, units[i].name) == 0)
            return units[i].us;
    return 0;
}

int span_parse(const char *text, struct span *out)
{
    wide millionths;
    const char *rest = text ? parse_millionths(text, &millionths) : NULL;
    int64_t length = rest ? unit_length(rest) : 0;

    if (length == 0)
        return -1;
    wide product = millionths * length;
    if (product % SECOND_US != 0 || product / SECOND_US > TEN_YEARS_US)
        return -1;
    out->us = (int64_t)(product / SECOND_US);
    return 0;
}

void span_format(struct span d, char *out, size_t size)
{
    if (d.us == 0) {
        snprintf(out, size, "0s");
        return;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (d.us % units[i].us == 0) {
            snprintf(out, size, "%" PRId64 "%s", d.us / units[i].us, units[i].name);
            return;
        }
}

void span_format_short(struct span d, char *out, size_t size)
{
    int64_t seconds = d.us / SECOND_US;

    if (d.us > 0 && seconds == 0)
        snprintf(out, size, "%" PRId64 "ms", d.us / 1000);
    else if (seconds < 60)
        snprintf(out, size, "%" PRId64 "s", seconds);
    else if (seconds < 3600)
        snprintf(out, size, "%" PRId64 "m", seconds / 60);
    else if (seconds < 2 * 86400)
        snprintf(out, size, "%" PRId64 "h%02dm", seconds / 3600, (int)(seconds / 60 % 60));
    else
        snprintf(out, size, "%" PRId64 "d", seconds / 86400);
}

void wall_format(struct wall t, char *out, size_t size)
{
    static const int64_t first = INT64_C(-62167219200000); /* 0000-01-01 */
    static const int64_t last = INT64_C(253402300799999);  /* the end of 9999: RFC 3339 has four digits */
    int64_t ms = t.ms < first ? first : t.ms > last ? last : t.ms;
    int fraction = (int)(ms % 1000);
    struct tm parts = {0};

    if (fraction < 0)
        fraction += 1000;
    time_t seconds = (time_t)((ms - fraction) / 1000);
    gmtime_r(&seconds, &parts);
    snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
             parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
}

/* Exactly `count` digits within [least, most]. Moves *at behind them; -1 when they are not there. */
static int take_number(const char **at, int count, int least, int most)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return -1;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += count;
    return value >= least && value <= most ? value : -1;
}

static int take_character(const char **at, const char *accepted)
{
    if (**at == '\0' || !strchr(accepted, **at))
        return -1;
    (*at)++;
    return 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static int take_date(const char **at, struct tm *parts)
{
    int year = take_number(at, 4, 0, 9999);
    if (year < 0 || take_character(at, "-") != 0)
        return -1;
    int month = take_number(at, 2, 1, 12);
    if (month < 0 || take_character(at, "-") != 0)
        return -1;
    int day = take_number(at, 2, 1, days_in_month(year, month));
    if (day < 0)
        return -1;
    parts->tm_year = year - 1900;
    parts->tm_mon = month - 1;
    parts->tm_mday = day;
    return 0;
}

static int take_time(const char **at, struct tm *parts)
{
    parts->tm_hour = take_number(at, 2, 0, 23);
    if (parts->tm_hour < 0 || take_character(at, ":") != 0)
        return -1;
    parts->tm_min = take_number(at, 2, 0, 59);
    if (parts->tm_min < 0 || take_character(at, ":") != 0)
        return -1;
    parts->tm_sec = take_number(at, 2, 0, 60); /* 60: a leap second, counted as the next one, as POSIX does */
    return parts->tm_sec < 0 ? -1 : 0;
}

/* ".123456" as milliseconds, cut; no fraction is 0. */
static int take_fraction(const char **at)
{
    int ms = 0, weight = 100;

    if (**at != '.')
        return 0;
    (*at)++;
    if (!isdigit((unsigned char)**at))
        return -1;
    for (; isdigit((unsigned char)**at); (*at)++) {
        ms += (**at - '0') * weight;
        weight /= 10;
    }
    return ms;
}

/* "Z" or "+02:00", as minutes east of UTC in *minutes. */
static int take_zone(const char **at, int *minutes)
{
    if (take_character(at, "Zz") == 0) {
        *minutes = 0;
        return 0;
    }
    int sign = **at == '-' ? -1 : 1;
    if (take_character(at, "+-") != 0)
        return -1;
    int hours = take_number(at, 2, 0, 23);
    if (hours < 0 || take_character(at, ":") != 0)
        return -1;
    int rest = take_number(at, 2, 0, 59);
    if (rest < 0)
        return -1;
    *minutes = sign * (hours * 60 + rest);
    return 0;
}

int wall_parse(const char *text, struct wall *out)
{
    struct tm parts = {0};
    const char *at = text;
    int zone;

    if (!text || take_date(&at, &parts) != 0 || take_character(&at, "Tt ") != 0 || take_time(&at, &parts) != 0)
        return -1;
    int fraction = take_fraction(&at);
    if (fraction < 0 || take_zone(&at, &zone) != 0 || *at != '\0')
        return -1;
    int64_t seconds = (int64_t)timegm(&parts) - (int64_t)zone * 60;
    out->ms = seconds * 1000 + fraction;
    return 0;
}
