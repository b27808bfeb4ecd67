/* SPDX-License-Identifier: MPL-2.0 */
/* splitmix64: small, fast and good enough for arrivals and boot times. See random.h. */
#include "random.h"

#include <math.h>

void random_seed(struct random_stream *stream, uint64_t seed, const char *purpose)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 0x1234567;
    for (; *purpose != '\0'; purpose++)
        state = (state ^ (unsigned char)*purpose) * 1099511628211u;
    stream->state = state;
}

uint64_t random_bits(struct random_stream *stream)
{
    uint64_t bits = stream->state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

double random_unit(struct random_stream *stream)
{
    return (double)(random_bits(stream) >> 11) * 0x1.0p-53;
}

size_t random_below(struct random_stream *stream, size_t limit)
{
    return (size_t)(random_unit(stream) * (double)limit);
}

double random_exponential(struct random_stream *stream, double mean)
{
    return -mean * log(1.0 - random_unit(stream));
}

double random_spread(struct random_stream *stream, const struct spread *spread)
{
    switch (spread->kind) {
    case SPREAD_UNIFORM:
        return spread->low + (spread->high - spread->low) * random_unit(stream);
    case SPREAD_EXPONENTIAL:
        return random_exponential(stream, spread->low);
    case SPREAD_FIXED:
        break;
    }
    return spread->low;
}
