/* SPDX-License-Identifier: MPL-2.0 */
/* sigv4.c: canonical request, string to sign, signing key, signature (AWS IAM User Guide, "Create a signed AWS API
 * request"). libcurl's own CURLOPT_AWS_SIGV4 is not used: what it signs differs from release to release (case B47).
 * Runs in: type and region workers. Pure. Wipes the derived keys. */
#include "worker/ec2/sigv4.h"

#include <stdbool.h>
#include <string.h>

#include "common/text.h"

#define DIGEST_SIZE 32

static bool stays(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
}

/* The path is encoded once more than it is sent (all services but S3): "%20" becomes "%2520". */
static void add_path(struct buffer *out, const char *path)
{
    for (const char *at = path; *at; at++) {
        if (stays((unsigned char)*at))
            buffer_add(out, at, 1);
        else
            buffer_print(out, "%%%02X", (unsigned char)*at);
    }
}

static void add_header_names(struct buffer *out, const struct sigv4_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        buffer_print(out, "%s%s", i ? ";" : "", request->headers[i].name);
}

static void add_hash(struct buffer *out, const void *bytes, size_t size)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    text_sha256(bytes, size, digest);
    text_hex(digest, sizeof digest, hex);
    buffer_add(out, hex, strlen(hex));
}

static void add_canonical_request(struct buffer *out, const struct sigv4_request *request)
{
    buffer_print(out, "%s\n", request->method);
    add_path(out, request->path);
    buffer_print(out, "\n\n"); /* no query */
    for (size_t i = 0; i < request->header_count; i++)
        buffer_print(out, "%s:%s\n", request->headers[i].name, request->headers[i].value);
    buffer_print(out, "\n");
    add_header_names(out, request);
    buffer_print(out, "\n");
    add_hash(out, request->body ? request->body : "", request->body_size);
}

/* 20150830/us-east-1/ec2/aws4_request */
static void add_scope(struct buffer *out, const struct sigv4_request *request)
{
    buffer_print(out, "%.8s/%s/%s/aws4_request", request->stamp, request->region, request->service);
}

static void derive_key(const struct sigv4_request *request, unsigned char key[DIGEST_SIZE])
{
    const char *steps[] = {request->region, request->service, "aws4_request"};
    struct buffer first = {0};

    buffer_print(&first, "AWS4");
    buffer_add(&first, secret_reveal(request->secret_key), secret_size(request->secret_key));
    text_hmac_sha256(first.bytes, first.size, request->stamp, 8, key);
    buffer_free(&first);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        unsigned char next[DIGEST_SIZE];
        text_hmac_sha256(key, DIGEST_SIZE, steps[i], strlen(steps[i]), next);
        memcpy(key, next, DIGEST_SIZE);
        secret_wipe(next, sizeof next);
    }
}

int sigv4_authorization(const struct sigv4_request *request, char *out, size_t size)
{
    struct buffer canonical = {0}, to_sign = {0}, answer = {0};
    unsigned char key[DIGEST_SIZE], signature[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    add_canonical_request(&canonical, request);
    buffer_print(&to_sign, "AWS4-HMAC-SHA256\n%s\n", request->stamp);
    add_scope(&to_sign, request);
    buffer_print(&to_sign, "\n");
    add_hash(&to_sign, canonical.bytes, canonical.size);

    derive_key(request, key);
    text_hmac_sha256(key, sizeof key, to_sign.bytes, to_sign.size, signature);
    secret_wipe(key, sizeof key);
    text_hex(signature, sizeof signature, hex);

    buffer_print(&answer, "AWS4-HMAC-SHA256 Credential=%s/", request->access_key);
    add_scope(&answer, request);
    buffer_print(&answer, ", SignedHeaders=");
    add_header_names(&answer, request);
    buffer_print(&answer, ", Signature=%s", hex);
    int result = text_copy(out, size, buffer_text(&answer));
    buffer_free(&canonical); /* holds the session token */
    buffer_free(&to_sign);
    buffer_free(&answer);
    return result;
}
