/* SPDX-License-Identifier: MPL-2.0 */
/* Hawk, the server's side, with Taskcluster's habits: 15 minutes of clock skew, replayed
 * nonces accepted, payload hashes not checked. See hawk.h. */
#include "hawk.h"

#include "encoding.h"
#include "exchange.h"
#include "memory.h"
#include "world.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAXIMUM_SKEW (15 * 60)

/* The attributes of the Authorization header. Each is "" when missing. */
struct hawk_header {
    char id[256], ts[32], nonce[128], hash[128], mac[128], app[128], dlg[128];
    char ext[16384];
};

static const struct {
    const char *name;
    size_t offset, size;
} attributes[] = {
#define ATTRIBUTE(field)                                                                                               \
    {                                                                                                                  \
#field, offsetof(struct hawk_header, field), sizeof(((struct hawk_header *)0)->field)                          \
    }
    ATTRIBUTE(id),  ATTRIBUTE(ts),  ATTRIBUTE(nonce), ATTRIBUTE(hash),
    ATTRIBUTE(mac), ATTRIBUTE(app), ATTRIBUTE(dlg),   ATTRIBUTE(ext),
#undef ATTRIBUTE
};

static bool store_attribute(struct hawk_header *out, const char *name, size_t name_length, const char *value,
                            size_t length)
{
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (strlen(attributes[i].name) != name_length || strncmp(attributes[i].name, name, name_length) != 0)
            continue;
        char *field = (char *)out + attributes[i].offset;
        if (length >= attributes[i].size || field[0] != '\0')
            return false;
        memcpy(field, value, length);
        return true;
    }
    return false;
}

/* Hawk name="value", name="value" */
static bool parse_header(const char *text, struct hawk_header *out)
{
    if (strncasecmp(text, "Hawk ", 5) != 0)
        return false;
    text += 5;
    while (*text != '\0') {
        text += strspn(text, " ,");
        size_t name_length = strcspn(text, "=");
        if (text[name_length] != '=' || text[name_length + 1] != '"')
            return false;
        const char *value = text + name_length + 2;
        size_t length = strcspn(value, "\"");
        if (value[length] != '"' || !store_attribute(out, text, name_length, value, length))
            return false;
        text = value + length + 1;
        text += strspn(text, " ");
    }
    return out->id[0] && out->ts[0] && out->nonce[0] && out->mac[0];
}

