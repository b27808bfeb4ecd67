/* SPDX-License-Identifier: MPL-2.0 */
/* launch_spec.h: aws-provisioner's launchSpec as RunInstances parameters. Private to launch.c.
 * Runs in: type workers. Pure. Owns nothing. */
#ifndef WORKER_EC2_LAUNCH_SPEC_H
#define WORKER_EC2_LAUNCH_SPEC_H

#include "worker/ec2/ec2.h"

/* Appends what the merged launchSpec says, in the table's order, whatever the order in the file: the same spec gives
 * the same bytes. Image, instance type and zone are left out: the caller takes them from the grant. Unknown keys and
 * wrong types are errors with their path. */
int launch_spec_add(struct ec2_form *form, const json_t *launch, struct error *err);

#endif
