/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun.h: `provisionctl dryrun`: the whole decision for a configuration that is not applied, beside the one that
 * runs. Runs in: supervisor, main thread. Owns nothing: the request is a judgement (judge.h). Changes nothing. */
#ifndef SUPERVISOR_DRYRUN_H
#define SUPERVISOR_DRYRUN_H

#include <jansson.h>

#include "proto/config.h"
#include "supervisor/control.h"

control_handler control_dryrun;

/* dryrun_settings.c */
/* The settings file of a configuration that is tried. NULL with *err; the caller frees it. */
struct config *dryrun_settings_read(const struct config *running, const json_t *document, struct error *err);
/* [{"name", "running", "new", "restart": true when a reload could not change it}]. New reference. */
json_t *dryrun_settings_differ(const struct config *running, const struct config *other);

#endif
