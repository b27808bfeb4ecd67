/* SPDX-License-Identifier: MPL-2.0 */
/* cloud.h: one EC2 call: signed, sent, its answer read as a stream and classified.
 * Runs in: type workers (launches) and region workers (all else). Owns: its calls under way.
 * One call is one HTTP request (case P08), with one exception that cannot launch twice: when EC2 refuses the
 * credentials or our clock, nothing was done, and the same request is signed anew and sent once more. */
#ifndef WORKER_CLOUD_H
#define WORKER_CLOUD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/http.h"
#include "worker/ec2/ec2.h"
#include "worker/ec2/offset.h"
#include "worker/keys.h"

enum cloud_ending {
    CLOUD_DONE,     /* a whole, well-formed success answer */
    CLOUD_REFUSED,  /* an EC2 error that is definite: nothing was done */
    CLOUD_NOT_SENT, /* no byte of it reached EC2 */
    CLOUD_UNKNOWN   /* no answer, or none that can be read, or one that proves nothing: it may have been done */
};

struct cloud_answer {
    enum cloud_ending ending;
    enum failure failure;   /* FAILURE_NONE when done */
    struct ec2_error error; /* EC2's code and text, or ours: NoAnswer, NotSent, NotEc2Answer */
    char next_token[1024];
    struct mono sent, finished;
};

typedef void cloud_done_function(void *context, const struct cloud_answer *answer);

struct cloud_call;

/* One region's endpoint. Zero `calls` and `offset` at the start. */
struct cloud {
    struct http_client *http;
    struct keys *keys;
    const char *deployment_id;
    char region[NAME_SIZE];
    char endpoint[256];
    struct span connect_limit;
    struct clock_offset offset;
    struct cloud_call *calls;
};

struct cloud_request {
    const struct ec2_form *form; /* copied */
    bool fresh_connection;       /* launches: curl silently sends again on a reused connection */
    struct span total_limit;
    size_t size_limit;     /* of the answer; 0: 8 MiB */
    struct mono not_after; /* a second sending starts before this; MONO_NEVER: within 10 s */
    struct ec2_reader_calls rows;
    cloud_done_function *on_done; /* exactly once, from http_step or cloud_step, never from cloud_start */
    void *context;
};

/* -1 when there are no credentials or the request cannot be made; then on_done is not called. */
int cloud_start(struct cloud *cloud, const struct cloud_request *request, struct error *err);
/* Sends again what was refused for its credentials; once a loop turn, after keys_step. */
void cloud_step(struct cloud *cloud, struct mono now);
/* Forgets all calls without their callbacks; after http_destroy. */
void cloud_clear(struct cloud *cloud);

#endif
