/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics_server.c: what the exporter answers over HTTP (common/http_server.h).
 * Runs in: provisiond-metrics. Owns nothing. Read-only: GET and HEAD of three paths. */
#include <microhttpd.h>
#include <string.h>

#include "subscribers/provisiond-metrics.h"

#define CONNECTIONS_MOST 64u
#define CONNECTION_SECONDS 15u
#define CONNECTION_MEMORY ((size_t)32 * 1024)

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

int server_open(struct server *server, const char *listen, struct loop *loop, struct error *err)
{
    const struct http_server_options options = {.listen = listen,
                                                .on_request = on_request,
                                                .context = server,
                                                .connections_most = CONNECTIONS_MOST,
                                                .idle_seconds = CONNECTION_SECONDS,
                                                .connection_memory = CONNECTION_MEMORY};

    return http_server_create(&server->http, loop, &options, err);
}
