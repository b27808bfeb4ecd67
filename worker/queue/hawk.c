/* SPDX-License-Identifier: MPL-2.0 */
/* hawk.c: the normalized strings of Hawk and their macs (mozilla/hawk API.md). The header covers method, resource, host
 * and port; no payload hash is sent, as the queue takes none and asks for none (facts/taskcluster.md).
 * Runs in: type worker. Owns nothing. A nonce is never used twice: each header gets new random bytes (case B52). */
#include "worker/queue/hawk.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "worker/ec2/url.h"

void hawk_nonce(char out[HAWK_NONCE_SIZE])
{
    text_random_hex((HAWK_NONCE_SIZE - 1) / 2, out);
}

/* Appends base64(HMAC-SHA256(key, normalized)). */
static void add_mac(struct buffer *out, const struct secret *key, const struct buffer *normalized)
{
    unsigned char mac[32];

    text_hmac_sha256(secret_reveal(key), secret_size(key), normalized->bytes, normalized->size, mac);
    text_base64(out, mac, sizeof mac);
}

/* base64 of {"certificate": {...}}; nothing for permanent credentials. */
static int add_ext(struct buffer *out, const struct secret *certificate, struct error *err)
{
    if (!certificate || secret_size(certificate) == 0)
        return 0;
    json_t *parsed =
        json_read_text("TASKCLUSTER_CERTIFICATE", secret_reveal(certificate), secret_size(certificate), NULL);
    if (!json_is_object(parsed)) { /* the parser's own words could quote the secret */
        json_decref(parsed);
        return error_set(err, ERROR_INPUT, "TASKCLUSTER_CERTIFICATE is not a JSON object");
    }
    json_t *object = json_pack("{s:o}", "certificate", parsed);
    char *text = object ? json_text(object) : NULL;
    json_decref(object);
    if (!text)
        return error_set(err, ERROR_LOCAL, "no memory for the certificate");
    text_base64(out, text, strlen(text));
    secret_wipe(text, strlen(text));
    free(text);
    return 0;
}

/* What stands in the header between double quotes: it may hold neither these nor line ends. */
static bool attribute_safe(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
            return false;
    return true;
}

static void add_normalized(struct buffer *out, const struct url_parts *url, const char *method, int64_t seconds,
                           const char *nonce, const char *ext)
{
    buffer_print(out, "hawk.1.header\n%" PRId64 "\n%s\n%s\n%s%s%s\n", seconds, nonce, method, url->path,
                 url->query[0] ? "?" : "", url->query);
    for (const char *at = url->host; *at; at++)
        buffer_print(out, "%c", *at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    buffer_print(out, "\n%d\n\n%s\n", url->port, ext);
}

int hawk_header(struct buffer *out, const struct queue_credentials *credentials, const char *method, const char *url,
                int64_t seconds, const char *nonce, struct error *err)
{
    struct buffer ext = {0}, normalized = {0};
    struct url_parts parts;
    int result = -1;

    if (!credentials->access_token || !credentials->client_id[0])
        return error_set(err, ERROR_INPUT, "TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN are not set");
    if (!attribute_safe(credentials->client_id))
        return error_set(err, ERROR_INPUT, "TASKCLUSTER_CLIENT_ID holds characters that no client id has");
    if (url_split(url, &parts, err) != 0 || add_ext(&ext, credentials->certificate, err) != 0)
        goto out;
    add_normalized(&normalized, &parts, method, seconds, nonce, buffer_text(&ext));
    buffer_print(out, "Authorization: Hawk id=\"%s\", ts=\"%" PRId64 "\", nonce=\"%s\"", credentials->client_id,
                 seconds, nonce);
    if (ext.size > 0)
        buffer_print(out, ", ext=\"%s\"", ext.bytes);
    buffer_print(out, ", mac=\"");
    add_mac(out, credentials->access_token, &normalized);
    buffer_print(out, "\"");
    result = 0;
out:
    buffer_free(&ext);
    buffer_free(&normalized);
    return result;
}

/* The value of name="value" in a header; -1 if it is not there or too long. */
static int take_attribute(const char *header, const char *name, char *out, size_t size)
{
    char start[32];

    text_format(start, sizeof start, "%s=\"", name);
    for (const char *at = strstr(header, start); at; at = strstr(at + 1, start)) {
        if (at == header || (at[-1] != ' ' && at[-1] != ','))
            continue;
        at += strlen(start);
        size_t length = strcspn(at, "\"");
        if (at[length] != '"' || length >= size)
            return -1;
        memcpy(out, at, length);
        out[length] = '\0';
        return 0;
    }
    return -1;
}

int hawk_server_time(const char *header, const struct queue_credentials *credentials, int64_t *seconds)
{
    struct buffer normalized = {0}, mac = {0};
    char ts[24], tsm[80], *end;

    if (!strcasestr(header, "Hawk ") || take_attribute(header, "ts", ts, sizeof ts) != 0)
        return 0;
    long long value = strtoll(ts, &end, 10);
    if (*end != '\0' || end == ts || value <= 0 || take_attribute(header, "tsm", tsm, sizeof tsm) != 0)
        return -1;
    buffer_print(&normalized, "hawk.1.ts\n%s\n", ts);
    add_mac(&mac, credentials->access_token, &normalized);
    bool proven = strlen(tsm) == mac.size && CRYPTO_memcmp(tsm, mac.bytes, mac.size) == 0;
    buffer_free(&normalized);
    buffer_free(&mac);
    *seconds = value;
    return proven ? 1 : -1;
}
