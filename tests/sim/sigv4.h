/* SPDX-License-Identifier: MPL-2.0 */
/* Checks AWS Signature Version 4 on a request, independently of the daemon's own signer. */
#ifndef SIM_SIGV4_H
#define SIM_SIGV4_H

struct exchange;
struct credential;

struct sigv4_result {
    const char *error_code; /* NULL: the signature is right */
    const char *error_message;
    struct credential *credential; /* when right */
    char region[64], service[32];  /* of the credential scope, when there was one */
};

void sigv4_check(struct exchange *exchange, struct sigv4_result *result);

#endif
