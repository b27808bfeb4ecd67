/* SPDX-License-Identifier: MPL-2.0 */
/* start.h: what every worker does before its role begins, and what the roles share at their start.
 * Runs in: provisiond-worker. Owns nothing that lasts but the title. */
#ifndef WORKER_START_H
#define WORKER_START_H

#include "common/error.h"
#include "common/http.h"
#include "common/loop.h"
#include "proto/config.h"
#include "worker/bus.h"
#include "worker/ec2/credentials.h"
#include "worker/worker.h"

/* Reads the routing id from fd 3 up to its end and closes it. NULL with *err: not there or not hex text. */
struct secret *start_read_identity(struct error *err);
/* PDEATHSIG, and whether the parent is still the one that we were told. */
int start_tie_to_parent(pid_t parent, struct error *err);
/* Default dispositions and an empty mask: both survive an exec (STYLE trap 7). SIGPIPE stays ignored. */
void start_reset_signals(void);
void start_clean_environment(void);
/* Signatures and tokens pass through buffers of libraries, which no page of ours protects. */
void start_keep_out_of_cores(void);
/* "provisiond-worker type NAME" in /proc/PID/cmdline; overwrites the arguments, so copy them before. */
void start_set_title(int argc, char **argv, const struct worker_options *options);

/* What a role makes of its WELCOME; -1 with *err: it cannot work with it. */
typedef int start_taker(void *worker, const struct proto_WELCOME *welcome, struct error *err);
/* Loop, bus, hello, welcome. True: the worker may work; false: it is over, with *exit_status. What was opened is the
 * caller's to close in either case. */
bool start_role(struct loop **loop, struct bus *bus, const struct worker_options *options, start_taker *take,
                void *worker, int *exit_status);

/* The settings that WELCOME brings. */
int start_read_settings(const char *text, struct config *out, struct error *err);
struct http_client *start_http(struct loop *loop, const struct config *config, struct error *err);
/* Of the credentials helper alone: where credentials come from. NULL with *err: no memory. */
struct credentials *start_credentials(struct loop *loop, struct http_client *http, const struct config *config,
                                      struct error *err);

#endif
