/* SPDX-License-Identifier: MPL-2.0 */
/* http.h: HTTP requests on one curl multi handle, driven by the process's own loop; nothing in it ever blocks.
 * Runs in: type workers, region workers and helpers; NEVER in the supervisor.
 * Owns: one curl multi handle and its descriptors in the loop. Decides nothing: one call of http_start is one HTTP
 * request, never repeated here (case P08), redirects are refused, proxies only when the options name one, plain http
 * only to loopback and the link-local metadata services unless the options allow it. Every request has a connect limit,
 * a total limit and a size cap. */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/loop.h"

struct http_client;

struct http_options {
    const char *user_agent;
    const char *proxy;     /* NULL: none, whatever the environment says */
    const char *ca_path;   /* hashed directory; NULL: /etc/ssl/certs */
    const char *ca_file;   /* NULL: none */
    bool allow_plain_http; /* to hosts other than loopback */
};

/* What is known of the request when it is over. The difference between the first two decides whether a launch may be
 * tried anew: only HTTP_NOT_SENT proves that the server never saw it. */
enum http_outcome {
    HTTP_ANSWERED, /* a whole response with status and body */
    HTTP_NOT_SENT, /* failed before a byte of the request left: no name, refused, TLS failed, bad URL */
    HTTP_UNKNOWN,  /* sent, at least in part, and no whole answer: reset, timeout, over the size cap, cut off */
    HTTP_CANCELLED /* by http_cancel before a byte left; if it may have been sent, HTTP_UNKNOWN is given instead */
};

struct http_response {
    enum http_outcome outcome;
    int status;       /* 0 if no status line came; kept also when the body is cut off */
    const char *body; /* NUL-terminated; valid during the callback only; what there is of it when cut off */
    size_t body_size;
    const char *date; /* the Date header, "" if none */
    const char *content_type;
    const char *hawk; /* WWW-Authenticate and Server-Authorization headers as given, "" if none: lines of the form
                       * "Name: value" (the name spelled as here), with a newline between them */
    struct mono sent; /* when the request was started */
    struct mono finished;
    const char *problem; /* a sentence when outcome is not HTTP_ANSWERED, else "" */
};

/* May start and cancel other requests; may not call http_step or http_destroy. */
typedef void http_done_function(void *context, const struct http_response *response);
/* Optional streaming: gets each piece of a 2xx body as it arrives; return -1 to give the request up. */
typedef int http_data_function(void *context, const char *bytes, size_t size);

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value" lines, NULL-terminated, may be NULL */
    const char *body;           /* may be NULL */
    size_t body_size;
    struct span connect_limit;   /* 0: 10 s */
    struct span total_limit;     /* 0: 30 s; at most 60 s (case B20) */
    size_t size_limit;           /* of the body; 0: 8 MiB */
    bool fresh_connection;       /* own connection, not kept: curl silently re-sends on a reused one */
    http_data_function *on_data; /* NULL: the body is collected */
    http_done_function *on_done; /* called exactly once, from http_step or loop_wait, never from http_start */
    void *context;
};

int http_create(struct http_client **out, struct loop *loop, const struct http_options *options, struct error *err);
void http_destroy(struct http_client **client); /* cancels what is under way, without callbacks */

/* Starts a request; all of *request is copied. Returns an id > 0, or -1 (a bad URL, header or method: no callback
 * then). The first byte leaves from http_step. http_cancel ends a request with a call of on_done from http_step or
 * loop_wait; an id that is over already is no fault. */
int64_t http_start(struct http_client *client, const struct http_request *request, struct error *err);
void http_cancel(struct http_client *client, int64_t id);
int http_in_flight(const struct http_client *client);

/* Runs what is due; call once a loop turn. */
void http_step(struct http_client *client, struct mono now);
/* When http_step wants to run next. */
struct mono http_deadline(const struct http_client *client);

#endif
