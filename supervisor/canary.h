/* SPDX-License-Identifier: MPL-2.0 */
/* canary.h: which launch specifications of a type are proven: a spec hash that is new to its type may hold only a few
 * instances until one of them takes work (DESIGN section 4, canary).
 * Pure. Runs in: supervisor. Owns: the list of a type, until canary_clear. */
#ifndef SUPERVISOR_CANARY_H
#define SUPERVISOR_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/words.h"
#include "supervisor/fleet.h"

struct canary_proof {
    char hash[HASH_SIZE];
    char how[32]; /* took-work, claimed, alive (weak, and shown so) or trusted */
};

/* Zero-initialised is empty. */
struct canary_proofs {
    struct canary_proof *items;
    size_t count;
};
void canary_clear(struct canary_proofs *proofs);

bool canary_proven(const struct canary_proofs *proofs, const char *hash);
/* False when it was proven before. */
bool canary_prove(struct canary_proofs *proofs, const char *hash, const char *how);
/* Instances that this hash may still get; INT64_MAX when it is proven or `canary` is 0 (off). */
int64_t canary_room(const struct canary_proofs *proofs, const struct fleet *fleet, const struct fleet_type *type,
                    int64_t canary, const char *hash);

/* What the claimed count and age prove without anybody being seen at work: an unproven hash that has passed, or NULL.
 * `claimed` -1 is unknown. `pending_fell` counts only then. */
struct canary_evidence {
    int64_t claimed;
    bool pending_fell;
    struct span boot_limit;
};
const char *canary_passed(const struct canary_proofs *proofs, const struct fleet_type *type,
                          const struct canary_evidence *evidence, struct mono now, const char **how);

#endif
