/* SPDX-License-Identifier: MPL-2.0 */
/* control_backup.c: the command backup: begun at once, answered when the ledger's thread is done.
 * Runs in: supervisor, main thread. Whoever may use the control socket may make a new file where the daemon may write;
 * ledger_backup.c never replaces one. */
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/control.h"
#include "supervisor/events.h"

static int read_file(const char *argument, char *out, size_t size, struct error *err)
{
    static const char *const members[] = {"file", NULL};
    struct json_at at = json_at_root("argument");
    const char *file = "";

    json_t *document = json_read_text("argument", argument ? argument : "", argument ? strlen(argument) : 0, err);
    if (!document)
        return -1;
    int result = json_only_members(document, &at, members, err);
    if (result == 0)
        result = json_get_string(document, &at, "file", true, 1, size - 1, &file, err);
    if (result == 0)
        text_copy(out, size, file);
    json_decref(document);
    return result;
}

void control_backup(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    char file[512];
    struct error error;

    if (read_file(request->argument, file, sizeof file, &error) != 0 ||
        ledger_backup(supervisor->ledger, file, &error) != 0) {
        control_refuse(reply, "%s", error.text);
        return;
    }
    event_record(supervisor, "backup", NULL, NULL, "to %s, asked for by %s", file, request->who);
    reply->later = true;
}

void control_finish_backup(struct supervisor *supervisor)
{
    struct control_reply reply = {.ok = true};
    char problem[256];

    if (!ledger_backup_ended(supervisor->ledger, problem, sizeof problem))
        return;
    if (*problem)
        control_refuse(&reply, "no backup was made: %s", problem);
    else
        text_copy(reply.text, sizeof reply.text, "the ledger was copied");
    if (*problem)
        event_record(supervisor, "backup-failed", NULL, NULL, "%s", problem);
    control_answer(supervisor, supervisor->backup_peer, supervisor->backup_request, &reply);
}
