/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_walk.c: see credentials_walk.h. Each step ends in on_got, which takes the next one. Runs in: the
 * credentials helper. Never blocks. Owns: the chain under way. */
#include "worker/ec2/credentials_walk.h"

#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_program.h"

#define WEB_TOKEN_LIMIT 65536

struct walk {
    struct http_client *http;
    credentials_function *on_done;
    void *context;
    struct aws_chain chain;
    size_t left; /* roles still to be assumed */
    bool busy;
    char metadata_endpoint[256];
    struct sts *sts;
    struct program *program;
    struct metadata *metadata;   /* NULL until a chain begins there */
    struct container *container; /* likewise */
};

static void on_got(void *context, struct aws_credentials *fresh, const char *problem);

struct walk *walk_create(const struct walk_options *options, credentials_function *on_done, void *context)
{
    struct walk *walk = calloc(1, sizeof *walk);

    if (!walk)
        abort();
    walk->http = options->http;
    walk->on_done = on_done;
    walk->context = context;
    text_copy(walk->metadata_endpoint, sizeof walk->metadata_endpoint, options->metadata_endpoint);
    walk->sts = sts_create(options->http, options->sts_endpoint, options->sts_region, on_got, walk);
    walk->program = program_create(options->loop, on_got, walk);
    return walk;
}

void walk_destroy(struct walk **walk)
{
    if (!walk || !*walk)
        return;
    sts_destroy(&(*walk)->sts);
    program_destroy(&(*walk)->program);
    metadata_destroy(&(*walk)->metadata);
    container_destroy(&(*walk)->container);
    aws_chain_clear(&(*walk)->chain);
    free(*walk);
    *walk = NULL;
}

static void conclude(struct walk *walk, struct aws_credentials *fresh, const char *problem)
{
    aws_chain_clear(&walk->chain);
    walk->busy = false;
    walk->on_done(walk->context, fresh, problem);
}

/* base NULL: by the web identity's token. */
static void assume(struct walk *walk, const struct chain_role *role, const struct aws_credentials *base,
                   const struct secret *token)
{
    struct sts_role wanted = {.arn = role->arn,
                              .session_name = *role->session_name ? role->session_name : "provisiond",
                              .external_id = role->external_id,
                              .base = base,
                              .web_token = token};

    sts_fetch(walk->sts, &wanted);
}

static void on_got(void *context, struct aws_credentials *fresh, const char *problem)
{
    struct walk *walk = context;

    if (!fresh || walk->left == 0) {
        conclude(walk, fresh, problem);
        return;
    }
    struct aws_credentials base = *fresh; /* ours from here on; STS copies what it needs */
    assume(walk, &walk->chain.roles[--walk->left], &base, NULL);
    aws_credentials_clear(&base);
}

/* ---- the first credentials ---- */

static void begin_with_keys(struct walk *walk)
{
    struct aws_credentials keys = walk->chain.keys;

    walk->chain.keys = (struct aws_credentials){0};
    on_got(walk, &keys, "");
}

static void begin_with_web_identity(struct walk *walk)
{
    struct error err;
    struct secret *token = secret_from_file(walk->chain.token_file, WEB_TOKEN_LIMIT, &err); /* renewed in place */

    if (token)
        assume(walk, &walk->chain.web, NULL, token);
    else
        conclude(walk, NULL, err.text);
    secret_destroy(&token);
}

static void begin_with_container(struct walk *walk)
{
    if (!walk->container)
        walk->container = container_create(walk->http, on_got, walk);
    if (walk->container)
        container_fetch(walk->container);
    else
        conclude(walk, NULL, "credential_source is EcsContainer, and the environment names no container endpoint");
}

static void begin_with_metadata(struct walk *walk)
{
    if (!walk->metadata)
        walk->metadata = metadata_create(walk->http, walk->metadata_endpoint, on_got, walk);
    metadata_fetch(walk->metadata);
}

void walk_start(struct walk *walk, struct aws_chain *chain, struct mono now)
{
    if (walk->busy) {
        aws_chain_clear(chain);
        return;
    }
    walk->chain = *chain;
    *chain = (struct aws_chain){0};
    walk->left = walk->chain.role_count;
    walk->busy = true;
    switch (walk->chain.root) {
    case CHAIN_KEYS:
        begin_with_keys(walk);
        break;
    case CHAIN_PROGRAM:
        program_start(walk->program, walk->chain.command, now);
        break;
    case CHAIN_WEB_IDENTITY:
        begin_with_web_identity(walk);
        break;
    case CHAIN_CONTAINER:
        begin_with_container(walk);
        break;
    case CHAIN_METADATA:
        begin_with_metadata(walk);
        break;
    }
}

void walk_step(struct walk *walk, struct mono now)
{
    program_step(walk->program, now);
}
