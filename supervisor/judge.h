/* SPDX-License-Identifier: MPL-2.0 */
/* judge.h: operators' requests that wait for type workers: each worker looks at one definition that is not applied, and
 * when all have answered, or the time is up, the request goes on. The main loop waits for none of it.
 * Runs in: supervisor, main thread. Owns: the requests under way. */
#ifndef SUPERVISOR_JUDGE_H
#define SUPERVISOR_JUDGE_H

#include "supervisor/bus.h"
#include "supervisor/control.h"
#include "supervisor/supervisor.h"
#include "supervisor/writer.h"

struct judge_part {
    char name[NAME_SIZE];          /* the type */
    struct definition *definition; /* as it would be */
    char change[12];               /* new, changed, unchanged or removed */
    int64_t id;                    /* of its JUDGE; 0: not asked */
    bool answered;
    struct proto_JUDGED said; /* taken over */
};

struct judgement {
    struct judgement *next;
    char peer[256]; /* who waits for the answer */
    int64_t request;
    char who[NAME_SIZE];
    bool decide, force;
    struct config *config; /* of dryrun: the settings that are tried; NULL: those that run */
    struct judge_part *parts;
    size_t count;
    struct mono deadline;
    void (*finish)(struct supervisor *supervisor, struct judgement *judgement); /* once, when judged */
    /* of apply */
    struct amiset *set; /* NULL: a definition */
    json_t *document;   /* what is written to the file */
    char path[600];
    struct writer *writer; /* while the file is written */
    uint64_t ticket;       /* of the ledger: the answer waits for it */
    struct control_reply held;
    bool over;
};

/* A request whose answer comes later. */
struct judgement *judge_begin(struct supervisor *supervisor, const struct proto_CONTROL *request,
                              struct control_reply *reply,
                              void (*finish)(struct supervisor *supervisor, struct judgement *judgement));
/* Takes over the definition; the type's own worker is asked, or another one for a type that has none. */
struct judge_part *judge_add(struct supervisor *supervisor, struct judgement *judgement, struct definition **definition,
                             const char *change, bool ask);
void judge_step(struct supervisor *supervisor);
struct mono judge_deadline(const struct supervisor *supervisor);
bus_handler bus_judged;
void judge_clear(struct supervisor *supervisor);

/* The answer to the operator; ends the judgement. The reply's body is taken over. With reply->ticket it leaves when the
 * ledger has acknowledged that: what an operator was told must outlive a crash. */
void judge_answer(struct supervisor *supervisor, struct judgement *judgement, struct control_reply *reply);
/* {"change", "known", "problem", "placements", "usable", "errors", "findings"} of a part. New reference. */
json_t *judge_part_json(const struct judge_part *part);

#endif
