/* SPDX-License-Identifier: MPL-2.0 */
/* breaker_table.c: DESIGN section 7 as a table: class of failure -> scope, pace, proof and what lifts it.
 * Runs in: supervisor. Pure. Owns nothing.
 * Also the two look-up lists that scopes need: EC2's vCPU quota families and what a state reason says. */
#include "supervisor/breaker_parts.h"

#include <string.h>

#include "common/text.h"

#define BY_LIFT "provisionctl lift"
#define BY_DEFINITION "a new definition, or provisionctl lift"
#define BY_LAUNCH "a launch there, or provisionctl lift"

const struct breaker_rule breaker_rules[KIND_COUNT] = {
    [KIND_QUARANTINE] = {FAILURE_DEFINITION, "quarantine", FIELD_TYPE, 3, PACE_QUARANTINE, PROVED_BY_LAUNCH,
                         "a launch, a new definition, or provisionctl lift"},
    [KIND_DEFINITION] = {FAILURE_DEFINITION, "definition", FIELD_TYPE | FIELD_REGION | FIELD_INSTANCE_TYPE | FIELD_SPEC,
                         1, PACE_DAILY, PROVED_BY_LAUNCH, BY_DEFINITION},
    /* IAM is global, so one try of the type at a time, whatever the region. */
    [KIND_PROFILE] = {FAILURE_DEFINITION, "profile", FIELD_TYPE, 1, PACE_SPACED, PROVED_BY_LAUNCH, BY_DEFINITION},
    [KIND_PERMISSION] = {FAILURE_PERMISSION, "permission", FIELD_TYPE | FIELD_REGION, 1, PACE_SLOW, PROVED_BY_LAUNCH,
                         BY_LAUNCH},
    [KIND_NO_ANSWER] = {FAILURE_NO_ANSWER, "no-answer", FIELD_TYPE | FIELD_REGION, 2, PACE_GROWING, PROVED_BY_LAUNCH,
                        BY_LAUNCH},
    /* Case B15: the third death running sets the region aside. */
    [KIND_EARLY_DEATH] = {FAILURE_EARLY_DEATH, "early-death", FIELD_TYPE | FIELD_REGION, 3, PACE_GROWING,
                          PROVED_BY_SURVIVAL, "an instance that stays alive, or provisionctl lift"},
    /* Case B04: three launches without effect. */
    [KIND_WITHOUT_EFFECT] = {FAILURE_WITHOUT_EFFECT, "without-effect", FIELD_TYPE, 3, PACE_GROWING, PROVED_BY_WORK,
                             "an instance that takes work, or provisionctl lift"},
    [KIND_QUOTA] = {FAILURE_QUOTA, "quota", FIELD_REGION | FIELD_MARKET | FIELD_QUOTA_CLASS, 1, PACE_GROWING,
                    PROVED_BY_LAUNCH, BY_LAUNCH},
    [KIND_EARLY_DEATH_SHARED] = {FAILURE_EARLY_DEATH, "early-death", FIELD_REGION, 3, PACE_GROWING, PROVED_BY_SURVIVAL,
                                 "an instance that stays alive, or provisionctl lift"},
    [KIND_ADDRESSES] = {FAILURE_ADDRESSES, "addresses", FIELD_SUBNET, 1, PACE_CAPACITY, PROVED_BY_LAUNCH, BY_LAUNCH},
    [KIND_ADDRESSES_OF_ZONE] = {FAILURE_ADDRESSES, "addresses", FIELD_REGION | FIELD_ZONE, 1, PACE_CAPACITY,
                                PROVED_BY_LAUNCH, BY_LAUNCH},
    [KIND_NOT_OFFERED] = {FAILURE_NOT_OFFERED, "not-offered", FIELD_REGION | FIELD_ZONE | FIELD_INSTANCE_TYPE, 1,
                          PACE_DAILY, PROVED_BY_LAUNCH, BY_DEFINITION},
    [KIND_CAPACITY] = {FAILURE_CAPACITY, "capacity", FIELD_REGION | FIELD_ZONE | FIELD_INSTANCE_TYPE | FIELD_MARKET, 1,
                       PACE_CAPACITY, PROVED_BY_LAUNCH, BY_LAUNCH},
    [KIND_PRICE] = {FAILURE_PRICE, "price", FIELD_REGION | FIELD_ZONE | FIELD_INSTANCE_TYPE | FIELD_MARKET, 1,
                    PACE_CAPACITY, PROVED_BY_LAUNCH, "a higher maxPrice, a launch there, or provisionctl lift"},
};

