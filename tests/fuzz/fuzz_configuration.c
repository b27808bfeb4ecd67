/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_configuration.c: libFuzzer target of everything an operator's file goes through: JSON, settings, definitions.
 * What is accepted must print to a document that is accepted again, with the same hash (print and parse round-trip). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "proto/config.h"
#include "proto/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void try_definition(const json_t *document)
{
    static const char *const zones[] = {"us-west-2a", "us-west-2b"};
    static const struct region_zones regions[] = {{"us-west-2", zones, 2}};
    struct error err = {0};
    struct definition *first = definition_parse(document, "fuzz.json", regions, 1, &err);
    if (!first)
        return;
    struct definition *second = definition_parse(first->document, "fuzz.json", regions, 1, &err);
    if (!second || strcmp(first->hash, second->hash) != 0)
        abort();
    definition_destroy(&first);
    definition_destroy(&second);
}

static void try_config(const json_t *document)
{
    static struct config first, second;
    struct error err = {0};
    if (config_parse(document, "fuzz.json", &first, &err) < 0)
        return;
    json_t *printed = config_print(&first);
    if (config_parse(printed, "fuzz.json", &second, &err) < 0)
        abort();
    json_t *again = config_print(&second);
    if (!json_equal(printed, again))
        abort();
    json_decref(printed);
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err = {0};
    json_t *document = json_read_text("fuzz.json", (const char *)bytes, size, &err);
    if (!document)
        return 0;
    try_definition(document);
    try_config(document);
    json_decref(document);
    return 0;
}
