/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_sources.h: the places that credentials are taken from. Private to credentials*.c.
 * Runs in: type and region workers. Owns: what it fills in, until aws_credentials_clear. */
#ifndef WORKER_EC2_CREDENTIALS_SOURCES_H
#define WORKER_EC2_CREDENTIALS_SOURCES_H

#include <jansson.h>

#include "common/http.h"
#include "worker/ec2/ec2.h"

/* Wipes and empties. Safe on a zeroed struct. */
void aws_credentials_clear(struct aws_credentials *credentials);

/* Takes the variables out of the environment. 1: found; 0: none there; -1: only half of them. */
int credentials_from_environment(struct aws_credentials *out, struct error *err);

/* Reads one profile of a shared credentials file (INI). 1: found; 0: there is no such file; -1: *err says what. */
int credentials_from_file(struct aws_credentials *out, const char *path, const char *profile, struct error *err);
/* The same from text. `name` is for messages. */
int credentials_from_ini(struct aws_credentials *out, const char *text, const char *name, const char *profile,
                         struct error *err);

/* The metadata service's answer. -1: not credentials. */
int credentials_from_metadata(struct aws_credentials *out, const char *body, size_t size, struct error *err);

/* Asks the metadata service, one fetch at a time. */
struct metadata;
typedef void metadata_function(void *context, struct aws_credentials *credentials, const char *problem);
/* `on_done` gets credentials that it takes over, or NULL and a problem. */
struct metadata *metadata_create(struct http_client *http, const char *endpoint, metadata_function *on_done,
                                 void *context);
void metadata_destroy(struct metadata **metadata);
bool metadata_busy(const struct metadata *metadata);
void metadata_fetch(struct metadata *metadata);

#endif
