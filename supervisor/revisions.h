/* SPDX-License-Identifier: MPL-2.0 */
/* revisions.h: every definition and AMI set that was ever applied, and going back to one: a rollback pins a revision
 * until it is unpinned, whatever the file says.
 * Runs in: supervisor, main thread. Owns: pins in the type records. Nothing here changes a revision. */
#ifndef SUPERVISOR_REVISIONS_H
#define SUPERVISOR_REVISIONS_H

#include <jansson.h>

#include "supervisor/control.h"
#include "supervisor/supervisor.h"

control_handler control_history, control_show, control_rollback, control_unpin;

/* The definition of a revision, as it was. NULL with *err. */
struct definition *revisions_definition(struct supervisor *supervisor, const char *type, int64_t revision, bool *forced,
                                        struct error *err);
/* Adds the images of a type's last revisions to a list of {region, image, from}. */
void revisions_add_images(struct supervisor *supervisor, const char *type, json_t *list);
/* "set:NAME" -> NAME, else NULL. */
const char *revisions_set_name(const char *name);

#endif
