/* SPDX-License-Identifier: MPL-2.0 */
/* Query parameters: reading the form, checking names against an action's list, filters,
 * pages. */
#include "ec2.h"

#include "encoding.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ec2_parse_form(struct ec2_call *call, const char *form)
{
    size_t room = 0;
    while (*form != '\0') {
        size_t length = strcspn(form, "&"), name_length = strcspn(form, "=&");
        if (call->parameter_count == room) {
            room = room > 0 ? room * 2 : 32;
            call->parameters = must_resize(call->parameters, room * sizeof *call->parameters);
        }
        struct parameter *parameter = &call->parameters[call->parameter_count++];
        parameter->name = percent_decode(form, name_length, true);
        parameter->value = name_length < length ? percent_decode(form + name_length + 1, length - name_length - 1, true)
                                                : must_copy("");
        form += length + (form[length] == '&');
    }
}

void ec2_release_parameters(struct ec2_call *call)
{
    for (size_t i = 0; i < call->parameter_count; i++) {
        free(call->parameters[i].name);
        free(call->parameters[i].value);
    }
    free(call->parameters);
}

const char *ec2_parameter(const struct ec2_call *call, const char *name)
{
    for (size_t i = 0; i < call->parameter_count; i++)
        if (strcmp(call->parameters[i].name, name) == 0)
            return call->parameters[i].value;
    return NULL;
}

const char *ec2_parameterf(const struct ec2_call *call, const char *format, ...)
{
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return ec2_parameter(call, name);
}

bool ec2_flag(const struct ec2_call *call, const char *name)
{
    const char *value = ec2_parameter(call, name);
    return value != NULL && strcasecmp(value, "true") == 0;
}

