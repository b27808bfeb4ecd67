/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_walk.h: walks a chain: gets its first credentials, then assumes its roles with them, one call at a time.
 * Private to credentials*.c. Runs in: the credentials helper. Never blocks. Owns: the chain under way and what it asks:
 * STS, a program, the container endpoint, the metadata service. */
#ifndef WORKER_EC2_CREDENTIALS_WALK_H
#define WORKER_EC2_CREDENTIALS_WALK_H

#include "common/loop.h"
#include "worker/ec2/credentials_chain.h"

struct walk;

struct walk_options {
    struct http_client *http;
    struct loop *loop; /* NULL: a program's end is seen at the next walk_step */
    const char *sts_endpoint, *sts_region, *metadata_endpoint;
};

struct walk *walk_create(const struct walk_options *options, credentials_function *on_done, void *context);
void walk_destroy(struct walk **walk); /* NULL-safe; ends the program */
/* Takes the chain's contents over. One at a time: while one is under way others are dropped. on_done may be called
 * before it returns. */
void walk_start(struct walk *walk, struct aws_chain *chain, struct mono now);
/* Every loop turn. */
void walk_step(struct walk *walk, struct mono now);

#endif
