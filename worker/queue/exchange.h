/* SPDX-License-Identifier: MPL-2.0 */
/* exchange.h: one signed GET to the queue, with its few repeats: new tries after network errors and 5xx, one more after
 * a clock offset that the server has proven. Private to queue.c.
 * Runs in: type worker. Never blocks. Owns: the request under way, the host's clock offset, the wait after 401. */
#ifndef WORKER_QUEUE_EXCHANGE_H
#define WORKER_QUEUE_EXCHANGE_H

#include "common/http.h"
#include "worker/queue/queue.h"

/* status 0: no answer that can be used (network, 5xx after all tries, refused authentication); problem says why.
 * Else 200, 403, 404 or another 4xx, with the body for the length of the call. */
struct exchange_answer {
    int status;
    const char *body;
    size_t body_size;
    struct mono received;
    struct wall received_wall;
    const char *problem;
};
typedef void exchange_function(void *context, const struct exchange_answer *answer);

struct exchange {
    struct http_client *http;
    struct queue_credentials credentials; /* own copies */
    struct span connect_limit, total_limit;
    exchange_function *on_answer;
    void *context;

    char url[1024];
    size_t size_limit;
    bool plain;                     /* not signed: no queue of Taskcluster */
    const char *authorization_file; /* of a plain one: "" none */
    int64_t request;                /* under way, 0 none */
    int tries;
    bool corrected;       /* the clock offset was taken for this GET */
    struct mono started;  /* of the first try */
    struct mono retry_at; /* MONO_NEVER: no try is waiting */

    int64_t offset_seconds;    /* the queue's clock minus ours, proven by its mac */
    struct mono refused_until; /* after 401: no GET before this */
    int refusals;              /* 401s running */
    char problem[256];
};

/* "counts: HTTP 500 InternalServerError", or why there was no answer. */
void exchange_describe(const struct exchange_answer *answer, const char *route, char *out, size_t size);
/* Starts a GET of exchange->url. The answer comes later, never from here, unless -1 is returned. */
int exchange_start(struct exchange *exchange, struct mono now, struct error *err);
void exchange_step(struct exchange *exchange, struct mono now);
/* True while a refused authentication is being waited out (case B52: no 401 at loop speed). */
bool exchange_waits(const struct exchange *exchange, struct mono now);

#endif
