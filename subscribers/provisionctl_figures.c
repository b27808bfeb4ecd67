/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_figures.c: figures and words of the status as text; unknown is "?", never 0 (case B59).
 * Runs in: provisionctl. Owns nothing. Names, units and order come from proto/status.def. */
#include <math.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_table.h"

struct status_row {
    const char *topic, *name, *unit; /* unit NULL: a word */
};

static const struct status_row rows[] = {
#define FIGURE(topic, name, unit, doc) {#topic, #name, unit},
#define WORD(topic, name, doc) {#topic, #name, NULL},
#include "proto/status.def"
#undef FIGURE
#undef WORD
};

struct ctl_figure ctl_figure_of(const json_t *data, const char *name)
{
    struct ctl_figure figure = {0};
    const json_t *object = json_object_get(data, name);
    const json_t *value = json_object_get(object, "value");
    figure.known = json_is_number(value);
    figure.value = json_number_value(value);
    figure.as_of = (int64_t)json_number_value(json_object_get(object, "asOf"));
    return figure;
}

const char *ctl_word_of(const json_t *object, const char *name)
{
    static char ring[8][1024];
    static int next;
    char *out = ring[next++ % 8];
    const json_t *value = json_object_get(object, name);
    text_copy(out, sizeof ring[0], json_is_string(value) ? json_string_value(value) : "");
    for (char *c = out; *c; c++) {
        /* U+0080 to U+009F are control characters, too; in UTF-8 they are C2 80 to C2 9F. */
        bool is_c1 = (unsigned char)c[0] == 0xc2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] <= 0x9f;
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
        if (is_c1)
            c[0] = c[1] = ' ';
    }
    return out;
}

void ctl_age(int64_t as_of, int64_t now, char *out, size_t size)
{
    if (as_of <= 0)
        text_copy(out, size, "?");
    else
        span_format_short(SPAN_MS(now > as_of ? now - as_of : 0), out, size);
}

void ctl_print_wrapped(const char *text, int width, FILE *out)
{
    int column = 0;
    while (*text) {
        char word[256];
        size_t length = strcspn(text, " ");
        text_format(word, sizeof word, "%.*s", (int)length, text);
        int own = text_width(word);
        bool starts = column == 0 || (width > 0 && column + 1 + own > width);
        fprintf(out, "%s%s", column == 0 ? "" : starts ? "\n" : " ", word);
        column = starts ? own : column + 1 + own;
        text += length + strspn(text + length, " ");
    }
    fputc('\n', out);
}

static void print_value(const struct ctl_figure *figure, const char *unit, int64_t now, char *out, size_t size)
{
    char age[32], when[64];
    if (!figure->known) {
        text_copy(out, size, "?");
    } else if (strcmp(unit, "milliseconds UTC") == 0) {
        wall_format((struct wall){(int64_t)figure->value}, when, sizeof when);
        ctl_age((int64_t)figure->value, now, age, sizeof age);
        text_format(out, size, "%s (%s ago)", when, age);
    } else if (strncmp(unit, "dollars", 7) == 0) {
        text_format(out, size, "%.2f %s", figure->value, unit);
    } else if (figure->value == floor(figure->value)) {
        text_format(out, size, "%.0f %s", figure->value, unit);
    } else {
        text_format(out, size, "%.1f %s", figure->value, unit);
    }
}

void ctl_print_all(const char *topic, const json_t *data, int64_t now, FILE *out)
{
    struct table table = {.columns = 3, .sides = "lll"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char value[160], age[32] = "", ago[40] = "";
        if (strcmp(rows[i].topic, topic) != 0)
            continue;
        if (!rows[i].unit) {
            const char *const cells[] = {rows[i].name, ctl_word_of(data, rows[i].name), ""};
            table_add(&table, STYLE_PLAIN, cells);
            continue;
        }
        struct ctl_figure figure = ctl_figure_of(data, rows[i].name);
        print_value(&figure, rows[i].unit, now, value, sizeof value);
        if (figure.as_of > 0) {
            ctl_age(figure.as_of, now, age, sizeof age);
            text_format(ago, sizeof ago, "%s ago", age);
        }
        const char *const cells[] = {rows[i].name, value, ago};
        table_add(&table, STYLE_PLAIN, cells);
    }
    table_print(&table, 0, false, out);
    table_clear(&table);
}
