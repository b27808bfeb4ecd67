/* SPDX-License-Identifier: MPL-2.0 */
/* Seeded random numbers. Each user has its own stream, so that the arrivals of a scenario
 * do not depend on how many requests were made. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_stream {
    uint64_t state;
};

enum spread_kind { SPREAD_FIXED, SPREAD_UNIFORM, SPREAD_EXPONENTIAL };

/* A distribution of durations. */
struct spread {
    enum spread_kind kind;
    double low, high; /* fixed: low; uniform: both; exponential: low is the mean */
};

void random_seed(struct random_stream *stream, uint64_t seed, const char *purpose);
uint64_t random_bits(struct random_stream *stream);
double random_unit(struct random_stream *stream);                /* in [0, 1) */
size_t random_below(struct random_stream *stream, size_t limit); /* in [0, limit), limit > 0 */
double random_exponential(struct random_stream *stream, double mean);
double random_spread(struct random_stream *stream, const struct spread *spread);

#endif
