/* SPDX-License-Identifier: MPL-2.0 */
/* process.c: the state table of a worker process. Pure; runs in the supervisor; owns nothing.
 * To read it: find the row of the state, the column of the event; the cell is a function that changes the process and
 * says what to do. An empty cell leaves everything as it is: an event may always come late. */
#include "supervisor/process.h"

typedef enum process_action step_function(struct process *process, const struct process_settings *settings,
                                          struct mono now);

/* xorshift: a number in [0, 1). Good enough to spread restarts, and repeatable in a test. */
static double next_random(struct process *process)
{
    process->jitter ^= process->jitter << 13;
    process->jitter ^= process->jitter >> 7;
    process->jitter ^= process->jitter << 17;
    return (double)(process->jitter >> 11) / 9007199254740992.0;
}

/* first, doubled for each failure in a row, between 75 % and 125 % of it, never above `most`. */
static struct span next_delay(struct process *process, const struct process_settings *settings)
{
    struct span delay = settings->backoff_first;
    for (int64_t i = 1; i < process->failures && delay.us < settings->backoff_most.us; i++)
        delay = span_scale(delay, 2);
    delay = span_scale(span_min(delay, settings->backoff_most), 0.75 + 0.5 * next_random(process));
    return span_min(delay, settings->backoff_most);
}

static enum process_action escalate(struct process *process, const struct process_settings *settings, struct mono now,
                                    enum process_action step)
{
    process->state = PROCESS_STOPPING;
    process->told = step;
    process->deadline = mono_add(now, settings->stop_limit);
    return step;
}

static enum process_action spawned(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->state = PROCESS_STARTING;
    process->told = PROCESS_NOTHING;
    process->spawned = now;
    process->said_hello = MONO_ZERO;
    process->deadline = mono_add(now, settings->hello_limit);
    return PROCESS_NOTHING;
}

static enum process_action wait_as(struct process *process, enum process_state state,
                                   const struct process_settings *settings, struct mono now)
{
    process->settled = true;
    process->failures++;
    process->state = state;
    process->deadline = mono_add(now, next_delay(process, settings));
    return PROCESS_NOTHING;
}

static enum process_action not_spawned(struct process *process, const struct process_settings *settings,
                                       struct mono now)
{
    return wait_as(process, PROCESS_FAILING, settings, now);
}

static enum process_action said_hello(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->state = PROCESS_LIVE;
    process->settled = true;
    process->said_hello = now;
    process->deadline = mono_add(now, settings->tick_limit);
    return PROCESS_NOTHING;
}

/* A process that ran well for long starts with a short delay again. */
static void forgive(struct process *process, const struct process_settings *settings, struct mono now)
{
    if (mono_is_set(process->said_hello) && mono_since(process->said_hello, now).us >= settings->backoff_reset.us)
        process->failures = 0;
}

static enum process_action died_early(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->deaths++;
    return wait_as(process, PROCESS_FAILING, settings, now);
}

static enum process_action died_later(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->deaths++;
    forgive(process, settings, now);
    return wait_as(process, PROCESS_BACKING_OFF, settings, now);
}

static enum process_action become_due(struct process *process, const struct process_settings *settings, struct mono now)
{
    (void)settings;
    (void)now;
    process->state = PROCESS_DUE;
    process->deadline = MONO_NEVER;
    return PROCESS_NOTHING;
}

/* It asked to be started anew: no crash, at once. But one that asks within its first second would spin. */
static enum process_action asked_reload(struct process *process, const struct process_settings *settings,
                                        struct mono now)
{
    process->deaths++;
    if (mono_since(process->said_hello, now).us < SPAN_SECONDS(1).us && process->failures > 0)
        return wait_as(process, PROCESS_BACKING_OFF, settings, now);
    if (mono_since(process->said_hello, now).us < SPAN_SECONDS(1).us)
        process->failures++;
    forgive(process, settings, now);
    return become_due(process, settings, now);
}

/* The end of a process that was told to end: as wished, back at once if it is still wanted. A process that was killed
 * because it offended or fell silent waits as any other crash: told_why is in `said_hello` and `told`. */
static enum process_action died_as_told(struct process *process, const struct process_settings *settings,
                                        struct mono now)
{
    bool early = !mono_is_set(process->said_hello);

    process->deaths++;
    if (!process->wanted) {
        process->state = PROCESS_ENDED;
        process->deadline = MONO_NEVER;
        return PROCESS_NOTHING;
    }
    if (process->told != PROCESS_SEND_KILL)
        return become_due(process, settings, now);
    forgive(process, settings, now);
    return wait_as(process, early ? PROCESS_FAILING : PROCESS_BACKING_OFF, settings, now);
}

static enum process_action kill_it(struct process *process, const struct process_settings *settings, struct mono now)
{
    return escalate(process, settings, now, PROCESS_SEND_KILL);
}

static enum process_action hang_up(struct process *process, const struct process_settings *settings, struct mono now)
{
    return escalate(process, settings, now, PROCESS_SEND_HUP);
}

