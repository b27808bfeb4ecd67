/* SPDX-License-Identifier: MPL-2.0 */
/* The worker on each instance: it claims tasks up to its slots, runs them, and shuts its
 * machine down after being idle for long enough. */
#ifndef SIM_WORKERS_H
#define SIM_WORKERS_H

#include <stdint.h>

struct world;
struct instance;

void workers_boot(struct world *world, void *instance, uint64_t stamp); /* the worker has started */
void workers_claim(struct instance *instance);                          /* takes as much work as it has slots for */
void workers_registered(struct instance *instance);                     /* worker-manager knows it now */
void workers_gone(struct instance *instance);                           /* the machine ends: its tasks are lost */

#endif
