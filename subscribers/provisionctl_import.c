/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_import.c: import aws-provisioner FILE, import worker-manager FILE: existing definitions as ours,
 * printed; what has no counterpart is said on standard error. Runs in: provisionctl. Asks no daemon. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_import.h"

#define FILE_LIMIT (16 * 1024 * 1024)

void import_lost(const char *type, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s has no counterpart: %s\n", type, path, why);
}

/* ---- aws-provisioner: our schema is built on its own ---- */

static const char *const aws_known[] = {"workerType",
                                        "description",
                                        "owner",
                                        "lastModified",
                                        "minCapacity",
                                        "maxCapacity",
                                        "scalingRatio",
                                        "minPrice",
                                        "maxPrice",
                                        "canUseOndemand",
                                        "canUseSpot",
                                        "instanceTypes",
                                        "regions",
                                        "availabilityZones",
                                        "launchSpec",
                                        "userData",
                                        "secrets",
                                        "scopes",
                                        NULL};

bool import_is_known(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* Secrets are never stored here: what a definition holds of them is dropped, and said. */
static void drop_secrets(const char *type, json_t *layer, const char *path)
{
    json_t *secrets = json_object_get(layer, "secrets");
    char where[128];
    if (json_object_size(secrets) > 0) {
        text_format(where, sizeof where, "%s%ssecrets", path, *path ? "." : "");
        import_lost(type, where, "secrets are kept in the secrets service, named by reference; they were left out");
        json_object_clear(secrets);
    }
}

static void drop_list_secrets(const char *type, json_t *document, const char *list)
{
    json_t *element;
    size_t i;
    char path[64];
    json_array_foreach(json_object_get(document, list), i, element)
    {
        text_format(path, sizeof path, "%s[%zu]", list, i);
        drop_secrets(type, element, path);
    }
}

/* ---- its forms of 2014: lists as objects, launchSpecification and overwrites, UserData in base64 ---- */

static void list_from_object(json_t *document, const char *list, const char *member)
{
    json_t *object = json_object_get(document, list), *array = json_array(), *element;
    const char *name;
    if (!json_is_object(object)) {
        json_decref(array);
        return;
    }
    json_object_foreach(object, name, element)
    {
        json_t *copy = json_copy(element);
        json_object_set_new(copy, member, json_string(name));
        json_array_append_new(array, copy);
    }
    json_object_set_new(document, list, array);
}

/* NULL when it is no base64 of a JSON object. */
static json_t *decode(const char *text)
{
    size_t size = strlen(text), padding = size > 1 ? (text[size - 1] == '=') + (text[size - 2] == '=') : 0;
    unsigned char *bytes = calloc(1, size + 4);
    int got = bytes ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size) : -1;
    json_t *object = got > (int)padding ? json_loadb((const char *)bytes, (size_t)got - padding, 0, NULL) : NULL;
    free(bytes);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

static void modernise_layer(const char *type, json_t *layer, const char *old_name)
{
    json_t *launch = json_object_get(layer, old_name);
    if (launch) {
        json_object_set(layer, "launchSpec", launch);
        json_object_del(layer, old_name);
    }
    launch = json_object_get(layer, "launchSpec");
    const char *data = json_string_value(json_object_get(launch, "UserData"));
    if (data) {
        json_t *object = decode(data);
        if (object)
            json_object_set_new(layer, "userData", object);
        else
            import_lost(type, "UserData", "it is no JSON object in base64");
        json_object_del(launch, "UserData");
    }
    json_object_del(launch, "InstanceType");
}

static json_t *modernise(const char *type, const json_t *source)
{
    static const struct {
        const char *list, *member;
    } lists[] = {{"instanceTypes", "instanceType"}, {"regions", "region"}, {"availabilityZones", "availabilityZone"}};
    json_t *document = json_deep_copy(source), *element;
    size_t k;
    modernise_layer(type, document, "launchSpecification");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        list_from_object(document, lists[i].list, lists[i].member);
        json_array_foreach(json_object_get(document, lists[i].list), k, element)
            modernise_layer(type, element, "overwrites");
    }
    return document;
}

/* ---- putting it together ---- */

/* Its ratio means what ours does; ours ends at 1. */
static void limit_ratio(const char *type, json_t *document)
{
    double ratio = json_number_value(json_object_get(document, "scalingRatio"));
    if (ratio <= 1)
        return;
    fprintf(stderr, "%s: scalingRatio %g is above 1, the most here: set to 1\n", type, ratio);
    json_object_set_new(document, "scalingRatio", json_integer(1));
}

static bool has_key(const json_t *layers)
{
    const json_t *layer;
    size_t i;
    json_array_foreach(layers, i, layer)
    {
        if (json_object_get(json_object_get(layer, "launchSpec"), "KeyName"))
            return true;
    }
    return false;
}

void import_key(const char *type, json_t *document)
{
    json_t *launch = json_object_get(document, "launchSpec");
    if (json_object_get(launch, "KeyName") || has_key(json_object_get(document, "regions")) ||
        has_key(json_object_get(document, "availabilityZones")) || has_key(json_object_get(document, "instanceTypes")))
        return;
    if (!launch) {
        launch = json_object();
        json_object_set_new(document, "launchSpec", launch);
    }
    json_object_set_new(launch, "KeyName", json_string("default"));
    fprintf(stderr, "%s: no KeyName: set to \"default\", look at it\n", type);
}

json_t *import_aws_provisioner(json_t *source, const char *fallback)
{
    const char *name, *given = json_string_value(json_object_get(source, "workerType"));
    const char *type = given ? given : fallback;
    json_t *document = json_object(), *value, *modern = modernise(type, source);
    json_object_foreach(modern, name, value)
    {
        if (import_is_known(name, aws_known))
            json_object_set(document, name, value);
        else
            import_lost(type, name, "left out");
    }
    json_decref(modern);
    if (!given) /* a create request names it in the URL, not in the document */
        json_object_set_new(document, "workerType", json_string(fallback));
    drop_secrets(type, document, "");
    drop_list_secrets(type, document, "regions");
    drop_list_secrets(type, document, "availabilityZones");
    drop_list_secrets(type, document, "instanceTypes");
    limit_ratio(type, document);
    import_key(type, document);
    if (!json_is_true(json_object_get(document, "canUseSpot")) &&
        !json_is_true(json_object_get(document, "canUseOndemand")))
        json_object_set_new(document, "canUseSpot", json_true()); /* it ignored both and always used spot */
    return document;
}

/* ---- the command ---- */

/* The file's name without its ending: the type where the document does not name one. */
static void name_from(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *dot = strrchr(file, '.');
    text_format(out, size, "%.*s", (int)(dot ? dot - file : (ptrdiff_t)strlen(file)), file);
}

enum ctl_exit ctl_import(struct ctl *ctl)
{
    static const struct {
        const char *form;
        json_t *(*convert)(json_t *source, const char *fallback);
    } forms[] = {{"aws-provisioner", import_aws_provisioner}, {"worker-manager", import_worker_manager}};
    char name[200];
    struct error err;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].form, ctl->name) != 0)
            continue;
        json_t *source = json_read_file(ctl->second, FILE_LIMIT, &err);
        if (!source)
            return ctl_fail(CTL_USAGE, &err);
        name_from(ctl->second, name, sizeof name);
        json_t *document = forms[i].convert(source, name);
        ctl_print_json(document, stdout);
        json_decref(document);
        json_decref(source);
        return CTL_OK;
    }
    error_set(&err, ERROR_USAGE, "\"%s\" is neither aws-provisioner nor worker-manager", ctl->name);
    return ctl_fail(CTL_USAGE, &err);
}
