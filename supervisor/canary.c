/* SPDX-License-Identifier: MPL-2.0 */
/* canary.c: proofs of launch specifications and the room of unproven ones. Pure; runs in the supervisor. */
#include "supervisor/canary.h"

#include <stdlib.h>

#include "common/text.h"

#define WEAK_PROOF_AFTER SPAN_SECONDS(60) /* beyond the boot limit */

void canary_clear(struct canary_proofs *proofs)
{
    free(proofs->items);
    *proofs = (struct canary_proofs){0};
}

bool canary_proven(const struct canary_proofs *proofs, const char *hash)
{
    for (size_t i = 0; i < proofs->count; i++)
        if (text_equal(proofs->items[i].hash, hash))
            return true;
    return false;
}

bool canary_prove(struct canary_proofs *proofs, const char *hash, const char *how)
{
    if (!*hash || canary_proven(proofs, hash))
        return false;
    proofs->items = realloc(proofs->items, (proofs->count + 1) * sizeof *proofs->items);
    if (!proofs->items)
        abort();
    struct canary_proof *proof = &proofs->items[proofs->count++];
    text_copy(proof->hash, sizeof proof->hash, hash);
    text_copy(proof->how, sizeof proof->how, how);
    return true;
}

int64_t canary_room(const struct canary_proofs *proofs, const struct fleet *fleet, const struct fleet_type *type,
                    int64_t canary, const char *hash)
{
    if (canary == 0 || canary_proven(proofs, hash))
        return INT64_MAX;
    int64_t held = fleet_holds_spec(fleet, type, hash);
    return held < canary ? canary - held : 0;
}

/* More work is claimed than proven instances could hold, so an unproven one holds some. Which one is known only when
 * there is one unproven hash; with several, all of them but one would have to be full. */
static bool claimed_exceeds(const struct fleet_type *type, const char *hash, int64_t claimed)
{
    int64_t others = 0;

    for (const struct instance *it = type->instances; it; it = it->next_of_type)
        if (it->state == INSTANCE_RUNNING && !text_equal(it->spec_hash, hash))
            others += it->capacity;
    return claimed > others;
}

const char *canary_passed(const struct canary_proofs *proofs, const struct fleet_type *type,
                          const struct canary_evidence *evidence, struct mono now, const char **how)
{
    struct span weak_after = {evidence->boot_limit.us + WEAK_PROOF_AFTER.us};
    bool some_work = evidence->claimed > 0 || (evidence->claimed < 0 && evidence->pending_fell);

    for (const struct instance *it = type->instances; it; it = it->next_of_type) {
        if (it->state != INSTANCE_RUNNING || !*it->spec_hash || canary_proven(proofs, it->spec_hash))
            continue;
        if (evidence->claimed > 0 && claimed_exceeds(type, it->spec_hash, evidence->claimed)) {
            *how = "claimed";
            return it->spec_hash;
        }
        if (some_work && mono_since(it->launched, now).us >= weak_after.us) {
            *how = "alive";
            return it->spec_hash;
        }
    }
    return NULL;
}
