/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_table.c: aligned columns with optional colours.
 * Runs in: provisionctl. Knows nothing of status; owns the copies of the cells. */
#include "subscribers/provisionctl_table.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2

static const char *const styles[STYLE_COUNT] = {
    [STYLE_PLAIN] = "",       [STYLE_HEAD] = "\033[1m",  [STYLE_GOOD] = "\033[32m", [STYLE_CARE] = "\033[33m",
    [STYLE_BAD] = "\033[31m", [STYLE_STALE] = "\033[2m", [STYLE_MARKED] = "\033[7m"};

const char *style_begin(enum table_style style, bool colour)
{
    return colour ? styles[style] : "";
}

const char *style_end(enum table_style style, bool colour)
{
    return colour && styles[style][0] ? "\033[0m" : "";
}

int text_width(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void print_cut(const char *text, int width, FILE *out)
{
    if (width <= 0 || text_width(text) <= width) {
        fputs(text, out);
        return;
    }
    int shown = 0;
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80 && shown++ == width - 1)
            break;
        fputc(*text, out);
    }
    fputs("\xe2\x80\xa6", out);
}

void table_add(struct table *table, enum table_style style, const char *const *cells)
{
    struct table_row *rows = realloc(table->rows, (table->count + 1) * sizeof *rows);
    if (!rows)
        abort();
    table->rows = rows;
    struct table_row *row = &rows[table->count++];
    memset(row, 0, sizeof *row);
    row->style = style;
    for (size_t i = 0; i < table->columns; i++) {
        row->cells[i] = strdup(cells[i] ? cells[i] : "");
        if (!row->cells[i])
            abort();
    }
}

static void measure(const struct table *table, int *widths)
{
    for (size_t i = 0; i < table->columns; i++) {
        widths[i] = 0;
        for (size_t j = 0; j < table->count; j++) {
            int width = text_width(table->rows[j].cells[i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
}

/* A width of -1 is a column that is not shown. The last column is what is left, so it counts with its least width. */
static void drop_columns(const struct table *table, int *widths, int width)
{
    for (char rank = '9'; table->drops && rank > '0'; rank--) {
        int whole = 0;
        for (size_t i = 0; i < table->columns; i++) {
            bool is_last = i + 1 == table->columns;
            int own = is_last && table->last_least < widths[i] ? table->last_least : widths[i];
            whole += widths[i] < 0 ? 0 : own + (is_last ? 0 : GAP);
        }
        for (size_t i = 0; whole > width && i < table->columns; i++) {
            if (table->drops[i] == rank)
                widths[i] = -1;
        }
    }
}

static void print_blanks(int count, FILE *out)
{
    for (int i = 0; i < count; i++)
        fputc(' ', out);
}

/* Blanks are held back until something follows them, so that lines have none at their end. */
static void print_row(const struct table *table, const struct table_row *row, const int *widths, FILE *out)
{
    int blanks = 0;
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = row->cells[i];
        int own = text_width(cell), room = widths[i];
        int before = table->sides[i] == 'r' ? room - own : 0;
        if (room < 0)
            continue;
        if (own > 0) {
            print_blanks(blanks + before, out);
            fputs(cell, out);
            blanks = room - own - before + GAP;
        } else {
            blanks += room + GAP;
        }
    }
}

void table_print(const struct table *table, int width, bool colour, FILE *out)
{
    int widths[TABLE_COLUMNS];
    measure(table, widths);
    if (width > 0)
        drop_columns(table, widths, width);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_row *row = &table->rows[i];
        char *line = NULL;
        size_t size = 0;
        FILE *text = open_memstream(&line, &size);
        if (!text)
            abort();
        print_row(table, row, widths, text);
        fclose(text);
        fputs(style_begin(row->style, colour), out);
        print_cut(line, width, out);
        fputs(style_end(row->style, colour), out);
        fputc('\n', out);
        free(line);
    }
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        for (size_t j = 0; j < table->columns; j++)
            free(table->rows[i].cells[j]);
    }
    free(table->rows);
    table->rows = NULL;
    table->count = 0;
}
