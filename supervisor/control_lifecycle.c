/* SPDX-License-Identifier: MPL-2.0 */
/* control_lifecycle.c: what operators end: one instance, or all of a type. An operator's order has no brake: it names
 * what it ends. The region worker reads the tags anew all the same. Runs in: supervisor, main thread. See control.h. */
#include <string.h>

#include "common/text.h"
#include "supervisor/control.h"
#include "supervisor/events.h"
#include "supervisor/terminate.h"

/* Also of a type that is no longer defined: this is how its instances are ended (DESIGN section 11). */
void control_retire(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct type_record *type = supervisor_type(supervisor, request->name);
    char key[NAME_SIZE + 8];

    if (!type) {
        control_refuse(reply, "there is no workerType %s", request->name);
        return;
    }
    reply->ticket = ledger_ticket(supervisor->ledger);
    text_format(key, sizeof key, "pause:%s", type->name);
    ledger_put_meta(supervisor->ledger, key, request->who);
    text_format(key, sizeof key, "retire:%s", type->name);
    ledger_put_meta(supervisor->ledger, key, request->who);
    type->paused = type->retired = true;
    type->dirty = true;
    supervisor->arbiter_due = true;
    event_record(supervisor, "retired", type->name, NULL, "by %s", request->who);
    size_t ordered = 0;
    for (size_t i = 0; i < supervisor->region_count; i++)
        ordered += terminate_retired(supervisor, supervisor->regions[i]);
    text_format(reply->text, sizeof reply->text,
                "%s launches nothing any more; %zu instances are being terminated, others as they are listed",
                type->name, ordered);
}

void control_terminate(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply)
{
    struct instance *instance = fleet_instance(supervisor->fleet, request->name);
    struct error error;

    if (!instance) {
        control_refuse(reply, "no instance %s is known", request->name);
        return;
    }
    reply->ticket = ledger_ticket(supervisor->ledger);
    if (terminate_ordered(supervisor, instance, request->who, &error) != 0)
        control_refuse(reply, "%s", error.text);
    else
        text_format(reply->text, sizeof reply->text, "%s is being terminated", instance->id);
}
