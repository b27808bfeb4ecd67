/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_chain.c: see credentials_chain.h. A profile with role_arn is a role, whose first credentials are named by
 * source_profile or credential_source; any other profile gives them itself: by web identity, keys, or a program.
 * Runs in: the credentials helper, at each refresh. Secrets, commands included, never enter a message. */
#include "worker/ec2/credentials_chain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/ec2/credentials_profile.h"

struct reading {
    struct aws_chain *chain;
    const char *credentials_file, *configuration_file;
    char visited[CHAIN_MOST + 1][NAME_SIZE];
    size_t visited_count;
    struct error *err;
};

void aws_chain_clear(struct aws_chain *chain)
{
    aws_credentials_clear(&chain->keys);
    secret_wipe(chain->command, sizeof chain->command);
    *chain = (struct aws_chain){0};
}

static void set_role(struct chain_role *role, const struct aws_profile *profile)
{
    text_copy(role->arn, sizeof role->arn, profile->role_arn);
    text_copy(role->session_name, sizeof role->session_name, profile->session_name);
    text_copy(role->external_id, sizeof role->external_id, profile->external_id);
}

static bool has_some_key(const struct aws_profile *profile)
{
    return *profile->keys.access_key || profile->keys.secret_key;
}

static bool has_keys(const struct aws_profile *profile)
{
    return *profile->keys.access_key && profile->keys.secret_key;
}

static int take_keys(struct reading *reading, struct aws_profile *profile)
{
    reading->chain->root = CHAIN_KEYS;
    reading->chain->keys = profile->keys;
    profile->keys = (struct aws_credentials){0};
    return 0;
}

static int nothing_there(const struct reading *reading, const struct aws_profile *profile, const char *name)
{
    if (reading->visited_count > 1) /* somebody's source_profile */
        return error_set(reading->err, ERROR_INPUT,
                         profile->found ? "profile [%s]: its source_profile [%s] has no credentials"
                                        : "profile [%s]: its source_profile [%s] is not there",
                         reading->visited[reading->visited_count - 2], name);
    if (!profile->found && access(reading->credentials_file, F_OK) != 0)
        return error_set(reading->err, ERROR_INPUT, "%s is not there", reading->credentials_file);
    return error_set(reading->err, ERROR_INPUT,
                     profile->found ? "%s: profile [%s] lacks aws_access_key_id or aws_secret_access_key"
                                    : "%s has no profile [%s]",
                     reading->credentials_file, name);
}

/* Credentials of the profile itself: what is in the credentials file goes before a program, a program before what is in
 * the configuration file. */
static int take_own(struct reading *reading, struct aws_profile *profile, const char *name)
{
    struct aws_chain *chain = reading->chain;

    if (*profile->role_arn && *profile->token_file) {
        chain->root = CHAIN_WEB_IDENTITY;
        set_role(&chain->web, profile);
        return text_copy(chain->token_file, sizeof chain->token_file, profile->token_file);
    }
    if (profile->keys_are_first && has_keys(profile))
        return take_keys(reading, profile);
    if (profile->command) {
        chain->root = CHAIN_PROGRAM;
        if (text_copy(chain->command, sizeof chain->command, secret_reveal(profile->command)) == 0)
            return 0;
        return error_set(reading->err, ERROR_INPUT, "profile [%s]: its credential_process is too long", name);
    }
    return has_keys(profile) ? take_keys(reading, profile) : nothing_there(reading, profile, name);
}

static int take_source(struct reading *reading, const struct aws_profile *profile, const char *name)
{
    static const struct {
        const char *name;
        enum chain_root root;
    } sources[] = {{"Ec2InstanceMetadata", CHAIN_METADATA}, {"EcsContainer", CHAIN_CONTAINER}};

    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (strcmp(profile->credential_source, sources[i].name) == 0) {
            reading->chain->root = sources[i].root;
            return 0;
        }
    /* Keys of the environment go before all profiles: where a profile is read, there are none. */
    return error_set(reading->err, ERROR_INPUT,
                     strcmp(profile->credential_source, "Environment") == 0
                         ? "profile [%s]: credential_source is Environment, and the environment holds no credentials"
                         : "profile [%s]: credential_source must be Environment, Ec2InstanceMetadata or EcsContainer",
                     name);
}

static bool is_visited(const struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->visited_count; i++)
        if (strcmp(reading->visited[i], name) == 0)
            return true;
    return false;
}

static int read_profile(struct reading *reading, const char *name, struct aws_profile *out)
{
    text_copy(reading->visited[reading->visited_count++], NAME_SIZE, name);
    return aws_profile_read(out, reading->credentials_file, reading->configuration_file, name, reading->err);
}

/* A role: notes it. 1: its source_profile, copied to `next`, comes now; 0: the chain is complete. */
static int take_role(struct reading *reading, struct aws_profile *profile, const char *name, char next[NAME_SIZE])
{
    struct aws_chain *chain = reading->chain;
    bool has_source = *profile->credential_source, has_profile = *profile->source_profile;

    if (has_source == has_profile)
        return error_set(reading->err, ERROR_INPUT,
                         has_source ? "profile [%s]: it has both source_profile and credential_source"
                                    : "profile [%s]: it has role_arn, and neither source_profile nor credential_source",
                         name);
    if (chain->role_count == CHAIN_MOST)
        return error_set(reading->err, ERROR_INPUT, "profile [%s]: more than %d roles in a row", name, CHAIN_MOST);
    set_role(&chain->roles[chain->role_count++], profile);
    if (has_source)
        return take_source(reading, profile, name);
    if (strcmp(profile->source_profile, name) == 0 && has_some_key(profile))
        return take_own(reading, profile, name);
    if (is_visited(reading, profile->source_profile))
        return error_set(reading->err, ERROR_INPUT, "profile [%s]: its source_profile [%s] leads round in a circle",
                         name, profile->source_profile);
    text_copy(next, NAME_SIZE, profile->source_profile);
    return 1;
}

/* A source with keys of its own is no role, whatever else it says. */
static bool is_role(const struct reading *reading, const struct aws_profile *profile)
{
    return *profile->role_arn && !*profile->token_file && (reading->visited_count == 1 || !has_some_key(profile));
}

int aws_chain_read(struct aws_chain *out, const char *credentials_file, const char *configuration_file,
                   const char *name, struct error *err)
{
    struct reading reading = {
        .chain = out, .credentials_file = credentials_file, .configuration_file = configuration_file, .err = err};
    char current[NAME_SIZE], next[NAME_SIZE];
    int result = 1;

    *out = (struct aws_chain){0};
    text_copy(next, sizeof next, name);
    while (result == 1) {
        struct aws_profile profile;
        text_copy(current, sizeof current, next);
        result = read_profile(&reading, current, &profile);
        if (result == 0)
            result = is_role(&reading, &profile) ? take_role(&reading, &profile, current, next)
                                                 : take_own(&reading, &profile, current);
        aws_profile_clear(&profile);
    }
    if (result != 0)
        aws_chain_clear(out);
    return result;
}
