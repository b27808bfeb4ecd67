/* SPDX-License-Identifier: MPL-2.0 */
/* spend.h: keeps the day's account: what runs is counted into it, days begin and end, the ledger keeps it.
 * Runs in: supervisor, main thread. Owns: supervisor->day. The arithmetic is budget.c's, the day's bounds common/day's.
 */
#ifndef SUPERVISOR_SPEND_H
#define SUPERVISOR_SPEND_H

#include "supervisor/supervisor.h"

/* Today's account begins, or the ledger's goes on (day->ends is 0: there is none). */
void spend_begin(struct supervisor *supervisor);
/* An instance was found that nobody knew: what it cost today is spent. */
void spend_catch_up(struct supervisor *supervisor, const struct instance *instance);
/* Every few seconds. */
void spend_accrue(struct supervisor *supervisor);
struct mono spend_deadline(const struct supervisor *supervisor);
/* For qsort: by zone and instance type, as spend.c looks for them. */
int spend_compare_prices(const void *a, const void *b);

#endif
