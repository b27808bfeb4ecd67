/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_screen.c: the status as a person reads it: totals against their caps, alarms, regions, then the types.
 * Where the screen is small, alarms and regions give way: the types are what it is for, and `watch` has a page for
 * each. Runs in: provisionctl. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl_screen.h"

#define STALE_MS 60000 /* maxDemandAge's and maxInventoryAge's default, where the answer does not give its own */

static int64_t limit_of(const json_t *status, const char *name, int64_t least)
{
    double seconds = json_number_value(json_object_get(status, name));
    int64_t limit = seconds > 0 ? (int64_t)(seconds * 1000) : STALE_MS;
    return limit > least ? limit : least;
}

bool view_is_older(int64_t as_of, int64_t now, int64_t limit)
{
    return as_of <= 0 || now - as_of > limit;
}

/* ---- totals ---- */

const char *view_amount(const json_t *data, const char *name, const char *form, char *out, size_t size)
{
    struct ctl_figure figure = ctl_figure_of(data, name);
    if (!figure.known)
        text_copy(out, size, "?");
    else if (form[0] == '$')
        text_format(out, size, "$%.2f", figure.value);
    else
        text_format(out, size, "%.0f", figure.value);
    return out;
}

/* A ceiling that is null is no unknown number: there is none. */
static const char *ceiling(const json_t *data, const char *name, const char *form, char *out, size_t size)
{
    return ctl_figure_of(data, name).known ? view_amount(data, name, form, out, size) : "unlimited";
}

static void print_totals(const struct view *view, const json_t *data)
{
    char a[32], b[32], c[32], left[160];
    const size_t s = sizeof a;
    bool wide = view->screen->width == 0 || view->screen->width >= 110;
    text_format(left, sizeof left, "units %s occupying + %s leased of %s", view_amount(data, "units", "", a, s),
                view_amount(data, "unitsLeased", "", b, s), ceiling(data, "unitsCeiling", "", c, s));
    fprintf(view->out, "%-42s  %s per hour committed of %s\n", left, view_amount(data, "committed", "$", a, s),
            ceiling(data, "committedCeiling", "$", b, s));
    text_format(left, sizeof left, "instances %s occupying + %s leased of %s", view_amount(data, "instances", "", a, s),
                view_amount(data, "instancesLeased", "", b, s), ceiling(data, "instancesCeiling", "", c, s));
    fprintf(view->out, "%-42s  %s spent today of %s%s\n", left, view_amount(data, "spentToday", "$", a, s),
            ceiling(data, "dailyCeiling", "$", b, s), wide ? " (EBS and traffic not counted)" : "");
    fprintf(view->out, "since the start: %s grants, %s launched, ", view_amount(data, "grants", "", a, s),
            view_amount(data, "launched", "", b, s));
    fprintf(view->out, "%s calls failed, %s not known yet\n", view_amount(data, "launchFailures", "", a, s),
            view_amount(data, "unknownOutcomes", "", b, s));
}

static void print_problem(const struct view *view, const char *what, const char *text)
{
    if (text[0] && strcmp(text, "ok") != 0)
        fprintf(view->out, "%s%s: %s%s\n", style_begin(STYLE_BAD, view->ctl->colour), what, text,
                style_end(STYLE_BAD, view->ctl->colour));
}

static void print_head(const struct view *view)
{
    const json_t *data = json_object_get(view->status, "supervisor");
    int64_t as_of = (int64_t)json_number_value(json_object_get(view->status, "asOf"));
    bool stale = view_is_older(as_of, view->now, view->message_limit);
    char when[40] = "?", age[32], types[32], workers[32];
    if (as_of > 0)
        wall_format((struct wall){as_of - as_of % 1000}, when, sizeof when);
    if (strlen(when) == strlen("2016-07-21T20:06:00.000Z"))
        text_copy(when + strlen("2016-07-21T20:06:00"), 2, "Z");
    ctl_age(as_of, view->now, age, sizeof age);
    fprintf(view->out, "%sprovisiond %s%s  as of %s, %s ago%s  %s types, %s workers\n",
            style_begin(STYLE_HEAD, view->ctl->colour), ctl_word_of(data, "deployment"),
            style_end(STYLE_HEAD, view->ctl->colour), when, age, stale ? " STALE" : "",
            view_amount(data, "types", "", types, sizeof types),
            view_amount(data, "workers", "", workers, sizeof workers));
    print_totals(view, data);
    print_problem(view, "configuration rejected", ctl_word_of(data, "configurationProblem"));
    print_problem(view, "ledger", ctl_word_of(data, "ledger"));
    print_problem(view, "AWS credentials", ctl_word_of(data, "credentials"));
}

