/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_import.h: what the files of import share. Runs in: provisionctl. */
#ifndef SUBSCRIBERS_PROVISIONCTL_IMPORT_H
#define SUBSCRIBERS_PROVISIONCTL_IMPORT_H

#include <jansson.h>
#include <stdbool.h>

/* "TYPE: PATH has no counterpart: WHY" on standard error. */
void import_lost(const char *type, const char *path, const char *why);
bool import_is_known(const char *name, const char *const *list);
/* A launchSpec of ours needs a key pair; where the source gives none one is put in, and said. */
void import_key(const char *type, json_t *document);

/* New reference; `fallback` names the type where the source does not. */
json_t *import_aws_provisioner(json_t *source, const char *fallback);
json_t *import_worker_manager(json_t *source, const char *fallback);

#endif
