/* SPDX-License-Identifier: MPL-2.0 */
/* process.h: the life of one worker process as a state table: what to do when it starts, speaks, falls silent, dies.
 * Pure: no clock, no I/O: `now` is an argument, what to do comes back as an action. Runs in: supervisor. Owns nothing.
 * The mechanism (fork, kill, reap) is child.c's; workers.c carries the actions out.
 *
 * Two faults are kept apart: dying before the first hello (a broken installation or definition: "failing") and dying
 * later ("backing-off"). Both wait with a doubling, jittered delay, which proven uptime resets (case B64). */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

/* W(symbol, name as status shows it) */
#define PROCESS_STATES(W)                                                                                              \
    W(PROCESS_DUE, "starting")            /* to be spawned as soon as there is room among those that wait for hello */ \
    W(PROCESS_STARTING, "starting")       /* spawned, no hello yet */                                                  \
    W(PROCESS_LIVE, "live")               /* said hello */                                                             \
    W(PROCESS_STOPPING, "stopping")       /* told to end */                                                            \
    W(PROCESS_BACKING_OFF, "backing-off") /* crashed after its hello; waits */                                         \
    W(PROCESS_FAILING, "failing")         /* died before its hello; waits */                                           \
    W(PROCESS_ENDED, "ended")             /* reaped and not wanted any more */

/* W(symbol, name for the log) */
#define PROCESS_EVENTS(W)                                                                                              \
    W(PROCESS_SPAWNED, "spawned")                                                                                      \
    W(PROCESS_NOT_SPAWNED, "not-spawned")                                                                              \
    W(PROCESS_SAID_HELLO, "said-hello")                                                                                \
    W(PROCESS_DIED, "died")                 /* reaped, for whatever reason */                                          \
    W(PROCESS_ASKED_RELOAD, "asked-reload") /* reaped with the exit status that is no crash */                         \
    W(PROCESS_OFFENDED, "offended")         /* a bad message, or silence about a lease: kill it */                     \
    W(PROCESS_RESTART, "restart")           /* an operator or a new definition: politely first */                      \
    W(PROCESS_STOP, "stop")                 /* no longer wanted, or the daemon stops */                                \
    W(PROCESS_LATE, "late")                 /* the deadline of its state has passed */

#define PROCESS_SYMBOL(symbol, name) symbol,
enum process_state { PROCESS_STATES(PROCESS_SYMBOL) PROCESS_STATE_COUNT };
enum process_event { PROCESS_EVENTS(PROCESS_SYMBOL) PROCESS_EVENT_COUNT };
enum process_action { PROCESS_NOTHING, PROCESS_SPAWN, PROCESS_SEND_HUP, PROCESS_SEND_TERM, PROCESS_SEND_KILL };

/* A worker's exit status that means: start me again with the newest definition (SIGHUP). */
#define PROCESS_RELOAD_STATUS 64
/* At most so many spawned processes wait for their hello at once. */
#define PROCESS_SPAWNS_AT_ONCE 32

struct process_settings {
    struct span hello_limit; /* from exec */
    struct span tick_limit;  /* from one completed tick to the next */
    struct span stop_limit;  /* from one step of an escalation to the next: HUP, TERM, KILL */
    struct span backoff_first, backoff_most, backoff_reset;
};

struct process {
    enum process_state state;
    bool wanted;        /* false: PROCESS_ENDED after the next death */
    bool settled;       /* said hello or failed once: what READY waits for */
    int64_t generation; /* of the process that runs or ran last; rises with each spawn */
    int64_t deaths;
    int64_t failures;         /* in a row, without proven uptime */
    enum process_action told; /* the step of the escalation that was taken last */
    struct mono spawned, said_hello;
    struct mono deadline; /* PROCESS_LATE then; MONO_NEVER: none */
    uint64_t jitter;      /* state of its own random sequence */
};

/* A wanted process that is due at once. `seed` differs between processes, so that they do not return in step. */
void process_begin(struct process *process, int64_t last_generation, uint64_t seed);
/* Takes an event; the answer is what the caller must do now. PROCESS_LATE is ignored before its deadline. */
enum process_action process_step(struct process *process, enum process_event event,
                                 const struct process_settings *settings, struct mono now);
/* A tick was completed at `now`: the only sign of life that counts (case B11). */
void process_beat(struct process *process, const struct process_settings *settings, struct mono now);
/* Its judge stood still for so long (a paused virtual machine, a host without time), and so may it have: a process that
 * runs gets that time back before it counts as late. */
void process_postpone(struct process *process, struct span by);
/* True when it may be spawned now; the caller counts PROCESS_STARTING against PROCESS_SPAWNS_AT_ONCE. */
bool process_is_due(const struct process *process);
bool process_has_pid(const struct process *process);
const char *process_state_name(enum process_state state);
const char *process_event_name(enum process_event event);

#endif
