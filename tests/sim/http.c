/* SPDX-License-Identifier: MPL-2.0 */
/* libmicrohttpd and the main loop. See http.h. Everything runs in this one thread: the loop
 * does the simulated events that are due, lets held requests go, serves what came in, and
 * sleeps until the next of these. */
#include "http.h"

#include "exchange.h"
#include "memory.h"
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY_LIMIT (4 * 1024 * 1024)

struct http_server {
    struct world *world;
    struct MHD_Daemon *daemon;
    int epoll_fd, signal_fd;
};

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

/* Called as soon as the request line is known. */
static void *exchange_begin(void *closure, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *exchange = must_alloc(sizeof *exchange);
    const char *question = strchr(uri, '?');
    exchange->world = closure;
    exchange->connection = connection;
    exchange->uri = must_copy(uri);
    exchange->path = question != NULL ? must_copy_bytes(uri, (size_t)(question - uri)) : must_copy(uri);
    exchange->query = question != NULL ? must_copy(question + 1) : NULL;
    exchange->arrived = clock_monotonic();
    return exchange;
}

static void exchange_end(void *closure, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *context;
    (void)closure, (void)connection, (void)code;
    if (exchange == NULL)
        return;
    service_finished(exchange);
    service_release(exchange);
    text_free(&exchange->body);
    text_free(&exchange->answer);
    free(exchange->uri);
    free(exchange->path);
    free(exchange->query);
    free(exchange->method);
    free(exchange->extra_header_name);
    free(exchange->extra_header_value);
    free(exchange);
    *context = NULL;
}

static int connection_socket(const struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

/* Disconnecting a TCP socket makes the kernel send a reset at once, before any orderly end. */
static void reset_connection(struct exchange *exchange)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(connection_socket(exchange), &nowhere, sizeof nowhere);
}

/* A body that ends after half of what its Content-Length promised. */
static ssize_t read_half(void *closure, uint64_t position, char *buffer, size_t room)
{
    const struct exchange *exchange = closure;
    size_t half = exchange->answer.length / 2;
    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t count = half - position < room ? half - position : room;
    memcpy(buffer, exchange->answer.data + position, count);
    return (ssize_t)count;
}

static struct MHD_Response *make_response(struct exchange *exchange)
{
    if (exchange->delivery == DELIVER_HALF)
        return MHD_create_response_from_callback(exchange->answer.length, 4096, read_half, exchange, NULL);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(exchange->answer.length, exchange->answer.data, MHD_RESPMEM_MUST_FREE);
    exchange->answer = (struct text){0};
    return response;
}

static void add_date(const struct world *world, struct MHD_Response *response)
{
    time_t now = (time_t)clock_server_wall(world);
    struct tm parts;
    char date[64];
    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    MHD_add_response_header(response, "Date", date);
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    service_finished(exchange);
    if (exchange->delivery == DELIVER_RESET || exchange->delivery == DELIVER_NEVER) {
        reset_connection(exchange);
        return MHD_NO;
    }
    struct MHD_Response *response = make_response(exchange);
    if (response == NULL)
        return MHD_NO;
    if (exchange->world->send_date)
        add_date(exchange->world, response);
    MHD_add_response_header(response, "Content-Type", exchange->content_type);
    if (exchange->extra_header_name != NULL)
        MHD_add_response_header(response, exchange->extra_header_name, exchange->extra_header_value);
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)exchange->status, response);
    MHD_destroy_response(response);
    return result;
}

static void suspend(struct exchange *exchange)
{
    struct world *world = exchange->world;
    exchange->suspended = true;
    exchange->previous_held = NULL;
    exchange->next_held = world->held;
    if (world->held != NULL)
        world->held->previous_held = exchange;
    world->held = exchange;
    MHD_suspend_connection(exchange->connection);
}

static void resume(struct exchange *exchange)
{
    struct world *world = exchange->world;
    *(exchange->previous_held != NULL ? &exchange->previous_held->next_held : &world->held) = exchange->next_held;
    if (exchange->next_held != NULL)
        exchange->next_held->previous_held = exchange->previous_held;
    exchange->suspended = false;
    MHD_resume_connection(exchange->connection);
}

/* The time a request was held for is over: carry it out if that is still to be done. */
static void hold_ended(struct world *world, void *object, uint64_t stamp)
{
    struct exchange *exchange = object;
    (void)stamp;
    exchange->hold = 0;
    if (exchange->status == 0 && exchange->delivery == DELIVER_WHOLE)
        service_serve(exchange);
    if (exchange->hold > 0)
        schedule_add(&world->holds, clock_monotonic() + exchange->hold, hold_ended, exchange, 0);
    else if (exchange->delivery != DELIVER_NEVER)
        resume(exchange);
}

