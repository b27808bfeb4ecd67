/* SPDX-License-Identifier: MPL-2.0 */
/* workers.h: carries out what process.c decides for each worker: spawns, signals, reaps, writes pid files and
 * obituaries. Runs in: supervisor, main thread. Owns: struct worker in the records. */
#ifndef SUPERVISOR_WORKERS_H
#define SUPERVISOR_WORKERS_H

#include "supervisor/supervisor.h"

/* Makes runDir/types and runDir/regions, empty of old pid files. */
int workers_prepare(const struct supervisor *supervisor, struct error *err);
/* Gives the process an event and does what comes of it. `why` is for the obituary, may be NULL. */
void workers_event(struct supervisor *supervisor, struct worker *worker, enum process_event event, const char *why);
/* It broke the rules: kills it, with an event and an alarm. */
void workers_offended(struct supervisor *supervisor, struct worker *worker, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For events, which name a type or region by themselves: "credentials " for the helper, else "". */
const char *workers_whose(const struct worker *worker);
void workers_reap(struct supervisor *supervisor);
/* Deadlines that have come, and spawns that there is room for. */
void workers_step(struct supervisor *supervisor);
/* Nothing ran for so long: nobody is late by it. */
void workers_postpone(struct supervisor *supervisor, struct span by);
/* Each has said hello or failed once. */
bool workers_settled(struct supervisor *supervisor);
size_t workers_running(struct supervisor *supervisor); /* have a pid */
size_t workers_live(struct supervisor *supervisor);    /* of types and regions: said hello */
void workers_stop_all(struct supervisor *supervisor);
void workers_kill_all(struct supervisor *supervisor);

#endif
