/* SPDX-License-Identifier: MPL-2.0 */
/* Taskcluster's temporary credentials: a certificate, signed with the issuer's access token,
 * says who may do what and until when; the temporary access token follows from its seed. */
#include "hawk.h"

#include "encoding.h"
#include "exchange.h"
#include "memory.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

/* The lines that are signed, in the order of Taskcluster's version 1. */
static char *signed_text(const char *client_id, const json_t *certificate, const char *issuer)
{
    struct text text = {0};
    size_t i;
    json_t *scope;
    text_add(&text, "version:1\n");
    if (issuer != NULL)
        text_addf(&text, "clientId:%s\nissuer:%s\n", client_id, issuer);
    text_addf(&text,
              "seed:%s\nstart:%lld\nexpiry:%lld\nscopes:", json_string_value(json_object_get(certificate, "seed")),
              (long long)json_integer_value(json_object_get(certificate, "start")),
              (long long)json_integer_value(json_object_get(certificate, "expiry")));
    json_array_foreach(json_object_get(certificate, "scopes"), i, scope)
    {
        text_addf(&text, "\n%s", json_is_string(scope) ? json_string_value(scope) : "");
    }
    return text.data;
}

static bool signature_fits(const char *text, const char *issuer_token, const char *signature)
{
    unsigned char digest[DIGEST_SIZE];
    hmac_sha256(issuer_token, strlen(issuer_token), text, strlen(text), digest);
    char *expected = base64_encode(digest, sizeof digest);
    bool fits = equal_in_constant_time(expected, signature);
    free(expected);
    return fits;
}

static char *token_of_seed(const char *seed, const char *issuer_token)
{
    unsigned char digest[DIGEST_SIZE];
    hmac_sha256(issuer_token, strlen(issuer_token), seed, strlen(seed), digest);
    char *token = base64_encode(digest, sizeof digest);
    base64_make_url_safe(token);
    return token;
}

static const char *certificate_problem(const struct world *world, const json_t *certificate,
                                       const struct client *issuer)
{
    double now = clock_server_wall(world) * 1000;
    size_t i;
    json_t *scope;
    if (issuer == NULL)
        return "ext.certificate issuer is unknown";
    if (json_integer_value(json_object_get(certificate, "version")) != 1)
        return "ext.certificate.version must be 1";
    if (!json_is_string(json_object_get(certificate, "seed")) ||
        !json_is_string(json_object_get(certificate, "signature")))
        return "ext.certificate needs seed and signature";
    if ((double)json_integer_value(json_object_get(certificate, "start")) > now)
        return "ext.certificate.start is in the future";
    if ((double)json_integer_value(json_object_get(certificate, "expiry")) < now)
        return "ext.certificate.expiry < now";
    json_array_foreach(json_object_get(certificate, "scopes"), i, scope)
    {
        if (!json_is_string(scope) || !scopes_satisfy(issuer->scopes, json_string_value(scope)))
            return "ext.certificate issuer does not have all its scopes";
    }
    return NULL;
}

char *hawk_open_certificate(struct exchange *exchange, const char *client_id, const json_t *json, json_t **scopes_out,
                            const char **problem)
{
    json_t *parsed = json_is_string(json) ? json_loads(json_string_value(json), 0, NULL) : NULL;
    const json_t *certificate = parsed != NULL ? parsed : json;
    const char *issuer_id = json_string_value(json_object_get(certificate, "issuer"));
    const struct client *issuer = table_get(&exchange->world->clients, issuer_id != NULL ? issuer_id : client_id);
    char *token = NULL;
    *problem = certificate_problem(exchange->world, certificate, issuer);
    if (*problem == NULL) {
        char *text = signed_text(client_id, certificate, issuer_id);
        if (signature_fits(text, issuer->access_token, json_string_value(json_object_get(certificate, "signature")))) {
            token = token_of_seed(json_string_value(json_object_get(certificate, "seed")), issuer->access_token);
            *scopes_out = json_deep_copy(json_object_get(certificate, "scopes"));
        } else {
            *problem = "ext.certificate.signature is not valid";
        }
        free(text);
    }
    json_decref(parsed);
    return token;
}
