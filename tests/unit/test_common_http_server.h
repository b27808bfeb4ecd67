/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_server.h: a tiny HTTP server on a thread of the test, on loopback, that behaves as badly as it is
 * told. It counts connections and whole requests. server_stop() first serves everything that has already arrived, so
 * the counts are final: what curl sent before it reported the end of a request is always in them. */
#ifndef TEST_COMMON_HTTP_SERVER_H
#define TEST_COMMON_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_CONNECTIONS 16
#define SERVER_REQUEST ((size_t)2 << 20)

enum server_next { SERVER_KEEP, SERVER_CLOSE, SERVER_RESET };

struct server;
/* Answers request number `number` (from 1, over all connections) on `fd`; what is to become of the connection? */
typedef enum server_next server_answer_function(struct server *server, int fd, const char *request, int number);

struct server {
    server_answer_function *answer;
    server_answer_function *greet; /* called on accept, number 0; NULL: wait for a request */
    int listener, port, stop[2];
    pthread_t thread;
    int fds[SERVER_CONNECTIONS];
    char requests[SERVER_CONNECTIONS][SERVER_REQUEST];
    size_t sizes[SERVER_CONNECTIONS];
    /* Read by the test after server_stop. */
    int connection_count, request_count;
    char last_request[SERVER_REQUEST];
};

static inline void server_say(int fd, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        size -= (size_t)sent;
    }
}

static inline void server_end(struct server *server, int i, enum server_next next)
{
    struct linger at_once = {1, 0}; /* close() then sends a reset */

    if (next == SERVER_RESET)
        setsockopt(server->fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(server->fds[i]);
    server->fds[i] = -1;
}

/* The size of the whole request in the buffer, or 0 while it is not all there. */
static inline size_t server_request_size(const char *text, size_t size)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
    size_t need;

    if (!end)
        return 0;
    need = (size_t)(end - text) + 4;
    if (length && length < end)
        need += strtoul(length + 17, NULL, 10);
    return size >= need ? need : 0;
}

static inline void server_read(struct server *server, int i)
{
    char *text = server->requests[i];
    ssize_t got = recv(server->fds[i], text + server->sizes[i], SERVER_REQUEST - 1 - server->sizes[i], 0);

    if (got <= 0) {
        server_end(server, i, SERVER_CLOSE);
        return;
    }
    server->sizes[i] += (size_t)got;
    text[server->sizes[i]] = '\0';
    size_t whole = server_request_size(text, server->sizes[i]);
    if (whole == 0)
        return;
    server->request_count++;
    memcpy(server->last_request, text, server->sizes[i] + 1);
    enum server_next next = server->answer(server, server->fds[i], text, server->request_count);
    server->sizes[i] = 0;
    text[0] = '\0';
    if (next != SERVER_KEEP)
        server_end(server, i, next);
}

static inline void server_accept(struct server *server)
{
    int fd = accept(server->listener, NULL, NULL), i = 0;

    while (i < SERVER_CONNECTIONS && server->fds[i] >= 0)
        i++;
    if (fd < 0 || i == SERVER_CONNECTIONS)
        abort();
    server->connection_count++;
    server->fds[i] = fd;
    server->sizes[i] = 0;
    server->requests[i][0] = '\0';
    if (server->greet) {
        enum server_next next = server->greet(server, fd, "", 0);
        if (next != SERVER_KEEP)
            server_end(server, i, next);
    }
}

static inline void *server_run(void *context)
{
    struct server *server = context;
    bool stopping = false;

    for (;;) {
        struct pollfd items[SERVER_CONNECTIONS + 2] = {{server->listener, POLLIN, 0},
                                                       {stopping ? -1 : server->stop[0], POLLIN, 0}};
        for (int i = 0; i < SERVER_CONNECTIONS; i++)
            items[i + 2] = (struct pollfd){server->fds[i], POLLIN, 0};
        int ready = poll(items, SERVER_CONNECTIONS + 2, stopping ? 0 : -1);
        if (ready == 0 && stopping)
            return NULL;
        if (items[1].revents)
            stopping = true;
        if (items[0].revents)
            server_accept(server);
        for (int i = 0; i < SERVER_CONNECTIONS; i++)
            if (items[i + 2].revents && server->fds[i] == items[i + 2].fd)
                server_read(server, i);
    }
}

static inline void server_listen(int *listener, int *port, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*listener < 0 || bind(*listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        (backlog >= 0 && listen(*listener, backlog) != 0) ||
        getsockname(*listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
}

static inline struct server *server_start(server_answer_function *answer)
{
    struct server *server = calloc(1, sizeof *server);

    if (!server || pipe(server->stop) != 0)
        abort();
    server->answer = answer;
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        server->fds[i] = -1;
    server_listen(&server->listener, &server->port, 64);
    if (pthread_create(&server->thread, NULL, server_run, server) != 0)
        abort();
    return server;
}

static inline void server_stop(struct server *server)
{
    close(server->stop[1]);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        if (server->fds[i] >= 0)
            server_end(server, i, SERVER_CLOSE);
    close(server->stop[0]);
    close(server->listener);
}

static inline void server_free(struct server *server)
{
    free(server);
}

#endif
