/* SPDX-License-Identifier: MPL-2.0 */
/* decide_journal.h: with the setting `journal` every arbitration goes into files, with all that it was decided on, so
 * that provisionctl replay can run it again. All that moves the arbiter's memory goes through here.
 * Runs in: supervisor, main thread; a thread of its own writes (common/journal.h). Owns: supervisor->decisions. */
#ifndef SUPERVISOR_DECIDE_JOURNAL_H
#define SUPERVISOR_DECIDE_JOURNAL_H

#include "supervisor/supervisor.h"

/* arbiter_step, in the journal. */
void decide_arbitrate(struct supervisor *supervisor, const struct arbiter_input *input, struct arbiter_output *output);
/* arbiter_returned, arbiter_rate_limited and arbiter_spare_call, in the journal. */
void decide_returned(struct supervisor *supervisor, const char *region, int64_t calls, int64_t instances);
void decide_rate_limited(struct supervisor *supervisor, const char *region);
bool decide_spare_call(struct supervisor *supervisor, const char *region);
/* At the end: writes what is queued, for at most two seconds. */
void decide_journal_close(struct supervisor *supervisor);

#endif
