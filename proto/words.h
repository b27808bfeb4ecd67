/* SPDX-License-Identifier: MPL-2.0 */
/* words.h: the words of DESIGN section 4 as C types, with one name table each, the same in code, logs and status.
 * Runs in: every process; may be included by pure files. Owns nothing. */
#ifndef PROTO_WORDS_H
#define PROTO_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/money.h"

#define NAME_SIZE 64        /* workerType (38), region, zone, instance type: with the NUL */
#define HASH_SIZE 65        /* hex SHA-256 */
#define INSTANCE_ID_SIZE 32 /* i-0123456789abcdef0 */
#define TOKEN_SIZE 65       /* EC2's ClientToken: at most 64 */
#define CODE_SIZE 96        /* an EC2 error code or state reason code */
#define SENTENCE_SIZE 512

/* W(ENUM, name): one row a word; enum and name table come from the same list. */
#define MARKETS(W) W(MARKET_SPOT, "spot") W(MARKET_ON_DEMAND, "on-demand")

/* How a launch call ended. Only the first three are definite. */
#define OUTCOMES(W)                                                                                                    \
    W(OUTCOME_LAUNCHED, "launched") /* ids came back */                                                                \
    W(OUTCOME_FAILED, "failed")     /* a definite refusal */                                                           \
    W(OUTCOME_UNSENT, "unsent")     /* handed back: never sent */                                                      \
    W(OUTCOME_UNKNOWN, "unknown")   /* may have launched: the lease stays */

/* What an error tells, DESIGN section 7 and facts/ec2.md: the class decides the breaker's scope. */
#define FAILURES(W)                                                                                                    \
    W(FAILURE_NONE, "none")                                                                                            \
    W(FAILURE_DEFINITION, "definition")                                                                                \
    W(FAILURE_PERMISSION, "permission")                                                                                \
    W(FAILURE_CREDENTIALS, "credentials") /* refresh once, then as permission */                                       \
    W(FAILURE_QUOTA, "quota")                                                                                          \
    W(FAILURE_CAPACITY, "capacity")       /* of the placement */                                                       \
    W(FAILURE_PRICE, "price")             /* SpotMaxPriceTooLow: only lots at or below that price */                   \
    W(FAILURE_ADDRESSES, "addresses")     /* the subnet has none free */                                               \
    W(FAILURE_NOT_OFFERED, "not-offered") /* instance type x zone */                                                   \
    W(FAILURE_RATE, "rate")               /* RequestLimitExceeded: the bucket, not a breaker */                        \
    W(FAILURE_NO_ANSWER, "no-answer")     /* outcome unknown */                                                        \
    W(FAILURE_LOOK_UP, "look-up")         /* IdempotentParameterMismatch, IdempotentInstanceTerminated */              \
    W(FAILURE_EARLY_DEATH, "early-death")                                                                              \
    W(FAILURE_WITHOUT_EFFECT, "without-effect")

/* EC2's instance states; a word that is not known counts as occupying (case B29). */
#define INSTANCE_STATES(W)                                                                                             \
    W(INSTANCE_PENDING, "pending")                                                                                     \
    W(INSTANCE_RUNNING, "running")                                                                                     \
    W(INSTANCE_SHUTTING_DOWN, "shutting-down")                                                                         \
    W(INSTANCE_STOPPING, "stopping")                                                                                   \
    W(INSTANCE_STOPPED, "stopped")                                                                                     \
    W(INSTANCE_TERMINATED, "terminated")                                                                               \
    W(INSTANCE_UNREADABLE, "unreadable")

