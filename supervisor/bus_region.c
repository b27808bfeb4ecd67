/* SPDX-License-Identifier: MPL-2.0 */
/* bus_region.c: handlers of what region workers say. Runs in: supervisor, main thread. See bus.h.
 * Rows wait until LISTED says that the listing is complete: a partial one never replaces the inventory (case B01). */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/events.h"
#include "supervisor/lease.h"
#include "supervisor/spend.h"
#include "supervisor/terminate.h"
#include "supervisor/workers.h"

static void forget_rows(struct region_record *region)
{
    free(region->rows);
    region->rows = NULL;
    region->row_count = 0;
}

void bus_rows(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct region_record *region = region_of_worker(sender->worker);
    struct proto_ROWS *rows = &message->as.ROWS;

    (void)supervisor;
    if (rows->listing != region->rows_listing)
        forget_rows(region);
    region->rows_listing = rows->listing;
    region->rows = realloc(region->rows, (region->row_count + rows->rows_count + 1) * sizeof *region->rows);
    if (!region->rows)
        abort();
    if (rows->rows_count > 0)
        memcpy(region->rows + region->row_count, rows->rows, rows->rows_count * sizeof *region->rows);
    region->row_count += rows->rows_count;
}

static void mark_types(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->type_count; i++)
        supervisor->types[i]->dirty = true; /* its figures are of a newer listing now */
}

static void take_listing(struct supervisor *supervisor, struct region_record *region, int64_t generation,
                         const struct proto_LISTED *listed)
{
    bool same = region->rows_listing == listed->listing;
    struct fleet_listing listing = {.region = region->name,
                                    .generation = generation,
                                    .listing = listed->listing,
                                    .full = listed->full,
                                    .began = {listed->beganMono},
                                    .began_wall = {listed->beganWall},
                                    .took = {listed->tookUs},
                                    .rows = region->rows,
                                    .row_count = same ? region->row_count : 0,
                                    .gone = listed->gone,
                                    .gone_count = listed->gone_count,
                                    .incarnation = supervisor->incarnation,
                                    .started = supervisor->started};

    CRASH_POINT(supervisor_before_listing);
    supervisor->adopted = 0;
    fleet_take_listing(supervisor->fleet, &listing, lease_take_fact, supervisor);
    CRASH_POINT(supervisor_after_listing);
    if (supervisor->adopted > 0)
        event_record(supervisor, "adopted", NULL, region->name, "%lld instances that the ledger did not know",
                     (long long)supervisor->adopted);
}

/* Calls are signed with EC2's time, so that all goes on; but nobody would know. In minutes: the sentence stays. */
static void judge_clock(struct supervisor *supervisor, struct region_record *region, int64_t clock_ms)
{
    long long minutes = llabs(clock_ms) / 60000 + (llabs(clock_ms) % 60000 >= 30000);

    region->problem[0] = '\0';
    if (clock_ms == 0) {
        alarm_clear(supervisor, "clock", region->name);
        return;
    }
    text_format(region->problem, sizeof region->problem, "the local clock is %lld min %s EC2's: set it", minutes,
                clock_ms < 0 ? "ahead of" : "behind");
    alarm_raise(supervisor, "clock", region->name, "%s; calls are signed with EC2's time meanwhile", region->problem);
}

void bus_listed(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct region_record *region = region_of_worker(sender->worker);
    const struct proto_LISTED *listed = &message->as.LISTED;
    bool first = !region->view->listed;

    if (!listed->full && !region->had_full) {
        workers_offended(supervisor, sender->worker, "its first listing does not hold all rows");
        return;
    }
    if (listed->beganMono > supervisor->now.us || listed->beganMono < supervisor->started_mono.us) {
        workers_offended(supervisor, sender->worker, "its listing began at no possible time");
        return;
    }
    region->had_full = true;
    take_listing(supervisor, region, sender->generation, listed);
    forget_rows(region);
    judge_clock(supervisor, region, listed->clockMs);
    terminate_retired(supervisor, region);
    alarm_clear(supervisor, "listing", region->name);
    if (first)
        event_record(supervisor, "region-listed", NULL, region->name, "first complete listing: %lld rows in %.1f s",
                     (long long)listed->rows, span_seconds(SPAN_US(listed->tookUs)));
    region->dirty = true;
    mark_types(supervisor);
    supervisor->arbiter_due = true;
}

void bus_listing_failed(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct region_record *region = region_of_worker(sender->worker);
    const struct proto_LISTING_FAILED *failed = &message->as.LISTING_FAILED;

    forget_rows(region);
    text_format(region->problem, sizeof region->problem, "%s: %.180s", *failed->code ? failed->code : failed->failure,
                failed->message);
    region->dirty = true;
    log_repeating(LOG_WARN_LEVEL, "listing.failed", region->name, failed->code, "region=%s code=%s message=%s",
                  region->name, failed->code, log_quote(failed->message));
    alarm_raise(supervisor, "listing", region->name, "the last listing failed, the inventory stays as it was: %s",
                region->problem);
}

void bus_prices(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct region_record *region = region_of_worker(sender->worker);
    struct proto_PRICES *prices = &message->as.PRICES;

    (void)supervisor;
    free(region->prices);
    region->prices = prices->prices; /* taken over */
    region->price_count = prices->prices_count;
    region->prices_seen = (struct wall){prices->seenWall};
    if (region->price_count > 0)
        qsort(region->prices, region->price_count, sizeof *region->prices, spend_compare_prices);
    prices->prices = NULL;
    prices->prices_count = 0;
}

void bus_terminated(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    terminate_answered(supervisor, region_of_worker(sender->worker), &message->as.TERMINATED);
}
