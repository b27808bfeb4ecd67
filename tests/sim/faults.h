/* SPDX-License-Identifier: MPL-2.0 */
/* Scripted faults: which request or launch they strike, when, how often, and to what effect.
 * docs/simcloud.md lists the matches and effects. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "random.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct world;
struct instance;
struct exchange;

/* What a request is about. Any text may be NULL: then no fault that names it matches. */
struct subject {
    const char *service, *action, *region, *zone, *instance_type, *worker_type, *image_id, *market, *token;
    int page; /* of a listing, from 1; 0: no listing */
};

struct fault {
    int id;
    double from, to, probability;
    long times; /* still to come; negative: no limit */
    int nth, seen;
    json_t *match, *effect;
    bool on_request, on_launch, ended;
};

/* Adds a fault as in the scenario, its times counted from `base`. Returns its number, or -1
 * with the reason in error (of the given size). */
int faults_add(struct world *world, const json_t *fault, double base, char *error, size_t error_size);
void faults_end(struct world *world, int id); /* 0: all */

struct fault *faults_for_request(struct world *world, const struct subject *subject);

/* Before the request is carried out. True: it will not be (the answer is there), or not yet
 * (exchange->hold is set). */
bool faults_before(struct exchange *exchange);
/* After it was carried out: spoils the answer or its delivery. */
void faults_after(struct exchange *exchange);

/* Marks a newly launched instance with all faults that strike launches. */
void faults_mark_launch(struct world *world, struct instance *instance, struct spread *boot_time);

#endif