static void print_alarms(const struct view *view, size_t most)
{
    const json_t *list = json_object_get(view->status, "alarms"), *alarm;
    size_t i;
    json_array_foreach(list, i, alarm)
    {
        const char *subject = ctl_word_of(alarm, "subject");
        char age[32];
        if (i >= most) {
            fprintf(view->out, "%s... and %zu more alarms%s\n", style_begin(STYLE_BAD, view->ctl->colour),
                    json_array_size(list) - i, style_end(STYLE_BAD, view->ctl->colour));
            return;
        }
        ctl_age((int64_t)json_number_value(json_object_get(alarm, "since")), view->now, age, sizeof age);
        fprintf(view->out, "%sALARM %s%s%s for %s: %s%s\n", style_begin(STYLE_BAD, view->ctl->colour),
                ctl_word_of(alarm, "kind"), subject[0] ? " " : "", subject, age, ctl_word_of(alarm, "text"),
                style_end(STYLE_BAD, view->ctl->colour));
    }
}

/* ---- regions ---- */

enum table_style view_style(const char *state, bool stale)
{
    static const struct {
        const char *state;
        enum table_style style;
    } styles[] = {{"live", STYLE_PLAIN},       {"starting", STYLE_CARE}, {"paused", STYLE_CARE},
                  {"backing-off", STYLE_CARE}, {"stopping", STYLE_CARE}, {"stale", STYLE_STALE},
                  {"frozen", STYLE_CARE},      {"failing", STYLE_BAD},   {"quarantined", STYLE_BAD},
                  {"unlaunchable", STYLE_BAD}};
    for (size_t i = 0; !stale && i < sizeof styles / sizeof styles[0]; i++) {
        if (strcmp(styles[i].state, state) == 0)
            return styles[i].style;
    }
    return stale ? STYLE_STALE : STYLE_PLAIN;
}

void view_age_cell(int64_t as_of, bool stale, int64_t now, char *out, size_t size)
{
    char age[32];
    ctl_age(as_of, now, age, sizeof age);
    text_format(out, size, "%s%s", age, stale ? " STALE" : "");
}

static void add_region(const struct view *view, const json_t *data, struct table *table)
{
    char instances[32], took[32], calls[32], tokens[32], age[48];
    struct ctl_figure listing = ctl_figure_of(data, "listing"), rows = ctl_figure_of(data, "instances");
    const char *state = ctl_word_of(data, "state");
    bool stale = view_is_older(rows.as_of, view->now, view->inventory_limit);
    view_age_cell(rows.as_of, stale, view->now, age, sizeof age);
    text_format(took, sizeof took, listing.known ? "%.1fs" : "?", listing.value);
    const char *const cells[] = {ctl_word_of(data, "name"),
                                 state,
                                 view_amount(data, "instances", "", instances, sizeof instances),
                                 took,
                                 view_amount(data, "launchCalls", "", calls, sizeof calls),
                                 view_amount(data, "launchInstances", "", tokens, sizeof tokens),
                                 age,
                                 ctl_word_of(data, "problem")};
    table_add(table, view_style(state, stale), cells);
}

static void print_regions(const struct view *view, size_t most)
{
    static const char *const heads[] = {"REGION",      "STATE",           "INSTANCES", "LISTING",
                                        "CALL TOKENS", "INSTANCE TOKENS", "AGE",       "PROBLEM"};
    struct table table = {.columns = 8, .sides = "llrrrrrl", .drops = "00078900", .last_least = 8};
    const json_t *list = json_object_get(view->status, "regions"), *data;
    size_t i;
    table_add(&table, STYLE_HEAD, heads);
    json_array_foreach(list, i, data)
    {
        if (i < most)
            add_region(view, data, &table);
    }
    table_print(&table, view->screen->width, view->ctl->colour, view->out);
    if (json_array_size(list) > most)
        fprintf(view->out, "... and %zu more regions\n", json_array_size(list) - most);
    table_clear(&table);
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Everything above the types, printed apart so that its lines can be counted. */
static char *print_above(const struct view *view)
{
    struct view above = *view;
    char *text = NULL;
    size_t size = 0, most = view->screen->rows > 0 ? (size_t)view->screen->rows / 8 + 1 : SIZE_MAX;
    above.out = open_memstream(&text, &size);
    if (!above.out)
        abort();
    print_head(&above);
    print_alarms(&above, most);
    fputc('\n', above.out);
    print_regions(&above, most);
    fputc('\n', above.out);
    fclose(above.out);
    return text;
}

void ctl_print_status(const struct ctl *ctl, const json_t *status, const struct ctl_screen *screen, FILE *out)
{
    struct view view = {.ctl = ctl, .status = status, .screen = screen, .now = clock_wall().ms, .out = out};
    double interval = json_number_value(json_object_get(status, "statusInterval"));
    view.message_limit = (int64_t)(2 * 1000 * (interval > 0 ? interval : 5));
    view.demand_limit = limit_of(status, "maxDemandAge", view.message_limit);
    view.inventory_limit = limit_of(status, "maxInventoryAge", view.message_limit);
    if (view_is_older((int64_t)json_number_value(json_object_get(status, "asOf")), view.now, view.message_limit))
        view.demand_limit = view.inventory_limit = -1; /* the message is old: so is everything in it */
    char *above = print_above(&view);
    int left = screen->rows - count_lines(above);
    fputs(above, out);
    view_print_types(&view, screen->rows == 0 ? 0 : left > 1 ? left : 1);
    free(above);
}
