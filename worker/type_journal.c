/* SPDX-License-Identifier: MPL-2.0 */
/* type_journal.c: with the setting `journal` every plan goes into the type's own files, with all that it was made from,
 * so that provisionctl replay can make it again.
 * Runs in: type worker; a thread of its own writes (common/journal.h). A tick never waits for it, and trouble with it
 * is a line in the log. Owns: worker->journal and worker->plan_record. */
#include "common/journal.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/plan_record.h"
#include "worker/type_worker.h"

void type_journal_start(struct type_worker *worker)
{
    const struct config *config = &worker->config;
    char folder[sizeof config->state_dir + 16], name[NAME_SIZE + 8];
    struct error err;

    if (!config->journal)
        return;
    text_format(folder, sizeof folder, "%s/journal", config->state_dir);
    text_format(name, sizeof name, "plans-%s", worker->options->name);
    json_t *header = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I}", "journal", "plans", "version", JOURNAL_VERSION,
                               "deploymentId", config->deployment_id, "workerType", worker->options->name, "revision",
                               (json_int_t)worker->revision, "generation", (json_int_t)worker->options->generation);
    worker->journal = journal_open(
        &(struct journal_options){
            .folder = folder, .name = name, .file_limit = config->journal_file, .total_limit = config->journal_total},
        header, &err);
    if (worker->journal)
        worker->plan_record = plan_record_create();
    else
        log_warn("journal.stopped", "problem=%s", log_quote(err.text));
}

static void tell_trouble(struct type_worker *worker)
{
    char problem[256];
    bool wrong = journal_problem(worker->journal, problem, sizeof problem);

    if (wrong && !worker->journal_stopped)
        log_warn("journal.stopped", "problem=%s", log_quote(problem));
    else if (!wrong && worker->journal_stopped)
        log_info("journal.goes-on", "type=%s", worker->options->name);
    worker->journal_stopped = wrong;
}

void type_journal_plan(struct type_worker *worker, const struct plan_memory *before, const struct plan_input *input)
{
    if (!worker->journal)
        return;
    tell_trouble(worker);
    enum journal_wish wish = journal_wish(worker->journal, input->now);
    if (wish == JOURNAL_NOTHING)
        return;
    bool whole = wish == JOURNAL_WHOLE;
    journal_add(
        worker->journal,
        plan_record_entry(worker->plan_record, clock_wall(), before, input, &worker->memory, &worker->plan, whole),
        whole);
}

void type_journal_end(struct type_worker *worker)
{
    journal_close(&worker->journal);
    plan_record_destroy(&worker->plan_record);
}
