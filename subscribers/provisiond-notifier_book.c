/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_book.c: which raises there are and what is to be told of them. Runs in: provisiond-notifier.
 * Owns: the notices. Decides by the stream alone; reads no clock and no file.
 * A raise is named by the supervisor's incarnation and the alarm's id. The end of an alarm is published once only, so
 * its absence from a complete refresh says the same. After a restart of the supervisor an alarm of the same kind and
 * subject goes on: the same trouble is not told a second time. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

bool delivery_is_over(const struct delivery *delivery)
{
    return delivery->state != DELIVERY_WAITING && delivery->state != DELIVERY_SENDING;
}

static bool is_over(const struct notice *notice)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            if (!delivery_is_over(&notice->deliveries[lane][phase]))
                return false;
    return !notice->standing;
}

struct notice *book_find(struct book *book, int64_t serial)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i]->serial == serial)
            return book->list[i];
    return NULL;
}

static struct notice *find_raise(struct book *book, const char *incarnation, int64_t id)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i]->id == id && text_equal(book->list[i]->incarnation, incarnation))
            return book->list[i];
    return NULL;
}

/* The same trouble, as an earlier supervisor knew it. */
static struct notice *find_earlier(struct book *book, const char *incarnation, const char *kind, const char *subject)
{
    for (size_t i = 0; i < book->count; i++) {
        struct notice *notice = book->list[i];
        if (notice->standing && text_equal(notice->kind, kind) && text_equal(notice->subject, subject) &&
            !text_equal(notice->incarnation, incarnation))
            return notice;
    }
    return NULL;
}

/* A full book forgets the oldest that is over: the id cannot come back while its incarnation's refreshes go on. */
static bool make_room(struct book *book)
{
    for (size_t i = 0; book->count == NOTICES_MOST && i < book->count; i++) {
        if (!is_over(book->list[i]))
            continue;
        free(book->list[i]);
        memmove(&book->list[i], &book->list[i + 1], (--book->count - i) * sizeof book->list[0]);
    }
    return book->count < NOTICES_MOST;
}

static void ask_for(struct book *book, struct notice *notice, enum phase phase)
{
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        const struct delivery *raised = &notice->deliveries[lane][PHASE_RAISED];
        bool pointless =
            phase == PHASE_CLEARED && (raised->state == DELIVERY_NONE || raised->state == DELIVERY_GIVEN_UP);
        if (book->lanes[lane] && !pointless)
            notice->deliveries[lane][phase] = (struct delivery){.state = DELIVERY_WAITING};
    }
    book->dirty = true;
}

static struct notice *add_raise(struct book *book, const char *incarnation, int64_t id)
{
    struct notice *notice = make_room(book) ? calloc(1, sizeof *notice) : NULL;

    if (!notice) {
        log_error("book.full", "notices=%zu alarm=%lld", book->count, (long long)id);
        return NULL;
    }
    notice->serial = ++book->last_serial;
    notice->id = id;
    text_copy(notice->incarnation, sizeof notice->incarnation, incarnation);
    book->list[book->count++] = notice;
    return notice;
}

static const char *word_of(const json_t *data, const char *name)
{
    const char *word = json_string_value(json_object_get(data, name));

    return word ? word : "";
}

static void note_raised(struct book *book, const json_t *data, const char *incarnation, int64_t id)
{
    const char *kind = word_of(data, "kind"), *subject = word_of(data, "subject");
    struct notice *notice = find_raise(book, incarnation, id);
    bool is_new = false;

    if (!notice && (notice = find_earlier(book, incarnation, kind, subject))) {
        log_info("alarm.goes-on", "kind=%s subject=%s alarm=%lld", log_quote(kind), log_quote(subject), (long long)id);
        text_copy(notice->incarnation, sizeof notice->incarnation, incarnation);
        notice->id = id;
        book->dirty = true;
    } else if (!notice) {
        notice = add_raise(book, incarnation, id);
        is_new = true;
    }
    if (!notice)
        return;
    text_copy(notice->kind, sizeof notice->kind, kind);
    text_copy(notice->subject, sizeof notice->subject, subject);
    text_copy(notice->text, sizeof notice->text, word_of(data, "text"));
    notice->round = book->round;
    if (!is_new)
        return;
    notice->since = (struct wall){json_integer_value(json_object_get(data, "since"))};
    notice->standing = true;
    ask_for(book, notice, PHASE_RAISED);
    log_info("alarm.raised", "kind=%s subject=%s alarm=%lld", log_quote(kind), log_quote(subject), (long long)id);
}

static void note_ended(struct book *book, struct notice *notice, int64_t as_of)
{
    if (!notice || !notice->standing)
        return;
    notice->standing = false;
    notice->ended = (struct wall){as_of};
    book->dirty = true;
    if (book->tell_cleared)
        ask_for(book, notice, PHASE_CLEARED);
    log_info("alarm.cleared", "kind=%s subject=%s alarm=%lld", log_quote(notice->kind), log_quote(notice->subject),
             (long long)notice->id);
}

/* What a complete refresh did not show is over. */
static void end_missing(struct book *book, const char *incarnation, int64_t as_of, bool earlier_too)
{
    for (size_t i = 0; i < book->count; i++) {
        struct notice *notice = book->list[i];
        bool own = text_equal(notice->incarnation, incarnation);
        if (own ? notice->round < book->round : earlier_too)
            note_ended(book, notice, as_of);
    }
}

void book_take(struct book *book, const struct stream_message *message, const char *incarnation,
               struct span restart_grace, struct mono now)
{
    int64_t id = json_integer_value(json_object_get(message->data, "id"));

    if (message->new_incarnation)
        book->incarnation_began = now;
    if (message->refresh_count > 0 && message->refresh_index == 0)
        book->round++;
    if (message->kind == STREAM_SUPERVISOR)
        text_copy(book->deployment, sizeof book->deployment, word_of(message->data, "deployment"));
    if (message->kind == STREAM_ALARM && id > 0) {
        if (json_is_true(json_object_get(message->data, "raised")))
            note_raised(book, message->data, incarnation, id);
        else
            note_ended(book, find_raise(book, incarnation, id), message->as_of);
    }
    if (message->refresh_complete)
        end_missing(book, incarnation, message->as_of,
                    mono_reached(mono_add(book->incarnation_began, restart_grace), now));
}

void book_clear(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        free(book->list[i]);
    book->count = 0;
}
