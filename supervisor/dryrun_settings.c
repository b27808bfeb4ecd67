/* SPDX-License-Identifier: MPL-2.0 */
/* dryrun_settings.c: the settings of a configuration that is tried: read, and compared with those that run.
 * Runs in: supervisor, main thread. Owns nothing that lasts. Changes nothing.
 * Only what the arbiter and the definitions need is tried: places of files stay the running daemon's. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/config_table.h"
#include "supervisor/dryrun.h"

static void keep_places(const struct config *running, struct config *other)
{
    text_copy(other->state_dir, sizeof other->state_dir, running->state_dir);
    text_copy(other->run_dir, sizeof other->run_dir, running->run_dir);
    text_copy(other->worker_types_dir, sizeof other->worker_types_dir, running->worker_types_dir);
    text_copy(other->amisets_dir, sizeof other->amisets_dir, running->amisets_dir);
    text_copy(other->prices_dir, sizeof other->prices_dir, running->prices_dir);
    text_copy(other->ca_path, sizeof other->ca_path, running->ca_path);
    text_copy(other->deployment_key_file, sizeof other->deployment_key_file, running->deployment_key_file);
}

struct config *dryrun_settings_read(const struct config *running, const json_t *document, struct error *err)
{
    struct config *other = calloc(1, sizeof *other);
    json_t *whole = json_copy((json_t *)document);

    if (!other || !whole)
        abort();
    if (!json_object_get(whole, "rootUrl")) /* may come from the daemon's environment */
        json_object_set_new(whole, "rootUrl", json_string(running->root_url));
    if (config_parse(whole, "provisiond.json", other, err) == 0) {
        keep_places(running, other);
    } else {
        free(other);
        other = NULL;
    }
    json_decref(whole);
    return other;
}

static bool reloadable(const char *name)
{
    for (const struct setting *setting = config_table; setting->name; setting++)
        if (text_equal(setting->name, name))
            return setting->reloadable;
    return false;
}

json_t *dryrun_settings_differ(const struct config *running, const struct config *other)
{
    json_t *list = json_array(), *old = config_print(running), *new = config_print(other), *value;
    const char *name;

    json_object_foreach(new, name, value)
    {
        json_t *before = json_object_get(old, name);
        if (!json_equal(before, value))
            json_array_append_new(list, json_pack("{s:s, s:O?, s:O, s:b}", "name", name, "running", before, "new",
                                                  value, "restart", !reloadable(name)));
    }
    json_decref(old);
    json_decref(new);
    return list;
}
