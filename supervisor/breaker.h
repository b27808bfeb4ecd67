/* SPDX-License-Identifier: MPL-2.0 */
/* breaker.h: stops launches of one scope after failures, and reopens it by single probes. DESIGN section 7 is the
 * contract; the class decides the scope, and scopes are as narrow as the error is.
 * Pure: no clock, no I/O, memory only. Runs in: supervisor. Owns: the breakers until breakers_destroy. */
#ifndef SUPERVISOR_BREAKER_H
#define SUPERVISOR_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/money.h"
#include "proto/words.h"

struct breakers;

struct breaker_settings {
    bool enabled; /* false: nothing ever closes (experiments only) */
    struct span capacity_delay, breaker_delay, breaker_most, quarantine_delay, definition_probe;
    struct span probe_deadline; /* a probe without a result by then decides nothing */
    uint64_t seed;              /* of the jitter */
};

/* What one launch attempt was about. */
struct breaker_subject {
    const char *type;
    struct placement placement;
    const char *spec_hash;
    const char *subnet; /* "" if none */
    struct money max_price;
};

enum breaker_state { BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_CLOSED }; /* open: launches pass, as a door */

/* What stands in the way of a subject now. */
struct breaker_view {
    enum breaker_state state;
    enum failure failure; /* of the breaker in the way, FAILURE_NONE */
    bool quarantine;      /* it is the type's quarantine */
    char code[CODE_SIZE];
    char scope[256];
    struct mono until; /* when it becomes half-open */
};

struct breakers *breakers_create(const struct breaker_settings *settings);
void breakers_destroy(struct breakers **breakers);
void breakers_configure(struct breakers *breakers, const struct breaker_settings *settings);

/* Facts that move breakers. `grant` names the attempt, so that a probe's own result is known as such.
 * message: EC2's text, looked at only for "instance profile" (new roles, case B51). */
void breakers_failed(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                     enum failure failure, const char *code, const char *message, struct mono now);
void breakers_launched(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                       struct mono now);
/* An instance died within 2 minutes of its launch; account_wide for reasons such as volume limits. */
void breakers_died_early(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                         const char *code, struct mono now);
/* An instance is alive 2 minutes after launch: what an early-death probe waits for. */
void breakers_survived(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                       struct mono now);
/* An instance passed its boot limit without taking work. */
void breakers_without_effect(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                             struct mono now);
/* An instance of the type took work: lifts "without effect" at once. */
void breakers_worked(struct breakers *breakers, const char *type, int64_t grant, struct mono now);
/* The arbiter granted: if a half-open breaker was in the way, this is its probe. */
void breakers_granted(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant, struct mono now);
/* The grant came back unsent: its probe never ran. */
void breakers_unsent(struct breakers *breakers, int64_t grant, struct mono now);
/* A new definition of the type was applied: its definition breakers, not-offered for its scope, quarantine end. */
void breakers_new_definition(struct breakers *breakers, const char *type, struct mono now);
void breakers_forget_type(struct breakers *breakers, const char *type); /* removed: leaks nothing */

/* What is in the way of this subject: the worst of all that match. */
struct breaker_view breakers_look(const struct breakers *breakers, const struct breaker_subject *subject,
                                  struct mono now);
/* True while the type is quarantined: at most one launch at a time, not before view->until. */
bool breakers_quarantined(const struct breakers *breakers, const char *type, struct breaker_view *view,
                          struct mono now);
/* True when the type's last three launches failed: its floor ranks in step 2. */
bool breakers_failing(const struct breakers *breakers, const char *type);
/* Removes by scope name, or all of a type with "type:NAME". Returns how many. */
int breakers_lift(struct breakers *breakers, const char *scope, struct mono now);

/* One breaker for status, the ledger and the workers' copies; empty text matches all. */
struct breaker_entry {
    char scope[256];
    char type[NAME_SIZE], region[NAME_SIZE], zone[NAME_SIZE], instance_type[NAME_SIZE];
    char market[16], spec_hash[HASH_SIZE], subnet[NAME_SIZE], quota_class[32];
    struct money price_at_most; /* MONEY_MAX: all */
    enum failure failure;
    bool quarantine;
    enum breaker_state state;
    char code[CODE_SIZE];
    struct mono since, until;
    struct span delay; /* the one that runs; doubled at the next failure */
    int64_t probe;     /* grant that probes now, 0 none */
    int64_t failures;
    const char *lifted_by; /* what would lift it at once: "a new definition", "provisionctl lift SCOPE" */
};
size_t breakers_count(const struct breakers *breakers);
void breakers_entry(const struct breakers *breakers, size_t index, struct mono now, struct breaker_entry *out);
/* Puts back what the ledger kept (after a restart); probe is dropped. */
void breakers_restore(struct breakers *breakers, const struct breaker_entry *entry);
/* Rises with every change: the supervisor sends new copies when it moved. */
uint64_t breakers_version(const struct breakers *breakers);
/* The next time that a state changes by itself. */
struct mono breakers_deadline(const struct breakers *breakers, struct mono now);

#endif
