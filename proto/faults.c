/* SPDX-License-Identifier: MPL-2.0 */
/* faults.c: see faults.h. The parser's messages are "FILE: PATH: TEXT"; the path leads to what is to be taken out.
 * Elements of lists keep the number that they have in the file, also after one before them was taken out. */
#include "proto/faults.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define MOST_FAULTS 100

struct search {
    json_t *copy;
    json_t *origins; /* list name -> the numbers that its elements have in the file */
    const char *file;
    const json_t *harmless;
};

/* ---- the path of a message ---- */

/* "regions[1].launchSpec.ImageId" between "FILE: " and ": ". False: the message has none. */
static bool path_of(const struct search *search, const char *message, char *out, size_t size)
{
    size_t length = strlen(search->file);
    const char *end;
    if (!text_starts(message, search->file) || !text_starts(message + length, ": "))
        return false;
    message += length + 2;
    end = strstr(message, ": ");
    return end && end > message && text_format(out, size, "%.*s", (int)(end - message), message) == 0;
}

/* The number in the file instead of the one in the copy. */
static void put_origin(const struct search *search, const char *message, char *out, size_t size)
{
    char path[300], list[100];
    const char *bracket;
    text_copy(out, size, message);
    if (!path_of(search, message, path, sizeof path) || !(bracket = strchr(path, '[')))
        return;
    text_format(list, sizeof list, "%.*s", (int)(bracket - path), path);
    const json_t *origin = json_array_get(json_object_get(search->origins, list), (size_t)atoi(bracket + 1));
    const char *rest = message + strlen(search->file) + 2 + strlen(list);
    if (origin)
        text_format(out, size, "%s: %s[%lld%s", search->file, list, (long long)json_integer_value(origin),
                    strchr(rest, ']'));
}

/* ---- taking out ---- */

static json_t *below(json_t *at, const char **path, char *name, size_t size, long *index)
{
    (void)at;
    *index = -1;
    if (**path == '[') {
        *index = strtol(*path + 1, NULL, 10);
        *path += strcspn(*path, "]");
        *path += **path == ']';
    } else {
        size_t length = strcspn(*path, ".[");
        text_format(name, size, "%.*s", (int)length, *path);
        *path += length;
    }
    *path += **path == '.';
    return *index >= 0 ? json_array_get(at, (size_t)*index) : json_object_get(at, name);
}

/* A whole element of one of the document's lists; never the last one. */
static bool drop_element(struct search *search, const char *path)
{
    char list[100];
    const char *bracket = strchr(path, '[');
    if (!bracket)
        return false;
    text_format(list, sizeof list, "%.*s", (int)(bracket - path), path);
    json_t *array = json_object_get(search->copy, list);
    size_t index = (size_t)atoi(bracket + 1);
    if (json_array_size(array) < 2 || json_array_remove(array, index) != 0)
        return false;
    json_array_remove(json_object_get(search->origins, list), index);
    return true;
}

/* Without these an element of a list is nothing. */
static bool names_its_element(const char *name)
{
    return strcmp(name, "region") == 0 || strcmp(name, "availabilityZone") == 0 || strcmp(name, "instanceType") == 0 ||
           strcmp(name, "name") == 0;
}

/* Sets the leaf to something harmless, or removes it. False: it cannot be told how. */
static bool take_out(struct search *search, const char *path)
{
    const char *rest = path;
    char name[200] = "";
    long index = -1;
    json_t *parent = NULL, *at = search->copy;
    while (*rest && at) {
        parent = at;
        at = below(at, &rest, name, sizeof name, &index);
    }
    if (*rest || !parent)
        return drop_element(search, path);
    json_t *harmless = index < 0 ? json_object_get(search->harmless, name) : NULL;
    if (harmless && !json_equal(at, harmless))
        return json_object_set(parent, name, harmless) == 0;
    if (at && index < 0 && (parent == search->copy || !names_its_element(name)))
        return json_object_del(parent, name) == 0;
    return drop_element(search, path);
}

static json_t *number_lists(const json_t *document)
{
    json_t *origins = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)document, name, value)
    {
        json_t *numbers = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(numbers, json_integer((json_int_t)i));
        json_object_set_new(origins, name, numbers);
    }
    return origins;
}

size_t faults_find(const json_t *document, const char *file, const json_t *harmless, faults_parse *parse,
                   void *parse_context, faults_tell *tell, void *tell_context)
{
    struct search search = {json_deep_copy(document), number_lists(document), file, harmless};
    char last[512] = "", text[600], path[300];
    size_t count = 0;
    struct error err;
    while (count < MOST_FAULTS && parse(parse_context, search.copy, &err) != 0) {
        if (strcmp(last, err.text) == 0)
            break; /* taking it out changed nothing */
        text_copy(last, sizeof last, err.text);
        put_origin(&search, err.text, text, sizeof text);
        tell(tell_context, text);
        count++;
        if (!path_of(&search, err.text, path, sizeof path) || !take_out(&search, path))
            break;
    }
    json_decref(search.copy);
    json_decref(search.origins);
    return count;
}
