/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.c: chooses where credentials come from (environment, shared file, metadata service), keeps them fresh,
 * and says in one line why there are none. A worker without credentials runs on and recovers alone. Runs in: type and
 * region workers. Never blocks on the network. Owns: the current credentials. */
#include "worker/ec2/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_sources.h"

#define RETRY SPAN_SECONDS(10)   /* case B50 */
#define AHEAD_MS (5 * 60 * 1000) /* refreshed so long before they end */

enum source { SOURCE_ENVIRONMENT, SOURCE_FILE, SOURCE_METADATA };

struct credentials {
    enum source source;
    struct aws_credentials current;
    struct aws_credentials next; /* from the metadata service, until the next step: the current ones are lent out */
    bool present, has_next;
    bool wanted; /* a refresh is wanted as soon as next_try allows it */
    struct mono next_try;
    char path[512], profile[NAME_SIZE];
    struct metadata *metadata;
    char problem[512];
};

static void take(struct credentials *credentials, const struct aws_credentials *fresh)
{
    aws_credentials_clear(&credentials->current);
    credentials->current = *fresh; /* with its secrets */
    credentials->present = true;
    credentials->problem[0] = '\0';
}

static void on_metadata(void *context, struct aws_credentials *fresh, const char *problem)
{
    struct credentials *credentials = context;

    if (fresh) {
        aws_credentials_clear(&credentials->next);
        credentials->next = *fresh;
    } else {
        text_copy(credentials->problem, sizeof credentials->problem, problem);
    }
    credentials->has_next = fresh != NULL;
    credentials->wanted = !fresh;
}

static void read_file(struct credentials *credentials)
{
    struct aws_credentials fresh;
    struct error err = {0};
    int result = credentials_from_file(&fresh, credentials->path, credentials->profile, &err);

    credentials->wanted = result != 1;
    if (result == 1)
        take(credentials, &fresh);
    else if (result == 0)
        text_format(credentials->problem, sizeof credentials->problem, "%s is not there", credentials->path);
    else
        text_copy(credentials->problem, sizeof credentials->problem, err.text);
}

/* The path that the environment names, or ~/.aws/credentials. True: the user chose it. */
static bool find_file(struct credentials *credentials)
{
    const char *path = getenv("AWS_SHARED_CREDENTIALS_FILE");
    const char *profile = getenv("AWS_PROFILE");
    const char *home = getenv("HOME");

    text_copy(credentials->profile, sizeof credentials->profile, profile && profile[0] ? profile : "default");
    if (path && path[0])
        text_copy(credentials->path, sizeof credentials->path, path);
    else if (home && home[0])
        text_format(credentials->path, sizeof credentials->path, "%s/.aws/credentials", home);
    return (path && path[0]) || (profile && profile[0]);
}

static void choose(struct credentials *credentials, struct http_client *http, const char *metadata_endpoint)
{
    struct aws_credentials found;
    struct error err;
    int result = credentials_from_environment(&found, &err);

    if (result != 0) {
        credentials->source = SOURCE_ENVIRONMENT;
        if (result == 1)
            take(credentials, &found);
        else
            text_copy(credentials->problem, sizeof credentials->problem, err.text);
        return;
    }
    bool chosen = find_file(credentials);
    result = credentials->path[0] ? credentials_from_file(&found, credentials->path, credentials->profile, &err) : 0;
    if (result == 1)
        aws_credentials_clear(&found);
    if (result != 0 || chosen) {
        credentials->source = SOURCE_FILE;
        read_file(credentials);
        return;
    }
    credentials->source = SOURCE_METADATA;
    credentials->metadata = metadata_create(http, metadata_endpoint, on_metadata, credentials);
    credentials->wanted = true;
    text_copy(credentials->problem, sizeof credentials->problem,
              "AWS credentials: the metadata service is being asked");
}

int credentials_create(struct credentials **out, struct http_client *http, const char *metadata_endpoint,
                       struct error *err)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);

    if (!credentials)
        return error_set(err, ERROR_LOCAL, "no memory for credentials");
    choose(credentials, http, metadata_endpoint);
    *out = credentials;
    return 0;
}

void credentials_destroy(struct credentials **credentials)
{
    if (!credentials || !*credentials)
        return;
    aws_credentials_clear(&(*credentials)->current);
    aws_credentials_clear(&(*credentials)->next);
    metadata_destroy(&(*credentials)->metadata);
    free(*credentials);
    *credentials = NULL;
}

/* Expired ones too: EC2 judges them, and our clock may be the one that is wrong. */
const struct aws_credentials *credentials_now(const struct credentials *credentials)
{
    return credentials->present ? &credentials->current : NULL;
}

const char *credentials_problem(const struct credentials *credentials)
{
    return credentials->problem;
}

void credentials_step(struct credentials *credentials, struct mono now, struct wall wall)
{
    if (credentials->has_next) {
        take(credentials, &credentials->next);
        credentials->next = (struct aws_credentials){0};
        credentials->has_next = false;
    }
    int64_t expires = credentials->current.expires.ms;
    if (credentials->source == SOURCE_ENVIRONMENT || !mono_reached(credentials->next_try, now))
        return;
    if (credentials->present && expires != 0 && expires - wall.ms < AHEAD_MS)
        credentials->wanted = true;
    if (!credentials->wanted)
        return;
    credentials->next_try = mono_add(now, RETRY);
    if (credentials->source == SOURCE_FILE)
        read_file(credentials);
    else
        metadata_fetch(credentials->metadata);
}

void credentials_refused(struct credentials *credentials, struct mono now)
{
    (void)now; /* next_try keeps a storm of refusals from becoming a storm of refreshes */
    if (credentials->source == SOURCE_ENVIRONMENT)
        text_copy(credentials->problem, sizeof credentials->problem,
                  "EC2 refused the AWS credentials of the environment: they are read only at start");
    else
        credentials->wanted = true;
}
