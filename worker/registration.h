/* SPDX-License-Identifier: MPL-2.0 */
/* registration.h: tells Taskcluster's worker-manager which instances are ours, by the static provider's route: PUT once
 * an instance is known, DELETE once it is gone (facts/taskcluster.md). Launching waits for none of it.
 * Nothing is remembered over a restart: what is known of the world decides. A new worker PUTs every instance that is
 * listed (a 409 says that it is there already) and DELETEs those that are listed as gone (a 404 is as good).
 * Runs in: type worker. Never blocks. Owns: the list, at most REGISTRATION_AT_ONCE requests, the deployment key. */
#ifndef WORKER_REGISTRATION_H
#define WORKER_REGISTRATION_H

#include "common/http.h"
#include "proto/messages.h"
#include "proto/words.h"
#include "worker/queue/queue.h"

#define REGISTRATION_AT_ONCE 8

struct registration;

struct registration_options {
    const char *root_url, *provisioner_id, *worker_type;
    const struct queue_credentials *credentials; /* borrowed: they live as long as the worker */
    struct span connect_limit, total_limit;
    struct span lifetime; /* of an instance at most: the registration expires an hour later */
    const char *key_file; /* "": the credential deployment-key that systemd hands over */
};

/* -1: there is no key that can be used. */
int registration_create(struct registration **out, struct http_client *http, const struct registration_options *options,
                        struct error *err);
void registration_destroy(struct registration **registration);

/* An instance that a launch returned or a listing shows. `token` is that of its launch. */
void registration_add(struct registration *registration, const char *region, const char *id, const char *token,
                      int64_t capacity);
/* All of the type's rows in a complete listing of a region that began at `began`: adds, and removes what is gone. */
void registration_listed(struct registration *registration, const struct proto_INVENTORY *listing, struct span grace);

/* Starts what is due. `clock_offset` is the server's clock minus ours, in seconds. */
void registration_step(struct registration *registration, int64_t clock_offset, struct mono now);
struct mono registration_deadline(const struct registration *registration);

/* For the user data of a launch. */
struct secret *registration_secret_of(const struct registration *registration, const char *token);
/* How many wait to be registered or removed; what went wrong last while one of them failed again and again, else "". */
size_t registration_waiting(const struct registration *registration);
const char *registration_problem(const struct registration *registration);

#endif
