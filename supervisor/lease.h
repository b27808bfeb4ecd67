/* SPDX-License-Identifier: MPL-2.0 */
/* lease.h: what becomes of grants: committed, sent, renewed, answered, over; and what follows for the ledger, the
 * breakers, the launch rate, the figures and the events.
 * Runs in: supervisor, main thread. The rules themselves are fleet.c's; this carries the consequences. */
#ifndef SUPERVISOR_LEASE_H
#define SUPERVISOR_LEASE_H

#include "supervisor/supervisor.h"

/* The one seam between deciding and sending. The chaos test's control build is wrong here on purpose: it writes the row
 * when the answer is there, and the checker must find the launches that a crash in between has made nobody's. */
#ifdef COMMIT_AFTER_SENDING
#define COMMITS_FIRST false
#else
#define COMMITS_FIRST true
#endif

/* A fleet_teller with the supervisor as its context: for everything that fleet.c finds out. */
void lease_take_fact(void *supervisor, const struct fleet_fact *fact);

/* A decided grant: into the fleet and the ledger. It leaves when the ledger has acknowledged it. */
struct lease *lease_decide(struct supervisor *supervisor, struct type_record *type, const struct proto_LOT *lot,
                           int64_t count);
/* Sends the grants whose commit has come; withdraws those whose worker or time has gone. */
void lease_send_committed(struct supervisor *supervisor);
/* RESULT. -1: it spoke of another type's grant. */
int lease_take_result(struct supervisor *supervisor, struct type_record *type, const struct proto_RESULT *result,
                      int64_t generation);
/* RENEW: the same lease anew, if that may be. */
void lease_renew(struct supervisor *supervisor, struct type_record *type, int64_t grant);
/* A type's or region's process was reaped. */
void lease_type_worker_gone(struct supervisor *supervisor, struct type_record *type);
void lease_region_worker_gone(struct supervisor *supervisor, struct region_record *region);
/* Kills workers that say nothing of a lease: a silent holder is killed and reaped first, time alone frees nothing. */
void lease_check_silence(struct supervisor *supervisor);
/* How a breaker sees this lease. */
struct breaker_subject lease_subject(const struct lease *lease);

#endif
