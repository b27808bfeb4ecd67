/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_status.c: the command `status`: everything as a table, or all figures of one type or region.
 * Runs in: provisionctl. Owns nothing. What watch shows first is the same table, see provisionctl_watch.c. */
#include <string.h>

#include "subscribers/provisionctl.h"

static const json_t *find_named(const json_t *list, const char *name)
{
    const json_t *element;
    size_t i;
    json_array_foreach(list, i, element)
    {
        const char *own = json_string_value(json_object_get(element, "name"));
        if (own && strcmp(own, name) == 0)
            return element;
    }
    return NULL;
}

static enum ctl_exit print_one(const struct ctl *ctl, const json_t *status)
{
    const json_t *type = find_named(json_object_get(status, "types"), ctl->name);
    const json_t *region = find_named(json_object_get(status, "regions"), ctl->name);
    struct error err;
    if (!type && !region) {
        error_set(&err, ERROR_REMOTE, "there is no workerType or region \"%s\"", ctl->name);
        return ctl_fail(CTL_REFUSED, &err);
    }
    ctl_print_all(type ? "type" : "region", type ? type : region, clock_wall().ms, stdout);
    return CTL_OK;
}

enum ctl_exit ctl_status(struct ctl *ctl)
{
    struct error err;
    json_t *status;
    struct ctl_screen screen = ctl_screen_size();
    enum ctl_exit code = ctl_ask_body(ctl, "status", "", &status, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    screen.rows = 0;
    if (ctl->json) {
        json_dumpf(status, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else if (ctl->name[0]) {
        code = print_one(ctl, status);
    } else {
        ctl_print_status(ctl, status, &screen, stdout);
    }
    json_decref(status);
    return code;
}
