/* SPDX-License-Identifier: MPL-2.0 */
/* preflight.c: runs the checks over every merged specification, keeps the findings, and says them.
 * Pure. Runs in: type worker. The checks are in preflight_image.c, preflight_type.c and preflight_network.c. */
#include "worker/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "worker/preflight_parts.h"

#define MOST_FINDINGS 1000 /* more of them tell nobody more */

/* ---- findings ---- */

const char *finding_code_name(enum finding_code code)
{
    static const char *const names[] = {
#define FINDING_NAME(symbol, name) [symbol] = name,
        PREFLIGHT_CODES(FINDING_NAME)
#undef FINDING_NAME
    };
    return names[code];
}

static bool stands_already(const struct preflight *out, const struct finding *finding)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct finding *other = &out->findings[i];
        if (other->code == finding->code && text_equal(other->found, finding->found) &&
            text_equal(other->path, finding->path) && text_equal(other->region, finding->region))
            return true;
    }
    return false;
}

static struct finding *keep(struct preflight *out, const struct finding *finding)
{
    if (out->count >= MOST_FINDINGS)
        return NULL;
    if (out->count == out->room) {
        size_t room = out->room ? out->room * 2 : 16;
        struct finding *grown = realloc(out->findings, room * sizeof *grown);
        if (!grown)
            return NULL;
        out->findings = grown;
        out->room = room;
    }
    out->findings[out->count] = *finding;
    return &out->findings[out->count++];
}

struct finding *preflight_add(struct preflight_look *look, enum finding_code code, enum severity severity,
                              bool leave_out, const char *path, const char *format, ...)
{
    struct finding finding = {.code = code, .severity = severity};
    va_list arguments;
    if (leave_out)
        look->out->spot_out[look->index] = look->out->on_demand_out[look->index] = true;
    va_start(arguments, format);
    vsnprintf(finding.found, sizeof finding.found, format, arguments);
    va_end(arguments);
    text_copy(finding.path, sizeof finding.path, path);
    text_copy(finding.region, sizeof finding.region, look->spec->region);
    text_copy(finding.zone, sizeof finding.zone, look->spec->zone);
    text_copy(finding.instance_type, sizeof finding.instance_type, look->spec->instance_type);
    text_copy(finding.image, sizeof finding.image, look->spec->image);
    if (stands_already(look->out, &finding))
        return NULL;
    look->out->errors += severity == SEVERITY_ERROR;
    return keep(look->out, &finding);
}

/* ---- the run ---- */

/* Preflight is off: a specification without its image cannot be launched all the same. */
static void check_spec(struct preflight_look *look)
{
    if (look->input->images_only && *look->spec->image)
        return;
    preflight_check_image(look);
    if (look->input->images_only)
        return;
    preflight_check_type(look);
    preflight_check_network(look);
}

static void say_unread(const struct preflight_input *input, struct preflight *out)
{
    static const struct launch_spec nowhere = {0};
    for (size_t i = 0; i < input->region_count; i++)
        for (int kind = 0; kind < CATALOGUE_KIND_COUNT; kind++) {
            struct preflight_look look = {input, out, &input->facts[i], &nowhere, 0};
            if (input->facts[i].of[kind])
                continue;
            struct finding *finding =
                preflight_add(&look, FINDING_NOT_CHECKED, SEVERITY_WARNING, false, "", "the %s of %s could not be read",
                              catalogue_kind_name((enum catalogue_kind)kind), input->facts[i].region);
            if (finding)
                text_copy(finding->region, sizeof finding->region, input->facts[i].region);
        }
}

static void count_usable(const struct definition *definition, bool forced, struct preflight *out)
{
    for (size_t i = 0; i < definition->spec_count; i++) {
        if (forced && *definition->specs[i].image) /* --force lifts the filter; without an image nothing can be sent */
            out->spot_out[i] = out->on_demand_out[i] = false;
        out->usable += (definition->can_use_spot && !out->spot_out[i]) ||
                       (definition->can_use_on_demand && !out->on_demand_out[i]);
    }
}

void preflight_run(const struct preflight_input *input, struct preflight *out)
{
    static const struct catalogue_facts nothing = {0};
    const struct definition *definition = input->definition;
    *out = (struct preflight){.placements = definition->spec_count,
                              .spot_out = calloc(definition->spec_count + 1, sizeof(bool)),
                              .on_demand_out = calloc(definition->spec_count + 1, sizeof(bool))};
    if (!out->spot_out || !out->on_demand_out)
        abort();
    for (size_t i = 0; i < definition->spec_count; i++) {
        const struct launch_spec *spec = &definition->specs[i];
        const struct catalogue_facts *facts = facts_of_region(input->facts, input->region_count, spec->region);
        struct preflight_look look = {input, out, facts ? facts : &nothing, spec, i};
        check_spec(&look);
    }
    if (!input->images_only)
        say_unread(input, out);
    count_usable(definition, input->forced, out);
}

void preflight_clear(struct preflight *preflight)
{
    free(preflight->findings);
    free(preflight->spot_out);
    free(preflight->on_demand_out);
    *preflight = (struct preflight){0};
}

/* ---- saying it ---- */

void preflight_sentence(const struct finding *finding, char *out, size_t size)
{
    text_format(out, size, "%s%s%s%s%s%s", finding->path, *finding->path ? ": " : "", finding->found,
                *finding->region && !strstr(finding->found, finding->region) ? " in " : "",
                *finding->region && !strstr(finding->found, finding->region) ? finding->region : "",
                *finding->fits ? "; " : "");
    size_t used = strlen(out);
    text_copy(out + used, size - used, finding->fits);
}

void preflight_first_error(const struct preflight *preflight, char *out, size_t size)
{
    text_copy(out, size, "");
    for (size_t i = 0; i < preflight->count; i++)
        if (preflight->findings[i].severity == SEVERITY_ERROR) {
            preflight_sentence(&preflight->findings[i], out, size);
            return;
        }
}

json_t *preflight_json(const struct preflight *preflight)
{
    json_t *list = json_array();
    for (size_t i = 0; i < preflight->count; i++) {
        const struct finding *finding = &preflight->findings[i];
        char sentence[700];
        preflight_sentence(finding, sentence, sizeof sentence);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "code",
                                        finding_code_name(finding->code), "severity",
                                        finding->severity == SEVERITY_ERROR ? "error" : "warning", "path",
                                        finding->path, "region", finding->region, "zone", finding->zone, "instanceType",
                                        finding->instance_type, "image", finding->image, "market", finding->market,
                                        "found", finding->found, "fits", finding->fits, "text", sentence));
    }
    return list;
}
