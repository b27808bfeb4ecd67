/* SPDX-License-Identifier: MPL-2.0 */
/* decide_settings.c: the daemon's settings as the arbiter knows them. Runs in: supervisor, main thread. */
#include "supervisor/decide.h"

void decide_settings(const struct config *config, struct arbiter_settings *out)
{
    *out = (struct arbiter_settings){.max_units = config->max_capacity,
                                     .max_instances = config->max_instances,
                                     .money = {.hourly = config->max_hourly_cost,
                                               .daily = config->max_daily_cost,
                                               .essential_reserve = config->essential_reserve,
                                               .daily_horizon = config->daily_horizon},
                                     .headroom_percent = config->headroom,
                                     .lot_max = config->lot_max,
                                     .leases_per_region = config->leases_per_region,
                                     .lease_share = config->lease_share,
                                     .policy = (enum policy)config->policy,
                                     .seed = (uint64_t)config->seed,
                                     .launch_share = config->launch_share,
                                     .calls_refill = config->launch_calls_refill,
                                     .instances_refill = config->launch_instances_refill,
                                     .calls_depth = config->launch_calls_depth,
                                     .instances_depth = config->launch_instances_depth,
                                     .tick = config->tick};
}
