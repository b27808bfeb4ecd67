/* SPDX-License-Identifier: MPL-2.0 */
/* exchange.c: sends one signed GET and decides whether an outcome is an answer, another try, or a failure.
 * Tries: five at most, 100 ms x 2^n with 25 % jitter, never beyond the time limit of one call; only after network
 * errors and 5xx (facts/taskcluster.md). 401: once more if the server proves its time, else a growing wait (case B52).
 * Runs in: type worker. Never blocks. Owns what struct exchange holds. */
#include "worker/queue/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/text.h"
#include "worker/ec2/offset.h"
#include "worker/queue/hawk.h"
#include "worker/queue/queue_parse.h"

#define TOKEN_LIMIT 16384
#define MOST_TRIES 5
#define FIRST_DELAY SPAN_MS(100)
#define FIRST_REFUSAL SPAN_SECONDS(1)
#define LONGEST_REFUSAL SPAN_SECONDS(60)
#define WORTH_SAYING_SECONDS 60

static void on_done(void *context, const struct http_response *response);

/* "Bearer ..." or what else the server wants; read each time: tokens are renewed in place. */
static int own_header(struct buffer *out, const char *authorization_file, struct error *err)
{
    if (!*authorization_file)
        return 0;
    struct secret *token = secret_from_file(authorization_file, TOKEN_LIMIT, err);
    if (!token)
        return -1;
    bool one_line = !strpbrk(secret_reveal(token), "\r\n"); /* more would end the header */
    if (one_line)
        buffer_print(out, "Authorization: %s", secret_reveal(token));
    secret_destroy(&token);
    return one_line ? 0 : error_set(err, ERROR_INPUT, "%s: the Authorization header is one line", authorization_file);
}

static int send_request(struct exchange *exchange, struct error *err)
{
    char nonce[HAWK_NONCE_SIZE];
    struct buffer header = {0};
    int64_t seconds = clock_wall().ms / 1000 + exchange->offset_seconds;
    int result = -1;

    hawk_nonce(nonce);
    int authorized = exchange->plain
                         ? own_header(&header, exchange->authorization_file, err)
                         : hawk_header(&header, &exchange->credentials, "GET", exchange->url, seconds, nonce, err);
    if (authorized == 0) {
        const char *headers[] = {"Accept: application/json", header.size ? header.bytes : NULL, NULL};
        struct http_request request = {.method = "GET",
                                       .url = exchange->url,
                                       .headers = headers,
                                       .connect_limit = exchange->connect_limit,
                                       .total_limit = exchange->total_limit,
                                       .size_limit = exchange->size_limit,
                                       .on_done = on_done,
                                       .context = exchange};
        CRASH_POINT(type_before_demand_call);
        exchange->request = http_start(exchange->http, &request, err);
        CRASH_POINT(type_after_demand_call);
        result = exchange->request > 0 ? 0 : -1;
        exchange->request = result == 0 ? exchange->request : 0;
    }
    buffer_free(&header);
    return result;
}

int exchange_start(struct exchange *exchange, struct mono now, struct error *err)
{
    exchange->tries = 1;
    exchange->corrected = false;
    exchange->started = now;
    exchange->retry_at = MONO_NEVER;
    return send_request(exchange, err);
}

bool exchange_waits(const struct exchange *exchange, struct mono now)
{
    return !mono_reached(exchange->refused_until, now);
}

static void give_answer(struct exchange *exchange, const struct http_response *response, int status)
{
    struct exchange_answer answer = {.status = status,
                                     .body = "",
                                     .received = clock_now(),
                                     .received_wall = clock_wall(),
                                     .problem = status ? "" : exchange->problem};
    if (response) {
        answer.body = response->body ? response->body : "";
        answer.body_size = response->body_size;
        answer.received = response->finished;
    }
    exchange->on_answer(exchange->context, &answer);
}

/* 75 % to 125 %, by the kernel's chance: many workers that failed together do not come back together. */
static struct span jittered(struct span delay)
{
    char hex[9];

    text_random_hex(4, hex);
    return span_scale(delay, 0.75 + (double)strtoul(hex, NULL, 16) / (double)UINT32_MAX / 2);
}

