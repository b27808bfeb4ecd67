/* SPDX-License-Identifier: MPL-2.0 */
/* log.c: puts log lines together and hands them to stderr, all or nothing, without ever waiting.
 * Runs in: every process; lines may come from any of its threads. Owns: the context, the repeat table, the count of
 * dropped lines, under one lock. It may not touch the flags of stderr's open file description, which other processes
 * share: instead it asks poll() first, and sends with MSG_DONTWAIT where stderr is a socket (the journal).
 * A line is at most LINE_SIZE bytes, which is PIPE_BUF: a pipe that polls writable takes it whole, unmixed with the
 * lines of others. (Two writers on one nearly full pipe can still race; our children have a pipe each.) */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_repeat.h"
#include "common/text.h"

#define LINE_SIZE 4096
#define CONTEXT_KEYS 8
#define QUOTED_SIZE 1024

static struct {
    pthread_mutex_t lock;
    char process[64];
    enum log_level least;
    struct {
        char key[32], value[256];
    } context[CONTEXT_KEYS];
    struct log_repeat_table repeats;
    int64_t dropped; /* lines lost since the last one that got through */
    bool cut_line;   /* the last line got through in part: end it first */
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .process = "-", .least = LOG_INFO_LEVEL};

static const char *const level_names[] = {"debug", "info", "warn", "error", "fatal"};

/* A line under construction. Text beyond its end is lost; three bytes are kept for "..." and one for the newline. */
struct line {
    char bytes[LINE_SIZE + 1];
    size_t used;
    bool cut, ours;
};
#define LINE_ROOM (LINE_SIZE - 4)

static void line_add_arguments(struct line *line, const char *format, va_list arguments)
{
    size_t room = LINE_ROOM - line->used;
    int length = vsnprintf(line->bytes + line->used, room + 1, format, arguments);

    if (length < 0)
        return;
    if ((size_t)length > room) {
        line->cut = true;
        length = (int)room;
    }
    line->used += (size_t)length;
}

__attribute__((format(printf, 2, 3))) static void line_add(struct line *line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line_add_arguments(line, format, arguments);
    va_end(arguments);
}

/* Control characters would let a value begin a line of its own, or steer a terminal. */
static void line_finish(struct line *line)
{
    for (size_t i = 0; i < line->used; i++)
        if ((unsigned char)line->bytes[i] < 0x20 || line->bytes[i] == 0x7f)
            line->bytes[i] = ' ';
    if (line->cut) {
        memcpy(line->bytes + line->used, "...", 3);
        line->used += 3;
    }
    line->bytes[line->used++] = '\n';
}

/* What write() would do if stderr were non-blocking. -1 when nothing was taken. */
static ssize_t write_at_once(const char *bytes, size_t size)
{
    ssize_t sent = send(STDERR_FILENO, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK)
        return sent;
    struct pollfd item = {.fd = STDERR_FILENO, .events = POLLOUT};
    /* POLLERR: the reader of the pipe is gone, and a write would raise SIGPIPE. */
    if (poll(&item, 1, 0) != 1 || (item.revents & (POLLOUT | POLLERR | POLLNVAL)) != POLLOUT)
        return -1;
    return write(STDERR_FILENO, bytes, size);
}

static void emit(struct line *line)
{
    int saved = errno;

    line_finish(line);
    if (log_state.cut_line && write_at_once("\n", 1) == 1)
        log_state.cut_line = false;
    ssize_t written = log_state.cut_line ? -1 : write_at_once(line->bytes, line->used);
    if (written == (ssize_t)line->used) {
        if (line->ours)
            log_state.dropped = 0; /* it said so */
    } else {
        log_state.dropped++;
        log_state.cut_line = log_state.cut_line || written > 0;
    }
    errno = saved;
}

static void line_begin(struct line *line, const char *level, int pid, const char *event)
{
    char time[32];

    line->used = 0;
    line->cut = false;
    line->ours = true;
    wall_format(clock_wall(), time, sizeof time);
    line_add(line, "time=%s level=%s process=%s", time, level, log_state.process);
    for (int i = 0; i < CONTEXT_KEYS; i++)
        if (log_state.context[i].key[0])
            line_add(line, " %s=%s", log_state.context[i].key, log_state.context[i].value);
    line_add(line, " pid=%d event=%s", pid, event);
    if (log_state.dropped > 0)
        line_add(line, " dropped=%lld", (long long)log_state.dropped);
}

static void write_line(const char *level, const char *event, int64_t repeats, const char *format, va_list arguments)
{
    struct line line;

    line_begin(&line, level, (int)getpid(), event);
    if (repeats > 0)
        line_add(&line, " repeats=%lld", (long long)repeats);
    if (format && *format) {
        line_add(&line, " ");
        line_add_arguments(&line, format, arguments);
    }
    emit(&line);
}

void log_open(const char *process, enum log_level least)
{
    pthread_mutex_lock(&log_state.lock);
    text_copy(log_state.process, sizeof log_state.process, log_quote(process));
    log_state.least = least;
    pthread_mutex_unlock(&log_state.lock);
}

