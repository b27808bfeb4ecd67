/* SPDX-License-Identifier: MPL-2.0 */
/* region_prices.c: lane 3: spot prices of the last 30 minutes for the instance types that definitions name.
 * Runs in: region worker. A bad price feed stops nothing (case B44): the last reading stays, and grows old. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/describe.h"
#include "worker/region_worker.h"

#define PRICE_WINDOW_MS (30 * 60 * 1000)
#define MOST_PAGES 100

static void end(struct region_worker *worker)
{
    worker->prices.running = false;
    worker->prices.next = mono_add(clock_now(), worker->config.price_poll);
}

static void fail(struct region_worker *worker, const char *code, const char *text)
{
    log_repeating(LOG_WARN_LEVEL, "prices.failed", worker->options->name, code, "code=%s text=%s", code,
                  log_quote(text));
    end(worker);
}

static void complete(struct region_worker *worker)
{
    struct price_reading *prices = &worker->prices;
    struct message message = {.kind = PROTO_PRICES};
    free(prices->last);
    prices->last = prices_list(&prices->book);
    prices->last_count = prices->last ? prices->book.count : 0;
    prices->last_wall = (struct wall){prices->book.start.ms + PRICE_WINDOW_MS};
    text_copy(message.as.PRICES.region, NAME_SIZE, worker->options->name);
    message.as.PRICES.seenWall = prices->last_wall.ms;
    message.as.PRICES.prices = prices->last;
    message.as.PRICES.prices_count = prices->last_count;
    CRASH_POINT(region_before_prices);
    bus_send(&worker->bus, &message, BUS_KEEP);
    region_publish_prices(worker);
    end(worker);
}

static void on_price(void *context, const struct proto_PRICE *row)
{
    struct region_worker *worker = context;
    prices_add(&worker->prices.book, row);
}

static void on_page(void *context, const struct cloud_answer *answer)
{
    struct region_worker *worker = context;
    struct price_reading *prices = &worker->prices;
    prices->page_under_way = false;
    if (answer->ending != CLOUD_DONE)
        fail(worker, answer->error.code, answer->error.message);
    else if (!*answer->next_token)
        complete(worker);
    else if (++prices->pages >= MOST_PAGES || strcmp(prices->token, answer->next_token) == 0)
        fail(worker, "TooManyPages", "the price history does not end");
    else
        text_copy(prices->token, sizeof prices->token, answer->next_token);
}

static void begin(struct price_reading *prices)
{
    prices_begin(&prices->book, (struct wall){clock_wall().ms - PRICE_WINDOW_MS});
    prices->running = true;
    prices->pages = 0;
    *prices->token = '\0';
}

static void ask_page(struct region_worker *worker)
{
    struct price_reading *prices = &worker->prices;
    struct name_list *types = &worker->instance_types;
    struct ec2_form form = {0};
    struct error err;
    struct cloud_request request = {.form = &form,
                                    .total_limit = region_page_limit(worker),
                                    .not_after = MONO_NEVER,
                                    .rows = {.price = on_price, .context = worker},
                                    .on_done = on_page,
                                    .context = worker};
    const char **names = calloc(types->count + 1, sizeof *names);
    for (size_t i = 0; names && i < types->count; i++)
        names[i] = types->names[i];
    ec2_describe_spot_prices(&form, names, names ? types->count : 0, prices->book.start, prices->token);
    free(names);
    prices->page_under_way = true;
    CRASH_POINT(region_before_price_call);
    if (cloud_start(&worker->cloud, &request, &err) < 0) {
        prices->page_under_way = false;
        fail(worker, "CannotSend", err.text);
    }
    ec2_form_free(&form);
}

void region_prices_step(struct region_worker *worker, struct mono now)
{
    struct price_reading *prices = &worker->prices;
    bool due = prices->running || mono_reached(prices->next, now);
    if (prices->page_under_way || !due || worker->instance_types.count == 0 || !region_take_call(worker, now))
        return;
    if (!prices->running)
        begin(prices);
    ask_page(worker);
}

struct mono region_prices_deadline(const struct region_worker *worker, struct mono now)
{
    const struct price_reading *prices = &worker->prices;
    if (prices->page_under_way || worker->instance_types.count == 0)
        return MONO_NEVER;
    return mono_max(prices->running ? now : prices->next, region_call_deadline(worker, now));
}
