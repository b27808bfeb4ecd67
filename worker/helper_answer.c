/* SPDX-License-Identifier: MPL-2.0 */
/* helper_answer.c: hands credentials to the workers that ask. While a refresh is under way all wait for its end, so
 * that a thousand refusals are one refresh. Runs in: the credentials helper. Owns: the list of askers. Logs no answer.
 */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/helper.h"

#define QUESTIONS_A_TURN 2000
#define MOST_ASKERS 100000

/* A worker that asks again waits once. */
static struct asker *asker_of(struct helper *helper, const char *peer)
{
    for (size_t i = 0; i < helper->asker_count; i++)
        if (strcmp(helper->askers[i].peer, peer) == 0)
            return &helper->askers[i];
    if (helper->asker_count == helper->asker_room) {
        helper->asker_room = helper->asker_room ? helper->asker_room * 2 : 64;
        helper->askers = realloc(helper->askers, helper->asker_room * sizeof *helper->askers);
        if (!helper->askers)
            abort();
    }
    struct asker *asker = &helper->askers[helper->asker_count++];
    text_copy(asker->peer, sizeof asker->peer, peer);
    return asker;
}

static void take_question(struct helper *helper, const char *peer, const struct proto_KEYS_WANTED *wanted,
                          struct mono now)
{
    const struct aws_credentials *current = credentials_now(helper->credentials);

    if (helper->asker_count >= MOST_ASKERS)
        return;
    asker_of(helper, peer)->id = wanted->id;
    if (*wanted->refused && current && strcmp(current->access_key, wanted->refused) == 0) {
        credentials_refused(helper->credentials, now);
        credentials_step(helper->credentials, now, clock_wall());
    }
}

void helper_take_questions(struct helper *helper, struct mono now)
{
    for (int i = 0; i < QUESTIONS_A_TURN; i++) {
        char peer[sizeof helper->askers->peer];
        struct message message;
        struct error err;
        int got = message_receive(helper->socket, peer, sizeof peer, &message, &err);
        if (got == 0)
            return;
        if (got > 0 && message.kind == PROTO_KEYS_WANTED)
            take_question(helper, peer, &message.as.KEYS_WANTED, now);
        else
            log_repeating(LOG_WARN_LEVEL, "keys.stranger", "", "", "message=%s",
                          got > 0 ? message_name(message.kind) : "unreadable");
        if (got > 0)
            message_clear(&message);
    }
}

static void fill(const struct helper *helper, struct proto_KEYS *out)
{
    const struct aws_credentials *current = credentials_now(helper->credentials);

    text_copy(out->problem, sizeof out->problem, credentials_problem(helper->credentials));
    if (!current)
        return;
    text_copy(out->accessKey, sizeof out->accessKey, current->access_key);
    out->secretKey = strdup(secret_reveal(current->secret_key));
    out->sessionToken = strdup(secret_reveal(current->session_token));
    out->expiresWall = current->expires.ms;
}

void helper_answer(struct helper *helper)
{
    struct message message = {.kind = PROTO_KEYS};
    struct error err;

    if (helper->asker_count == 0 || credentials_asking(helper->credentials))
        return;
    fill(helper, &message.as.KEYS);
    CRASH_POINT(helper_before_keys);
    for (size_t i = 0; i < helper->asker_count; i++) {
        const struct asker *asker = &helper->askers[i];
        message.as.KEYS.id = asker->id;
        if (message_send(helper->socket, asker->peer, strlen(asker->peer), &message, &err) < 0)
            log_debug("keys.not-sent", "problem=\"it is gone or does not read\"");
    }
    message_clear(&message);
    helper->asker_count = 0;
}
