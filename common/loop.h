/* SPDX-License-Identifier: MPL-2.0 */
/* loop.h: waits for everything a process listens to: ZeroMQ sockets, file descriptors, signals, one deadline.
 * Runs in: every process. Owns: one epoll descriptor (inside the zmq_poll array) and one signalfd.
 * It decides nothing: the main loop of each process calls loop_wait() and then reads its sources top-down.
 * ZMQ_FD is edge-triggered (STYLE trap 11): only zmq_poll is used, and readers drain to EAGAIN. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"

struct loop;

/* Called from loop_wait when `fd` has `events` (EPOLLIN ...). May add and remove descriptors, itself included. */
typedef void loop_fd_function(void *context, int fd, uint32_t events);

int loop_create(struct loop **out, struct error *err);
void loop_destroy(struct loop **loop);

/* Wakes loop_wait when the ZeroMQ socket is readable. The socket stays the caller's. At most 16 sockets. */
int loop_add_socket(struct loop *loop, void *zmq_socket, struct error *err);
void loop_remove_socket(struct loop *loop, void *zmq_socket);

/* The descriptor stays the caller's; remove it before closing it. Removing one that is unknown or closed is no fault
 * (STYLE trap 12); adding one again replaces it. A NULL function only wakes loop_wait. loop_change_fd alters the
 * awaited events. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_function *function, void *context,
                struct error *err);
int loop_change_fd(struct loop *loop, int fd, uint32_t events, struct error *err);
void loop_remove_fd(struct loop *loop, int fd);

/* Blocks the given signals and turns them into data: loop_take_signal gives them one by one. */
int loop_catch_signals(struct loop *loop, const int *signals, int count, struct error *err);
/* The next caught signal, or 0. SIGCHLD and SIGHUP coalesce: drain children with waitpid, treat SIGHUP as a level. */
int loop_take_signal(struct loop *loop);

/* Waits until something is ready or the deadline comes, runs the callbacks of ready descriptors (a bounded number a
 * turn), and returns 0; EINTR returns 0 early. -1 only on a broken poll set. */
int loop_wait(struct loop *loop, struct mono deadline, struct error *err);

#endif
