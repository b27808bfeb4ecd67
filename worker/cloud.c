/* SPDX-License-Identifier: MPL-2.0 */
/* cloud.c: the life of one EC2 call: sign, send, read, classify; see cloud.h.
 * Runs in: type and region workers. Decides nothing about launches. Never logs a body. */
#include "worker/cloud.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"

#define SECOND_TRY_WITHIN SPAN_SECONDS(10)
#define CORRECTED_MS (60 * 1000) /* small changes are seconds of the Date header */
#define DEFAULT_SIZE_LIMIT (8u * 1024 * 1024)

struct cloud_call {
    struct cloud_call *next;
    struct cloud *cloud;
    struct cloud_request request;
    struct buffer body;
    struct ec2_reader *reader;
    struct wall signed_at;
    int64_t signed_offset;  /* of the clock */
    struct mono first_sent; /* of the first sending */
    bool second_try;
    bool waiting;     /* to be sent again */
    bool needs_keys;  /* with other credentials than those of `edition` */
    uint64_t edition; /* of the credentials that signed it */
    struct cloud_answer answer;
};

static void call_free(struct cloud_call *call)
{
    ec2_reader_destroy(&call->reader);
    buffer_free(&call->body);
    free(call);
}

static void finish(struct cloud_call *call)
{
    struct cloud_call **place = &call->cloud->calls;
    while (*place != call)
        place = &(*place)->next;
    *place = call->next;
    call->request.on_done(call->request.context, &call->answer);
    call_free(call);
}

static void set_own_error(struct cloud_answer *answer, enum cloud_ending ending, const char *code, int status,
                          const char *text)
{
    answer->ending = ending;
    answer->failure = FAILURE_NO_ANSWER;
    answer->error.status = status;
    text_copy(answer->error.code, sizeof answer->error.code, code);
    text_copy(answer->error.message, sizeof answer->error.message, text);
}

/* What a whole HTTP response means. By code, never by status alone. */
static void read_answer(struct cloud_call *call, const struct http_response *response)
{
    struct cloud_answer *answer = &call->answer;
    bool streamed = response->status >= 200 && response->status < 300;
    int fed = streamed ? 0 : ec2_reader_feed(call->reader, response->body, response->body_size);
    int end = fed < 0 ? -1
                      : ec2_reader_finish(call->reader, response->status, &answer->error, answer->next_token,
                                          sizeof answer->next_token);
    if (end == 0) {
        answer->ending = CLOUD_DONE;
        answer->failure = FAILURE_NONE;
    } else if (end == 1) {
        answer->failure = ec2_classify(&answer->error);
        answer->ending = answer->failure == FAILURE_NO_ANSWER ? CLOUD_UNKNOWN : CLOUD_REFUSED;
    } else {
        char text[96];
        text_format(text, sizeof text, "HTTP %d with a body that is not a whole EC2 answer", response->status);
        set_own_error(answer, CLOUD_UNKNOWN, "NotEc2Answer", response->status, text);
    }
}

/* True when the refusal was about credentials or clocks and the request goes out once more. */
static bool wants_second_try(struct cloud_call *call, const struct http_response *response)
{
    struct cloud *cloud = call->cloud;
    const struct ec2_error *error = &call->answer.error;
    if (call->answer.ending != CLOUD_REFUSED || call->second_try)
        return false;
    /* Of several calls under way the first refusal corrects the offset, and the others were signed before. */
    bool clock_was_off =
        (ec2_wants_new_credentials(error) && llabs(cloud->offset.ms - call->signed_offset) >= CORRECTED_MS) ||
        clock_offset_refused(&cloud->offset, error, response->date, call->signed_at, clock_wall(),
                             mono_since(response->sent, response->finished));
    if (!clock_was_off && !ec2_wants_new_credentials(error))
        return false;
    if (clock_was_off)
        log_warn("ec2.clock", "region=%s problem=%s", cloud->region, log_quote(cloud->offset.problem));
    call->needs_keys = !clock_was_off;
    if (call->needs_keys && call->edition == keys_edition(cloud->keys))
        keys_refused(cloud->keys);
    return true;
}

