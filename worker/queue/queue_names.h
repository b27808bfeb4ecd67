/* SPDX-License-Identifier: MPL-2.0 */
/* queue_names.h: the queue's base URL and the task queue's name as they stand in a URL. Private to queue.c.
 * Runs in: type worker. Pure. Owns nothing. */
#ifndef WORKER_QUEUE_QUEUE_NAMES_H
#define WORKER_QUEUE_QUEUE_NAMES_H

#include <stddef.h>

#include "worker/queue/queue.h"

/* "https://tc.example.com/api/queue/v1" and "provisioner%2Ftype". */
int queue_names(const struct queue_options *options, char *base, size_t base_size, char *name, size_t name_size,
                struct error *err);

#endif
