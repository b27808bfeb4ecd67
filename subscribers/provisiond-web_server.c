/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_server.c: the HTTP side, by libmicrohttpd inside the process's own loop: no thread, no lock.
 * Runs in: provisiond-web. Owns: the listening socket. Connections, their memory and their idle time are bounded; every
 * answer has the headers that make a browser load nothing that did not come from here. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/json.h"
#include "subscribers/provisiond-web.h"

#define CONNECTIONS_MOST 192u
#define CONNECTION_SECONDS 20u
#define CONNECTION_MEMORY ((size_t)64 * 1024)

struct server {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    struct web *web;
    int epoll_fd;
    bool loopback;
    char address[300];
};

static const char *const headers[][2] = {
    {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                                "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {"Cache-Control", "no-store"},
};

/* ---- answers ---- */

enum MHD_Result web_queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
                          const char *type)
{
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result web_respond(struct MHD_Connection *connection, unsigned status, const char *type, const void *bytes,
                            size_t size)
{
    return web_queue(connection, status, MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_MUST_COPY),
                     type);
}

enum MHD_Result web_respond_json(struct MHD_Connection *connection, unsigned status, json_t *body)
{
    char *text = json_text(body);
    enum MHD_Result result = MHD_NO;

    json_decref(body);
    if (text)
        result = web_respond(connection, status, "application/json", text, strlen(text));
    free(text);
    return result;
}

enum MHD_Result web_say(struct MHD_Connection *connection, unsigned status, const char *sentence)
{
    return web_respond_json(connection, status, json_pack("{s:s}", "text", sentence));
}

/* ---- requests ---- */

static enum MHD_Result respond_asset(struct MHD_Connection *connection, const char *url)
{
    const struct asset *asset = asset_of(url);

    if (!asset)
        return web_say(connection, MHD_HTTP_NOT_FOUND, "there is no such page");
    return web_queue(connection, MHD_HTTP_OK,
                     MHD_create_response_from_buffer(asset->size, (void *)asset->bytes, MHD_RESPMEM_PERSISTENT),
                     asset->type);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *size, void **state)
{
    struct server *server = context;
    struct request *request = *state;

    (void)version;
    if (!request && !(request = *state = calloc(1, sizeof *request)))
        return MHD_NO;
    if (!guard_host_allowed(&server->web->guard, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")))
        return web_say(connection, MHD_HTTP_MISDIRECTED_REQUEST, "this Host is not served here; see --host");
    if (strcmp(url, "/api/act") == 0 && strcmp(method, "POST") == 0)
        return api_act(server->web, connection, request, bytes, size);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return web_say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    if (*size > 0)
        return MHD_NO; /* a GET has no body */
    if (strcmp(url, "/-/healthy") == 0)
        return web_respond(connection, MHD_HTTP_OK, "text/plain; charset=utf-8", "ok\n", 3);
    if (text_starts(url, "/api/"))
        return strcmp(method, "GET") == 0 ? api_get(server->web, connection, url, request)
                                          : web_say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
    return respond_asset(connection, url);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct server *server = context;
    struct request *request = *state;

    (void)connection;
    (void)why;
    if (!request)
        return;
    ask_release(server->web->ask, request->question);
    buffer_free(&request->body);
    free(request);
    *state = NULL;
}

/* ---- the socket ---- */

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

static int start(struct server *server, const struct addrinfo *address, struct error *err)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);

    server->loopback = is_loopback(address->ai_addr);
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                                      MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
                                      CONNECTION_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                                      MHD_OPTION_NOTIFY_COMPLETED, on_end, server, MHD_OPTION_END);
    if (!server->daemon)
        return error_set_errno(err, ERROR_LOCAL, "cannot listen");
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return loop_add_fd(server->loop, server->epoll_fd, EPOLLIN, NULL, NULL, err);
}

int server_create(struct server **out, const char *listen, struct loop *loop, struct web *web, struct error *err)
{
    struct addrinfo *address = NULL;
    char host[256];
    struct server *server = calloc(1, sizeof *server);

    if (!server)
        return error_set(err, ERROR_LOCAL, "memory ended");
    *server = (struct server){.loop = loop, .web = web, .epoll_fd = -1};
    int result = read_address(listen, &address, host, err);
    if (result == 0 && address)
        result = start(server, address, err) == 0 ? 0 : error_prefix(err, "%s", listen);
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

bool server_is_loopback(const struct server *server)
{
    return server->loopback;
}

/* The caller has let go of every suspended connection. */
void server_destroy(struct server **server)
{
    struct server *gone = *server;

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
