/* SPDX-License-Identifier: MPL-2.0 */
/* preflight.c: see preflight.h. Runs in: supervisor, main thread. */
#include "supervisor/preflight.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/text.h"
#include "supervisor/decide_journal.h"
#include "supervisor/events.h"

void preflight_record_clear(struct preflight_record *record)
{
    free(record->findings);
    *record = (struct preflight_record){0};
}

bool preflight_unlaunchable(const struct type_record *type)
{
    const struct preflight_record *record = &type->preflight;
    bool known = *record->state && !text_equal(record->state, "waiting");

    return known && record->usable == 0 && record->placements > 0;
}

/* Nothing can be launched for it although it is defined: somebody must look. */
static void raise_or_clear(struct supervisor *supervisor, const struct type_record *type)
{
    const struct preflight_record *record = &type->preflight;
    bool known = !text_equal(record->state, "waiting");

    if (preflight_unlaunchable(type))
        alarm_raise(supervisor, "unlaunchable", type->name, "all %lld placements are left out: %s",
                    (long long)record->placements, record->why);
    else if (known)
        alarm_clear(supervisor, "unlaunchable", type->name);
    if (known && record->usable > 0 && record->errors > 0)
        alarm_raise(supervisor, "preflight", type->name, "%lld of %lld placements are left out: %s",
                    (long long)(record->placements - record->usable), (long long)record->placements, record->why);
    else if (known)
        alarm_clear(supervisor, "preflight", type->name);
}

void bus_preflight(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);
    struct proto_PREFLIGHT *said = &message->as.PREFLIGHT;
    struct preflight_record *record = &type->preflight;
    bool news = !text_equal(record->why, said->why) || record->usable != said->usable ||
                !text_equal(record->state, said->state);

    preflight_record_clear(record);
    text_copy(record->state, sizeof record->state, said->state);
    text_copy(record->why, sizeof record->why, said->why);
    record->placements = said->placements;
    record->usable = said->usable;
    record->errors = said->errors;
    record->seen = supervisor->wall;
    record->findings = said->findings;
    said->findings = NULL;
    type->dirty = true;
    if (news && !text_equal(record->state, "off"))
        event_record(supervisor, "preflight", type->name, NULL, "%s: %lld of %lld placements can launch%s%s",
                     record->state, (long long)record->usable, (long long)record->placements, *record->why ? "; " : "",
                     record->why);
    raise_or_clear(supervisor, type);
}

json_t *preflight_of_type(const struct type_record *type)
{
    const struct preflight_record *record = &type->preflight;
    json_t *findings = record->findings ? json_loads(record->findings, 0, NULL) : NULL;

    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:b, s:o}", "state", *record->state ? record->state : "waiting",
                     "placements", (json_int_t)record->placements, "usable", (json_int_t)record->usable, "errors",
                     (json_int_t)record->errors, "asOf", (json_int_t)record->seen.ms, "why", record->why, "forced",
                     type->forced, "findings", findings ? findings : json_array());
}

const char *preflight_word(const struct type_record *type, char *out, size_t size)
{
    const struct preflight_record *record = &type->preflight;

    if (!*record->state || text_equal(record->state, "off") || text_equal(record->state, "waiting"))
        text_copy(out, size, *record->state ? record->state : "waiting");
    else
        text_format(out, size, "%s%lld of %lld placements can launch%s",
                    text_equal(record->state, "unread") ? "not all could be read; " : "", (long long)record->usable,
                    (long long)record->placements, type->forced ? " (forced)" : "");
    return out;
}

/* ---- DryRuns ---- */

static bool needs_none(const struct supervisor *supervisor, const struct type_record *type)
{
    const char *hash = type->spare.hash;

    return canary_proven(&type->dry_runs, hash) || canary_proven(&type->proofs, hash) ||
           fleet_holds_spec(supervisor->fleet, type->holdings, hash) > 0;
}

void bus_spare(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);

    if (!type->spare.asked)
        supervisor->spares++;
    type->spare.asked = true;
    text_copy(type->spare.region, sizeof type->spare.region, message->as.SPARE.region);
    text_copy(type->spare.hash, sizeof type->spare.hash, message->as.SPARE.specHash);
}

void bus_dryrun_done(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct type_record *type = type_of_worker(sender->worker);
    const char *hash = message->as.DRYRUN_DONE.specHash;

    if (canary_prove(&type->dry_runs, hash, "dry-run"))
        ledger_put_dry_run(supervisor->ledger, type->name, hash, supervisor->wall);
}

void preflight_spare_step(struct supervisor *supervisor)
{
    for (size_t i = 0; supervisor->spares > 0 && i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        if (!type->spare.asked)
            continue;
        bool gone = type->worker.process.state != PROCESS_LIVE, known = !gone && needs_none(supervisor, type);
        if (!gone && !known && !decide_spare_call(supervisor, type->spare.region))
            continue;
        type->spare.asked = false;
        supervisor->spares--;
        struct message message = {.kind = PROTO_SPARED, .as.SPARED = {.known = known}};
        text_copy(message.as.SPARED.specHash, sizeof message.as.SPARED.specHash, type->spare.hash);
        CRASH_POINT(supervisor_before_spared);
        if (!gone)
            bus_post(supervisor, &type->worker, &message);
    }
}

/* ---- images known elsewhere ---- */

json_t *preflight_known_images(const struct supervisor *supervisor, const char *not_set)
{
    json_t *list = json_array();

    for (size_t i = 0; i < supervisor->set_count; i++) {
        const struct amiset *set = supervisor->sets[i].set;
        char from[NAME_SIZE + 8];
        if (!set || text_equal(set->name, not_set))
            continue;
        text_format(from, sizeof from, "set %s", set->name);
        for (size_t k = 0; k < set->count; k++)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "region", set->images[k].region, "image",
                                                  set->images[k].image, "from", from));
    }
    return list;
}
