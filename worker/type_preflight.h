/* SPDX-License-Identifier: MPL-2.0 */
/* type_preflight.h: the type worker's preflight: of its own definition at its start, every ten minutes and on demand;
 * of definitions that are not applied (JUDGE); and one DryRun for each specification. Private to worker/type_*.c.
 * Runs in: type worker. Owns: struct type_preflight. The first bid waits for the catalogue, a bounded time, and never
 * for a DryRun. */
#ifndef WORKER_TYPE_PREFLIGHT_H
#define WORKER_TYPE_PREFLIGHT_H

#include "worker/type_check.h"

struct judgement; /* type_judge.c */

struct type_dry_runs {     /* type_dryrun.c */
    json_t *results;       /* spec hash -> true: passed or not needed; else {"code", "message"}, refused */
    char asked[HASH_SIZE]; /* a spare call was asked for */
    struct mono due;       /* not before this */
    int64_t tries;
    bool calling;
    size_t spec; /* of the call under way */
};

struct type_preflight {
    json_t *candidates;
    struct type_check check;
    bool passed;  /* the first pass is over: bids need not wait */
    bool partial; /* not all could be read */
    struct mono next;
    struct preflight result; /* of the last pass */
    char error[512];         /* its first error */
    char waits[160];
    char *told; /* the last PREFLIGHT's findings, to send changes only */
    char told_state[16];
    struct type_dry_runs dry;
    struct judgement *judgements;
};

/* Prices by placement: definitions are mostly asked in the order of the options, so each search begins where the last
 * one ended. */
struct type_prices {
    const struct type_worker *worker;
    size_t hint;
};
struct money type_price_of(void *prices, const struct launch_spec *spec); /* 0: unknown */

int type_preflight_start(struct type_worker *worker, const struct proto_WELCOME *welcome, struct error *err);
void type_preflight_step(struct type_worker *worker, struct mono now);
void type_preflight_found(struct type_worker *worker, const struct proto_FOUND *found, struct mono now);
struct mono type_preflight_deadline(const struct type_worker *worker);
void type_preflight_evaluate(struct type_worker *worker, struct mono now); /* anew, from the facts at hand */
void type_preflight_clear(struct type_worker *worker);

/* type_judge.c */
void type_judge_take(struct type_worker *worker, const struct proto_JUDGE *judge, struct mono now);
void type_judge_step(struct type_worker *worker, struct mono now);
bool type_judge_found(struct type_worker *worker, const struct proto_FOUND *found, struct mono now);
struct mono type_judge_deadline(const struct type_worker *worker);
void type_judge_clear(struct type_worker *worker);

/* type_dryrun.c */
void type_dryrun_step(struct type_worker *worker, struct mono now);
void type_dryrun_spared(struct type_worker *worker, const struct proto_SPARED *spared, struct mono now);
struct mono type_dryrun_deadline(const struct type_worker *worker);

#endif