static void on_response(void *context, const struct http_response *response)
{
    struct cloud_call *call = context;
    struct cloud_answer *answer = &call->answer;
    CRASH_POINT(worker_after_reply);
    answer->sent = call->first_sent;
    answer->finished = response->finished;
    if (response->outcome == HTTP_ANSWERED)
        read_answer(call, response);
    else if (response->outcome == HTTP_NOT_SENT)
        set_own_error(answer, CLOUD_NOT_SENT, "NotSent", 0, response->problem);
    else
        set_own_error(answer, CLOUD_UNKNOWN, "NoAnswer", response->status, response->problem);
    if (answer->ending == CLOUD_DONE)
        clock_offset_accepted(&call->cloud->offset, response->date, clock_wall(),
                              mono_since(response->sent, response->finished));
    if (wants_second_try(call, response))
        call->waiting = true; /* cloud_step sends it, when the credentials are there */
    else
        finish(call);
}

static int on_data(void *context, const char *bytes, size_t size)
{
    struct cloud_call *call = context;
    return ec2_reader_feed(call->reader, bytes, size);
}

static int send_call(struct cloud_call *call, struct error *err)
{
    struct cloud *cloud = call->cloud;
    const struct aws_credentials *credentials = keys_now(cloud->keys);
    struct ec2_signed headers;
    if (!credentials)
        return error_set(err, ERROR_REMOTE, "no AWS credentials: %s", keys_problem(cloud->keys));
    ec2_reader_destroy(&call->reader);
    call->reader = ec2_reader_create(&call->request.rows, cloud->deployment_id);
    call->signed_at = clock_wall();
    call->signed_offset = cloud->offset.ms;
    call->edition = keys_edition(cloud->keys);
    if (ec2_sign(&headers, cloud->endpoint, call->body.bytes, call->body.size, "ec2", cloud->region, credentials,
                 clock_offset_apply(&cloud->offset, call->signed_at), err) < 0)
        return -1;
    struct http_request request = {.method = "POST",
                                   .url = cloud->endpoint,
                                   .headers = headers.headers,
                                   .body = call->body.bytes,
                                   .body_size = call->body.size,
                                   .connect_limit = cloud->connect_limit,
                                   .total_limit = call->request.total_limit,
                                   .size_limit = call->request.size_limit,
                                   .fresh_connection = call->request.fresh_connection,
                                   .on_data = on_data,
                                   .on_done = on_response,
                                   .context = call};
    CRASH_POINT(worker_before_call);
    int64_t id = http_start(cloud->http, &request, err);
    CRASH_POINT(worker_after_call);
    ec2_signed_clear(&headers);
    return id > 0 ? 0 : -1;
}

int cloud_start(struct cloud *cloud, const struct cloud_request *request, struct error *err)
{
    struct cloud_call *call = calloc(1, sizeof *call);
    if (!call)
        return error_set(err, ERROR_LOCAL, "no memory for a call");
    call->cloud = cloud;
    call->request = *request;
    call->first_sent = clock_now();
    if (call->request.size_limit == 0)
        call->request.size_limit = DEFAULT_SIZE_LIMIT;
    call->request.not_after = mono_min(request->not_after, mono_add(call->first_sent, SECOND_TRY_WITHIN));
    buffer_add(&call->body, request->form->body.bytes, request->form->body.size);
    call->request.form = NULL;
    if (send_call(call, err) < 0) {
        call_free(call);
        return -1;
    }
    call->next = cloud->calls;
    cloud->calls = call;
    return 0;
}

/* The same credentials again would only be refused again. */
static bool has_others(const struct cloud_call *call)
{
    return !call->needs_keys || call->edition != keys_edition(call->cloud->keys);
}

/* There are no other credentials, their time is over, or the second sending failed to start: the refusal stands. */
static void try_again(struct cloud_call *call, struct mono now)
{
    struct error err;
    if (mono_reached(call->request.not_after, now) || (!has_others(call) && keys_final(call->cloud->keys))) {
        finish(call);
        return;
    }
    if (!has_others(call))
        return;
    call->waiting = false;
    call->second_try = true;
    if (send_call(call, &err) < 0)
        finish(call);
}

void cloud_step(struct cloud *cloud, struct mono now)
{
    for (struct cloud_call *call = cloud->calls, *next; call; call = next) {
        next = call->next;
        if (call->waiting)
            try_again(call, now);
    }
}

void cloud_clear(struct cloud *cloud)
{
    while (cloud->calls) {
        struct cloud_call *call = cloud->calls;
        cloud->calls = call->next;
        call_free(call);
    }
}
