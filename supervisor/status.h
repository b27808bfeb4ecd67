/* SPDX-License-Identifier: MPL-2.0 */
/* status.h: the status stream: every figure of proto/status.def with its age, on change and in full at least every
 * statusInterval, on a ZeroMQ XPUB socket. Runs in: supervisor, main thread. Owns: the status socket's use.
 * Nothing here waits: a subscriber that does not read loses messages, and nobody else notices (case B60). */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <jansson.h>

#include "supervisor/supervisor.h"

/* What changed, or everything when it is time; and what subscribers said, which is ignored. */
void status_publish(struct supervisor *supervisor);
void status_publish_event(struct supervisor *supervisor, const struct event *event);
struct mono status_deadline(const struct supervisor *supervisor);

/* New references: the data of one topic, and of everything as the control command answers it. */
json_t *status_of_supervisor(struct supervisor *supervisor);
json_t *status_of_type(struct supervisor *supervisor, struct type_record *type);
json_t *status_of_region(struct supervisor *supervisor, struct region_record *region);
json_t *status_of_alarm(const struct alarm *alarm);
json_t *status_of_event(const struct event *event);
/* `name`: one type or region, or "" for all. */
json_t *status_of_all(struct supervisor *supervisor, const char *name);

/* Why this type launches or does not: one code and one sentence. Returns the code's name. */
const char *status_reason(struct supervisor *supervisor, struct type_record *type, char *sentence, size_t size);
/* "live", "paused", "quarantined" ... */
const char *status_state(struct supervisor *supervisor, const struct type_record *type);

/* Occupying instances of a region, and those of them that are not ours to count on. */
void status_count_region(const struct supervisor *supervisor, const struct region_record *region, int64_t *instances,
                         int64_t *foreign);

#endif