void log_set_level(enum log_level least)
{
    pthread_mutex_lock(&log_state.lock);
    log_state.least = least;
    pthread_mutex_unlock(&log_state.lock);
}

int log_level_parse(const char *text, enum log_level *out)
{
    for (int i = LOG_DEBUG_LEVEL; i <= LOG_ERROR_LEVEL; i++)
        if (text_equal(text, level_names[i])) {
            *out = (enum log_level)i;
            return 0;
        }
    return -1;
}

/* The place of `key`; when it has none, a free one; -1 when there is neither. */
static int find_context(const char *key)
{
    int free_place = -1;

    for (int i = CONTEXT_KEYS - 1; i >= 0; i--) {
        if (text_equal(log_state.context[i].key, key))
            return i;
        if (log_state.context[i].key[0] == '\0')
            free_place = i;
    }
    return free_place;
}

void log_context(const char *key, const char *value)
{
    pthread_mutex_lock(&log_state.lock);
    int i = find_context(key);
    if (i >= 0 && value) {
        text_copy(log_state.context[i].key, sizeof log_state.context[i].key, key);
        text_copy(log_state.context[i].value, sizeof log_state.context[i].value, log_quote(value));
    } else if (i >= 0) {
        log_state.context[i].key[0] = '\0';
    }
    pthread_mutex_unlock(&log_state.lock);
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pthread_mutex_lock(&log_state.lock);
    if (level >= log_state.least)
        write_line(level_names[level], event, 0, format, arguments);
    pthread_mutex_unlock(&log_state.lock);
    va_end(arguments);
}

void log_repeating(enum log_level level, const char *event, const char *key, const char *state, const char *format, ...)
{
    int64_t repeats = 0;
    va_list arguments;

    va_start(arguments, format);
    pthread_mutex_lock(&log_state.lock);
    if (level >= log_state.least && log_repeat_due(&log_state.repeats, event, key, state, clock_now(), &repeats))
        write_line(level_names[level], event, repeats, format, arguments);
    pthread_mutex_unlock(&log_state.lock);
    va_end(arguments);
}

static bool needs_quotes(const char *value)
{
    if (*value == '\0')
        return true;
    for (; *value; value++)
        if ((unsigned char)*value <= 0x20 || *value == 0x7f || strchr("\"\\=", *value))
            return true;
    return false;
}

/* Writes one character of a quoted value; returns its length, 1 or 2. */
static size_t escape(char c, char out[2])
{
    const char *special = strchr("\n\t\r\"\\", c);

    if (c != '\0' && special) {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c;
        return 2;
    }
    out[0] = (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
    return 1;
}

const char *log_quote(const char *value)
{
    static _Thread_local char buffers[4][QUOTED_SIZE + 8];
    static _Thread_local unsigned turn;
    char *out = buffers[turn++ % 4];
    const char *from = value ? value : "";
    bool quoted = needs_quotes(from);
    size_t used = 0;

    if (quoted)
        out[used++] = '"';
    for (; *from && used < QUOTED_SIZE; from++)
        used += quoted ? escape(*from, out + used) : (size_t)((out[used] = *from) != '\0');
    if (*from) { /* cut: take back the pieces of a UTF-8 character that was split */
        while (used > 1 && ((unsigned char)*from & 0xc0) == 0x80) {
            from--;
            used--;
        }
        memcpy(out + used, "...", 3);
        used += 3;
    }
    if (quoted)
        out[used++] = '"';
    out[used] = '\0';
    return out;
}

void log_fatal(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pthread_mutex_lock(&log_state.lock);
    write_line("fatal", event, 0, format, arguments);
    pthread_mutex_unlock(&log_state.lock);
    va_end(arguments);
    exit(2);
}

void log_panic(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pthread_mutex_lock(&log_state.lock);
    write_line("panic", event, 0, format, arguments);
    pthread_mutex_unlock(&log_state.lock);
    va_end(arguments);
    abort();
}

/* True for a line that our own log_write made in a child. */
static bool is_ours(const char *line)
{
    const char *level = text_starts(line, "time=") ? strchr(line, ' ') : NULL;

    return level && text_starts(level, " level=") && strstr(level, " process=") && strstr(level, " event=");
}

void log_child_line(const char *child, int pid, const char *text)
{
    size_t length = strcspn(text, "\n");
    struct line line;

    pthread_mutex_lock(&log_state.lock);
    if (is_ours(text)) {
        line.used = 0;
        line.cut = line.ours = false;
        line_add(&line, "%.*s", (int)(length < LINE_SIZE ? length : LINE_SIZE), text);
    } else {
        char said[QUOTED_SIZE + 1];
        text_format(said, sizeof said, "%.*s", (int)(length < QUOTED_SIZE ? length : QUOTED_SIZE), text);
        line_begin(&line, "warn", pid, "child.said");
        line_add(&line, " child=%s text=%s", log_quote(child), log_quote(said));
    }
    emit(&line);
    pthread_mutex_unlock(&log_state.lock);
}
