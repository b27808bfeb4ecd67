/* SPDX-License-Identifier: MPL-2.0 */
/* definition_table.c: the members of a workerType with one value each: name, range and default from DESIGN section 10
 * and aws-provisioner; parse, defaults and canonical print all come from this table.
 * Runs in: supervisor and type worker. Owns nothing. */
#include <string.h>

#include "proto/definition_parts.h"

#define MINUTE INT64_C(60000000)
#define LONGEST_TIME (366 * 24 * 60 * MINUTE)
#define SHORTEST_TIME INT64_C(100000)       /* 100 ms, for fast simulations */
#define DEAREST (INT64_C(100000) * 1000000) /* dollars an hour: above every instance that EC2 has */
#define MANY 1000000000
#define WORKER_TYPE_LONGEST 38 /* aws-provisioner's limit, queue names are built on it */

#define AT(field) offsetof(struct definition, field)
#define TEXT(json, field, standard, sentence)                                                                          \
    {                                                                                                                  \
        .name = json, .kind = SETTING_STRING, .offset = AT(field), .least = 0,                                         \
        .most = sizeof(((struct definition *)0)->field), .fallback = standard, .help = sentence                        \
    }
#define WHOLE(json, field, low, high, standard, measure, sentence)                                                     \
    {                                                                                                                  \
        .name = json, .kind = SETTING_INTEGER, .offset = AT(field), .least = low, .most = high, .fallback = standard,  \
        .unit = measure, .help = sentence                                                                              \
    }
#define SWITCH(json, field, standard, sentence)                                                                        \
    {                                                                                                                  \
        .name = json, .kind = SETTING_BOOL, .offset = AT(field), .fallback = standard, .help = sentence                \
    }
#define TIME(json, field, low, standard, sentence)                                                                     \
    {                                                                                                                  \
        .name = json, .kind = SETTING_SPAN, .offset = AT(field), .least = low, .most = LONGEST_TIME,                   \
        .fallback = standard, .help = sentence                                                                         \
    }
#define DOLLARS(json, field, standard, sentence)                                                                       \
    {                                                                                                                  \
        .name = json, .kind = SETTING_MONEY, .offset = AT(field), .least = 0, .most = DEAREST, .fallback = standard,   \
        .unit = "dollars per hour", .help = sentence                                                                   \
    }

