/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_answers.c: reads the answers that hold credentials: the JSON of the metadata service, of the container
 * endpoint and of a program, the XML of STS. Runs in: the credentials helper. Pure. No message quotes an answer: it
 * holds secrets. */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/ec2/credentials_sources.h"

#define TEXT_LIMIT 16384 /* of one element: session tokens are a few KB */

static int fill(struct aws_credentials *out, const char *name, const char *const parts[4], struct error *err)
{
    if (wall_parse(parts[3], &out->expires) != 0 || text_copy(out->access_key, sizeof out->access_key, parts[0]) != 0)
        return error_set(err, ERROR_REMOTE, "%s: its answer cannot be read", name);
    out->secret_key = secret_create(parts[1], strlen(parts[1]));
    out->session_token = secret_create(parts[2], strlen(parts[2]));
    return 0;
}

/* ---- JSON ---- */

static int take_keys(struct aws_credentials *out, const char *name, const json_t *object, struct error *err)
{
    static const char *const members[4] = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    const char *parts[4];

    for (int i = 0; i < 4; i++) {
        parts[i] = json_string_value(json_object_get(object, members[i]));
        if (!parts[i] || !*parts[i])
            return error_set(err, ERROR_REMOTE, "%s: its answer lacks %s", name, members[i]);
    }
    return fill(out, name, parts, err);
}

int credentials_from_json(struct aws_credentials *out, const char *name, const char *body, size_t size,
                          struct error *err)
{
    json_t *object = json_read_text(name, body, size, NULL); /* the parser's words could quote the body */
    const char *code = json_string_value(json_object_get(object, "Code"));
    int result = -1;

    *out = (struct aws_credentials){0};
    if (!json_is_object(object))
        error_set(err, ERROR_REMOTE, "%s: its answer is not JSON", name);
    else if (code && strcmp(code, "Success") != 0)
        error_set(err, ERROR_REMOTE, "%s: %.60s", name, code);
    else
        result = take_keys(out, name, object, err);
    json_decref(object);
    if (result != 0)
        aws_credentials_clear(out);
    return result;
}

/* Both of the last two may be missing: keys that last. */
static int take_program_keys(struct aws_credentials *out, const json_t *object, struct error *err)
{
    static const char *const members[4] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
    const char *parts[4];

    if (json_integer_value(json_object_get(object, "Version")) != 1)
        return error_set(err, ERROR_REMOTE, "credential_process: its answer's Version is not 1");
    for (int i = 0; i < 4; i++) {
        parts[i] = json_string_value(json_object_get(object, members[i]));
        if (i < 2 && (!parts[i] || !*parts[i]))
            return error_set(err, ERROR_REMOTE, "credential_process: its answer lacks %s", members[i]);
    }
    if ((parts[3] && wall_parse(parts[3], &out->expires) != 0) ||
        text_copy(out->access_key, sizeof out->access_key, parts[0]) != 0)
        return error_set(err, ERROR_REMOTE, "credential_process: its answer cannot be read");
    out->secret_key = secret_create(parts[1], strlen(parts[1]));
    if (parts[2] && *parts[2])
        out->session_token = secret_create(parts[2], strlen(parts[2]));
    return 0;
}

int credentials_from_program(struct aws_credentials *out, const char *text, size_t size, struct error *err)
{
    json_t *object = json_read_text("credential_process", text, size, NULL);
    int result = -1;

    *out = (struct aws_credentials){0};
    if (!json_is_object(object))
        error_set(err, ERROR_REMOTE, "credential_process: what it says is not JSON");
    else
        result = take_program_keys(out, object, err);
    json_decref(object);
    if (result != 0)
        aws_credentials_clear(out);
    return result;
}

/* ---- STS: <Credentials><AccessKeyId>... or <Error><Code>... ---- */

enum { PART_ACCESS, PART_SECRET, PART_TOKEN, PART_EXPIRES, PART_CODE, PART_MESSAGE, PART_COUNT };
static const char *const elements[PART_COUNT] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration",
                                                 "Code",        "Message"};

struct sts_reading {
    XML_Parser parser;
    int part; /* whose text is being read; -1: none */
    struct buffer parts[PART_COUNT];
};

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct sts_reading *reading = context;

    (void)attributes;
    reading->part = -1;
    for (int i = 0; i < PART_COUNT; i++)
        if (strcmp(name, elements[i]) == 0 && reading->parts[i].size == 0)
            reading->part = i;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    (void)name;
    ((struct sts_reading *)context)->part = -1;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    struct sts_reading *reading = context;

    if (reading->part < 0)
        return;
    if (reading->parts[reading->part].size + (size_t)size > TEXT_LIMIT)
        XML_StopParser(reading->parser, XML_FALSE);
    else
        buffer_add(&reading->parts[reading->part], text, (size_t)size);
}

/* No answer of STS declares anything: whoever does wants our memory. */
static void XMLCALL on_declaration(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                                   int has_inner)
{
    (void)name, (void)system, (void)public, (void)has_inner;
    XML_StopParser(((struct sts_reading *)context)->parser, XML_FALSE);
}

static bool parse(struct sts_reading *reading, const char *body, size_t size)
{
    reading->part = -1;
    reading->parser = XML_ParserCreate(NULL);
    if (!reading->parser)
        abort();
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading->parser, on_declaration);
    bool whole = XML_Parse(reading->parser, body, (int)size, 1) == XML_STATUS_OK;
    XML_ParserFree(reading->parser);
    return whole;
}

static int judge(struct aws_credentials *out, int status, const struct sts_reading *reading, bool whole,
                 struct ec2_error *code, struct error *err)
{
    const char *parts[PART_COUNT];

    for (int i = 0; i < PART_COUNT; i++)
        parts[i] = buffer_text(&reading->parts[i]);
    code->status = status;
    text_format(code->code, sizeof code->code, "%.60s", parts[PART_CODE]);
    if (status != 200)
        return error_set(err, ERROR_REMOTE, "STS: HTTP %d %s%s%.200s", status, code->code,
                         *parts[PART_MESSAGE] ? ": " : "", parts[PART_MESSAGE]);
    if (!whole)
        return error_set(err, ERROR_REMOTE, "STS: its answer is not XML");
    for (int i = PART_ACCESS; i <= PART_EXPIRES; i++)
        if (!*parts[i])
            return error_set(err, ERROR_REMOTE, "STS: its answer lacks %s", elements[i]);
    return fill(out, "STS", parts, err);
}

int credentials_from_sts(struct aws_credentials *out, int status, const char *body, size_t size, struct ec2_error *code,
                         struct error *err)
{
    struct sts_reading reading = {0};

    *out = (struct aws_credentials){0};
    *code = (struct ec2_error){0};
    bool whole = parse(&reading, body, size);
    int result = judge(out, status, &reading, whole, code, err);
    for (int i = 0; i < PART_COUNT; i++)
        buffer_free(&reading.parts[i]);
    if (result != 0)
        aws_credentials_clear(out);
    return result;
}
