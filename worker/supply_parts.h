/* SPDX-License-Identifier: MPL-2.0 */
/* supply_parts.h: shared by supply.c and supply_listing.c alone. Pure. */
#ifndef WORKER_SUPPLY_PARTS_H
#define WORKER_SUPPLY_PARTS_H

#include "worker/supply.h"

struct supply_region *supply_region(struct supply *supply, const char *name); /* NULL: not ours */
/* Room for `count` elements; memory running out ends the process. */
void *supply_grow(void *list, size_t count, size_t size);

#endif
