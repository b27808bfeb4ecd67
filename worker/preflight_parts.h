/* SPDX-License-Identifier: MPL-2.0 */
/* preflight_parts.h: what the files of preflight share: reading facts, adding findings. Pure, like preflight.h; nobody
 * else includes it. */
#ifndef WORKER_PREFLIGHT_PARTS_H
#define WORKER_PREFLIGHT_PARTS_H

#include "worker/preflight.h"

/* One spec under the eyes of the checks. */
struct preflight_look {
    const struct preflight_input *input;
    struct preflight *out;
    const struct catalogue_facts *facts; /* of its region; never NULL, its kinds may be */
    const struct launch_spec *spec;
    size_t index;
};

const struct catalogue_facts *facts_of_region(const struct catalogue_facts *facts, size_t count, const char *region);
/* FACT_UNKNOWN: not read; FACT_ABSENT: EC2 has none. */
enum fact { FACT_UNKNOWN, FACT_ABSENT, FACT_THERE };
enum fact fact_of(const struct catalogue_facts *facts, enum catalogue_kind kind, const char *name, const json_t **item);
bool fact_has(const json_t *item, const char *member, const char *word); /* in a list, or the text itself */
const char *fact_text(const json_t *item, const char *member);           /* "" */
/* "hvm or paravirtual" */
void fact_words(const json_t *item, const char *member, char *out, size_t size);

/* Where in the file a key of the merged launchSpec comes from: the narrowest level that gives it. */
void path_of_key(const struct definition *definition, const struct launch_spec *spec, const char *key, char *out,
                 size_t size);
/* "instanceTypes[2].instanceType", "availabilityZones[1].availabilityZone", "regions[0].region" */
void path_of_list(const struct definition *definition, const struct launch_spec *spec, const char *list, char *out,
                  size_t size);

/* Adds a finding about the spec unless the same stands already (zones share most of them), and leaves the spec out if
 * it is to be. Returns the finding to be filled further, or NULL. */
struct finding *preflight_add(struct preflight_look *look, enum finding_code code, enum severity severity,
                              bool leave_out, const char *path, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* True when the image can boot on the instance type; else *why says what is wrong ("" if it cannot be told). */
bool image_fits(const json_t *image, const json_t *type, enum finding_code *code, char *why, size_t size);

/* The code of the vCPU quota that an instance of the type counts against; NULL: not of the standard families. */
const char *quota_of(const char *instance_type, enum market market);

void preflight_check_image(struct preflight_look *look);   /* preflight_image.c */
void preflight_check_type(struct preflight_look *look);    /* preflight_type.c */
void preflight_check_network(struct preflight_look *look); /* preflight_network.c */

#endif
