/* SPDX-License-Identifier: MPL-2.0 */
/* definition_images.c: how a definition and its AMI set come together: the images of its regions are put into the
 * document when it is read, and one of them into each merged specification when the instance type is known.
 * Runs in: supervisor (joins), type worker (chooses). Pure. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/definition_parts.h"

const char *definition_set_name(const json_t *document)
{
    return json_string_value(json_object_get(document, "amiSet"));
}

/* Only the regions that the definition lists: another region's change in the set is none of its business. */
json_t *definition_with_images(const json_t *document, const struct amiset *set)
{
    json_t *copy = json_copy((json_t *)document), *images, *element;
    size_t i;
    if (!copy || !definition_set_name(document))
        return copy;
    images = json_object();
    json_array_foreach(json_object_get(document, "regions"), i, element)
    {
        const char *region = json_string_value(json_object_get(element, "region"));
        json_t *of_region = region ? json_object_get(set->document, region) : NULL;
        if (of_region)
            json_object_set(images, region, of_region);
    }
    json_object_set_new(copy, "amiImages", images);
    return copy;
}

int definition_images_parse(const json_t *document, const struct json_at *root, struct definition *definition,
                            struct error *err)
{
    const char *name = NULL;
    json_t *images = json_object_get(document, "amiImages");
    struct json_at name_at = json_at_member(root, "amiSet"), images_at = json_at_member(root, "amiImages");
    if (json_get_string(document, root, "amiSet", false, 1, NAME_SIZE - 1, &name, err) < 0)
        return -1;
    if (!name)
        return images ? json_complain(&images_at, err, "is written by provisiond beside amiSet, not by hand") : 0;
    if (amiset_check_name(name, &name_at, err) < 0)
        return -1;
    if (!images)
        return json_complain(&name_at, err, "the images of AMI set \"%s\" are not known here", name);
    if (json_is_object(images) && json_object_size(images) == 0)
        return json_complain(&name_at, err, "AMI set \"%s\" has no image for any of its regions", name);
    definition->images = amiset_parse_at(images, name, &images_at, err);
    text_copy(definition->ami_set, sizeof definition->ami_set, name);
    return definition->images ? 0 : -1;
}

void definition_choose_image(struct launch_spec *spec, const char *image)
{
    json_t *launch = json_copy(spec->launch);
    json_object_set_new(launch, "ImageId", json_string(image));
    json_decref(spec->launch);
    spec->launch = launch;
    text_copy(spec->image, sizeof spec->image, image);
    char *launch_text = json_text(launch), *data_text = json_text(spec->user_data);
    if (launch_text && data_text)
        definition_hash_spec(launch_text, data_text, spec->instance_type, spec->capacity, spec->hash);
    free(launch_text);
    free(data_text);
}
