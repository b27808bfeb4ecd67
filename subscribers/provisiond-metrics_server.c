/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics_server.c: the HTTP side, by libmicrohttpd inside the process's own loop: no thread, no lock.
 * Runs in: provisiond-metrics. Owns: the listening socket. Read-only: GET and HEAD of three paths. Connections are few,
 * short-lived and bounded, so that a scraper that hangs costs one of them and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "subscribers/provisiond-metrics.h"

#define CONNECTIONS_MOST 64u
#define CONNECTION_SECONDS 15u
#define CONNECTION_MEMORY ((size_t)32 * 1024)

struct server {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    int epoll_fd;
    server_page_function *page;
    void *context;
    char address[300];
};

static const char front[] = "<!doctype html><title>provisiond-metrics</title><p><a href=\"/metrics\">metrics</a>\n";

/* Takes the bytes' ownership when `owned`. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type, char *bytes,
                               size_t size, bool owned)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, bytes, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return respond(connection, status, "text/plain; charset=utf-8", (char *)text, strlen(text), false);
}

static enum MHD_Result respond_metrics(struct server *server, struct MHD_Connection *connection)
{
    struct buffer text = {0};

    server->page(server->context, &text);
    return respond(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text.bytes, text.size, true);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *body, size_t *body_size, void **state)
{
    struct server *server = context;

    (void)version;
    (void)body;
    (void)state;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        *body_size = 0;
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    }
    if (strcmp(url, "/metrics") == 0)
        return respond_metrics(server, connection);
    if (strcmp(url, "/-/healthy") == 0)
        return respond_text(connection, MHD_HTTP_OK, "ok\n");
    if (strcmp(url, "/") == 0)
        return respond(connection, MHD_HTTP_OK, "text/html; charset=utf-8", (char *)front, strlen(front), false);
    return respond_text(connection, MHD_HTTP_NOT_FOUND, "there are / and /metrics\n");
}

/* "127.0.0.1:9731" or "[::1]:9731": numbers only, a start does not wait for a name server. */
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

static int start(struct server *server, const struct addrinfo *address, struct error *err)
{
    unsigned flags = MHD_USE_EPOLL | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);

    server->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                         MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
                         CONNECTION_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
    if (!server->daemon)
        return error_set_errno(err, ERROR_LOCAL, "cannot listen");
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return loop_add_fd(server->loop, server->epoll_fd, EPOLLIN, NULL, NULL, err);
}

int server_create(struct server **out, const char *listen, struct loop *loop, server_page_function *page, void *context,
                  struct error *err)
{
    struct addrinfo *address = NULL;
    char host[256];
    struct server *server = calloc(1, sizeof *server);

    if (!server)
        return error_set(err, ERROR_LOCAL, "memory ended");
    *server = (struct server){.loop = loop, .page = page, .context = context, .epoll_fd = -1};
    int result = read_address(listen, &address, host, err);
    if (result == 0)
        result = address && start(server, address, err) == 0 ? 0 : error_prefix(err, "%s", listen);
    if (result == 0)
        text_format(server->address, sizeof server->address, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                    (unsigned)MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    if (address)
        freeaddrinfo(address);
    if (result != 0)
        server_destroy(&server);
    *out = server;
    return result;
}

void server_step(struct server *server)
{
    MHD_run(server->daemon);
}

struct mono server_deadline(struct server *server, struct mono now)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;

    if (MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES)
        return MONO_NEVER;
    return mono_add(now, SPAN_MS(milliseconds < 60000 ? milliseconds : 60000));
}

const char *server_address(const struct server *server)
{
    return server->address;
}

void server_destroy(struct server **server)
{
    struct server *gone = *server;

    if (!gone)
        return;
    if (gone->daemon) {
        if (gone->epoll_fd >= 0)
            loop_remove_fd(gone->loop, gone->epoll_fd);
        MHD_stop_daemon(gone->daemon);
    }
    free(gone);
    *server = NULL;
}
