/* SPDX-License-Identifier: MPL-2.0 */
/* describe.h: the reading calls of the EC2 Query API, and TerminateInstances, as form bodies.
 * Runs in: region workers (all of it), type workers (look-ups by client token). Does no I/O. Owns nothing: each
 * function starts a form that the caller frees with ec2_form_free. `next_token` NULL or "": the first page. */
#ifndef WORKER_EC2_DESCRIBE_H
#define WORKER_EC2_DESCRIBE_H

#include "worker/ec2/ec2.h"

#define EC2_PAGE_ROWS 1000 /* MaxResults of a listing: EC2's most */
#define EC2_DEPLOYMENT_TAG "provisiond:deployment"

/* All instances with our deployment's tag, a page of 1,000 rows. */
void ec2_describe_deployment(struct ec2_form *form, const char *deployment_id, const char *next_token);
/* What a launch with this token has launched. */
void ec2_describe_client_token(struct ec2_form *form, const char *token);
/* Those instances; EC2 refuses MaxResults beside ids, and all of it when one id is unknown. */
void ec2_describe_ids(struct ec2_form *form, const char *const *ids, size_t count);
void ec2_terminate_instances(struct ec2_form *form, const char *const *ids, size_t count);
/* Linux/UNIX spot prices since `start`. */
void ec2_describe_spot_prices(struct ec2_form *form, const char *const *instance_types, size_t count, struct wall start,
                              const char *next_token);

#define EC2_FILTER_VALUES 200 /* of one filter, EC2's most */
/* The catalogue, for preflight and look-ups: those of the named things that there are (at most EC2_FILTER_VALUES), or
 * all of them when count is 0. */
enum ec2_catalogue {
    EC2_IMAGES,
    EC2_INSTANCE_TYPES,
    EC2_OFFERINGS, /* instance types by availability zone */
    EC2_SUBNETS,
    EC2_SECURITY_GROUPS,      /* by id */
    EC2_SECURITY_GROUP_NAMES, /* by name */
    EC2_KEY_PAIRS,
    EC2_ZONES
};
void ec2_describe_catalogue(struct ec2_form *form, enum ec2_catalogue what, const char *const *names, size_t count,
                            const char *next_token);

#endif
