/* SPDX-License-Identifier: MPL-2.0 */
/* http_json.c: reads counts out of somebody else's JSON by pointers; see http_json.h. Runs in: type worker. Pure. */
#include "worker/queue/http_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define LARGEST_COUNT 1000000000

/* One part of a pointer, with ~1 and ~0 as RFC 6901 reads them. Returns what follows it. */
static const char *take_part(const char *pointer, char *part, size_t size)
{
    size_t used = 0;

    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char letter = *pointer;
        if (letter == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            letter = *++pointer == '0' ? '~' : '/';
        if (used + 1 < size)
            part[used++] = letter;
    }
    part[used] = '\0';
    return pointer;
}

static json_t *inside(json_t *value, const char *part)
{
    char *end;

    if (json_is_object(value))
        return json_object_get(value, part);
    if (!json_is_array(value) || part[0] < '0' || part[0] > '9')
        return NULL;
    unsigned long index = strtoul(part, &end, 10);
    return *end == '\0' ? json_array_get(value, index) : NULL;
}

json_t *http_json_at(json_t *document, const char *pointer)
{
    char part[128];

    while (document && *pointer == '/') {
        pointer = take_part(pointer, part, sizeof part);
        document = inside(document, part);
    }
    return *pointer ? NULL : document;
}

static int take_count(json_t *document, const char *pointer, int64_t *out, struct error *err)
{
    json_t *value = http_json_at(document, pointer);

    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > LARGEST_COUNT)
        return error_set(err, ERROR_REMOTE, "demand URL: %s is no count", *pointer ? pointer : "the answer");
    *out = json_integer_value(value);
    return 0;
}

/* A time as text (RFC 3339) or as seconds since 1970; null or absence while nothing waits is no fault. */
static int take_oldest(json_t *document, const char *pointer, int64_t pending, struct wall *out, struct error *err)
{
    json_t *value = http_json_at(document, pointer);

    *out = (struct wall){0};
    if (pending == 0 || !*pointer)
        return 0;
    if (json_is_string(value) && wall_parse(json_string_value(value), out) == 0)
        return 0;
    if (json_is_number(value) && json_number_value(value) > 0 && json_number_value(value) < 1e11) {
        out->ms = (int64_t)(json_number_value(value) * 1000);
        return 0;
    }
    return error_set(err, ERROR_REMOTE, "demand URL: %s is no time", pointer);
}

int http_json_parse(const struct http_json *source, const char *body, size_t size, int64_t *pending, int64_t *claimed,
                    struct wall *oldest, struct error *err)
{
    json_t *document = json_read_text("demand URL", body, size, err);
    int result = -1;

    *claimed = -1;
    if (document && take_count(document, source->pending, pending, err) == 0 &&
        (!*source->claimed || take_count(document, source->claimed, claimed, err) == 0))
        result = take_oldest(document, source->oldest, *pending, oldest, err);
    json_decref(document);
    return result;
}
