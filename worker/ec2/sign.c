/* SPDX-License-Identifier: MPL-2.0 */
/* sign.c: the headers of one signed POST. All that is sent is signed: content type, host, date, token and body.
 * Host goes out as a header of ours, so that no library's idea of it can differ from the signed one (case B47).
 * Runs in: type and region workers. Does no I/O. Owns: the copy of the session token, until ec2_signed_clear. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/ec2/ec2.h"
#include "worker/ec2/sigv4.h"
#include "worker/ec2/url.h"

#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define JSON_TYPE "application/x-amz-json-1.1"
#define AUTHORIZATION "Authorization: "

static int format_stamp(struct wall at, char *out, size_t size)
{
    time_t seconds = (time_t)(at.ms / 1000);
    struct tm parts;

    if (at.ms < 0 || !gmtime_r(&seconds, &parts) || strftime(out, size, "%Y%m%dT%H%M%SZ", &parts) != 16)
        return -1;
    return 0;
}

/* A header's value may not end the header. */
static bool header_safe(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at <= ' ' || *at == 0x7f)
            return false;
    return true;
}

/* "/a/../b", "/./" and "//" are signed in a form other than the one sent; no endpoint needs them. */
static bool path_is_plain(const char *path)
{
    for (const char *at = path; *at == '/'; at += 1 + strcspn(at + 1, "/")) {
        size_t length = strcspn(at + 1, "/");
        if ((length == 0 && at[1] != '\0') || (length == 1 && at[1] == '.') ||
            (length == 2 && at[1] == '.' && at[2] == '.'))
            return false;
    }
    return true;
}

static char *token_line(const struct secret *token)
{
    static const char name[] = "X-Amz-Security-Token: ";
    size_t size = sizeof name + secret_size(token);
    char *line = malloc(size);

    if (!line)
        abort();
    memcpy(line, name, sizeof name - 1);
    memcpy(line + sizeof name - 1, secret_reveal(token), secret_size(token) + 1);
    return line;
}

static void list_headers(struct ec2_signed *out)
{
    size_t count = 0;

    out->headers[count++] = *out->target ? "Content-Type: " JSON_TYPE : "Content-Type: " FORM_TYPE;
    out->headers[count++] = out->host;
    out->headers[count++] = out->date;
    if (out->token)
        out->headers[count++] = out->token;
    if (*out->target)
        out->headers[count++] = out->target;
    out->headers[count++] = out->authorization;
    out->headers[count] = NULL;
}

static int check_inputs(const struct url_parts *url, const char *region, const struct aws_credentials *credentials,
                        struct error *err)
{
    if (url->query[0])
        return error_set(err, ERROR_INPUT, "an EC2 endpoint has no query: %.100s%.100s?...", url->authority, url->path);
    if (!path_is_plain(url->path))
        return error_set(err, ERROR_INPUT, "an EC2 endpoint's path has no empty and no dot parts: %.200s", url->path);
    if (!header_safe(credentials->access_key) || !credentials->access_key[0] || !credentials->secret_key)
        return error_set(err, ERROR_INPUT, "the AWS access key is empty or holds blanks");
    if (credentials->session_token && !header_safe(secret_reveal(credentials->session_token)))
        return error_set(err, ERROR_INPUT, "the AWS session token holds blanks or line ends");
    if (!region[0] || !header_safe(region))
        return error_set(err, ERROR_INPUT, "no region to sign for");
    return 0;
}

int ec2_sign_post(struct ec2_signed *out, const struct ec2_post *post, const struct aws_credentials *credentials,
                  struct wall at, struct error *err)
{
    struct url_parts parts;
    struct sigv4_header headers[5];
    size_t count = 0;
    char stamp[32];

    *out = (struct ec2_signed){0};
    if (url_split(post->url, &parts, err) != 0 || check_inputs(&parts, post->region, credentials, err) != 0)
        return -1;
    if (format_stamp(at, stamp, sizeof stamp) != 0)
        return error_set(err, ERROR_LOCAL, "the clock shows no time that can be signed");

    headers[count++] = (struct sigv4_header){"content-type", post->target ? JSON_TYPE : FORM_TYPE};
    headers[count++] = (struct sigv4_header){"host", parts.authority};
    headers[count++] = (struct sigv4_header){"x-amz-date", stamp};
    if (credentials->session_token)
        headers[count++] = (struct sigv4_header){"x-amz-security-token", secret_reveal(credentials->session_token)};
    if (post->target)
        headers[count++] = (struct sigv4_header){"x-amz-target", post->target};
    struct sigv4_request request = {.method = "POST",
                                    .path = parts.path,
                                    .headers = headers,
                                    .header_count = count,
                                    .body = post->body,
                                    .body_size = post->body_size,
                                    .stamp = stamp,
                                    .region = post->region,
                                    .service = post->service,
                                    .access_key = credentials->access_key,
                                    .secret_key = credentials->secret_key};
    size_t prefix = strlen(AUTHORIZATION);
    text_copy(out->authorization, sizeof out->authorization, AUTHORIZATION);
    if (sigv4_authorization(&request, out->authorization + prefix, sizeof out->authorization - prefix) != 0 ||
        text_format(out->host, sizeof out->host, "Host: %s", parts.authority) != 0 ||
        text_format(out->date, sizeof out->date, "X-Amz-Date: %s", stamp) != 0 ||
        (post->target && text_format(out->target, sizeof out->target, "X-Amz-Target: %s", post->target) != 0))
        return error_set(err, ERROR_LIMIT, "a signed header is too long");
    if (credentials->session_token)
        out->token = token_line(credentials->session_token);
    list_headers(out);
    return 0;
}

int ec2_sign(struct ec2_signed *out, const char *url, const char *body, size_t body_size, const char *service,
             const char *region, const struct aws_credentials *credentials, struct wall at, struct error *err)
{
    struct ec2_post post = {.url = url, .body = body, .body_size = body_size, .service = service, .region = region};

    return ec2_sign_post(out, &post, credentials, at, err);
}

void ec2_signed_clear(struct ec2_signed *headers)
{
    if (headers->token) {
        secret_wipe(headers->token, strlen(headers->token));
        free(headers->token);
    }
    secret_wipe(headers, sizeof *headers);
    *headers = (struct ec2_signed){0};
}
