/* SPDX-License-Identifier: MPL-2.0 */
/* prices.c: see prices.h. Pure. Runs in: region worker. */
#include "worker/prices.h"

#include <stdlib.h>
#include <string.h>

void prices_begin(struct price_book *book, struct wall start)
{
    prices_clear(book);
    book->start = start;
}

void prices_clear(struct price_book *book)
{
    free(book->entries);
    *book = (struct price_book){0};
}

static int order_of(const struct proto_PRICE *a, const struct proto_PRICE *b)
{
    int order = strcmp(a->zone, b->zone);
    return order ? order : strcmp(a->instanceType, b->instanceType);
}

static struct price_book_entry *entry_of(struct price_book *book, const struct proto_PRICE *row)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = order_of(&book->entries[middle].newest, row);
        if (order == 0)
            return &book->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct price_book_entry *grown = realloc(book->entries, (book->count + 1) * sizeof *grown);
    if (!grown)
        abort();
    book->entries = grown;
    memmove(&grown[low + 1], &grown[low], (book->count++ - low) * sizeof *grown);
    grown[low] = (struct price_book_entry){.newest = *row};
    return &grown[low];
}

void prices_add(struct price_book *book, const struct proto_PRICE *row)
{
    if (row->price <= 0 || !*row->zone || !*row->instanceType)
        return;
    struct price_book_entry *entry = entry_of(book, row);
    if (row->seenWall >= entry->newest.seenWall)
        entry->newest = *row;
    if (row->seenWall >= book->start.ms) {
        if (row->price > entry->highest_since)
            entry->highest_since = row->price;
    } else if (row->seenWall >= entry->before_wall) {
        entry->before = row->price;
        entry->before_wall = row->seenWall;
    }
}

struct proto_PRICE *prices_list(const struct price_book *book)
{
    struct proto_PRICE *list = calloc(book->count + 1, sizeof *list);
    for (size_t i = 0; list && i < book->count; i++) {
        const struct price_book_entry *entry = &book->entries[i];
        list[i] = entry->newest;
        list[i].current = entry->newest.price;
        list[i].price = entry->highest_since > entry->before ? entry->highest_since : entry->before;
    }
    return list;
}
