/* SPDX-License-Identifier: MPL-2.0 */
/* breaker.c: the facts that close and reopen breakers (DESIGN section 7); what they look like is in breaker_view.c.
 * Runs in: supervisor. Pure: no clock, no I/O. Owns: the breakers until breakers_destroy.
 *
 * A breaker that closed is half-open when `until` has come. A granted probe moves `until` to the time by which its
 * result must be there, so that nobody else is let in meanwhile; then
 *   proof (see the table)      the breaker is removed,
 *   the same class again       closed, delay doubled,
 *   anything else, or nothing  decides nothing: half-open for the next bidder; where the scope is one type, for that
 *                              type again after the first delay. */
#include "supervisor/breaker.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/breaker_parts.h"

#define PROFILE_WINDOW SPAN_SECONDS(600) /* case B51: new roles are not known everywhere at once */
#define PROFILE_TRIES 5

struct breakers *breakers_create(const struct breaker_settings *settings)
{
    struct breakers *breakers = calloc(1, sizeof *breakers);

    if (!breakers)
        abort();
    breakers->settings = *settings;
    return breakers;
}

void breakers_destroy(struct breakers **breakers)
{
    if (!breakers || !*breakers)
        return;
    while ((*breakers)->count > 0)
        breaker_remove(*breakers, (*breakers)->list[0]);
    for (size_t i = 0; i < BREAKER_CHAINS; i++)
        while ((*breakers)->types[i])
            breaker_type_remove(*breakers, (*breakers)->types[i]->name);
    free((*breakers)->list);
    free(*breakers);
    *breakers = NULL;
}

void breakers_configure(struct breakers *breakers, const struct breaker_settings *settings)
{
    breakers->settings = *settings;
    breakers->version++;
}

/* Up to a tenth longer, so that types that failed together do not come back together. */
static struct span jittered(struct breakers *breakers, struct span delay)
{
    uint64_t x = breakers->settings.seed + ++breakers->draws * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return span_scale(delay, 1.0 + (double)(x >> 11) / 9007199254740992.0 / 10.0);
}

static void close_for(struct breakers *breakers, struct breaker *breaker, struct span delay, struct mono now)
{
    breaker->entry.delay = delay;
    breaker->entry.probe = 0;
    breaker->entry.until =
        mono_add(now, breaker_rules[breaker->kind].pace == PACE_CAPACITY ? jittered(breakers, delay) : delay);
    breakers->version++;
}

static struct span doubled(const struct breakers *breakers, const struct breaker *breaker)
{
    return span_min(span_scale(breaker->entry.delay, 2), breaker_most_delay(breaker->kind, &breakers->settings));
}

static void raise_price(struct breaker *breaker, struct money failed)
{
    if (breaker->kind != KIND_PRICE)
        return;
    if (!breaker->active || money_compare(failed, breaker->entry.price_at_most) > 0)
        breaker->entry.price_at_most = failed;
}

/* One more failure of a kind: counts it, closes the breaker at the last one allowed, doubles after a failed probe. */
static void strike(struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys, int64_t grant,
                   const char *code, struct mono now)
{
    struct breaker *breaker = breaker_find(breakers, kind, keys);
    struct span first = breaker_first_delay(kind, &breakers->settings);

    if (!breaker)
        breaker = breaker_add(breakers, kind, keys);
    bool dearer = kind == KIND_PRICE && breaker->active &&
                  money_compare(keys->subject->max_price, breaker->entry.price_at_most) > 0;
    raise_price(breaker, keys->subject->max_price);
    breaker->entry.failures++;
    if (grant > breaker->failed_grant)
        breaker->failed_grant = grant;
    (void)text_copy(breaker->entry.code, sizeof breaker->entry.code, code);
    (void)text_copy(breaker->opener, sizeof breaker->opener, keys->subject->type);
    if (!breaker->active && breaker->entry.failures >= breaker_rules[kind].after) {
        breaker->entry.since = now;
        close_for(breakers, breaker, first, now);
        breaker_activate(breakers, breaker);
    } else if (breaker->active && breaker->entry.probe != 0 && breaker->entry.probe == grant) {
        close_for(breakers, breaker, doubled(breakers, breaker), now);
    } else if (breaker->active && (dearer || breaker_state_at(breaker, now) == BREAKER_HALF_OPEN)) {
        close_for(breakers, breaker, breaker->entry.delay, now); /* a straggler of before, or a dearer lot */
    }
}

/* A probe ended without telling anything about this breaker. */
static void undecided(struct breakers *breakers, struct breaker *breaker, struct mono now)
{
    struct span wait =
        breaker_is_shared(breaker->kind) ? SPAN_US(0) : breaker_first_delay(breaker->kind, &breakers->settings);
    breaker->entry.probe = 0;
    breaker->entry.until = mono_add(now, wait);
    breakers->version++;
}

