/* SPDX-License-Identifier: MPL-2.0 */
/* price_list.h: on-demand prices by region and instance type. EC2 has no call for them, so they come from files,
 * prices.d/REGION.json:  {"source": "...", "prices": {"m3.large": "0.133", ...}}   dollars an hour
 * which `provisionctl refresh-prices` makes from AWS's public price list.
 * Runs in: supervisor (reads the files, tells the type workers), provisionctl (makes them). Pure: no file, no clock.
 * Owns: the rows until price_list_clear. */
#ifndef PROTO_PRICE_LIST_H
#define PROTO_PRICE_LIST_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"
#include "common/money.h"
#include "proto/words.h"

struct price_row {
    char region[NAME_SIZE], instance_type[NAME_SIZE];
    struct money per_hour;
};

/* Zero-initialised is empty. */
struct price_list {
    struct price_row *rows;
    size_t count;
};

/* Adds the rows of one region's file; -1 with *err (file and path) when anything is wrong; nothing is added then. */
int price_list_add(struct price_list *list, const json_t *document, const char *region, const char *file,
                   struct error *err);
void price_list_clear(struct price_list *list);

/* From an offer file of AWS's price list for AmazonEC2 (index.json of one region or of all): Linux without licences, on
 * shared hardware, billed by the hour. New reference: region -> the document of its file; NULL with *err when it is no
 * such offer or has none of these prices. `source` is written into each. */
json_t *price_list_from_offer(const json_t *offer, const char *source, struct error *err);

#endif
