/* SPDX-License-Identifier: MPL-2.0 */
/* type_dryrun.c: RunInstances with DryRun, once for each specification that has never launched: it finds what no
 * catalogue tells (permissions, the instance profile, parameters that do not go together).
 * Runs in: type worker. One at a time, and only when the supervisor spares a call of the region's budget: launches and
 * the first bid never wait for one. */
#include <string.h>

#include "common/crash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

#define ASK_AGAIN SPAN_SECONDS(60) /* the supervisor answers when it can; a new one has forgotten the question */
#define TRY_AGAIN SPAN_SECONDS(30)
#define MOST_TRIES 5

static bool needs_one(const struct type_worker *worker, size_t spec)
{
    const struct type_preflight *preflight = &worker->preflight;
    const struct launch_spec *it = &worker->definition->specs[spec];
    return *it->image && !(preflight->result.spot_out[spec] && preflight->result.on_demand_out[spec]) &&
           !json_object_get(preflight->dry.results, it->hash);
}

/* SIZE_MAX: none. */
static size_t next_spec(const struct type_worker *worker)
{
    for (size_t i = 0; i < worker->definition->spec_count; i++)
        if (needs_one(worker, i))
            return i;
    return SIZE_MAX;
}

static bool idle(const struct type_worker *worker)
{
    const struct type_preflight *preflight = &worker->preflight;
    return !preflight->passed || preflight->check.images_only || preflight->check.forced || preflight->dry.calling;
}

void type_dryrun_step(struct type_worker *worker, struct mono now)
{
    struct type_dry_runs *dry = &worker->preflight.dry;
    struct message message = {.kind = PROTO_SPARE};
    if (idle(worker) || !mono_reached(dry->due, now))
        return;
    size_t spec = next_spec(worker);
    dry->due = spec == SIZE_MAX ? mono_add(now, TRY_AGAIN) : mono_add(now, ASK_AGAIN);
    if (spec == SIZE_MAX || !keys_now(worker->keys))
        return;
    const struct launch_spec *it = &worker->definition->specs[spec];
    text_copy(message.as.SPARE.region, sizeof message.as.SPARE.region, it->region);
    text_copy(message.as.SPARE.specHash, sizeof message.as.SPARE.specHash, it->hash);
    text_copy(dry->asked, sizeof dry->asked, it->hash);
    CRASH_POINT(type_before_spare);
    bus_send(&worker->bus, &message, BUS_KEEP);
}

static void passed(struct type_worker *worker, const char *hash)
{
    struct message message = {.kind = PROTO_DRYRUN_DONE};
    text_copy(message.as.DRYRUN_DONE.specHash, sizeof message.as.DRYRUN_DONE.specHash, hash);
    CRASH_POINT(type_before_dryrun_done);
    bus_send(&worker->bus, &message, BUS_KEEP);
    json_object_set_new(worker->preflight.dry.results, hash, json_true());
}

/* Only what the definition or its permissions are to blame for is a finding; the rest is tried again. */
static bool blames_the_definition(const struct cloud_answer *answer)
{
    enum failure failure = answer->failure;
    return answer->ending == CLOUD_REFUSED &&
           (failure == FAILURE_DEFINITION || failure == FAILURE_PERMISSION || failure == FAILURE_NOT_OFFERED);
}

static void on_answer(void *context, const struct cloud_answer *answer)
{
    struct type_worker *worker = context;
    struct type_dry_runs *dry = &worker->preflight.dry;
    const char *hash = dry->asked;
    dry->calling = false;
    dry->due = answer->finished;
    if (text_equal(answer->error.code, "DryRunOperation")) {
        dry->tries = 0;
        passed(worker, hash);
    } else if (blames_the_definition(answer)) {
        dry->tries = 0;
        json_object_set_new(dry->results, hash,
                            json_pack("{s:s, s:s}", "code", answer->error.code, "message", answer->error.message));
        type_preflight_evaluate(worker, answer->finished);
    } else if (++dry->tries >= MOST_TRIES) { /* not known, and not worth more calls */
        dry->tries = 0;
        json_object_set_new(dry->results, hash, json_true());
    } else {
        dry->due = mono_add(answer->finished, TRY_AGAIN);
    }
    log_info("dryrun.done", "spec=%.12s code=%s", hash, answer->error.code);
}

static void make_grant(const struct type_worker *worker, const struct launch_spec *spec, struct proto_GRANT *out)
{
    const struct definition *definition = worker->definition;
    *out = (struct proto_GRANT){.grant = 1,
                                .count = 1,
                                .capacity = spec->capacity,
                                .maxPrice = definition->max_price.micros,
                                .revision = worker->revision};
    text_format(out->token, sizeof out->token, "dryrun-%.48s", spec->hash);
    text_copy(out->region, sizeof out->region, spec->region);
    text_copy(out->zone, sizeof out->zone, spec->zone);
    text_copy(out->instanceType, sizeof out->instanceType, spec->instance_type);
    text_copy(out->market, sizeof out->market, market_name(definition->can_use_spot ? MARKET_SPOT : MARKET_ON_DEMAND));
    text_copy(out->specHash, sizeof out->specHash, spec->hash);
}

static int call_ec2(struct type_worker *worker, const struct launch_spec *spec, struct mono now, struct error *err)
{
    struct proto_GRANT grant;
    struct ec2_form form = {0};
    make_grant(worker, spec, &grant);
    struct ec2_launch launch = {.grant = &grant,
                                .spec = spec,
                                .definition = worker->definition,
                                .deployment_id = worker->config.deployment_id,
                                .incarnation = worker->incarnation,
                                .provisioner_id = worker->config.provisioner_id,
                                .root_url = worker->config.root_url,
                                .dry_run = true};
    struct secret *secret = type_registration_secret(worker, grant.token, &launch);
    int built = ec2_run_instances(&form, &launch, err);
    secret_destroy(&secret);
    if (built < 0)
        return -1;
    struct cloud_request call = {.form = &form,
                                 .fresh_connection = true,
                                 .total_limit = worker->config.launch_limit,
                                 .not_after = mono_add(now, worker->config.launch_limit),
                                 .on_done = on_answer,
                                 .context = worker};
    CRASH_POINT(type_before_dryrun);
    int result = cloud_start(&worker->clouds[type_region_index(worker, spec->region)], &call, err);
    ec2_form_free(&form);
    return result;
}

void type_dryrun_spared(struct type_worker *worker, const struct proto_SPARED *spared, struct mono now)
{
    struct type_dry_runs *dry = &worker->preflight.dry;
    struct error err;
    size_t spec = next_spec(worker);
    if (!text_equal(spared->specHash, dry->asked) || dry->calling || worker->stopping)
        return;
    dry->due = now;
    if (spared->known) {
        json_object_set_new(dry->results, dry->asked, json_true());
        return;
    }
    if (spec == SIZE_MAX || !text_equal(worker->definition->specs[spec].hash, dry->asked))
        return; /* something else is wanted now */
    if (call_ec2(worker, &worker->definition->specs[spec], now, &err) == 0) {
        dry->calling = true;
        return;
    }
    log_warn("dryrun.not-sent", "problem=%s", log_quote(err.text));
    dry->due = mono_add(now, TRY_AGAIN);
}

struct mono type_dryrun_deadline(const struct type_worker *worker)
{
    return idle(worker) ? MONO_NEVER : worker->preflight.dry.due;
}
