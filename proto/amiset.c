/* SPDX-License-Identifier: MPL-2.0 */
/* amiset.c: an AMI set from JSON, each image checked, with the place in the file in every message.
 * Runs in: supervisor, type worker, provisionctl. Pure: no file, clock or environment. */
#include "proto/amiset.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define MOST_REGIONS 64
#define MOST_OF_A_REGION 6 /* 2 virtualisations x 3 architectures */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

#define WORD_IN_LIST(word) word,
static const char *const virtualizations[] = {AMISET_VIRTUALIZATIONS(WORD_IN_LIST) NULL};
static const char *const architectures[] = {AMISET_ARCHITECTURES(WORD_IN_LIST) NULL};

int amiset_check_name(const char *name, const struct json_at *at, struct error *err)
{
    if (!*name || strlen(name) >= NAME_SIZE || name[strspn(name, NAME_CHARACTERS)])
        return json_complain(at, err, "an AMI set's name has 1 to %d letters, digits, - and _", NAME_SIZE - 1);
    return 0;
}

const char *amiset_ec2_virtualization(const char *ours)
{
    return text_equal(ours, "pv") ? "paravirtual" : ours;
}

static int check_image(const json_t *value, const struct json_at *at, struct error *err)
{
    const char *image = json_string_value(value);
    size_t length = json_string_length(value);
    if (!image || !text_starts(image, "ami-") || length < 5 || length >= NAME_SIZE ||
        image[strspn(image, NAME_CHARACTERS)])
        return json_complain(at, err, "must be an image's id, ami-...");
    return 0;
}

/* Text stands for {"x86_64": text}. New reference. */
static json_t *by_architecture(json_t *value)
{
    return json_is_string(value) ? json_pack("{s:O}", "x86_64", value) : json_incref(value);
}

static int parse_virtualization(struct amiset *set, const json_t *images, const char *region, const char *name,
                                const struct json_at *at, struct error *err)
{
    if (!json_is_object(images) || json_object_size(images) == 0)
        return json_complain(at, err, "must be an image's id, or an object of architecture -> image id");
    if (json_only_members(images, at, architectures, err) < 0)
        return -1;
    for (const char *const *architecture = architectures; *architecture; architecture++) {
        const json_t *value = json_object_get(images, *architecture);
        struct json_at image_at = json_at_member(at, *architecture);
        if (!value)
            continue;
        if (check_image(value, &image_at, err) < 0)
            return -1;
        struct amiset_image *image = &set->images[set->count++];
        text_copy(image->region, sizeof image->region, region);
        text_copy(image->virtualization, sizeof image->virtualization, name);
        text_copy(image->architecture, sizeof image->architecture, *architecture);
        text_copy(image->image, sizeof image->image, json_string_value(value));
    }
    return 0;
}

static int parse_region(struct amiset *set, json_t *object, const char *region, const struct json_at *at,
                        struct error *err)
{
    if (!*region || strlen(region) >= NAME_SIZE || region[strspn(region, NAME_CHARACTERS)])
        return json_complain(at, err, "is no region's name");
    if (!json_is_object(object) || json_object_size(object) == 0)
        return json_complain(at, err, "must be an object with hvm, pv or both");
    if (json_only_members(object, at, virtualizations, err) < 0)
        return -1;
    for (const char *const *name = virtualizations; *name; name++) {
        json_t *value = json_object_get(object, *name);
        struct json_at value_at = json_at_member(at, *name);
        if (!value)
            continue;
        json_t *images = by_architecture(value);
        int result = parse_virtualization(set, images, region, *name, &value_at, err);
        json_object_set_new(object, *name, images);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Regions in the order of their names, whatever the order in the file: the same set, the same list. */
static int fill_sorted(struct amiset *set, const char **names, const struct json_at *root, struct error *err)
{
    const char *name;
    json_t *object;
    size_t count = 0;
    json_object_foreach(set->document, name, object) names[count++] = name;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        struct json_at at = json_at_member(root, names[i]);
        if (parse_region(set, json_object_get(set->document, names[i]), names[i], &at, err) < 0)
            return -1;
    }
    return 0;
}

static int fill(struct amiset *set, const struct json_at *root, struct error *err)
{
    size_t regions = json_object_size(set->document);
    if (!json_is_object(set->document) || regions == 0 || regions > MOST_REGIONS)
        return json_complain(root, err, "an AMI set is an object of 1 to %d regions", MOST_REGIONS);
    set->images = calloc(regions * MOST_OF_A_REGION, sizeof *set->images);
    const char **names = calloc(regions, sizeof *names);
    int result = set->images && names ? fill_sorted(set, names, root, err) : json_complain(root, err, "memory ended");
    free(names);
    if (result == 0)
        json_sha256(set->document, set->hash);
    return result;
}

struct amiset *amiset_parse_at(const json_t *document, const char *name, const struct json_at *at, struct error *err)
{
    struct amiset *set = calloc(1, sizeof *set);
    if (set)
        set->document = json_deep_copy(document);
    if (!set || !set->document) {
        error_set(err, ERROR_LOCAL, "AMI set %s: memory ended", name);
        amiset_destroy(&set);
        return NULL;
    }
    text_copy(set->name, sizeof set->name, name);
    if (amiset_check_name(name, at, err) < 0 || fill(set, at, err) < 0)
        amiset_destroy(&set);
    return set;
}

struct amiset *amiset_parse(const json_t *document, const char *name, const char *file, struct error *err)
{
    struct json_at root = json_at_root(file);
    struct amiset *set = amiset_parse_at(document, name, &root, err);
    if (set)
        text_copy(set->file, sizeof set->file, file);
    return set;
}

void amiset_destroy(struct amiset **set)
{
    if (!*set)
        return;
    free((*set)->images);
    json_decref((*set)->document);
    free(*set);
    *set = NULL;
}

size_t amiset_region(const struct amiset *set, const char *region, const char **only)
{
    size_t count = 0;
    for (size_t i = 0; set && i < set->count; i++) {
        if (!text_equal(set->images[i].region, region))
            continue;
        if (only)
            *only = set->images[i].image;
        count++;
    }
    if (count != 1 && only)
        *only = NULL;
    return count;
}
