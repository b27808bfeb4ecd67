/* SPDX-License-Identifier: MPL-2.0 */
/* config.h: the daemon's settings: one table (config.c) for parser, defaults, --print-config, help and man page.
 * Runs in: supervisor (reads the file) and workers (get the same document in WELCOME). Owns: the region list.
 * Durations may go down to 100 ms, so that a test or a fast simulation can run the same daemon. */
#ifndef PROTO_CONFIG_H
#define PROTO_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/money.h"
#include "proto/definition.h"
#include "proto/words.h"

#define CONFIG_MAX_REGIONS 32
#define CONFIG_MAX_ZONES 16

struct config_region {
    char name[NAME_SIZE];
    char endpoint[256]; /* empty: ec2Endpoint with {region} replaced */
    char zone_names[CONFIG_MAX_ZONES][NAME_SIZE];
    const char *zones[CONFIG_MAX_ZONES];
    size_t zone_count;
};

enum registration_kind { REGISTRATION_NONE, REGISTRATION_STATIC };
enum policy { POLICY_ROUND_ROBIN, POLICY_LOGARITHMIC, POLICY_PROBABILITY, POLICY_LAG };

/* JSON name in the comment; defaults as in DESIGN section 10 where it gives one. */
struct config {
    char deployment_id[NAME_SIZE];  /* deploymentId, must be given */
    char provisioner_id[NAME_SIZE]; /* provisionerId, "aws-provisioner-v1" */
    char root_url[256];          /* rootUrl, must be given (or TASKCLUSTER_ROOT_URL): queue is <rootUrl>/api/queue/v1 */
    char ec2_endpoint[256];      /* ec2Endpoint, "https://ec2.{region}.amazonaws.com" */
    char sts_endpoint[256];      /* stsEndpoint, "https://sts.{region}.amazonaws.com" */
    char quotas_endpoint[256];   /* quotasEndpoint, "auto": config_quotas_endpoint */
    char metadata_endpoint[256]; /* metadataEndpoint, "http://169.254.169.254" */
    char state_dir[256];         /* stateDir, "/var/lib/provisiond" */
    char run_dir[80];            /* runDir, "/run/provisiond": short, socket paths end at 107 bytes */
    char worker_types_dir[256];  /* workerTypesDir, "workertypes.d" (relative to the configuration file) */
    char amisets_dir[256];       /* amiSetsDir, "amisets.d" */
    char prices_dir[256];        /* pricesDir, "prices.d" */
    char proxy[256];             /* proxy, none */
    char ca_path[256];           /* caPath, "/etc/ssl/certs" */
    bool allow_plain_http;       /* allowPlainHttp, false: only to loopback */
    int registration;            /* registration: enum registration_kind */
    char static_provider_id[64]; /* staticProviderId, "static" */
    char deployment_key_file[256]; /* deploymentKeyFile, "": the credential deployment-key of systemd */
    int log_level;                 /* logLevel: debug info warn error */
    int journal;                   /* journal: off on, of all decisions */
    int64_t journal_file;          /* journalFile: 16 MB, one file */
    int64_t journal_total;         /* journalTotal: 512 MB, all files */

    int64_t max_capacity;           /* maxCapacity: global units, must be given */
    int64_t max_instances;          /* maxInstances: must be given */
    struct money max_hourly_cost;   /* maxHourlyCost: must be given, or "unlimited" */
    struct money max_daily_cost;    /* maxDailyCost: "unlimited" */
    struct money essential_reserve; /* essentialReserve: 0 */
    struct span daily_horizon;      /* dailyHorizon: 1h */
    char day_zone[64];              /* dayZone: "UTC" */
    int64_t headroom;               /* headroom: percent of each global cap, -1 ("auto") as DESIGN section 6 */
    int policy;                     /* policy: round-robin logarithmic probability lag */
    int64_t seed;                   /* seed: 1, of the lottery and of rotation */
    bool breakers;                  /* breakers: on; off is for experiments only */
    bool preflight;                 /* preflight: on */
    int64_t lot_max;                /* lotMax: 10 instances */
    int64_t leases_per_region;      /* leasesPerRegion: 4 */
    int64_t lease_share;            /* leaseShare: 10 percent of any global cap */

    double launch_share;            /* launchShare: 0.8; 0 ("off") removes both buckets */
    double launch_calls_refill;     /* launchCallsRefill: 2 a second */
    int64_t launch_calls_depth;     /* launchCallsDepth: 5 */
    double launch_instances_refill; /* launchInstancesRefill: 2 a second */
    int64_t launch_instances_depth; /* launchInstancesDepth: 1000 */
    double queue_rate;              /* queueRate: 50 requests a second */
    double describe_rate;           /* describeRate: 10 calls a second, region worker's own limit */

    struct span tick;              /* tick: 10s, type worker */
    struct span demand_poll;       /* demandPoll: 10s */
    struct span inventory_poll;    /* inventoryPoll: 10s */
    struct span price_poll;        /* pricePoll: 60s */
    struct span status_interval;   /* statusInterval: 5s */
    struct span grace;             /* grace: 300s */
    struct span max_inventory_age; /* maxInventoryAge: 60s */
    struct span max_demand_age;    /* maxDemandAge: 60s */
    struct span stale_serving;     /* staleServing: 10m */
    struct span send_by;           /* sendBy: 10s */
    struct span worker_tick_limit; /* workerTickLimit: 60s */
    struct span hello_limit;       /* helloLimit: 30s */
    struct span connect_limit;     /* connectLimit: 10s */
    struct span queue_limit;       /* queueLimit: 30s, whole call */
    struct span launch_limit;      /* launchLimit: 60s, whole RunInstances call */
    struct span describe_limit;    /* describeLimit: 60s, one page */
    struct span backoff_first;     /* backoffFirst: 1s, respawn */
    struct span backoff_most;      /* backoffMost: 60s */
    struct span backoff_reset;     /* backoffReset: 10m of uptime */
    struct span capacity_delay;    /* capacityDelay: 3m, first delay of a capacity breaker */
    struct span breaker_delay;     /* breakerDelay: 1m, first delay of the growing ones */
    struct span breaker_most;      /* breakerMost: 30m */
    struct span quarantine_delay;  /* quarantineDelay: 60s, doubling */
    struct span definition_probe;  /* definitionProbe: 24h */

    struct config_region regions[CONFIG_MAX_REGIONS]; /* regions: [{name, zones, endpoint}] */
    size_t region_count;
};

/* Reads the daemon's file. Environment: TASKCLUSTER_ROOT_URL stands in for an absent rootUrl. */
int config_read(const char *path, struct config *out, struct error *err);
int config_parse(const json_t *document, const char *file, struct config *out, struct error *err);
/* The same as JSON, regions included, every value explicit. New reference. */
json_t *config_print(const struct config *config);
void config_help(FILE *out);
/* Names of the settings that differ and need a restart; returns how many. */
int config_frozen_changes(const struct config *before, const struct config *after, char *out, size_t size);

const struct config_region *config_region(const struct config *config, const char *name);
/* Fills `out` (room CONFIG_MAX_REGIONS) for definition_parse; returns the count. Borrowed from config. */
size_t config_zones(const struct config *config, struct region_zones *out);
/* Endpoint URL of a region. */
void config_ec2_endpoint(const struct config *config, const char *region, char *out, size_t size);
/* Of Service Quotas; "" when it is not to be asked: "auto" is AWS's own where the region's EC2 is AWS's own. */
void config_quotas_endpoint(const struct config *config, const char *region, char *out, size_t size);

#endif
