/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.h: one HTTP request, from its options to what is known of it at the end; private to http*.c.
 * Runs in: type workers, region workers and helpers; NEVER in the supervisor.
 * Owns: one curl easy handle. It does not drive it: see http.c. */
#ifndef COMMON_HTTP_TRANSFER_H
#define COMMON_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "common/http.h"
#include "common/text.h"

struct http_transfer {
    struct http_transfer *next; /* the list is the client's */
    int64_t id;
    CURL *easy;
    struct curl_slist *headers;
    http_data_function *on_data;
    http_done_function *on_done;
    void *context;
    struct mono sent;
    size_t size_limit;
    size_t received;
    struct buffer body;
    struct buffer hawk;
    char date[64];
    char content_type[128];
    char own_problem[128];              /* the first fault that we found ourselves, else "" */
    char curl_problem[CURL_ERROR_SIZE]; /* written by curl */
    bool added;                         /* to the multi handle */
    bool cancelled;
    bool may_be_sent; /* from here on nothing but an answer proves anything */
};

/* Copies all of *request. -1 with *err when it may not be sent as it is. */
int http_transfer_create(struct http_transfer **out, const struct http_options *options,
                         const struct http_request *request, struct error *err);
void http_transfer_destroy(struct http_transfer **transfer); /* NULL-safe; not while it is in a multi handle */

/* Fills *out, which borrows from the transfer. */
void http_transfer_conclude(struct http_transfer *transfer, CURLcode result, struct http_response *out);

/* Refuses URLs that are malformed, carry a user, are neither http nor https, or are plain http to another host while
 * that is not allowed. The text names the host at most: a query may hold a signature. */
int http_check_url(const char *url, bool allow_plain_http, struct error *err);

#endif
