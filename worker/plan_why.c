/* SPDX-License-Identifier: MPL-2.0 */
/* plan_why.c: the one reason for what a plan asks for, and one sentence with the figures (case B59: waiting work with
 * no visible reason). Pure. Runs in: type worker. Every number says units or instances. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "worker/plan_parts.h"

static void sentence(struct plan *out, enum reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void sentence(struct plan *out, enum reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->why, sizeof out->why, format, arguments);
    va_end(arguments);
    out->reason = reason;
}

/* "6000 pending, 12 serving" or "pending unknown for 70s (HTTP 503), 12 serving"; and what idles out soon. */
static const char *demand_text(const struct plan_input *input, const struct plan *plan, char *out, size_t size)
{
    const struct plan_demand *demand = &input->demand;
    const char *problem = demand->problem ? demand->problem : "";
    char age[32], ending[64] = "";
    if (plan->ending > 0)
        snprintf(ending, sizeof ending, ", %" PRId64 " of them near their idle limit", plan->ending);
    if (plan->pending >= 0) {
        text_format(out, size, "%" PRId64 " pending, %" PRId64 " units serving%s", plan->pending, input->supply.serving,
                    ending);
    } else if (!mono_is_set(demand->seen)) {
        text_format(out, size, "pending not known yet%s%s, %" PRId64 " units serving%s", *problem ? ": " : "", problem,
                    input->supply.serving, ending);
    } else {
        span_format_short(mono_since(demand->seen, input->now), age, sizeof age);
        text_format(out, size, "pending last seen %s ago%s%s, %" PRId64 " units serving%s", age, *problem ? ": " : "",
                    problem, input->supply.serving, ending);
    }
    return out;
}

/* An example of what stands in the way: "us-west-2a/m3.large/spot: capacity InsufficientInstanceCapacity". */
static void closed_text(const struct plan_left_out *left_out, char *out, size_t size)
{
    const struct plan_option *option = left_out->closed_example;
    char placement[4 * NAME_SIZE];
    placement_format(&option->placement, placement, sizeof placement);
    text_format(out, size, "%s: %s%s%s", placement, failure_name(option->failure),
                option->code && *option->code ? " " : "", option->code ? option->code : "");
}

static enum reason closed_reason(const struct plan_option *example)
{
    if (!example->type_wide)
        return REASON_NO_PLACEMENT;
    return example->failure == FAILURE_WITHOUT_EFFECT ? REASON_UNPRODUCTIVE : REASON_QUARANTINED;
}

/* Fewer placements than it takes for a quarantine: all that preflight left, or none checked, were tried and refused. */
static bool all_refused(const struct plan_left_out *left_out)
{
    return left_out->refused > 0 && left_out->refused == left_out->closed &&
           left_out->room + left_out->price + left_out->stale == 0;
}

