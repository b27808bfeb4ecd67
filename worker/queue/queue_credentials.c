/* SPDX-License-Identifier: MPL-2.0 */
/* queue_credentials.c: Taskcluster credentials under the names that its users have in their environment already, or
 * from what systemd hands over as the credential "taskcluster": {"clientId", "accessToken", "certificate"}. Runs in:
 * type worker, at start. Takes them out of the environment, so that no child and no /proc reader finds them. Owns:
 * nothing; the caller clears what it was given. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/queue/queue.h"

#define FILE_LIMIT 65536

static struct secret *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && *text ? secret_create(text, strlen(text)) : NULL;
}

/* A certificate may stand there as JSON or as the text that the environment would hold. */
static struct secret *certificate_of(const json_t *object)
{
    json_t *value = json_object_get(object, "certificate");

    if (!json_is_object(value))
        return member(object, "certificate");
    char *text = json_dumps(value, JSON_COMPACT);
    struct secret *certificate = text ? secret_create(text, strlen(text)) : NULL;
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
    return certificate;
}

static void take_file(struct queue_credentials *out, const char *path)
{
    struct error err;
    struct secret *text = secret_from_file(path, FILE_LIMIT, &err);
    json_t *object = text ? json_read_text(path, secret_reveal(text), secret_size(text), NULL) : NULL;

    if (text && !json_is_object(object)) /* the parser's words could quote the secret */
        log_error("queue.credentials", "problem=\"%s: is no JSON object\"", path);
    text_copy(out->client_id, sizeof out->client_id, json_string_value(json_object_get(object, "clientId")));
    out->access_token = member(object, "accessToken");
    out->certificate = certificate_of(object);
    json_decref(object);
    secret_destroy(&text);
}

void queue_credentials_from_environment(struct queue_credentials *out)
{
    const char *handed = getenv("CREDENTIALS_DIRECTORY");
    char path[512];

    *out = (struct queue_credentials){0};
    text_copy(out->client_id, sizeof out->client_id, getenv("TASKCLUSTER_CLIENT_ID"));
    out->access_token = secret_from_environment("TASKCLUSTER_ACCESS_TOKEN");
    out->certificate = secret_from_environment("TASKCLUSTER_CERTIFICATE");
    unsetenv("TASKCLUSTER_CLIENT_ID");
    if (!*out->client_id && handed && text_format(path, sizeof path, "%s/taskcluster", handed) == 0)
        take_file(out, path);
}

void queue_credentials_copy(struct queue_credentials *out, const struct queue_credentials *from)
{
    text_copy(out->client_id, sizeof out->client_id, from->client_id);
    out->access_token = secret_copy(from->access_token);
    out->certificate = secret_copy(from->certificate);
}

void queue_credentials_clear(struct queue_credentials *credentials)
{
    secret_destroy(&credentials->access_token);
    secret_destroy(&credentials->certificate);
    *credentials = (struct queue_credentials){0};
}
