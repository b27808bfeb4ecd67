/* SPDX-License-Identifier: MPL-2.0 */
/* hawk.h: Hawk's Authorization header (sha256, no payload hash, as Taskcluster's own clients do) and the check of a
 * server's time stamp. Runs in: type worker. Does no I/O but kernel random numbers. Owns nothing.
 * Source: the Hawk API document, mozilla/hawk API.md ("Protocol Example", "Replay Protection"). */
#ifndef WORKER_QUEUE_HAWK_H
#define WORKER_QUEUE_HAWK_H

#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "worker/queue/queue.h"

#define HAWK_NONCE_SIZE 17 /* 8 random bytes in hex */
void hawk_nonce(char out[HAWK_NONCE_SIZE]);

/* Appends "Authorization: Hawk id=..., ..." to `out`. `seconds` is unix time, corrected by the host's offset. */
int hawk_header(struct buffer *out, const struct queue_credentials *credentials, const char *method, const char *url,
                int64_t seconds, const char *nonce, struct error *err);

/* Reads the time stamp of a WWW-Authenticate header. 1: *seconds is proven by our key; 0: the header has none; -1: it
 * has one, and its mac is missing or wrong: forged (case B52). */
int hawk_server_time(const char *header, const struct queue_credentials *credentials, int64_t *seconds);

#endif
