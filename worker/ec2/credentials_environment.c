/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_environment.c: credentials from the environment, which is emptied of them.
 * Runs in: the credentials helper, at start. Owns nothing after a call. Secrets never enter a message. */
#include <stdlib.h>

#include "worker/ec2/credentials_sources.h"

void aws_credentials_clear(struct aws_credentials *credentials)
{
    secret_destroy(&credentials->secret_key);
    secret_destroy(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

int credentials_from_environment(struct aws_credentials *out, struct error *err)
{
    const char *access_key = getenv("AWS_ACCESS_KEY_ID");
    bool cut;

    *out = (struct aws_credentials){0};
    cut = text_copy(out->access_key, sizeof out->access_key, access_key) != 0;
    unsetenv("AWS_ACCESS_KEY_ID");
    out->secret_key = secret_from_environment("AWS_SECRET_ACCESS_KEY");
    out->session_token = secret_from_environment("AWS_SESSION_TOKEN");
    if (out->session_token && secret_size(out->session_token) == 0)
        secret_destroy(&out->session_token);
    bool has_key = out->access_key[0] != '\0';
    bool has_secret = secret_size(out->secret_key) > 0;
    if (has_key && has_secret && !cut)
        return 1;
    aws_credentials_clear(out);
    if (!has_key && !has_secret)
        return 0;
    return error_set(err, ERROR_INPUT, cut ? "AWS_ACCESS_KEY_ID is too long" : "AWS_%s is set and AWS_%s is not",
                     has_key ? "ACCESS_KEY_ID" : "SECRET_ACCESS_KEY", has_key ? "SECRET_ACCESS_KEY" : "ACCESS_KEY_ID");
}
