/* SPDX-License-Identifier: MPL-2.0 */
/* supervisor.h: the whole state of the supervisor in one struct, and the records of each workerType and region.
 * Runs in: supervisor, main thread only. Owns: everything below; each module's header says who changes what.
 *
 *   loop.c      the main loop: wait, take events, decide, publish
 *   workers.c   spawns, reaps, kills (policy: process.c, mechanism: child.c)
 *   bus.c       messages of workers   -> bus_type.c, bus_region.c
 *   decide.c    bids -> arbiter -> ledger -> grants; lease.c: what becomes of them
 *   status.c    the status stream; control.c: operators' commands; reload.c: definitions and settings anew */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/loop.h"
#include "proto/config.h"
#include "proto/definition.h"
#include "proto/messages.h"
#include "proto/price_list.h"
#include "supervisor/alarm_rules.h"
#include "supervisor/arbiter.h"
#include "supervisor/brake.h"
#include "supervisor/breaker.h"
#include "supervisor/budget.h"
#include "supervisor/canary.h"
#include "supervisor/child.h"
#include "supervisor/denials.h"
#include "supervisor/fleet.h"
#include "supervisor/ledger.h"
#include "supervisor/pace.h"
#include "supervisor/process.h"

#define DEATHS_KEPT 8
#define SECRET_BYTES 32

struct death {
    struct wall at;
    int64_t generation;
    int64_t pid;
    struct span uptime;
    bool asked; /* told to, or of its own will for a reload: no fault */
    char reason[160];
};

/* One worker process of a type or region, or the credentials helper, through all its generations. */
struct worker {
    bool is_region, is_helper; /* neither: a type's */
    char name[NAME_SIZE];
    struct process process;
    struct child child;
    char secret[2 * SECRET_BYTES + 1]; /* of the running generation: its routing id on the bus */
    char doom[128];                    /* why we end it, for its obituary; "" */
    struct death deaths[DEATHS_KEPT];  /* a ring */
    int64_t death_count;
    struct loop *watching; /* where its stderr is watched */
    struct wall spawned;   /* the running generation; ticked: its last complete tick, 0 none */
    struct wall ticked;
    int64_t tick_us;
    struct mono counted_from; /* bus.c's: its messages of the running second */
    int64_t counted;
    struct alarm_watch death_loop;
};

/* The bid of a type: state, not event. */
struct bid {
    bool stands;
    int64_t number, seen, units;
    struct mono heard;
    struct proto_LOT *lots; /* taken over from the message */
    struct arbiter_lot *views;
    size_t lot_count;
};

/* What its worker found of its definition (proto PREFLIGHT). */
struct preflight_record {
    char state[16]; /* "": nothing was said yet */
    int64_t placements, usable, errors;
    char why[512];
    char *findings; /* JSON */
    struct wall seen;
};

/* It waits for a call of the lowest rank, for a DryRun. */
struct spare {
    bool asked;
    char region[NAME_SIZE], hash[HASH_SIZE];
};

/* An AMI set that is live, or that the ledger remembers. */
struct set_record {
    char name[NAME_SIZE];
    struct amiset *set; /* NULL: there is no file of it now */
    int64_t revision;
    char newest_hash[HASH_SIZE];
};

struct type_counters {
    int64_t launched, failed, worked;
    int64_t interrupted, died_early; /* instances that EC2 took back; that ended within two minutes unwished */
    struct wall last_launch;
};

