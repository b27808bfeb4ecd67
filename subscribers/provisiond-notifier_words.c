/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_words.c: what people and programs are told of an alarm. Runs in: provisiond-notifier. Owns
 * nothing. "text" is what Slack and its like show: their three special characters are escaped, so that the text of an
 * alarm can neither ring a whole channel nor hide a link. */
#include <string.h>

#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

const char *phase_name(enum phase phase)
{
    return phase == PHASE_RAISED ? "raised" : "cleared";
}

const char *lane_name(enum lane lane)
{
    return lane == LANE_HOOK ? "command" : "webhook";
}

static void add_escaped(struct buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '&')
            buffer_add(out, "&amp;", 5);
        else if (*c == '<')
            buffer_add(out, "&lt;", 4);
        else if (*c == '>')
            buffer_add(out, "&gt;", 4);
        else
            buffer_add(out, c, 1);
    }
}

static void print_sentence(const struct book *book, const struct notice *notice, enum phase phase, struct buffer *out)
{
    char stood[32];

    buffer_print(out, "provisiond ");
    add_escaped(out, book->deployment);
    buffer_print(out, *book->deployment ? ": %s " : "%s ", phase == PHASE_RAISED ? "ALARM" : "cleared:");
    add_escaped(out, notice->kind);
    if (*notice->subject) {
        buffer_print(out, " ");
        add_escaped(out, notice->subject);
    }
    if (phase == PHASE_RAISED) {
        buffer_print(out, ": ");
        add_escaped(out, notice->text);
    } else {
        int64_t ms = notice->ended.ms - notice->since.ms;
        span_format_short(SPAN_MS(ms > 0 ? ms : 0), stood, sizeof stood);
        buffer_print(out, " (it stood for %s)", stood);
    }
}

json_t *words_document(const struct book *book, const struct notice *notice, enum phase phase)
{
    struct buffer text = {0};
    char since[40];

    print_sentence(book, notice, phase, &text);
    wall_format(notice->since, since, sizeof since);
    json_t *document = json_pack("{s:s, s:{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}}", "text", buffer_text(&text),
                                 "alarm", "event", phase_name(phase), "deployment", book->deployment, "incarnation",
                                 notice->incarnation, "id", (json_int_t)notice->id, "kind", notice->kind, "subject",
                                 notice->subject, "text", notice->text, "since", since);
    buffer_free(&text);
    return document;
}
