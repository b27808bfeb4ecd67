/* SPDX-License-Identifier: MPL-2.0 */
/* breaker_parts.h: what the breaker's files share: the table of kinds, the records and their store.
 * Private to supervisor/breaker*.c and its tests. Pure. Owns: see breaker.h.
 * A kind is a class of failure with one shape of scope; a class may have two (early death: of one type, or shared). */
#ifndef SUPERVISOR_BREAKER_PARTS_H
#define SUPERVISOR_BREAKER_PARTS_H

#include "supervisor/breaker.h"

enum breaker_kind {
    KIND_QUARANTINE,
    KIND_DEFINITION,
    KIND_PROFILE, /* an instance profile that may be too new to be known (case B51) */
    KIND_PERMISSION,
    KIND_NO_ANSWER,
    KIND_EARLY_DEATH,
    KIND_WITHOUT_EFFECT,
    /* from here on the scope is shared by all types; broad ones first */
    KIND_QUOTA,
    KIND_EARLY_DEATH_SHARED,
    KIND_ADDRESSES,
    KIND_ADDRESSES_OF_ZONE, /* no subnet named: the zone's default one */
    KIND_NOT_OFFERED,
    KIND_CAPACITY,
    KIND_PRICE,
    KIND_COUNT
};
#define KIND_NONE KIND_COUNT

/* The fields of a subject that make a scope. */
enum breaker_field {
    FIELD_TYPE = 1,
    FIELD_REGION = 2,
    FIELD_ZONE = 4,
    FIELD_INSTANCE_TYPE = 8,
    FIELD_MARKET = 16,
    FIELD_QUOTA_CLASS = 32,
    FIELD_SUBNET = 64,
    FIELD_SPEC = 128
};
#define FIELD_COUNT 8

/* What shows that the scope works again. */
enum breaker_proof { PROVED_BY_LAUNCH, PROVED_BY_SURVIVAL, PROVED_BY_WORK };

enum breaker_pace { PACE_CAPACITY, PACE_GROWING, PACE_SLOW, PACE_DAILY, PACE_SPACED, PACE_QUARANTINE };

struct breaker_rule {
    enum failure failure;
    const char *word; /* first word of the scope's name */
    unsigned fields;
    int64_t after; /* failures running that close it */
    enum breaker_pace pace;
    enum breaker_proof proof;
    const char *lifted_by;
};
extern const struct breaker_rule breaker_rules[KIND_COUNT];

struct span breaker_first_delay(enum breaker_kind kind, const struct breaker_settings *settings);
struct span breaker_most_delay(enum breaker_kind kind, const struct breaker_settings *settings);
/* How long a probe may stay without a result. */
struct span breaker_probe_limit(enum breaker_kind kind, const struct breaker_settings *settings);
bool breaker_is_shared(enum breaker_kind kind);

/* EC2's vCPU quotas are per family group: "standard", "g-vt", ... */
void breaker_quota_class(const char *instance_type, char *out, size_t size);

/* What a state reason of an early death says. */
enum death { DEATH_OF_TYPE, DEATH_SHARED, DEATH_BY_CAPACITY, DEATH_ORDERED };
enum death breaker_death(const char *code);

/* A subject with the hashes of its fields, so that the scopes of all kinds are found without formatting text. */
struct breaker_keys {
    const struct breaker_subject *subject;
    char quota_class[32];
    uint64_t hash[FIELD_COUNT];
};
void breaker_keys_make(struct breaker_keys *keys, const struct breaker_subject *subject);
void breaker_keys_quota_class(struct breaker_keys *keys, const char *quota_class);
uint64_t breaker_key(enum breaker_kind kind, const struct breaker_keys *keys);

struct breaker {
    enum breaker_kind kind;
    uint64_t key;
    struct breaker *next; /* in its chain */
    size_t place;         /* in the list */
    bool active;          /* false: failures are counted, not yet enough to close */
    int64_t failed_grant; /* the newest grant that failed here: an older one's success proves nothing */
    char opener[NAME_SIZE];
    struct breaker_entry entry;
};

/* What is remembered of a type beside its breakers. */
struct breaker_type {
    struct breaker_type *next;
    char name[NAME_SIZE];
    int64_t refusals; /* definition or permission, running */
    int64_t refused;  /* the newest grant among them */
    struct {
        int64_t grant;
        bool failed;
    } launches[3]; /* the newest first */
    int64_t launch_count;
    struct mono defined; /* when its present definition was applied */
    int64_t profile_tries;
};

#define BREAKER_CHAINS 4096
struct breakers {
    struct breaker_settings settings;
    struct breaker *chains[BREAKER_CHAINS];
    struct breaker_type *types[BREAKER_CHAINS];
    struct breaker **list; /* active ones first */
    size_t count, room, active_count;
    size_t active_by_kind[KIND_COUNT];
    uint64_t version, draws;
};

/* breaker_store.c */
struct breaker *breaker_find(const struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys);
struct breaker *breaker_add(struct breakers *breakers, enum breaker_kind kind, const struct breaker_keys *keys);
void breaker_activate(struct breakers *breakers, struct breaker *breaker);
void breaker_remove(struct breakers *breakers, struct breaker *breaker);
struct breaker_type *breaker_type_find(const struct breakers *breakers, const char *name);
struct breaker_type *breaker_type_get(struct breakers *breakers, const char *name);
void breaker_type_remove(struct breakers *breakers, const char *name);

/* breaker_view.c */
enum breaker_state breaker_state_at(const struct breaker *breaker, struct mono now);

#endif
