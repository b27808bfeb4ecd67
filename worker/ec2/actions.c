/* SPDX-License-Identifier: MPL-2.0 */
/* actions.c: the table of actions.h. Pure. Owns nothing: the table is const. */
#include "worker/ec2/actions.h"

#include <stddef.h>

const struct ec2_action ec2_actions[] = {
#define ACTION(name, right, why) {#name, right, why},
    EC2_ACTIONS(ACTION)
#undef ACTION
        {NULL, EC2_RIGHT_READ, NULL},
};
