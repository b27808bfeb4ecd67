/* SPDX-License-Identifier: MPL-2.0 */
/* ledger_change.c: turns each thing worth keeping into a change of the batch that gathers: a statement's number and its
 * values in the statement's order. Runs in: supervisor, main thread. Writes nothing itself. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "supervisor/ledger_private.h"

#define GRANTS_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)

void ledger_batch_free(struct ledger_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        for (int k = 0; k < batch->changes[i].count; k++)
            free(batch->changes[i].values[k].text);
    free(batch->changes);
    batch->changes = NULL;
    batch->count = batch->room = 0;
}

static struct ledger_change *add_change(struct ledger_batch *batch)
{
    if (batch->count == batch->room) {
        batch->room = batch->room ? batch->room * 2 : 16;
        batch->changes = realloc(batch->changes, batch->room * sizeof *batch->changes);
        if (!batch->changes)
            abort();
    }
    struct ledger_change *change = &batch->changes[batch->count++];
    memset(change, 0, sizeof *change);
    return change;
}

/* One letter a value: s text, i int64_t. */
static void add(struct ledger *ledger, enum ledger_statement statement, const char *letters, ...)
{
    struct ledger_change *change = add_change(&ledger->gathering);
    va_list values;

    change->statement = statement;
    va_start(values, letters);
    for (; *letters && change->count < LEDGER_MOST_VALUES; letters++) {
        struct ledger_value *value = &change->values[change->count++];
        if (*letters == 's') {
            value->text = strdup(va_arg(values, const char *));
            if (!value->text)
                abort();
        } else {
            value->number = va_arg(values, int64_t);
        }
    }
    va_end(values);
}

void ledger_put_meta(struct ledger *ledger, const char *key, const char *value)
{
    add(ledger, LEDGER_PUT_META, "ss", key, value);
}

void ledger_remove_meta(struct ledger *ledger, const char *key)
{
    add(ledger, LEDGER_REMOVE_META, "s", key);
}

void ledger_put_lease(struct ledger *ledger, const struct lease *lease, struct wall now, struct wall send_by,
                      struct wall quiet)
{
    const struct placement *at = &lease->placement;
    const char *state = lease_state_name(lease->state == LEASE_COMMITTING ? LEASE_SENT : lease->state);

    add(ledger, LEDGER_PUT_LEASE, "issssssiiiisssiiiii", lease->grant, lease->token, lease->type, at->region, at->zone,
        at->instance_type, market_name(at->market), lease->count, lease->capacity, lease->max_price.micros,
        lease->revision, lease->spec_hash, lease->subnet, state, lease->generation, (int64_t)lease->doubtful, now.ms,
        send_by.ms, quiet.ms);
}

void ledger_end_lease(struct ledger *ledger, int64_t grant, const char *how, struct wall now)
{
    add(ledger, LEDGER_END_LEASE, "iis", grant, now.ms, how);
}

void ledger_put_instance(struct ledger *ledger, const struct instance *it)
{
    add(ledger, LEDGER_PUT_INSTANCE, "ssssssiiissssissiiiii", it->id, it->owner->name, it->placement.region,
        it->placement.zone, it->placement.instance_type, market_name(it->placement.market), it->grant, it->revision,
        it->capacity, it->token, it->spec_hash, it->image, it->incarnation, it->max_price.micros,
        instance_state_name(it->state), it->reason, it->launch_wall.ms, (int64_t)it->listed, (int64_t)it->judged,
        (int64_t)it->worked, (int64_t)it->condemned);
}

void ledger_remove_instance(struct ledger *ledger, const char *id)
{
    add(ledger, LEDGER_REMOVE_INSTANCE, "s", id);
}

void ledger_put_revision(struct ledger *ledger, const char *type, int64_t revision, const char *hash,
                         const char *document, struct wall now, const char *who, bool forced)
{
    add(ledger, LEDGER_PUT_REVISION, "sissisi", type, revision, hash, document, now.ms, who, (int64_t)forced);
}

void ledger_put_set(struct ledger *ledger, const char *name, int64_t revision, const char *hash, const char *document,
                    struct wall now, const char *who, bool forced)
{
    add(ledger, LEDGER_PUT_SET, "sissisi", name, revision, hash, document, now.ms, who, (int64_t)forced);
}

void ledger_put_dry_run(struct ledger *ledger, const char *type, const char *hash, struct wall now)
{
    add(ledger, LEDGER_PUT_DRY_RUN, "ssi", type, hash, now.ms);
}

void ledger_put_spec(struct ledger *ledger, const char *type, const char *hash, const char *how, struct wall now)
{
    add(ledger, LEDGER_PUT_SPEC, "sssi", type, hash, how, now.ms);
}

void ledger_put_day(struct ledger *ledger, const struct budget_day *day)
{
    add(ledger, LEDGER_PUT_DAY, "iiii", day->began.ms, day->ends.ms, day->spent.micros, day->accrued_to.ms);
}

void ledger_clear_breakers(struct ledger *ledger)
{
    add(ledger, LEDGER_CLEAR_BREAKERS, "");
}

void ledger_put_breaker(struct ledger *ledger, const struct breaker_entry *entry, struct wall since, struct wall until)
{
    add(ledger, LEDGER_PUT_BREAKER, "ssssssssssiisiiii", entry->scope, failure_name(entry->failure), entry->type,
        entry->region, entry->zone, entry->instance_type, entry->market, entry->spec_hash, entry->subnet,
        entry->quota_class, entry->price_at_most.micros, (int64_t)entry->quarantine, entry->code, since.ms, until.ms,
        entry->delay.us, entry->failures);
}

void ledger_put_event(struct ledger *ledger, int64_t sequence, struct wall at, const char *kind, const char *type,
                      const char *region, const char *text)
{
    add(ledger, LEDGER_PUT_EVENT, "iissss", sequence, at.ms, kind, type, region, text);
}

void ledger_prune(struct ledger *ledger, int64_t last_event, struct wall now)
{
    add(ledger, LEDGER_PRUNE_EVENTS, "i", last_event - LEDGER_EVENTS_KEPT);
    add(ledger, LEDGER_PRUNE_GRANTS, "i", now.ms - GRANTS_KEPT_MS);
}
