/* SPDX-License-Identifier: MPL-2.0 */
/* sigv4.h: AWS Signature Version 4 over given headers, for POST and GET without a query. Private to sign.c and its test
 * with AWS's published vectors. Runs in: type and region workers. Pure. Owns nothing.
 * Source: "Create a signed AWS API request", AWS IAM User Guide. */
#ifndef WORKER_EC2_SIGV4_H
#define WORKER_EC2_SIGV4_H

#include <stddef.h>

#include "common/secret.h"

struct sigv4_header {
    const char *name, *value;
}; /* name in lower case, value trimmed */

struct sigv4_request {
    const char *method;
    const char *path;                   /* as sent, percent-encoded */
    const struct sigv4_header *headers; /* sorted by name */
    size_t header_count;
    const char *body;
    size_t body_size;
    const char *stamp; /* 20150830T123600Z */
    const char *region, *service;
    const char *access_key;
    const struct secret *secret_key;
};

/* The value of the Authorization header. Returns -1 when it does not fit. */
int sigv4_authorization(const struct sigv4_request *request, char *out, size_t size);

#endif