static enum process_action terminate(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->wanted = false;
    return escalate(process, settings, now, PROCESS_SEND_TERM);
}

/* Already told to end, and now not wanted back. */
static enum process_action let_go(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->wanted = false;
    if (process->told == PROCESS_SEND_HUP)
        return escalate(process, settings, now, PROCESS_SEND_TERM);
    return PROCESS_NOTHING;
}

static enum process_action press_harder(struct process *process, const struct process_settings *settings,
                                        struct mono now)
{
    if (process->told == PROCESS_SEND_HUP)
        return escalate(process, settings, now, PROCESS_SEND_TERM);
    return escalate(process, settings, now, PROCESS_SEND_KILL);
}

static enum process_action end_unspawned(struct process *process, const struct process_settings *settings,
                                         struct mono now)
{
    (void)settings;
    (void)now;
    process->wanted = false;
    process->state = PROCESS_ENDED;
    process->deadline = MONO_NEVER;
    return PROCESS_NOTHING;
}

/* An operator's restart, or a new definition, ends the wait: there is something new to try. */
static enum process_action try_now(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->failures = 0;
    return become_due(process, settings, now);
}

static enum process_action revive(struct process *process, const struct process_settings *settings, struct mono now)
{
    process->wanted = true;
    return try_now(process, settings, now);
}

static enum process_action want_again(struct process *process, const struct process_settings *settings, struct mono now)
{
    (void)settings;
    (void)now;
    process->wanted = true;
    return PROCESS_NOTHING;
}

/* clang-format off */
static step_function *const table[PROCESS_STATE_COUNT][PROCESS_EVENT_COUNT] = {
    [PROCESS_DUE]         = {[PROCESS_SPAWNED] = spawned, [PROCESS_NOT_SPAWNED] = not_spawned,
                             [PROCESS_STOP] = end_unspawned},
    [PROCESS_STARTING]    = {[PROCESS_SAID_HELLO] = said_hello, [PROCESS_DIED] = died_early,
                             [PROCESS_ASKED_RELOAD] = died_early, [PROCESS_OFFENDED] = kill_it,
                             [PROCESS_RESTART] = hang_up, [PROCESS_STOP] = terminate, [PROCESS_LATE] = kill_it},
    [PROCESS_LIVE]        = {[PROCESS_DIED] = died_later, [PROCESS_ASKED_RELOAD] = asked_reload,
                             [PROCESS_OFFENDED] = kill_it, [PROCESS_RESTART] = hang_up, [PROCESS_STOP] = terminate,
                             [PROCESS_LATE] = kill_it},
    [PROCESS_STOPPING]    = {[PROCESS_DIED] = died_as_told, [PROCESS_ASKED_RELOAD] = died_as_told,
                             [PROCESS_OFFENDED] = kill_it, [PROCESS_STOP] = let_go, [PROCESS_LATE] = press_harder,
                             [PROCESS_RESTART] = want_again},
    [PROCESS_BACKING_OFF] = {[PROCESS_LATE] = become_due, [PROCESS_RESTART] = try_now, [PROCESS_STOP] = end_unspawned},
    [PROCESS_FAILING]     = {[PROCESS_LATE] = become_due, [PROCESS_RESTART] = try_now, [PROCESS_STOP] = end_unspawned},
    [PROCESS_ENDED]       = {[PROCESS_RESTART] = revive},
};
/* clang-format on */

void process_begin(struct process *process, int64_t last_generation, uint64_t seed)
{
    *process = (struct process){.state = PROCESS_DUE,
                                .wanted = true,
                                .generation = last_generation,
                                .deadline = MONO_NEVER,
                                .jitter = seed * UINT64_C(0x9E3779B97F4A7C15) | 1};
}

enum process_action process_step(struct process *process, enum process_event event,
                                 const struct process_settings *settings, struct mono now)
{
    step_function *step = table[process->state][event];

    if (!step || (event == PROCESS_LATE && !mono_reached(process->deadline, now)))
        return PROCESS_NOTHING;
    return step(process, settings, now);
}

void process_beat(struct process *process, const struct process_settings *settings, struct mono now)
{
    if (process->state != PROCESS_LIVE)
        return;
    process->deadline = mono_add(now, settings->tick_limit);
    forgive(process, settings, now);
}

void process_postpone(struct process *process, struct span by)
{
    if (process_has_pid(process))
        process->deadline = mono_add(process->deadline, by);
}

bool process_is_due(const struct process *process)
{
    return process->state == PROCESS_DUE;
}

bool process_has_pid(const struct process *process)
{
    return process->state == PROCESS_STARTING || process->state == PROCESS_LIVE || process->state == PROCESS_STOPPING;
}

#define PROCESS_NAME(symbol, name) [symbol] = name,

const char *process_state_name(enum process_state state)
{
    static const char *const names[] = {PROCESS_STATES(PROCESS_NAME)};
    return names[state];
}

const char *process_event_name(enum process_event event)
{
    static const char *const names[] = {PROCESS_EVENTS(PROCESS_NAME)};
    return names[event];
}
