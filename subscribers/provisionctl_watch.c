/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_watch.c: the commands `watch` and `top`: one page of many on the whole screen, drawn anew every status
 * interval, and the keys that lead from page to page. A page is a row of a table: what it asks the daemon, how it is
 * drawn. Where no answer comes, the last picture stays with its growing age, and a line says since when.
 * Runs in: provisionctl. Owns: the terminal, by provisionctl_terminal.h. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl_table.h"
#include "subscribers/provisionctl_watch.h"

#define ANSWER_WITHIN SPAN_SECONDS(2) /* keys are not read meanwhile */
#define EVENTS_SHOWN 200
#define DETAIL_ROWS 3 /* below the types: a blank line, and the reason of the marked one */

typedef void draw_function(const struct watch *watch, const struct ctl_screen *screen, FILE *out);
static draw_function draw_types, draw_type, draw_alarms, draw_events, draw_processes, draw_keys;

static const struct page_row {
    const char *command; /* NULL: nothing is asked */
    draw_function *draw;
    const char *footer; /* %s: the order */
} pages[PAGE_COUNT] = {
    [PAGE_TYPES] = {"status", draw_types, "q quit  Enter type  s sort: %s  a alarms  e events  t processes  ? keys"},
    [PAGE_TYPE] = {"explain", draw_type, "q back  up, down: scroll  n next type  p previous  ? keys"},
    [PAGE_ALARMS] = {"alarms", draw_alarms, "q back  up, down: scroll  e events  t processes  ? keys"},
    [PAGE_EVENTS] = {"events", draw_events, "q back  up, down: scroll  a alarms  t processes  ? keys"},
    [PAGE_PROCESSES] = {"status", draw_processes, "q back  up, down: scroll  s sort: %s  a alarms  e events  ? keys"},
    [PAGE_KEYS] = {NULL, draw_keys, "q back"},
};

/* ---- asking ---- */

static json_t *ask(struct watch *watch, const char *command, const char *argument, struct error *err)
{
    struct ctl question = *watch->ctl;
    json_t *body = NULL;
    question.name = watch->page == PAGE_TYPE ? watch->selected : "";
    question.timeout = span_min(question.timeout, ANSWER_WITHIN);
    ctl_ask_body(&question, command, argument, &body, err);
    watch->ctl->next_id = question.next_id;
    return body;
}

static void take(struct watch *watch, json_t *body)
{
    double seconds = json_number_value(json_object_get(body, "statusInterval"));
    struct error err;
    if (seconds >= 0.05 && seconds <= 3600)
        watch->interval = SPAN_MS(seconds * 1000);
    json_decref(watch->body);
    watch->body = body;
    watch->problem[0] = '\0';
    watch->troubled = MONO_ZERO;
    if (watch->page == PAGE_PROCESSES)
        processes_look(watch->processes, body);
    if (watch->page == PAGE_TYPE) {
        json_t *events = ask(watch, "events", "{\"last\":20}", &err);
        json_object_set(body, "events", json_object_get(events, "events"));
        json_decref(events);
    }
}

void watch_renew(struct watch *watch)
{
    const char *command = pages[watch->page].command;
    char last[32] = "";
    struct error err;
    if (watch->page == PAGE_EVENTS)
        text_format(last, sizeof last, "{\"last\":%d}", EVENTS_SHOWN);
    json_t *body = command ? ask(watch, command, last, &err) : NULL;
    struct mono now = clock_now();
    if (body) {
        take(watch, body);
    } else if (command) {
        text_copy(watch->problem, sizeof watch->problem, err.text);
        watch->troubled = mono_is_set(watch->troubled) ? watch->troubled : now;
    }
    watch->next = mono_add(now, body || !command ? watch->interval : SPAN_SECONDS(1));
}

/* ---- drawing ---- */

static const char *order_name(const struct watch *watch)
{
    static const char *const names[ORDER_COUNT] = {
        [ORDER_LAG] = "lag", [ORDER_PENDING] = "pending", [ORDER_UNITS] = "units", [ORDER_NAME] = "name"};
    return watch->page == PAGE_PROCESSES ? process_order_name(watch->process_order) : names[watch->order];
}

/* The list keeps the marked type in sight; its reason is told in full below, however narrow the table is. */
static void draw_types(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    struct ctl_screen list = *screen;
    size_t count;
    list.order = watch->order;
    if (!watch->terminal.keys || screen->rows == 0) {
        ctl_print_status(watch->ctl, watch->body, &list, out);
        return;
    }
    list.selected = watch->selected;
    list.rows = screen->rows - DETAIL_ROWS;
    ctl_print_status(watch->ctl, watch->body, &list, out);
    const json_t **types = ctl_order_types(watch->body, watch->order, &count);
    for (size_t i = 0; i < count; i++) {
        char detail[1200];
        if (strcmp(ctl_word_of(types[i], "name"), watch->selected) != 0)
            continue;
        text_format(detail, sizeof detail, "%s: %s", watch->selected, ctl_word_of(types[i], "why"));
        fputc('\n', out);
        ctl_print_wrapped(detail, screen->width, out);
    }
    free(types);
}

