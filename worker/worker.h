/* SPDX-License-Identifier: MPL-2.0 */
/* worker.h: what a worker process is started with and how it ends; the contract with supervisor/'s child_spawn.
 * Runs in: provisiond-worker. Owns: the copy of the arguments and the per-spawn secret.
 *
 *   provisiond-worker --type NAME | --region NAME | --helper credentials  --run-dir DIR --generation N --parent PID
 *   fd 3: the routing id for the bus, hex text up to end of file; then closed
 *   fd 4: read end of the lifeline pipe: end of file means that the supervisor is gone */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/secret.h"
#include "proto/words.h"

#define WORKER_SECRET_FD 3
#define WORKER_LIFELINE_FD 4

#define WORKER_EXIT_RELOAD 64 /* SIGHUP: respawn at once with the newest definition; no crash */
#define WORKER_EXIT_USAGE 2   /* wrong arguments or a local resource */
#define WORKER_EXIT_REFUSED 3 /* the supervisor's welcome cannot be used: another version, a bad definition */

/* How long a call in flight may still take after SIGHUP or SIGTERM before it is reported as unknown. */
#define WORKER_DRAIN_LIMIT SPAN_SECONDS(2)

enum worker_role { WORKER_TYPE, WORKER_REGION, WORKER_HELPER };

static inline const char *worker_role_name(enum worker_role role)
{
    return role == WORKER_HELPER ? "helper" : role == WORKER_REGION ? "region" : "type";
}

struct worker_options {
    enum worker_role role;
    char name[NAME_SIZE]; /* of the workerType, the region or the helper */
    char run_dir[108];
    int64_t generation;
    pid_t parent;
    struct secret *identity; /* routing id on the bus */
};

/* Each runs the whole life of its process and returns the exit status. */
int type_worker_run(const struct worker_options *options);
int region_worker_run(const struct worker_options *options);
int helper_run(const struct worker_options *options);

#endif
