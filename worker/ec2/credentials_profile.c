/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_profile.c: reads profiles from INI text: keys, or a role and where its credentials come from.
 * Runs in: the credentials helper, at start and at each refresh. Owns nothing after a call: the text is wiped.
 * Secrets never enter a message. */
#include "worker/ec2/credentials_profile.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FILE_LIMIT (256 * 1024)

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

static bool section_is(const struct line *line, const char *name, bool is_configuration)
{
    struct line rest = *line;

    if (!is_configuration || strcmp(name, "default") == 0)
        return line_is(line, name);
    if (line->name_size < 8 || strncmp(line->name, "profile", 7) != 0 || !strchr(" \t", line->name[7]))
        return false;
    rest.name += 7;
    rest.name_size -= 7;
    trim(&rest.name, &rest.name_size);
    return line_is(&rest, name);
}

static void keep_secret(struct secret **secret, const struct line *line)
{
    if (!*secret && line->value_size > 0)
        *secret = secret_create(line->value, line->value_size);
}

static void keep_text(char *out, size_t size, const struct line *line)
{
    if (!*out)
        text_format(out, size, "%.*s", (int)line->value_size, line->value);
}

#define TEXT(word, member)                                                                                             \
    {                                                                                                                  \
        word, offsetof(struct aws_profile, member), sizeof(((struct aws_profile *)0)->member)                          \
    }
static const struct {
    const char *word;
    size_t offset, size;
} texts[] = {TEXT("aws_access_key_id", keys.access_key), TEXT("role_arn", role_arn),
             TEXT("role_session_name", session_name),    TEXT("external_id", external_id),
             TEXT("source_profile", source_profile),     TEXT("credential_source", credential_source),
             TEXT("web_identity_token_file", token_file)};

static void take_line(struct aws_profile *profile, const struct line *line)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (line_is(line, texts[i].word))
            keep_text((char *)profile + texts[i].offset, texts[i].size, line);
    if (line_is(line, "aws_secret_access_key"))
        keep_secret(&profile->keys.secret_key, line);
    else if (line_is(line, "aws_session_token"))
        keep_secret(&profile->keys.session_token, line);
    else if (line_is(line, "credential_process"))
        keep_secret(&profile->command, line);
}

void aws_profile_add(struct aws_profile *profile, const char *text, const char *name, bool is_configuration)
{
    bool inside = false;
    struct line line;

    while (*text) {
        size_t size = strcspn(text, "\n");
        if (cut_line(text, size, &line)) {
            if (line.section)
                inside = section_is(&line, name, is_configuration);
            profile->found |= inside;
            if (inside && !line.section)
                take_line(profile, &line);
        }
        text += size + (text[size] == '\n');
    }
}

void aws_profile_clear(struct aws_profile *profile)
{
    aws_credentials_clear(&profile->keys);
    secret_destroy(&profile->command);
    *profile = (struct aws_profile){0};
}

static int read_one(struct aws_profile *profile, const char *path, const char *name, bool is_configuration,
                    struct error *err)
{
    if (!*path)
        return 0;
    struct secret *text = secret_from_file(path, FILE_LIMIT, err);
    if (!text)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    aws_profile_add(profile, secret_reveal(text), name, is_configuration);
    secret_destroy(&text);
    return 0;
}

int aws_profile_read(struct aws_profile *out, const char *credentials_file, const char *configuration_file,
                     const char *name, struct error *err)
{
    *out = (struct aws_profile){0};
    if (read_one(out, credentials_file, name, false, err) == 0) {
        out->keys_are_first = *out->keys.access_key && out->keys.secret_key;
        if (read_one(out, configuration_file, name, true, err) == 0)
            return 0;
    }
    aws_profile_clear(out);
    return -1;
}
