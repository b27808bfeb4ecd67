/* SPDX-License-Identifier: MPL-2.0 */
/* type_launch.c: grants become launches: one RunInstances each, one result each.
 * Runs in: type worker. Decides nothing about whether to launch: the lease does. It only refuses what may no longer be
 * sent: a late grant (a stopped worker that woke up), one of another generation, one for a spec that has changed.
 * After an unknown outcome only instance ids are a definite result (DESIGN section 4): an error on the re-send is not.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

int type_region_index(const struct type_worker *worker, const char *region)
{
    for (size_t i = 0; i < worker->config.region_count; i++)
        if (strcmp(worker->config.regions[i].name, region) == 0)
            return (int)i;
    return -1;
}

struct launch *type_launch_new(struct type_worker *worker, const struct proto_GRANT *grant)
{
    struct launch *launch = calloc(1, sizeof *launch);
    if (!launch)
        abort();
    launch->worker = worker;
    launch->grant = *grant;
    launch->state = LAUNCH_OVER;
    launch->next = worker->launches;
    worker->launches = launch;
    return launch;
}

static struct launch *find_launch(const struct type_worker *worker, int64_t grant)
{
    for (struct launch *launch = worker->launches; launch; launch = launch->next)
        if (launch->grant.grant == grant && launch->state != LAUNCH_OVER)
            return launch;
    return NULL;
}

static struct placement placement_of(const struct proto_GRANT *grant)
{
    struct placement placement = {.market = strcmp(grant->market, "on-demand") == 0 ? MARKET_ON_DEMAND : MARKET_SPOT};
    text_copy(placement.region, sizeof placement.region, grant->region);
    text_copy(placement.zone, sizeof placement.zone, grant->zone);
    text_copy(placement.instance_type, sizeof placement.instance_type, grant->instanceType);
    return placement;
}

static void hold_lease(struct launch *launch, bool unknown, struct mono sent)
{
    struct supply_lease lease = {.grant = launch->grant.grant,
                                 .placement = placement_of(&launch->grant),
                                 .count = launch->grant.count,
                                 .capacity = launch->grant.capacity,
                                 .unknown = unknown,
                                 .sent = sent};
    supply_lease_add(&launch->worker->supply, &lease);
}

/* ---- results ---- */

void type_launch_result(struct launch *launch, enum outcome outcome, enum failure failure, const char *code,
                        const char *text, const struct cloud_answer *answer)
{
    struct message message = {.kind = PROTO_RESULT};
    struct proto_RESULT *result = &message.as.RESULT;
    result->grant = launch->grant.grant;
    text_copy(result->outcome, sizeof result->outcome, outcome_name(outcome));
    text_copy(result->failure, sizeof result->failure, failure_name(failure));
    text_copy(result->code, sizeof result->code, code);
    text_copy(result->message, sizeof result->message, text);
    if (answer) {
        result->tookMs = span_ms(mono_since(answer->sent, answer->finished));
        result->sentMono = answer->sent.us;
    }
    result->launched = calloc(launch->row_count + 1, sizeof *result->launched);
    for (size_t i = 0; outcome == OUTCOME_LAUNCHED && result->launched && i < launch->row_count; i++)
        text_copy(result->launched[result->launched_count++].id, INSTANCE_ID_SIZE, launch->rows[i].id);
    CRASH_POINT(type_before_result);
    bus_send(&launch->worker->bus, &message, BUS_KEEP);
    CRASH_POINT(type_after_result);
    free(result->launched);
}

static void end_launch(struct launch *launch)
{
    supply_lease_end(&launch->worker->supply, launch->grant.grant);
    launch->state = LAUNCH_OVER;
}

/* Never sent: the lease goes back. Not a reason to plan at once: whatever was wrong may need a moment. */
static void hand_back(struct launch *launch, const char *code, const char *text)
{
    if (launch->grant.resend || launch->was_unknown) { /* the earlier sending may have launched */
        type_launch_result(launch, OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, code, text, NULL);
        if (!supply_lease(&launch->worker->supply, launch->grant.grant))
            hold_lease(launch, true, clock_now());
        launch->was_unknown = true;
        launch->state = LAUNCH_WAITING;
        launch->due = mono_add(clock_now(), SPAN_SECONDS(10));
        return;
    }
    log_info("launch.handed-back", "grant=%" PRId64 " code=%s", launch->grant.grant, code);
    type_launch_result(launch, OUTCOME_UNSENT, FAILURE_NONE, code, text, NULL);
    end_launch(launch);
}

static void become_instances(struct launch *launch, struct mono launched)
{
    struct placement placement = placement_of(&launch->grant);
    for (size_t i = 0; i < launch->row_count; i++) {
        const struct proto_ROW *row = &launch->rows[i];
        struct supply_instance instance = {.grant = launch->grant.grant,
                                           .capacity = launch->grant.capacity,
                                           .state = instance_state_of(row->state),
                                           .market = placement.market,
                                           .asked_spot = placement.market == MARKET_SPOT,
                                           .launched = launched};
        text_copy(instance.id, sizeof instance.id, row->id);
        text_copy(instance.region, sizeof instance.region, placement.region);
        text_copy(instance.zone, sizeof instance.zone, placement.zone);
        text_copy(instance.instance_type, sizeof instance.instance_type, placement.instance_type);
        supply_launched(&launch->worker->supply, &instance);
    }
}