/* clang-format off */
const struct setting definition_table[] = {
    {.name = "workerType", .kind = SETTING_STRING, .offset = AT(name), .least = 1, .most = WORKER_TYPE_LONGEST + 1,
     .help = "Its name; the file is called NAME.json and the task queue <provisionerId>/NAME."},
    WHOLE("minCapacity", min_capacity, 0, MANY, "0", "units",
         "Floor: kept serving whether or not anything waits."),
    WHOLE("maxCapacity", max_capacity, 0, MANY, NULL, "units",
         "Ceiling of the type: everything that costs money counts, leases too."),
    {.name = "scalingRatio", .kind = SETTING_NUMBER, .offset = AT(scaling_ratio), .least = 0, .most = 1,
     .fallback = "0",
     .help = "Tolerated backlog as a share of the running capacity; 0: one unit for each pending task."},
    DOLLARS("minPrice", min_price, "0", "The least that is bid, divided by utility."),
    DOLLARS("maxPrice", max_price, NULL,
         "Above it nothing is bid."),
    SWITCH("canUseSpot", can_use_spot, "true",
         "Whether spot instances may be launched."),
    SWITCH("canUseOndemand", can_use_on_demand, "false",
         "Whether on-demand instances may be launched."),
    WHOLE("canary", canary, 0, MANY, "2", "instances",
         "What a new launch specification may hold until one instance takes work; 0 or \"off\": no limit."),
    TIME("settle", settle, SHORTEST_TIME, "60s",
         "How long from running to the first claim: younger instances count as about to take work."),
    WHOLE("priority", priority, -1000, 1000, "0", NULL,
         "Orders lots beyond the first of each type, higher first; never the first lots."),
    SWITCH("essential", essential, "false", "Its floor may spend essentialReserve."),
    TIME("latencyTarget", latency_target, 0, "0",
         "The oldest pending task may wait so long before an alarm is raised; 0 or \"none\": no alarm."),
    WHOLE("maxFloor", max_floor, -1, MANY, "-1", "units",
         "minCapacity may be raised by the lag to so much; -1: not at all."),
    TIME("bootLimit", boot_limit, SHORTEST_TIME, "20m",
         "An instance that never took work is terminated after so long, counted only while tasks are pending."),
    TIME("pendingLimit", pending_limit, SHORTEST_TIME, "30m",
         "An instance that EC2 calls pending for so long is terminated."),
    TIME("maxLifetime", max_lifetime, SHORTEST_TIME, "96h",
         "An instance older than this is terminated."),
    TIME("idleLimit", idle_limit, 0, "0",
         "Its workers end themselves after so long without work; an instance of the floor is replaced before. 0: what "
         "userData says in shutdown.afterIdleSeconds or idleTimeoutSecs, else not known."),
    TIME("onDemandAfter", on_demand_after, 0, "0",
         "On-demand instances are launched when demand was unmet for so long; 0 or \"never\": no fall-back."),
    WHOLE("onDemandMax", on_demand_max, 0, MANY, "0", "instances",
         "On-demand instances at once, at most."),
    TEXT("demandUrl", demand_url, "",
         "A URL that answers JSON with this type's demand, in place of Taskcluster's queue; {workerType} is replaced."),
    TEXT("demandPending", demand_pending, "/pending", "With demandUrl: JSON pointer to the number of tasks that wait."),
    TEXT("demandClaimed", demand_claimed, "",
         "With demandUrl: JSON pointer to the number of tasks at work. Empty: not told."),
    TEXT("demandOldest", demand_oldest, "",
         "With demandUrl: JSON pointer to when the oldest waiting task came, RFC 3339 or seconds since 1970. Empty: "
         "estimated."),
    TEXT("demandAuthorizationFile", demand_authorization_file, "",
         "With demandUrl: a file whose one line is sent as the Authorization header; read at each request."),
    {.name = NULL},
};
/* clang-format on */

const char *const definition_also[] = {"description",   "owner",      "lastModified", "secrets", "scopes",
                                       "tags",          "amiSet",     "amiImages",    "regions", "availabilityZones",
                                       "instanceTypes", "launchSpec", "userData",     NULL};

static void set_absent(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name))
        json_decref(value);
    else
        json_object_set_new(object, name, value);
}

/* Secrets are never stored (DESIGN section 5), and the canonical document goes to the ledger. */
static void canonical_layer(json_t *object)
{
    set_absent(object, "launchSpec", json_object());
    set_absent(object, "userData", json_object());
    json_object_del(object, "secrets");
}

static void canonical_list(json_t *document, const char *name)
{
    json_t *element;
    size_t i;
    set_absent(document, name, json_array());
    json_array_foreach(json_object_get(document, name), i, element)
    {
        canonical_layer(element);
    }
}

void definition_canonical(json_t *document, const struct definition *definition)
{
    json_t *element;
    size_t i;
    json_t *plain = settings_print(definition_table, definition);
    json_object_update(document, plain);
    json_decref(plain);
    canonical_layer(document);
    set_absent(document, "tags", json_object());
    canonical_list(document, "regions");
    canonical_list(document, "availabilityZones");
    canonical_list(document, "instanceTypes");
    json_array_foreach(json_object_get(document, "instanceTypes"), i, element)
    {
        /* Whole numbers and reals print differently: one form, so that 1 and 1.0 give one hash. */
        json_t *utility = json_object_get(element, "utility");
        json_object_set_new(element, "utility", json_real(utility ? json_number_value(utility) : 1.0));
    }
}
