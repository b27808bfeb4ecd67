/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.h: where AWS credentials come from: environment, then shared credentials file and profile, then the
 * instance metadata service (IMDSv2: token first, hop-limit trap, case B50). Runs in: type and region workers.
 * Owns: the current credentials. Never blocks: the metadata service is asked through the process's http client. */
#ifndef WORKER_EC2_CREDENTIALS_H
#define WORKER_EC2_CREDENTIALS_H

#include "common/http.h"
#include "worker/ec2/ec2.h"

struct credentials;

/* Takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN out of the environment; else
 * AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials with AWS_PROFILE; else metadata at `metadata_endpoint`. */
int credentials_create(struct credentials **out, struct http_client *http, const char *metadata_endpoint,
                       struct error *err);
/* After this nothing may run the http client but http_destroy, if a fetch was under way. */
void credentials_destroy(struct credentials **credentials);
/* The current ones, or NULL while there are none (yet). Borrowed until the next credentials_step. */
const struct aws_credentials *credentials_now(const struct credentials *credentials);
/* A sentence on what is wrong, "" if nothing. */
const char *credentials_problem(const struct credentials *credentials);
/* Refreshes ahead of expiry; every loop turn. */
void credentials_step(struct credentials *credentials, struct mono now, struct wall wall);
/* EC2 said that they are no longer good: refresh once now. */
void credentials_refused(struct credentials *credentials, struct mono now);

#endif
