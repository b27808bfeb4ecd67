/* SPDX-License-Identifier: MPL-2.0 */
/* json.c: reads and writes whole JSON documents, and says where in a document something is wrong.
 * Runs in: every process. Owns nothing; what it returns is the caller's. All parsing is jansson's: this file adds the
 * limits (size, regular files only, no duplicate members) and the sentences. The typed members are in json_get.c.
 * Excerpts of documents are shown only for files, which are the operator's own: a message from elsewhere may carry a
 * token, and errors end in logs. */
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

static json_t *parse(const char *name, const char *text, size_t size, bool show_excerpt, struct error *err)
{
    json_error_t wrong;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &wrong);

    if (value)
        return value;
    char *excerpt = strstr(wrong.text, " near ");
    if (excerpt && !show_excerpt)
        *excerpt = '\0';
    if (wrong.line > 0)
        error_set(err, ERROR_INPUT, "%s: line %d, column %d: %s", name, wrong.line, wrong.column, wrong.text);
    else
        error_set(err, ERROR_INPUT, "%s: %s", name, wrong.text);
    return NULL;
}

json_t *json_read_text(const char *name, const char *text, size_t size, struct error *err)
{
    return parse(name, text, size, false, err);
}

/* The whole of an open regular file; -1 with *err filled. The size is counted while reading: a file may grow. */
static int read_all(int fd, const char *path, size_t limit, struct buffer *out, struct error *err)
{
    char piece[16384];

    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, ERROR_LOCAL, "%s", path);
        if (got == 0)
            return 0;
        if ((size_t)got > limit - out->size)
            return error_set(err, ERROR_LIMIT, "%s: is over %zu bytes", path, limit);
        buffer_add(out, piece, (size_t)got);
    }
}

json_t *json_read_file(const char *path, size_t limit, struct error *err)
{
    struct buffer text = {0};
    struct stat status;
    json_t *value = NULL;
    /* O_NONBLOCK: opening a FIFO that nobody writes must not hang the reader. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        error_set_errno(err, ERROR_LOCAL, "%s", path);
        return NULL;
    }
    if (fstat(fd, &status) != 0)
        error_set_errno(err, ERROR_LOCAL, "%s", path);
    else if (!S_ISREG(status.st_mode))
        error_set(err, ERROR_LOCAL, "%s: is not a regular file", path);
    else if (read_all(fd, path, limit, &text, err) == 0)
        value = parse(path, buffer_text(&text), text.size, true, err);
    close(fd);
    buffer_free(&text);
    return value;
}

struct json_at json_at_root(const char *file)
{
    return (struct json_at){.name = file};
}

struct json_at json_at_member(const struct json_at *parent, const char *name)
{
    return (struct json_at){.parent = parent, .name = name};
}

struct json_at json_at_index(const struct json_at *parent, size_t index)
{
    return (struct json_at){.parent = parent, .index = index};
}

/* Appends the path below the root: `regions[1].launchSpec`. A path too long for `out` keeps its beginning. */
static void format_path(const struct json_at *at, char *out, size_t size)
{
    if (!at->parent)
        return;
    format_path(at->parent, out, size);
    size_t used = strlen(out);
    if (at->name)
        text_format(out + used, size - used, "%s%.80s", used > 0 ? "." : "", at->name);
    else
        text_format(out + used, size - used, "[%zu]", at->index);
}

int json_complain(const struct json_at *at, struct error *err, const char *format, ...)
{
    const struct json_at *root = at;
    char path[192] = "", text[256];
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    while (root && root->parent)
        root = root->parent;
    if (at)
        format_path(at, path, sizeof path);
    const char *file = root && root->name ? root->name : "";
    return error_set(err, ERROR_INPUT, "%s%s%s%s%s", file, *file ? ": " : "", path, *path ? ": " : "", text);
}

#define SUGGEST_LONGEST 64

/* Levenshtein's distance by one row of its table. Words longer than SUGGEST_LONGEST are far from everything. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[SUGGEST_LONGEST + 1], a_size = strlen(a), b_size = strlen(b);

    if (a_size > SUGGEST_LONGEST || b_size > SUGGEST_LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_size];
}

const char *json_suggest(const char *word, const char *const *allowed)
{
    const char *nearest = NULL;
    size_t least = 4; /* a distance of 3 at most */

    for (; *allowed; allowed++) {
        size_t distance = edit_distance(word, *allowed);
        if (distance < least && distance * 2 < strlen(*allowed)) {
            least = distance;
            nearest = *allowed;
        }
    }
    return nearest;
}

static bool is_listed(const char *name, const char *const *allowed)
{
    for (; *allowed; allowed++)
        if (strcmp(name, *allowed) == 0)
            return true;
    return false;
}

int json_only_members(const json_t *object, const struct json_at *at, const char *const *allowed, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return json_complain(at, err, "must be an object");
    json_object_foreach((json_t *)object, name, value)
    {
        if (is_listed(name, allowed))
            continue;
        struct json_at member = json_at_member(at, name);
        const char *nearest = json_suggest(name, allowed);
        if (nearest)
            return json_complain(&member, err, "is not a known name; did you mean \"%s\"?", nearest);
        return json_complain(&member, err, "is not a known name");
    }
    return 0;
}

char *json_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

void json_sha256(const json_t *value, char out[65])
{
    unsigned char digest[32];
    char *text = json_text(value);

    if (!text) /* without memory a hash would be of nothing, and two definitions would look alike */
        abort();
    text_sha256(text, strlen(text), digest);
    text_hex(digest, sizeof digest, out);
    free(text);
}
