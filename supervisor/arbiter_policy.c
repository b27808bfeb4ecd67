/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_policy.c: whose turn it is in step 3, as pure functions over all bidders (DESIGN section 6).
 * Runs in: supervisor. Pure; deterministic by seed. Owns nothing.
 *   round-robin  one lot per type per turn; in a turn by priority, then by waiting time
 *   logarithmic  units granted grow as log2(1 + unmet demand)
 *   probability  a lottery weighted by unmet demand
 *   lag          the oldest waiting task first; waiting for a grant counts as age, so that nobody waits for ever
 * In the last three a higher priority goes before a lower one; nobody starves of it, since first lots do not ask for
 * priority. To add a policy: a word in proto/config.h, a case in each function here, a test. */
#include "supervisor/arbiter_parts.h"

#include <math.h>

uint64_t policy_random(uint64_t seed, uint64_t number)
{
    uint64_t x = seed + (number + 1) * UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A type that was idle does not come back with credit for the turns that it did not want. */
static double present_pass(const struct bidder *bidder, double turn)
{
    return bidder->pass > turn ? bidder->pass : turn;
}

/* Each comparison returns < 0 when `a` goes first. */
static int by_rotation(const struct bidder *a, const struct bidder *b)
{
    if (a->last_grant != b->last_grant)
        return a->last_grant < b->last_grant ? -1 : 1;
    return (a->tie > b->tie) - (a->tie < b->tie);
}

static int by_waiting(const struct bidder *a, const struct bidder *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->waiting.us != b->waiting.us)
        return a->waiting.us > b->waiting.us ? -1 : 1;
    return by_rotation(a, b);
}

static int by_turn(const struct bidder *a, const struct bidder *b, double turn, bool priority_first)
{
    double x = present_pass(a, turn), y = present_pass(b, turn);

    if (priority_first && a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (x != y)
        return x < y ? -1 : 1;
    return by_waiting(a, b);
}

static int compare(enum policy policy, const struct bidder *a, const struct bidder *b, double turn)
{
    switch (policy) {
    case POLICY_ROUND_ROBIN:
        return by_turn(a, b, turn, false);
    case POLICY_LOGARITHMIC:
        return by_turn(a, b, turn, true);
    case POLICY_PROBABILITY:
    case POLICY_LAG:
        break;
    }
    return by_waiting(a, b);
}

/* Among the bidders of the highest priority, each with the chance of its unmet demand. */
static size_t lottery(const struct bidder *bidders, size_t count, uint64_t draw)
{
    int64_t highest = INT64_MIN;
    uint64_t tickets = 0;

    for (size_t i = 0; i < count; i++)
        if (!bidders[i].out && bidders[i].priority > highest)
            highest = bidders[i].priority;
    for (size_t i = 0; i < count; i++)
        if (!bidders[i].out && bidders[i].priority == highest)
            tickets += (uint64_t)bidders[i].unmet;
    if (tickets == 0)
        return SIZE_MAX;
    draw %= tickets;
    for (size_t i = 0; i < count; i++) {
        if (bidders[i].out || bidders[i].priority != highest)
            continue;
        if (draw < (uint64_t)bidders[i].unmet)
            return i;
        draw -= (uint64_t)bidders[i].unmet;
    }
    return SIZE_MAX;
}

size_t policy_pick(enum policy policy, const struct bidder *bidders, size_t count, double turn, uint64_t draw)
{
    size_t best = SIZE_MAX;

    if (policy == POLICY_PROBABILITY)
        return lottery(bidders, count, draw);
    for (size_t i = 0; i < count; i++)
        if (!bidders[i].out && (best == SIZE_MAX || compare(policy, &bidders[i], &bidders[best], turn) < 0))
            best = i;
    return best;
}

double policy_charge(enum policy policy, const struct bidder *bidder, double turn, int64_t units)
{
    double pass = present_pass(bidder, turn);

    switch (policy) {
    case POLICY_ROUND_ROBIN:
        return pass + 1;
    case POLICY_LOGARITHMIC:
        return pass + (double)units / log2(1 + (double)(bidder->unmet > 1 ? bidder->unmet : 1));
    case POLICY_PROBABILITY:
    case POLICY_LAG:
        break;
    }
    return pass;
}
