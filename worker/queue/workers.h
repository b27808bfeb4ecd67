/* SPDX-License-Identifier: MPL-2.0 */
/* workers.h: a list of worker ids, as the pages of a claimed list bring them. Private to queue.c.
 * Runs in: type worker. Pure. Owns: its copies of the ids, until workers_clear. */
#ifndef WORKER_QUEUE_WORKERS_H
#define WORKER_QUEUE_WORKERS_H

#include <stddef.h>

/* Zero-initialised is empty. */
struct workers {
    char **ids;
    size_t count, room;
};

void workers_clear(struct workers *workers);
void workers_add(void *workers, const char *id); /* a queue_worker_function */

#endif
