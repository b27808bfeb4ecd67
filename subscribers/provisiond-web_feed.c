/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_feed.c: the stream of server-sent events (WHATWG HTML, section 9.2) to each open page.
 * Runs in: provisiond-web. Owns: one small buffer a reader, whatever the reader does. A reader has a version: when it
 * takes bytes it gets what is newer than that, at most a bufferful, so that a slow browser gets fewer and newer words,
 * and one that reads nothing is closed by the HTTP library's time limit. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "subscribers/provisiond-web.h"

#define READERS_MOST 64
#define BUFFERFUL ((size_t)64 * 1024)
#define BLOCK ((size_t)32 * 1024)
#define GATHER SPAN_MS(200) /* changes are gathered for so long */
#define BEAT SPAN_SECONDS(1)

struct reader {
    struct feed *feed;
    struct MHD_Connection *connection;
    struct buffer frame;
    size_t sent;
    uint64_t seen;
    struct mono next_beat;
    bool suspended, greeted;
    struct reader *next;
};

struct feed {
    struct store *store;
    struct reader *readers;
    size_t count;
    struct mono next_wake;
    bool can_act, closing;
};

void feed_frame(struct buffer *out, const char *event, json_t *data)
{
    char *text = json_text(data);

    json_decref(data);
    if (!text)
        abort();
    buffer_print(out, "event: %s\ndata: ", event);
    buffer_add(out, text, strlen(text));
    buffer_add(out, "\n\n", 2);
    free(text);
}

static void add_greeting(const struct reader *reader, struct buffer *out)
{
    const struct feed *feed = reader->feed;

    buffer_print(out, "retry: 2000\n\n");
    feed_frame(out, "hello",
               json_pack("{s:I, s:b, s:I, s:o}", "now", (json_int_t)clock_wall().ms, "canAct", feed->can_act, "maxAge",
                         (json_int_t)span_ms(feed->store->max_age), "schema", rows_schema()));
}

/* The server's clock, and for how long the daemon has said nothing: the page's ages rest on both. */
static void add_beat(const struct store *store, struct mono now, struct buffer *out)
{
    bool heard = mono_is_set(store->last_message);
    struct span silent = mono_since(heard ? store->last_message : store->started, now);

    feed_frame(out, "beat",
               json_pack("{s:I, s:b, s:I, s:I, s:I, s:s}", "now", (json_int_t)clock_wall().ms, "heard", heard, "silent",
                         (json_int_t)span_ms(silent), "quietLimit", (json_int_t)span_ms(store_quiet_limit(store)),
                         "lost", (json_int_t)store->stream.lost, "incarnation", store->stream.incarnation));
}

static bool has_news(const struct reader *reader, struct mono now)
{
    return !reader->greeted || reader->seen < reader->feed->store->version || mono_reached(reader->next_beat, now);
}

static void fill(struct reader *reader, struct mono now)
{
    const struct store *store = reader->feed->store;
    const struct item *item = store->newest;

    buffer_clear(&reader->frame);
    reader->sent = 0;
    if (!reader->greeted)
        add_greeting(reader, &reader->frame);
    reader->greeted = true;
    while (item && item->older && item->older->version > reader->seen)
        item = item->older;
    for (; item && reader->frame.size < BUFFERFUL; item = item->newer) {
        if (item->version > reader->seen)
            buffer_add(&reader->frame, item->frame.bytes, item->frame.size);
        reader->seen = item->version;
    }
    if (!item)
        reader->seen = store->version;
    if (mono_reached(reader->next_beat, now)) {
        add_beat(store, now, &reader->frame);
        reader->next_beat = mono_add(now, BEAT);
    }
}

static ssize_t on_read(void *context, uint64_t position, char *out, size_t most)
{
    struct reader *reader = context;
    struct mono now = clock_now();

    (void)position;
    if (reader->feed->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (reader->sent == reader->frame.size && has_news(reader, now))
        fill(reader, now);
    size_t size = reader->frame.size - reader->sent;
    if (size == 0) {
        reader->suspended = true;
        MHD_suspend_connection(reader->connection);
        return 0;
    }
    if (size > most)
        size = most;
    memcpy(out, reader->frame.bytes + reader->sent, size);
    reader->sent += size;
    return (ssize_t)size;
}

static void on_gone(void *context)
{
    struct reader *reader = context, **link = &reader->feed->readers;

    while (*link != reader)
        link = &(*link)->next;
    *link = reader->next;
    reader->feed->count--;
    buffer_free(&reader->frame);
    free(reader);
}

struct feed *feed_create(struct store *store, bool can_act)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        abort();
    *feed = (struct feed){.store = store, .can_act = can_act};
    return feed;
}

struct MHD_Response *feed_response(struct feed *feed, struct MHD_Connection *connection)
{
    struct reader *reader;
    struct MHD_Response *response;

    if (feed->count >= READERS_MOST || feed->closing || !(reader = calloc(1, sizeof *reader)))
        return NULL;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, reader, on_gone);
    if (!response) {
        free(reader);
        return NULL;
    }
    *reader = (struct reader){.feed = feed, .connection = connection, .next = feed->readers};
    feed->readers = reader;
    feed->count++;
    return response;
}

static void wake(struct reader *reader)
{
    if (!reader->suspended)
        return;
    reader->suspended = false;
    MHD_resume_connection(reader->connection);
}

void feed_step(struct feed *feed, struct mono now)
{
    if (!mono_reached(feed->next_wake, now))
        return;
    feed->next_wake = mono_add(now, GATHER);
    for (struct reader *reader = feed->readers; reader; reader = reader->next)
        if (has_news(reader, now))
            wake(reader);
}

struct mono feed_deadline(const struct feed *feed)
{
    return feed->count > 0 ? feed->next_wake : MONO_NEVER;
}

void feed_close(struct feed *feed)
{
    feed->closing = true;
    for (struct reader *reader = feed->readers; reader; reader = reader->next)
        wake(reader);
}

void feed_destroy(struct feed **feed)
{
    free(*feed);
    *feed = NULL;
}
