/* SPDX-License-Identifier: MPL-2.0 */
/* type_preflight.c: preflight of the worker's own definition: reads the catalogue, chooses the images of an AMI set,
 * leaves out of the plan what cannot launch, tells the supervisor. Runs in: type worker. See type_preflight.h. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

#define FIRST_WAIT SPAN_SECONDS(30) /* the first bid waits no longer for a catalogue that cannot be read */
#define PERIOD SPAN_SECONDS(600)
#define PERIOD_PARTIAL SPAN_SECONDS(30) /* while something could not be read */

/* ---- what goes out ---- */

static bool has_open_choice(const struct definition *definition)
{
    for (size_t i = 0; i < definition->spec_count; i++)
        if (!*definition->specs[i].image)
            return true;
    return false;
}

static const char *state_of(const struct type_worker *worker)
{
    const struct type_preflight *preflight = &worker->preflight;
    if (!preflight->passed)
        return "waiting";
    if (preflight->partial)
        return "unread";
    return preflight->check.images_only ? "off" : "done";
}

static void tell(struct type_worker *worker)
{
    struct type_preflight *preflight = &worker->preflight;
    struct message message = {.kind = PROTO_PREFLIGHT};
    struct proto_PREFLIGHT *out = &message.as.PREFLIGHT;
    json_t *findings = preflight_json(&preflight->result);
    char *text = json_text(findings);
    json_decref(findings);
    const char *state = state_of(worker);
    if (text_equal(text, preflight->told) && text_equal(state, preflight->told_state)) {
        free(text);
        return;
    }
    text_copy(out->state, sizeof out->state, state);
    out->placements = (int64_t)worker->definition->spec_count;
    out->usable = preflight->passed ? (int64_t)preflight->result.usable : 0;
    out->errors = (int64_t)preflight->result.errors;
    text_copy(out->why, sizeof out->why, *preflight->error ? preflight->error : preflight->check.problem);
    out->findings = text;
    CRASH_POINT(type_before_preflight);
    bus_send(&worker->bus, &message, BUS_KEEP);
    free(preflight->told);
    preflight->told = text;
    text_copy(preflight->told_state, sizeof preflight->told_state, state);
    log_info("preflight.result", "state=%s placements=%zu usable=%zu errors=%zu first=%s", state,
             preflight->result.placements, preflight->result.usable, preflight->result.errors, log_quote(out->why));
}

/* ---- the result ---- */

struct money type_price_of(void *context, const struct launch_spec *spec)
{
    struct type_prices *prices = context;
    const struct type_worker *worker = prices->worker;
    for (size_t i = 0; i < worker->option_count; i++) {
        size_t at = (prices->hint + i) % worker->option_count;
        const struct placement *placement = &worker->plan_options[at].placement;
        if (placement->market != MARKET_SPOT || !text_equal(placement->zone, spec->zone) ||
            !text_equal(placement->instance_type, spec->instance_type) || !text_equal(placement->region, spec->region))
            continue;
        prices->hint = at;
        return worker->prices[at].price;
    }
    return MONEY_ZERO;
}

/* Options are made spec by spec, in order, and point into the spec that they are of. */
void type_options_fit(struct plan_option *options, size_t count, const struct definition *definition,
                      const struct preflight *result)
{
    size_t spec = 0;
    for (size_t i = 0; i < count; i++) {
        while (spec < definition->spec_count && options[i].spec_hash != definition->specs[spec].hash)
            spec++;
        if (spec < definition->spec_count)
            options[i].unfit =
                options[i].placement.market == MARKET_SPOT ? result->spot_out[spec] : result->on_demand_out[spec];
    }
}

