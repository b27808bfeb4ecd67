/* SPDX-License-Identifier: MPL-2.0 */
/* row.h: turns the named texts of one XML item into an instance row or a price row. Private to reader.c.
 * Runs in: type and region workers. Pure. Owns nothing. */
#ifndef WORKER_EC2_ROW_H
#define WORKER_EC2_ROW_H

#include "worker/ec2/ec2.h"

/* As text_copy, and never cuts inside a UTF-8 character: half of one could not be sent on as JSON. */
int copy_whole_characters(char *out, size_t size, const char *text);

/* One instance while its element is read. Zero-initialised is empty. */
struct instance_item {
    struct proto_ROW row;
    char deployment[NAME_SIZE]; /* by its tag */
    char tag_key[128], tag_value[256];
    bool spot;
    bool has_launch_time;
    bool spoilt;     /* a text that matters does not fit or cannot be understood */
    uint64_t prints; /* of all its texts, for the name of a row without an id */
};

/* `path` is relative to the item: "placement/availabilityZone". */
void instance_item_text(struct instance_item *item, const char *path, const char *text);
/* A tag's element is over. */
void instance_item_tag_end(struct instance_item *item);
/* The element is over: fills in the market and, where the row cannot be read, the state "unreadable" and an id of its
 * own. `with_launch_time`: this kind of answer always has one. */
void instance_item_end(struct instance_item *item, bool with_launch_time);

/* One row of a price history. False from price_item_end: it is none that can be used (case B44). */
struct price_item {
    struct proto_PRICE price;
    char product[64];
    char money[48];
    bool has_time;
    bool spoilt;
};
void price_item_text(struct price_item *item, const char *path, const char *text);
bool price_item_end(struct price_item *item);

#endif
