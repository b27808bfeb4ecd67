/* SPDX-License-Identifier: MPL-2.0 */
/* definition.h: a workerType's definition, checked, and the launch specifications that it merges to.
 * The schema is aws-provisioner's (facts/taskcluster.md) with the additions of DESIGN section 10. One field table
 * (definition.c) gives parser, defaults, canonical print and, later, the JSON Schema.
 * Runs in: supervisor (checks files, keeps revisions) and type worker (plans from it). Does no I/O.
 * Owns: everything inside struct definition until definition_destroy. */
#ifndef PROTO_DEFINITION_H
#define PROTO_DEFINITION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/money.h"
#include "proto/amiset.h"
#include "proto/words.h"

#define USER_DATA_LIMIT 16384 /* bytes before base64 (case B56) */

/* One region x zone x instance type, merged: global -> region -> availabilityZone -> instanceType. */
struct launch_spec {
    char region[NAME_SIZE];
    char zone[NAME_SIZE];
    char instance_type[NAME_SIZE];
    int64_t capacity;  /* units an instance gives */
    double utility;    /* relative worth: price / utility ranks */
    json_t *launch;    /* merged launchSpec: RunInstances parameters under aws-provisioner's names; read only: */
    json_t *user_data; /* merged userData: any JSON object; read only: both may be shared by several specs */
    char subnet[NAME_SIZE];
    char image[NAME_SIZE]; /* "" until definition_choose_image: its AMI set has several for the region */
    char hash[HASH_SIZE];  /* of launch + user_data + capacity + instance type: the spec hash, image included */
};

struct definition {
    char name[NAME_SIZE];
    char file[256];                     /* for messages */
    int64_t min_capacity, max_capacity; /* units */
    double scaling_ratio;
    struct money min_price, max_price; /* dollars an hour, each instance */
    bool can_use_spot, can_use_on_demand;
    int64_t canary; /* instances; 0 is off */
    struct span settle;
    int64_t priority;
    bool essential;
    struct span latency_target; /* 0: no alarm */
    int64_t max_floor;
    struct span boot_limit, pending_limit, max_lifetime;
    struct span idle_limit;      /* 0: see definition_idle_limit */
    struct span on_demand_after; /* 0: never */
    int64_t on_demand_max;       /* instances */
    /* Where its demand is read; url "": from Taskcluster. worker/queue/http_json.h */
    char demand_url[512], demand_pending[128], demand_claimed[128], demand_oldest[128], demand_authorization_file[256];
    json_t *tags;              /* user's tags: name -> text */
    char ami_set[NAME_SIZE];   /* "": each region names its image */
    struct amiset *images;     /* of that set, as it was when the definition was applied; NULL without one */
    json_t *document;          /* canonical: as parsed, defaults filled in */
    char hash[HASH_SIZE];      /* of the canonical document */
    struct launch_spec *specs; /* every combination, in file order */
    size_t spec_count;
    int64_t largest_capacity, smallest_capacity; /* units of one instance, over the specs */
};

/* The zones that a region has when a definition lists none for it; from the daemon's settings. */
struct region_zones {
    const char *region;
    const char *const *zones;
    size_t zone_count;
};

/* Checks and merges. `file` is for messages. Every fault names file and JSON path and, for unknown keys, a suggestion:
 * min > max, capacity over maxCapacity (case B05 names both values), user data over the limit with its longest variable
 * parts (case B56), ImageId outside a region, InstanceType inside a launchSpec, SecurityGroups with SubnetId, missing
 * ImageId, InstanceType or KeyName after the merge, price 0, unknown region. Returns NULL with *err filled. */
struct definition *definition_parse(const json_t *document, const char *file, const struct region_zones *regions,
                                    size_t region_count, struct error *err);
void definition_destroy(struct definition **definition);

/* The size of the user data depends on the daemon's settings, which definition_parse does not know: it refuses only
 * what can never fit. Whoever has the settings asks this too, before the definition is applied (case B56: refused at
 * load, not at the launch). Token and prices count at their longest. */
int definition_check_user_data(const struct definition *definition, const char *provisioner_id, const char *root_url,
                               struct error *err);

/* A definition that names an AMI set is parsed only with the set's images in it (member amiImages), so that a revision
 * holds the ids that it launched and a rollback brings them back. New reference: the document with the images of the
 * regions that it lists; a document without amiSet as it is. `set` is the one that it names. */
json_t *definition_with_images(const json_t *document, const struct amiset *set);
/* The set that a document names, or NULL. */
const char *definition_set_name(const json_t *document);
/* Gives a spec the image that was chosen for it, and the hash that it would have had with ImageId in the file. */
void definition_choose_image(struct launch_spec *spec, const char *image);

/* After how long of idleness its workers end themselves: idleLimit, or the shortest that its user data names; 0: not
 * known. The daemon ends nobody for idleness: it only replaces a floor's instances ahead of it. */
struct span definition_idle_limit(const struct definition *definition);

/* The spec of a placement, or NULL. */
const struct launch_spec *definition_spec(const struct definition *definition, const char *region, const char *zone,
                                          const char *instance_type);

#endif
