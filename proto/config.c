/* SPDX-License-Identifier: MPL-2.0 */
/* config.c: reads, checks and prints the daemon's configuration.
 * Runs in: supervisor (file and environment) and workers (the same document, from WELCOME). The table is in
 * config_table.c, the region list in config_regions.c; here is what joins two settings or needs the file's place. */
#include "proto/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/settings.h"
#include "common/text.h"
#include "proto/config_regions.h"
#include "proto/config_table.h"

#define CONFIG_FILE_LIMIT (4 * 1024 * 1024)
#define SOCKET_PATH_LIMIT 107 /* bytes of sockaddr_un.sun_path without its NUL */

/* ---- words that stand for numbers ---- */

const struct setting_word config_words[] = {{"headroom", "auto", -1}, {"launchShare", "off", 0}, {NULL, NULL, 0}};

/* A shallow copy of the document in which those words are numbers. New reference. */
static json_t *without_words(const json_t *document)
{
    json_t *copy = json_copy((json_t *)document);
    for (const struct setting_word *spoken = config_words; copy && spoken->name; spoken++) {
        const char *word = json_string_value(json_object_get(copy, spoken->name));
        if (word && strcmp(word, spoken->word) == 0)
            json_object_set_new(copy, spoken->name, json_integer(spoken->number));
    }
    return copy;
}

/* ---- checks that join two settings ---- */

static int check_deployment(const struct config *config, const struct json_at *root, struct error *err)
{
    struct json_at at = json_at_member(root, "deploymentId");
    for (const char *c = config->deployment_id; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            return json_complain(&at, err, "may hold letters, digits, - and _ only");
    }
    return 0;
}

static int check_socket_paths(const struct config *config, const struct json_at *root, struct error *err)
{
    struct json_at at = json_at_member(root, "runDir");
    size_t longest = strlen("control.sock");
    for (size_t i = 0; i < config->region_count; i++) {
        size_t length = strlen("inventory-") + strlen(config->regions[i].name) + strlen(".sock");
        longest = length > longest ? length : longest;
    }
    size_t total = strlen(config->run_dir) + 1 + longest;
    if (total <= SOCKET_PATH_LIMIT)
        return 0;
    return json_complain(&at, err,
                         "%s: the longest socket path in it has %zu bytes and %d is the most: choose a "
                         "shorter one",
                         config->run_dir, total, SOCKET_PATH_LIMIT);
}

static int check_endpoints(const struct config *config, const struct json_at *root, struct error *err)
{
    struct json_at at = json_at_member(root, "rootUrl");
    if (config_check_url(&at, config->root_url, config->allow_plain_http, err) < 0)
        return -1;
    at = json_at_member(root, "quotasEndpoint");
    if (*config->quotas_endpoint && !text_equal(config->quotas_endpoint, "auto") &&
        config_check_url(&at, config->quotas_endpoint, config->allow_plain_http, err) < 0)
        return -1;
    at = json_at_member(root, "ec2Endpoint");
    return config_check_url(&at, config->ec2_endpoint, config->allow_plain_http, err);
}

static int check_order(const struct json_at *root, const char *smaller, int64_t small, const char *larger,
                       int64_t large, struct error *err)
{
    struct json_at at = json_at_member(root, smaller);
    return small <= large ? 0 : json_complain(&at, err, "must not be above %s", larger);
}

static int check_pairs(const struct config *c, const struct json_at *root, struct error *err)
{
    const struct {
        const char *smaller;
        int64_t small;
        const char *larger;
        int64_t large;
    } pairs[] = {
        {"essentialReserve", c->essential_reserve.micros, "maxHourlyCost", c->max_hourly_cost.micros},
        {"essentialReserve", c->essential_reserve.micros, "maxDailyCost", c->max_daily_cost.micros},
        {"tick", c->tick.us, "workerTickLimit", c->worker_tick_limit.us},
        {"demandPoll", c->demand_poll.us, "maxDemandAge", c->max_demand_age.us},
        {"inventoryPoll", c->inventory_poll.us, "maxInventoryAge", c->max_inventory_age.us},
        {"backoffFirst", c->backoff_first.us, "backoffMost", c->backoff_most.us},
        {"breakerDelay", c->breaker_delay.us, "breakerMost", c->breaker_most.us},
        {"connectLimit", c->connect_limit.us, "launchLimit", c->launch_limit.us},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (check_order(root, pairs[i].smaller, pairs[i].small, pairs[i].larger, pairs[i].large, err) < 0)
            return -1;
    }
    return 0;
}

static int check_rates(const struct config *c, const struct json_at *root, struct error *err)
{
    const struct {
        const char *name;
        double value;
    } rates[] = {{"launchCallsRefill", c->launch_calls_refill},
                 {"launchInstancesRefill", c->launch_instances_refill},
                 {"queueRate", c->queue_rate},
                 {"describeRate", c->describe_rate}};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct json_at at = json_at_member(root, rates[i].name);
        if (!(rates[i].value > 0))
            return json_complain(&at, err, "must be above 0");
    }
    return 0;
}

