/* SPDX-License-Identifier: MPL-2.0 */
/* apply.h: `provisionctl apply`: a definition or an AMI set is looked at by the workers of the types that it touches,
 * written to its file, and only then live.
 * Runs in: supervisor, main thread. Owns nothing: the request is a judgement (judge.h). */
#ifndef SUPERVISOR_APPLY_H
#define SUPERVISOR_APPLY_H

#include <jansson.h>

#include "supervisor/control.h"

control_handler control_apply, control_preflight;

/* The same for a set's document that is at hand; the request's name is "set:NAME". */
void apply_set(struct supervisor *supervisor, const struct proto_CONTROL *request, struct control_reply *reply,
               const json_t *document, bool force);

#endif
