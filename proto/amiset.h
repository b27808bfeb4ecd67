/* SPDX-License-Identifier: MPL-2.0 */
/* amiset.h: AMI sets: for each region the image of each virtualisation and architecture, so that a workerType names a
 * set and the image that fits each instance type is chosen ("which types need PV?", 2016-07-21).
 *   {"us-west-2": {"hvm": {"x86_64": "ami-1", "arm64": "ami-2"}, "pv": "ami-3"}}     text stands for {"x86_64": text}
 * Runs in: supervisor (files, revisions), type worker (chooses), provisionctl (import). Pure: no file, no clock.
 * Owns: everything inside struct amiset until amiset_destroy. */
#ifndef PROTO_AMISET_H
#define PROTO_AMISET_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"
#include "common/json.h"
#include "proto/words.h"

/* As the files say it, in the order in which one is chosen: the newer virtualisation, the commoner architecture. */
#define AMISET_VIRTUALIZATIONS(V) V("hvm") V("pv")
#define AMISET_ARCHITECTURES(A) A("x86_64") A("arm64") A("i386")

struct amiset_image {
    char region[NAME_SIZE];
    char virtualization[8]; /* hvm or pv */
    char architecture[16];
    char image[NAME_SIZE];
};

struct amiset {
    char name[NAME_SIZE];
    char file[256];              /* for messages */
    struct amiset_image *images; /* by region, then in the order above */
    size_t count;
    json_t *document; /* canonical: every image under its architecture */
    char hash[HASH_SIZE];
};

/* NULL with *err (file and path) when anything is wrong. `name` becomes part of a file's name. */
struct amiset *amiset_parse(const json_t *document, const char *name, const char *file, struct error *err);
/* The same for a member of another document; `at` is its place there. */
struct amiset *amiset_parse_at(const json_t *document, const char *name, const struct json_at *at, struct error *err);
void amiset_destroy(struct amiset **set);
int amiset_check_name(const char *name, const struct json_at *at, struct error *err);

/* How many images the set has for a region; *only is the image if it is one. */
size_t amiset_region(const struct amiset *set, const char *region, const char **only);

/* "hvm" and "paravirtual" are EC2's words; "hvm" and "pv" ours. */
const char *amiset_ec2_virtualization(const char *ours);

#endif
