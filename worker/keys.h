/* SPDX-License-Identifier: MPL-2.0 */
/* keys.h: a worker's copy of the AWS credentials, which the credentials helper gets and refreshes for all workers:
 * asked for at the start, then every half minute, and at once when EC2 refused them. A worker that gets none says so
 * and waits; one whose helper is dead goes on with what it has. Runs in: type and region workers. Owns: its copy, in
 * pages of its own, and the socket. Never blocks, never logs. */
#ifndef WORKER_KEYS_H
#define WORKER_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "worker/ec2/ec2.h"

struct keys;

/* Opens the socket in the worker's ZeroMQ context and asks. Caller owns *out. */
int keys_create(struct keys **out, struct loop *loop, void *zmq_context, const char *run_dir, struct error *err);
void keys_destroy(struct keys **keys); /* NULL-safe; before the context ends */
/* Takes answers and asks where it is time; every loop turn. True when other credentials came. */
bool keys_step(struct keys *keys, struct mono now);
struct mono keys_deadline(const struct keys *keys);

/* The current ones, expired ones too (EC2 judges them, our clock may be wrong), or NULL. Borrowed until keys_step. */
const struct aws_credentials *keys_now(const struct keys *keys);
/* A sentence on why there are none. */
const char *keys_problem(const struct keys *keys);
/* The first answer is still awaited, for a bounded time: whoever can wait, waits. */
bool keys_awaited(const struct keys *keys, struct mono now);

/* Counts the changes: what was signed with an older edition may be signed anew. */
uint64_t keys_edition(const struct keys *keys);
/* EC2 refused the current ones: asks for others. */
void keys_refused(struct keys *keys);
/* The helper looked, and there are no others: the refusal stands. */
bool keys_final(const struct keys *keys);

#endif