static void split_host(const struct exchange *exchange, char host[256], char port[8])
{
    const char *header = exchange_header(exchange, "Host");
    const char *colon = header != NULL ? strrchr(header, ':') : NULL;
    size_t length = colon != NULL ? (size_t)(colon - header) : header != NULL ? strlen(header) : 0;
    snprintf(host, 256, "%.*s", (int)length, header != NULL ? header : "");
    snprintf(port, 8, "%s", colon != NULL ? colon + 1 : "80");
    for (char *letter = host; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
}

static char *expected_mac(const struct exchange *exchange, const struct hawk_header *header, const char *key)
{
    char host[256], port[8];
    unsigned char digest[DIGEST_SIZE];
    split_host(exchange, host, port);
    char *text = must_format("hawk.1.header\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", header->ts, header->nonce,
                             exchange->method, exchange->uri, host, port, header->hash, header->ext);
    if (header->app[0] != '\0') {
        char *longer = must_format("%s%s\n%s\n", text, header->app, header->dlg);
        free(text);
        text = longer;
    }
    hmac_sha256(key, strlen(key), text, strlen(text), digest);
    free(text);
    return base64_encode(digest, sizeof digest);
}

bool scopes_satisfy(const json_t *scopes, const char *wanted)
{
    size_t i;
    json_t *item;
    json_array_foreach(scopes, i, item)
    {
        const char *scope = json_string_value(item);
        size_t length = scope != NULL ? strlen(scope) : 0;
        if (scope == NULL)
            continue;
        if (length > 0 && scope[length - 1] == '*' ? strncmp(scope, wanted, length - 1) == 0
                                                   : strcmp(scope, wanted) == 0)
            return true;
    }
    return false;
}

/* ext: base64 of {certificate?, authorizedScopes?}. */
static json_t *read_ext(const struct hawk_header *header)
{
    size_t length;
    char *text = base64_decode(header->ext, strlen(header->ext), &length);
    json_t *ext = text != NULL ? json_loadb(text, length, 0, NULL) : NULL;
    free(text);
    return ext;
}

/* authorizedScopes can only narrow what the caller has. */
static const char *narrow(struct hawk_result *result, const json_t *authorized)
{
    size_t i;
    json_t *item;
    if (authorized == NULL)
        return NULL;
    json_array_foreach(authorized, i, item)
    {
        if (!json_is_string(item) || !scopes_satisfy(result->scopes, json_string_value(item)))
            return "ext.authorizedScopes oversteps your scopes";
    }
    json_decref(result->scopes);
    result->scopes = json_deep_copy(authorized);
    return NULL;
}

/* The key that belongs to the id, and its scopes. NULL with result->problem set. */
static char *find_key(struct exchange *exchange, const struct hawk_header *header, const json_t *ext,
                      struct hawk_result *result)
{
    const json_t *certificate = json_object_get(ext, "certificate");
    if (certificate != NULL)
        return hawk_open_certificate(exchange, header->id, certificate, &result->scopes, &result->problem);
    const struct client *client = table_get(&exchange->world->clients, header->id);
    if (client == NULL || exchange->world->now >= client->expires_at) {
        result->problem = client == NULL ? "Unauthorized: no such client" : "Unauthorized: client expired";
        return NULL;
    }
    result->scopes = client->scopes != NULL ? json_deep_copy(client->scopes) : json_array();
    return must_copy(client->access_token);
}

static void add_timestamp_hint(struct exchange *exchange, const char *key)
{
    unsigned char digest[DIGEST_SIZE];
    struct world *world = exchange->world;
    if (!world->hawk_hint)
        return;
    long now = (long)clock_server_wall(world);
    char *text = must_format("hawk.1.ts\n%ld\n", now);
    hmac_sha256(key, strlen(key), text, strlen(text), digest);
    if (world->hawk_hint_forged)
        digest[0] ^= 1;
    char *tsm = base64_encode(digest, sizeof digest);
    must_replace(&exchange->extra_header_name, "WWW-Authenticate");
    free(exchange->extra_header_value);
    exchange->extra_header_value = must_format("Hawk ts=\"%ld\", tsm=\"%s\", error=\"Stale timestamp\"", now, tsm);
    free(tsm);
    free(text);
}

static const char *authenticate(struct exchange *exchange, const struct hawk_header *header, const json_t *ext,
                                struct hawk_result *result)
{
    char *key = find_key(exchange, header, ext, result);
    if (key == NULL)
        return result->problem;
    const char *problem = NULL;
    char *mac = expected_mac(exchange, header, key);
    if (!equal_in_constant_time(mac, header->mac)) {
        problem = "Bad mac";
    } else if (fabs(atof(header->ts) - clock_server_wall(exchange->world)) > MAXIMUM_SKEW) {
        problem = "Stale timestamp";
        add_timestamp_hint(exchange, key);
    } else {
        problem = narrow(result, json_object_get(ext, "authorizedScopes"));
    }
    free(mac);
    free(key);
    return problem;
}

void hawk_check(struct exchange *exchange, struct hawk_result *result)
{
    static struct hawk_header header; /* large, and there is one thread */
    const char *authorization = exchange_header(exchange, "Authorization");
    *result = (struct hawk_result){0};
    header = (struct hawk_header){0};
    if (!exchange->world->check_signatures) {
        result->scopes = json_pack("[s]", "*");
        return;
    }
    if (authorization == NULL) {
        result->scopes = json_array();
        return;
    }
    if (!parse_header(authorization, &header)) {
        result->problem = "Bad header format";
        return;
    }
    snprintf(result->client_id, sizeof result->client_id, "%s", header.id);
    json_t *ext = header.ext[0] != '\0' ? read_ext(&header) : NULL;
    if (header.ext[0] != '\0' && ext == NULL)
        result->problem = "Failed to parse ext";
    else
        result->problem = authenticate(exchange, &header, ext, result);
    json_decref(ext);
}
