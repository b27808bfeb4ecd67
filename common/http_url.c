/* SPDX-License-Identifier: MPL-2.0 */
/* http_url.c: which URLs a request may go to.
 * Runs in: type workers, region workers and helpers, before a request is set up; pure but for curl's URL parser. It is
 * the parser that curl itself will use: a second one could see another host in the same text. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "common/http_transfer.h"

/* "localhost" is safe to take by its name: curl never asks a resolver for it. */
static bool is_loopback(const char *host)
{
    struct in_addr address;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* The link-local addresses at which EC2 and ECS give an instance its credentials: they speak plain http only and no
 * packet to them leaves the host (facts/ec2.md, IMDSv2). */
static bool is_metadata_service(const char *host)
{
    static const char *const addresses[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]",
                                            "[fd00:ec2::23]"};

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        if (strcasecmp(host, addresses[i]) == 0)
            return true;
    return false;
}

static int check_parts(const char *scheme, const char *host, bool allow_plain_http, struct error *err)
{
    if (strcmp(scheme, "https") == 0)
        return 0;
    if (strcmp(scheme, "http") != 0)
        return error_set(err, ERROR_INPUT, "a URL must begin with https:// or http://, not %.16s:", scheme);
    if (allow_plain_http || is_loopback(host) || is_metadata_service(host))
        return 0;
    return error_set(err, ERROR_INPUT, "plain http to %.200s is refused: only this host may be spoken to without TLS",
                     host);
}

int http_check_url(const char *url, bool allow_plain_http, struct error *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL;
    int result;

    if (!parts)
        return error_set(err, ERROR_LOCAL, "no memory for a URL");
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OK)
        result = check_parts(scheme, host, allow_plain_http, err);
    else
        result = error_set(err, ERROR_INPUT, "a URL cannot be used: %s", curl_url_strerror(code));
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return result;
}
