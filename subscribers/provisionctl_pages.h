/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_pages.h: what `explain`, `events`, `alarms` and `top` print, so that `watch` can show it, too.
 * Runs in: provisionctl. Owns: the memory of processes seen before, from which their use of the processor is told. */
#ifndef SUBSCRIBERS_PROVISIONCTL_PAGES_H
#define SUBSCRIBERS_PROVISIONCTL_PAGES_H

#include "subscribers/provisionctl.h"

/* The answer to `explain TYPE`: its sentence first, the figures last. */
void ctl_print_explanation(const json_t *body, int width, FILE *out);
/* One line. */
void ctl_print_event(const json_t *event, FILE *out);
/* The answer to `alarms`; `ended_within` 0: only what is raised. */
void ctl_print_alarms(const struct ctl *ctl, const json_t *body, struct span ended_within, int width, FILE *out);

/* ---- processes ---- */

enum process_order {
    PROCESSES_BY_CPU,
    PROCESSES_BY_MEMORY,
    PROCESSES_BY_TICK,
    PROCESSES_BY_DEATHS,
    PROCESSES_BY_NAME,
    PROCESS_ORDER_COUNT
};
struct processes;
struct processes *processes_create(void);
void processes_destroy(struct processes **processes);
/* Looks at each process of the answer to `status`, on this host; one that is not ours, or may not be looked at, stays
 * unknown. */
void processes_look(struct processes *processes, const json_t *status);
void processes_print(const struct processes *processes, enum process_order order, int width, bool colour, FILE *out);
json_t *processes_json(const struct processes *processes); /* new reference */
const char *process_order_name(enum process_order order);

#endif
