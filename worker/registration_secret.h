/* SPDX-License-Identifier: MPL-2.0 */
/* registration_secret.h: the secret by which an instance shows worker-manager that it is ours, for its static provider.
 *   grant secret  = hex(HMAC-SHA256(deployment key, client token))          in the user data of the grant's launch
 *   static secret = base64url(HMAC-SHA256(grant secret, instance id)) + "A"  44 characters, as worker-manager wants
 * The instance makes the second from the first when it boots and knows its id; nobody can make one instance's secret
 * from another grant's. Nothing is stored: a retry, a new worker and a restored ledger make the same.
 * Runs in: type worker. Pure. Owns nothing but what it returns. */
#ifndef WORKER_REGISTRATION_SECRET_H
#define WORKER_REGISTRATION_SECRET_H

#include "common/secret.h"

#define STATIC_SECRET_LENGTH 44

struct secret *registration_grant_secret(const struct secret *deployment_key, const char *client_token);
struct secret *registration_static_secret(const struct secret *grant_secret, const char *instance_id);

#endif
