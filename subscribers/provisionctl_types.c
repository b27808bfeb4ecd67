/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_types.c: the table of workerTypes, the one whose oldest task has waited longest first. Every row has its
 * age, and old rows say so in a word, since colours may be off (case B59: a display showed 783 instances while 2,217
 * ran). Where the terminal is narrow, columns that matter least are left out. Runs in: provisionctl. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/words.h"
#include "subscribers/provisionctl_screen.h"

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

static void add_type(const struct view *view, const json_t *data, bool marked, struct table *table)
{
    char name[NAME_SIZE + 4], pending[32], wait[32], wanted[32], serving[32], occupying[32], leased[32], launch[48],
        age[48];
    struct ctl_figure last = ctl_figure_of(data, "lastLaunch"), waiting = ctl_figure_of(data, "pending");
    const char *state = ctl_word_of(data, "state");
    bool stale = view_is_older(waiting.as_of, view->now, view->demand_limit) ||
                 view_is_older(ctl_figure_of(data, "serving").as_of, view->now, view->inventory_limit);
    view_age_cell(row_as_of(data), stale, view->now, age, sizeof age);
    duration_cell(ctl_figure_of(data, "oldestWait"), waiting.known && waiting.value == 0 ? "-" : "?", wait,
                  sizeof wait);
    if (last.known)
        ctl_age((int64_t)last.value, view->now, launch, sizeof launch);
    else
        text_copy(launch, sizeof launch, "-");
    text_format(name, sizeof name, "%s%s",
                !view->screen->selected ? ""
                : marked                ? "> "
                                        : "  ",
                ctl_word_of(data, "name"));
    const char *const cells[] = {name,
                                 view_amount(data, "pending", "", pending, sizeof pending),
                                 wait,
                                 view_amount(data, "wanted", "", wanted, sizeof wanted),
                                 view_amount(data, "serving", "", serving, sizeof serving),
                                 view_amount(data, "occupying", "", occupying, sizeof occupying),
                                 view_amount(data, "leased", "", leased, sizeof leased),
                                 launch,
                                 state,
                                 age,
                                 ctl_word_of(data, "why")};
    table_add(table, marked ? STYLE_MARKED : view_style(state, stale), cells);
}

/* ---- order ---- */

static double rank(const json_t *data, const char *name)
{
    struct ctl_figure figure = ctl_figure_of(data, name);
    return figure.known ? figure.value : -1;
}

/* The greater first by two figures, then by name. */
static int compare_by(const json_t *x, const json_t *y, const char *first, const char *second)
{
    const char *const keys[] = {first, second};
    for (size_t i = 0; i < 2; i++) {
        double p = keys[i] ? rank(x, keys[i]) : 0, q = keys[i] ? rank(y, keys[i]) : 0;
        if (p != q)
            return p < q ? 1 : -1;
    }
    const char *a = json_string_value(json_object_get(x, "name"));
    const char *b = json_string_value(json_object_get(y, "name"));
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_lag(const void *a, const void *b)
{
    return compare_by(*(const json_t *const *)a, *(const json_t *const *)b, "oldestWait", "pending");
}

static int compare_pending(const void *a, const void *b)
{
    return compare_by(*(const json_t *const *)a, *(const json_t *const *)b, "pending", "oldestWait");
}

static int compare_units(const void *a, const void *b)
{
    return compare_by(*(const json_t *const *)a, *(const json_t *const *)b, "occupying", "pending");
}

static int compare_name(const void *a, const void *b)
{
    return compare_by(*(const json_t *const *)a, *(const json_t *const *)b, NULL, NULL);
}

const json_t **ctl_order_types(const json_t *status, enum ctl_order order, size_t *count)
{
    static int (*const compare[ORDER_COUNT])(const void *, const void *) = {[ORDER_LAG] = compare_lag,
                                                                            [ORDER_PENDING] = compare_pending,
                                                                            [ORDER_UNITS] = compare_units,
                                                                            [ORDER_NAME] = compare_name};
    const json_t *list = json_object_get(status, "types");
    const json_t **types = calloc(json_array_size(list) + 1, sizeof(json_t *));
    if (!types)
        abort();
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++)
        types[i] = json_array_get(list, i);
    qsort(types, *count, sizeof *types, compare[order]);
    return types;
}

/* ---- the table ---- */

static size_t find_selected(const json_t **types, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++) {
        const char *own = json_string_value(json_object_get(types[i], "name"));
        if (own && strcmp(own, name) == 0)
            return i;
    }
    return 0;
}

static void add_heads(struct table *table)
{
    static const char *const heads[] = {"TYPE",   "PENDING",     "OLDEST", "WANTED", "SERVING", "OCCUPYING",
                                        "LEASED", "LAST LAUNCH", "STATE",  "AGE",    "WHY"};
    static const char *const units[] = {"", "tasks", "wait", "units", "units", "units", "units", "ago", "", "", ""};
    table_add(table, STYLE_HEAD, heads);
    table_add(table, STYLE_HEAD, units);
}

void view_print_types(const struct view *view, int lines)
{
    struct table table = {.columns = 11, .sides = "lrrrrrrrlrl", .drops = "00060789000", .last_least = 12};
    const char *selected = view->screen->selected;
    size_t count, room = lines > 4 ? (size_t)lines - 3 : 1; /* two heads, and the line that says how many are left */
    const json_t **types = ctl_order_types(view->status, view->screen->order, &count);
    size_t shown = lines > 0 && room < count ? room : count, at = find_selected(types, count, selected);
    size_t first = at < shown ? 0 : at - shown + 1;
    add_heads(&table);
    for (size_t i = first; i < first + shown; i++)
        add_type(view, types[i], selected && i == at, &table);
    table_print(&table, view->screen->width, view->ctl->colour, view->out);
    if (first > 0)
        fprintf(view->out, "... %zu before, %zu more\n", first, count - first - shown);
    else if (shown < count)
        fprintf(view->out, "... and %zu more\n", count - shown);
    table_clear(&table);
    free(types);
}