/* There is need, but no lot. The most frequent cause is the reason; a breaker of the whole type goes before all. */
static void why_no_lot(const struct plan_input *input, int64_t room, const struct plan_left_out *left_out,
                       const char *demand, struct plan *out)
{
    char text[320];
    const struct plan_option *closed = left_out->closed_example;
    if (left_out->unfit > 0 && left_out->room + left_out->closed + left_out->price + left_out->stale == 0)
        sentence(out, REASON_UNLAUNCHABLE,
                 "%s, %" PRId64 " units needed; preflight left out all %zu placements: %.300s", demand, out->need,
                 left_out->unfit, input->preflight_error ? input->preflight_error : "");
    else if (left_out->room > 0 && left_out->closed + left_out->price == 0) {
        sentence(out, REASON_AT_CEILING,
                 "%s, %" PRId64 " needed; ceiling %" PRId64 " units reached: %" PRId64 " occupying, %" PRId64
                 " in flight, room for %" PRId64,
                 demand, out->need, input->type.max_units, input->supply.occupying, input->supply.in_flight,
                 room > 0 ? room : 0);
    } else if (all_refused(left_out)) {
        closed_text(left_out, text, sizeof text);
        sentence(out, REASON_REFUSED, "%s, %" PRId64 " units needed; EC2 refuses all %zu placements, first %s", demand,
                 out->need, left_out->refused, text);
    } else if (closed && (closed->type_wide || left_out->closed >= left_out->price + left_out->stale)) {
        closed_text(left_out, text, sizeof text);
        sentence(out, closed_reason(closed), "%s, %" PRId64 " units needed; %zu of %zu placements set aside, first %s",
                 demand, out->need, left_out->closed, input->option_count, text);
    } else if (left_out->price > 0 && left_out->price >= left_out->stale) {
        char price[32], most[32];
        money_format(left_out->price_example->price, price, sizeof price);
        money_format(input->type.max_price, most, sizeof most);
        sentence(out, REASON_PRICE_TOO_HIGH,
                 "%s, %" PRId64
                 " units needed; %zu placements too dear: %s in %s costs $%s an hour, twice that is over "
                 "maxPrice $%s",
                 demand, out->need, left_out->price, left_out->price_example->placement.instance_type,
                 left_out->price_example->placement.zone, price, most);
    } else if (left_out->stale > 0) {
        const struct plan_region *region = left_out->stale_example;
        char age[32] = "", view[48] = "never listed";
        if (region && region->listed) {
            span_format_short(mono_since(region->began, input->now), age, sizeof age);
            snprintf(view, sizeof view, "%s old", age);
        }
        sentence(out, REASON_INVENTORY_STALE, "%s, %" PRId64 " units needed; EC2 view stale: %s %s", demand, out->need,
                 region ? region->name : "region", view);
    } else {
        sentence(out, REASON_NO_PLACEMENT, "%s, %" PRId64 " units needed; no placement is allowed", demand, out->need);
    }
}

static void why_launching(const struct plan_input *input, int64_t room, const char *demand, struct plan *out)
{
    char placement[4 * NAME_SIZE], price[32], ceiling[96] = "";
    placement_format(&out->lots[0].placement, placement, sizeof placement);
    money_format(out->lots[0].max_price, price, sizeof price);
    if (out->units < out->need)
        snprintf(ceiling, sizeof ceiling, " (ceiling %" PRId64 " units leaves room for %" PRId64 ")",
                 input->type.max_units, room);
    sentence(out, REASON_LAUNCHING,
             "%s, %" PRId64 " units on their way or idle: %" PRId64 " needed, bids for %" PRId64 " instances = %" PRId64
             " units%s, first %s at up to $%s an hour",
             demand, out->credit, out->need, out->instances, out->units, ceiling, placement, price);
}

static void why_no_need(const struct plan_input *input, const char *demand, struct plan *out)
{
    if (out->pending < 0)
        sentence(out, REASON_DEMAND_UNKNOWN, "%s; launches only up to the floor of %" PRId64 " units", demand,
                 input->type.min_units);
    else if (out->pending == 0)
        sentence(out, REASON_NO_DEMAND, "%s, floor %" PRId64 " units: nothing needed", demand, input->type.min_units);
    else
        sentence(out, REASON_SATISFIED,
                 "%s: covered by %" PRId64 " units in flight, %" PRId64 " booting, %" PRId64 " idle", demand,
                 input->supply.in_flight, input->supply.booting, out->idle - out->dead);
}

void plan_why(const struct plan_input *input, int64_t room, const struct plan_left_out *left_out, struct plan *out)
{
    char demand[256];
    demand_text(input, out, demand, sizeof demand);
    if (input->supply.starting)
        sentence(out, REASON_STARTING, "%s; waiting for the first complete listing of every region", demand);
    else if (out->need <= 0)
        why_no_need(input, demand, out);
    else if (input->credentials_problem && *input->credentials_problem)
        sentence(out, REASON_NO_PLACEMENT, "%s, %" PRId64 " units needed; no AWS credentials: %.200s", demand,
                 out->need, input->credentials_problem);
    else if (input->preflight_waits && *input->preflight_waits)
        sentence(out, REASON_STARTING, "%s, %" PRId64 " units needed; preflight waits for %.200s", demand, out->need,
                 input->preflight_waits);
    else if (out->lot_count == 0)
        why_no_lot(input, room, left_out, demand, out);
    else
        why_launching(input, room, demand, out);
}
