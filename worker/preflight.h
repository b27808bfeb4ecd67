/* SPDX-License-Identifier: MPL-2.0 */
/* preflight.h: does what a definition asks for fit EC2's catalogue, for each region x zone x instance type?
 * (2016-07-21: images that boot only hvm on instance types that boot only paravirtual.)
 * Pure: no clock, no I/O: what the region workers found comes in as JSON, findings go out as structs.
 * Runs in: type worker. Owns: struct preflight until preflight_clear. A fact that could not be read is NULL, and
 * unknown is never a fault: the check is left out and said so. */
#ifndef WORKER_PREFLIGHT_H
#define WORKER_PREFLIGHT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/money.h"
#include "proto/definition.h"

/* Every finding there can be. docs/preflight.md has a row for each and the test that makes it appear and stay away
 * (tests/process/test_preflight_table.py compares; so does the last test of tests/unit/test_preflight_checks.c). */
#define PREFLIGHT_CODES(C)                                                                                             \
    C(FINDING_IMAGE_MISSING, "image-missing")                                                                          \
    C(FINDING_IMAGE_STATE, "image-state")                                                                              \
    C(FINDING_IMAGE_VIRTUALIZATION, "image-virtualization")                                                            \
    C(FINDING_IMAGE_ARCHITECTURE, "image-architecture")                                                                \
    C(FINDING_IMAGE_BOOT_MODE, "image-boot-mode")                                                                      \
    C(FINDING_IMAGE_ENA, "image-ena")                                                                                  \
    C(FINDING_IMAGE_ROOT_DEVICE, "image-root-device")                                                                  \
    C(FINDING_VOLUME_TOO_SMALL, "volume-too-small")                                                                    \
    C(FINDING_SET_WITHOUT_IMAGE, "set-without-image")                                                                  \
    C(FINDING_NO_IMAGE_CHOSEN, "no-image-chosen")                                                                      \
    C(FINDING_TYPE_MISSING, "type-missing")                                                                            \
    C(FINDING_NOT_OFFERED, "not-offered")                                                                              \
    C(FINDING_MARKET, "market")                                                                                        \
    C(FINDING_SUBNET_MISSING, "subnet-missing")                                                                        \
    C(FINDING_SUBNET_ZONE, "subnet-zone")                                                                              \
    C(FINDING_SUBNET_FULL, "subnet-full")                                                                              \
    C(FINDING_GROUP_MISSING, "group-missing")                                                                          \
    C(FINDING_GROUP_VPC, "group-vpc")                                                                                  \
    C(FINDING_KEY_MISSING, "key-missing")                                                                              \
    C(FINDING_PRICE, "price")                                                                                          \
    C(FINDING_VCPU_QUOTA, "vcpu-quota")                                                                                \
    C(FINDING_MIN_PRICE, "min-price")                                                                                  \
    C(FINDING_DRY_RUN, "dry-run")                                                                                      \
    C(FINDING_NOT_CHECKED, "not-checked")
#define FINDING_ENUM(symbol, name) symbol,
enum finding_code { PREFLIGHT_CODES(FINDING_ENUM) FINDING_CODE_COUNT };
const char *finding_code_name(enum finding_code code);

/* Kinds of look-ups; the name is LOOKUP's `kind`. */
#define CATALOGUE_KINDS(K)                                                                                             \
    K(CATALOGUE_IMAGES, "images")                                                                                      \
    K(CATALOGUE_TYPES, "instance-types")                                                                               \
    K(CATALOGUE_OFFERINGS, "offerings")                                                                                \
    K(CATALOGUE_SUBNETS, "subnets")                                                                                    \
    K(CATALOGUE_GROUPS, "security-groups")                                                                             \
    K(CATALOGUE_GROUP_NAMES, "security-group-names")                                                                   \
    K(CATALOGUE_KEYS, "key-pairs")                                                                                     \
    K(CATALOGUE_QUOTAS, "quotas")
#define CATALOGUE_ENUM(symbol, name) symbol,
enum catalogue_kind { CATALOGUE_KINDS(CATALOGUE_ENUM) CATALOGUE_KIND_COUNT };
const char *catalogue_kind_name(enum catalogue_kind kind);
int catalogue_kind_of(const char *name); /* -1: none */

/* What is known of a region: for each kind an object name -> flat item of EC2's answer (ec2_reader_calls.item), null
 * where EC2 has no such thing. NULL: could not be read. Offerings: name -> list of zones. Quotas: code -> {"value":
 * vCPUs as text}; null also where it may not be read, which is no fault. */
struct catalogue_facts {
    char region[NAME_SIZE];
    json_t *of[CATALOGUE_KIND_COUNT];
};

enum severity { SEVERITY_WARNING, SEVERITY_ERROR };

struct finding {
    enum finding_code code;
    enum severity severity;
    char path[160]; /* in the definition's file: regions[0].launchSpec.ImageId */
    char region[NAME_SIZE], zone[NAME_SIZE], instance_type[NAME_SIZE], image[NAME_SIZE];
    char market[12]; /* "": both */
    char found[200]; /* "ami-1 is hvm; m1.medium boots only paravirtual" */
    char fits[200];  /* what would: "set docker-worker has ami-2 for it"; "": not known */
};

/* Spot prices as the plan sees them; NULL function: not looked at. 0: unknown. */
typedef struct money preflight_price(void *context, const struct launch_spec *spec);

struct preflight_input {
    const struct definition *definition;
    const struct catalogue_facts *facts;
    size_t region_count;
    const json_t *candidates; /* [{region, image, from}]: images known elsewhere; may be NULL */
    preflight_price *price;
    void *price_context;
    const json_t *dry_runs; /* spec hash -> {"code", "message"} of a refused DryRun; may be NULL */
    bool images_only;       /* preflight is off: only what choosing an image needs */
    bool forced;            /* finds, but leaves nothing out */
};

struct preflight {
    struct finding *findings;
    size_t count, room;
    bool *spot_out, *on_demand_out; /* of each spec: left out in that market */
    size_t placements;              /* specs */
    size_t usable;                  /* specs not left out in every market that the definition allows */
    size_t errors;
};

/* The names of a kind that the definition (and the candidates) need in a region. New reference: a list, sorted. */
json_t *preflight_names(const struct preflight_input *input, const char *region, enum catalogue_kind kind);
/* Chooses images for specs that have none yet and whose instance type is known. Returns how many are still without. */
size_t preflight_choose(struct definition *definition, const struct catalogue_facts *facts, size_t region_count);
/* All checks. *out must be zeroed or cleared. */
void preflight_run(const struct preflight_input *input, struct preflight *out);
void preflight_clear(struct preflight *preflight);

/* One sentence for a person: "regions[0].launchSpec.ImageId: ami-1 is hvm; ...; set docker-worker has ami-2 for it". */
void preflight_sentence(const struct finding *finding, char *out, size_t size);
/* The first error, else "". */
void preflight_first_error(const struct preflight *preflight, char *out, size_t size);
/* New reference: a list of objects with the fields of struct finding and the sentence. */
json_t *preflight_json(const struct preflight *preflight);

#endif
