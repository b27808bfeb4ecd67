/* SPDX-License-Identifier: MPL-2.0 */
/* status.c: sends the status stream: two frames a message, the topic and one JSON object.
 * Runs in: supervisor, main thread. What the figures are is in status_data.c. */
#include "supervisor/status.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/text.h"
#include "supervisor/decide.h"

/* Changes of one topic are gathered for so long. */
#define GATHER SPAN_MS(100)

static void send_text(struct supervisor *supervisor, const char *topic, json_t *body)
{
    char *text = json_text(body);

    CRASH_POINT(supervisor_before_status);
    /* An XPUB socket never waits: it drops for readers that are full. */
    if (text && zmq_send(supervisor->status, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(supervisor->status, text, strlen(text), ZMQ_DONTWAIT);
    CRASH_POINT(supervisor_after_status);
    free(text);
}

struct refresh {
    size_t index, count; /* count 0: no refresh, a change */
};

/* Takes the reference of `data`. */
static void publish(struct supervisor *supervisor, const char *topic, json_t *data, struct refresh *refresh)
{
    json_t *body = json_object();

    json_object_set_new(body, "incarnation", json_string(supervisor->run_id));
    json_object_set_new(body, "sequence", json_integer(++supervisor->status_sequence));
    json_object_set_new(body, "asOf", json_integer(supervisor->wall.ms));
    if (refresh && refresh->count > 0)
        json_object_set_new(
            body, "refresh",
            json_pack("{s:I, s:I}", "index", (json_int_t)refresh->index++, "count", (json_int_t)refresh->count));
    json_object_set_new(body, "data", data);
    send_text(supervisor, topic, body);
    json_decref(body);
}

static void publish_type(struct supervisor *supervisor, struct type_record *type, struct refresh *refresh)
{
    char topic[NAME_SIZE + 16];

    text_format(topic, sizeof topic, "type.%s.", type->name);
    type->dirty = false;
    type->published = supervisor->now;
    publish(supervisor, topic, status_of_type(supervisor, type), refresh);
}

static void publish_region(struct supervisor *supervisor, struct region_record *region, struct refresh *refresh)
{
    char topic[NAME_SIZE + 16];

    text_format(topic, sizeof topic, "region.%s.", region->name);
    region->dirty = false;
    region->published = supervisor->now;
    publish(supervisor, topic, status_of_region(supervisor, region), refresh);
}

static void publish_self(struct supervisor *supervisor, struct refresh *refresh)
{
    supervisor->dirty = false;
    supervisor->published = supervisor->now;
    publish(supervisor, "supervisor.", status_of_supervisor(supervisor), refresh);
}

/* A cleared alarm is published once more, as such, and then forgotten. */
static void publish_alarm(struct supervisor *supervisor, struct alarm *alarm, struct refresh *refresh)
{
    char topic[64];

    text_format(topic, sizeof topic, "alarm.%s.", alarm->kind);
    alarm->dirty = false;
    publish(supervisor, topic, status_of_alarm(alarm), refresh);
    if (alarm->cleared)
        *alarm = supervisor->alarms[--supervisor->alarm_count];
}

void status_publish_event(struct supervisor *supervisor, const struct event *event)
{
    char topic[64];

    if (!supervisor->status)
        return;
    text_format(topic, sizeof topic, "event.%s.", event->kind);
    publish(supervisor, topic, status_of_event(event), NULL);
}

/* Removed types are shown while they hold or run anything. */
static bool is_shown(const struct type_record *type)
{
    return type->definition || process_has_pid(&type->worker.process) || type->holdings->totals.held_instances > 0 ||
           type->holdings->totals.leased_instances > 0;
}

static void publish_all(struct supervisor *supervisor)
{
    struct refresh refresh = {.index = 0, .count = 1 + supervisor->region_count + supervisor->alarm_count};

    for (size_t i = 0; i < supervisor->type_count; i++)
        refresh.count += is_shown(supervisor->types[i]);
    supervisor->refreshed = supervisor->now;
    supervisor->turn_before = supervisor->turn_longest;
    supervisor->turn_longest = SPAN_US(0);
    publish_self(supervisor, &refresh);
    for (size_t i = 0; i < supervisor->region_count; i++)
        publish_region(supervisor, supervisor->regions[i], &refresh);
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (is_shown(supervisor->types[i]))
            publish_type(supervisor, supervisor->types[i], &refresh);
    for (size_t i = supervisor->alarm_count; i-- > 0;)
        publish_alarm(supervisor, &supervisor->alarms[i], &refresh);
}

static bool is_due(bool dirty, struct mono published, struct mono now)
{
    return dirty && mono_since(published, now).us >= GATHER.us;
}

static void publish_changes(struct supervisor *supervisor)
{
    struct refresh none = {0, 0};

    if (is_due(supervisor->dirty, supervisor->published, supervisor->now))
        publish_self(supervisor, &none);
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (is_due(supervisor->regions[i]->dirty, supervisor->regions[i]->published, supervisor->now))
            publish_region(supervisor, supervisor->regions[i], &none);
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (is_due(supervisor->types[i]->dirty, supervisor->types[i]->published, supervisor->now))
            publish_type(supervisor, supervisor->types[i], &none);
    for (size_t i = supervisor->alarm_count; i-- > 0;)
        if (supervisor->alarms[i].dirty)
            publish_alarm(supervisor, &supervisor->alarms[i], &none);
}

/* Subscriptions arrive as messages on an XPUB socket, and so do a stranger's bytes; neither matters to us. */
static void ignore_subscribers(struct supervisor *supervisor)
{
    char bytes[256];

    for (int i = 0; i < 1000 && zmq_recv(supervisor->status, bytes, sizeof bytes, ZMQ_DONTWAIT) >= 0; i++)
        ;
}

static struct mono refresh_time(const struct supervisor *supervisor)
{
    return mono_add(supervisor->refreshed, supervisor->config->status_interval);
}

void status_publish(struct supervisor *supervisor)
{
    ignore_subscribers(supervisor);
    decide_count(supervisor);
    if (mono_reached(refresh_time(supervisor), supervisor->now))
        publish_all(supervisor);
    else
        publish_changes(supervisor);
}

struct mono status_deadline(const struct supervisor *supervisor)
{
    struct mono first = refresh_time(supervisor);

    if (supervisor->dirty)
        first = mono_min(first, mono_add(supervisor->published, GATHER));
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (supervisor->regions[i]->dirty)
            first = mono_min(first, mono_add(supervisor->regions[i]->published, GATHER));
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (supervisor->types[i]->dirty)
            first = mono_min(first, mono_add(supervisor->types[i]->published, GATHER));
    return first;
}

json_t *status_of_all(struct supervisor *supervisor, const char *name)
{
    json_t *types = json_array(), *regions = json_array(), *alarms = json_array();

    decide_count(supervisor);
    for (size_t i = 0; i < supervisor->type_count; i++)
        if (is_shown(supervisor->types[i]) && (!*name || text_equal(supervisor->types[i]->name, name)))
            json_array_append_new(types, status_of_type(supervisor, supervisor->types[i]));
    for (size_t i = 0; i < supervisor->region_count; i++)
        if (!*name || text_equal(supervisor->regions[i]->name, name))
            json_array_append_new(regions, status_of_region(supervisor, supervisor->regions[i]));
    for (size_t i = 0; i < supervisor->alarm_count; i++)
        if (!supervisor->alarms[i].cleared && (!*name || text_equal(supervisor->alarms[i].subject, name)))
            json_array_append_new(alarms, status_of_alarm(&supervisor->alarms[i]));
    return json_pack("{s:s, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "incarnation", supervisor->run_id, "sequence",
                     (json_int_t)supervisor->status_sequence, "asOf", (json_int_t)supervisor->wall.ms, "statusInterval",
                     span_seconds(supervisor->config->status_interval), "supervisor", status_of_supervisor(supervisor),
                     "types", types, "regions", regions, "alarms", alarms);
}
