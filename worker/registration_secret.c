/* SPDX-License-Identifier: MPL-2.0 */
/* registration_secret.c: see registration_secret.h. Runs in: type worker. Pure. */
#include "worker/registration_secret.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct secret *registration_grant_secret(const struct secret *deployment_key, const char *client_token)
{
    unsigned char mac[32];
    char hex[65];

    text_hmac_sha256(secret_reveal(deployment_key), secret_size(deployment_key), client_token, strlen(client_token),
                     mac);
    text_hex(mac, sizeof mac, hex);
    struct secret *secret = secret_create(hex, 64);
    secret_wipe(mac, sizeof mac);
    secret_wipe(hex, sizeof hex);
    return secret;
}

struct secret *registration_static_secret(const struct secret *grant_secret, const char *instance_id)
{
    unsigned char mac[32];
    struct buffer text = {0};

    text_hmac_sha256(secret_reveal(grant_secret), secret_size(grant_secret), instance_id, strlen(instance_id), mac);
    text_base64(&text, mac, sizeof mac); /* 43 characters and one "=" */
    for (size_t i = 0; i < text.size; i++)
        text.bytes[i] = text.bytes[i] == '+'   ? '-'
                        : text.bytes[i] == '/' ? '_'
                        : text.bytes[i] == '=' ? 'A'
                                               : text.bytes[i];
    struct secret *secret = secret_create(text.bytes, text.size);
    buffer_free(&text);
    secret_wipe(mac, sizeof mac);
    return secret;
}
