/* SPDX-License-Identifier: MPL-2.0 */
/* What a fault does to the request it strikes: before it is carried out, and to its answer
 * afterwards. Choosing the fault is faults.c's business. */
#include "faults.h"

#include "ec2_errors.h"
#include "encoding.h"
#include "exchange.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static const json_t *effect_of(const struct exchange *exchange, const char *key)
{
    return json_object_get(exchange->fault->effect, key);
}

static bool after(const struct exchange *exchange)
{
    return json_is_true(effect_of(exchange, "after"));
}

static void replace_answer(struct exchange *exchange, int status, const char *type, const char *text)
{
    text_free(&exchange->answer);
    text_add(&exchange->answer, text);
    exchange->status = status;
    exchange->content_type = type;
}

/* "text", or "base64" for bytes that JSON cannot carry, once or several times. */
static void answer_body(struct exchange *exchange, const json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "text"));
    const char *encoded = json_string_value(json_object_get(body, "base64"));
    const char *type = json_string_value(json_object_get(body, "contentType"));
    size_t length = text != NULL ? strlen(text) : 0;
    char *bytes = encoded != NULL ? base64_decode(encoded, strlen(encoded), &length) : must_copy(text);
    replace_answer(exchange, (int)scenario_number(body, "status", 200), type != NULL ? type : "text/xml", "");
    for (long count = (long)scenario_number(body, "repeat", 1); count > 0 && bytes != NULL; count--)
        text_add_bytes(&exchange->answer, bytes, length);
    free(bytes);
}

/* The effects that give an answer of their own. True when there was one. */
static bool foreign_answer(struct exchange *exchange)
{
    const json_t *html = effect_of(exchange, "html"), *empty = effect_of(exchange, "empty");
    const json_t *body = effect_of(exchange, "body");
    if (html != NULL) {
        replace_answer(exchange, json_is_number(html) ? (int)json_number_value(html) : 502, "text/html",
                       "<html><head><title>Bad Gateway</title></head>\n"
                       "<body><center><h1>Bad Gateway</h1></center><hr></body></html>\n");
    } else if (empty != NULL) {
        replace_answer(exchange, json_is_number(empty) ? (int)json_number_value(empty) : 503, "text/plain", "");
    } else if (body != NULL) {
        answer_body(exchange, body);
    }
    return html != NULL || empty != NULL || body != NULL;
}

static void answer_error(struct exchange *exchange, const json_t *error)
{
    const char *code =
        json_is_string(error) ? json_string_value(error) : json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    code = code != NULL ? code : "InternalError";
    int status = (int)scenario_number(error, "httpStatus", ec2_error_status(code));
    exchange->service->error(exchange, status, code, message != NULL ? message : ec2_error_message(code));
}

/* A hang before the effect: for ever, or until the request is looked at again. */
static bool hang_before(struct exchange *exchange)
{
    const json_t *hang = effect_of(exchange, "hang");
    if (hang == NULL || after(exchange))
        return false;
    if (json_is_number(hang))
        exchange->hold = json_number_value(hang);
    else
        exchange->delivery = DELIVER_NEVER;
    return true;
}

static bool reset_is(const struct exchange *exchange, const char *when)
{
    const char *reset = json_string_value(effect_of(exchange, "reset"));
    return reset != NULL && strcmp(reset, when) == 0;
}

bool faults_before(struct exchange *exchange)
{
    if (exchange->fault == NULL)
        return false;
    const json_t *error = effect_of(exchange, "error");
    if (hang_before(exchange))
        return true;
    if (reset_is(exchange, "before") || json_is_true(effect_of(exchange, "reset"))) {
        exchange->delivery = DELIVER_RESET;
        return true;
    }
    if (error != NULL)
        answer_error(exchange, error);
    return error != NULL || (!after(exchange) && foreign_answer(exchange));
}

static void slow_down(struct exchange *exchange)
{
    struct spread slow;
    const json_t *milliseconds = effect_of(exchange, "slowMs");
    if (milliseconds != NULL && scenario_read_spread(milliseconds, &slow))
        exchange->hold += random_spread(&exchange->world->random_faults, &slow) / 1000;
}

/* Makes the latter half unreadable as XML and as JSON alike. */
static void break_markup(struct exchange *exchange)
{
    for (size_t i = exchange->answer.length / 2; i < exchange->answer.length; i++)
        if (strchr("/:", exchange->answer.data[i]) != NULL)
            exchange->answer.data[i] = '<';
}

void faults_after(struct exchange *exchange)
{
    if (exchange->fault == NULL)
        return;
    slow_down(exchange);
    if (!exchange->performed)
        return;
    const json_t *hang = effect_of(exchange, "hang");
    if (after(exchange) && json_is_number(hang))
        exchange->hold += json_number_value(hang);
    else if (after(exchange) && hang != NULL)
        exchange->delivery = DELIVER_NEVER;
    if (after(exchange))
        foreign_answer(exchange);
    if (reset_is(exchange, "after"))
        exchange->delivery = DELIVER_RESET;
    if (json_is_true(effect_of(exchange, "truncate")))
        exchange->delivery = DELIVER_HALF;
    if (json_is_true(effect_of(exchange, "malformed")))
        break_markup(exchange);
}
