/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.c: chooses where credentials come from (credentials.h has the order), keeps them fresh, and says in one
 * line why there are none. The helper without credentials runs on and recovers alone. Runs in: the credentials helper.
 * Never blocks on the network. Owns: the current credentials. */
#include "worker/ec2/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/ec2/credentials_profile.h"
#include "worker/ec2/credentials_sources.h"
#include "worker/ec2/credentials_walk.h"

#define RETRY SPAN_SECONDS(10)   /* case B50 */
#define AHEAD_MS (5 * 60 * 1000) /* refreshed so long before they end */
/* A clock that is far ahead makes fresh credentials look old: they are not fetched anew at the rate of failures. */
#define SETTLED SPAN_SECONDS(60)

enum source { SOURCE_ENVIRONMENT, SOURCE_PROFILE, SOURCE_WEB_IDENTITY, SOURCE_CONTAINER, SOURCE_METADATA };

struct credentials {
    enum source source;
    struct aws_credentials current;
    struct aws_credentials next; /* from a service, until the next step: the current ones are lent out */
    bool present, has_next;
    bool wanted;                        /* a refresh is wanted as soon as next_try allows it */
    bool asking;                        /* a service was asked and has not answered */
    struct wall refreshed;              /* when the current ones were taken */
    struct mono next_try, next_refusal; /* a refusal is followed at once, but not more often than this */
    char path[512], configuration[512], profile[NAME_SIZE];
    struct chain_role web; /* web identity, of the environment */
    char token_file[512];  /* likewise */
    struct metadata *metadata;
    struct container *container;
    struct walk *walk; /* profile, web identity */
    char problem[512];
};

static void take(struct credentials *credentials, const struct aws_credentials *fresh)
{
    aws_credentials_clear(&credentials->current);
    credentials->current = *fresh; /* with its secrets */
    credentials->present = true;
    credentials->refreshed = clock_wall();
    credentials->problem[0] = '\0';
}

static void on_fetched(void *context, struct aws_credentials *fresh, const char *problem)
{
    struct credentials *credentials = context;

    credentials->asking = false;
    if (fresh) {
        aws_credentials_clear(&credentials->next);
        credentials->next = *fresh;
    } else {
        text_copy(credentials->problem, sizeof credentials->problem, problem);
    }
    credentials->has_next = fresh != NULL;
    credentials->wanted = !fresh;
}

/* ---- profiles and roles ---- */

/* Before the walk: it may end at once, where a call cannot be sent. */
static void walk_chain(struct credentials *credentials, struct aws_chain *chain, struct mono now)
{
    credentials->asking = true;
    walk_start(credentials->walk, chain, now);
}

static void fetch_by_web_identity(struct credentials *credentials, struct mono now)
{
    struct aws_chain chain = {.root = CHAIN_WEB_IDENTITY, .web = credentials->web};

    text_copy(chain.token_file, sizeof chain.token_file, credentials->token_file);
    walk_chain(credentials, &chain, now);
}

/* Keys that stand in the files are there at once. */
static void read_profile(struct credentials *credentials, struct mono now)
{
    struct aws_chain chain;
    struct error err = {0};

    if (credentials->asking)
        return; /* a program may take longer than we wait between tries */
    credentials->wanted = true;
    if (aws_chain_read(&chain, credentials->path, credentials->configuration, credentials->profile, &err) != 0) {
        text_copy(credentials->problem, sizeof credentials->problem, err.text);
    } else if (chain.root == CHAIN_KEYS && chain.role_count == 0) {
        take(credentials, &chain.keys);
        chain.keys = (struct aws_credentials){0};
        credentials->wanted = false;
        aws_chain_clear(&chain);
    } else {
        walk_chain(credentials, &chain, now);
    }
}

/* ---- the choice ---- */

static bool is_given(const char *text)
{
    return text && *text;
}

