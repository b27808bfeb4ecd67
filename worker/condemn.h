/* SPDX-License-Identifier: MPL-2.0 */
/* condemn.h: which instances the type worker proposes to terminate, and on what evidence (DESIGN sections 4 and 11).
 * Pure: no clock, no I/O. Runs in: type worker. Owns nothing. Never for idleness (case B36): workers idle out
 * themselves. The supervisor permits, the region worker looks at the tags anew. */
#ifndef WORKER_CONDEMN_H
#define WORKER_CONDEMN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "proto/words.h"

#define CONDEMN_CAUSES(W)                                                                                              \
    W(CONDEMN_NOT, "")                                                                                                 \
    W(CONDEMN_BOOT_LIMIT, "boot-limit") /* never took work though tasks waited */                                      \
    W(CONDEMN_MAX_LIFETIME, "max-lifetime")                                                                            \
    W(CONDEMN_PENDING_LIMIT, "pending-limit") /* EC2 `pending` for too long */                                         \
    W(CONDEMN_STOPPED, "stopped")             /* neither works nor is gone, and its disk costs money (case B29) */     \
    W(CONDEMN_WRONG_MARKET, "wrong-market")   /* spot was asked for, on-demand came (case B40) */

enum condemn_cause { CONDEMN_CAUSES(WORD_ENUM) CONDEMN_CAUSE_COUNT };
const char *condemn_cause_name(enum condemn_cause cause);

struct condemn_settings {
    struct span boot_limit, pending_limit, max_lifetime;
};

/* What was seen of the demand while the instance lived. */
struct condemn_watch {
    struct span boot_clock; /* runs only while tasks wait */
    struct mono counted_to; /* MONO_ZERO: the clock stands */
    int64_t list_readings;  /* claimed lists seen while it ran, none of which named it */
    bool claimed_seen;      /* the type's claimed count was above 0, or unknown, while the clock ran */
};

/* One reading of the queue. */
struct condemn_reading {
    struct mono seen;
    int64_t pending, claimed; /* -1 unknown */
    bool list_known;          /* a claimed list came with it */
};
void condemn_read(struct condemn_watch *watch, const struct condemn_reading *reading, bool running);

struct condemn_facts {
    enum instance_state state;
    bool asked_spot;    /* known from its own lease, never from the definition: an edit condemns nothing */
    enum market market; /* as EC2 shows it */
    struct mono launched;
    bool worked;
    bool list_known; /* the claimed route answers */
    const struct condemn_watch *watch;
};
enum condemn_cause condemn_look(const struct condemn_settings *settings, const struct condemn_facts *facts,
                                struct mono now);

#endif
