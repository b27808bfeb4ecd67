/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_change.c: priority TYPE N and caps NAME VALUE: the orders that carry a value.
 * Runs in: provisionctl. Checks only the form: ranges are the daemon's. */
#include <stdlib.h>

#include "common/json.h"
#include "subscribers/provisionctl.h"

/* As the daemon's file would have it: 5, 2.5, or "unlimited". New reference. */
static json_t *value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    if (json_is_number(value))
        return value;
    json_decref(value);
    return json_string(text);
}

static enum ctl_exit send_value(struct ctl *ctl, const char *command, const char *member, const char *text)
{
    json_t *document = json_pack("{s:o}", member, value_of(text));
    char *argument = document ? json_text(document) : NULL;
    struct error err;
    enum ctl_exit code = CTL_USAGE;

    if (argument)
        code = ctl_order(ctl, command, argument);
    else {
        error_set(&err, ERROR_USAGE, "%s %s: this is no value that can be sent", command, member);
        ctl_fail(code, &err);
    }
    free(argument);
    json_decref(document);
    return code;
}

enum ctl_exit ctl_priority(struct ctl *ctl)
{
    return send_value(ctl, "priority", "priority", ctl->second);
}

enum ctl_exit ctl_caps(struct ctl *ctl)
{
    const char *cap = ctl->name;

    ctl->name = "";
    return send_value(ctl, "caps", cap, ctl->second);
}
