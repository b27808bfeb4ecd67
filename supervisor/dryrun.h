/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun.h: `provisionctl dryrun`: the whole decision for a configuration that is not applied, beside the one that
 * runs. Runs in: supervisor, main thread. Owns nothing: the request is a judgement (judge.h). Changes nothing. */
#ifndef SUPERVISOR_DRYRUN_H
#define SUPERVISOR_DRYRUN_H

#include "supervisor/control.h"

control_handler control_dryrun;

#endif