void type_launch_found(struct launch *launch, const struct proto_ROW *rows, size_t count,
                       const struct cloud_answer *answer)
{
    if (rows != launch->rows) {
        free(launch->rows);
        launch->rows = calloc(count, sizeof *launch->rows);
        if (!launch->rows)
            abort();
        memcpy(launch->rows, rows, count * sizeof *rows);
        launch->row_count = count;
    }
    log_info("launch.done", "grant=%" PRId64 " instances=%zu first=%s", launch->grant.grant, count, rows[0].id);
    become_instances(launch, answer ? answer->finished : clock_now());
    for (size_t i = 0; launch->worker->registration && i < count; i++)
        registration_add(launch->worker->registration, launch->grant.region, rows[i].id, launch->grant.token,
                         launch->grant.capacity);
    type_launch_result(launch, OUTCOME_LAUNCHED, FAILURE_NONE, "", "", answer);
    end_launch(launch);
    launch->worker->news = true;
}

void type_launch_unknown(struct launch *launch, struct mono now)
{
    launch->was_unknown = true;
    launch->state = LAUNCH_LOOKING;
    launch->due = now;
    launch->delay = SPAN_SECONDS(2);
    launch->lookup = 0;
    hold_lease(launch, true, now);
}

/* ---- the call ---- */

static void on_row(void *context, const struct proto_ROW *row)
{
    struct launch *launch = context;
    struct proto_ROW *grown = realloc(launch->rows, (launch->row_count + 1) * sizeof *grown);
    if (!grown)
        abort();
    launch->rows = grown;
    launch->rows[launch->row_count++] = *row;
}

/* Row id "" is one that could not be read: such an answer proves nothing. */
static bool all_ids_there(const struct launch *launch)
{
    for (size_t i = 0; i < launch->row_count; i++)
        if (!*launch->rows[i].id)
            return false;
    return launch->row_count > 0;
}

static void report_unknown(struct launch *launch, const struct cloud_answer *answer, enum failure failure,
                           const char *code, const char *text)
{
    log_warn("launch.unknown", "grant=%" PRId64 " code=%s text=%s", launch->grant.grant, code, log_quote(text));
    type_launch_result(launch, OUTCOME_UNKNOWN, failure, code, text, answer);
    type_launch_unknown(launch, answer ? answer->finished : clock_now());
    if (launch->grant.resend)
        launch->resend_after = mono_add(launch->due, type_resend_pause(++launch->resends));
}

static void report_failed(struct launch *launch, const struct cloud_answer *answer)
{
    struct placement placement = placement_of(&launch->grant);
    log_repeating(LOG_WARN_LEVEL, "launch.failed", launch->grant.instanceType, answer->error.code,
                  "grant=%" PRId64 " class=%s code=%s text=%s", launch->grant.grant, failure_name(answer->failure),
                  answer->error.code, log_quote(answer->error.message));
    if (answer->failure != FAILURE_RATE && answer->failure != FAILURE_CREDENTIALS)
        health_failed(&launch->worker->health, &placement, answer->finished);
    type_launch_result(launch, OUTCOME_FAILED, answer->failure, answer->error.code, answer->error.message, answer);
    end_launch(launch);
}

static void on_answer(void *context, const struct cloud_answer *answer)
{
    struct launch *launch = context;
    const struct ec2_error *error = &answer->error;
    CRASH_POINT(type_after_launch_reply);
    launch->worker->news = true;
    launch->spent |= answer->failure == FAILURE_LOOK_UP;
    if (answer->ending == CLOUD_DONE && all_ids_there(launch))
        type_launch_found(launch, launch->rows, launch->row_count, answer);
    else if (answer->ending == CLOUD_DONE)
        report_unknown(launch, answer, FAILURE_NO_ANSWER, "NoInstances", "a success answer without instance ids");
    else if (answer->ending == CLOUD_UNKNOWN || answer->failure == FAILURE_LOOK_UP || launch->was_unknown)
        report_unknown(launch, answer, answer->failure, error->code, error->message);
    else /* refused by EC2, or proven not to have been sent */
        report_failed(launch, answer);
}

/* Why a grant may not be sent now, or NULL. */
static const char *obstacle(const struct type_worker *worker, const struct proto_GRANT *grant,
                            const struct launch_spec *spec)
{
    if (grant->generation != worker->options->generation)
        return "OtherGeneration";
    if (worker->stopping)
        return "Stopping";
    if (type_region_index(worker, grant->region) < 0 || !spec || strcmp(spec->hash, grant->specHash) != 0 ||
        spec->capacity != grant->capacity)
        return "OtherSpec";
    if (!keys_now(worker->keys))
        return "NoCredentials";
    /* The clock is read anew: this process may have been stopped since the loop turn began. */
    if (mono_reached((struct mono){grant->sendByMono}, clock_now()))
        return "Late";
    return NULL;
}

