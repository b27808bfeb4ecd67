/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_explain.c: the command `explain TYPE`: one sentence, then what it rests on: the figures with their ages,
 * what it asks for, which caps or breakers cut it, what would lift them, and the open leases.
 * Runs in: provisionctl. Owns nothing. The shapes are in docs/STATUS.md. */
#include <inttypes.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_pages.h"
#include "subscribers/provisionctl_table.h"

/* One member of an element of a list as a cell. */
struct column {
    const char *head, *member;
    char side;
    enum { AS_TEXT, AS_NUMBER, AS_DOLLARS, AS_AGE, AS_UNTIL, AS_SECONDS } form;
};

static const struct column lot_columns[] = {{"REGION", "region", 'l', AS_TEXT},
                                            {"ZONE", "zone", 'l', AS_TEXT},
                                            {"INSTANCE TYPE", "instanceType", 'l', AS_TEXT},
                                            {"MARKET", "market", 'l', AS_TEXT},
                                            {"INSTANCES", "count", 'r', AS_NUMBER},
                                            {"UNITS EACH", "capacity", 'r', AS_NUMBER},
                                            {"PER HOUR AT MOST", "maxPrice", 'r', AS_DOLLARS},
                                            {NULL, NULL, 0, AS_TEXT}};
static const struct column denial_columns[] = {
    {"BY", "by", 'l', AS_TEXT},          {"PLACEMENT", "placement", 'l', AS_TEXT},
    {"ASKED", "wanted", 'r', AS_NUMBER}, {"GRANTED", "granted", 'r', AS_NUMBER},
    {"TIMES", "times", 'r', AS_NUMBER},  {"SINCE", "since", 'r', AS_AGE},
    {"LAST", "at", 'r', AS_AGE},         {NULL, NULL, 0, AS_TEXT}};
static const struct column breaker_columns[] = {
    {"SCOPE", "scope", 'l', AS_TEXT}, {"CLASS", "failure", 'l', AS_TEXT},   {"CODE", "code", 'l', AS_TEXT},
    {"STATE", "state", 'l', AS_TEXT}, {"TRIED IN", "until", 'r', AS_UNTIL}, {"LIFTED BY", "liftedBy", 'l', AS_TEXT},
    {NULL, NULL, 0, AS_TEXT}};
static const struct column lease_columns[] = {
    {"GRANT", "grant", 'r', AS_NUMBER},     {"PLACEMENT", "placement", 'l', AS_TEXT},
    {"INSTANCES", "count", 'r', AS_NUMBER}, {"STATE", "state", 'l', AS_TEXT},
    {"AGE", "age_s", 'r', AS_SECONDS},      {NULL, NULL, 0, AS_TEXT}};

static void fill_cell(const struct column *column, const json_t *element, int64_t now, char *out, size_t size)
{
    const json_t *value = json_object_get(element, column->member);
    double number = json_number_value(value);
    if (column->form == AS_TEXT) {
        text_copy(out, size, ctl_word_of(element, column->member));
    } else if (!json_is_number(value)) {
        text_copy(out, size,
                  column->form == AS_DOLLARS && json_is_string(value) ? ctl_word_of(element, column->member) : "-");
    } else if (column->form == AS_NUMBER) {
        text_format(out, size, "%.0f", number);
    } else if (column->form == AS_DOLLARS) {
        text_format(out, size, "$%.4f", number);
    } else if (column->form == AS_AGE) {
        ctl_age((int64_t)number, now, out, size);
    } else {
        int64_t ms = column->form == AS_UNTIL ? (int64_t)number - now : (int64_t)(number * 1000);
        span_format_short(SPAN_MS(ms > 0 ? ms : 0), out, size);
    }
}

static void print_list(const char *title, const json_t *list, const struct column *columns, int64_t now, FILE *out)
{
    char cells[TABLE_COLUMNS][300], sides[TABLE_COLUMNS];
    const char *pointers[TABLE_COLUMNS];
    struct table table = {.sides = sides};
    const json_t *element;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    for (; columns[table.columns].head; table.columns++) {
        sides[table.columns] = columns[table.columns].side;
        pointers[table.columns] = columns[table.columns].head;
    }
    table_add(&table, STYLE_HEAD, pointers);
    json_array_foreach(list, i, element)
    {
        for (size_t j = 0; j < table.columns; j++) {
            fill_cell(&columns[j], element, now, cells[j], sizeof cells[j]);
            pointers[j] = cells[j];
        }
        table_add(&table, STYLE_PLAIN, pointers);
    }
    fprintf(out, "\n%s\n", title);
    table_print(&table, 0, false, out);
    table_clear(&table);
}

void ctl_print_explanation(const json_t *body, int width, FILE *out)
{
    int64_t now = clock_wall().ms, as_of = (int64_t)json_number_value(json_object_get(body, "asOf"));
    char age[32];
    ctl_age(as_of, now, age, sizeof age);
    ctl_print_wrapped(ctl_word_of(body, "sentence"), width, out);
    fprintf(out, "\n%s: %s, as of %s ago\n", ctl_word_of(body, "type"), ctl_word_of(body, "reason"), age);
    print_list("It asks for, in this order:", json_object_get(body, "lots"), lot_columns, now, out);
    print_list("Cut or refused:", json_object_get(body, "denials"), denial_columns, now, out);
    print_list("Breakers in the way:", json_object_get(body, "breakers"), breaker_columns, now, out);
    print_list("Open leases:", json_object_get(body, "leases"), lease_columns, now, out);
    fprintf(out, "\nFigures:\n");
    ctl_print_all("type", json_object_get(body, "data"), now, out);
}

enum ctl_exit ctl_explain(struct ctl *ctl)
{
    struct error err;
    json_t *body;
    enum ctl_exit code = ctl_ask_body(ctl, "explain", "", &body, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    if (ctl->json) {
        json_dumpf(body, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else {
        ctl_print_explanation(body, ctl_screen_size().width, stdout);
    }
    json_decref(body);
    return CTL_OK;
}
