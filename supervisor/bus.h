/* SPDX-License-Identifier: MPL-2.0 */
/* bus.h: the supervisor's end of the workers' line: who is who by the per-spawn secret, what each may say, and the
 * table of handlers. Runs in: supervisor, main thread. Owns: the list of secrets and the bus socket. A bad message
 * kills the worker that sent it, never the supervisor. The words of a process that is gone are refused, but for what it
 * did: results and work seen still count (DESIGN section 5, 8). */
#ifndef SUPERVISOR_BUS_H
#define SUPERVISOR_BUS_H

#include "supervisor/supervisor.h"

/* The worker's running generation may speak now. */
void bus_admit(struct supervisor *supervisor, struct worker *worker);
/* It was reaped; its last messages may still be on the way. */
void bus_retire(struct supervisor *supervisor, struct worker *worker);
/* Sends to its running generation, without blocking. -1: it did not leave. */
int bus_post(struct supervisor *supervisor, struct worker *worker, const struct message *message);
/* Takes what is there, a bounded number; true when there may be more. */
bool bus_drain(struct supervisor *supervisor);

/* What a handler is told of the sender. */
struct bus_sender {
    struct worker *worker;
    int64_t generation;
    bool gone; /* its process was reaped */
};
typedef void bus_handler(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message);

/* bus_type.c, bus_region.c and credentials.c: message->as may be emptied by the handler. */
bus_handler bus_hello, bus_beat;
bus_handler bus_observation, bus_bid, bus_result, bus_renew, bus_worked, bus_condemn;
bus_handler bus_rows, bus_listed, bus_listing_failed, bus_prices, bus_terminated;
bus_handler bus_credentials;
/* A new share of queueRate and the breakers that concern it, where they changed. */
void bus_send_paces(struct supervisor *supervisor);
void bus_send_breakers(struct supervisor *supervisor);
/* The instance types and workerTypes that a region worker needs prices and inventory for; to those whose list changed.
 */
void bus_send_scopes(struct supervisor *supervisor);
/* Tells type workers the on-demand prices of their placements, where they are others than those told last. */
void bus_send_on_demand(struct supervisor *supervisor);

#endif
