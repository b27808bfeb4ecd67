/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_backup.c: backup FILE: the daemon makes the copy, so FILE is a path as the daemon sees it; a relative
 * one counts from the operator's directory. Runs in: provisionctl. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define COPY_TAKES 12 /* times the limit of an ordinary answer */

static int absolute_path(const char *name, char *out, size_t size)
{
    char directory[PATH_MAX];

    if (*name == '/')
        return text_copy(out, size, name);
    return getcwd(directory, sizeof directory) ? text_format(out, size, "%s/%s", directory, name) : -1;
}

enum ctl_exit ctl_backup(struct ctl *ctl)
{
    char path[PATH_MAX + 300];
    struct message answer;
    struct error err;

    if (absolute_path(ctl->name, path, sizeof path) != 0) {
        error_set(&err, ERROR_USAGE, "the path of %s cannot be told", ctl->name);
        return ctl_fail(CTL_USAGE, &err);
    }
    json_t *document = json_pack("{s:s}", "file", path);
    char *argument = json_text(document);
    ctl->name = "";
    ctl->timeout = span_scale(ctl->timeout, COPY_TAKES);
    enum ctl_exit code = ctl_ask(ctl, "backup", argument ? argument : "", &answer, &err);
    free(argument);
    json_decref(document);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    if (answer.as.ANSWER.ok && !ctl->json)
        printf("%s: ", path);
    return ctl_print_answer(ctl, &answer);
}
