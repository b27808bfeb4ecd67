/* SPDX-License-Identifier: MPL-2.0 */
/* decide_bids.c: bids come and lapse: state, not events. Runs in: supervisor, main thread. See decide.h. */
#include <stdlib.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/decide.h"

void decide_take_bid(struct supervisor *supervisor, struct type_record *type, struct proto_BID *message)
{
    struct bid *bid = &type->bid;

    free(bid->lots);
    free(bid->views);
    *bid = (struct bid){.stands = true,
                        .number = message->number,
                        .seen = message->seen,
                        .units = message->units,
                        .heard = supervisor->now,
                        .lots = message->lots,
                        .lot_count = message->lots_count,
                        .views = calloc(message->lots_count + 1, sizeof *bid->views)};
    if (!bid->views)
        abort();
    message->lots = NULL;
    message->lots_count = 0;
    for (size_t i = 0; i < bid->lot_count; i++) {
        struct arbiter_lot *view = &bid->views[i];
        const struct proto_LOT *lot = &bid->lots[i];
        int market = market_of(lot->market);
        text_copy(view->placement.region, sizeof view->placement.region, lot->region);
        text_copy(view->placement.zone, sizeof view->placement.zone, lot->zone);
        text_copy(view->placement.instance_type, sizeof view->placement.instance_type, lot->instanceType);
        view->placement.market = market < 0 ? MARKET_SPOT : (enum market)market;
        view->count = lot->count;
        view->capacity = lot->capacity;
        view->max_price = MONEY(lot->maxPrice);
        view->spec_hash = lot->specHash;
    }
    supervisor->arbiter_due = true;
}

void decide_lapse(struct supervisor *supervisor)
{
    /* Two missed ticks, and half a one for the way. */
    struct span limit = span_scale(supervisor->config->tick, 2.5);

    for (size_t i = 0; i < supervisor->type_count; i++) {
        struct type_record *type = supervisor->types[i];
        if (type->bid.stands && mono_since(type->heard, supervisor->now).us > limit.us) {
            type->bid.stands = false;
            supervisor->arbiter_due = true;
            log_info("bid.lapsed", "type=%s bid=%lld", type->name, (long long)type->bid.number);
        }
    }
}
