/* SPDX-License-Identifier: MPL-2.0 */
/* control.h: operators' requests: one ROUTER socket, one handler a command of proto/control.def.
 * Runs in: supervisor, main thread. Owns: the control socket's use. Whoever may open the socket may ask: its rights are
 * those of the directory's group. "Who" is what the asker claims. A bad request is answered or dropped, never fatal. */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <jansson.h>

#include "supervisor/supervisor.h"

/* Takes what is there, a bounded number; true when there may be more. */
bool control_drain(struct supervisor *supervisor);
/* Sends the answers that waited for the ledger: what an operator was told must outlive a crash. */
void control_send_committed(struct supervisor *supervisor);
void control_forget(struct supervisor *supervisor);

/* What a handler fills; the body's reference is taken over. */
struct control_reply {
    bool ok;
    uint64_t ticket; /* the ledger must have acknowledged this one before the answer leaves; 0: at once */
    char text[1024];
    json_t *body;
    bool later;       /* the answer comes when the work is done: control_finish_backup */
    const char *peer; /* who asked */
    bool deferred;    /* the answer comes later, from judge.c */
};
typedef void control_handler(struct supervisor *supervisor, const struct proto_CONTROL *request,
                             struct control_reply *reply);
control_handler control_explain; /* explain.c */
control_handler control_backup;  /* control_backup.c */
/* control_change.c: what operators change while the daemon runs. */
control_handler control_priority, control_caps, control_freeze, control_thaw, control_lift, control_trust;
control_handler control_settle, control_budget, control_assume_empty;
control_handler control_retire, control_terminate; /* control_lifecycle.c */
/* The defined type that a request names, or NULL and a refusal. */
struct type_record *control_type(struct supervisor *supervisor, const struct proto_CONTROL *request,
                                 struct control_reply *reply);
/* Answers who asked for a backup, when it is done. */
void control_finish_backup(struct supervisor *supervisor);
void control_answer(struct supervisor *supervisor, const char *peer, int64_t id, const struct control_reply *reply);
int control_refuse(struct control_reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
