/* SPDX-License-Identifier: MPL-2.0 */
/* config_table.c: every setting of the daemon: name, range, default, whether a reload may change it, and its sentence.
 * Parser, --print-config, help and man page are made from this table by common/settings.
 * Runs in: supervisor and workers. Owns nothing: the table is const.
 * What a worker keeps a copy of needs a restart; the supervisor's own rations and limits may change in a reload. */
#include "proto/config_table.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define SHORTEST (SECOND / 10) /* 100 ms: a test or a fast simulation runs the same daemon */
#define LONGEST_CALL MINUTE    /* no call may take longer (case B20) */
#define MANY 1000000000

#define AT(field) offsetof(struct config, field)
#define ROOM(field) sizeof(((struct config *)0)->field)

#define TEXT(json, field, shortest, standard, may_reload, sentence)                                                    \
    {                                                                                                                  \
        .name = json, .kind = SETTING_STRING, .offset = AT(field), .least = shortest, .most = ROOM(field),             \
        .fallback = standard, .reloadable = may_reload, .help = sentence                                               \
    }
#define WHOLE(json, field, low, high, standard, measure, may_reload, sentence)                                         \
    {                                                                                                                  \
        .name = json, .kind = SETTING_INTEGER, .offset = AT(field), .least = low, .most = high, .fallback = standard,  \
        .unit = measure, .reloadable = may_reload, .help = sentence                                                    \
    }
#define RATE(json, field, high, standard, measure, may_reload, sentence)                                               \
    {                                                                                                                  \
        .name = json, .kind = SETTING_NUMBER, .offset = AT(field), .least = 0, .most = high, .fallback = standard,     \
        .unit = measure, .reloadable = may_reload, .help = sentence                                                    \
    }
#define SWITCH(json, field, standard, may_reload, sentence)                                                            \
    {                                                                                                                  \
        .name = json, .kind = SETTING_BOOL, .offset = AT(field), .fallback = standard, .reloadable = may_reload,       \
        .help = sentence                                                                                               \
    }
#define TIME(json, field, high, standard, may_reload, sentence)                                                        \
    {                                                                                                                  \
        .name = json, .kind = SETTING_SPAN, .offset = AT(field), .least = SHORTEST, .most = high,                      \
        .fallback = standard, .reloadable = may_reload, .help = sentence                                               \
    }
#define DOLLARS(json, field, standard, measure, sentence)                                                              \
    {                                                                                                                  \
        .name = json, .kind = SETTING_MONEY, .offset = AT(field), .least = 0, .most = INT64_MAX, .fallback = standard, \
        .unit = measure, .reloadable = 1, .help = sentence                                                             \
    }
#define WORDS(json, field, list, standard, sentence)                                                                   \
    {                                                                                                                  \
        .name = json, .kind = SETTING_CHOICE, .offset = AT(field), .choices = list, .fallback = standard,              \
        .reloadable = 1, .help = sentence                                                                              \
    }

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};                     /* enum log_level */
static const char *const policies[] = {"round-robin", "logarithmic", "probability", "lag", NULL}; /* enum policy */

static const char *const switches[] = {"off", "on", NULL};
static const char *const registrations[] = {"none", "static", NULL}; /* enum registration_kind */

const char *const config_also[] = {"regions", NULL};

