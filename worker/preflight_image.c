/* SPDX-License-Identifier: MPL-2.0 */
/* preflight_image.c: which image boots on which instance type, choosing one of an AMI set, and naming one that would
 * fit where the given one does not. Pure. Runs in: type worker.
 * Rules of EC2: virtualisation, architecture and boot mode must be among those of the instance type; types that need
 * ENA need an image that has it; the root device must be of a kind that the type takes. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/preflight_parts.h"

/* EC2 leaves bootMode out of older images: then it is the architecture's own. */
static const char *boot_mode(const json_t *image)
{
    const char *mode = fact_text(image, "bootMode");
    if (*mode)
        return mode;
    return text_equal(fact_text(image, "architecture"), "arm64") ? "uefi" : "legacy-bios";
}

static bool boots(const json_t *image, const json_t *type)
{
    const char *mode = boot_mode(image);
    if (!json_object_get(type, "supportedBootModes"))
        return true; /* not told */
    if (text_equal(mode, "uefi-preferred"))
        return fact_has(type, "supportedBootModes", "uefi") || fact_has(type, "supportedBootModes", "legacy-bios");
    return fact_has(type, "supportedBootModes", mode);
}

/* One pair of members that must agree; a side that EC2 does not tell is no fault. */
static bool agrees(const json_t *image, const char *image_member, const json_t *type, const char *type_member)
{
    const char *word = fact_text(image, image_member);
    return !*word || !json_object_get(type, type_member) || fact_has(type, type_member, word);
}

static bool misfit(enum finding_code *code, enum finding_code its, char *why, size_t size, const json_t *image,
                   const json_t *type, const char *image_word, const char *verb, const char *type_member)
{
    char words[100];
    fact_words(type, type_member, words, sizeof words);
    *code = its;
    text_format(why, size, "%s is %s; %s %s only %s", fact_text(image, "imageId"), image_word,
                fact_text(type, "instanceType"), verb, words);
    return false;
}

bool image_fits(const json_t *image, const json_t *type, enum finding_code *code, char *why, size_t size)
{
    if (!agrees(image, "virtualizationType", type, "supportedVirtualizationTypes"))
        return misfit(code, FINDING_IMAGE_VIRTUALIZATION, why, size, image, type,
                      fact_text(image, "virtualizationType"), "boots", "supportedVirtualizationTypes");
    if (!agrees(image, "architecture", type, "processorInfo.supportedArchitectures"))
        return misfit(code, FINDING_IMAGE_ARCHITECTURE, why, size, image, type, fact_text(image, "architecture"),
                      "runs", "processorInfo.supportedArchitectures");
    if (!boots(image, type))
        return misfit(code, FINDING_IMAGE_BOOT_MODE, why, size, image, type, boot_mode(image), "boots",
                      "supportedBootModes");
    if (!agrees(image, "rootDeviceType", type, "supportedRootDeviceTypes"))
        return misfit(code, FINDING_IMAGE_ROOT_DEVICE, why, size, image, type, fact_text(image, "rootDeviceType"),
                      "takes", "supportedRootDeviceTypes");
    if (text_equal(fact_text(type, "networkInfo.enaSupport"), "required") &&
        !text_equal(fact_text(image, "enaSupport"), "true")) {
        *code = FINDING_IMAGE_ENA;
        text_format(why, size, "%s is without ENA; %s needs it", fact_text(image, "imageId"),
                    fact_text(type, "instanceType"));
        return false;
    }
    return true;
}

/* ---- choosing ---- */

/* By what the set says of the image; what EC2 says of it is checked afterwards, like any other image. */
static bool set_image_fits(const struct amiset_image *candidate, const json_t *type)
{
    return fact_has(type, "supportedVirtualizationTypes", amiset_ec2_virtualization(candidate->virtualization)) &&
           fact_has(type, "processorInfo.supportedArchitectures", candidate->architecture);
}

static const char *choose(const struct amiset *set, const char *region, const json_t *type)
{
    for (size_t i = 0; i < set->count; i++)
        if (text_equal(set->images[i].region, region) && set_image_fits(&set->images[i], type))
            return set->images[i].image;
    return NULL;
}

size_t preflight_choose(struct definition *definition, const struct catalogue_facts *facts, size_t region_count)
{
    size_t without = 0;
    for (size_t i = 0; i < definition->spec_count; i++) {
        struct launch_spec *spec = &definition->specs[i];
        const struct catalogue_facts *known = facts_of_region(facts, region_count, spec->region);
        const json_t *type = NULL;
        if (*spec->image)
            continue;
        const char *image = fact_of(known, CATALOGUE_TYPES, spec->instance_type, &type) == FACT_THERE
                                ? choose(definition->images, spec->region, type)
                                : NULL;
        if (image)
            definition_choose_image(spec, image);
        else
            without++;
    }
    return without;
}

/* ---- checking ---- */

static bool fits_here(const struct preflight_look *look, const char *name, const json_t *type)
{
    const json_t *image = NULL;
    enum finding_code code;
    char why[200];
    return name && fact_of(look->facts, CATALOGUE_IMAGES, name, &image) == FACT_THERE &&
           text_equal(fact_text(image, "imageState"), "available") && image_fits(image, type, &code, why, sizeof why);
}

