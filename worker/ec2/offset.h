/* SPDX-License-Identifier: MPL-2.0 */
/* offset.h: how far the local clock is off one host's clock, learned from the Date header of a refusal (case B48).
 * Runs in: type and region workers, one struct for each host, never shared between hosts. Pure. Owns nothing.
 * An offset is taken only if the host refused the time or the signature, the answer came promptly, and the clocks are
 * 4 minutes or more apart; it is measured at receipt, not against the time of signing; a later answer ends it. */
#ifndef WORKER_EC2_OFFSET_H
#define WORKER_EC2_OFFSET_H

#include "common/clock.h"
#include "worker/ec2/ec2.h"

struct clock_offset {
    int64_t ms;        /* the host's clock minus ours; 0: none */
    char problem[160]; /* a sentence for the status, "" if none */
};

/* Local time as the host would have it: what to sign with. */
struct wall clock_offset_apply(const struct clock_offset *offset, struct wall local);

/* After a refusal. `date` is the Date header, `signed_at` the LOCAL wall time used for signing, `received` the local
 * wall time at receipt, `took` from start to receipt (response->sent to ->finished). True: sign anew and send once more
 * (an offset was taken, or the signature had grown old before it was sent). The caller does that once, not again. */
bool clock_offset_refused(struct clock_offset *offset, const struct ec2_error *error, const char *date,
                          struct wall signed_at, struct wall received, struct span took);
/* After every good answer: drops or corrects an offset that no longer holds. */
void clock_offset_accepted(struct clock_offset *offset, const char *date, struct wall received, struct span took);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110). Returns -1 if it is not one. */
int http_date_parse(const char *date, struct wall *out);

#endif
