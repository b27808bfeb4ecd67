/* SPDX-License-Identifier: MPL-2.0 */
/* url.h: a URL cut into the parts that signatures cover, by libcurl's own URL parser, so that what is signed is what
 * libcurl sends. Runs in: type and region workers. Does no I/O. Owns nothing. */
#ifndef WORKER_EC2_URL_H
#define WORKER_EC2_URL_H

#include "common/error.h"

struct url_parts {
    char host[256];      /* without port */
    int port;            /* the scheme's own if the URL names none */
    char authority[280]; /* the Host header: the port only when it is not the scheme's own */
    char path[2048];     /* as sent: still percent-encoded, at least "/" */
    char query[2048];    /* without the question mark, "" if none */
};

int url_split(const char *url, struct url_parts *out, struct error *err);

#endif