static void draw_type(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    const json_t *events = json_object_get(watch->body, "events");
    ctl_print_explanation(watch->body, screen->width, out);
    fprintf(out, "\nLast events:\n");
    for (size_t i = json_array_size(events); i-- > 0;)
        ctl_print_event(json_array_get(events, i), out);
}

static void draw_alarms(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    ctl_print_alarms(watch->ctl, watch->body, SPAN_SECONDS(3600), screen->width, out);
}

static void draw_events(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    const json_t *events = json_object_get(watch->body, "events");
    (void)screen;
    fprintf(out, "Events, the newest first\n\n");
    for (size_t i = json_array_size(events); i-- > 0;)
        ctl_print_event(json_array_get(events, i), out);
}

static void draw_processes(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    processes_print(watch->processes, watch->process_order, screen->width, watch->ctl->colour, out);
}

static void draw_keys(const struct watch *watch, const struct ctl_screen *screen, FILE *out)
{
    (void)watch;
    (void)screen;
    fputs("Keys\n\n"
          "  up, down, k, j      choose a type; on the other pages: scroll\n"
          "  page up, page down  the same by pages;  Home, End: to the ends\n"
          "  Enter               everything about the type: why, what was cut, breakers, leases, events\n"
          "  n, p                there: the next type, the previous one\n"
          "  s                   another order\n"
          "  a  e  t             alarms, events, processes\n"
          "  space               looks anew at once\n"
          "  q, Escape           back; on the first page q quits\n\n"
          "Words\n\n"
          "  STALE      older than its limit: do not act on it\n"
          "  ?          unknown, which is not zero\n"
          "  occupying  costs money or quota: all that is not terminated\n"
          "  serving    works or can take work\n"
          "  leased     granted, and in no listing yet\n"
          "  $          granted prices, an upper bound; EBS and traffic are not counted\n",
          out);
}

static void print_trouble(const struct watch *watch, FILE *out)
{
    char since[32];
    if (!watch->problem[0])
        return;
    span_format_short(mono_since(watch->troubled, clock_now()), since, sizeof since);
    fprintf(out, "%sNO ANSWER for %s: %s%s\n", style_begin(STYLE_BAD, watch->ctl->colour), since, watch->problem,
            style_end(STYLE_BAD, watch->ctl->colour));
}

static void draw(struct watch *watch)
{
    const struct page_row *page = &pages[watch->page];
    struct ctl_screen screen = ctl_screen_size();
    char *text = NULL, words[200], footer[240];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    screen.rows = screen.rows > 1 ? screen.rows - 1 - (watch->problem[0] != '\0') : 0;
    print_trouble(watch, out);
    if (watch->body || !page->command)
        page->draw(watch, &screen, out);
    fclose(out);
    watch->lines = 0;
    for (const char *c = text; *c; c++)
        watch->lines += *c == '\n';
    int most = watch->page == PAGE_TYPES || watch->lines <= screen.rows ? 0 : watch->lines - screen.rows;
    watch->first = watch->first > most ? most : watch->first < 0 ? 0 : watch->first;
    snprintf(words, sizeof words, page->footer, order_name(watch)); // NOLINT(clang-diagnostic-format-nonliteral)
    text_format(footer, sizeof footer, "%s%s%s", style_begin(STYLE_MARKED, watch->ctl->colour),
                watch->terminal.keys ? words : "", style_end(STYLE_MARKED, watch->ctl->colour));
    terminal_draw(&watch->terminal, text, watch->first, footer);
    free(text);
}

/* ---- the commands ---- */

/* One picture and no keys. */
static enum ctl_exit show_once(struct watch *watch)
{
    struct ctl_screen screen = ctl_screen_size();
    struct error err;
    json_t *body;
    enum ctl_exit code = ctl_ask_body(watch->ctl, pages[watch->page].command, "", &body, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    take(watch, body);
    screen.rows = 0;
    if (watch->ctl->json) {
        json_t *value = processes_json(watch->processes);
        ctl_print_json(value, stdout);
        json_decref(value);
    } else {
        pages[watch->page].draw(watch, &screen, stdout);
    }
    return CTL_OK;
}

static void show_on(struct watch *watch)
{
    terminal_open(&watch->terminal);
    while (!watch->ended) {
        if (mono_reached(watch->next, clock_now()))
            watch_renew(watch);
        if (watch->page == PAGE_TYPES && watch->body)
            watch_choose(watch, 0);
        draw(watch);
        watch_obey(watch, terminal_wait(&watch->terminal, mono_since(clock_now(), watch->next)));
    }
    terminal_close(&watch->terminal);
}

static enum ctl_exit show(struct ctl *ctl, enum page home, bool once)
{
    struct watch watch = {.ctl = ctl, .home = home, .page = home, .interval = SPAN_SECONDS(1)};
    enum ctl_exit code = CTL_OK;
    watch.processes = processes_create();
    if (once)
        code = show_once(&watch);
    else
        show_on(&watch);
    processes_destroy(&watch.processes);
    json_decref(watch.body);
    return code;
}

enum ctl_exit ctl_watch(struct ctl *ctl)
{
    return show(ctl, PAGE_TYPES, ctl->once);
}

enum ctl_exit ctl_top(struct ctl *ctl)
{
    return show(ctl, PAGE_PROCESSES, ctl->once || ctl->json || ctl_screen_size().width == 0);
}
