/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_server.c: what the dashboard answers over HTTP (common/http_server.h), and to whom.
 * Runs in: provisiond-web. Owns: a request while it is answered. Every answer has the headers that make a browser load
 * nothing that did not come from here. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "subscribers/provisiond-web.h"

#define CONNECTIONS_MOST 192u
#define CONNECTION_SECONDS 20u
#define CONNECTION_MEMORY ((size_t)64 * 1024)

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
    struct web *web = context;
    struct request *request = *state;

    (void)version;
    if (!request && !(request = *state = calloc(1, sizeof *request)))
        return MHD_NO;
    if (!guard_host_allowed(&web->guard, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")))
        return web_say(connection, MHD_HTTP_MISDIRECTED_REQUEST, "this Host is not served here; see --host");
    if (strcmp(url, "/api/act") == 0 && strcmp(method, "POST") == 0)
        return api_act(web, connection, request, bytes, size);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return web_say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    if (*size > 0)
        return MHD_NO; /* a GET has no body */
    if (strcmp(url, "/-/healthy") == 0)
        return web_respond(connection, MHD_HTTP_OK, "text/plain; charset=utf-8", "ok\n", 3);
    if (text_starts(url, "/api/"))
        return strcmp(method, "GET") == 0 ? api_get(web, connection, url, request)
                                          : web_say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
    return respond_asset(connection, url);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct web *web = context;
    struct request *request = *state;

    (void)connection;
    (void)why;
    if (!request)
        return;
    ask_release(web->ask, request->question);
    buffer_free(&request->body);
    free(request);
    *state = NULL;
}

/* ---- the socket ---- */

int server_create(struct http_server **out, const char *listen, struct loop *loop, struct web *web, struct error *err)
{
    const struct http_server_options options = {.listen = listen,
                                                .on_request = on_request,
                                                .on_end = on_end,
                                                .context = web,
                                                .suspends = true,
                                                .connections_most = CONNECTIONS_MOST,
                                                .idle_seconds = CONNECTION_SECONDS,
                                                .connection_memory = CONNECTION_MEMORY};

    return http_server_create(out, loop, &options, err);
}
