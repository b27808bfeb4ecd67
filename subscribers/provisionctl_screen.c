/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_screen.c: the status as a person reads it: totals against their caps, alarms, regions, then the types,
 * the one whose oldest task has waited longest first. Every row has its age, and old rows say so in a word, since
 * colours may be off (case B59: a display showed 783 instances while 2,217 ran). Runs in: provisionctl. Owns nothing.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_table.h"

#define STALE_MS 60000 /* maxDemandAge's and maxInventoryAge's default, where the answer does not give its own */

struct view {
    const struct ctl *ctl;
    const json_t *status;
    int64_t now;
    int64_t demand_limit, inventory_limit, message_limit; /* ms */
    FILE *out;
    int width;
};

static int64_t limit_of(const json_t *status, const char *name, int64_t least)
{
    double seconds = json_number_value(json_object_get(status, name));
    int64_t limit = seconds > 0 ? (int64_t)(seconds * 1000) : STALE_MS;
    return limit > least ? limit : least;
}

static bool is_older(int64_t as_of, int64_t now, int64_t limit)
{
    return as_of <= 0 || now - as_of > limit;
}

/* ---- totals ---- */

static const char *amount(const json_t *data, const char *name, const char *form, char *out, size_t size)
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
    return ctl_figure_of(data, name).known ? amount(data, name, form, out, size) : "unlimited";
}

static void print_totals(const struct view *view, const json_t *data)
{
    char a[32], b[32], c[32];
    const size_t s = sizeof a;
    fprintf(view->out, "units %s occupying + %s leased of %s    ", amount(data, "units", "", a, s),
            amount(data, "unitsLeased", "", b, s), ceiling(data, "unitsCeiling", "", c, s));
    fprintf(view->out, "instances %s occupying + %s leased of %s\n", amount(data, "instances", "", a, s),
            amount(data, "instancesLeased", "", b, s), ceiling(data, "instancesCeiling", "", c, s));
    fprintf(view->out, "%s per hour committed of %s    ", amount(data, "committed", "$", a, s),
            ceiling(data, "committedCeiling", "$", b, s));
    fprintf(view->out, "%s spent today of %s (EBS and traffic not counted)\n", amount(data, "spentToday", "$", a, s),
            ceiling(data, "dailyCeiling", "$", b, s));
    fprintf(view->out, "since the start: %s grants, %s instances launched, ", amount(data, "grants", "", a, s),
            amount(data, "launched", "", b, s));
    fprintf(view->out, "%s launch calls failed, %s not known yet\n", amount(data, "launchFailures", "", a, s),
            amount(data, "unknownOutcomes", "", b, s));
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
    bool stale = is_older(as_of, view->now, view->message_limit);
    char when[40] = "?", age[32], types[32], workers[32];
    if (as_of > 0)
        wall_format((struct wall){as_of}, when, sizeof when);
    ctl_age(as_of, view->now, age, sizeof age);
    fprintf(view->out, "%sprovisiond %s%s    as of %s, %s ago%s    %s types, %s worker processes\n",
            style_begin(STYLE_HEAD, view->ctl->colour), ctl_word_of(data, "deployment"),
            style_end(STYLE_HEAD, view->ctl->colour), when, age, stale ? " STALE" : "",
            amount(data, "types", "", types, sizeof types), amount(data, "workers", "", workers, sizeof workers));
    print_totals(view, data);
    print_problem(view, "configuration rejected", ctl_word_of(data, "configurationProblem"));
    print_problem(view, "ledger", ctl_word_of(data, "ledger"));
}

static void print_alarms(const struct view *view)
{
    const json_t *alarm;
    size_t i;
    json_array_foreach(json_object_get(view->status, "alarms"), i, alarm)
    {
        const char *subject = ctl_word_of(alarm, "subject");
        char age[32];
        ctl_age((int64_t)json_number_value(json_object_get(alarm, "since")), view->now, age, sizeof age);
        fprintf(view->out, "%sALARM %s%s%s for %s: %s%s\n", style_begin(STYLE_BAD, view->ctl->colour),
                ctl_word_of(alarm, "kind"), subject[0] ? " " : "", subject, age, ctl_word_of(alarm, "text"),
                style_end(STYLE_BAD, view->ctl->colour));
    }
}

/* ---- rows ---- */

static enum table_style style_of(const char *state, bool stale)
{
    static const struct {
        const char *state;
        enum table_style style;
    } styles[] = {{"live", STYLE_PLAIN},       {"starting", STYLE_CARE}, {"paused", STYLE_CARE},
                  {"backing-off", STYLE_CARE}, {"stopping", STYLE_CARE}, {"stale", STYLE_STALE},
                  {"frozen", STYLE_CARE},      {"failing", STYLE_BAD},   {"quarantined", STYLE_BAD}};
    for (size_t i = 0; !stale && i < sizeof styles / sizeof styles[0]; i++) {
        if (strcmp(styles[i].state, state) == 0)
            return styles[i].style;
    }
    return stale ? STYLE_STALE : STYLE_PLAIN;
}

static void age_cell(int64_t as_of, bool stale, int64_t now, char *out, size_t size)
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
    bool stale = is_older(rows.as_of, view->now, view->inventory_limit);
    age_cell(rows.as_of, stale, view->now, age, sizeof age);
    text_format(took, sizeof took, listing.known ? "%.1fs" : "?", listing.value);
    const char *const cells[] = {ctl_word_of(data, "name"),
                                 state,
                                 amount(data, "instances", "", instances, sizeof instances),
                                 took,
                                 amount(data, "launchCalls", "", calls, sizeof calls),
                                 amount(data, "launchInstances", "", tokens, sizeof tokens),
                                 age,
                                 ctl_word_of(data, "problem")};
    table_add(table, style_of(state, stale), cells);
}

