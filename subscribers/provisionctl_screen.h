/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_screen.h: what the two halves of the status screen share: provisionctl_screen.c (totals, alarms,
 * regions) and provisionctl_types.c. Runs in: provisionctl. Owns nothing. */
#ifndef SUBSCRIBERS_PROVISIONCTL_SCREEN_H
#define SUBSCRIBERS_PROVISIONCTL_SCREEN_H

#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_table.h"

struct view {
    const struct ctl *ctl;
    const json_t *status;
    const struct ctl_screen *screen;
    int64_t now;
    int64_t demand_limit, inventory_limit, message_limit; /* ms */
    FILE *out;
};

/* A figure as text, "?" if it is not known; form "$": dollars. Returns `out`. */
const char *view_amount(const json_t *data, const char *name, const char *form, char *out, size_t size);
bool view_is_older(int64_t as_of, int64_t now, int64_t limit);
/* The age, and STALE where it is. */
void view_age_cell(int64_t as_of, bool stale, int64_t now, char *out, size_t size);
enum table_style view_style(const char *state, bool stale);

/* In so many lines at most; 0: all types. */
void view_print_types(const struct view *view, int lines);

#endif
