/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_lanes.c: what is told when: turns, attempts, waits between them, and the book on disk before
 * each. Runs in: provisiond-notifier. The two lanes know nothing of each other, and within a lane one alarm that hangs
 * holds one of several places; only the end of an alarm waits for its own raise. */
#include <stdlib.h>

#include "common/log.h"
#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

static struct span wait_after(const struct notifier_config *config, int64_t attempts)
{
    struct span wait = config->retry_first;

    for (int64_t i = 1; i < attempts && wait.us < config->retry_most.us; i++)
        wait = span_scale(wait, 2);
    return span_min(wait, config->retry_most);
}

/* A book that cannot be written keeps nobody from being told: an alarm twice is better than none. */
static void save(struct notifier *notifier)
{
    struct error err;

    if (state_write(notifier->config.state_file, &notifier->book, &err) != 0) {
        log_repeating(LOG_ERROR_LEVEL, "state.unwritten", notifier->config.state_file, err.text, "reason=%s",
                      log_quote(err.text));
        notifier->book.dirty = false; /* tried again with the next change */
    }
}

static bool is_due(const struct notice *notice, int lane, int phase, struct mono now)
{
    const struct delivery *delivery = &notice->deliveries[lane][phase];

    if (delivery->state != DELIVERY_WAITING || !mono_reached(delivery->next, now))
        return false;
    return phase == PHASE_RAISED || delivery_is_over(&notice->deliveries[lane][PHASE_RAISED]);
}

/* The end of an alarm that nobody was told of needs no telling. */
static void drop_pointless(struct book *book, struct notice *notice, int lane)
{
    struct delivery *cleared = &notice->deliveries[lane][PHASE_CLEARED];

    if (cleared->state == DELIVERY_WAITING && notice->deliveries[lane][PHASE_RAISED].state == DELIVERY_GIVEN_UP) {
        cleared->state = DELIVERY_NONE;
        book->dirty = true;
    }
}

static void unlink_attempt(struct notifier *notifier, const struct attempt *attempt)
{
    struct attempt **place = &notifier->attempts;

    while (*place && *place != attempt)
        place = &(*place)->next;
    if (*place)
        *place = attempt->next;
}

void lanes_finish(struct attempt *attempt, enum result result, const char *why)
{
    struct notifier *notifier = attempt->notifier;
    struct notice *notice = book_find(&notifier->book, attempt->serial);
    const char *lane = lane_name(attempt->lane), *phase = phase_name(attempt->phase);

    notifier->active[attempt->lane]--;
    if (notice) {
        struct delivery *delivery = &notice->deliveries[attempt->lane][attempt->phase];
        bool again = (result == RESULT_FAILED || (result == RESULT_UNKNOWN && notifier->config.retry_unknown)) &&
                     delivery->attempts < notifier->config.attempts;
        delivery->next = mono_add(clock_now(), wait_after(&notifier->config, delivery->attempts));
        delivery->state = result == RESULT_DONE      ? DELIVERY_DONE
                          : again                    ? DELIVERY_WAITING
                          : result == RESULT_UNKNOWN ? DELIVERY_UNKNOWN
                                                     : DELIVERY_GIVEN_UP;
        notifier->book.dirty = true;
        log_write(result == RESULT_DONE ? LOG_INFO_LEVEL
                  : again               ? LOG_WARN_LEVEL
                                        : LOG_ERROR_LEVEL,
                  result == RESULT_DONE      ? "told"
                  : again                    ? "told.again"
                  : result == RESULT_UNKNOWN ? "told.unknown"
                                             : "told.given-up",
                  "lane=%s phase=%s alarm=%lld attempt=%lld reason=%s", lane, phase, (long long)notice->id,
                  (long long)delivery->attempts, log_quote(why));
    }
    unlink_attempt(notifier, attempt);
    free(attempt);
}

void lanes_forget(struct notifier *notifier)
{
    while (notifier->attempts) {
        struct attempt *attempt = notifier->attempts;
        notifier->attempts = attempt->next;
        free(attempt);
    }
}

static void start(struct notifier *notifier, struct notice *notice, enum lane lane, enum phase phase)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    json_t *document = words_document(&notifier->book, notice, phase);
    struct error err = {0};

    if (!attempt || !document)
        abort();
    *attempt = (struct attempt){
        .next = notifier->attempts, .notifier = notifier, .serial = notice->serial, .lane = lane, .phase = phase};
    notifier->attempts = attempt;
    notifier->active[lane]++;
    if ((lane == LANE_HOOK ? hook_start : webhook_start)(attempt, document, notice, &err) != 0)
        lanes_finish(attempt, RESULT_FAILED, err.text);
    json_decref(document);
}

/* Marks one that is due; NULL when there is none or no place. */
static struct notice *choose(struct notifier *notifier, int lane, int *phase_out, struct mono now)
{
    struct book *book = &notifier->book;

    for (size_t i = 0; i < book->count && notifier->active[lane] < notifier->config.at_once; i++) {
        drop_pointless(book, book->list[i], lane);
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
            if (!is_due(book->list[i], lane, phase, now))
                continue;
            struct delivery *delivery = &book->list[i]->deliveries[lane][phase];
            delivery->state = DELIVERY_SENDING;
            delivery->attempts++;
            *phase_out = phase;
            return book->list[i];
        }
    }
    return NULL;
}

void lanes_step(struct notifier *notifier, struct mono now)
{
    hook_step(notifier, now);
    for (int lane = 0; lane < LANE_COUNT && !notifier->stopping; lane++) {
        struct notice *notice;
        int phase = 0;
        while (notifier->book.lanes[lane] && (notice = choose(notifier, lane, &phase, now))) {
            save(notifier); /* before the call: whatever happens now, it is not begun a second time */
            start(notifier, notice, (enum lane)lane, (enum phase)phase);
        }
    }
    if (notifier->book.dirty)
        save(notifier);
}

struct mono lanes_deadline(const struct notifier *notifier)
{
    struct mono first = mono_min(hook_deadline(notifier), http_deadline(notifier->http));

    for (size_t i = 0; i < notifier->book.count; i++)
        for (int lane = 0; lane < LANE_COUNT; lane++)
            for (int phase = 0; phase < PHASE_COUNT; phase++) {
                const struct notice *notice = notifier->book.list[i];
                bool waits = notice->deliveries[lane][phase].state == DELIVERY_WAITING && !notifier->stopping &&
                             notifier->book.lanes[lane] && notifier->active[lane] < notifier->config.at_once &&
                             (phase == PHASE_RAISED || delivery_is_over(&notice->deliveries[lane][PHASE_RAISED]));
                if (waits)
                    first = mono_min(first, notice->deliveries[lane][phase].next);
            }
    return first;
}