/* Which cap, ration or breaker cut or refused a lot: denials are data. */
#define DENIALS(W)                                                                                                     \
    W(DENIED_NOT, "granted")                                                                                           \
    W(DENIED_BY_WISH, "wish-covered") /* grants above `seen` already cover the wish */                                 \
    W(DENIED_BY_TYPE_CEILING, "type-ceiling")                                                                          \
    W(DENIED_BY_GLOBAL_UNITS, "global-units")                                                                          \
    W(DENIED_BY_GLOBAL_INSTANCES, "global-instances")                                                                  \
    W(DENIED_BY_HOURLY_COST, "hourly-cost")                                                                            \
    W(DENIED_BY_DAILY_COST, "daily-cost")                                                                              \
    W(DENIED_BY_HEADROOM, "headroom")                                                                                  \
    W(DENIED_BY_ESSENTIAL_RESERVE, "essential-reserve")                                                                \
    W(DENIED_BY_OWNED_ROOM, "owned-room")                                                                              \
    W(DENIED_BY_LEASE_LIMIT, "lease-limit")                                                                            \
    W(DENIED_BY_LAUNCH_RATE, "launch-rate")                                                                            \
    W(DENIED_BY_ROUND, "round") /* its turn comes in a later step or round */                                          \
    W(DENIED_BY_CANARY, "canary")                                                                                      \
    W(DENIED_BY_BREAKER, "breaker")                                                                                    \
    W(DENIED_BY_QUARANTINE, "quarantine")                                                                              \
    W(DENIED_BY_REGION_UNLISTED, "region-unlisted") /* no complete listing begun since the start */                    \
    W(DENIED_BY_REGION_STALE, "region-stale")                                                                          \
    W(DENIED_BY_FREEZE, "frozen")                                                                                      \
    W(DENIED_BY_PAUSE, "paused")                                                                                       \
    W(DENIED_BY_NO_PRICE, "no-price")                                                                                  \
    W(DENIED_BY_LEDGER, "ledger")

/* Why a plan asks for what it asks: exactly one main reason (case B59). */
#define REASONS(W)                                                                                                     \
    W(REASON_LAUNCHING, "launching") /* it bids */                                                                     \
    W(REASON_SATISFIED, "satisfied") /* supply covers demand */                                                        \
    W(REASON_NO_DEMAND, "no-demand")                                                                                   \
    W(REASON_AT_CEILING, "at-ceiling")                                                                                 \
    W(REASON_DEMAND_UNKNOWN, "demand-unknown")                                                                         \
    W(REASON_INVENTORY_STALE, "inventory-stale")                                                                       \
    W(REASON_NO_PLACEMENT, "no-placement") /* all set aside by breakers */                                             \
    W(REASON_REFUSED, "refused")           /* EC2 refuses the definition at every placement there is for it */         \
    W(REASON_PRICE_TOO_HIGH, "price-too-high")                                                                         \
    W(REASON_QUARANTINED, "quarantined")                                                                               \
    W(REASON_PAUSED, "paused")                                                                                         \
    W(REASON_UNPRODUCTIVE, "unproductive") /* launches without effect */                                               \
    W(REASON_CANARY, "canary")                                                                                         \
    W(REASON_UNLAUNCHABLE, "unlaunchable") /* preflight left out every placement */                                    \
    W(REASON_STARTING, "starting")         /* no complete view yet */

#define WORD_ENUM(symbol, name) symbol,
enum market { MARKETS(WORD_ENUM) MARKET_COUNT };
enum outcome { OUTCOMES(WORD_ENUM) OUTCOME_COUNT };
enum failure { FAILURES(WORD_ENUM) FAILURE_COUNT };
enum instance_state { INSTANCE_STATES(WORD_ENUM) INSTANCE_STATE_COUNT };
enum denial { DENIALS(WORD_ENUM) DENIAL_COUNT };
enum reason { REASONS(WORD_ENUM) REASON_COUNT };

const char *market_name(enum market market);
const char *outcome_name(enum outcome outcome);
const char *failure_name(enum failure failure);
const char *instance_state_name(enum instance_state state);
const char *denial_name(enum denial denial);
const char *reason_name(enum reason reason);
/* The value of a name, or -1 (instance_state_of gives INSTANCE_UNREADABLE). */
int market_of(const char *name);
int outcome_of(const char *name);
int failure_of(const char *name);
enum instance_state instance_state_of(const char *name);
int denial_of(const char *name);
int reason_of(const char *name);

/* Costs money or quota: everything not yet terminated. */
bool instance_state_occupies(enum instance_state state);

/* Where an instance may run. */
struct placement {
    char region[NAME_SIZE];
    char zone[NAME_SIZE];
    char instance_type[NAME_SIZE];
    enum market market;
};
bool placement_equal(const struct placement *a, const struct placement *b);
/* "us-west-2a/m3.large/spot" */
void placement_format(const struct placement *placement, char *out, size_t size);

#endif
