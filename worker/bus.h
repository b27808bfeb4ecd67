/* SPDX-License-Identifier: MPL-2.0 */
/* bus.h: a worker's line to its supervisor: hello, welcome, and messages that may not be lost.
 * Runs in: type and region workers. Owns: the ZeroMQ context, the bus socket and the messages that wait to be sent.
 * Sending never blocks. When the supervisor takes nothing, states (BEAT, OBSERVATION, BID) are dropped, for the next
 * replaces them; results and listings wait in order. */
#ifndef WORKER_BUS_H
#define WORKER_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/loop.h"
#include "proto/messages.h"
#include "worker/worker.h"

struct bus_text;

struct bus {
    void *context; /* ZeroMQ's */
    void *socket;
    struct bus_text *first, **last; /* waiting */
    size_t waiting;
};

/* Opens the socket and says hello. */
int bus_open(struct bus *bus, struct loop *loop, const struct worker_options *options, struct error *err);
/* Gives what waits up to a second to leave, then closes all. Other sockets of the context must be closed before. */
void bus_close(struct bus *bus, struct loop *loop);

enum bus_care { BUS_MAY_DROP, BUS_KEEP };
/* A message that cannot be encoded is our own bug: it is logged and dropped. */
void bus_send(struct bus *bus, const struct message *message, enum bus_care care);
/* Sends what waits; every loop turn. */
void bus_flush(struct bus *bus);
/* When to do that although nothing happens. */
struct mono bus_deadline(const struct bus *bus, struct mono now);
/* 1 got one, 0 nothing there. A message that does not decode or that a supervisor may not send is logged and passed
 * over: a worker that cannot understand its supervisor is killed by it for its silence. */
int bus_receive(struct bus *bus, enum proto_state state, struct message *out);

#endif