/* clang-format off */
const struct setting config_table[] = {
    TEXT("deploymentId", deployment_id, 1, NULL, 0,
         "Names this deployment in tags and in the host lock: letters, digits, - and _. Two daemons may not share one."),
    TEXT("provisionerId", provisioner_id, 1, "aws-provisioner-v1", 0,
         "First half of every task queue's name, <provisionerId>/<workerType>."),
    TEXT("rootUrl", root_url, 8, NULL, 0,
         "Taskcluster's root URL; the queue is at <rootUrl>/api/queue/v1. TASKCLUSTER_ROOT_URL stands in if absent."),
    TEXT("ec2Endpoint", ec2_endpoint, 8, "https://ec2.{region}.amazonaws.com", 0,
         "URL of the EC2 API; {region} is replaced. Plain http only to loopback, unless allowPlainHttp."),
    TEXT("stsEndpoint", sts_endpoint, 8, "https://sts.{region}.amazonaws.com", 0,
         "URL of STS, which gives a role's credentials; {region} is AWS_REGION or the first region."),
    TEXT("quotasEndpoint", quotas_endpoint, 0, "auto", 0,
         "URL of Service Quotas, whose vCPU quotas preflight compares with; {region} is replaced. \"auto\": AWS's own "
         "where ec2Endpoint is, else none; empty: never asked."),
    TEXT("metadataEndpoint", metadata_endpoint, 0, "http://169.254.169.254", 0,
         "URL of the instance metadata service, for credentials; empty: never asked."),
    TEXT("stateDir", state_dir, 1, "/var/lib/provisiond", 0,
         "Where the ledger lives. Relative to the configuration file's directory, as all paths here."),
    TEXT("runDir", run_dir, 1, "/run/provisiond", 0,
         "Where sockets and pid files live. Socket paths end at 107 bytes: choose a short one."),
    TEXT("workerTypesDir", worker_types_dir, 1, "workertypes.d", 0, "Directory of the workerType files, *.json."),
    TEXT("amiSetsDir", amisets_dir, 1, "amisets.d", 0, "Directory of the AMI set files, *.json."),
    TEXT("pricesDir", prices_dir, 1, "prices.d", 0,
         "Directory of on-demand prices, REGION.json, made by provisionctl refresh-prices."),
    TEXT("proxy", proxy, 0, "", 0, "URL of a proxy for all requests; the environment's is never used."),
    TEXT("caPath", ca_path, 1, "/etc/ssl/certs", 0, "Hashed directory of CA certificates."),
    SWITCH("allowPlainHttp", allow_plain_http, "false", 0, "Allows http:// to hosts other than loopback."),
    {.name = "registration", .kind = SETTING_CHOICE, .offset = AT(registration), .choices = registrations,
     .fallback = "none",
     .help = "Whether instances are registered with worker-manager, by its static provider, after their launch."},
    TEXT("staticProviderId", static_provider_id, 1, "static", 0, "The static provider's id in worker-manager."),
    TEXT("deploymentKeyFile", deployment_key_file, 0, "", 0,
         "A file with the key, 32 bytes or more, that the instances' secrets are made with. Empty: the credential "
         "deployment-key that systemd hands over."),
    WORDS("logLevel", log_level, levels, "info", "The least severe log lines that are written."),

    WORDS("journal", journal, switches, "off",
          "Writes every plan and every arbitration, with all that it was decided on, to stateDir/journal, for "
          "provisionctl replay. A reload switches the supervisor's part; a type worker's with its next start."),
    WHOLE("journalFile", journal_file, 65536, INT64_C(1) << 40, "16000000", "bytes", 0,
          "A file of the journal ends at about this size and another begins."),
    WHOLE("journalTotal", journal_total, 65536, INT64_C(1) << 50, "512000000", "bytes", 0,
          "All files of the journal: the oldest go first. It may be passed by 64 KiB for each process that writes."),

    WHOLE("maxCapacity", max_capacity, 0, MANY, NULL, "units", 1, "Cap over all types: occupying and leased."),
    WHOLE("maxInstances", max_instances, 0, MANY, NULL, "instances", 1, "Cap over all types: occupying and leased."),
    DOLLARS("maxHourlyCost", max_hourly_cost, NULL, "dollars per hour",
            "Cap on the granted max prices of all that occupies or is leased; \"unlimited\" for none."),
    DOLLARS("maxDailyCost", max_daily_cost, "unlimited", "dollars",
            "Stop line: no grant once spent + committed x dailyHorizon reaches it. EBS and traffic are not counted."),
    DOLLARS("essentialReserve", essential_reserve, "0", "dollars per hour",
            "Part of each money cap that only floors of types marked essential may spend."),
    TIME("dailyHorizon", daily_horizon, DAY, "1h", 1, "How much of the committed cost maxDailyCost looks ahead for."),
    TEXT("dayZone", day_zone, 1, "UTC", 0, "Time zone whose days maxDailyCost counts."),
    WHOLE("headroom", headroom, -1, 90, "-1", "percent of each global cap", 1,
          "Kept for types below their floor or holding at most an equal share. -1 or \"auto\": one instance for each "
          "type that holds none, between 5 and 20 percent."),
    WORDS("policy", policy, policies, "round-robin", "Who goes first after all have had a first lot."),
    WHOLE("seed", seed, 0, INT64_MAX, "1", NULL, 0, "Of the lottery and of rotation: the same seed, the same grants."),
    SWITCH("breakers", breakers, "true", 1, "false only for experiments: nothing is set aside after failures."),
    SWITCH("preflight", preflight, "true", 0,
           "Checks every definition against EC2's catalogue before its first bid and leaves out what cannot launch."),
    WHOLE("lotMax", lot_max, 1, 1000, "10", "instances", 0, "Instances in one launch call at most."),
    WHOLE("leasesPerRegion", leases_per_region, 1, 1000, "4", "leases", 1,
          "Sent or unknown leases that one type may hold in one region."),
    WHOLE("leaseShare", lease_share, 1, 100, "10", "percent of any global cap", 1,
          "Sent or unknown leases that one type may hold in all; one instance per region always."),

    RATE("launchShare", launch_share, 1, "0.8", "share", 1,
         "Scales the refill of both launch buckets, since others use the account; 0 or \"off\" removes them."),
    RATE("launchCallsRefill", launch_calls_refill, MANY, "2", "calls a second", 1, "EC2's RunInstances request rate."),
    WHOLE("launchCallsDepth", launch_calls_depth, 1, MANY, "5", "calls", 1, "EC2's RunInstances request burst."),
    RATE("launchInstancesRefill", launch_instances_refill, MANY, "2", "instances a second", 1,
         "EC2's RunInstances resource rate."),
    WHOLE("launchInstancesDepth", launch_instances_depth, 1, MANY, "1000", "instances", 1,
          "EC2's RunInstances resource burst."),
    RATE("queueRate", queue_rate, MANY, "50", "requests a second", 1, "All type workers' requests to one root URL."),
    RATE("describeRate", describe_rate, MANY, "10", "calls a second", 0, "A region worker's own limit."),

    TIME("tick", tick, HOUR, "10s", 0, "How often a type worker plans."),
    TIME("demandPoll", demand_poll, HOUR, "10s", 0, "How often a type worker asks the queue, if queueRate allows."),
    TIME("inventoryPoll", inventory_poll, HOUR, "10s", 0, "How long a region worker waits between two listings."),
    TIME("pricePoll", price_poll, DAY, "60s", 0, "How often a region worker reads spot prices."),
    TIME("statusInterval", status_interval, HOUR, "5s", 1, "The whole status is published at least this often."),
    TIME("grace", grace, DAY, "300s", 0,
         "How long EC2 may take to list a launched instance: absence counts only after it."),
    TIME("maxInventoryAge", max_inventory_age, DAY, "60s", 0, "An older listing is stale: nothing is launched there."),
    TIME("maxDemandAge", max_demand_age, DAY, "60s", 0, "Older counts are stale: launches only up to minCapacity."),
    TIME("staleServing", stale_serving, DAY, "10m", 0,
         "When a region has been stale for so long, its instances stop counting as serving, so that floors can move."),
    TIME("sendBy", send_by, HOUR, "10s", 1, "A granted launch call must start within this."),
    TIME("workerTickLimit", worker_tick_limit, HOUR, "60s", 1, "A worker that completes no tick for so long is killed."),
    TIME("helloLimit", hello_limit, HOUR, "30s", 1, "A worker must say hello within this of its start."),
    TIME("connectLimit", connect_limit, LONGEST_CALL, "10s", 0, "Of every HTTP connection."),
    TIME("queueLimit", queue_limit, LONGEST_CALL, "30s", 0, "Of a whole call to the queue."),
    TIME("launchLimit", launch_limit, LONGEST_CALL, "60s", 0, "Of a whole RunInstances call."),
    TIME("describeLimit", describe_limit, LONGEST_CALL, "60s", 0, "Of one page of a listing."),
    TIME("backoffFirst", backoff_first, HOUR, "1s", 1, "First wait before a worker that died is started again."),
    TIME("backoffMost", backoff_most, DAY, "60s", 1, "Longest such wait; it doubles up to here."),
    TIME("backoffReset", backoff_reset, DAY, "10m", 1, "A worker that lived so long starts again with the first wait."),
    TIME("capacityDelay", capacity_delay, DAY, "3m", 1, "First delay of a capacity breaker."),
    TIME("breakerDelay", breaker_delay, DAY, "1m", 1, "First delay of the breakers that grow."),
    TIME("breakerMost", breaker_most, DAY, "30m", 1, "Longest delay of the breakers that grow."),
    TIME("quarantineDelay", quarantine_delay, DAY, "60s", 1, "First delay of a quarantined type; it doubles."),
    TIME("definitionProbe", definition_probe, 30 * DAY, "24h", 1, "How often a definition breaker allows one try."),
    {.name = NULL},
};
/* clang-format on */