bool ec2_has_prefix(const struct ec2_call *call, const char *prefix)
{
    for (size_t i = 0; i < call->parameter_count; i++)
        if (strncmp(call->parameters[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* "Filter.N.Value.N" fits "Filter.1.Value.12". */
static bool name_fits(const char *pattern, const char *name)
{
    while (*pattern != '\0') {
        bool number = pattern[0] == 'N' && (pattern[1] == '.' || pattern[1] == '\0');
        size_t segment = strcspn(pattern, "."), given = strcspn(name, ".");
        if (number) {
            if (given == 0 || strspn(name, "0123456789") != given)
                return false;
        } else if (segment != given || strncmp(pattern, name, segment) != 0) {
            return false;
        }
        pattern += segment;
        name += given;
        if (*pattern != *name)
            return false;
        pattern += *pattern == '.';
        name += *name == '.';
    }
    return *name == '\0';
}

bool ec2_parameter_allowed(const struct ec2_action *action, const char *name)
{
    if (strcmp(name, "Action") == 0 || strcmp(name, "Version") == 0)
        return true;
    for (const char *const *pattern = action->parameters; *pattern != NULL; pattern++)
        if (name_fits(*pattern, name))
            return true;
    return false;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ec2_digest_parameters(const struct ec2_call *call, char out[65])
{
    char **lines = must_alloc((call->parameter_count + 1) * sizeof *lines);
    struct text all = {0};
    for (size_t i = 0; i < call->parameter_count; i++)
        lines[i] = must_format("%s=%s\n", call->parameters[i].name, call->parameters[i].value);
    qsort(lines, call->parameter_count, sizeof *lines, compare_texts);
    text_add(&all, "");
    for (size_t i = 0; i < call->parameter_count; i++) {
        text_add(&all, lines[i]);
        free(lines[i]);
    }
    sha256_hex(all.data, all.length, out);
    text_free(&all);
    free(lines);
}

bool ec2_filter_matches(const struct ec2_call *call, int filter, const char *value)
{
    const char *pattern;
    for (int i = 1; (pattern = ec2_parameterf(call, "Filter.%d.Value.%d", filter, i)) != NULL; i++)
        if (value != NULL && fnmatch(pattern, value, 0) == 0)
            return true;
    return false;
}

bool ec2_filters_known(struct ec2_call *call, const char *const *names)
{
    const char *name;
    for (int i = 1; (name = ec2_parameterf(call, "Filter.%d.Name", i)) != NULL; i++) {
        const char *const *known = names;
        while (*known != NULL && strcmp(*known, name) != 0 &&
               !(strcmp(*known, "tag:") == 0 && strncmp(name, "tag:", 4) == 0))
            known++;
        if (*known == NULL)
            return ec2_error(call, "InvalidParameterValue", "The filter '%s' is invalid", name);
        if (ec2_parameterf(call, "Filter.%d.Value.1", i) == NULL)
            return ec2_error(call, "InvalidParameterValue", "The filter '%s' has no values", name);
    }
    if (ec2_has_prefix(call, "Filter.") && ec2_parameter(call, "Filter.1.Name") == NULL)
        return ec2_error(call, "InvalidParameterValue", "The filter 'null' is invalid");
    return true;
}

bool ec2_listed(const struct ec2_call *call, const char *prefix, const char *value)
{
    const char *wanted;
    int i = 1;
    for (; (wanted = ec2_parameterf(call, "%s.%d", prefix, i)) != NULL; i++)
        if (strcmp(wanted, value) == 0)
            return true;
    return i == 1;
}

static const json_t *page_effect(const struct ec2_call *call, const char *key)
{
    return call->exchange->fault != NULL ? json_object_get(call->exchange->fault->effect, key) : NULL;
}

/* A token is the base64 of "after POSITION LETTER PAGE", the letter saying whether an empty
 * page is due. False when it is none. */
static bool read_token(const char *token, unsigned long long *after, char *kind, int *page)
{
    size_t length;
    char *text = base64_decode(token, strlen(token), &length);
    bool fine = text != NULL && sscanf(text, "after %llu %c %d", after, kind, page) == 3;
    free(text);
    return fine;
}

int ec2_page_number(const struct ec2_call *call)
{
    const char *token = ec2_parameter(call, "NextToken");
    unsigned long long after;
    char kind;
    int page = 1;
    if (token != NULL && !read_token(token, &after, &kind, &page))
        return 0;
    return page;
}

bool ec2_page_begin(struct ec2_call *call, size_t minimum, size_t maximum, struct ec2_page *page)
{
    const char *wanted = ec2_parameter(call, "MaxResults");
    *page = (struct ec2_page){.limit = SIZE_MAX};
    if (wanted != NULL) {
        char *end;
        unsigned long limit = strtoul(wanted, &end, 10);
        if (*end != '\0' || limit < minimum || limit > maximum)
            return ec2_error(call, "InvalidParameterValue",
                             "Value ( %s ) for parameter maxResults is invalid. Expecting a value between %zu "
                             "and %zu.",
                             wanted, minimum, maximum);
        page->limit = limit;
    }
    const json_t *size = page_effect(call, "pageSize");
    if (json_is_number(size) && json_number_value(size) < (double)page->limit)
        page->limit = (size_t)json_number_value(size);
    const char *token = ec2_parameter(call, "NextToken");
    char kind = 'r';
    int number;
    if (token != NULL && token[0] != '\0' && !read_token(token, &page->after, &kind, &number))
        return ec2_error(call, "InvalidNextToken", "The token '%.100s' is invalid", token);
    page->empty = kind == 'e';
    if (page->after > 0 && json_is_true(page_effect(call, "repeatLast")))
        page->after--; /* the last row of the page before comes once more */
    return true;
}

void ec2_page_end(struct ec2_call *call, const struct ec2_page *page, unsigned long long last, bool more)
{
    bool alternate = json_is_true(page_effect(call, "emptyPages"));
    bool same = json_is_true(page_effect(call, "sameToken"));
    if (!more && !same)
        return;
    char text[64];
    snprintf(text, sizeof text, "after %llu %c %d", same ? page->after : last, alternate && !page->empty ? 'e' : 'r',
             same ? 2 : call->exchange->subject.page + 1);
    char *token = base64_encode(text, strlen(text));
    xml_text(call->xml, "nextToken", token);
    free(token);
}
