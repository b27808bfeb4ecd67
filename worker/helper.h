/* SPDX-License-Identifier: MPL-2.0 */
/* helper.h: what the credentials helper consists of; private to worker/helper*.c.
 * Runs in: provisiond-worker --helper credentials. Owns: struct helper. */
#ifndef WORKER_HELPER_H
#define WORKER_HELPER_H

#include "common/http.h"
#include "common/loop.h"
#include "proto/config.h"
#include "proto/messages.h"
#include "worker/bus.h"
#include "worker/ec2/credentials.h"
#include "worker/worker.h"

/* A worker that waits for an answer. */
struct asker {
    char peer[64];
    int64_t id;
};

struct helper {
    const struct worker_options *options;
    struct loop *loop;
    struct bus bus;
    struct http_client *http;
    struct credentials *credentials;
    struct config config;
    void *socket; /* ROUTER: the workers */
    struct asker *askers;
    size_t asker_count, asker_room;
    struct message told; /* the supervisor, last */
    struct mono tick_began;
    int64_t tick_number;
    bool stopping;
    int exit_status;
};

/* helper_answer.c: takes questions, answers those that can be answered. */
void helper_take_questions(struct helper *helper, struct mono now);
void helper_answer(struct helper *helper);

#endif
