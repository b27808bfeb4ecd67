/* SPDX-License-Identifier: MPL-2.0 */
/* catalog.h: reads the configuration, all AMI sets and all workerType definitions from their files, checked as a whole.
 * Runs in: supervisor, at start, at reload and in --check. Owns: what a struct catalog holds, until catalog_clear.
 * Applies nothing: reload.c compares a catalog with what runs. */
#ifndef SUPERVISOR_CATALOG_H
#define SUPERVISOR_CATALOG_H

#include <stddef.h>

#include "common/error.h"
#include "proto/amiset.h"
#include "proto/config.h"
#include "proto/definition.h"
#include "proto/price_list.h"

struct catalog {
    struct config *config;
    struct definition **definitions; /* sorted by name */
    size_t count;
    struct amiset **sets; /* sorted by name */
    size_t set_count;
    struct price_list prices; /* on demand */
};

typedef void catalog_complaint(void *context, const char *text);

/* Reads all; every fault is told to `complain` (may be NULL), the first one is left in *err. -1 when there is any; then
 * *out is empty. */
int catalog_read(struct catalog *out, const char *config_path, catalog_complaint *complain, void *context,
                 struct error *err);
/* One definition's file anew, with the AMI set that it names. NULL with *err. Caller owns the result. */
struct definition *catalog_read_definition(const struct config *config, const char *path, struct error *err);
/* The same for a document that is in no file yet. `set`: stands for the file of that set, if the definition names it.
 */
struct definition *catalog_parse_definition(const struct config *config, const json_t *document, const char *path,
                                            const struct amiset *set, struct error *err);
/* A definition that runs, with the images of that set, which it names, instead of those it has. NULL with *err. */
struct definition *catalog_with_set(const struct config *config, const struct definition *running,
                                    const struct amiset *set, struct error *err);
/* The set's file. NULL with *err. */
struct amiset *catalog_read_set(const struct config *config, const char *name, struct error *err);
void catalog_clear(struct catalog *catalog);

/* Hash over the settings and all definitions: which configuration is live. */
void catalog_hash(const struct config *config, const struct definition *const *definitions, size_t count,
                  char out[HASH_SIZE]);

#endif
