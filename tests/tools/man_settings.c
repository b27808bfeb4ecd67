/* SPDX-License-Identifier: MPL-2.0 */
/* man_settings.c: prints a settings table as a list in mdoc, for the man pages: tests/lib/man_pages.py puts it there.
 *   build/tools/man_settings daemon|type
 * Runs by hand and in a test, after a change of a table. Owns nothing. */
#include <stdio.h>
#include <string.h>

#include "common/settings.h"
#include "proto/config_table.h"
#include "proto/definition_parts.h"

/* mdoc reads a dot or an apostrophe at the start of a line and every backslash; sentences begin new lines there. */
static void print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == ' ' && (text[-1] == '.' || text[-1] == ';') && text[1])
            fputs(text[-1] == '.' ? "\n" : " ", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

static void print_choices(const struct setting *row)
{
    for (int i = 0; row->kind == SETTING_CHOICE && row->choices[i]; i++)
        printf("%s%s", i > 0 ? ", " : "One of: ", row->choices[i]);
    if (row->kind == SETTING_CHOICE)
        puts(".");
}

static void print_row(const struct setting *row, int with_reload)
{
    printf(".It Cm %s\n", row->name);
    print_text(row->help && *row->help ? row->help : "Not described.");
    print_choices(row);
    if (!row->fallback)
        puts("Must be given.");
    else if (*row->fallback)
        printf("Default: %s%s%s.\n", row->fallback, row->unit ? " " : "", row->unit ? row->unit : "");
    else
        puts("Default: none.");
    if (with_reload && !row->reloadable)
        puts("A change needs a restart.");
}

int main(int argc, char **argv)
{
    int daemon = argc == 2 && strcmp(argv[1], "daemon") == 0;

    if (!daemon && !(argc == 2 && strcmp(argv[1], "type") == 0)) {
        fputs("usage: man_settings daemon|type\n", stderr);
        return 2;
    }
    puts(".Bl -tag -width Ds");
    for (const struct setting *row = daemon ? config_table : definition_table; row->name; row++)
        print_row(row, daemon);
    puts(".El");
    return 0;
}
