/* SPDX-License-Identifier: MPL-2.0 */
/* prices.h: spot price history rows, in any order and over any pages, to one price a zone and instance type.
 * Pure. Runs in: region worker. Owns: its list until prices_clear.
 * price   = the highest that held at any time since `start`: rows from then on, and the newest one before
 * current = the newest by time stamp, regardless of order or page (case B44) */
#ifndef WORKER_PRICES_H
#define WORKER_PRICES_H

#include <stddef.h>

#include "common/clock.h"
#include "proto/messages.h"

struct price_book_entry {
    struct proto_PRICE newest;   /* seenWall is its time stamp */
    int64_t highest_since;       /* of rows at or after start; 0 none */
    int64_t before, before_wall; /* newest row before start; 0 none */
};
struct price_book {
    struct wall start;
    struct price_book_entry *entries; /* sorted by zone and instance type */
    size_t count;
};

void prices_begin(struct price_book *book, struct wall start);
/* One history row; a price that is not above 0 is no price. */
void prices_add(struct price_book *book, const struct proto_PRICE *row);
/* New list of book->count rows; caller frees. */
struct proto_PRICE *prices_list(const struct price_book *book);
void prices_clear(struct price_book *book);

#endif
