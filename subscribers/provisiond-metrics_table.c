/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-metrics_table.c: each figure of the status stream as a Prometheus metric. Runs in: provisiond-metrics.
 * Names and units by Prometheus's conventions: base units, _total for counters, _timestamp_seconds for points in time.
 * A test compares this table with proto/status.def. Process ids are left out on purpose: they are no measurements. */
#include "subscribers/provisiond-metrics.h"

#define SUPERVISOR(figure, name, source, help)                                                                         \
    {                                                                                                                  \
        STREAM_SUPERVISOR, figure, name, source, 1, help                                                               \
    }
#define TYPE(figure, name, source, help)                                                                               \
    {                                                                                                                  \
        STREAM_TYPE, figure, name, source, 1, help                                                                     \
    }
#define REGION(figure, name, source, help)                                                                             \
    {                                                                                                                  \
        STREAM_REGION, figure, name, source, 1, help                                                                   \
    }

/* clang-format off */
const struct metric metrics_table[] = {
    SUPERVISOR("types", "types", SOURCE_SUPERVISOR, "Defined workerTypes."),
    SUPERVISOR("workers", "workers", SOURCE_SUPERVISOR, "Worker processes that said hello."),
    SUPERVISOR("units", "occupying_units", SOURCE_INVENTORY, "Capacity units of all that is not yet terminated."),
    SUPERVISOR("unitsLeased", "leased_units", SOURCE_SUPERVISOR, "Capacity units in open leases that have no instance ids yet."),
    SUPERVISOR("unitsCeiling", "ceiling_units", SOURCE_SUPERVISOR, "The global maxCapacity in capacity units."),
    SUPERVISOR("instances", "occupying_instances", SOURCE_INVENTORY, "Instances that are not yet terminated."),
    SUPERVISOR("instancesLeased", "leased_instances", SOURCE_SUPERVISOR, "Instances in open leases that have no ids yet."),
    SUPERVISOR("instancesCeiling", "ceiling_instances", SOURCE_SUPERVISOR, "The global maxInstances."),
    SUPERVISOR("committed", "committed_dollars_per_hour", SOURCE_INVENTORY,
               "Granted max prices of all that occupies or is leased, in dollars per hour."),
    SUPERVISOR("committedCeiling", "committed_ceiling_dollars_per_hour", SOURCE_SUPERVISOR,
               "maxHourlyCost in dollars per hour; absent if unlimited."),
    SUPERVISOR("spentToday", "spent_today_dollars", SOURCE_SUPERVISOR,
               "Spent since the day began: an upper bound without EBS and traffic."),
    SUPERVISOR("dailyCeiling", "daily_ceiling_dollars", SOURCE_SUPERVISOR, "maxDailyCost; absent if unlimited."),
    SUPERVISOR("grants", "grants_total", SOURCE_SUPERVISOR, "Grants since the supervisor's start."),
    SUPERVISOR("launched", "launched_instances_total", SOURCE_SUPERVISOR,
               "Instances launched since the supervisor's start."),
    SUPERVISOR("launchFailures", "launch_failures_total", SOURCE_SUPERVISOR,
               "Launch calls definitely refused since the supervisor's start."),
    SUPERVISOR("unknownOutcomes", "unknown_outcome_calls", SOURCE_SUPERVISOR,
               "Launch calls whose outcome is not known yet."),
    {STREAM_SUPERVISOR, "started", "start_timestamp_seconds", SOURCE_SUPERVISOR, 0.001,
     "When this run of the supervisor began."},
    {STREAM_SUPERVISOR, "turn", "loop_turn_longest_seconds", SOURCE_SUPERVISOR, 1e-6,
     "The longest turn of the supervisor's loop within the last two full refreshes."},
    SUPERVISOR("credentialsAge", "credentials_age_seconds", SOURCE_SUPERVISOR,
               "Since the AWS credentials were obtained; absent if there are none."),
    SUPERVISOR("credentialsLeft", "credentials_remaining_seconds", SOURCE_SUPERVISOR,
               "Until the AWS credentials end, below 0 afterwards; absent if never, or if there are none."),
    SUPERVISOR("credentialsGeneration", "credentials_helper_generation", SOURCE_SUPERVISOR,
               "Generation of the process that gets AWS credentials."),
    {STREAM_SUPERVISOR, "credentialsStarted", "credentials_helper_start_timestamp_seconds", SOURCE_SUPERVISOR, 0.001,
     "When the process that gets AWS credentials was started."},
    {STREAM_SUPERVISOR, "credentialsTick", "credentials_helper_tick_duration_seconds", SOURCE_SUPERVISOR, 1e-6,
     "How long the last complete tick of the process that gets AWS credentials took."},
    SUPERVISOR("credentialsDeaths", "credentials_helper_deaths_total", SOURCE_SUPERVISOR,
               "Deaths of the process that gets AWS credentials, since the supervisor's start."),

    TYPE("pending", "type_pending_tasks", SOURCE_DEMAND, "Pending tasks."),
    TYPE("claimed", "type_claimed_tasks", SOURCE_DEMAND, "Claimed tasks."),
    TYPE("oldestWait", "type_oldest_wait_seconds", SOURCE_DEMAND, "Age of the oldest pending task."),
    TYPE("wanted", "type_wanted_units", SOURCE_DEMAND, "Capacity units needed and not yet covered."),
    TYPE("running", "type_running_units", SOURCE_INVENTORY, "Capacity units in EC2's state running."),
    TYPE("booting", "type_booting_units", SOURCE_INVENTORY, "Capacity units in EC2's state pending."),
    TYPE("idle", "type_idle_units", SOURCE_INVENTORY, "Capacity units that run and are not claimed."),
    TYPE("dead", "type_dead_units", SOURCE_INVENTORY, "Capacity units written off: idle for long while tasks wait."),
    TYPE("serving", "type_serving_units", SOURCE_INVENTORY, "Capacity units that work or can take work."),
    TYPE("occupying", "type_occupying_units", SOURCE_INVENTORY, "Capacity units of all that is not yet terminated."),
    TYPE("occupyingInstances", "type_occupying_instances", SOURCE_INVENTORY, "Instances that are not yet terminated."),
    TYPE("leased", "type_leased_units", SOURCE_SUPERVISOR, "Capacity units in open leases that have no instance ids yet."),
    TYPE("registrationsOpen", "type_registrations_open_instances", SOURCE_DEMAND,
         "Instances that worker-manager is still to be told of; absent if there is no registration."),
    TYPE("floor", "type_floor_units", SOURCE_SUPERVISOR, "minCapacity in capacity units."),
    TYPE("ceiling", "type_ceiling_units", SOURCE_SUPERVISOR, "maxCapacity in capacity units."),
    TYPE("committed", "type_committed_dollars_per_hour", SOURCE_INVENTORY,
         "Granted max prices of all that occupies or is leased, in dollars per hour."),
    TYPE("launches", "type_launched_instances_total", SOURCE_SUPERVISOR,
         "Instances launched since the supervisor's start."),
    TYPE("launchFailures", "type_launch_failures_total", SOURCE_SUPERVISOR,
         "Launch calls definitely refused since the supervisor's start."),
    {STREAM_TYPE, "lastLaunch", "type_last_launch_timestamp_seconds", SOURCE_SUPERVISOR, 0.001,
     "When an instance was last launched."},
    TYPE("worked", "type_worked_instances_total", SOURCE_SUPERVISOR,
         "Instances seen taking work since the supervisor's start."),
    TYPE("interrupted", "type_interrupted_instances_total", SOURCE_SUPERVISOR,
         "Instances that EC2 took back since the supervisor's start."),
    TYPE("earlyDeaths", "type_early_deaths_total", SOURCE_SUPERVISOR,
         "Instances that ended within two minutes by nobody's wish since the supervisor's start."),
    TYPE("revision", "type_definition_revision", SOURCE_SUPERVISOR, "Revision of the live definition."),
    TYPE("priority", "type_priority", SOURCE_SUPERVISOR, "Priority: the operator's, else the definition's."),
    TYPE("pin", "type_pinned_revision", SOURCE_SUPERVISOR, "Revision that an operator pinned; absent if none."),
    TYPE("generation", "type_worker_generation", SOURCE_SUPERVISOR, "Generation of the type's worker process."),
    TYPE("deaths", "type_worker_deaths_total", SOURCE_SUPERVISOR,
         "Deaths of the type's worker processes since the supervisor's start."),
    {STREAM_TYPE, "started", "type_worker_start_timestamp_seconds", SOURCE_SUPERVISOR, 0.001,
     "When the type's worker process was started."},
    {STREAM_TYPE, "tick", "type_worker_tick_duration_seconds", SOURCE_SUPERVISOR, 1e-6,
     "How long the last complete tick of the type's worker took."},

    REGION("instances", "region_instances", SOURCE_INVENTORY, "Instances of this deployment that are not yet terminated."),
    REGION("foreign", "region_foreign_instances", SOURCE_INVENTORY,
           "Instances with our tags, but of another incarnation or of an undefined type."),
    REGION("listing", "region_listing_duration_seconds", SOURCE_INVENTORY, "How long the last complete listing took."),
    REGION("launchCalls", "region_launch_call_tokens", SOURCE_SUPERVISOR, "Launch calls that the bucket holds."),
    REGION("launchInstances", "region_launch_instance_tokens", SOURCE_SUPERVISOR, "Instances that the bucket holds."),
    REGION("generation", "region_worker_generation", SOURCE_SUPERVISOR, "Generation of the region's worker process."),
    REGION("deaths", "region_worker_deaths_total", SOURCE_SUPERVISOR,
           "Deaths of the region's worker processes since the supervisor's start."),
    {STREAM_REGION, "started", "region_worker_start_timestamp_seconds", SOURCE_SUPERVISOR, 0.001,
     "When the region's worker process was started."},
    {STREAM_REGION, "tick", "region_worker_tick_duration_seconds", SOURCE_SUPERVISOR, 1e-6,
     "How long the last complete tick of the region's worker took."},
    {.name = NULL},
};
/* clang-format on */

const char *metric_source_name(enum metric_source source)
{
    static const char *const names[SOURCE_COUNT] = {"supervisor", "demand", "inventory"};

    return names[source];
}
