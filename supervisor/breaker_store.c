/* SPDX-License-Identifier: MPL-2.0 */
/* breaker_store.c: keeps breakers and type records, found by hash of the fields that make their scope.
 * Runs in: supervisor. Pure: memory only; memory running out aborts. Owns: the records until they are removed.
 * The look-up of one lot touches a dozen possible scopes; with 1,000 types x 20 lots it must not format any text. */
#include "supervisor/breaker_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define HASH_BEGIN UINT64_C(14695981039346656037) /* FNV-1a */
#define HASH_PRIME UINT64_C(1099511628211)

static uint64_t hash_text(const char *text)
{
    uint64_t hash = HASH_BEGIN;

    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * HASH_PRIME;
    return hash;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return a ^ (a >> 29);
}

/* The texts of a subject's fields, in the order of enum breaker_field. */
static void subject_texts(const struct breaker_keys *keys, const char *texts[FIELD_COUNT])
{
    const struct breaker_subject *subject = keys->subject;

    texts[0] = subject->type;
    texts[1] = subject->placement.region;
    texts[2] = subject->placement.zone;
    texts[3] = subject->placement.instance_type;
    texts[4] = market_name(subject->placement.market);
    texts[5] = keys->quota_class;
    texts[6] = subject->subnet;
    texts[7] = subject->spec_hash;
}

/* The same of an entry; fields outside its scope are empty. */
static void entry_texts(const struct breaker_entry *entry, const char *texts[FIELD_COUNT])
{
    texts[0] = entry->type;
    texts[1] = entry->region;
    texts[2] = entry->zone;
    texts[3] = entry->instance_type;
    texts[4] = entry->market;
    texts[5] = entry->quota_class;
    texts[6] = entry->subnet;
    texts[7] = entry->spec_hash;
}

void breaker_keys_make(struct breaker_keys *keys, const struct breaker_subject *subject)
{
    const char *texts[FIELD_COUNT];

    keys->subject = subject;
    breaker_quota_class(subject->placement.instance_type, keys->quota_class, sizeof keys->quota_class);
    subject_texts(keys, texts);
    for (int i = 0; i < FIELD_COUNT; i++)
        keys->hash[i] = hash_text(texts[i]);
}

void breaker_keys_quota_class(struct breaker_keys *keys, const char *quota_class)
{
    (void)text_copy(keys->quota_class, sizeof keys->quota_class, quota_class);
    keys->hash[5] = hash_text(keys->quota_class);
}

uint64_t breaker_key(enum breaker_kind kind, const struct breaker_keys *keys)
{
    uint64_t key = HASH_BEGIN + kind;

    for (int i = 0; i < FIELD_COUNT; i++)
        if (breaker_rules[kind].fields & (1u << i))
            key = mix(key, keys->hash[i]);
    return key;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_scope(const struct breaker *breaker, const struct breaker_keys *keys)
{
    const char *ours[FIELD_COUNT], *theirs[FIELD_COUNT];

    entry_texts(&breaker->entry, ours);
    subject_texts(keys, theirs);
    for (int i = 0; i < FIELD_COUNT; i++)
        if ((breaker_rules[breaker->kind].fields & (1u << i)) && !same_text(ours[i], theirs[i]))
            return false;
    return true;
}

/* A subject without a subnet has no subnet scope, one with a subnet none of the zone's default. */
static bool kind_applies(enum breaker_kind kind, const struct breaker_subject *subject)
{
    bool named = subject->subnet && subject->subnet[0] != '\0';

    return kind == KIND_ADDRESSES ? named : kind == KIND_ADDRESSES_OF_ZONE ? !named : true;
}

struct breaker *breaker_find(const struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys)
{
    if (!kind_applies(kind, keys->subject))
        return NULL;
    uint64_t key = breaker_key(kind, keys);
    for (struct breaker *at = breakers->chains[key % BREAKER_CHAINS]; at; at = at->next)
        if (at->key == key && at->kind == kind && same_scope(at, keys))
            return at;
    return NULL;
}

static void add_part(char *scope, size_t size, const char *separator, const char *part)
{
    size_t length = strlen(scope);

    (void)text_format(scope + length, size - length, "%s%s", separator, part);
}

/* "capacity us-west-2a/m3.large/spot", "definition desktop-test us-west-2/m3.large 0123456789ab" */
static void name_scope(enum breaker_kind kind, struct breaker_entry *entry)
{
    const char *path[] = {entry->zone[0] ? entry->zone : entry->region, entry->instance_type, entry->market,
                          entry->quota_class, entry->subnet};
    const char *separator = " ";

    (void)text_copy(entry->scope, sizeof entry->scope, breaker_rules[kind].word);
    if (entry->type[0])
        add_part(entry->scope, sizeof entry->scope, " ", entry->type);
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++)
        if (path[i][0]) {
            add_part(entry->scope, sizeof entry->scope, separator, path[i]);
            separator = "/";
        }
    if (entry->spec_hash[0]) {
        char begin[13];
        (void)text_copy(begin, sizeof begin, entry->spec_hash);
        add_part(entry->scope, sizeof entry->scope, " ", begin);
    }
}

