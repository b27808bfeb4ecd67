/* SPDX-License-Identifier: MPL-2.0 */
/* config_regions.h: the region list of the configuration and the check of URLs, used by config.c alone. */
#ifndef PROTO_CONFIG_REGIONS_H
#define PROTO_CONFIG_REGIONS_H

#include "common/json.h"
#include "proto/config.h"

/* Reads "regions" of the document; at least one, no name twice. */
int config_regions_parse(const json_t *document, const struct json_at *root, struct config *out, struct error *err);
/* New reference. */
json_t *config_regions_print(const struct config *config);

/* https anywhere, http only to loopback unless `allow_plain`. */
int config_check_url(const struct json_at *at, const char *url, bool allow_plain, struct error *err);

#endif
