/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_chain.h: what a profile stands for: where its first credentials come from, and the roles that are assumed
 * with them, one after the other. The rules are botocore's (tests/conformance/test_credentials_botocore.py compares).
 * Private to credentials*.c. Runs in: the credentials helper. Reads two small local files.
 * Owns: what is in struct aws_chain until aws_chain_clear. */
#ifndef WORKER_EC2_CREDENTIALS_CHAIN_H
#define WORKER_EC2_CREDENTIALS_CHAIN_H

#include "worker/ec2/credentials_sources.h"

#define CHAIN_MOST 8 /* roles; each is a call to STS */
#define COMMAND_SIZE 4096

enum chain_root {
    CHAIN_KEYS,         /* in the files */
    CHAIN_PROGRAM,      /* credential_process */
    CHAIN_WEB_IDENTITY, /* a token file and the role that it is good for */
    CHAIN_CONTAINER,    /* credential_source */
    CHAIN_METADATA
};

struct chain_role {
    char arn[ROLE_ARN_SIZE], session_name[SESSION_NAME_SIZE], external_id[EXTERNAL_ID_SIZE];
};

struct aws_chain {
    enum chain_root root;
    struct aws_credentials keys;         /* CHAIN_KEYS */
    char command[COMMAND_SIZE];          /* CHAIN_PROGRAM; may hold secrets: never in a message */
    struct chain_role web;               /* CHAIN_WEB_IDENTITY */
    char token_file[512];                /* CHAIN_WEB_IDENTITY */
    struct chain_role roles[CHAIN_MOST]; /* the last one is assumed first */
    size_t role_count;
};

/* Follows source_profile to its end. -1: a file cannot be read, or a sentence on which profile is wrong. */
int aws_chain_read(struct aws_chain *out, const char *credentials_file, const char *configuration_file,
                   const char *name, struct error *err);
void aws_chain_clear(struct aws_chain *chain);

#endif