/* Frees the probes of a grant, except those that the caller goes on to strike. */
static void settle_probes(struct breakers *breakers, int64_t grant, enum breaker_kind struck, struct mono now)
{
    for (size_t i = 0; grant != 0 && i < breakers->active_count; i++) {
        struct breaker *breaker = breakers->list[i];
        bool same = struck != KIND_NONE &&
                    (breaker->kind == struck ||
                     (breaker->kind == KIND_QUARANTINE && (struck == KIND_DEFINITION || struck == KIND_PERMISSION)));
        if (breaker->entry.probe == grant && !same)
            undecided(breakers, breaker, now);
    }
}

static void remove_scope(struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys)
{
    struct breaker *breaker = breaker_find(breakers, kind, keys);

    if (breaker)
        breaker_remove(breakers, breaker);
}

/* Failures that are counted but have closed nothing are forgotten: the row is broken. */
static void break_row(struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys)
{
    struct breaker *breaker = breaker_find(breakers, kind, keys);

    if (breaker && !breaker->active)
        breaker_remove(breakers, breaker);
}

/* Keeps the three newest launches. What is heard late of an older one does not count as the last. */
static void note_launch(struct breaker_type *type, int64_t grant, bool failed)
{
    size_t place = 0;

    for (size_t i = 0; i < 3; i++)
        if (grant != 0 && type->launches[i].grant == grant) {
            type->launches[i].failed |= failed; /* launched, then died early: failed */
            return;
        }
    while (place < 3 && type->launches[place].grant > grant)
        place++;
    if (place == 3)
        return;
    memmove(&type->launches[place + 1], &type->launches[place], (2 - place) * sizeof type->launches[0]);
    type->launches[place].grant = grant;
    type->launches[place].failed = failed;
    if (type->launch_count < 3)
        type->launch_count++;
}

static bool contains_word(const char *text, const char *word)
{
    return text && strcasestr(text, word) != NULL;
}

/* Case B51: up to five spaced tries while a new role may not be known yet. */
static bool is_young_profile(struct breaker_type *type, const char *code, const char *message, struct mono now)
{
    if (!text_equal(code, "InvalidParameterValue") || !mono_is_set(type->defined))
        return false;
    if (!contains_word(message, "instance profile") && !contains_word(message, "iamInstanceProfile"))
        return false;
    if (mono_reached(mono_add(type->defined, PROFILE_WINDOW), now) || type->profile_tries >= PROFILE_TRIES)
        return false;
    type->profile_tries++;
    return true;
}

static enum breaker_kind kind_of(enum failure failure, const struct breaker_subject *subject)
{
    switch (failure) {
    case FAILURE_DEFINITION:
        return KIND_DEFINITION;
    case FAILURE_PERMISSION:
    case FAILURE_CREDENTIALS: /* the worker has refreshed them once already */
        return KIND_PERMISSION;
    case FAILURE_QUOTA:
        return KIND_QUOTA;
    case FAILURE_CAPACITY:
        return KIND_CAPACITY;
    case FAILURE_PRICE:
        return KIND_PRICE;
    case FAILURE_ADDRESSES:
        return subject->subnet && subject->subnet[0] ? KIND_ADDRESSES : KIND_ADDRESSES_OF_ZONE;
    case FAILURE_NOT_OFFERED:
        return KIND_NOT_OFFERED;
    case FAILURE_NO_ANSWER:
        return KIND_NO_ANSWER;
    case FAILURE_EARLY_DEATH:
        return KIND_EARLY_DEATH;
    case FAILURE_WITHOUT_EFFECT:
        return KIND_WITHOUT_EFFECT;
    case FAILURE_NONE:
    case FAILURE_RATE:    /* the arbiter's bucket */
    case FAILURE_LOOK_UP: /* says nothing until it is looked up */
    case FAILURE_COUNT:
        break;
    }
    return KIND_NONE;
}

/* Three refusals running, over any scopes, quarantine the type; in quarantine each further one doubles the delay. */
static void count_refusal(struct breakers *breakers, struct breaker_type *type, const struct breaker_keys *keys,
                          int64_t grant, const char *code, struct mono now)
{
    struct breaker *quarantine = breaker_find(breakers, KIND_QUARANTINE, keys);

    type->refusals++;
    type->refused = grant > type->refused ? grant : type->refused;
    if (quarantine) {
        strike(breakers, KIND_QUARANTINE, keys, grant, code, now);
    } else if (type->refusals >= breaker_rules[KIND_QUARANTINE].after) {
        quarantine = breaker_add(breakers, KIND_QUARANTINE, keys);
        quarantine->entry.failures = type->refusals - 1;
        strike(breakers, KIND_QUARANTINE, keys, grant, code, now);
    }
}

void breakers_failed(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                     enum failure failure, const char *code, const char *message, struct mono now)
{
    struct breaker_type *type = breaker_type_get(breakers, subject->type);
    struct breaker_keys keys;
    enum breaker_kind kind = kind_of(failure, subject);

    breaker_keys_make(&keys, subject);
    if (failure != FAILURE_NONE && failure != FAILURE_RATE && failure != FAILURE_LOOK_UP)
        note_launch(type, grant, true);
    if (!breakers->settings.enabled)
        return;
    if (kind == KIND_DEFINITION && is_young_profile(type, code, message, now))
        kind = KIND_PROFILE;
    settle_probes(breakers, grant, kind, now);
    if (kind == KIND_NONE)
        return;
    if (kind != KIND_NO_ANSWER)
        break_row(breakers, KIND_NO_ANSWER, &keys);
    strike(breakers, kind, &keys, grant, code, now);
    if (kind == KIND_DEFINITION || kind == KIND_PERMISSION)
        count_refusal(breakers, type, &keys, grant, code, now);
}

