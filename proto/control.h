/* SPDX-License-Identifier: MPL-2.0 */
/* control.h: the operator's commands as C words, from control.def.
 * Runs in: supervisor (dispatch) and provisionctl (check before sending). Pure; owns nothing. */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

enum control_name { NAME_NONE, NAME_OPTIONAL, NAME_NEEDED };

enum control_command {
#define COMMAND(name, needs_name, argument, doc) CONTROL_##name,
#include "proto/control.def"
#undef COMMAND
    CONTROL_COMMAND_COUNT
};

struct control_row {
    const char *name;
    enum control_name needs_name;
    const char *argument; /* what `argument` may hold, "" for nothing */
    const char *doc;
};

/* The command's row, or NULL past the end. */
const struct control_row *control_row(enum control_command command);
/* The command of a name, or -1. */
int control_command_of(const char *name);

#endif
