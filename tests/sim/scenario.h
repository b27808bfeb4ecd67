/* SPDX-License-Identifier: MPL-2.0 */
/* Reads scenarios into the world. The same code applies a whole scenario at the start and the
 * `set` of an event later: everything merges. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "random.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct world;
struct queue;

#define SCENARIO_ERROR_SIZE 256

/* All of these return false, or -1, with one line in error. */
int scenario_load(struct world *world, const char *path, char *error);
bool scenario_apply(struct world *world, const json_t *set, char *error);

/* Recomputes how a queue's workers behave; NULL: those of no queue. */
void scenario_settle_workers(struct world *world, struct queue *queue);

/* Small readers, used by all that read scenario JSON. */
bool scenario_keys_known(const json_t *object, const char *const *keys, const char *what, char *error,
                         size_t error_size);
double scenario_number(const json_t *object, const char *key, double otherwise);
bool scenario_read_spread(const json_t *value, struct spread *out); /* false: not a duration */

/* scenario_regions.c */
bool scenario_apply_regions(struct world *world, const json_t *regions, char *error);
bool scenario_apply_types(struct world *world, const json_t *types, char *error);
bool scenario_apply_images(struct world *world, const json_t *images, char *error);

/* scenario_access.c */
bool scenario_apply_credentials(struct world *world, const json_t *credentials, char *error);
bool scenario_apply_clients(struct world *world, const json_t *clients, char *error);

/* arrivals.c: starts a generator of tasks for the queue. */
bool arrivals_start(struct queue *queue, const json_t *arrival, char *error);

#endif