static bool try_again(struct exchange *exchange, struct mono now)
{
    struct span delay = jittered(SPAN_US(FIRST_DELAY.us << (exchange->tries - 1)));
    struct mono again = mono_add(now, delay);

    if (exchange->tries == MOST_TRIES || mono_before(mono_add(exchange->started, exchange->total_limit), again))
        return false;
    exchange->tries++;
    exchange->retry_at = again;
    return true;
}

static void wait_after_refusal(struct exchange *exchange, struct mono now)
{
    struct span delay = SPAN_US(FIRST_REFUSAL.us << (exchange->refusals < 6 ? exchange->refusals : 6));

    exchange->refusals++;
    exchange->refused_until = mono_add(now, jittered(span_min(delay, LONGEST_REFUSAL)));
}

/* Takes an offset only if our key proves it: whoever can set our clock can replay our requests. */
static bool take_server_time(struct exchange *exchange, const struct http_response *response, int *proof)
{
    int64_t there = 0;

    *proof = 0;
    if (exchange->plain)
        return false;
    *proof = hawk_server_time(response->hawk, &exchange->credentials, &there);
    if (*proof != 1 || exchange->corrected)
        return false;
    exchange->corrected = true;
    exchange->offset_seconds = there - clock_wall().ms / 1000;
    return true;
}

static void describe_refusal(struct exchange *exchange, const struct http_response *response, int proof)
{
    struct wall there;
    char code[64];

    queue_parse_code(response->body, response->body_size, code, sizeof code);
    text_format(exchange->problem, sizeof exchange->problem, "queue auth failed (HTTP 401%s%s)", code[0] ? " " : "",
                code);
    size_t used = strlen(exchange->problem);
    char *end = exchange->problem + used;
    size_t room = sizeof exchange->problem - used;
    if (proof < 0) {
        text_format(end, room, ", and its time stamp is forged: not taken");
    } else if (http_date_parse(response->date, &there) == 0) {
        long long off = (long long)(there.ms - clock_wall().ms) / 1000;
        if (llabs(off) >= WORTH_SAYING_SECONDS)
            text_format(end, room, ", clock off by about %lld min (Date header): set the clock",
                        (llabs(off) + 30) / 60);
    }
}

/* 401. */
static void on_refusal(struct exchange *exchange, const struct http_response *response)
{
    struct error err;
    int proof;

    if (take_server_time(exchange, response, &proof) && send_request(exchange, &err) == 0)
        return;
    describe_refusal(exchange, response, proof);
    wait_after_refusal(exchange, response->finished);
    give_answer(exchange, NULL, 0);
}

static void on_done(void *context, const struct http_response *response)
{
    struct exchange *exchange = context;
    bool answered = response->outcome == HTTP_ANSWERED;

    exchange->request = 0;
    if (answered && response->status == 401) {
        on_refusal(exchange, response);
    } else if (answered && response->status < 500 && response->status >= 200) {
        exchange->refusals = 0;
        give_answer(exchange, response, response->status);
    } else if (response->outcome == HTTP_CANCELLED || !try_again(exchange, response->finished)) {
        if (answered)
            text_format(exchange->problem, sizeof exchange->problem, "the queue answered HTTP %d", response->status);
        else
            text_format(exchange->problem, sizeof exchange->problem, "no answer from the queue: %.200s",
                        response->problem);
        give_answer(exchange, NULL, 0);
    }
}

void exchange_step(struct exchange *exchange, struct mono now)
{
    struct error err;

    if (!mono_is_set(exchange->retry_at) || !mono_reached(exchange->retry_at, now))
        return;
    exchange->retry_at = MONO_NEVER;
    if (send_request(exchange, &err) != 0) {
        text_copy(exchange->problem, sizeof exchange->problem, err.text);
        give_answer(exchange, NULL, 0);
    }
}

void exchange_describe(const struct exchange_answer *answer, const char *route, char *out, size_t size)
{
    char code[64];

    if (answer->status == 0) {
        text_copy(out, size, answer->problem);
        return;
    }
    queue_parse_code(answer->body, answer->body_size, code, sizeof code);
    text_format(out, size, "%s: HTTP %d%s%s", route, answer->status, code[0] ? " " : "", code);
}
