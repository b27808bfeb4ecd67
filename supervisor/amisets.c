/* SPDX-License-Identifier: MPL-2.0 */
/* amisets.c: see amisets.h. Runs in: supervisor, main thread. */
#include "supervisor/amisets.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/events.h"

struct set_record *amisets_find(struct supervisor *supervisor, const char *name, bool make)
{
    for (size_t i = 0; i < supervisor->set_count; i++)
        if (text_equal(supervisor->sets[i].name, name))
            return &supervisor->sets[i];
    if (!make)
        return NULL;
    supervisor->sets = realloc(supervisor->sets, (supervisor->set_count + 1) * sizeof *supervisor->sets);
    if (!supervisor->sets)
        abort();
    struct set_record *record = &supervisor->sets[supervisor->set_count++];
    *record = (struct set_record){0};
    text_copy(record->name, sizeof record->name, name);
    return record;
}

size_t amisets_touched(const struct supervisor *supervisor, const char *name, char *out, size_t size)
{
    size_t count = 0;

    text_copy(out, size, "");
    for (size_t i = 0; i < supervisor->type_count; i++) {
        const struct definition *definition = supervisor->types[i]->definition;
        size_t used = strlen(out);
        if (!definition || !text_equal(definition->ami_set, name))
            continue;
        text_format(out + used, size - used, "%s%s", count > 0 ? ", " : "", definition->name);
        count++;
    }
    return count;
}

void amisets_take(struct supervisor *supervisor, struct amiset **set, const char *who, bool forced)
{
    struct set_record *record = amisets_find(supervisor, (*set)->name, true);
    char touched[300];

    amiset_destroy(&record->set);
    record->set = *set;
    *set = NULL;
    if (text_equal(record->newest_hash, record->set->hash))
        return;
    record->revision++;
    text_copy(record->newest_hash, sizeof record->newest_hash, record->set->hash);
    char *document = json_text(record->set->document);
    ledger_put_set(supervisor->ledger, record->name, record->revision, record->set->hash, document ? document : "",
                   supervisor->wall, who, forced);
    free(document);
    size_t count = amisets_touched(supervisor, record->name, touched, sizeof touched);
    event_record(supervisor, "ami-set-applied", NULL, NULL, "set %s, revision %lld, names the images of %zu types%s%s",
                 record->name, (long long)record->revision, count, count > 0 ? ": " : "", touched);
}

void amisets_clear(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->set_count; i++)
        amiset_destroy(&supervisor->sets[i].set);
    free(supervisor->sets);
    supervisor->sets = NULL;
    supervisor->set_count = 0;
}