static void print_regions(const struct view *view)
{
    static const char *const heads[] = {"REGION",      "STATE",           "INSTANCES", "LISTING",
                                        "CALL TOKENS", "INSTANCE TOKENS", "AGE",       "PROBLEM"};
    struct table table = {.columns = 8, .sides = "llrrrrrl"};
    const json_t *data;
    size_t i;
    table_add(&table, STYLE_HEAD, heads);
    json_array_foreach(json_object_get(view->status, "regions"), i, data)
    {
        add_region(view, data, &table);
    }
    table_print(&table, view->width, view->ctl->colour, view->out);
    table_clear(&table);
}

static void duration_cell(struct ctl_figure figure, const char *unknown, char *out, size_t size)
{
    if (!figure.known)
        text_copy(out, size, unknown);
    else
        span_format_short(SPAN_MS(figure.value * 1000), out, size);
}

/* The row is as old as the older of its two sources, demand and inventory. */
static int64_t row_as_of(const json_t *data)
{
    int64_t demand = ctl_figure_of(data, "pending").as_of, supply = ctl_figure_of(data, "serving").as_of;
    if (demand <= 0 || supply <= 0)
        return 0;
    return demand < supply ? demand : supply;
}

static void add_type(const struct view *view, const json_t *data, struct table *table)
{
    char pending[32], wait[32], wanted[32], serving[32], occupying[32], leased[32], launch[48], age[48];
    struct ctl_figure last = ctl_figure_of(data, "lastLaunch"), waiting = ctl_figure_of(data, "pending");
    const char *state = ctl_word_of(data, "state");
    bool stale = is_older(waiting.as_of, view->now, view->demand_limit) ||
                 is_older(ctl_figure_of(data, "serving").as_of, view->now, view->inventory_limit);
    age_cell(row_as_of(data), stale, view->now, age, sizeof age);
    duration_cell(ctl_figure_of(data, "oldestWait"), waiting.known && waiting.value == 0 ? "-" : "?", wait,
                  sizeof wait);
    if (last.known)
        ctl_age((int64_t)last.value, view->now, launch, sizeof launch);
    else
        text_copy(launch, sizeof launch, "-");
    const char *const cells[] = {ctl_word_of(data, "name"),
                                 amount(data, "pending", "", pending, sizeof pending),
                                 wait,
                                 amount(data, "wanted", "", wanted, sizeof wanted),
                                 amount(data, "serving", "", serving, sizeof serving),
                                 amount(data, "occupying", "", occupying, sizeof occupying),
                                 amount(data, "leased", "", leased, sizeof leased),
                                 launch,
                                 state,
                                 age,
                                 ctl_word_of(data, "why")};
    table_add(table, style_of(state, stale), cells);
}

/* ---- order ---- */

static double rank(const json_t *data, const char *name)
{
    struct ctl_figure figure = ctl_figure_of(data, name);
    return figure.known ? figure.value : -1;
}

/* Longest wait first, then most pending, then by name. */
static int compare_lag(const void *a, const void *b)
{
    const json_t *x = *(const json_t *const *)a, *y = *(const json_t *const *)b;
    static const char *const keys[] = {"oldestWait", "pending"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        double p = rank(x, keys[i]), q = rank(y, keys[i]);
        if (p != q)
            return p < q ? 1 : -1;
    }
    const char *first = json_string_value(json_object_get(x, "name"));
    const char *second = json_string_value(json_object_get(y, "name"));
    return strcmp(first ? first : "", second ? second : "");
}

static void print_types(const struct view *view, int most)
{
    static const char *const heads[] = {"TYPE",   "PENDING",     "OLDEST", "WANTED", "SERVING", "OCCUPYING",
                                        "LEASED", "LAST LAUNCH", "STATE",  "AGE",    "WHY"};
    static const char *const units[] = {"", "tasks", "wait", "units", "units", "units", "units", "ago", "", "", ""};
    struct table table = {.columns = 11, .sides = "lrrrrrrrlrl"};
    const json_t *list = json_object_get(view->status, "types");
    size_t count = json_array_size(list), shown = most > 0 && (size_t)most < count ? (size_t)most : count;
    const json_t **order = calloc(count + 1, sizeof(json_t *));
    if (!order)
        abort();
    for (size_t i = 0; i < count; i++)
        order[i] = json_array_get(list, i);
    qsort(order, count, sizeof *order, compare_lag);
    table_add(&table, STYLE_HEAD, heads);
    table_add(&table, STYLE_HEAD, units);
    for (size_t i = 0; i < shown; i++)
        add_type(view, order[i], &table);
    table_print(&table, view->width, view->ctl->colour, view->out);
    if (shown < count)
        fprintf(view->out, "... and %zu more\n", count - shown);
    table_clear(&table);
    free(order);
}

void ctl_print_status(const struct ctl *ctl, const json_t *status, const struct ctl_screen *screen, FILE *out)
{
    struct view view = {.ctl = ctl, .status = status, .now = clock_wall().ms, .out = out, .width = screen->width};
    double interval = json_number_value(json_object_get(status, "statusInterval"));
    view.message_limit = (int64_t)(2 * 1000 * (interval > 0 ? interval : 5));
    view.demand_limit = limit_of(status, "maxDemandAge", view.message_limit);
    view.inventory_limit = limit_of(status, "maxInventoryAge", view.message_limit);
    if (is_older((int64_t)json_number_value(json_object_get(status, "asOf")), view.now, view.message_limit))
        view.demand_limit = view.inventory_limit = -1; /* the message is old: so is everything in it */
    print_head(&view);
    print_alarms(&view);
    fputc('\n', out);
    print_regions(&view);
    fputc('\n', out);
    print_types(&view, screen->rows);
}
