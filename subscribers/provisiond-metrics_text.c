/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics_text.c: the last status in Prometheus's text format. Runs in: provisiond-metrics.
 * A figure that is unknown or older than the limit is left out, not repeated; how old each source is stays visible in
 * the ..._as_of_timestamp_seconds metrics for as long as the thing itself is known. */
#include "subscribers/provisiond-metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PREFIX "provisiond_"

static const char *const type_states[] = {"starting",    "live",    "paused",   "quarantined", "unlaunchable",
                                          "backing-off", "failing", "stopping", NULL};
static const char *const region_states[] = {"starting", "live", "stale", "frozen", "backing-off", "failing", NULL};
static const char *const topic_labels[] = {
    [STREAM_SUPERVISOR] = NULL, [STREAM_TYPE] = "type", [STREAM_REGION] = "region"};

struct page {
    const struct store *store;
    struct buffer *out;
    int64_t now, max_age; /* ms */
};

/* ---- lines ---- */

static bool is_counter(const char *name)
{
    size_t length = strlen(name);

    return length > 6 && strcmp(name + length - 6, "_total") == 0;
}

static void print_head(struct page *page, const char *name, const char *help)
{
    buffer_print(page->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name,
                 is_counter(name) ? "counter" : "gauge");
}

static void print_label(struct page *page, const char *before, const char *name, const char *value)
{
    buffer_print(page->out, "%s%s=\"", before, name);
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"')
            buffer_add(page->out, "\\", 1);
        if (*c == '\n')
            buffer_add(page->out, "\\n", 2);
        else
            buffer_add(page->out, c, 1);
    }
    buffer_add(page->out, "\"", 1);
}

/* Labels come in pairs; a pair without a name is none. */
static void print_sample(struct page *page, const char *name, const char *const *labels, size_t pairs, double value)
{
    bool any = false;

    buffer_print(page->out, PREFIX "%s", name);
    for (size_t i = 0; i < pairs; i++) {
        if (!labels[2 * i])
            continue;
        print_label(page, any ? "," : "{", labels[2 * i], labels[2 * i + 1]);
        any = true;
    }
    if (any)
        buffer_add(page->out, "}", 1);
    if (fabs(value) < 1e15 && value == floor(value))
        buffer_print(page->out, " %" PRId64 "\n", (int64_t)value);
    else
        buffer_print(page->out, " %.12g\n", value);
}

static void print_one(struct page *page, const char *name, const char *help, double value)
{
    print_head(page, name, help);
    print_sample(page, name, NULL, 0, value);
}

static const char *word_of(const struct entry *entry, const char *name)
{
    const char *word = json_string_value(json_object_get(entry->data, name));

    return word ? word : "";
}

/* ---- figures ---- */

static bool is_fresh(const struct page *page, int64_t as_of)
{
    return as_of > 0 && page->now - as_of <= page->max_age;
}

static int64_t as_of_figure(const struct entry *entry, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(entry->data, name), "asOf"));
}

static void print_metric(struct page *page, const struct metric *metric)
{
    bool any = false;

    for (size_t i = 0; i < page->store->count; i++) {
        const struct entry *entry = &page->store->entries[i];
        if (entry->kind != metric->topic)
            continue;
        const json_t *value = json_object_get(json_object_get(entry->data, metric->figure), "value");
        if (!json_is_number(value) || !is_fresh(page, as_of_figure(entry, metric->figure)))
            continue;
        if (!any)
            print_head(page, metric->name, metric->help);
        any = true;
        const char *labels[] = {topic_labels[entry->kind], entry->name};
        print_sample(page, metric->name, labels, 1, json_number_value(value) * metric->scale);
    }
}

/* The oldest figure of a source: what is said with it is no newer than that. 0: nothing is known of it. */
static int64_t as_of_source(const struct entry *entry, enum metric_source source)
{
    int64_t oldest = 0;

    for (const struct metric *metric = metrics_table; metric->name; metric++) {
        int64_t as_of =
            metric->topic == entry->kind && metric->source == source ? as_of_figure(entry, metric->figure) : 0;
        if (as_of > 0 && (oldest == 0 || as_of < oldest))
            oldest = as_of;
    }
    return oldest;
}

static void print_ages(struct page *page, enum stream_topic topic, const char *name, const char *help)
{
    print_head(page, name, help);
    for (size_t i = 0; i < page->store->count; i++) {
        const struct entry *entry = &page->store->entries[i];
        for (int source = 0; entry->kind == topic && source < SOURCE_COUNT; source++) {
            int64_t as_of = as_of_source(entry, (enum metric_source)source);
            const char *labels[] = {topic_labels[topic], entry->name, "source",
                                    metric_source_name((enum metric_source)source)};
            if (as_of > 0)
                print_sample(page, name, labels, 2, (double)as_of / 1000);
        }
    }
}

/* ---- words ---- */

