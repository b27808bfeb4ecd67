/* SPDX-License-Identifier: MPL-2.0 */
/* http_server.c: opens the socket and lets libmicrohttpd work when the loop says so. See http_server.h.
 * Runs in: provisiond-web and provisiond-metrics. */
#include "common/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/text.h"

struct http_server {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    int epoll_fd;
    bool loopback;
    char address[300];
};

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
}

/* "127.0.0.1:9730" or "[::1]:9730": numbers only, a start does not wait for a name server. */
static int read_address(const char *listen, struct addrinfo **out, char host[256], struct error *err)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(listen, ':');

    if (!colon || text_format(host, 256, "%.*s", (int)(colon - listen), listen) != 0)
        return error_set(err, ERROR_USAGE, "%s: is no HOST:PORT", listen);
    size_t length = strlen(host);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = '\0';
    }
    if (getaddrinfo(host, colon + 1, &hints, out) != 0)
        return error_set(err, ERROR_USAGE, "%s: is no numeric HOST:PORT", listen);
    return 0;
}

static int start(struct http_server *server, const struct http_server_options *options, const struct addrinfo *address,
                 struct error *err)
{
    unsigned flags = MHD_USE_EPOLL | (options->suspends ? MHD_ALLOW_SUSPEND_RESUME : 0) |
                     (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);

    server->loopback = is_loopback(address->ai_addr);
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, options->on_request, options->context, MHD_OPTION_SOCK_ADDR,
                                      address->ai_addr, MHD_OPTION_CONNECTION_LIMIT, options->connections_most,
                                      MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory,
                                      MHD_OPTION_NOTIFY_COMPLETED, options->on_end, options->context, MHD_OPTION_END);
    if (!server->daemon)
        return error_set_errno(err, ERROR_LOCAL, "cannot listen");
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return loop_add_fd(server->loop, server->epoll_fd, EPOLLIN, NULL, NULL, err);
}

int http_server_create(struct http_server **out, struct loop *loop, const struct http_server_options *options,
                       struct error *err)
{
    const char *listen = options->listen;
    struct addrinfo *address = NULL;
    char host[256];
    struct http_server *server = calloc(1, sizeof *server);

    *out = NULL;
    if (!server)
        return error_set(err, ERROR_LOCAL, "memory ended");
    *server = (struct http_server){.loop = loop, .epoll_fd = -1};
    int result = read_address(listen, &address, host, err);
    if (result == 0)
        result = address && start(server, options, address, err) == 0 ? 0 : error_prefix(err, "%s", listen);
    if (result == 0)
        text_format(server->address, sizeof server->address, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                    (unsigned)MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    if (address)
        freeaddrinfo(address);
    if (result != 0)
        http_server_destroy(&server);
    *out = server;
    return result;
}

void http_server_step(struct http_server *server)
{
    MHD_run(server->daemon);
}

struct mono http_server_deadline(struct http_server *server, struct mono now)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;

    if (MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES)
        return MONO_NEVER;
    return mono_add(now, SPAN_MS(milliseconds < 60000 ? milliseconds : 60000));
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

bool http_server_is_loopback(const struct http_server *server)
{
    return server->loopback;
}

void http_server_destroy(struct http_server **server)
{
    struct http_server *gone = *server;

    if (!gone)
        return;
    if (gone->daemon) {
        if (gone->epoll_fd >= 0)
            loop_remove_fd(gone->loop, gone->epoll_fd);
        MHD_run(gone->daemon);
        MHD_stop_daemon(gone->daemon);
    }
    free(gone);
    *server = NULL;
}
