/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_sources.h: the places that credentials are taken from. Private to credentials*.c.
 * Runs in: the credentials helper. Owns: what it fills in, until aws_credentials_clear. */
#ifndef WORKER_EC2_CREDENTIALS_SOURCES_H
#define WORKER_EC2_CREDENTIALS_SOURCES_H

#include <jansson.h>

#include "common/http.h"
#include "worker/ec2/ec2.h"

#define ROLE_ARN_SIZE 256
#define SESSION_NAME_SIZE 65
#define EXTERNAL_ID_SIZE 256

/* Wipes and empties. Safe on a zeroed struct. */
void aws_credentials_clear(struct aws_credentials *credentials);
/* Takes the variables out of the environment. 1: found; 0: none there; -1: only half of them. */
int credentials_from_environment(struct aws_credentials *out, struct error *err);

/* What metadata service and container endpoint answer; `name` is for messages. -1: not credentials. */
int credentials_from_json(struct aws_credentials *out, const char *name, const char *body, size_t size,
                          struct error *err);
/* What a program says (credential_process). -1: not credentials. */
int credentials_from_program(struct aws_credentials *out, const char *text, size_t size, struct error *err);
/* What STS answers. -1: an error or not credentials. */
int credentials_from_sts(struct aws_credentials *out, int status, const char *body, size_t size, struct ec2_error *code,
                         struct error *err);

/* Gets credentials that it takes over, or NULL and a problem. */
typedef void credentials_function(void *context, struct aws_credentials *credentials, const char *problem);

/* Asks the metadata service, one fetch at a time. */
struct metadata;
struct metadata *metadata_create(struct http_client *http, const char *endpoint, credentials_function *on_done,
                                 void *context);
void metadata_destroy(struct metadata **metadata);
bool metadata_busy(const struct metadata *metadata);
void metadata_fetch(struct metadata *metadata);

/* Asks the container endpoint that the environment names (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN or the file that _TOKEN_FILE names, read anew each time). NULL: none is named. */
struct container;
struct container *container_create(struct http_client *http, credentials_function *on_done, void *context);
void container_destroy(struct container **container);
void container_fetch(struct container *container);

/* Asks STS for a role's credentials, one fetch at a time. */
struct sts;
struct sts_role {
    const char *arn, *session_name, *external_id; /* the last may be "" */
    const struct aws_credentials *base;           /* signs AssumeRole; NULL: by web identity */
    const struct secret *web_token;
};
struct sts *sts_create(struct http_client *http, const char *endpoint, const char *region,
                       credentials_function *on_done, void *context);
void sts_destroy(struct sts **sts);
void sts_fetch(struct sts *sts, const struct sts_role *role); /* copies nothing of it but what is sent */

#endif