static void choose_path(char *out, size_t size, const char *variable, const char *in_home)
{
    const char *path = getenv(variable), *home = getenv("HOME");

    if (is_given(path))
        text_copy(out, size, path);
    else if (is_given(home))
        text_format(out, size, "%s/.aws/%s", home, in_home);
}

/* The paths that the environment names, or those in the home folder. True: the user chose them. */
static bool find_files(struct credentials *credentials)
{
    const char *profile = getenv("AWS_PROFILE"), *handed = getenv("CREDENTIALS_DIRECTORY");
    char path[sizeof credentials->path];

    text_copy(credentials->profile, sizeof credentials->profile, is_given(profile) ? profile : "default");
    choose_path(credentials->path, sizeof credentials->path, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    choose_path(credentials->configuration, sizeof credentials->configuration, "AWS_CONFIG_FILE", "config");
    if (is_given(getenv("AWS_SHARED_CREDENTIALS_FILE")) || is_given(profile))
        return true;
    if (!is_given(handed) || text_format(path, sizeof path, "%s/aws", handed) != 0 || access(path, F_OK) != 0)
        return false;
    text_copy(credentials->path, sizeof credentials->path, path);
    return true;
}

static bool profile_is_there(const struct credentials *credentials)
{
    struct aws_profile profile;

    /* A file that cannot be read is chosen, too: it says what is wrong instead of being passed over. */
    bool there =
        aws_profile_read(&profile, credentials->path, credentials->configuration, credentials->profile, NULL) != 0 ||
        profile.found;
    aws_profile_clear(&profile);
    return there;
}

static bool find_web_identity(struct credentials *credentials)
{
    text_copy(credentials->web.arn, sizeof credentials->web.arn, getenv("AWS_ROLE_ARN"));
    text_copy(credentials->web.session_name, sizeof credentials->web.session_name, getenv("AWS_ROLE_SESSION_NAME"));
    text_copy(credentials->token_file, sizeof credentials->token_file, getenv("AWS_WEB_IDENTITY_TOKEN_FILE"));
    return *credentials->web.arn && *credentials->token_file;
}

static enum source choose(struct credentials *credentials, struct http_client *http)
{
    if (find_files(credentials) || profile_is_there(credentials))
        return SOURCE_PROFILE;
    if (find_web_identity(credentials))
        return SOURCE_WEB_IDENTITY;
    credentials->container = container_create(http, on_fetched, credentials);
    return credentials->container ? SOURCE_CONTAINER : SOURCE_METADATA;
}

static void begin(struct credentials *credentials, struct http_client *http, const char *metadata_endpoint)
{
    static const char *const asked[] = {[SOURCE_PROFILE] = "what the profile names",
                                        [SOURCE_WEB_IDENTITY] = "STS",
                                        [SOURCE_CONTAINER] = "the container endpoint",
                                        [SOURCE_METADATA] = "the metadata service"};
    struct aws_credentials found;
    struct error err;
    int result = credentials_from_environment(&found, &err);

    if (result == 1)
        take(credentials, &found);
    if (result == -1)
        text_copy(credentials->problem, sizeof credentials->problem, err.text);
    if (result != 0)
        return;
    credentials->source = choose(credentials, http);
    credentials->wanted = true;
    text_format(credentials->problem, sizeof credentials->problem, "AWS credentials: %s is being asked",
                asked[credentials->source]);
    if (credentials->source == SOURCE_PROFILE)
        read_profile(credentials, clock_now());
    else if (credentials->source == SOURCE_METADATA)
        credentials->metadata = metadata_create(http, metadata_endpoint, on_fetched, credentials);
}

static struct walk *make_walk(struct credentials *credentials, struct http_client *http,
                              const struct credentials_options *options)
{
    const char *region = is_given(getenv("AWS_REGION")) ? getenv("AWS_REGION") : getenv("AWS_DEFAULT_REGION");
    const char *template = options->sts_endpoint ? options->sts_endpoint : "";
    const char *hole = strstr(template, "{region}");
    char endpoint[256];

    if (!is_given(region))
        region = options->region ? options->region : "us-east-1";
    if (hole)
        text_format(endpoint, sizeof endpoint, "%.*s%s%s", (int)(hole - template), template, region,
                    hole + strlen("{region}"));
    else
        text_copy(endpoint, sizeof endpoint, template);
    struct walk_options walk = {.http = http,
                                .loop = options->loop,
                                .sts_endpoint = endpoint,
                                .sts_region = region,
                                .metadata_endpoint = options->metadata_endpoint};
    return walk_create(&walk, on_fetched, credentials);
}

int credentials_create(struct credentials **out, struct http_client *http, const struct credentials_options *options,
                       struct error *err)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);

    if (!credentials)
        return error_set(err, ERROR_LOCAL, "no memory for credentials");
    credentials->walk = make_walk(credentials, http, options);
    begin(credentials, http, options->metadata_endpoint);
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
    container_destroy(&(*credentials)->container);
    walk_destroy(&(*credentials)->walk);
    free(*credentials);
    *credentials = NULL;
}

