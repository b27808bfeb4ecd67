/* SPDX-License-Identifier: MPL-2.0 */
/* Checks Hawk authentication as Taskcluster does, temporary credentials included. */
#ifndef SIM_HAWK_H
#define SIM_HAWK_H

#include <jansson.h>
#include <stdbool.h>

struct exchange;

struct hawk_result {
    const char *problem; /* NULL: authenticated, or no Authorization at all */
    char client_id[256]; /* "" without Authorization */
    json_t *scopes;      /* what the caller may do; caller frees; empty without Authorization */
};

void hawk_check(struct exchange *exchange, struct hawk_result *result);
bool scopes_satisfy(const json_t *scopes, const char *wanted);

/* hawk_certificate.c: the access token behind a temporary credential and the scopes it has.
 * Returns NULL with *problem set when the certificate is not right; else caller frees. */
char *hawk_open_certificate(struct exchange *exchange, const char *client_id, const json_t *certificate,
                            json_t **scopes_out, const char **problem);

#endif
