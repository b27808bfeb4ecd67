/* SPDX-License-Identifier: MPL-2.0 */
/* control.c: control.def as a table. Runs in: supervisor and provisionctl. Pure; owns nothing. */
#include "proto/control.h"

#include <stddef.h>

static const struct control_row rows[] = {
#define COMMAND(name, needs_name, argument, doc) {#name, needs_name, argument, doc},
#include "proto/control.def"
#undef COMMAND
};

const struct control_row *control_row(enum control_command command)
{
    return (int)command >= 0 && command < CONTROL_COMMAND_COUNT ? &rows[command] : NULL;
}

/* People write dashes where C needs underscores. */
static int is_called(const char *row, const char *name)
{
    while (*row && (*row == *name || (*row == '_' && *name == '-'))) {
        row++;
        name++;
    }
    return *row == *name;
}

int control_command_of(const char *name)
{
    for (int i = 0; i < CONTROL_COMMAND_COUNT; i++) {
        if (is_called(rows[i].name, name))
            return i;
    }
    return -1;
}