static void fill_entry(struct breaker_entry *entry, enum breaker_kind kind, const struct breaker_keys *keys)
{
    const struct breaker_rule *rule = &breaker_rules[kind];
    const char *texts[FIELD_COUNT];
    struct {
        char *text;
        size_t size;
    } fields[FIELD_COUNT] = {
        {entry->type, sizeof entry->type},     {entry->region, sizeof entry->region},
        {entry->zone, sizeof entry->zone},     {entry->instance_type, sizeof entry->instance_type},
        {entry->market, sizeof entry->market}, {entry->quota_class, sizeof entry->quota_class},
        {entry->subnet, sizeof entry->subnet}, {entry->spec_hash, sizeof entry->spec_hash},
    };

    subject_texts(keys, texts);
    for (int i = 0; i < FIELD_COUNT; i++)
        if (rule->fields & (1u << i))
            (void)text_copy(fields[i].text, fields[i].size, texts[i]);
    entry->failure = rule->failure;
    entry->quarantine = kind == KIND_QUARANTINE;
    entry->price_at_most = MONEY_MAX;
    entry->lifted_by = rule->lifted_by;
    name_scope(kind, entry);
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

struct breaker *breaker_add(struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys)
{
    struct breaker *breaker = must(calloc(1, sizeof *breaker));

    breaker->kind = kind;
    breaker->key = breaker_key(kind, keys);
    fill_entry(&breaker->entry, kind, keys);
    breaker->next = breakers->chains[breaker->key % BREAKER_CHAINS];
    breakers->chains[breaker->key % BREAKER_CHAINS] = breaker;
    if (breakers->count == breakers->room) {
        breakers->room = breakers->room ? breakers->room * 2 : 64;
        breakers->list = must(realloc(breakers->list, breakers->room * sizeof breakers->list[0]));
    }
    breaker->place = breakers->count;
    breakers->list[breakers->count++] = breaker;
    return breaker;
}

static void swap_places(struct breakers *breakers, size_t a, size_t b)
{
    struct breaker *held = breakers->list[a];

    breakers->list[a] = breakers->list[b];
    breakers->list[b] = held;
    breakers->list[a]->place = a;
    breakers->list[b]->place = b;
}

void breaker_activate(struct breakers *breakers, struct breaker *breaker)
{
    if (breaker->active)
        return;
    breaker->active = true;
    swap_places(breakers, breaker->place, breakers->active_count++);
    breakers->active_by_kind[breaker->kind]++;
    breakers->version++;
}

void breaker_remove(struct breakers *breakers, struct breaker *breaker)
{
    if (breaker->active) {
        swap_places(breakers, breaker->place, --breakers->active_count);
        breakers->active_by_kind[breaker->kind]--;
        breakers->version++;
    }
    swap_places(breakers, breaker->place, --breakers->count);
    struct breaker **at = &breakers->chains[breaker->key % BREAKER_CHAINS];
    while (*at != breaker)
        at = &(*at)->next;
    *at = breaker->next;
    free(breaker);
}

struct breaker_type *breaker_type_find(const struct breakers *breakers, const char *name)
{
    struct breaker_type *at = breakers->types[hash_text(name) % BREAKER_CHAINS];

    while (at && strcmp(at->name, name) != 0)
        at = at->next;
    return at;
}

struct breaker_type *breaker_type_get(struct breakers *breakers, const char *name)
{
    struct breaker_type *type = breaker_type_find(breakers, name);

    if (type)
        return type;
    type = must(calloc(1, sizeof *type));
    (void)text_copy(type->name, sizeof type->name, name);
    struct breaker_type **chain = &breakers->types[hash_text(name) % BREAKER_CHAINS];
    type->next = *chain;
    *chain = type;
    return type;
}

void breaker_type_remove(struct breakers *breakers, const char *name)
{
    struct breaker_type **at = &breakers->types[hash_text(name) % BREAKER_CHAINS];

    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (!*at)
        return;
    struct breaker_type *gone = *at;
    *at = gone->next;
    free(gone);
}