static void drop_last_slash(char *url)
{
    size_t length = strlen(url);
    if (length > 0 && url[length - 1] == '/')
        url[length - 1] = '\0';
}

static int parse_copy(const json_t *document, const char *file, struct config *out, struct error *err)
{
    struct json_at root = json_at_root(file);
    memset(out, 0, sizeof *out);
    if (settings_parse(config_table, document, file, config_also, out, err) < 0 ||
        config_regions_parse(document, &root, out, err) < 0)
        return -1;
    drop_last_slash(out->root_url);
    drop_last_slash(out->ec2_endpoint);
    drop_last_slash(out->metadata_endpoint);
    if (check_deployment(out, &root, err) < 0 || check_endpoints(out, &root, err) < 0 ||
        check_pairs(out, &root, err) < 0 || check_rates(out, &root, err) < 0)
        return -1;
    return check_socket_paths(out, &root, err);
}

int config_parse(const json_t *document, const char *file, struct config *out, struct error *err)
{
    json_t *copy = without_words(document);
    if (!copy)
        return error_set(err, ERROR_LOCAL, "%s: memory ended", file);
    int result = parse_copy(copy, file, out, err);
    json_decref(copy);
    return result;
}

/* ---- the file ---- */

/* Makes a relative path absolute from the directory of the configuration file. */
static int resolve(char *path, size_t size, const char *directory, const char *file, const char *name,
                   struct error *err)
{
    char whole[PATH_MAX];
    if (path[0] == '/')
        return 0;
    if (text_format(whole, sizeof whole, "%s/%s", directory, path) < 0 || text_copy(path, size, whole) < 0)
        return error_set(err, ERROR_INPUT, "%s: %s: the path %.200s/%.60s is longer than %zu bytes", file, name,
                         directory, whole + strlen(directory) + 1, size - 1);
    return 0;
}

static int resolve_all(const char *file, struct config *config, struct error *err)
{
    char whole[PATH_MAX];
    if (!realpath(file, whole))
        return error_set_errno(err, ERROR_LOCAL, "%s", file);
    char *slash = strrchr(whole, '/');
    *(slash == whole ? slash + 1 : slash) = '\0';
    const struct {
        const char *name;
        char *path;
        size_t size;
    } paths[] = {{"stateDir", config->state_dir, sizeof config->state_dir},
                 {"runDir", config->run_dir, sizeof config->run_dir},
                 {"workerTypesDir", config->worker_types_dir, sizeof config->worker_types_dir},
                 {"amiSetsDir", config->amisets_dir, sizeof config->amisets_dir},
                 {"pricesDir", config->prices_dir, sizeof config->prices_dir},
                 {"caPath", config->ca_path, sizeof config->ca_path}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (resolve(paths[i].path, paths[i].size, whole, file, paths[i].name, err) < 0)
            return -1;
    }
    if (*config->deployment_key_file && resolve(config->deployment_key_file, sizeof config->deployment_key_file, whole,
                                                file, "deploymentKeyFile", err) < 0)
        return -1;
    struct json_at root = json_at_root(file);
    return check_socket_paths(config, &root, err);
}

static void add_environment(json_t *document)
{
    const char *root_url = getenv("TASKCLUSTER_ROOT_URL");
    if (root_url && root_url[0] && json_is_object(document) && !json_object_get(document, "rootUrl"))
        json_object_set_new(document, "rootUrl", json_string(root_url));
}

int config_read(const char *path, struct config *out, struct error *err)
{
    json_t *document = json_read_file(path, CONFIG_FILE_LIMIT, err);
    if (!document)
        return -1;
    add_environment(document);
    int result = config_parse(document, path, out, err);
    json_decref(document);
    return result == 0 ? resolve_all(path, out, err) : -1;
}

/* ---- printing ---- */

json_t *config_print(const struct config *config)
{
    json_t *document = settings_print(config_table, config);
    if (document)
        json_object_set_new(document, "regions", config_regions_print(config));
    return document;
}

void config_help(FILE *out)
{
    settings_help(config_table, out);
    fputs("regions (must be given, needs a restart)\n"
          "    List of {\"name\": \"us-west-2\", \"zones\": [\"us-west-2a\", ...], \"endpoint\": \"https://...\"}.\n"
          "    zones are those used where a workerType lists none; endpoint replaces ec2Endpoint for this region.\n\n",
          out);
}

int config_frozen_changes(const struct config *before, const struct config *after, char *out, size_t size)
{
    int count = settings_frozen_changes(config_table, before, after, out, size);
    json_t *old = config_regions_print(before);
    json_t *new = config_regions_print(after);
    if (!json_equal(old, new)) {
        size_t used = strlen(out);
        text_format(out + used, size - used, "%sregions", count > 0 ? ", " : "");
        count++;
    }
    json_decref(old);
    json_decref(new);
    return count;
}