void type_preflight_evaluate(struct type_worker *worker, struct mono now)
{
    struct type_preflight *preflight = &worker->preflight;
    struct type_prices prices = {.worker = worker};
    struct preflight_input input = {.definition = worker->definition,
                                    .facts = preflight->check.facts,
                                    .region_count = preflight->check.region_count,
                                    .candidates = preflight->candidates,
                                    .price = type_price_of,
                                    .price_context = &prices,
                                    .dry_runs = preflight->dry.results,
                                    .images_only = preflight->check.images_only,
                                    .forced = preflight->check.forced};
    (void)now;
    preflight_choose(worker->definition, preflight->check.facts, preflight->check.region_count);
    preflight_clear(&preflight->result);
    preflight_run(&input, &preflight->result);
    preflight_first_error(&preflight->result, preflight->error, sizeof preflight->error);
    type_options_fit(worker->plan_options, worker->option_count, worker->definition, &preflight->result);
    preflight->passed = true;
    preflight->waits[0] = '\0';
    worker->news = true;
    tell(worker);
}

/* ---- life ---- */

static void begin(struct type_worker *worker, struct mono now)
{
    struct type_preflight *preflight = &worker->preflight;
    type_check_begin(worker, &preflight->check, FIRST_WAIT, now);
    preflight->next = MONO_NEVER;
}

int type_preflight_start(struct type_worker *worker, const struct proto_WELCOME *welcome, struct error *err)
{
    struct type_preflight *preflight = &worker->preflight;
    struct mono now = clock_now();
    if (*welcome->images) {
        preflight->candidates = json_read_text("images", welcome->images, strlen(welcome->images), err);
        if (!preflight->candidates)
            return -1;
    }
    preflight->dry.results = json_object();
    preflight->check.definition = worker->definition;
    preflight->check.candidates = preflight->candidates;
    preflight->check.images_only = !worker->config.preflight;
    preflight->check.forced = welcome->forced;
    text_copy(preflight->waits, sizeof preflight->waits, "the catalogue");
    begin(worker, now);
    if (preflight->check.images_only && !has_open_choice(worker->definition)) { /* nothing to wait for */
        preflight->check.running = false;
        type_preflight_evaluate(worker, now);
    }
    return 0;
}

static void end_pass(struct type_worker *worker, struct mono now)
{
    struct type_preflight *preflight = &worker->preflight;
    preflight->partial = !type_check_complete(&preflight->check);
    preflight->next = mono_add(now, preflight->partial ? PERIOD_PARTIAL : PERIOD);
    if (preflight->partial)
        log_warn("preflight.unread", "problem=%s", log_quote(preflight->check.problem));
    type_preflight_evaluate(worker, now);
}

/* Refusals of DryRuns are tried anew with each pass: a permission may have been given. */
static void forget_refusals(json_t *results)
{
    const char *hash;
    json_t *value;
    void *after;
    json_object_foreach_safe(results, after, hash, value)
    {
        if (!json_is_true(value))
            json_object_del(results, hash);
    }
}

void type_preflight_step(struct type_worker *worker, struct mono now)
{
    struct type_preflight *preflight = &worker->preflight;
    if (worker->stopping)
        return;
    if (mono_reached(preflight->next, now)) {
        forget_refusals(preflight->dry.results);
        begin(worker, now);
    }
    if (type_check_step(worker, &preflight->check, now))
        end_pass(worker, now);
    type_judge_step(worker, now);
    type_dryrun_step(worker, now);
}

void type_preflight_found(struct type_worker *worker, const struct proto_FOUND *found, struct mono now)
{
    struct type_preflight *preflight = &worker->preflight;
    if (!type_check_found(&preflight->check, found, now) && !type_judge_found(worker, found, now))
        return;
    if (!preflight->passed && *preflight->check.problem)
        text_format(preflight->waits, sizeof preflight->waits, "the catalogue: %.120s", preflight->check.problem);
}

struct mono type_preflight_deadline(const struct type_worker *worker)
{
    struct mono next = mono_min(type_check_deadline(&worker->preflight.check), worker->preflight.next);
    next = mono_min(next, type_judge_deadline(worker));
    return mono_min(next, type_dryrun_deadline(worker));
}

void type_preflight_clear(struct type_worker *worker)
{
    struct type_preflight *preflight = &worker->preflight;
    type_check_clear(&preflight->check);
    type_judge_clear(worker);
    preflight_clear(&preflight->result);
    json_decref(preflight->candidates);
    json_decref(preflight->dry.results);
    free(preflight->told);
}