struct type_record {
    char name[NAME_SIZE];
    struct definition *definition; /* NULL: no longer defined; its instances are left alone */
    int64_t revision;              /* of the definition; below the newest one while it is pinned */
    int64_t newest;                /* number of the newest revision */
    char newest_hash[HASH_SIZE];   /* of that revision */
    bool newest_forced;
    int64_t pin; /* revision that counts whatever its file says; 0: none */
    bool forced; /* its revision was applied with --force */
    struct preflight_record preflight;
    struct canary_proofs dry_runs; /* specifications that passed a DryRun */
    struct spare spare;
    struct worker worker;
    struct fleet_type *holdings;
    bool paused;
    bool retired;      /* its instances are ended as they are listed; paused, too */
    bool has_priority; /* an operator's, in place of the definition's */
    int64_t priority;
    struct bid bid;
    struct mono heard; /* when the last tick's messages came: a bid lapses two missed ticks later */
    bool observed;
    struct proto_OBSERVATION seen;
    int64_t highest_grant;
    struct canary_proofs proofs;
    struct denial_list denials;
    struct alarm_watch watches[ALARM_RULE_COUNT];
    struct alarm_progress progress;
    struct brake brake;
    struct mono held_back; /* when the brake last held terminations back, how many, and why */
    int64_t held_back_count;
    char held_back_cause[32];
    struct type_counters counters;
    struct pace pace;
    uint64_t copy_hash;   /* of the breakers that it was sent last */
    uint64_t prices_hash; /* of the on-demand prices that it was sent last; 0: none yet */
    bool dirty;           /* its status is to be published */
    struct mono published;
};

struct region_record {
    char name[NAME_SIZE];
    struct worker worker;
    struct fleet_region *view;
    bool frozen;
    bool assumed_empty;     /* after a loss of the ledger: an operator vouches that nothing unknown runs here */
    enum denial closed;     /* as the last housekeeping saw it */
    struct proto_ROW *rows; /* of a listing that is not complete yet */
    size_t row_count;
    int64_t rows_listing;
    bool had_full; /* of the running generation */
    struct alarm_watch foreign, stale;
    int64_t foreign_listing; /* that was looked through last */
    struct proto_PRICE *prices;
    size_t price_count;
    struct wall prices_seen;
    char problem[256];
    char *scope; /* the JSON that its worker was told last */
    bool dirty;
    struct mono published;
};

/* The process that gets AWS credentials for all workers. What they are is never known here. */
struct helper_record {
    struct worker worker;
    bool told; /* by the running generation */
    struct proto_CREDENTIALS seen;
};

struct event {
    int64_t sequence;
    struct wall at;
    char kind[32], type[NAME_SIZE], region[NAME_SIZE];
    char text[SENTENCE_SIZE];
};
#define EVENTS_KEPT 1000

struct alarm {
    int64_t id; /* of this raise, counted by this run: with the run it names one raise for ever */
    char kind[32];
    char subject[NAME_SIZE]; /* a type, a region, or "" */
    char text[SENTENCE_SIZE];
    struct wall since;
    bool dirty, cleared;
};
#define ALARMS_MOST 2048 /* an outage may raise one a type */
#define ALARM_ENDS_KEPT 512

/* An alarm of this run that is over. */
struct alarm_end {
    struct alarm alarm;
    struct wall ended;
};

struct supervisor_counters {
    int64_t grants, launched, launch_failures, orders;
};

struct supervisor {
    char config_path[512];
    struct config *config;
    char config_hash[HASH_SIZE];
    char config_problem[512];
    char incarnation[NAME_SIZE]; /* of this ledger, for tags and tokens: a repeat after a restart is the same request */
    char run_id[NAME_SIZE];      /* of this process, for the status stream's sequence */
    struct wall started;
    struct mono started_mono;
    struct mono now; /* read once a loop turn */
    struct wall wall;

    struct loop *loop;
    void *zmq, *bus, *control, *status;
    int lock_fds[3];
    struct child_workshop workshop;
    struct process_settings process_settings;

    struct type_record **types; /* sorted by name */
    size_t type_count;
    struct region_record **regions;
    size_t region_count;
    struct helper_record helper;
    struct set_record *sets;
    size_t set_count;
    struct price_list prices;     /* on demand, of the price files */
    size_t spares;                /* types that wait for a spare call */
    struct judgement *judgements; /* judge.c's: requests that wait for type workers */
    int64_t last_judgement;
    struct secret_entry *secrets; /* bus.c's */
    size_t secret_count, secret_room;
    struct mono workers_next; /* the first deadline among the processes */
    bool workers_due;         /* or something changed: look at all of them now */

