/* SPDX-License-Identifier: MPL-2.0 */
/* AWS Signature Version 4, the server's side: takes the request apart as it was sent, computes
 * what the signature should have been, and compares. Real time decides about expiry. */
#include "sigv4.h"

#include "ec2_errors.h"
#include "encoding.h"
#include "exchange.h"
#include "memory.h"
#include "world.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAXIMUM_SKEW 300.0

/* Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=..., Signature=... */
struct authorization {
    char access_key[128], date[16], region[64], service[32];
    char signed_headers[512], signature[128];
};

static bool copy_field(const char *header, const char *name, const char *ends, char *out, size_t size)
{
    const char *start = strstr(header, name);
    if (start == NULL)
        return false;
    start += strlen(name);
    size_t length = strcspn(start, ends);
    snprintf(out, size, "%.*s", (int)length, start);
    return length > 0 && length < size;
}

static bool parse_authorization(const char *header, struct authorization *out)
{
    char scope[320];
    if (strncmp(header, "AWS4-HMAC-SHA256", 16) != 0 || !copy_field(header, "Credential=", ", ", scope, sizeof scope) ||
        !copy_field(header, "SignedHeaders=", ", ", out->signed_headers, sizeof out->signed_headers) ||
        !copy_field(header, "Signature=", ", ", out->signature, sizeof out->signature))
        return false;
    char end[16];
    return sscanf(scope, "%127[^/]/%15[^/]/%63[^/]/%31[^/]/%15s", out->access_key, out->date, out->region, out->service,
                  end) == 5 &&
           strcmp(end, "aws4_request") == 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Decodes and re-encodes each pair, then sorts: no matter how the client wrote it. */
static void add_canonical_query(struct text *out, const char *query)
{
    char *pairs[256] = {NULL};
    size_t count = 0;
    while (query != NULL && *query != '\0' && count < 256) {
        size_t length = strcspn(query, "&");
        size_t name_length = strcspn(query, "=&");
        struct text pair = {0};
        char *name = percent_decode(query, name_length, false);
        char *value = name_length < length ? percent_decode(query + name_length + 1, length - name_length - 1, false)
                                           : must_copy("");
        percent_encode(&pair, name);
        text_add(&pair, "=");
        percent_encode(&pair, value);
        free(name);
        free(value);
        pairs[count++] = pair.data;
        query += length + (query[length] == '&');
    }
    qsort(pairs, count, sizeof pairs[0], compare_texts);
    for (size_t i = 0; i < count; i++) {
        text_addf(out, "%s%s", i > 0 ? "&" : "", pairs[i]);
        free(pairs[i]);
    }
}

/* Trims, and folds runs of spaces into one. */
static void add_header_value(struct text *out, const char *value)
{
    while (isspace((unsigned char)*value))
        value++;
    for (; *value != '\0'; value++) {
        if (!isspace((unsigned char)*value))
            text_add_bytes(out, value, 1);
        else if (value[1] != '\0' && !isspace((unsigned char)value[1]))
            text_add(out, " ");
    }
}

static bool add_canonical_headers(struct text *out, const struct exchange *exchange, const char *names)
{
    char *copy = must_copy(names), *rest = copy, *name;
    bool host_seen = false, found = true;
    while ((name = strsep(&rest, ";")) != NULL && found) {
        const char *value = exchange_header(exchange, name);
        host_seen |= strcmp(name, "host") == 0;
        found = value != NULL;
        if (found) {
            text_addf(out, "%s:", name);
            add_header_value(out, value);
            text_add(out, "\n");
        }
    }
    free(copy);
    return found && host_seen;
}

static void hash_body(const struct exchange *exchange, char out[DIGEST_HEX_SIZE])
{
    sha256_hex(exchange->body.data != NULL ? exchange->body.data : "", exchange->body.length, out);
}

static bool canonical_request_digest(const struct exchange *exchange, const struct authorization *given,
                                     char out[DIGEST_HEX_SIZE])
{
    char body_digest[DIGEST_HEX_SIZE];
    const char *claimed = exchange_header(exchange, "x-amz-content-sha256");
    struct text text = {0};
    hash_body(exchange, body_digest);
    if (claimed != NULL && strcmp(claimed, "UNSIGNED-PAYLOAD") != 0 && strcmp(claimed, body_digest) != 0)
        return false;
    text_addf(&text, "%s\n%s\n", exchange->method, exchange->path);
    add_canonical_query(&text, exchange->query);
    text_add(&text, "\n");
    bool complete = add_canonical_headers(&text, exchange, given->signed_headers);
    text_addf(&text, "\n%s\n%s", given->signed_headers, claimed != NULL ? claimed : body_digest);
    sha256_hex(text.data, text.length, out);
    text_free(&text);
    return complete;
}

static void sign_step(unsigned char key[DIGEST_SIZE], const char *data)
{
    unsigned char next[DIGEST_SIZE];
    hmac_sha256(key, DIGEST_SIZE, data, strlen(data), next);
    memcpy(key, next, DIGEST_SIZE);
}

static void expected_signature(const struct authorization *given, const char *secret, const char *date,
                               const char *request_digest, char out[DIGEST_HEX_SIZE])
{
    unsigned char key[DIGEST_SIZE];
    char *first = must_format("AWS4%s", secret);
    char *to_sign = must_format("AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", date, given->date, given->region,
                                given->service, request_digest);
    hmac_sha256(first, strlen(first), given->date, strlen(given->date), key);
    sign_step(key, given->region);
    sign_step(key, given->service);
    sign_step(key, "aws4_request");
    sign_step(key, to_sign);
    hex_encode(key, sizeof key, out);
    free(first);
    free(to_sign);
}

static void fail(struct sigv4_result *result, const char *code, const char *message)
{
    result->error_code = code;
    result->error_message = message != NULL ? message : ec2_error_message(code);
}

/* Seconds the signing time is away from ours; HUGE_VAL when it cannot be read. */
static double skew(const struct world *world, const char *date)
{
    struct tm parts = {0};
    const char *end = date != NULL ? strptime(date, "%Y%m%dT%H%M%SZ", &parts) : NULL;
    if (end == NULL || *end != '\0')
        return HUGE_VAL;
    return fabs((double)timegm(&parts) - clock_server_wall(world));
}

static bool token_fits(const struct exchange *exchange, const struct credential *credential)
{
    const char *token = exchange_header(exchange, "x-amz-security-token");
    if (credential->session_token == NULL)
        return token == NULL;
    return token != NULL && equal_in_constant_time(token, credential->session_token);
}

/* Unknown keys are named differently by EC2 and by STS. */
static const char *unknown_key_code(const struct authorization *given)
{
    return strcmp(given->service, "sts") == 0 ? "InvalidClientTokenId" : "AuthFailure";
}

static void check_signature(struct exchange *exchange, const struct authorization *given, struct sigv4_result *result)
{
    char digest[DIGEST_HEX_SIZE], expected[DIGEST_HEX_SIZE];
    const char *date = exchange_header(exchange, "x-amz-date");
    struct credential *credential = table_get(&exchange->world->credentials, given->access_key);
    bool sts = strcmp(given->service, "sts") == 0;
    if (credential == NULL || !token_fits(exchange, credential)) {
        fail(result, unknown_key_code(given), NULL);
        return;
    }
    if (skew(exchange->world, date) > MAXIMUM_SKEW) {
        fail(result, "RequestExpired", NULL);
        return;
    }
    bool complete = canonical_request_digest(exchange, given, digest);
    expected_signature(given, credential->secret_key, date, digest, expected);
    if (!complete || strncmp(date, given->date, 8) != 0 || !equal_in_constant_time(expected, given->signature))
        fail(result, "SignatureDoesNotMatch", NULL);
    else if (exchange->world->now >= credential->expires_at)
        fail(result, sts ? "ExpiredToken" : "RequestExpired", NULL);
    else
        result->credential = credential;
}

void sigv4_check(struct exchange *exchange, struct sigv4_result *result)
{
    struct authorization given = {0};
    const char *header = exchange_header(exchange, "Authorization");
    *result = (struct sigv4_result){0};
    bool parsed = header != NULL && parse_authorization(header, &given);
    snprintf(result->region, sizeof result->region, "%s", given.region);
    snprintf(result->service, sizeof result->service, "%s", given.service);
    if (!exchange->world->check_signatures)
        return;
    if (header == NULL)
        fail(result, "MissingAuthenticationToken", NULL);
    else if (!parsed)
        fail(result, "IncompleteSignature", "The Authorization header cannot be read.");
    else if (strcmp(given.service, "ec2") != 0 && strcmp(given.service, "sts") != 0 &&
             strcmp(given.service, "servicequotas") != 0)
        fail(result, "SignatureDoesNotMatch", "Credential should be scoped to correct service.");
    else
        check_signature(exchange, &given, result);
}
