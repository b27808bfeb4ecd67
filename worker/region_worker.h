/* SPDX-License-Identifier: MPL-2.0 */
/* region_worker.h: the state of a region worker and its lanes, one file each; private to worker/region_*.c.
 * Runs in: region worker, one thread. Owns: everything in struct region_worker.
 *   region_worker.c     life: welcome, the loop, the end; the call budget that the lanes share
 *   region_listing.c    lane 1: the inventory, page by page
 *   region_publish.c    what a complete listing tells: supervisor and type workers
 *   region_terminate.c  lane 2: orders to terminate
 *   region_prices.c     lane 3: spot prices
 *   region_lookup.c     lane 4: look-ups for the type workers: launches by token
 *   region_catalogue.c  lane 4: and EC2's catalogue, batched and cached
 *   region_quotas.c     lane 4: and the account's vCPU quotas, of Service Quotas
 * One stream of listings serves all types (case B22); only a complete one counts (cases B01, B30). */
#ifndef WORKER_REGION_WORKER_H
#define WORKER_REGION_WORKER_H

#include "common/http.h"
#include "common/loop.h"
#include "proto/config.h"
#include "proto/messages.h"
#include "worker/bus.h"
#include "worker/cloud.h"
#include "worker/prices.h"
#include "worker/worker.h"

#define LISTING_MOST_PAGES 500 /* more is no listing but a fault (case B30) */

struct row_list {
    struct proto_ROW *rows;
    size_t count, room;
};
struct name_list {
    char (*names)[NAME_SIZE];
    size_t count;
};

struct listing {
    bool running, page_under_way, restarted;
    int64_t number; /* of the last complete one */
    struct mono began;
    struct wall began_wall;
    int64_t pages;
    char *tokens[LISTING_MOST_PAGES]; /* that were followed, to see one that comes again */
    struct row_list rows;
    struct mono next;      /* when the next one begins */
    struct span throttled; /* growing delay while EC2 says that we ask too often; 0 none */
};

struct price_reading {
    bool running, page_under_way;
    char token[1024];
    int pages;
    struct price_book book;
    struct mono next;
    struct proto_PRICE *last; /* the last complete one, published again with each listing */
    size_t last_count;
    struct wall last_wall;
};

struct order;          /* region_terminate.c */
struct question;       /* region_lookup.c */
struct catalogue_lane; /* region_catalogue.c */
struct quota_call;     /* region_quotas.c */

struct region_worker {
    const struct worker_options *options;
    struct loop *loop;
    struct bus bus;
    struct http_client *http;
    struct keys *keys;
    struct config config;
    struct cloud cloud;
    char incarnation[64];
    void *inventory; /* XPUB */
    void *lookups;   /* ROUTER */

    struct name_list instance_types; /* whose prices are wanted */
    struct name_list types;          /* defined or ever seen: each gets its message, with zero rows too */

    double calls; /* tokens of our own limit, describeRate */
    struct mono calls_at;

    struct listing listing;
    struct row_list known; /* the inventory: the last complete listing, sorted by id */
    struct price_reading prices;
    struct order *orders;
    struct question *questions;
    struct catalogue_lane *catalogue;
    struct quota_call *quota; /* under way; NULL: none */

    int64_t tick_number;
    struct mono tick_began;
    bool stopping;
    int exit_status;
    struct mono drain_limit;
};

/* region_worker.c */
bool region_take_call(struct region_worker *worker, struct mono now); /* false: not now, see region_call_deadline */
struct mono region_call_deadline(const struct region_worker *worker, struct mono now);
void region_beat(struct region_worker *worker, struct mono now);
struct span region_page_limit(const struct region_worker *worker);
bool region_has_name(const struct name_list *list, const char *name);
void region_add_name(struct name_list *list, const char *name);

/* region_listing.c */
void region_listing_step(struct region_worker *worker, struct mono now);
struct mono region_listing_deadline(const struct region_worker *worker, struct mono now);
void region_listing_clear(struct region_worker *worker);
void region_rows_add(struct row_list *list, const struct proto_ROW *row);

/* region_publish.c: `rows` is complete, sorted, without doubles; becomes the inventory. */
void region_publish(struct region_worker *worker, struct row_list *rows, struct mono now);
void region_publish_prices(struct region_worker *worker);

/* region_prices.c */
void region_prices_step(struct region_worker *worker, struct mono now);
struct mono region_prices_deadline(const struct region_worker *worker, struct mono now);

/* region_terminate.c */
void region_terminate_take(struct region_worker *worker, struct proto_TERMINATE *order); /* empties *order */
void region_terminate_step(struct region_worker *worker, struct mono now);
bool region_terminate_waits(const struct region_worker *worker); /* has something to send */
bool region_terminate_calling(const struct region_worker *worker);
void region_terminate_clear(struct region_worker *worker);

/* region_lookup.c */
void region_lookup_drain(struct region_worker *worker);
void region_lookup_step(struct region_worker *worker, struct mono now);
bool region_lookup_waits(const struct region_worker *worker);
void region_lookup_clear(struct region_worker *worker);

/* region_catalogue.c */
bool region_catalogue_take(struct region_worker *worker, const char *peer, const struct proto_LOOKUP *asked);
void region_catalogue_step(struct region_worker *worker, struct mono now);
bool region_catalogue_waits(struct region_worker *worker);
void region_catalogue_clear(struct region_worker *worker);

/* region_quotas.c */
/* `item` is taken over: {"value": vCPUs as text}; NULL: not known. */
typedef void region_quota_done(void *context, json_t *item);
/* -1: it is not asked for, and `done` is not called. */
int region_quota_ask(struct region_worker *worker, const char *code, region_quota_done *done, void *context);
void region_quota_clear(struct region_worker *worker);

#endif
