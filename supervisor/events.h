/* SPDX-License-Identifier: MPL-2.0 */
/* events.h: what happened, for people: a ring in memory, a bounded table in the ledger, a topic in the status stream;
 * and alarms: what is wrong now and needs somebody to look, until it is cleared.
 * Runs in: supervisor, main thread. Owns: events and alarms in struct supervisor. Never holds a secret. */
#ifndef SUPERVISOR_EVENTS_H
#define SUPERVISOR_EVENTS_H

#include "supervisor/supervisor.h"

/* `kind` is one word with dashes; type and region may be NULL. Also writes a log line. */
void event_record(struct supervisor *supervisor, const char *kind, const char *type, const char *region,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* An event of the ledger, put back at start. */
void event_restore(struct supervisor *supervisor, const struct event *event);
/* The event of a sequence number, or NULL when it has left the ring. */
const struct event *event_of(const struct supervisor *supervisor, int64_t sequence);

/* Raises it, or changes its text. `subject` names a type or region, or is "". */
void alarm_raise(struct supervisor *supervisor, const char *kind, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void alarm_clear(struct supervisor *supervisor, const char *kind, const char *subject);
/* Clears all alarms of a subject. */
void alarm_forget(struct supervisor *supervisor, const char *subject);

#endif
