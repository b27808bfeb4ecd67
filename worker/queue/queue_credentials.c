/* SPDX-License-Identifier: MPL-2.0 */
/* queue_credentials.c: Taskcluster credentials under the names that its users have in their environment already.
 * Runs in: type worker, at start. Takes them out of the environment, so that no child and no /proc reader finds them.
 * Owns: nothing; the caller clears what it was given. */
#include <stdlib.h>

#include "common/text.h"
#include "worker/queue/queue.h"

void queue_credentials_from_environment(struct queue_credentials *out)
{
    *out = (struct queue_credentials){0};
    text_copy(out->client_id, sizeof out->client_id, getenv("TASKCLUSTER_CLIENT_ID"));
    out->access_token = secret_from_environment("TASKCLUSTER_ACCESS_TOKEN");
    out->certificate = secret_from_environment("TASKCLUSTER_CERTIFICATE");
    unsetenv("TASKCLUSTER_CLIENT_ID");
}

void queue_credentials_clear(struct queue_credentials *credentials)
{
    secret_destroy(&credentials->access_token);
    secret_destroy(&credentials->certificate);
    *credentials = (struct queue_credentials){0};
}
