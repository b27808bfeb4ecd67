/* SPDX-License-Identifier: MPL-2.0 */
/* words.c: the name tables of words.h, expanded from the same lists as the enums, so that they cannot differ.
 * Runs in: every process; pure. Owns nothing. An unknown word is never guessed: the look-ups give -1, and an instance
 * state that EC2 may add tomorrow becomes "unreadable", which occupies (case B29). */
#include "proto/words.h"

#include <stdio.h>
#include <string.h>

#define WORD_NAME(symbol, name) [symbol] = name,

static const char *const market_names[MARKET_COUNT] = {MARKETS(WORD_NAME)};
static const char *const outcome_names[OUTCOME_COUNT] = {OUTCOMES(WORD_NAME)};
static const char *const failure_names[FAILURE_COUNT] = {FAILURES(WORD_NAME)};
static const char *const instance_state_names[INSTANCE_STATE_COUNT] = {INSTANCE_STATES(WORD_NAME)};
static const char *const denial_names[DENIAL_COUNT] = {DENIALS(WORD_NAME)};
static const char *const reason_names[REASON_COUNT] = {REASONS(WORD_NAME)};

static const char *name_at(const char *const *names, int count, int value)
{
    return value >= 0 && value < count ? names[value] : "?";
}

static int value_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *market_name(enum market market)
{
    return name_at(market_names, MARKET_COUNT, (int)market);
}

const char *outcome_name(enum outcome outcome)
{
    return name_at(outcome_names, OUTCOME_COUNT, (int)outcome);
}

const char *failure_name(enum failure failure)
{
    return name_at(failure_names, FAILURE_COUNT, (int)failure);
}

const char *instance_state_name(enum instance_state state)
{
    return name_at(instance_state_names, INSTANCE_STATE_COUNT, (int)state);
}

const char *denial_name(enum denial denial)
{
    return name_at(denial_names, DENIAL_COUNT, (int)denial);
}

const char *reason_name(enum reason reason)
{
    return name_at(reason_names, REASON_COUNT, (int)reason);
}

int market_of(const char *name)
{
    return value_of(market_names, MARKET_COUNT, name);
}

int outcome_of(const char *name)
{
    return value_of(outcome_names, OUTCOME_COUNT, name);
}

int failure_of(const char *name)
{
    return value_of(failure_names, FAILURE_COUNT, name);
}

enum instance_state instance_state_of(const char *name)
{
    int value = value_of(instance_state_names, INSTANCE_STATE_COUNT, name);
    return value < 0 ? INSTANCE_UNREADABLE : (enum instance_state)value;
}

int denial_of(const char *name)
{
    return value_of(denial_names, DENIAL_COUNT, name);
}

int reason_of(const char *name)
{
    return value_of(reason_names, REASON_COUNT, name);
}

bool instance_state_occupies(enum instance_state state)
{
    return state != INSTANCE_TERMINATED;
}

bool placement_equal(const struct placement *a, const struct placement *b)
{
    return a->market == b->market && strcmp(a->zone, b->zone) == 0 && strcmp(a->instance_type, b->instance_type) == 0 &&
           strcmp(a->region, b->region) == 0;
}

void placement_format(const struct placement *placement, char *out, size_t size)
{
    snprintf(out, size, "%s/%s/%s", placement->zone, placement->instance_type, market_name(placement->market));
}