    struct fleet *fleet;
    uint64_t counted_version;
    struct breakers *breakers;
    uint64_t breakers_version; /* that the workers' copies and the ledger have */
    struct mono breakers_sent;
    struct arbiter *arbiter;
    struct mono arbiter_again;
    bool arbiter_due;
    struct decision *decision;          /* decide.c's arrays, kept from step to step */
    struct decision_journal *decisions; /* decide_journal.c's; NULL: not written */
    struct budget_day day;
    struct mono accrued;
    bool budget_unknown;       /* the ledger was lost: no grants under a daily cap until the next day */
    bool restored;             /* the ledger is a backup: what was granted after it is not in it */
    bool frozen;               /* an operator stopped all launches */
    bool caps_changed;         /* by an operator, until the files are read anew */
    bool first_start;          /* rebuild.c's: the ledger looks new, and not every region was listed yet */
    bool rebuilt;              /* the ledger was lost: no grants until all regions are listed and one grace is over */
    struct mono rebuilt_since; /* when that was noticed; MONO_ZERO: not yet */
    struct ledger *ledger;
    char ledger_problem[256];
    uint64_t ledger_seen; /* the last ticket whose grants were sent */
    int64_t last_grant;
    char backup_peer[256]; /* who asked for the backup that is under way, and as which request */
    int64_t backup_request;

    struct event events[EVENTS_KEPT]; /* a ring */
    int64_t event_count;              /* the last event's sequence */
    struct alarm alarms[ALARMS_MOST];
    size_t alarm_count;
    int64_t alarm_last;                           /* the newest id */
    struct alarm_end alarm_ends[ALARM_ENDS_KEPT]; /* a ring */
    int64_t alarm_end_count;
    struct alarm_watch hourly[2], daily[2]; /* budget: 80 and 100 percent */
    struct mono hourly_denied;              /* when maxHourlyCost last refused a lot */
    struct waiting_answer *answers;         /* control.c's: they wait for the ledger */
    size_t answer_count;
    struct supervisor_counters counters;

    int64_t status_sequence;
    struct mono refreshed;
    struct span turn_longest, turn_before; /* of the loop, since the last full refresh and in the one before */
    bool dirty;
    struct mono published;

    bool reload_asked, stopping, stopped, ready;
    struct mono reloaded, stop_deadline, notified;
    bool pace_due;
    int64_t adopted; /* rows that nothing knew, in the listing that is being taken */
    struct mono pruned, housekept;
    struct mono turn, awake; /* when the last turn began; when the last standstill ended */
};

/* The record that a worker is part of. */
static inline struct type_record *type_of_worker(struct worker *worker)
{
    return (struct type_record *)((char *)worker - offsetof(struct type_record, worker));
}
static inline struct region_record *region_of_worker(struct worker *worker)
{
    return (struct region_record *)((char *)worker - offsetof(struct region_record, worker));
}

static inline bool worker_is_type(const struct worker *worker)
{
    return !worker->is_region && !worker->is_helper;
}

/* What events name: NULL where it is none of the kind. */
static inline const char *worker_type_name(const struct worker *worker)
{
    return worker_is_type(worker) ? worker->name : NULL;
}
static inline const char *worker_region_name(const struct worker *worker)
{
    return worker->is_region ? worker->name : NULL;
}

struct supervisor *supervisor_create(void);
void supervisor_destroy(struct supervisor **supervisor);

struct type_record *supervisor_type(const struct supervisor *supervisor, const char *name);
struct type_record *supervisor_add_type(struct supervisor *supervisor, const char *name);
struct region_record *supervisor_region(const struct supervisor *supervisor, const char *name);
struct region_record *supervisor_add_region(struct supervisor *supervisor, const char *name);
/* The credentials helper is wanted from now on. */
void supervisor_begin_helper(struct supervisor *supervisor);
/* Types that are defined now. */
size_t supervisor_defined(const struct supervisor *supervisor);

/* Settings of the parts, from the configuration that is live. */
void supervisor_configure(struct supervisor *supervisor);
/* An interval on the monotonic clock for a wall time of the ledger: min(remaining, full period) (DESIGN section 4). */
struct mono supervisor_mono_of(const struct supervisor *supervisor, struct wall at);

#endif
