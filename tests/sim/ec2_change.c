/* SPDX-License-Identifier: MPL-2.0 */
/* TerminateInstances, CreateTags, and STS GetCallerIdentity. */
#include "ec2.h"

#include "world.h"

#include <string.h>

static struct instance *find_here(struct ec2_call *call, const char *id)
{
    struct instance *instance = table_get(&call->world->instances, id);
    if (instance == NULL || instance->launch->region != call->region || instance->forgotten)
        return NULL;
    return instance;
}

/* All ids under the prefix must exist before anything is done. Returns their number, 0 after
 * an error, and leaves the list in the journal's parameters. */
static int count_ids(struct ec2_call *call, const char *prefix)
{
    const char *id;
    int count = 0;
    json_t *ids = json_array();
    call->exchange->parameters = json_pack("{s:o}", "ids", ids);
    while ((id = ec2_parameterf(call, "%s.%d", prefix, count + 1)) != NULL) {
        json_array_append_new(ids, json_string(id));
        if (find_here(call, id) == NULL) {
            ec2_error(call, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id);
            return 0;
        }
        count++;
    }
    if (count == 0)
        ec2_missing(call, prefix);
    return count;
}

static void state(struct text *xml, const char *element, enum instance_state state)
{
    xml_open(xml, element);
    xml_integer(xml, "code", state_codes[state]);
    xml_text(xml, "name", state_names[state]);
    xml_close(xml, element);
}

void ec2_terminate_instances(struct ec2_call *call)
{
    int count = count_ids(call, "InstanceId");
    if (count == 0)
        return;
    if (!bucket_take(call->region, BUCKET_TERMINATE, count)) {
        ec2_error(call, "RequestLimitExceeded", "Request limit exceeded.");
        return;
    }
    if (ec2_flag(call, "DryRun")) {
        ec2_error(call, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
        return;
    }
    ec2_begin(call);
    xml_open(call->xml, "instancesSet");
    for (int i = 1; i <= count; i++) {
        struct instance *instance = find_here(call, ec2_parameterf(call, "InstanceId.%d", i));
        enum instance_state before = instance->state;
        instance_terminate(instance, "Client.UserInitiatedShutdown");
        xml_open(call->xml, "item");
        xml_text(call->xml, "instanceId", instance->id);
        state(call->xml, "currentState", instance->state);
        state(call->xml, "previousState", before);
        xml_close(call->xml, "item");
    }
    xml_close(call->xml, "instancesSet");
    ec2_end(call);
}

void ec2_create_tags(struct ec2_call *call)
{
    int count = count_ids(call, "ResourceId");
    const char *key;
    if (count == 0)
        return;
    if (ec2_parameter(call, "Tag.1.Key") == NULL) {
        ec2_missing(call, "Tag");
        return;
    }
    if (ec2_flag(call, "DryRun")) {
        ec2_error(call, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
        return;
    }
    for (int i = 1; i <= count; i++) {
        struct instance *instance = find_here(call, ec2_parameterf(call, "ResourceId.%d", i));
        for (int j = 1; (key = ec2_parameterf(call, "Tag.%d.Key", j)) != NULL; j++) {
            const char *value = ec2_parameterf(call, "Tag.%d.Value", j);
            tag_set_put(&instance->tags, key, value != NULL ? value : "");
        }
    }
    ec2_begin(call);
    xml_bool(call->xml, "return", true);
    ec2_end(call);
}

void sts_get_caller_identity(struct ec2_call *call)
{
    struct text *xml = call->xml;
    const char *account = call->world->account_id;
    text_add(xml, "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                  "<GetCallerIdentityResult>");
    text_addf(xml, "<Arn>arn:aws:iam::%s:user/sim</Arn>", account);
    xml_text(xml, "UserId", "AIDASIMCLOUD");
    xml_text(xml, "Account", account);
    xml_close(xml, "GetCallerIdentityResult");
    xml_open(xml, "ResponseMetadata");
    xml_text(xml, "RequestId", call->request_id);
    xml_close(xml, "ResponseMetadata");
    xml_close(xml, "GetCallerIdentityResponse");
    call->exchange->status = 200;
    call->exchange->content_type = "text/xml";
}
