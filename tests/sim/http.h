/* SPDX-License-Identifier: MPL-2.0 */
/* The HTTP server: libmicrohttpd turned by our own loop, in one thread. Requests that must
 * wait are suspended, so none of them keeps another from being served. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <stdint.h>

struct world;
struct http_server;

/* NULL with a line on standard error when it cannot listen. */
struct http_server *http_start(struct world *world, const char *address, uint16_t port);
uint16_t http_port(const struct http_server *server);
/* Serves until world->quit. */
void http_run(struct http_server *server);
void http_stop(struct http_server *server);

#endif
