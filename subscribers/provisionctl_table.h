/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_table.h: rows of cells, printed in aligned columns; the last column takes the rest of the width.
 * Runs in: provisionctl. Owns: copies of all cells until table_clear. */
#ifndef SUBSCRIBERS_PROVISIONCTL_TABLE_H
#define SUBSCRIBERS_PROVISIONCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 16

enum table_style { STYLE_PLAIN, STYLE_HEAD, STYLE_GOOD, STYLE_CARE, STYLE_BAD, STYLE_STALE, STYLE_MARKED, STYLE_COUNT };

struct table_row {
    enum table_style style;
    char *cells[TABLE_COLUMNS];
};

struct table {
    size_t columns;
    const char *sides; /* one character a column: 'l' left, 'r' right */
    const char *drops; /* where the width is small: '9' goes first, '0' never; NULL: all stay */
    int last_least;    /* the last column is worth so much before columns are dropped */
    struct table_row *rows;
    size_t count;
};

/* Copies `columns` cells; NULL is an empty one. */
void table_add(struct table *table, enum table_style style, const char *const *cells);
/* `width` 0: lines as long as they are; else none is longer. Trailing blanks are never printed. */
void table_print(const struct table *table, int width, bool colour, FILE *out);
void table_clear(struct table *table);

/* The escape sequence that starts a style, "" without colours; style_end ends it. */
const char *style_begin(enum table_style style, bool colour);
const char *style_end(enum table_style style, bool colour);
/* Prints at most `width` characters of UTF-8 text, with an ellipsis where it was cut; 0: all. */
void print_cut(const char *text, int width, FILE *out);
/* Characters of UTF-8 text, which is what a terminal's columns are for our texts. */
int text_width(const char *text);

#endif