static bool is_listed(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* One sample for each state there is, so that a state that ends goes to 0 instead of vanishing. */
static void print_states(struct page *page, enum stream_topic topic, const char *name, const char *const *states)
{
    print_head(page, name, "1 for the state that it is in, 0 for the others.");
    for (size_t i = 0; i < page->store->count; i++) {
        const struct entry *entry = &page->store->entries[i];
        const char *state = word_of(entry, "state");
        if (entry->kind != topic || !is_fresh(page, entry->as_of))
            continue;
        const char *labels[] = {topic_labels[topic], entry->name, "state", "other"};
        bool known = is_listed(state, states);
        for (const char *const *word = states; *word; word++) {
            labels[3] = *word;
            print_sample(page, name, labels, 2, known && strcmp(*word, state) == 0);
        }
        labels[3] = "other";
        print_sample(page, name, labels, 2, !known);
    }
}

/* Reason codes are words of the daemon's; what does not look like one is not made a label. */
static const char *reason_label(const char *reason)
{
    size_t length = strlen(reason);

    return length > 0 && length < 40 && strspn(reason, "abcdefghijklmnopqrstuvwxyz-") == length ? reason : "other";
}

static void print_reasons(struct page *page)
{
    print_head(page, "type_reason_info", "Why the type launches or does not, as a code; the value is 1.");
    for (size_t i = 0; i < page->store->count; i++) {
        const struct entry *entry = &page->store->entries[i];
        const char *labels[] = {"type", entry->name, "reason", reason_label(word_of(entry, "reason"))};
        if (entry->kind == STREAM_TYPE && is_fresh(page, entry->as_of))
            print_sample(page, "type_reason_info", labels, 2, 1);
    }
}

/* The oldest raise of each kind and subject: its value is 1, or `member` of it times `scale`. */
static void print_alarms(struct page *page, const char *name, const char *help, const char *member, double scale)
{
    print_head(page, name, help);
    for (size_t i = 0; i < page->store->count; i++) {
        const struct entry *entry = &page->store->entries[i];
        const char *labels[] = {"kind", entry->name, "subject", word_of(entry, "subject")};
        bool first = i == 0 || page->store->entries[i - 1].kind != STREAM_ALARM ||
                     strcmp(page->store->entries[i - 1].name, entry->name) != 0 ||
                     strcmp(word_of(&page->store->entries[i - 1], "subject"), labels[3]) != 0;
        double value = member ? json_number_value(json_object_get(entry->data, member)) * scale : 1;
        if (entry->kind == STREAM_ALARM && first && is_fresh(page, entry->as_of))
            print_sample(page, name, labels, 2, value);
    }
}

static void print_events(struct page *page)
{
    const struct event_count *others = &page->store->events[EVENT_KINDS_MOST];

    print_head(page, "events_total", "Events seen since this exporter started.");
    for (size_t i = 0; i < page->store->event_kinds; i++) {
        const char *labels[] = {"kind", page->store->events[i].kind};
        print_sample(page, "events_total", labels, 1, (double)page->store->events[i].count);
    }
    const char *labels[] = {"kind", "other"};
    if (others->count > 0)
        print_sample(page, "events_total", labels, 1, (double)others->count);
}

/* ---- the exporter itself ---- */

static void print_stream(struct page *page)
{
    const struct stream *stream = &page->store->stream;
    int64_t age = page->now - stream->as_of;

    print_one(page, "up", "1 while the daemon's status stream is younger than the age limit.",
              is_fresh(page, stream->as_of));
    if (stream->as_of > 0) {
        print_one(page, "status_as_of_timestamp_seconds", "Time of the newest status message.",
                  (double)stream->as_of / 1000);
        print_one(page, "status_age_seconds", "Age of the newest status message.", age > 0 ? (double)age / 1000 : 0);
    }
    print_one(page, "status_messages_total", "Status messages read.", (double)stream->messages);
    print_one(page, "status_messages_lost_total", "Status messages that never arrived, by their sequence.",
              (double)stream->lost);
    print_one(page, "status_messages_unreadable_total", "Status messages that could not be read.",
              (double)stream->unreadable);
    print_one(page, "status_refreshes_total", "Complete full refreshes read.", (double)stream->refreshes);
    print_one(page, "status_types_left_out_total", "Messages of types over this exporter's limit.",
              (double)page->store->left_out);
}

static void print_supervisor(struct page *page)
{
    const struct entry *entry = page->store->count > 0 ? &page->store->entries[0] : NULL;

    if (!entry || entry->kind != STREAM_SUPERVISOR || !is_fresh(page, entry->as_of))
        return;
    const char *labels[] = {"deployment", word_of(entry, "deployment"), "configuration",
                            word_of(entry, "configuration")};
    print_head(page, "deployment_info", "The deployment and the hash of its live configuration; the value is 1.");
    print_sample(page, "deployment_info", labels, 2, 1);
    print_one(page, "configuration_rejected", "1 while the newest configuration is rejected and an older one is live.",
              *word_of(entry, "configurationProblem") != '\0');
    print_one(page, "ledger_ok", "1 while the ledger can be written.", strcmp(word_of(entry, "ledger"), "ok") == 0);
    print_one(page, "credentials_ok", "1 while nothing is wrong with the AWS credentials.",
              strcmp(word_of(entry, "credentials"), "ok") == 0);
}

void metrics_print(const struct store *store, const struct text_options *options, struct wall now, struct buffer *out)
{
    struct page page = {.store = store, .out = out, .now = now.ms, .max_age = span_ms(options->max_age)};

    print_stream(&page);
    print_supervisor(&page);
    for (const struct metric *metric = metrics_table; metric->name; metric++)
        print_metric(&page, metric);
    print_ages(&page, STREAM_SUPERVISOR, "as_of_timestamp_seconds",
               "Time of the oldest figure of a source, all types together.");
    print_ages(&page, STREAM_TYPE, "type_as_of_timestamp_seconds", "Time of the type's oldest figure of a source.");
    print_ages(&page, STREAM_REGION, "region_as_of_timestamp_seconds",
               "Time of the region's oldest figure of a source.");
    print_states(&page, STREAM_TYPE, "type_state", type_states);
    print_reasons(&page);
    print_states(&page, STREAM_REGION, "region_state", region_states);
    print_alarms(&page, "alarm_raised", "1 for each alarm that stands.", NULL, 1);
    print_alarms(&page, "alarm_id", "Which raise it is, counted within this run of the supervisor.", "id", 1);
    print_alarms(&page, "alarm_since_timestamp_seconds", "When the alarm was raised.", "since", 0.001);
    print_events(&page);
}
