/* SPDX-License-Identifier: MPL-2.0 */
/* log.h: one line an event, key=value, to stderr; context set once is carried by every later line.
 * Runs in: every process. Owns: the process's log context and its repeat table. Never blocks: a line that stderr does
 * not take at once is dropped and counted (case B66: a log target that blocks does not block a tick).
 *
 *   time=2016-07-21T20:06:00.000Z level=warn process=worker type=desktop-test pid=77 event=launch.failed grant=12
 *
 * Words for severity: debug, info, warn (works on, an operator should look), error (something is refused or lost),
 * fatal (the environment: exit 2), panic (our bug: abort). Secrets have no formatter and cannot be logged. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL, LOG_FATAL_LEVEL };

void log_open(const char *process, enum log_level least);
void log_set_level(enum log_level least);
int log_level_parse(const char *text, enum log_level *out); /* "debug", "info", "warn", "error" */

/* Adds or replaces one key of the context (type, region, grant ...); NULL removes it. At most 8 keys. */
void log_context(const char *key, const char *value);

/* Writes a line: event is a dotted name, the rest is key=value text that the format gives:
 *   log_warn("launch.failed", "code=%s took=%dms", code, ms);
 * Values with blanks or quotes are put through log_quote() by the caller. */
void log_write(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define log_debug(...) log_write(LOG_DEBUG_LEVEL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR_LEVEL, __VA_ARGS__)

/* As log_write, for things that may repeat for hours: the first, then one line an hour per (event, key) with
 * repeats=N, and again when `state` differs from the last one given for it (case B66). */
void log_repeating(enum log_level level, const char *event, const char *key, const char *state, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Quotes and escapes a value, cut at 1 KB: "two words" -> "\"two words\"". Returns one of 4 static buffers in turn. */
const char *log_quote(const char *value);

/* Environment fault: logs at fatal and exits with 2. */
_Noreturn void log_fatal(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Our own bug: logs and aborts. */
_Noreturn void log_panic(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes lines that a child process wrote to its stderr: lines that are ours already go through unchanged, others
 * become event=child.said with child= and pid=. */
void log_child_line(const char *child, int pid, const char *line);

#endif
