/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.h: where AWS credentials come from, in the order of every AWS tool: environment; the shared files with
 * their profile, roles by source_profile or credential_source and credential_process included; web identity; the
 * container endpoint; the instance metadata service (IMDSv2: token first, hop-limit trap, case B50). What systemd hands
 * over as the credential "aws" stands in for the shared credentials file. Runs in: the credentials helper. Owns: the
 * current credentials. Never blocks: services are asked through the process's http client. */
#ifndef WORKER_EC2_CREDENTIALS_H
#define WORKER_EC2_CREDENTIALS_H

#include "common/http.h"
#include "worker/ec2/ec2.h"

struct credentials;

struct credentials_options {
    struct loop *loop; /* the process's; NULL: a program's end (credential_process) is seen at the next step */
    const char *metadata_endpoint;
    const char *sts_endpoint; /* {region} is replaced */
    const char *region;       /* of STS, unless AWS_REGION or AWS_DEFAULT_REGION says another */
};

int credentials_create(struct credentials **out, struct http_client *http, const struct credentials_options *options,
                       struct error *err);
/* After this nothing may run the http client but http_destroy, if a fetch was under way. */
void credentials_destroy(struct credentials **credentials);
/* The current ones, or NULL while there are none (yet). Borrowed until the next credentials_step. */
const struct aws_credentials *credentials_now(const struct credentials *credentials);
/* Where they come from, one word; when the current ones were obtained (ms 0: never). */
const char *credentials_source(const struct credentials *credentials);
struct wall credentials_refreshed(const struct credentials *credentials);
/* A service was asked, its answer has not been taken by credentials_step. */
bool credentials_asking(const struct credentials *credentials);
/* A sentence on what is wrong, "" if nothing. */
const char *credentials_problem(const struct credentials *credentials);
/* Refreshes ahead of expiry; every loop turn. */
void credentials_step(struct credentials *credentials, struct mono now, struct wall wall);
/* EC2 said that they are no longer good: refresh once now. */
void credentials_refused(struct credentials *credentials, struct mono now);

#endif