/* Expired ones too: EC2 judges them, and our clock may be the one that is wrong. */
const struct aws_credentials *credentials_now(const struct credentials *credentials)
{
    return credentials->present ? &credentials->current : NULL;
}

const char *credentials_source(const struct credentials *credentials)
{
    static const char *const names[] = {[SOURCE_ENVIRONMENT] = "environment",
                                        [SOURCE_PROFILE] = "profile",
                                        [SOURCE_WEB_IDENTITY] = "web-identity",
                                        [SOURCE_CONTAINER] = "container",
                                        [SOURCE_METADATA] = "metadata"};

    return names[credentials->source];
}

struct wall credentials_refreshed(const struct credentials *credentials)
{
    return credentials->refreshed;
}

bool credentials_asking(const struct credentials *credentials)
{
    return credentials->asking || credentials->has_next;
}

const char *credentials_problem(const struct credentials *credentials)
{
    return credentials->problem;
}

static void ask_service(struct credentials *credentials)
{
    credentials->asking = true;
    if (credentials->source == SOURCE_CONTAINER)
        container_fetch(credentials->container);
    else
        metadata_fetch(credentials->metadata);
}

void credentials_step(struct credentials *credentials, struct mono now, struct wall wall)
{
    walk_step(credentials->walk, now);
    if (credentials->has_next) {
        take(credentials, &credentials->next);
        credentials->next = (struct aws_credentials){0};
        credentials->has_next = false;
        credentials->next_try = mono_add(now, SETTLED);
    }
    int64_t expires = credentials->current.expires.ms;
    if (credentials->source == SOURCE_ENVIRONMENT || !mono_reached(credentials->next_try, now))
        return;
    if (credentials->present && expires != 0 && expires - wall.ms < AHEAD_MS)
        credentials->wanted = true;
    if (!credentials->wanted)
        return;
    credentials->next_try = mono_add(now, RETRY);
    if (credentials->source == SOURCE_PROFILE)
        read_profile(credentials, now);
    else if (credentials->source == SOURCE_WEB_IDENTITY)
        fetch_by_web_identity(credentials, now);
    else
        ask_service(credentials);
}

void credentials_refused(struct credentials *credentials, struct mono now)
{
    if (credentials->source == SOURCE_ENVIRONMENT) {
        text_copy(credentials->problem, sizeof credentials->problem,
                  "EC2 refused the AWS credentials of the environment: they are read only at start");
        return;
    }
    credentials->wanted = true;
    if (!mono_reached(credentials->next_refusal, now))
        return; /* a storm of refusals is no storm of refreshes */
    credentials->next_refusal = mono_add(now, RETRY);
    credentials->next_try = mono_min(credentials->next_try, now);
}
