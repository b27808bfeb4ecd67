/* SPDX-License-Identifier: MPL-2.0 */
/* The part of a scenario that is about who may ask: AWS credentials and Taskcluster clients.
 * Each list replaces the one before. */
#include "scenario.h"

#include "memory.h"
#include "world.h"

#include <math.h>
#include <stdio.h>

static bool wrong(char *error, const char *key, const char *wanted)
{
    snprintf(error, SCENARIO_ERROR_SIZE, "%s: must be %s", key, wanted);
    return false;
}

bool scenario_apply_credentials(struct world *world, const json_t *value, char *error)
{
    static const char *const keys[] = {"accessKeyId", "secretAccessKey", "sessionToken", "expiresAt", "deny", NULL};
    size_t i;
    json_t *item;
    table_retire(&world->credentials);
    json_array_foreach(value, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "accessKeyId"));
        const char *secret = json_string_value(json_object_get(item, "secretAccessKey"));
        if (!scenario_keys_known(item, keys, "credentials", error, SCENARIO_ERROR_SIZE))
            return false;
        if (id == NULL || secret == NULL)
            return wrong(error, "credentials", "a list of {accessKeyId, secretAccessKey}");
        struct credential *credential = must_alloc(sizeof *credential);
        credential->access_key = must_copy(id);
        credential->secret_key = must_copy(secret);
        credential->session_token = must_copy(json_string_value(json_object_get(item, "sessionToken")));
        credential->expires_at = scenario_number(item, "expiresAt", HUGE_VAL);
        credential->deny = json_deep_copy(json_object_get(item, "deny"));
        table_put(&world->credentials, id, credential);
    }
    return true;
}

bool scenario_apply_clients(struct world *world, const json_t *value, char *error)
{
    static const char *const keys[] = {"clientId", "accessToken", "scopes", "expiresAt", NULL};
    size_t i;
    json_t *item;
    table_retire(&world->clients);
    json_array_foreach(value, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "clientId"));
        const char *token = json_string_value(json_object_get(item, "accessToken"));
        if (!scenario_keys_known(item, keys, "clients", error, SCENARIO_ERROR_SIZE))
            return false;
        if (id == NULL || token == NULL)
            return wrong(error, "clients", "a list of {clientId, accessToken, scopes}");
        struct client *client = must_alloc(sizeof *client);
        client->id = must_copy(id);
        client->access_token = must_copy(token);
        client->scopes = json_deep_copy(json_object_get(item, "scopes"));
        client->expires_at = scenario_number(item, "expiresAt", HUGE_VAL);
        table_put(&world->clients, id, client);
    }
    return true;
}
