/* SPDX-License-Identifier: MPL-2.0 */
/* decide_journal.c: the supervisor's part of the decision journal; see decide_journal.h.
 * Runs in: supervisor, main thread. Trouble with the journal is an alarm and stops nothing but the journal. The setting
 * is looked at before each arbitration: a reload switches it. */
#include "supervisor/decide_journal.h"

#include <stdlib.h>

#include "common/journal.h"
#include "common/text.h"
#include "supervisor/arbiter_record.h"
#include "supervisor/events.h"

struct decision_journal {
    struct journal *journal;
    struct arbiter_record *record;
};

static json_t *header_of(const struct supervisor *supervisor)
{
    return json_pack("{s:s, s:i, s:s, s:s, s:s}", "journal", "decisions", "version", JOURNAL_VERSION, "deploymentId",
                     supervisor->config->deployment_id, "incarnation", supervisor->incarnation, "run",
                     supervisor->run_id);
}

static void open_journal(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    char folder[sizeof config->state_dir + 16];
    struct error err;

    text_format(folder, sizeof folder, "%s/journal", config->state_dir);
    struct journal *journal = journal_open(&(struct journal_options){.folder = folder,
                                                                     .name = "decisions",
                                                                     .file_limit = config->journal_file,
                                                                     .total_limit = config->journal_total},
                                           header_of(supervisor), &err);
    if (!journal) {
        alarm_raise(supervisor, "journal", "", "decisions are not written: %s", err.text);
        return;
    }
    supervisor->decisions = malloc(sizeof *supervisor->decisions);
    if (!supervisor->decisions)
        abort();
    *supervisor->decisions = (struct decision_journal){journal, arbiter_record_create()};
}

void decide_journal_close(struct supervisor *supervisor)
{
    if (!supervisor->decisions)
        return;
    journal_close(&supervisor->decisions->journal);
    arbiter_record_destroy(&supervisor->decisions->record);
    free(supervisor->decisions);
    supervisor->decisions = NULL;
}

static enum journal_wish look(struct supervisor *supervisor)
{
    char problem[256];

    if (!supervisor->config->journal) {
        decide_journal_close(supervisor);
        alarm_clear(supervisor, "journal", "");
        return JOURNAL_NOTHING;
    }
    if (!supervisor->decisions)
        open_journal(supervisor);
    if (!supervisor->decisions)
        return JOURNAL_NOTHING;
    if (journal_problem(supervisor->decisions->journal, problem, sizeof problem))
        alarm_raise(supervisor, "journal", "", "decisions are not written until it is over: %s", problem);
    else
        alarm_clear(supervisor, "journal", "");
    return journal_wish(supervisor->decisions->journal, supervisor->now);
}

void decide_arbitrate(struct supervisor *supervisor, const struct arbiter_input *input, struct arbiter_output *output)
{
    enum journal_wish wish = look(supervisor);

    if (wish == JOURNAL_NOTHING) {
        arbiter_step(supervisor->arbiter, input, output);
        return;
    }
    bool whole = wish == JOURNAL_WHOLE;
    json_t *entry =
        arbiter_record_before(supervisor->decisions->record, supervisor->wall, supervisor->arbiter, input, whole);
    arbiter_step(supervisor->arbiter, input, output);
    arbiter_record_after(supervisor->decisions->record, entry, input, output);
    journal_add(supervisor->decisions->journal, entry, whole);
}

/* A complete entry has the arbiter's memory: what comes before it need not be told. */
static bool tells_changes(struct supervisor *supervisor)
{
    return supervisor->decisions && journal_wish(supervisor->decisions->journal, supervisor->now) == JOURNAL_CHANGE;
}

void decide_returned(struct supervisor *supervisor, const char *region, int64_t calls, int64_t instances)
{
    arbiter_returned(supervisor->arbiter, region, calls, instances);
    if (tells_changes(supervisor))
        journal_add(supervisor->decisions->journal, arbiter_record_returned(supervisor->wall, region, calls, instances),
                    false);
}

void decide_rate_limited(struct supervisor *supervisor, const char *region)
{
    arbiter_rate_limited(supervisor->arbiter, region, supervisor->now);
    if (tells_changes(supervisor))
        journal_add(supervisor->decisions->journal, arbiter_record_limited(supervisor->wall, region, supervisor->now),
                    false);
}

bool decide_spare_call(struct supervisor *supervisor, const char *region)
{
    bool given = arbiter_spare_call(supervisor->arbiter, region, supervisor->now);

    if (tells_changes(supervisor))
        journal_add(supervisor->decisions->journal,
                    arbiter_record_spare(supervisor->wall, region, supervisor->now, given), false);
    return given;
}
