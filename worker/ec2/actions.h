/* SPDX-License-Identifier: MPL-2.0 */
/* actions.h: every action of EC2 that this code calls; tests/process/test_operations.py compares it with the calls.
 * docs/iam-policy.json, the least rights that the daemon needs, is printed from it. Runs in: nothing: it is for that
 * document. Owns nothing. */
#ifndef WORKER_EC2_ACTIONS_H
#define WORKER_EC2_ACTIONS_H

/* How far a right can be narrowed: reading calls know no resources; a launch is narrowed by the tags that it sets, a
 * termination by the tag that the instance has. EC2_RIGHT_QUOTAS is a right of Service Quotas, not of EC2. */
enum ec2_right { EC2_RIGHT_NONE, EC2_RIGHT_READ, EC2_RIGHT_LAUNCH, EC2_RIGHT_OWN, EC2_RIGHT_QUOTAS };

/* ACTION(name, right, why) */
#define EC2_ACTIONS(ACTION)                                                                                            \
    ACTION(DescribeAvailabilityZones, EC2_RIGHT_READ, "preflight: the zones exist")                                    \
    ACTION(DescribeImages, EC2_RIGHT_READ, "preflight: image, virtualisation, architecture")                           \
    ACTION(DescribeInstanceTypeOfferings, EC2_RIGHT_READ, "preflight: the zone offers the type")                       \
    ACTION(DescribeInstanceTypes, EC2_RIGHT_READ, "preflight: what the type boots")                                    \
    ACTION(DescribeInstances, EC2_RIGHT_READ, "inventory, look-ups by client token, tags before a termination")        \
    ACTION(DescribeKeyPairs, EC2_RIGHT_READ, "preflight: the key exists")                                              \
    ACTION(DescribeSecurityGroups, EC2_RIGHT_READ, "preflight: the groups exist")                                      \
    ACTION(DescribeSpotPriceHistory, EC2_RIGHT_READ, "prices")                                                         \
    ACTION(DescribeSubnets, EC2_RIGHT_READ, "preflight: the subnet exists in the zone")                                \
    ACTION(GetCallerIdentity, EC2_RIGHT_NONE, "STS: who we are, which nobody may be refused")                          \
    ACTION(GetServiceQuota, EC2_RIGHT_QUOTAS, "Service Quotas, preflight: the vCPU quotas; may be left out")           \
    ACTION(RunInstances, EC2_RIGHT_LAUNCH, "launches, and their DryRun")                                               \
    ACTION(TerminateInstances, EC2_RIGHT_OWN, "DESIGN section 11")

struct ec2_action {
    const char *name;
    enum ec2_right right;
    const char *why;
};
extern const struct ec2_action ec2_actions[]; /* ends with a NULL name */

#endif
