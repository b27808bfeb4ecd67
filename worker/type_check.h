/* SPDX-License-Identifier: MPL-2.0 */
/* type_check.h: one pass over the regions' catalogues for one definition: asks the region workers for all that it
 * names and keeps the answers; a bounded wait, since the rest can go on without. Private to worker/type_*.c.
 * Runs in: type worker. Owns: the answers, until type_check_clear. */
#ifndef WORKER_TYPE_CHECK_H
#define WORKER_TYPE_CHECK_H

#include "proto/config.h"
#include "proto/messages.h"
#include "worker/preflight.h"

struct type_worker;

struct type_look {
    int64_t id; /* of the LOOKUP under way; 0 none */
    size_t region;
    enum catalogue_kind kind;
    struct mono due; /* asks, or asks again */
    bool open;
};

struct type_check {
    struct definition *definition; /* borrowed */
    const json_t *candidates;      /* borrowed; may be NULL */
    bool images_only, forced;
    struct catalogue_facts facts[CONFIG_MAX_REGIONS];
    size_t region_count;
    struct type_look looks[CONFIG_MAX_REGIONS * CATALOGUE_KIND_COUNT];
    size_t look_count;
    struct mono limit;
    bool running;
    char problem[160]; /* why the last look-up failed */
};

void type_check_begin(struct type_worker *worker, struct type_check *check, struct span wait, struct mono now);
/* Asks what is due. True once, when all is known or the time is up. */
bool type_check_step(struct type_worker *worker, struct type_check *check, struct mono now);
bool type_check_found(struct type_check *check, const struct proto_FOUND *found, struct mono now);
struct mono type_check_deadline(const struct type_check *check);
bool type_check_complete(const struct type_check *check); /* nothing stayed unread */
void type_check_clear(struct type_check *check);

#endif
