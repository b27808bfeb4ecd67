/* SPDX-License-Identifier: MPL-2.0 */
/* http_json.h: the second demand source: any URL that answers JSON, and JSON pointers (RFC 6901) to what waits, what is
 * claimed and since when the oldest waits. Read strictly: what is not exactly a count is unknown, never zero (case
 * B21). Private to queue.c. Runs in: type worker. Pure. Owns nothing. */
#ifndef WORKER_QUEUE_HTTP_JSON_H
#define WORKER_QUEUE_HTTP_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"

struct http_json {
    char url[512];                                /* {workerType} is replaced already */
    char pending[128], claimed[128], oldest[128]; /* pointers; claimed and oldest "": not told */
    char authorization_file[256];                 /* "": none; else the Authorization header */
};

/* Borrowed, or NULL: nothing is there. "" is the whole document. */
json_t *http_json_at(json_t *document, const char *pointer);
/* *claimed -1: not told. *oldest: ms 0: not told, or nothing waits. */
int http_json_parse(const struct http_json *source, const char *body, size_t size, int64_t *pending, int64_t *claimed,
                    struct wall *oldest, struct error *err);

#endif
