/* SPDX-License-Identifier: MPL-2.0 */
/* url.c: cuts URLs with libcurl's URL parser, paths as they are, which is how common/http sends them: what is kept or
 * left out (percent-encoding, default ports) is then the same in the signature and on the wire.
 * Runs in: type and region workers. Does no I/O, owns nothing. */
#include "worker/ec2/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* Copies one part; an absent one becomes `fallback`. Returns -1 when it is absent without a fallback, or too long. */
static int take_part(CURLU *handle, CURLUPart part, unsigned flags, const char *fallback, char *out, size_t size)
{
    char *text = NULL;
    int result = -1;

    if (curl_url_get(handle, part, &text, flags) == CURLUE_OK)
        result = text_copy(out, size, text);
    else if (fallback)
        result = text_copy(out, size, fallback);
    curl_free(text);
    return result;
}

static int take_parts(CURLU *handle, struct url_parts *out)
{
    char scheme[16], port[16], given_port[16];

    if (take_part(handle, CURLUPART_SCHEME, 0, NULL, scheme, sizeof scheme) != 0 ||
        take_part(handle, CURLUPART_HOST, 0, NULL, out->host, sizeof out->host) != 0 ||
        take_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, NULL, port, sizeof port) != 0 ||
        take_part(handle, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, "", given_port, sizeof given_port) != 0 ||
        take_part(handle, CURLUPART_PATH, 0, "/", out->path, sizeof out->path) != 0 ||
        take_part(handle, CURLUPART_QUERY, 0, "", out->query, sizeof out->query) != 0)
        return -1;
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return -1;
    out->port = atoi(port);
    if (given_port[0] == '\0')
        return text_copy(out->authority, sizeof out->authority, out->host);
    return text_format(out->authority, sizeof out->authority, "%s:%s", out->host, given_port);
}

int url_split(const char *url, struct url_parts *out, struct error *err)
{
    CURLU *handle = curl_url();
    int result = -1;

    *out = (struct url_parts){0};
    if (!handle)
        return error_set(err, ERROR_LOCAL, "no memory for a URL");
    if (curl_url_set(handle, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) == CURLUE_OK)
        result = take_parts(handle, out);
    curl_url_cleanup(handle);
    if (result != 0)
        return error_set(err, ERROR_INPUT, "not a usable http or https URL: %.200s", url);
    return 0;
}
