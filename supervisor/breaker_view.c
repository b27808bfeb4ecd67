/* SPDX-License-Identifier: MPL-2.0 */
/* breaker_view.c: what stands in the way of a launch, what status shows, what operators and definitions take away.
 * Runs in: supervisor. Pure. Owns nothing: the records are breaker_store.c's. */
#include "supervisor/breaker.h"

#include <string.h>

#include "common/text.h"
#include "supervisor/breaker_parts.h"

enum breaker_state breaker_state_at(const struct breaker *breaker, struct mono now)
{
    if (!breaker->active)
        return BREAKER_OPEN;
    return mono_reached(breaker->entry.until, now) ? BREAKER_HALF_OPEN : BREAKER_CLOSED;
}

/* Closed is worse than half-open; of closed ones the one that lasts longest; of half-open ones the broadest scope,
 * because the arbiter lets one type in per scope. */
static bool is_worse(const struct breaker *a, enum breaker_state state, const struct breaker *b,
                     enum breaker_state worst)
{
    if (!b || state != worst)
        return !b || state > worst;
    if (state == BREAKER_CLOSED)
        return mono_before(b->entry.until, a->entry.until);
    return breaker_is_shared(a->kind) && !breaker_is_shared(b->kind);
}

static void fill_view(struct breaker_view *view, const struct breaker *breaker, enum breaker_state state)
{
    view->state = state;
    view->failure = breaker->entry.failure;
    view->quarantine = breaker->kind == KIND_QUARANTINE;
    view->until = breaker->entry.until;
    (void)text_copy(view->code, sizeof view->code, breaker->entry.code);
    (void)text_copy(view->scope, sizeof view->scope, breaker->entry.scope);
}

struct breaker_view breakers_look(const struct breakers *breakers, const struct breaker_subject *subject,
                                  struct mono now)
{
    struct breaker_view view = {.state = BREAKER_OPEN, .failure = FAILURE_NONE, .until = MONO_ZERO};
    const struct breaker *worst = NULL, *quarantine = NULL;
    struct breaker_keys keys;

    if (breakers->active_count == 0 || !breakers->settings.enabled)
        return view;
    breaker_keys_make(&keys, subject);
    for (enum breaker_kind kind = 0; kind < KIND_COUNT; kind++) {
        const struct breaker *breaker = breakers->active_by_kind[kind] ? breaker_find(breakers, kind, &keys) : NULL;
        enum breaker_state state = breaker ? breaker_state_at(breaker, now) : BREAKER_OPEN;
        if (state == BREAKER_OPEN ||
            (kind == KIND_PRICE && money_compare(subject->max_price, breaker->entry.price_at_most) > 0))
            continue;
        if (kind == KIND_QUARANTINE)
            quarantine = breaker;
        if (is_worse(breaker, state, worst, view.state)) {
            worst = breaker;
            view.state = state;
        }
    }
    if (!worst)
        return view;
    fill_view(&view, worst, view.state);
    if (quarantine && view.state == BREAKER_HALF_OPEN && breaker_is_shared(worst->kind)) {
        view.state = BREAKER_CLOSED; /* a type in quarantine probes nothing that others share */
        view.until = MONO_NEVER;
    }
    return view;
}

bool breakers_quarantined(const struct breakers *breakers, const char *type, struct breaker_view *view, struct mono now)
{
    struct breaker_subject subject = {.type = type, .spec_hash = "", .subnet = ""};
    struct breaker_keys keys;

    if (!breakers->active_by_kind[KIND_QUARANTINE] || !breakers->settings.enabled)
        return false;
    breaker_keys_make(&keys, &subject);
    const struct breaker *breaker = breaker_find(breakers, KIND_QUARANTINE, &keys);
    if (!breaker || !breaker->active)
        return false;
    if (view)
        fill_view(view, breaker, breaker_state_at(breaker, now));
    return true;
}

bool breakers_failing(const struct breakers *breakers, const char *type)
{
    const struct breaker_type *found = breaker_type_find(breakers, type);

    return found && found->launch_count == 3 && found->launches[0].failed && found->launches[1].failed &&
           found->launches[2].failed;
}

void breakers_new_definition(struct breakers *breakers, const char *type, struct mono now)
{
    struct breaker_type *record = breaker_type_get(breakers, type);

    record->defined = now;
    record->refusals = 0;
    record->profile_tries = 0;
    for (size_t i = breakers->count; i-- > 0;) {
        struct breaker *breaker = breakers->list[i];
        bool own =
            strcmp(breaker->entry.type, type) == 0 &&
            (breaker->kind == KIND_DEFINITION || breaker->kind == KIND_PROFILE || breaker->kind == KIND_QUARANTINE);
        /* Who opened it is not kept over a restart: then any new definition tries anew. */
        bool opened = breaker->opener[0] == '\0' || strcmp(breaker->opener, type) == 0;
        if (own || (breaker->kind == KIND_NOT_OFFERED && opened))
            breaker_remove(breakers, breaker);
    }
}

