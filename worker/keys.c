/* SPDX-License-Identifier: MPL-2.0 */
/* keys.c: see keys.h. Runs in: type and region workers, on the main thread. May not touch: the environment, files, the
 * metadata service; all of that is the credentials helper's. */
#include "worker/keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "proto/messages.h"
#include "proto/sockets.h"

#define POLL_MS 30000 /* well within the five minutes by which the helper is ahead of expiry */
#define RETRY_MS 5000 /* without credentials, or while EC2 refuses them */
#define ANSWERS_A_TURN 100
#define FIRST_WAIT SPAN_SECONDS(10)

struct keys {
    struct loop *loop;
    void *socket;
    struct aws_credentials current;
    bool present, answered;
    uint64_t edition;
    int64_t asked;         /* number of the last question */
    char refused[128];     /* id of the key that EC2 refused; empty: none */
    int64_t refused_asked; /* the first question that said so; 0: not asked yet */
    bool final;
    struct mono began, next;
    char problem[SENTENCE_SIZE];
};

int keys_create(struct keys **out, struct loop *loop, void *zmq_context, const char *run_dir, struct error *err)
{
    struct keys *keys = calloc(1, sizeof *keys);

    if (!keys)
        return error_set(err, ERROR_LOCAL, "no memory for credentials");
    keys->loop = loop;
    keys->socket = socket_open(zmq_context, SOCKET_KEYS_CLIENT, run_dir, NULL, NULL, err);
    if (!keys->socket || loop_add_socket(loop, keys->socket, err) < 0) {
        if (keys->socket)
            zmq_close(keys->socket);
        free(keys);
        return -1;
    }
    keys->began = keys->next = clock_now();
    text_copy(keys->problem, sizeof keys->problem, "the credentials helper has not answered yet");
    *out = keys;
    return 0;
}

static void forget(struct aws_credentials *credentials)
{
    secret_destroy(&credentials->secret_key);
    secret_destroy(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

void keys_destroy(struct keys **keys)
{
    if (!keys || !*keys)
        return;
    loop_remove_socket((*keys)->loop, (*keys)->socket);
    zmq_close((*keys)->socket);
    forget(&(*keys)->current);
    free(*keys);
    *keys = NULL;
}

/* Workers that were started together do not ask together for ever. */
static struct span interval(const struct keys *keys)
{
    int64_t ms = keys->present && !*keys->refused ? POLL_MS : RETRY_MS;

    return SPAN_MS(ms - getpid() % 64 * (ms / 256));
}

static void ask(struct keys *keys, struct mono now)
{
    struct message message = {.kind = PROTO_KEYS_WANTED};
    struct error err;

    keys->next = mono_add(now, interval(keys));
    message.as.KEYS_WANTED.id = ++keys->asked;
    text_copy(message.as.KEYS_WANTED.refused, sizeof message.as.KEYS_WANTED.refused, keys->refused);
    if (*keys->refused && keys->refused_asked == 0)
        keys->refused_asked = keys->asked;
    CRASH_POINT(worker_before_keys);
    message_send(keys->socket, NULL, 0, &message, &err); /* full: the helper is dead; asked again */
}

static bool is_same(const struct keys *keys, const struct proto_KEYS *answer)
{
    return keys->present && strcmp(keys->current.access_key, answer->accessKey) == 0 &&
           strcmp(secret_reveal(keys->current.secret_key), answer->secretKey) == 0 &&
           strcmp(secret_reveal(keys->current.session_token), answer->sessionToken) == 0;
}

static void replace(struct keys *keys, const struct proto_KEYS *answer)
{
    forget(&keys->current);
    text_copy(keys->current.access_key, sizeof keys->current.access_key, answer->accessKey);
    keys->current.secret_key = secret_create(answer->secretKey, strlen(answer->secretKey));
    if (*answer->sessionToken)
        keys->current.session_token = secret_create(answer->sessionToken, strlen(answer->sessionToken));
    keys->current.expires = (struct wall){answer->expiresWall};
    keys->present = true;
    keys->edition++;
    keys->refused[0] = '\0';
    keys->refused_asked = 0;
    keys->final = false;
}

/* True when they are others. None is no reason to throw away what we have: it may still be good. */
static bool take(struct keys *keys, const struct proto_KEYS *answer)
{
    bool empty = !*answer->accessKey, other = !empty && !is_same(keys, answer);

    keys->answered = true;
    text_copy(keys->problem, sizeof keys->problem, answer->problem);
    if (other)
        replace(keys, answer);
    else if (keys->refused_asked != 0 && answer->id >= keys->refused_asked)
        keys->final = true;
    return other;
}

bool keys_step(struct keys *keys, struct mono now)
{
    struct message message;
    struct error err;
    bool changed = false;
    int got = 1;

    for (int i = 0; i < ANSWERS_A_TURN && got != 0; i++) {
        got = message_receive(keys->socket, NULL, 0, &message, &err);
        if (got > 0 && message_allowed(message.kind, FROM_HELPER, IN_LIVE) && message.kind == PROTO_KEYS)
            changed |= take(keys, &message.as.KEYS);
        else if (got != 0)
            log_error("keys.bad", "problem=\"the credentials helper's answer cannot be read\""); /* never quoted */
        if (got > 0)
            message_clear(&message);
    }
    if (mono_reached(keys->next, now))
        ask(keys, now);
    return changed;
}

struct mono keys_deadline(const struct keys *keys)
{
    return keys->next;
}

const struct aws_credentials *keys_now(const struct keys *keys)
{
    return keys->present ? &keys->current : NULL;
}

const char *keys_problem(const struct keys *keys)
{
    return *keys->problem ? keys->problem : "none yet";
}

bool keys_awaited(const struct keys *keys, struct mono now)
{
    return !keys->answered && !mono_reached(mono_add(keys->began, FIRST_WAIT), now);
}

uint64_t keys_edition(const struct keys *keys)
{
    return keys->edition;
}

void keys_refused(struct keys *keys)
{
    if (*keys->refused && !keys->final)
        return; /* asked already */
    text_copy(keys->refused, sizeof keys->refused, keys->current.access_key);
    keys->refused_asked = 0;
    keys->final = false;
    keys->next = MONO_ZERO;
}

bool keys_final(const struct keys *keys)
{
    return keys->final;
}