/* Removes what this grant proves to work: it is the probe, or it was granted after the last failure there. */
static void prove(struct breakers *breakers, const struct breaker_keys *keys, int64_t grant, enum breaker_proof proof)
{
    for (enum breaker_kind kind = 0; kind < KIND_COUNT; kind++) {
        struct breaker *breaker = breaker_rules[kind].proof == proof ? breaker_find(breakers, kind, keys) : NULL;
        if (!breaker)
            continue;
        bool says_nothing =
            kind == KIND_PRICE && money_compare(keys->subject->max_price, breaker->entry.price_at_most) > 0;
        if (says_nothing || (breaker->active && breaker->entry.probe != grant && grant <= breaker->failed_grant))
            continue;
        breaker_remove(breakers, breaker);
    }
}

void breakers_launched(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant, struct mono now)
{
    struct breaker_type *type = breaker_type_get(breakers, subject->type);
    struct breaker_keys keys;

    (void)now;
    breaker_keys_make(&keys, subject);
    note_launch(type, grant, false);
    if (grant > type->refused) {
        type->refusals = 0;
        type->profile_tries = 0;
    }
    prove(breakers, &keys, grant, PROVED_BY_LAUNCH);
}

void breakers_died_early(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                         const char *code, struct mono now)
{
    enum death death = breaker_death(code);
    static const enum breaker_kind kinds[] = {
        [DEATH_OF_TYPE] = KIND_EARLY_DEATH,
        [DEATH_SHARED] = KIND_EARLY_DEATH_SHARED,
        [DEATH_BY_CAPACITY] = KIND_CAPACITY,
        [DEATH_ORDERED] = KIND_NONE,
    };
    struct breaker_keys keys;

    if (death != DEATH_ORDERED)
        note_launch(breaker_type_get(breakers, subject->type), grant, true);
    if (!breakers->settings.enabled)
        return;
    breaker_keys_make(&keys, subject);
    /* A death that is laid to the type strikes "without effect" too, so its probe is not undecided then. */
    for (size_t i = 0; grant != 0 && i < breakers->active_count; i++) {
        struct breaker *breaker = breakers->list[i];
        if (breaker->entry.probe == grant && breaker->kind != kinds[death] &&
            !(breaker->kind == KIND_WITHOUT_EFFECT && death == DEATH_OF_TYPE))
            undecided(breakers, breaker, now);
    }
    if (kinds[death] != KIND_NONE)
        strike(breakers, kinds[death], &keys, grant, code, now);
    if (death == DEATH_OF_TYPE)
        strike(breakers, KIND_WITHOUT_EFFECT, &keys, grant, code, now);
}

void breakers_survived(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant, struct mono now)
{
    struct breaker_keys keys;

    (void)now;
    breaker_keys_make(&keys, subject);
    prove(breakers, &keys, grant, PROVED_BY_SURVIVAL);
}

void breakers_without_effect(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant,
                             struct mono now)
{
    struct breaker_keys keys;

    if (!breakers->settings.enabled)
        return;
    breaker_keys_make(&keys, subject);
    strike(breakers, KIND_WITHOUT_EFFECT, &keys, grant, "WithoutEffect", now);
}

void breakers_worked(struct breakers *breakers, const char *type, int64_t grant, struct mono now)
{
    struct breaker_subject subject = {.type = type, .spec_hash = "", .subnet = ""};
    struct breaker_keys keys;

    (void)grant; /* whichever instance it is, the type is useful again */
    (void)now;
    breaker_keys_make(&keys, &subject);
    remove_scope(breakers, KIND_WITHOUT_EFFECT, &keys);
}

void breakers_granted(struct breakers *breakers, const struct breaker_subject *subject, int64_t grant, struct mono now)
{
    struct breaker_keys keys;

    breaker_keys_make(&keys, subject);
    for (enum breaker_kind kind = 0; kind < KIND_COUNT; kind++) {
        struct breaker *breaker = breakers->active_by_kind[kind] ? breaker_find(breakers, kind, &keys) : NULL;
        if (!breaker || breaker_state_at(breaker, now) != BREAKER_HALF_OPEN)
            continue;
        if (kind == KIND_PRICE && money_compare(subject->max_price, breaker->entry.price_at_most) > 0)
            continue;
        undecided(breakers, breaker, mono_add(now, breaker_probe_limit(kind, &breakers->settings)));
        breaker->entry.probe = grant;
    }
}

void breakers_unsent(struct breakers *breakers, int64_t grant, struct mono now)
{
    for (size_t i = 0; grant != 0 && i < breakers->active_count; i++) {
        struct breaker *breaker = breakers->list[i];
        if (breaker->entry.probe != grant)
            continue;
        breaker->entry.probe = 0;
        breaker->entry.until = now;
        breakers->version++;
    }
}
