/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_state.c: the book as a small JSON file, replaced in one step. Runs in: provisiond-notifier.
 * Owns: the file. A damaged file is moved aside, with a word: then standing alarms are told once more, which is better
 * than a notifier that does not start. What was under way when the process died may have arrived. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

#define FILE_LIMIT (8 * 1024 * 1024)

static const char *const state_names[] = {"none", "waiting", "sending", "done", "given-up", "unknown"};

/* ---- writing ---- */

static json_t *print_deliveries(const struct notice *notice)
{
    json_t *all = json_object();

    for (int lane = 0; lane < LANE_COUNT; lane++) {
        json_t *phases = json_object();
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
            const struct delivery *delivery = &notice->deliveries[lane][phase];
            json_object_set_new(phases, phase_name((enum phase)phase),
                                json_pack("{s:s, s:I}", "state", state_names[delivery->state], "attempts",
                                          (json_int_t)delivery->attempts));
        }
        json_object_set_new(all, lane_name((enum lane)lane), phases);
    }
    return all;
}

static json_t *print_notice(const struct notice *notice)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:b, s:o}", "incarnation", notice->incarnation, "id",
                     (json_int_t)notice->id, "kind", notice->kind, "subject", notice->subject, "text", notice->text,
                     "since", (json_int_t)notice->since.ms, "ended", (json_int_t)notice->ended.ms, "standing",
                     notice->standing, "deliveries", print_deliveries(notice));
}

static int sync_directory(const char *path)
{
    char directory[PATH_MAX];
    char *slash;

    text_copy(directory, sizeof directory, path);
    slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0)
        close(fd);
    return result;
}

static int replace(const char *path, const char *text, struct error *err)
{
    char fresh[PATH_MAX];
    size_t size = strlen(text), written = 0;

    if (text_format(fresh, sizeof fresh, "%s.new", path) != 0)
        return error_set(err, ERROR_LOCAL, "%s: the path is too long", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", fresh);
    while (written < size) {
        ssize_t got = write(fd, text + written, size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        written += (size_t)got;
    }
    int result = written == size && fsync(fd) == 0 ? 0 : error_set_errno(err, ERROR_LOCAL, "%s", fresh);
    if (close(fd) != 0 && result == 0)
        result = error_set_errno(err, ERROR_LOCAL, "%s", fresh);
    if (result == 0 && (rename(fresh, path) != 0 || sync_directory(path) != 0))
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    return result;
}

int state_write(const char *path, struct book *book, struct error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < book->count; i++)
        json_array_append_new(list, print_notice(book->list[i]));
    json_t *document = json_pack("{s:i, s:o}", "version", 1, "notices", list);
    char *text = document ? json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    int result = text ? replace(path, text, err) : error_set(err, ERROR_LOCAL, "%s: memory ended", path);
    free(text);
    json_decref(document);
    book->dirty = result != 0;
    return result;
}

/* ---- reading ---- */

static enum delivery_state state_of(const char *name, bool retry_unknown)
{
    for (int state = 0; name && state <= DELIVERY_UNKNOWN; state++)
        if (strcmp(state_names[state], name) == 0) {
            if (state == DELIVERY_SENDING)
                return retry_unknown ? DELIVERY_WAITING : DELIVERY_UNKNOWN;
            return (enum delivery_state)state;
        }
    return DELIVERY_NONE;
}

/* What waits in a lane that is no longer configured is not told there any more. */
static void read_deliveries(const json_t *all, const struct book *book, bool retry_unknown, struct notice *notice)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
            const json_t *one =
                json_object_get(json_object_get(all, lane_name((enum lane)lane)), phase_name((enum phase)phase));
            struct delivery *delivery = &notice->deliveries[lane][phase];
            delivery->state = state_of(json_string_value(json_object_get(one, "state")), retry_unknown);
            delivery->attempts = json_integer_value(json_object_get(one, "attempts"));
            if (delivery->state == DELIVERY_WAITING && !book->lanes[lane])
                delivery->state = DELIVERY_NONE;
        }
}

/* Words are cut to the notice's sizes; the incarnation and id must be whole, or the raise has no name. */
static int read_notice(const json_t *object, const struct json_at *at, const struct book *book, bool retry_unknown,
                       struct notice *notice, struct error *err)
{
    const char *incarnation, *kind, *subject, *text;
    int64_t since = 0, ended = 0;
    json_t *deliveries = NULL;

    if (json_get_string(object, at, "incarnation", true, 1, STREAM_INCARNATION_SIZE - 1, &incarnation, err) != 0 ||
        json_get_integer(object, at, "id", true, 1, INT64_MAX, &notice->id, err) != 0 ||
        json_get_string(object, at, "kind", true, 0, SIZE_MAX, &kind, err) != 0 ||
        json_get_string(object, at, "subject", true, 0, SIZE_MAX, &subject, err) != 0 ||
        json_get_string(object, at, "text", true, 0, SIZE_MAX, &text, err) != 0 ||
        json_get_integer(object, at, "since", true, 0, INT64_MAX, &since, err) != 0 ||
        json_get_integer(object, at, "ended", true, 0, INT64_MAX, &ended, err) != 0 ||
        json_get_bool(object, at, "standing", true, &notice->standing, err) != 0 ||
        json_get_object(object, at, "deliveries", true, &deliveries, err) != 0)
        return -1;
    text_copy(notice->incarnation, sizeof notice->incarnation, incarnation);
    text_copy(notice->kind, sizeof notice->kind, kind);
    text_copy(notice->subject, sizeof notice->subject, subject);
    text_copy(notice->text, sizeof notice->text, text);
    notice->since = (struct wall){since};
    notice->ended = (struct wall){ended};
    read_deliveries(deliveries, book, retry_unknown, notice);
    return 0;
}

static int read_list(const json_t *list, const struct json_at *root, struct book *book, bool retry_unknown,
                     struct error *err)
{
    struct json_at notices = json_at_member(root, "notices");

    for (size_t i = 0; i < json_array_size(list) && book->count < NOTICES_MOST; i++) {
        struct json_at at = json_at_index(&notices, i);
        struct notice *notice = calloc(1, sizeof *notice);
        if (!notice)
            abort();
        book->list[book->count++] = notice;
        notice->serial = ++book->last_serial;
        if (read_notice(json_array_get(list, i), &at, book, retry_unknown, notice, err) != 0)
            return -1;
    }
    return 0;
}

int state_read(const char *path, struct book *book, bool retry_unknown, struct error *err)
{
    struct json_at root = json_at_root(path);
    char aside[PATH_MAX];
    json_t *list = NULL;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    json_t *document = json_read_file(path, FILE_LIMIT, err);
    int result = document && json_get_array(document, &root, "notices", true, &list, err) == 0
                     ? read_list(list, &root, book, retry_unknown, err)
                     : -1;
    json_decref(document);
    if (result == 0)
        return 0;
    book_clear(book);
    if (text_format(aside, sizeof aside, "%s.damaged", path) != 0 || rename(path, aside) != 0)
        return -1;
    log_error("state.damaged", "moved=%s reason=%s", log_quote(aside), log_quote(err->text));
    return 0;
}
