/* SPDX-License-Identifier: MPL-2.0 */
/* type_worker.h: the state of a type worker and its parts, one file each; private to worker/type_*.c.
 * Runs in: type worker, one thread. Owns: everything in struct type_worker.
 *   type_worker.c   life: welcome, the loop, the end
 *   type_demand.c   what waits: polls the queue
 *   type_supply.c   what is there: inventory and prices from the region workers
 *   type_tick.c     plan, bid, observation, proposals to terminate
 *   type_journal.c  the plans on disk, to be made again
 *   type_launch.c   grants: one RunInstances each, and their results
 *   type_preflight.c, type_check.c, type_judge.c, type_dryrun.c   does the definition fit EC2's catalogue
 *   type_lookup.c   outcomes that are unknown: look up, renew */
#ifndef WORKER_TYPE_WORKER_H
#define WORKER_TYPE_WORKER_H

#include "common/http.h"
#include "common/loop.h"
#include "proto/config.h"
#include "proto/definition.h"
#include "proto/messages.h"
#include "worker/bus.h"
#include "worker/cloud.h"
#include "worker/doors.h"
#include "worker/health.h"
#include "worker/plan.h"
#include "worker/queue/queue.h"
#include "worker/registration.h"
#include "worker/supply.h"
#include "worker/type_preflight.h"
#include "worker/worker.h"

/* How far a grant has come. */
enum launch_state {
    LAUNCH_CALLING,  /* RunInstances is under way */
    LAUNCH_LOOKING,  /* the outcome is unknown: a look-up by token is due or under way */
    LAUNCH_RENEWING, /* nothing found, still wanted: the supervisor was asked for the same lease anew */
    LAUNCH_WAITING,  /* nothing found, not wanted now: looked up again later */
    LAUNCH_OVER
};

struct type_worker;

struct launch {
    struct launch *next;
    struct type_worker *worker;
    struct proto_GRANT grant;
    enum launch_state state;
    bool was_unknown;       /* from then on only ids are a definite result */
    bool spent;             /* EC2 has bound its token to dead instances or another request: it launches nothing */
    struct proto_ROW *rows; /* instances in the answer, as they come */
    size_t row_count;
    struct mono due;          /* of the next step in LOOKING, RENEWING, WAITING */
    struct span delay;        /* between failed look-ups, growing */
    int64_t lookup;           /* number of the look-up under way; 0 none */
    size_t found_before;      /* instances that the last look-up found, when they were fewer than asked for */
    unsigned resends;         /* of its call that ended unknown, too */
    struct mono resend_after; /* no renewal is asked for before; MONO_ZERO: at once */
};

/* An option of the plan with the time its price was read. */
struct type_price {
    struct mono read;
    struct money price;
};

struct type_worker {
    const struct worker_options *options;
    struct loop *loop;
    struct bus bus;
    struct http_client *http;
    struct keys *keys;
    struct queue_credentials queue_credentials;
    struct queue *queue;
    struct registration *registration; /* NULL: instances are not registered */
    struct config config;
    struct definition *definition;
    int64_t revision;
    char incarnation[64];

    struct cloud clouds[CONFIG_MAX_REGIONS]; /* one for each of config.regions */
    void *inventory;                         /* SUB, connected to every region worker */
    void *lookups[CONFIG_MAX_REGIONS];       /* DEALER, opened at the first look-up */

    struct supply supply;
    struct plan_option *plan_options; /* every spec in every market that the definition allows */
    struct type_price *prices;        /* of each option */
    size_t option_count;
    struct health health;
    struct doors doors;
    struct plan_memory memory;
    struct plan plan;        /* the last one */
    struct journal *journal; /* of the plans; NULL: not written */
    struct plan_record *plan_record;
    bool journal_stopped;
    struct type_preflight preflight;

    struct launch *launches;
    int64_t next_lookup;
    int64_t seen, bid_number, tick_number;

    struct span poll; /* demand poll interval */
    struct mono next_poll, next_tick;
    uint64_t readings;
    bool asked_claimed_list;
    bool news; /* something to plan anew for */

    bool stopping;
    int exit_status;
    struct mono drain_limit;
};

/* type_demand.c */
int type_demand_start(struct type_worker *worker, int64_t phase_ms, struct error *err);
void type_demand_step(struct type_worker *worker, struct mono now);

/* type_supply.c */
int type_supply_start(struct type_worker *worker, const struct proto_WELCOME *welcome, struct error *err);
void type_supply_drain(struct type_worker *worker, struct mono now);

/* type_tick.c */
int type_options_make(struct type_worker *worker, struct error *err);
void type_options_on_demand(struct type_worker *worker, const struct proto_ON_DEMAND *prices);
void type_options_price(struct type_worker *worker, const struct proto_PRICES *prices, struct mono now);
void type_tick(struct type_worker *worker, struct mono now);
void type_fill_lot(struct proto_LOT *out, const struct plan_lot *lot);
/* What would be planned for another definition now; changes nothing. */
void type_plan_for(struct type_worker *worker, struct definition *definition, const struct preflight *result,
                   struct plan *out, struct mono now);

/* type_journal.c */
void type_journal_start(struct type_worker *worker);
/* After plan_make; `before`: the memory as it was. */
void type_journal_plan(struct type_worker *worker, const struct plan_memory *before, const struct plan_input *input);
void type_journal_end(struct type_worker *worker);

/* type_preflight.c; the rest is in type_preflight.h */
void type_options_fit(struct plan_option *options, size_t count, const struct definition *definition,
                      const struct preflight *result);

/* type_registration.c */
int type_registration_start(struct type_worker *worker, struct error *err);
/* Puts into the request what registration needs, if it is wanted; the caller destroys the secret after its use. */
struct secret *type_registration_secret(const struct type_worker *worker, const char *token,
                                        struct ec2_launch *request);
void type_registration_step(struct type_worker *worker, struct mono now);
void type_registration_observe(const struct type_worker *worker, struct proto_OBSERVATION *seen);
struct mono type_registration_deadline(const struct type_worker *worker);

/* type_launch.c */
int type_region_index(const struct type_worker *worker, const char *region); /* -1: not configured */
struct launch *type_launch_new(struct type_worker *worker, const struct proto_GRANT *grant);
void type_grant(struct type_worker *worker, const struct proto_GRANT *grant);
/* Reports how it ended; `answer` NULL: it was never sent, `code` says why. */
void type_launch_result(struct launch *launch, enum outcome outcome, enum failure failure, const char *code,
                        const char *message, const struct cloud_answer *answer);
/* Ids are a definite result: the lease becomes instances. */
void type_launch_found(struct launch *launch, const struct proto_ROW *rows, size_t count,
                       const struct cloud_answer *answer);
void type_launch_unknown(struct launch *launch, struct mono now);
bool type_launch_calling(const struct type_worker *worker); /* any call in flight */
void type_launch_sweep(struct type_worker *worker);         /* forgets those that are over */
void type_launch_give_up(struct type_worker *worker);       /* at the end: calls in flight are reported unknown */
void type_launch_clear(struct type_worker *worker);

/* type_lookup.c */
void *type_lookup_socket(struct type_worker *worker, const char *region); /* NULL: none */
void type_lookup_step(struct type_worker *worker, struct mono now);
void type_lookup_drain(struct type_worker *worker, struct mono now);
struct mono type_lookup_deadline(const struct type_worker *worker);
/* How long after so many re-sends of one lease that all ended unknown the next may be asked for. */
struct span type_resend_pause(unsigned resends);

#endif
