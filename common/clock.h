/* SPDX-License-Identifier: MPL-2.0 */
/* clock.h: time in types that cannot be mixed up.
 * Runs in: every process. Owns nothing. Pure files take `now` as an argument and never call clock_now().
 *
 * struct mono: a point on CLOCK_BOOTTIME: the same in all processes of this boot, never set back, goes on during
 *   suspend. For every interval and deadline, and for deadlines handed from one process to another (sendBy).
 * struct span: a length of time.
 * struct wall: a point in UTC (ms since 1970), for people, EC2's launch times, and deadlines that outlive the boot.
 * Case B67: wall times are never subtracted to get an interval that something waits for. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mono {
    int64_t us;
};
struct span {
    int64_t us;
};
struct wall {
    int64_t ms;
};

#define SPAN_US(n) ((struct span){(int64_t)(n)})
#define SPAN_MS(n) ((struct span){(int64_t)(n)*1000})
#define SPAN_SECONDS(n) ((struct span){(int64_t)(n)*1000000})
#define MONO_NEVER ((struct mono){INT64_MAX}) /* later than every time: a deadline that does not exist */
#define MONO_ZERO ((struct mono){0})          /* "has not happened": earlier than every time */

struct mono clock_now(void);
struct wall clock_wall(void);

/* t + d and t - d; MONO_NEVER stays MONO_NEVER, sums saturate. */
struct mono mono_add(struct mono t, struct span d);
struct mono mono_sub(struct mono t, struct span d);
/* later - earlier; never less than a zero span. */
struct span mono_since(struct mono earlier, struct mono later);
/* True when `t` has come: now >= t. */
bool mono_reached(struct mono t, struct mono now);
bool mono_before(struct mono a, struct mono b);
struct mono mono_min(struct mono a, struct mono b);
struct mono mono_max(struct mono a, struct mono b);
bool mono_is_set(struct mono t); /* neither MONO_ZERO nor MONO_NEVER */

struct span span_scale(struct span d, double factor); /* for back-off and jitter; saturates */
struct span span_min(struct span a, struct span b);
struct span span_max(struct span a, struct span b);
int64_t span_ms(struct span d);
double span_seconds(struct span d); /* for display only */

/* "10s", "250ms", "20m", "96h", "2d" or a plain number of seconds. Returns 0, or -1 when it is none of these,
 * negative, or over ten years. */
int span_parse(const char *text, struct span *out);
/* The shortest exact form that span_parse reads back: "10s", "250ms". */
void span_format(struct span d, char *out, size_t size);
/* For people: "4s", "12m", "3h05m", "2d". */
void span_format_short(struct span d, char *out, size_t size);

/* RFC 3339 in UTC, "2016-07-21T20:06:00.000Z"; parsing takes fractions and second 60. */
void wall_format(struct wall t, char *out, size_t size);
int wall_parse(const char *text, struct wall *out);

#endif
