/* SPDX-License-Identifier: MPL-2.0 */
/* queue.h: demand from a Taskcluster queue: counts, oldest pending, claimed list; Hawk-signed, with the fall-backs of
 * facts/taskcluster.md (404 on counts: the deprecated pending route; 403/404 on the pending list: lag is estimated).
 * Runs in: type worker. Never blocks. Owns: its requests and the last readings, each with the time it was seen.
 * Any error, odd status, missing or non-integer field is "unknown", never zero (case B21). */
#ifndef WORKER_QUEUE_QUEUE_H
#define WORKER_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/secret.h"
#include "worker/queue/http_json.h"

struct queue;

struct queue_credentials {
    char client_id[256];
    struct secret *access_token;
    struct secret *certificate; /* JSON, NULL: permanent credentials */
};
/* TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN, TASKCLUSTER_CERTIFICATE, taken out of the environment. */
void queue_credentials_from_environment(struct queue_credentials *out);
void queue_credentials_copy(struct queue_credentials *out, const struct queue_credentials *from);
void queue_credentials_clear(struct queue_credentials *credentials);

struct queue_options {
    const char *root_url, *provisioner_id, *worker_type;
    const struct queue_credentials *credentials;
    const struct http_json *http_json; /* NULL: Taskcluster's queue; else this URL is asked, and nothing of the queue */
    struct span connect_limit, total_limit;
};

struct demand {
    int64_t pending, claimed; /* tasks; -1 unknown */
    struct mono seen;         /* when the counts request was answered; MONO_ZERO never */
    struct wall seen_wall;
    struct wall oldest; /* when the oldest pending task was inserted; ms 0: none or unknown */
    bool oldest_estimated;
    bool claimed_list_known; /* the claimed route works for us */
    char problem[256];       /* what is wrong in one line, "" if nothing */
};

/* The texts and credentials of *options are copied; the client stays the caller's and outlives the queue's last
 * http_step: after queue_destroy nothing may run the client but http_destroy. */
int queue_create(struct queue **out, struct http_client *http, const struct queue_options *options, struct error *err);
void queue_destroy(struct queue **queue);
/* Starts one reading (counts; then the oldest pending only while pending > 0; the claimed list only when asked for).
 * A reading that is still under way is left to finish; after a refused authentication polls are skipped for a growing
 * while (case B52). */
void queue_poll(struct queue *queue, bool want_claimed_list, struct mono now);
bool queue_busy(const struct queue *queue);
/* The last good figures; pending stays at the last good value with its old `seen`; problem says what failed since. */
const struct demand *queue_demand(const struct queue *queue);
/* Worker ids of the last claimed list. */
size_t queue_claimed_count(const struct queue *queue);
const char *queue_claimed_worker(const struct queue *queue, size_t index);
/* Rises with each finished reading, good or bad. */
uint64_t queue_readings(const struct queue *queue);
/* Retries with jitter on network errors and 5xx; every loop turn. */
void queue_step(struct queue *queue, struct mono now);
/* The queue's clock minus ours, in seconds, as far as it was proven. */
int64_t queue_clock_offset(const struct queue *queue);
struct mono queue_deadline(const struct queue *queue);

#endif
