/* SPDX-License-Identifier: MPL-2.0 */
/* http_server.h: an HTTP server by libmicrohttpd inside the process's own loop: no thread, no lock.
 * Runs in: the subscribers that answer browsers and scrapers. Owns: the listening socket and its connections, which are
 * bounded in number, memory and idle time, so that a client that hangs costs one of them and nothing else.
 * What is answered is the caller's. */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/loop.h"

struct http_server_options {
    const char *listen; /* HOST:PORT or [HOST]:PORT, numbers only; port 0: a free one */
    MHD_AccessHandlerCallback on_request;
    MHD_RequestCompletedCallback on_end; /* NULL: none */
    void *context;                       /* of both */
    bool suspends;                       /* on_request may suspend connections */
    unsigned connections_most, idle_seconds;
    size_t connection_memory; /* bytes of each */
};

struct http_server;

/* Listens. -1 with *err filled and *out NULL. */
int http_server_create(struct http_server **out, struct loop *loop, const struct http_server_options *options,
                       struct error *err);
/* Every loop turn. */
void http_server_step(struct http_server *server);
struct mono http_server_deadline(struct http_server *server, struct mono now);
const char *http_server_address(const struct http_server *server); /* HOST:PORT that was really taken */
bool http_server_is_loopback(const struct http_server *server);
/* The caller has resumed every suspended connection. NULL-safe. */
void http_server_destroy(struct http_server **server);

#endif
