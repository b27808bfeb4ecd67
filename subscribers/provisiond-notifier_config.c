/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-notifier_config.c: the notifier's settings: one table for parser, defaults, --print-config and help.
 * Runs in: provisiond-notifier, at its start. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/settings.h"
#include "common/text.h"
#include "subscribers/provisiond-notifier.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define FILE_LIMIT (1024 * 1024)

#define AT(field) offsetof(struct notifier_config, field)
#define ROOM(field) sizeof(((struct notifier_config *)0)->field)
#define TEXT(json, field, shortest, standard, sentence)                                                                \
    {                                                                                                                  \
        .name = json, .kind = SETTING_STRING, .offset = AT(field), .least = shortest, .most = ROOM(field),             \
        .fallback = standard, .help = sentence                                                                         \
    }
#define TIME(json, field, low, high, standard, sentence)                                                               \
    {                                                                                                                  \
        .name = json, .kind = SETTING_SPAN, .offset = AT(field), .least = low, .most = high, .fallback = standard,     \
        .help = sentence                                                                                               \
    }
#define WHOLE(json, field, low, high, standard, measure, sentence)                                                     \
    {                                                                                                                  \
        .name = json, .kind = SETTING_INTEGER, .offset = AT(field), .least = low, .most = high, .fallback = standard,  \
        .unit = measure, .help = sentence                                                                              \
    }
#define SWITCH(json, field, standard, sentence)                                                                        \
    {                                                                                                                  \
        .name = json, .kind = SETTING_BOOL, .offset = AT(field), .fallback = standard, .help = sentence                \
    }

/* clang-format off */
static const struct setting table[] = {
    TEXT("runDir", run_dir, 1, "/run/provisiond", "The daemon's runDir; paths are relative to this file's directory."),
    TEXT("stateFile", state_file, 1, "/var/lib/provisiond-notifier/state.json",
         "Which raises were told already. Without it a restart tells all standing alarms again."),
    TEXT("command", command, 0, "",
         "A program run for each raise and each end, without a shell: the alarm in its environment (PROVISIOND_ALARM_...) "
         "and as JSON on its standard input. Empty: none."),
    TEXT("webhookUrlFile", webhook_file, 0, "",
         "A file whose only line is the URL that gets a POST of JSON with a Slack-compatible \"text\". A file of its own, "
         "readable by its owner alone: who knows the URL can post. Empty: none."),
    TIME("commandLimit", hook_limit, SECOND / 10, HOUR, "30s", "A command that takes longer is killed."),
    TIME("webhookLimit", webhook_limit, SECOND / 10, MINUTE, "10s", "Of a whole POST."),
    WHOLE("attempts", attempts, 1, 100, "6", "attempts", "How often a delivery that definitely failed is tried in all."),
    TIME("retryFirst", retry_first, SECOND / 100, HOUR, "2s", "Wait before the second attempt; it doubles."),
    TIME("retryMost", retry_most, SECOND / 100, 24 * HOUR, "5m", "Longest such wait."),
    WHOLE("atOnce", at_once, 1, 100, "8", "deliveries", "Commands at once, and POSTs at once: one that hangs holds one place."),
    SWITCH("cleared", cleared, "true", "Whether the end of an alarm is told, too."),
    SWITCH("retryUnknown", retry_unknown, "false",
           "Whether a delivery that may have arrived (no answer in time, killed) is tried again: then an alarm can arrive "
           "twice; with false it can be lost."),
    TIME("restartGrace", restart_grace, 0, HOUR, "60s",
         "How long a new supervisor may take to raise an alarm again before it counts as cleared."),
    SWITCH("allowPlainHttp", allow_plain_http, "false", "Allows http:// to hosts other than loopback."),
    TEXT("caPath", ca_path, 1, "/etc/ssl/certs", "Hashed directory of CA certificates."),
    TEXT("proxy", proxy, 0, "", "URL of a proxy; the environment's is never used."),
    {.name = NULL},
};
/* clang-format on */

static int resolve(char *path, size_t size, const char *file, const char *name, struct error *err)
{
    char whole[PATH_MAX], joined[PATH_MAX + 512];

    if (!*path || *path == '/')
        return 0;
    if (!realpath(file, whole))
        return error_set_errno(err, ERROR_LOCAL, "%s", file);
    *(strrchr(whole, '/') + 1) = '\0';
    if (text_format(joined, sizeof joined, "%s%s", whole, path) != 0 || text_copy(path, size, joined) != 0)
        return error_set(err, ERROR_INPUT, "%s: %s: the path is too long", file, name);
    return 0;
}

int notifier_config_read(const char *path, struct notifier_config *out, struct error *err)
{
    json_t *document = json_read_file(path, FILE_LIMIT, err);
    int result = document ? settings_parse(table, document, path, NULL, out, err) : -1;

    json_decref(document);
    if (result != 0)
        return -1;
    if (!*out->command && !*out->webhook_file)
        return error_set(err, ERROR_INPUT, "%s: neither command nor webhookUrlFile is given: nobody would be told",
                         path);
    if (resolve(out->run_dir, sizeof out->run_dir, path, "runDir", err) != 0 ||
        resolve(out->state_file, sizeof out->state_file, path, "stateFile", err) != 0 ||
        resolve(out->command, sizeof out->command, path, "command", err) != 0 ||
        resolve(out->webhook_file, sizeof out->webhook_file, path, "webhookUrlFile", err) != 0)
        return -1;
    return resolve(out->ca_path, sizeof out->ca_path, path, "caPath", err);
}

json_t *notifier_config_print(const struct notifier_config *config)
{
    return settings_print(table, config);
}

void notifier_config_help(FILE *out)
{
    settings_help(table, out);
}
