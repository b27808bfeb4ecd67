/* SPDX-License-Identifier: MPL-2.0 */
/* iam_policy.c: prints docs/iam-policy.json, the least rights that the daemon's role needs, from the table of the EC2
 * actions that the code can call. ACCOUNT_ID, DEPLOYMENT_ID and WORKER_ROLE are to be filled in.
 *   build/tools/iam_policy > docs/iam-policy.json
 * Runs by hand and in a test, after a change of worker/ec2/actions.h. Owns nothing. */
#include <jansson.h>
#include <stdio.h>

#include "common/text.h"
#include "worker/ec2/actions.h"
#include "worker/ec2/describe.h"

#define OURS "arn:aws:ec2:*:ACCOUNT_ID:"

static json_t *names_of(enum ec2_right right)
{
    json_t *names = json_array();
    char name[80];

    for (const struct ec2_action *action = ec2_actions; action->name; action++)
        if (action->right == right) {
            text_format(name, sizeof name, "%s:%s", right == EC2_RIGHT_QUOTAS ? "servicequotas" : "ec2", action->name);
            json_array_append_new(names, json_string(name));
        }
    return names;
}

static json_t *statement(const char *id, json_t *actions, json_t *resources, json_t *condition)
{
    json_t *object =
        json_pack("{s:s, s:s, s:o, s:o}", "Sid", id, "Effect", "Allow", "Action", actions, "Resource", resources);

    if (condition)
        json_object_set_new(object, "Condition", condition);
    return object;
}

static json_t *equals(const char *key, const char *value)
{
    return json_pack("{s:{s:s}}", "StringEquals", key, value);
}

int main(void)
{
    json_t *statements = json_array();

    json_array_append_new(statements, statement("Read", names_of(EC2_RIGHT_READ), json_string("*"), NULL));
    json_array_append_new(statements, statement("ReadQuotas", names_of(EC2_RIGHT_QUOTAS), json_string("*"), NULL));
    json_array_append_new(statements, statement("LaunchOnlyWithOurTag", names_of(EC2_RIGHT_LAUNCH),
                                                json_pack("[s, s]", OURS "instance/*", OURS "volume/*"),
                                                equals("aws:RequestTag/" EC2_DEPLOYMENT_TAG, "DEPLOYMENT_ID")));
    json_array_append_new(
        statements, statement("LaunchFromThese", names_of(EC2_RIGHT_LAUNCH),
                              json_pack("[s, s, s, s, s, s, s]", "arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*",
                                        OURS "key-pair/*", OURS "network-interface/*", OURS "security-group/*",
                                        OURS "subnet/*", OURS "spot-instances-request/*"),
                              NULL));
    json_array_append_new(statements, statement("TagAtLaunchOnly", json_pack("[s]", "ec2:CreateTags"),
                                                json_pack("[s, s]", OURS "instance/*", OURS "volume/*"),
                                                equals("ec2:CreateAction", "RunInstances")));
    json_array_append_new(statements, statement("EndOnlyOurs", names_of(EC2_RIGHT_OWN), json_string(OURS "instance/*"),
                                                equals("aws:ResourceTag/" EC2_DEPLOYMENT_TAG, "DEPLOYMENT_ID")));
    json_array_append_new(statements, statement("GiveWorkersTheirRole", json_pack("[s]", "iam:PassRole"),
                                                json_string("arn:aws:iam::ACCOUNT_ID:role/WORKER_ROLE"),
                                                equals("iam:PassedToService", "ec2.amazonaws.com")));
    json_t *policy = json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", statements);
    int result = json_dumpf(policy, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? 0 : 1;
    json_decref(policy);
    return result;
}
