/* SPDX-License-Identifier: MPL-2.0 */
/* decide.h: lays the whole state before the arbiter and carries out what it says.
 * Runs in: supervisor, main thread. Owns: the arrays of the arbiter's input, kept from step to step. */
#ifndef SUPERVISOR_DECIDE_H
#define SUPERVISOR_DECIDE_H

#include "supervisor/supervisor.h"

/* One arbitration, if anything changed or its deadline came. */
void decide_step(struct supervisor *supervisor);
void decide_destroy(struct decision **decision);

void decide_settings(const struct config *config, struct arbiter_settings *out);
/* What the arbiter would do with the state as it is now, without launch-rate limits; nothing is changed. *output's type
 * indices are decide_record()'s. The caller clears the output and destroys the result. */
struct decision *decide_forecast(struct supervisor *supervisor, struct arbiter_output *output);
struct type_record *decide_record(const struct decision *decision, size_t type);

/* A new bid of the type: takes over the message's lots. */
void decide_take_bid(struct supervisor *supervisor, struct type_record *type, struct proto_BID *bid);
/* Bids of types that missed two ticks lapse. */
void decide_lapse(struct supervisor *supervisor);
/* Why nothing may be granted in a region; DENIED_NOT when it may. */
enum denial decide_region_closed(const struct supervisor *supervisor, const char *region);
/* The operator's, else the definition's. */
int64_t decide_priority(const struct type_record *type);
/* True while grants stop because of the ledger: a commit that fails, or an unknown spend under a daily cap. */
bool decide_ledger_stopped(const struct supervisor *supervisor);
/* Totals as of now: counts only after changes. */
void decide_count(struct supervisor *supervisor);
/* What all leases and instances commit, per hour. */
struct money decide_committed(const struct supervisor *supervisor);

#endif
