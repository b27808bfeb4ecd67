/* SPDX-License-Identifier: MPL-2.0 */
/* supply_parts.h: shared by supply.c and supply_listing.c alone. Pure. */
#ifndef WORKER_SUPPLY_PARTS_H
#define WORKER_SUPPLY_PARTS_H

#include "worker/supply.h"

struct supply_region *supply_region(struct supply *supply, const char *name); /* NULL: not ours */
/* Room for `count` elements; memory running out ends the process. */
void *supply_grow(void *list, size_t count, size_t size);

/* supply_idle.c: runs the idle clocks; whether an instance is about to end itself. */
void supply_idle_read(struct supply *supply, const struct condemn_reading *reading);
bool supply_ending(const struct supply *supply, const struct supply_instance *instance, struct mono now);
bool supply_idle_unclear(const struct supply *supply);

#endif
