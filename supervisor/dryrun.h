/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun.h: `provisionctl dryrun`: the whole decision for a configuration that is not applied, beside the one that
 * runs. Runs in: supervisor, main thread. Owns nothing: the request is a judgement (judge.h). Changes nothing. */
#ifndef SUPERVISOR_DRYRUN_H
#define SUPERVISOR_DRYRUN_H

#include <jansson.h>

#include "proto/config.h"
#include "supervisor/control.h"

control_handler control_dryrun;

struct judgement;

/* dryrun_definitions.c: add parts to the judgement, of one type only where `only` names it. -1 with *err. */
/* The daemon's own files: all that differs from what runs, and what would end. */
int dryrun_add_files(struct supervisor *supervisor, struct judgement *judgement, const char *only, struct error *err);
/* {"documents", "sets", "settings"}: without settings, the documents and what runs and is touched by the sets. */
int dryrun_add_documents(struct supervisor *supervisor, struct judgement *judgement, const json_t *argument,
                         const char *only, struct error *err);

/* dryrun_settings.c */
/* The settings file of a configuration that is tried. NULL with *err; the caller frees it. */
struct config *dryrun_settings_read(const struct config *running, const json_t *document, struct error *err);
/* [{"name", "running", "new", "restart": true when a reload could not change it}]. New reference. */
json_t *dryrun_settings_differ(const struct config *running, const struct config *other);

#endif