static enum MHD_Result serve(struct exchange *exchange)
{
    clock_update(exchange->world);
    exchange->served = true;
    service_serve(exchange);
    if (exchange->hold > 0) {
        suspend(exchange);
        schedule_add(&exchange->world->holds, clock_monotonic() + exchange->hold, hold_ended, exchange, 0);
        return MHD_YES;
    }
    if (exchange->delivery == DELIVER_NEVER) {
        suspend(exchange);
        return MHD_YES;
    }
    return send_answer(exchange);
}

/* libmicrohttpd calls this for the headers, for each piece of the body, at the end of the
 * request, and again when a suspended connection was resumed. */
static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **context)
{
    struct exchange *exchange = *context;
    (void)closure, (void)connection, (void)url, (void)version;
    if (!exchange->headers_seen) {
        exchange->headers_seen = true;
        exchange->method = must_copy(method);
        return MHD_YES;
    }
    if (*data_size > 0) {
        if (exchange->body.length + *data_size > BODY_LIMIT)
            return MHD_NO;
        text_add_bytes(&exchange->body, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    return exchange->served ? send_answer(exchange) : serve(exchange);
}

/* Suspended connections are not watched by libmicrohttpd: see whether their clients left. */
static void drop_left_clients(struct world *world)
{
    struct exchange *next;
    for (struct exchange *exchange = world->held; exchange != NULL; exchange = next) {
        char byte;
        next = exchange->next_held;
        if (exchange->delivery != DELIVER_NEVER)
            continue;
        ssize_t got = recv(connection_socket(exchange), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            exchange->delivery = DELIVER_RESET;
            resume(exchange);
        }
    }
}

static struct MHD_Daemon *start_daemon(struct world *world, const struct sockaddr_in *address)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL,
                            on_request, world, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
                            MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, world, MHD_OPTION_NOTIFY_COMPLETED,
                            exchange_end, NULL, MHD_OPTION_CONNECTION_LIMIT, 8192u, MHD_OPTION_LISTEN_BACKLOG_SIZE,
                            4096u, MHD_OPTION_CONNECTION_TIMEOUT, 90u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)65536, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

struct http_server *http_start(struct world *world, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || (ntohl(address.sin_addr.s_addr) >> 24) != 127) {
        fprintf(stderr, "simcloud: --listen must be a loopback address (127.x.x.x), not \"%s\"\n", host);
        return NULL;
    }
    struct http_server *server = must_alloc(sizeof *server);
    server->world = world;
    server->daemon = start_daemon(world, &address);
    if (server->daemon == NULL) {
        fprintf(stderr, "simcloud: cannot listen on %s:%u: %s\n", host, port, strerror(errno));
        free(server);
        return NULL;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return server;
}

uint16_t http_port(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static double seconds_to_sleep(const struct http_server *server)
{
    const struct world *world = server->world;
    MHD_UNSIGNED_LONG_LONG milliseconds;
    double seconds = fmin(clock_real_delay(world), schedule_next(&world->holds) - clock_monotonic());
    if (MHD_get_timeout(server->daemon, &milliseconds) == MHD_YES)
        seconds = fmin(seconds, (double)milliseconds / 1000);
    if (world->held != NULL)
        seconds = fmin(seconds, 0.25);
    return fmax(0, fmin(seconds, 10));
}

static void wait_for_something(const struct http_server *server)
{
    double seconds = seconds_to_sleep(server);
    struct timespec timeout = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    struct pollfd watched[] = {{server->epoll_fd, POLLIN, 0}, {server->signal_fd, POLLIN, 0}};
    ppoll(watched, 2, &timeout, NULL);
    if (watched[1].revents != 0)
        server->world->quit = true;
}

void http_run(struct http_server *server)
{
    struct world *world = server->world;
    struct schedule_entry entry;
    double last_check = 0;
    while (!world->quit) {
        wait_for_something(server);
        clock_update(world);
        while (schedule_take_due(&world->holds, clock_monotonic(), &entry))
            entry.action(world, entry.object, entry.stamp);
        if (world->held != NULL && clock_monotonic() - last_check > 0.25) {
            drop_left_clients(world);
            last_check = clock_monotonic();
        }
        MHD_run(server->daemon);
    }
}

void http_stop(struct http_server *server)
{
    for (int turns = 0; turns < 3; turns++) /* lets the answer to "quit" leave */
        MHD_run(server->daemon);
    while (server->world->held != NULL) {
        server->world->held->delivery = DELIVER_RESET;
        resume(server->world->held);
    }
    MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    close(server->signal_fd);
    free(server);
}
