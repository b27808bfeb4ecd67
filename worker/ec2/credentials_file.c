/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_file.c: credentials from the environment and from the shared credentials file that every AWS tool reads.
 * Runs in: type and region workers, at start and when EC2 refused what we had. Reads one small local file.
 * Owns nothing after a call: the text of the file is wiped. Secrets never enter a message. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/ec2/credentials_sources.h"

#define FILE_LIMIT (256 * 1024)

void aws_credentials_clear(struct aws_credentials *credentials)
{
    secret_destroy(&credentials->secret_key);
    secret_destroy(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

int credentials_from_environment(struct aws_credentials *out, struct error *err)
{
    const char *access_key = getenv("AWS_ACCESS_KEY_ID");
    bool cut;

    *out = (struct aws_credentials){0};
    cut = text_copy(out->access_key, sizeof out->access_key, access_key) != 0;
    unsetenv("AWS_ACCESS_KEY_ID");
    out->secret_key = secret_from_environment("AWS_SECRET_ACCESS_KEY");
    out->session_token = secret_from_environment("AWS_SESSION_TOKEN");
    if (out->session_token && secret_size(out->session_token) == 0)
        secret_destroy(&out->session_token);
    bool has_key = out->access_key[0] != '\0';
    bool has_secret = secret_size(out->secret_key) > 0;
    if (has_key && has_secret && !cut)
        return 1;
    aws_credentials_clear(out);
    if (!has_key && !has_secret)
        return 0;
    return error_set(err, ERROR_INPUT, cut ? "AWS_ACCESS_KEY_ID is too long" : "AWS_%s is set and AWS_%s is not",
                     has_key ? "ACCESS_KEY_ID" : "SECRET_ACCESS_KEY", has_key ? "SECRET_ACCESS_KEY" : "ACCESS_KEY_ID");
}

/* ---- INI ---- */

/* One line, cut into what it is; the pieces point into the text. */
struct line {
    const char *name, *value;
    size_t name_size, value_size;
    bool section;
};

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && strchr(" \t\r", (*text)[0]))
        ++*text, --*size;
    while (*size > 0 && strchr(" \t\r", (*text)[*size - 1]))
        --*size;
}

/* False for blank lines, comments and lines that are neither a section nor name = value. */
static bool cut_line(const char *text, size_t size, struct line *out)
{
    const char *equals;

    *out = (struct line){0};
    trim(&text, &size);
    if (size == 0 || text[0] == '#' || text[0] == ';')
        return false;
    if (text[0] == '[') {
        out->section = true;
        out->name = text + 1;
        out->name_size = size - 1 - (text[size - 1] == ']');
        trim(&out->name, &out->name_size);
        return text[size - 1] == ']';
    }
    if (!(equals = memchr(text, '=', size)))
        return false;
    out->name = text;
    out->name_size = (size_t)(equals - text);
    out->value = equals + 1;
    out->value_size = size - out->name_size - 1;
    trim(&out->name, &out->name_size);
    trim(&out->value, &out->value_size);
    return true;
}

static bool line_is(const struct line *line, const char *name)
{
    return line->name_size == strlen(name) && strncmp(line->name, name, line->name_size) == 0;
}

static void keep_secret(struct secret **secret, const struct line *line)
{
    secret_destroy(secret);
    if (line->value_size > 0)
        *secret = secret_create(line->value, line->value_size);
}

/* -1: a key that we do not follow yet. */
static int take_line(struct aws_credentials *out, const struct line *line)
{
    if (line_is(line, "aws_access_key_id"))
        text_format(out->access_key, sizeof out->access_key, "%.*s", (int)line->value_size, line->value);
    else if (line_is(line, "aws_secret_access_key"))
        keep_secret(&out->secret_key, line);
    else if (line_is(line, "aws_session_token"))
        keep_secret(&out->session_token, line);
    else if (line_is(line, "role_arn") || line_is(line, "credential_process"))
        return -1;
    return 0;
}

int credentials_from_ini(struct aws_credentials *out, const char *text, const char *name, const char *profile,
                         struct error *err)
{
    bool inside = false, found = false, unsupported = false;
    struct line line;

    *out = (struct aws_credentials){0};
    while (*text) {
        size_t size = strcspn(text, "\n");
        if (cut_line(text, size, &line)) {
            if (line.section) {
                inside = line_is(&line, profile);
                found = found || inside;
            } else if (inside && take_line(out, &line) != 0) {
                unsupported = true;
            }
        }
        text += size + (text[size] == '\n');
    }
    if (out->access_key[0] && out->secret_key)
        return 1;
    aws_credentials_clear(out);
    if (!found)
        return error_set(err, ERROR_INPUT, "%s has no profile [%s]", name, profile);
    if (unsupported)
        return error_set(err, ERROR_INPUT, "%s: profile [%s] names a role or a process: not supported, give it keys",
                         name, profile);
    return error_set(err, ERROR_INPUT, "%s: profile [%s] lacks aws_access_key_id or aws_secret_access_key", name,
                     profile);
}

int credentials_from_file(struct aws_credentials *out, const char *path, const char *profile, struct error *err)
{
    FILE *file = fopen(path, "re");
    char *text;

    *out = (struct aws_credentials){0};
    if (!file && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (!file)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (!(text = calloc(1, FILE_LIMIT)))
        abort();
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the secret is left in a buffer of the library */
    size_t size = fread(text, 1, FILE_LIMIT - 1, file);
    int result;
    if (ferror(file))
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    else if (size == FILE_LIMIT - 1)
        result = error_set(err, ERROR_LIMIT, "%s is too long for a credentials file", path);
    else
        result = credentials_from_ini(out, text, path, profile, err);
    fclose(file);
    secret_wipe(text, size);
    free(text);
    return result;
}
