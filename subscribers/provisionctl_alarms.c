/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_alarms.c: the command `alarms`: what is raised now, and with --all what ended within the last hour.
 * Runs in: provisionctl. Owns nothing. The exit status tells a script whether anything is raised. */
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl_pages.h"
#include "subscribers/provisionctl_table.h"

#define LAST_HOUR SPAN_SECONDS(3600)

static int64_t time_of(const json_t *alarm, const char *name)
{
    return (int64_t)json_number_value(json_object_get(alarm, name));
}

static void second_of(int64_t ms, char *out, size_t size)
{
    char text[40];
    wall_format((struct wall){ms}, text, sizeof text);
    text[strcspn(text, ".")] = '\0';
    text_format(out, size, "%sZ", text);
}

struct cells {
    char since[48], age[32], ended[40];
};

static void fill_cells(const json_t *alarm, int64_t now, struct cells *out)
{
    int64_t since = time_of(alarm, "since"), ended = time_of(alarm, "ended");
    second_of(since, out->since, sizeof out->since);
    ctl_age(since, ended > 0 ? ended : now, out->age, sizeof out->age);
    if (ended > 0)
        ctl_age(ended, now, out->ended, sizeof out->ended);
}

/* A line an alarm where the width is enough for its text, else the text has lines of its own below. */
static void print_list(const struct ctl *ctl, const json_t *list, bool ended, int64_t now, int width, FILE *out)
{
    struct table table = {.columns = 6, .sides = "lllrrl"};
    const char *const heads[] = {"RULE", "SUBJECT", "SINCE", ended ? "LASTED" : "AGE", ended ? "ENDED AGO" : "",
                                 "TEXT"};
    bool beside = width == 0 || width >= 140;
    const json_t *alarm;
    size_t i;
    table_add(&table, STYLE_HEAD, heads);
    json_array_foreach(list, i, alarm)
    {
        struct cells cells = {0};
        const char *text = ctl_word_of(alarm, "text");
        fill_cells(alarm, now, &cells);
        if (beside) {
            const char *const row[] = {
                ctl_word_of(alarm, "kind"), ctl_word_of(alarm, "subject"), cells.since, cells.age, cells.ended, text};
            table_add(&table, ended ? STYLE_PLAIN : STYLE_BAD, row);
            continue;
        }
        fprintf(out, "%s%s %s%s  since %s, %s%s%s%s\n", style_begin(ended ? STYLE_PLAIN : STYLE_BAD, ctl->colour),
                ctl_word_of(alarm, "kind"), ctl_word_of(alarm, "subject"),
                style_end(ended ? STYLE_PLAIN : STYLE_BAD, ctl->colour), cells.since, ended ? "for " : "", cells.age,
                ended ? ", ended " : "", cells.ended);
        ctl_print_wrapped(text, width, out);
    }
    if (beside)
        table_print(&table, width, ctl->colour, out);
    table_clear(&table);
}

static json_t *recent_of(const json_t *body, struct span within, int64_t now)
{
    json_t *recent = json_array(), *alarm;
    size_t i;
    json_array_foreach(json_object_get(body, "ended"), i, alarm)
    {
        if (now - time_of(alarm, "ended") <= span_ms(within))
            json_array_insert(recent, 0, alarm);
    }
    return recent;
}

void ctl_print_alarms(const struct ctl *ctl, const json_t *body, struct span ended_within, int width, FILE *out)
{
    int64_t now = clock_wall().ms, started = time_of(body, "started");
    const json_t *raised = json_object_get(body, "alarms");
    char age[32];
    ctl_age(time_of(body, "asOf"), now, age, sizeof age);
    fprintf(out, "%zu raised, as of %s ago\n", json_array_size(raised), age);
    if (json_array_size(raised) > 0) {
        fputc('\n', out);
        print_list(ctl, raised, false, now, width, out);
    }
    if (ended_within.us == 0)
        return;
    json_t *recent = recent_of(body, ended_within, now);
    fprintf(out, "\n%zu ended within the last hour\n", json_array_size(recent));
    if (json_array_size(recent) > 0) {
        fputc('\n', out);
        print_list(ctl, recent, true, now, width, out);
    }
    json_decref(recent);
    if (now - started < span_ms(ended_within)) {
        ctl_age(started, now, age, sizeof age);
        fprintf(out, "\nThe daemon runs for %s only; what was before is in provisionctl events.\n", age);
    }
}

static void print_json(const struct ctl *ctl, json_t *body)
{
    if (ctl->all)
        json_object_set_new(body, "ended", recent_of(body, LAST_HOUR, clock_wall().ms));
    else
        json_object_del(body, "ended");
    ctl_print_json(body, stdout);
}

enum ctl_exit ctl_alarms(struct ctl *ctl)
{
    struct error err;
    json_t *body;
    enum ctl_exit code = ctl_ask_body(ctl, "alarms", "", &body, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    if (json_array_size(json_object_get(body, "alarms")) > 0)
        code = CTL_ALARM;
    if (ctl->json)
        print_json(ctl, body);
    else
        ctl_print_alarms(ctl, body, ctl->all ? LAST_HOUR : SPAN_US(0), ctl_screen_size().width, stdout);
    json_decref(body);
    return code;
}
