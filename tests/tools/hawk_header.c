/* SPDX-License-Identifier: MPL-2.0 */
/* hawk_header.c: Hawk headers as the type worker writes them, for tests/conformance/test_hawk_npm.py: each line of
 * standard input is {"url", "method", "seconds", "nonce", "id", "key", "certificate"?}; each line of output the header.
 * A line {"verify": header, "key": key} answers what we make of a server's time stamp. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/queue/hawk.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static void fill_credentials(struct queue_credentials *out, const json_t *line)
{
    const char *key = text_of(line, "key"), *certificate = text_of(line, "certificate");

    *out = (struct queue_credentials){0};
    text_copy(out->client_id, sizeof out->client_id, text_of(line, "id"));
    out->access_token = secret_create(key, strlen(key));
    if (certificate[0])
        out->certificate = secret_create(certificate, strlen(certificate));
}

static void run_line(const char *text)
{
    struct error err = {0};
    struct buffer header = {0};
    struct queue_credentials credentials;
    json_t *line = json_read_text("line", text, strlen(text), &err);
    int64_t seconds = json_integer_value(json_object_get(line, "seconds"));

    fill_credentials(&credentials, line);
    if (json_object_get(line, "verify")) {
        int proof = hawk_server_time(text_of(line, "verify"), &credentials, &seconds);
        printf("%d %lld\n", proof, (long long)(proof == 1 ? seconds : 0));
    } else if (hawk_header(&header, &credentials, text_of(line, "method"), text_of(line, "url"), seconds,
                           text_of(line, "nonce"), &err) == 0) {
        printf("%s\n", header.bytes);
    } else {
        printf("fault: %s\n", err.text);
    }
    fflush(stdout);
    buffer_free(&header);
    queue_credentials_clear(&credentials);
    json_decref(line);
}

int main(void)
{
    char *text = NULL;
    size_t room = 0;

    while (getline(&text, &room, stdin) > 0)
        run_line(text);
    free(text);
    return 0;
}