void breakers_forget_type(struct breakers *breakers, const char *type)
{
    for (size_t i = breakers->count; i-- > 0;)
        if (strcmp(breakers->list[i]->entry.type, type) == 0)
            breaker_remove(breakers, breakers->list[i]);
    breaker_type_remove(breakers, type);
}

int breakers_lift(struct breakers *breakers, const char *scope, struct mono now)
{
    const char *type = text_starts(scope, "type:") ? scope + 5 : NULL;
    int lifted = 0;

    (void)now;
    for (size_t i = breakers->count; i-- > 0;) {
        struct breaker *breaker = breakers->list[i];
        if (!text_equal(type ? breaker->entry.type : breaker->entry.scope, type ? type : scope))
            continue;
        lifted += breaker->active;
        if (breaker->kind == KIND_QUARANTINE || type) {
            struct breaker_type *record = breaker_type_find(breakers, breaker->entry.type);
            if (record)
                record->refusals = 0;
        }
        breaker_remove(breakers, breaker);
    }
    return lifted;
}

size_t breakers_count(const struct breakers *breakers)
{
    return breakers->active_count;
}

void breakers_entry(const struct breakers *breakers, size_t index, struct mono now, struct breaker_entry *out)
{
    const struct breaker *breaker = breakers->list[index];

    *out = breaker->entry;
    out->state = breaker_state_at(breaker, now);
    if (out->state == BREAKER_HALF_OPEN)
        out->probe = 0; /* none by the deadline: the next bidder probes */
}

static enum breaker_kind kind_of_entry(const struct breaker_entry *entry)
{
    for (enum breaker_kind kind = 0; kind < KIND_COUNT; kind++) {
        const struct breaker_rule *rule = &breaker_rules[kind];
        unsigned fields = (entry->type[0] ? FIELD_TYPE : 0u) | (entry->region[0] ? FIELD_REGION : 0u) |
                          (entry->zone[0] ? FIELD_ZONE : 0u) | (entry->instance_type[0] ? FIELD_INSTANCE_TYPE : 0u) |
                          (entry->market[0] ? FIELD_MARKET : 0u) | (entry->subnet[0] ? FIELD_SUBNET : 0u) |
                          (entry->quota_class[0] ? FIELD_QUOTA_CLASS : 0u) | (entry->spec_hash[0] ? FIELD_SPEC : 0u);
        if ((kind == KIND_QUARANTINE) == entry->quarantine && fields == rule->fields &&
            (entry->quarantine || rule->failure == entry->failure))
            return kind;
    }
    return KIND_NONE;
}

void breakers_restore(struct breakers *breakers, const struct breaker_entry *entry)
{
    struct breaker_subject subject = {.type = entry->type, .spec_hash = entry->spec_hash, .subnet = entry->subnet};
    enum breaker_kind kind = kind_of_entry(entry);
    struct breaker_keys keys;

    if (kind == KIND_NONE)
        return;
    (void)text_copy(subject.placement.region, NAME_SIZE, entry->region);
    (void)text_copy(subject.placement.zone, NAME_SIZE, entry->zone);
    (void)text_copy(subject.placement.instance_type, NAME_SIZE, entry->instance_type);
    subject.placement.market = market_of(entry->market) == MARKET_ON_DEMAND ? MARKET_ON_DEMAND : MARKET_SPOT;
    breaker_keys_make(&keys, &subject);
    breaker_keys_quota_class(&keys, entry->quota_class);
    struct breaker *breaker = breaker_find(breakers, kind, &keys);
    if (!breaker)
        breaker = breaker_add(breakers, kind, &keys);
    breaker->entry.price_at_most = entry->price_at_most;
    breaker->entry.since = entry->since;
    breaker->entry.until = entry->until;
    breaker->entry.delay = entry->delay;
    breaker->entry.failures = entry->failures;
    (void)text_copy(breaker->entry.code, sizeof breaker->entry.code, entry->code);
    (void)text_copy(breaker->opener, sizeof breaker->opener, entry->type);
    breaker_activate(breakers, breaker);
    if (kind == KIND_QUARANTINE)
        breaker_type_get(breakers, entry->type)->refusals = entry->failures;
}

uint64_t breakers_version(const struct breakers *breakers)
{
    return breakers->version;
}

struct mono breakers_deadline(const struct breakers *breakers, struct mono now)
{
    struct mono next = MONO_NEVER;

    for (size_t i = 0; i < breakers->active_count; i++)
        if (mono_before(now, breakers->list[i]->entry.until))
            next = mono_min(next, breakers->list[i]->entry.until);
    return next;
}
