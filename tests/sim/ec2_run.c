/* SPDX-License-Identifier: MPL-2.0 */
/* RunInstances: idempotency first, then the checks, then the launch itself. */
#include "ec2.h"

#include "memory.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

/* The same token in another zone is another request: so it is at EC2. */
static char *token_key(const struct launch_request *request)
{
    return must_format("%s|%s", request->zone != NULL ? request->zone : "", request->launch->token);
}

static void answer_launch(struct ec2_call *call, const struct launch *launch)
{
    ec2_begin(call);
    ec2_reservation_head(call, launch);
    xml_open(call->xml, "instancesSet");
    for (size_t i = 0; i < launch->instance_count; i++)
        ec2_instance_row(call, launch->instances[i]);
    xml_close(call->xml, "instancesSet");
    ec2_end(call);
}

static void note_launched(struct ec2_call *call, const struct launch *launch)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < launch->instance_count; i++)
        json_array_append_new(ids, json_string(launch->instances[i]->id));
    call->exchange->launched = ids;
}

static bool all_are_gone(const struct launch *launch)
{
    for (size_t i = 0; i < launch->instance_count; i++)
        if (launch->instances[i]->state != STATE_TERMINATED && launch->instances[i]->state != STATE_SHUTTING_DOWN)
            return false;
    return true;
}

/* True when the token was used before: the answer, whatever it is, is there. */
static bool answer_known_token(struct ec2_call *call, const struct launch_request *request)
{
    if (request->launch->token == NULL)
        return false;
    char *key = token_key(request);
    const struct launch *known = table_get(&call->region->tokens, key);
    free(key);
    if (known == NULL)
        return false;
    if (strcmp(known->parameter_digest, request->launch->parameter_digest) != 0) {
        ec2_error(call, "IdempotentParameterMismatch",
                  "Arguments on this idempotent request are inconsistent with arguments used in previous "
                  "request(s).");
    } else if (all_are_gone(known)) {
        ec2_error(call, "IdempotentInstanceTerminated",
                  "The request uses the same client token as a previous request whose instances are "
                  "terminated.");
    } else {
        call->exchange->replayed = true;
        note_launched(call, known);
        answer_launch(call, known);
    }
    return true;
}

static void launch_instances(struct ec2_call *call, struct launch_request *request, int count)
{
    struct launch *launch = request->launch;
    world_new_id(call->world, "r", launch->reservation);
    launch->instances = must_alloc((size_t)count * sizeof(struct instance *));
    for (int i = 0; i < count; i++)
        launch->instances[launch->instance_count++] = instance_create(launch, i);
    if (launch->token != NULL) {
        char *key = token_key(request);
        table_put(&call->region->tokens, key, launch);
        free(key);
    }
    note_launched(call, launch);
    answer_launch(call, launch);
}

/* True when the launch was made, and the request's launch is now the world's. */
static bool try_to_launch(struct ec2_call *call, struct launch_request *request)
{
    if (!launch_parse(call, request))
        return false;
    if (!ec2_flag(call, "DryRun") && answer_known_token(call, request))
        return false;
    if (!launch_check_definition(call, request) || !launch_choose_zone(call, request))
        return false;
    if (ec2_flag(call, "DryRun"))
        return ec2_error(call, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
    int count = launch_count_possible(call, request);
    if (count == 0)
        return false;
    if (!bucket_take(call->region, BUCKET_RUN_INSTANCES, count))
        return ec2_error(call, "RequestLimitExceeded", "Request limit exceeded.");
    launch_instances(call, request, count);
    return true;
}

void ec2_run_instances(struct ec2_call *call)
{
    struct launch_request request;
    if (!try_to_launch(call, &request))
        launch_free(request.launch);
}