/* Names an image that would do: of the type's own set first, then of those known elsewhere. */
static void name_one_that_fits(const struct preflight_look *look, const json_t *type, char *out, size_t size)
{
    const struct amiset *set = look->input->definition->images;
    const json_t *candidate;
    size_t i;
    for (i = 0; set && i < set->count; i++) {
        if (!text_equal(set->images[i].region, look->spec->region) || !fits_here(look, set->images[i].image, type))
            continue;
        text_format(out, size, "set %s has %s for it", set->name, set->images[i].image);
        return;
    }
    json_array_foreach(look->input->candidates, i, candidate)
    {
        const char *image = json_string_value(json_object_get(candidate, "image"));
        const char *from = json_string_value(json_object_get(candidate, "from"));
        if (!text_equal(json_string_value(json_object_get(candidate, "region")), look->spec->region) ||
            !fits_here(look, image, type))
            continue;
        text_format(out, size, "%s has %s for it", from ? from : "?", image);
        return;
    }
}

/* The image's own volumes may not be asked for smaller. The flat form loses which volume is which when some mapping has
 * no EBS part, so only whole lists are compared. */
static void check_volumes(struct preflight_look *look, const json_t *image)
{
    const json_t *wanted, *names = json_object_get(image, "blockDeviceMapping.deviceName");
    const json_t *sizes = json_object_get(image, "blockDeviceMapping.ebs.volumeSize");
    size_t i, k;
    char path[160];
    if (json_array_size(names) == 0 || json_array_size(names) != json_array_size(sizes))
        return;
    json_array_foreach(json_object_get(look->spec->launch, "BlockDeviceMappings"), i, wanted)
    {
        const char *device = json_string_value(json_object_get(wanted, "DeviceName"));
        int64_t size = json_integer_value(json_object_get(json_object_get(wanted, "Ebs"), "VolumeSize"));
        for (k = 0; k < json_array_size(names) && size > 0; k++) {
            const char *least = json_string_value(json_array_get(sizes, k));
            if (!text_equal(device, json_string_value(json_array_get(names, k))) || !least || size >= atoll(least))
                continue;
            path_of_key(look->input->definition, look->spec, "BlockDeviceMappings", path, sizeof path);
            preflight_add(look, FINDING_VOLUME_TOO_SMALL, SEVERITY_ERROR, true, path,
                          "%s asks for %lld GiB; the snapshot of %s has %s", device, (long long)size, look->spec->image,
                          least);
        }
    }
}

static void check_against_type(struct preflight_look *look, const json_t *image, const char *path)
{
    const json_t *type = NULL;
    enum finding_code code;
    char why[200] = "";
    if (fact_of(look->facts, CATALOGUE_TYPES, look->spec->instance_type, &type) != FACT_THERE ||
        image_fits(image, type, &code, why, sizeof why))
        return;
    struct finding *finding = preflight_add(look, code, SEVERITY_ERROR, true, path, "%s", why);
    if (finding)
        name_one_that_fits(look, type, finding->fits, sizeof finding->fits);
}

static void check_no_image(struct preflight_look *look, const char *path)
{
    const json_t *type = NULL;
    char words[100];
    if (fact_of(look->facts, CATALOGUE_TYPES, look->spec->instance_type, &type) != FACT_THERE) {
        preflight_add(look, FINDING_NO_IMAGE_CHOSEN, SEVERITY_WARNING, true, path,
                      "which image %s boots cannot be told: its catalogue entry is not known",
                      look->spec->instance_type);
        return;
    }
    fact_words(type, "supportedVirtualizationTypes", words, sizeof words);
    struct finding *finding = preflight_add(
        look, FINDING_SET_WITHOUT_IMAGE, SEVERITY_ERROR, true, path, "set %s has no image in %s for %s, which boots %s",
        look->input->definition->ami_set, look->spec->region, look->spec->instance_type, words);
    if (finding)
        name_one_that_fits(look, type, finding->fits, sizeof finding->fits);
}

void preflight_check_image(struct preflight_look *look)
{
    const json_t *image = NULL;
    char path[160];
    path_of_key(look->input->definition, look->spec, "ImageId", path, sizeof path);
    if (!*look->spec->image) {
        check_no_image(look, path);
        return;
    }
    switch (fact_of(look->facts, CATALOGUE_IMAGES, look->spec->image, &image)) {
    case FACT_UNKNOWN:
        return;
    case FACT_ABSENT: {
        struct finding *finding =
            preflight_add(look, FINDING_IMAGE_MISSING, SEVERITY_ERROR, true, path,
                          "%s is not in %s, or not ours to use", look->spec->image, look->spec->region);
        const json_t *type = NULL;
        if (finding && fact_of(look->facts, CATALOGUE_TYPES, look->spec->instance_type, &type) == FACT_THERE)
            name_one_that_fits(look, type, finding->fits, sizeof finding->fits);
        return;
    }
    case FACT_THERE:
        if (*fact_text(image, "imageState") && !text_equal(fact_text(image, "imageState"), "available"))
            preflight_add(look, FINDING_IMAGE_STATE, SEVERITY_ERROR, true, path, "%s is %s, not available",
                          look->spec->image, fact_text(image, "imageState"));
        check_against_type(look, image, path);
        check_volumes(look, image);
    }
}