/* A tag of the first sending must be that of the re-send too, or EC2 sees another request under the same token. The
 * supervisor that decided the grant put its incarnation into the token: pd-INCARNATION-NUMBER. */
static void first_incarnation(const struct launch *launch, char *out, size_t size)
{
    const char *token = launch->grant.token, *end = strrchr(token, '-');
    text_copy(out, size, launch->worker->incarnation);
    if (launch->grant.resend && text_starts(token, "pd-") && end > token + 3)
        text_format(out, size, "%.*s", (int)(end - token - 3), token + 3);
}

static int call_ec2(struct launch *launch, const struct launch_spec *spec, struct error *err)
{
    struct type_worker *worker = launch->worker;
    char incarnation[sizeof worker->incarnation];
    first_incarnation(launch, incarnation, sizeof incarnation);
    struct cloud *cloud = &worker->clouds[type_region_index(worker, launch->grant.region)];
    struct ec2_form form = {0};
    struct ec2_launch request = {.grant = &launch->grant,
                                 .spec = spec,
                                 .definition = worker->definition,
                                 .deployment_id = worker->config.deployment_id,
                                 .incarnation = incarnation,
                                 .provisioner_id = worker->config.provisioner_id,
                                 .root_url = worker->config.root_url};
    struct secret *secret = type_registration_secret(worker, launch->grant.token, &request);
    int built = ec2_run_instances(&form, &request, err);
    secret_destroy(&secret);
    if (built < 0) {
        ec2_form_free(&form);
        return -1;
    }
    struct cloud_request call = {.form = &form,
                                 .fresh_connection = true,
                                 .total_limit = worker->config.launch_limit,
                                 .not_after = {launch->grant.sendByMono},
                                 .rows = {.instance = on_row, .context = launch},
                                 .on_done = on_answer,
                                 .context = launch};
    CRASH_POINT(type_before_launch);
    int result = cloud_start(cloud, &call, err);
    CRASH_POINT(type_after_launch);
    ec2_form_free(&form);
    return result;
}

void type_grant(struct type_worker *worker, const struct proto_GRANT *grant)
{
    struct error err;
    struct launch *launch = find_launch(worker, grant->grant);
    CRASH_POINT(type_after_grant);
    if (launch && launch->state == LAUNCH_CALLING) {
        log_error("grant.twice", "grant=%" PRId64, grant->grant);
        return;
    }
    if (grant->grant > worker->seen)
        worker->seen = grant->grant;
    if (!launch)
        launch = type_launch_new(worker, grant);
    launch->grant = *grant;
    launch->was_unknown |= grant->resend;
    launch->row_count = 0;
    launch->lookup = 0;
    const struct launch_spec *spec =
        definition_spec(worker->definition, grant->region, grant->zone, grant->instanceType);
    const char *why_not = obstacle(worker, grant, spec);
    if (why_not) {
        hand_back(launch, why_not, "not sent");
        return;
    }
    hold_lease(launch, launch->was_unknown, clock_now());
    launch->state = LAUNCH_CALLING;
    if (call_ec2(launch, spec, &err) < 0)
        hand_back(launch, "CannotSend", err.text);
    worker->news = true; /* the bid shall count it */
}

/* ---- the list ---- */

bool type_launch_calling(const struct type_worker *worker)
{
    for (const struct launch *launch = worker->launches; launch; launch = launch->next)
        if (launch->state == LAUNCH_CALLING)
            return true;
    return false;
}

void type_launch_sweep(struct type_worker *worker)
{
    for (struct launch **place = &worker->launches; *place;) {
        struct launch *launch = *place;
        if (launch->state == LAUNCH_CALLING)
            CRASH_POINT(type_in_launch);
        /* A listing may have ended the lease of one that is looked up: then there is nothing left to ask. */
        bool ended = launch->state != LAUNCH_CALLING && !supply_lease(&worker->supply, launch->grant.grant);
        if (launch->state != LAUNCH_OVER && !ended) {
            place = &launch->next;
            continue;
        }
        *place = launch->next;
        free(launch->rows);
        free(launch);
    }
}

void type_launch_give_up(struct type_worker *worker)
{
    for (struct launch *launch = worker->launches; launch; launch = launch->next)
        if (launch->state == LAUNCH_CALLING)
            type_launch_result(launch, OUTCOME_UNKNOWN, FAILURE_NO_ANSWER, "Stopping",
                               "the worker ended with the call in flight", NULL);
}

void type_launch_clear(struct type_worker *worker)
{
    while (worker->launches) {
        struct launch *launch = worker->launches;
        worker->launches = launch->next;
        free(launch->rows);
        free(launch);
    }
}