bool breaker_is_shared(enum breaker_kind kind)
{
    return (breaker_rules[kind].fields & FIELD_TYPE) == 0;
}

struct span breaker_first_delay(enum breaker_kind kind, const struct breaker_settings *settings)
{
    switch (breaker_rules[kind].pace) {
    case PACE_CAPACITY:
        return settings->capacity_delay;
    case PACE_SLOW: /* case B51: a permission fault is tried again after ten minutes or more */
        return span_scale(settings->breaker_delay, 10);
    case PACE_DAILY:
        return settings->definition_probe;
    case PACE_QUARANTINE:
        return settings->quarantine_delay;
    case PACE_GROWING:
    case PACE_SPACED:
        break;
    }
    return settings->breaker_delay;
}

struct span breaker_most_delay(enum breaker_kind kind, const struct breaker_settings *settings)
{
    struct span first = breaker_first_delay(kind, settings);

    switch (breaker_rules[kind].pace) {
    case PACE_CAPACITY: /* case B13: 3 to 10 minutes, so that returning capacity is found soon */
        return span_scale(first, 3);
    case PACE_DAILY:
    case PACE_SPACED:
        return first;
    case PACE_SLOW:
    case PACE_QUARANTINE:
    case PACE_GROWING:
        break;
    }
    return span_max(first, settings->breaker_most);
}

struct span breaker_probe_limit(enum breaker_kind kind, const struct breaker_settings *settings)
{
    struct span limit = settings->probe_deadline;

    switch (breaker_rules[kind].proof) {
    case PROVED_BY_LAUNCH:
        break;
    case PROVED_BY_SURVIVAL: /* known two minutes after the launch */
        limit.us += SPAN_SECONDS(120).us;
        break;
    case PROVED_BY_WORK: /* a boot limit may pass before anything is known */
        limit.us += settings->breaker_most.us;
        break;
    }
    return limit;
}

/* Letters before the first digit -> EC2's quota "Running On-Demand <group> instances" and "All <group> Spot Instance
 * Requests" (AWS user guide, "Amazon EC2 instance quotas"). Families that are not listed keep to themselves. */
static const struct {
    const char *family, *group;
} quota_families[] = {
    {"a", "standard"},  {"c", "standard"},  {"d", "standard"},  {"h", "standard"},  {"i", "standard"},
    {"m", "standard"},  {"r", "standard"},  {"t", "standard"},  {"z", "standard"},  {"im", "standard"},
    {"is", "standard"}, {"cc", "standard"}, {"cr", "standard"}, {"hi", "standard"}, {"hs", "standard"},
    {"f", "f"},         {"g", "g-vt"},      {"gr", "g-vt"},     {"vt", "g-vt"},     {"cg", "g-vt"},
    {"p", "p"},         {"x", "x"},         {"inf", "inf"},     {"trn", "trn"},     {"dl", "dl"},
    {"hpc", "hpc"},     {"u", "u"},
};

void breaker_quota_class(const char *instance_type, char *out, size_t size)
{
    char family[16];
    size_t length = strcspn(instance_type, "0123456789.-");

    if (length >= sizeof family)
        length = sizeof family - 1;
    memcpy(family, instance_type, length);
    family[length] = '\0';
    for (size_t i = 0; i < sizeof quota_families / sizeof quota_families[0]; i++)
        if (strcmp(family, quota_families[i].family) == 0) {
            (void)text_copy(out, size, quota_families[i].group);
            return;
        }
    (void)text_copy(out, size, length > 0 ? family : "unknown");
}

/* State reasons of facts/ec2.md; one that is not listed is laid to the type. */
static const struct {
    const char *code;
    enum death death;
} deaths[] = {
    {"Client.VolumeLimitExceeded", DEATH_SHARED}, /* case B15: the account's quota, whoever launches */
    {"Server.InsufficientInstanceCapacity", DEATH_BY_CAPACITY},
    {"Server.SpotInstanceTermination", DEATH_BY_CAPACITY},
    {"Server.SpotInstanceShutdown", DEATH_BY_CAPACITY},
    {"Client.UserInitiatedShutdown", DEATH_ORDERED}, /* somebody terminated it, which says nothing of launches */
};

enum death breaker_death(const char *code)
{
    for (size_t i = 0; code && i < sizeof deaths / sizeof deaths[0]; i++)
        if (strcmp(code, deaths[i].code) == 0)
            return deaths[i].death;
    return DEATH_OF_TYPE;
}
