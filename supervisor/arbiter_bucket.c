/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_bucket.c: our model of EC2's two launch buckets of a region (facts/ec2.md): calls and instances.
 * Runs in: supervisor. Pure: `now` is an argument. Owns nothing: the bucket is the arbiter's memory.
 * A model only: others share the account. RequestLimitExceeded says that it was wrong: the bucket is empty then and
 * its refill is halved, and a tenth of the configured refill comes back each minute. */
#include "supervisor/arbiter_parts.h"

#include <math.h>

#define ALMOST 1e-6 /* tokens that rounding may lose */
#define LEAST_REFILL 0.2
#define GIVEN_BACK_A_SECOND (0.1 / 60)
#define HALVE_AT_MOST_EVERY SPAN_SECONDS(10)
#define KEPT_FOR_LAUNCHES 3 /* DryRun and look-ups never take the last three */

static bool without_buckets(const struct arbiter_settings *settings)
{
    return settings->launch_share <= 0;
}

static double configured_calls(const struct arbiter_settings *settings)
{
    return settings->calls_refill * settings->launch_share;
}

static double configured_instances(const struct arbiter_settings *settings)
{
    return settings->instances_refill * settings->launch_share;
}

void bucket_open(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now)
{
    /* What was launched before a restart is not known: nearly empty, one call of one lot. */
    *bucket = (struct bucket){
        .at = now,
        .calls = fmin(1, (double)settings->calls_depth),
        .instances = fmin((double)settings->lot_max, (double)settings->instances_depth),
        .calls_refill = configured_calls(settings),
        .instances_refill = configured_instances(settings),
    };
}

/* Tokens that come in `seconds` while the refill itself grows back to `configured`. */
static double refill(double *rate, double configured, double seconds)
{
    double growth = configured * GIVEN_BACK_A_SECOND;

    if (*rate >= configured || growth <= 0) {
        *rate = configured;
        return configured * seconds;
    }
    double growing = fmin(seconds, (configured - *rate) / growth);
    double tokens = *rate * growing + growth * growing * growing / 2;
    *rate = growing < seconds ? configured : *rate + growth * growing;
    return tokens + configured * (seconds - growing);
}

void bucket_advance(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now)
{
    if (without_buckets(settings) || !mono_before(bucket->at, now))
        return;
    double seconds = span_seconds(mono_since(bucket->at, now));
    bucket->at = now;
    bucket->calls += refill(&bucket->calls_refill, configured_calls(settings), seconds);
    bucket->instances += refill(&bucket->instances_refill, configured_instances(settings), seconds);
    bucket->calls = fmin(bucket->calls, (double)settings->calls_depth);
    bucket->instances = fmin(bucket->instances, (double)settings->instances_depth);
}

int64_t bucket_allows(const struct bucket *bucket, const struct arbiter_settings *settings)
{
    if (without_buckets(settings))
        return INT64_MAX;
    if (bucket->calls + ALMOST < 1)
        return 0;
    return (int64_t)floor(bucket->instances + ALMOST);
}

void bucket_take(struct bucket *bucket, const struct arbiter_settings *settings, int64_t instances)
{
    if (without_buckets(settings))
        return;
    bucket->calls = fmax(0, bucket->calls - 1);
    bucket->instances = fmax(0, bucket->instances - (double)instances);
}

void bucket_return(struct bucket *bucket, const struct arbiter_settings *settings, int64_t calls, int64_t instances)
{
    bucket->calls = fmin(bucket->calls + (double)calls, (double)settings->calls_depth);
    bucket->instances = fmin(bucket->instances + (double)instances, (double)settings->instances_depth);
}

void bucket_limited(struct bucket *bucket, const struct arbiter_settings *settings, struct mono now)
{
    if (without_buckets(settings))
        return;
    bucket_advance(bucket, settings, now);
    bucket->calls = 0;
    bucket->instances = 0;
    if (mono_is_set(bucket->halved) && !mono_reached(mono_add(bucket->halved, HALVE_AT_MOST_EVERY), now))
        return;
    bucket->halved = now;
    bucket->calls_refill = fmax(bucket->calls_refill / 2, fmin(LEAST_REFILL, configured_calls(settings)));
    bucket->instances_refill = fmax(bucket->instances_refill / 2, fmin(LEAST_REFILL, configured_instances(settings)));
}

/* Seconds until one token is there, never too early by more than a rounding. */
static double seconds_until_one(double tokens, double rate, double configured)
{
    double missing = 1 - tokens, growth = configured * GIVEN_BACK_A_SECOND;

    if (missing <= 0)
        return 0;
    if (rate >= configured || growth <= 0)
        return configured > 0 ? missing / configured : INFINITY;
    return fmax((sqrt(rate * rate + 2 * growth * missing) - rate) / growth, missing / configured);
}

struct mono bucket_next(const struct bucket *bucket, const struct arbiter_settings *settings)
{
    if (without_buckets(settings))
        return bucket->at;
    double seconds =
        fmax(seconds_until_one(bucket->calls, bucket->calls_refill, configured_calls(settings)),
             seconds_until_one(bucket->instances, bucket->instances_refill, configured_instances(settings)));
    if (!isfinite(seconds) || seconds > 1e9)
        return MONO_NEVER;
    return mono_add(bucket->at, SPAN_US(ceil(seconds * 1e6) + 1));
}

/* ---- what the supervisor and status ask for ---- */

static struct region_memory *find_region(const struct arbiter *arbiter, const char *name)
{
    for (size_t i = 0; i < arbiter->region_count; i++)
        if (__builtin_strcmp(arbiter->regions[i].name, name) == 0)
            return &arbiter->regions[i];
    return NULL;
}

void arbiter_rate_limited(struct arbiter *arbiter, const char *region, struct mono now)
{
    struct region_memory *memory = find_region(arbiter, region);

    if (memory)
        bucket_limited(&memory->bucket, &arbiter->settings, now);
}

void arbiter_returned(struct arbiter *arbiter, const char *region, int64_t calls, int64_t instances)
{
    struct region_memory *memory = find_region(arbiter, region);

    if (memory)
        bucket_return(&memory->bucket, &arbiter->settings, calls, instances);
}

bool arbiter_spare_call(struct arbiter *arbiter, const char *region, struct mono now)
{
    struct region_memory *memory = find_region(arbiter, region);

    if (!memory)
        return false;
    if (without_buckets(&arbiter->settings))
        return true;
    bucket_advance(&memory->bucket, &arbiter->settings, now);
    if (memory->bucket.calls + ALMOST < KEPT_FOR_LAUNCHES + 1)
        return false;
    memory->bucket.calls -= 1;
    return true;
}

bool arbiter_bucket(const struct arbiter *arbiter, const char *region, struct mono now, struct arbiter_bucket *out)
{
    const struct region_memory *memory = find_region(arbiter, region);

    if (!memory || without_buckets(&arbiter->settings))
        return false;
    struct bucket bucket = memory->bucket;
    bucket_advance(&bucket, &arbiter->settings, now);
    *out = (struct arbiter_bucket){bucket.calls, bucket.instances, bucket.calls_refill, bucket.instances_refill};
    return true;
}
