/* SPDX-License-Identifier: MPL-2.0 */
/* events.c: records events and keeps alarms. Runs in: supervisor, main thread. */
#include "supervisor/events.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/status.h"

static struct event *slot_of(struct supervisor *supervisor, int64_t sequence)
{
    return &supervisor->events[sequence % EVENTS_KEPT];
}

void event_restore(struct supervisor *supervisor, const struct event *event)
{
    *slot_of(supervisor, event->sequence) = *event;
    supervisor->event_count = event->sequence;
}

const struct event *event_of(const struct supervisor *supervisor, int64_t sequence)
{
    const struct event *event = &supervisor->events[sequence % EVENTS_KEPT];
    return sequence > 0 && event->sequence == sequence ? event : NULL;
}

void event_record(struct supervisor *supervisor, const char *kind, const char *type, const char *region,
                  const char *format, ...)
{
    struct event *event = slot_of(supervisor, ++supervisor->event_count);
    va_list arguments;

    event->sequence = supervisor->event_count;
    event->at = supervisor->wall;
    text_copy(event->kind, sizeof event->kind, kind);
    text_copy(event->type, sizeof event->type, type);
    text_copy(event->region, sizeof event->region, region);
    va_start(arguments, format);
    vsnprintf(event->text, sizeof event->text, format, arguments);
    va_end(arguments);
    log_info(kind, "type=%s region=%s text=%s", *event->type ? event->type : "-", *event->region ? event->region : "-",
             log_quote(event->text));
    if (supervisor->ledger)
        ledger_put_event(supervisor->ledger, event->sequence, event->at, event->kind, event->type, event->region,
                         event->text);
    status_publish_event(supervisor, event);
}

static struct alarm *find_alarm(struct supervisor *supervisor, const char *kind, const char *subject)
{
    for (size_t i = 0; i < supervisor->alarm_count; i++)
        if (text_equal(supervisor->alarms[i].kind, kind) && text_equal(supervisor->alarms[i].subject, subject))
            return &supervisor->alarms[i];
    return NULL;
}

static struct alarm *add_alarm(struct supervisor *supervisor, const char *kind, const char *subject)
{
    if (supervisor->alarm_count == ALARMS_MOST) {
        log_repeating(LOG_WARN_LEVEL, "alarm.too-many", kind, "", "kind=%s subject=%s", kind, subject);
        return NULL;
    }
    struct alarm *alarm = &supervisor->alarms[supervisor->alarm_count++];
    *alarm = (struct alarm){.since = supervisor->wall};
    text_copy(alarm->kind, sizeof alarm->kind, kind);
    text_copy(alarm->subject, sizeof alarm->subject, subject);
    return alarm;
}

/* A raise and its end are events too, with the alarm's id: the history of what was wrong. */
static void record_alarm(struct supervisor *supervisor, const struct alarm *alarm, const char *event, const char *text)
{
    const char *subject = alarm->subject;

    event_record(supervisor, event, supervisor_type(supervisor, subject) ? subject : "",
                 supervisor_region(supervisor, subject) ? subject : "", "%s %s%s(alarm %lld)%s%.400s", alarm->kind,
                 subject, *subject ? " " : "", (long long)alarm->id, *text ? ": " : "", text);
}

void alarm_raise(struct supervisor *supervisor, const char *kind, const char *subject, const char *format, ...)
{
    struct alarm *alarm = find_alarm(supervisor, kind, subject);
    char text[SENTENCE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bool known = alarm && !alarm->cleared;
    if (!alarm)
        alarm = add_alarm(supervisor, kind, subject);
    if (!alarm || (known && text_equal(alarm->text, text)))
        return;
    alarm->cleared = false;
    alarm->dirty = true;
    text_copy(alarm->text, sizeof alarm->text, text);
    if (!known) {
        alarm->since = supervisor->wall;
        alarm->id = ++supervisor->alarm_last;
        record_alarm(supervisor, alarm, "alarm-raised", text);
    }
    log_repeating(LOG_WARN_LEVEL, "alarm", kind, text, "kind=%s subject=%s text=%s", kind, subject, log_quote(text));
}

static void clear(struct supervisor *supervisor, struct alarm *alarm)
{
    if (alarm->cleared)
        return;
    supervisor->alarm_ends[supervisor->alarm_end_count++ % ALARM_ENDS_KEPT] =
        (struct alarm_end){.alarm = *alarm, .ended = supervisor->wall};
    alarm->cleared = true; /* status.c publishes that and removes it */
    alarm->dirty = true;
    record_alarm(supervisor, alarm, "alarm-cleared", "");
}

void alarm_clear(struct supervisor *supervisor, const char *kind, const char *subject)
{
    struct alarm *alarm = find_alarm(supervisor, kind, subject);

    if (alarm)
        clear(supervisor, alarm);
}

void alarm_forget(struct supervisor *supervisor, const char *subject)
{
    for (size_t i = 0; i < supervisor->alarm_count; i++)
        if (text_equal(supervisor->alarms[i].subject, subject))
            clear(supervisor, &supervisor->alarms[i]);
}
