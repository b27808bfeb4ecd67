/* SPDX-License-Identifier: MPL-2.0 */
/* The life of a worker process: process.c's state table, with literal times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/process.h"

static const struct process_settings settings = {.hello_limit = {30000000},
                                                 .tick_limit = {60000000},
                                                 .stop_limit = {4000000},
                                                 .backoff_first = {1000000},
                                                 .backoff_most = {60000000},
                                                 .backoff_reset = {600000000}};

static struct mono at(int64_t seconds)
{
    return (struct mono){(1000 + seconds) * 1000000};
}

static enum process_action step(struct process *process, enum process_event event, int64_t seconds)
{
    return process_step(process, event, &settings, at(seconds));
}

static struct process begun(void)
{
    struct process process;
    process_begin(&process, 0, 7);
    return process;
}

static struct process live(void)
{
    struct process process = begun();
    step(&process, PROCESS_SPAWNED, 0);
    step(&process, PROCESS_SAID_HELLO, 1);
    return process;
}

static double delay(const struct process *process, int64_t seconds)
{
    return (double)(process->deadline.us - at(seconds).us) / 1e6;
}

static void a_process_without_hello_is_killed_at_the_deadline_from_its_exec(void **state)
{
    struct process process = begun();
    (void)state;
    assert_true(process_is_due(&process));
    assert_int_equal(step(&process, PROCESS_SPAWNED, 0), PROCESS_NOTHING);
    assert_int_equal(step(&process, PROCESS_LATE, 29), PROCESS_NOTHING);
    assert_int_equal(process.state, PROCESS_STARTING);
    assert_int_equal(step(&process, PROCESS_LATE, 30), PROCESS_SEND_KILL);
    assert_false(process.settled);
    step(&process, PROCESS_DIED, 31);
    assert_int_equal(process.state, PROCESS_FAILING);
    assert_true(process.settled); /* failed once: READY no longer waits for it */
}

static void what_the_judge_slept_through_is_no_lateness(void **state)
{
    struct process mute = begun(), silent = live(), waiting = live();
    (void)state;
    step(&mute, PROCESS_SPAWNED, 0);
    step(&waiting, PROCESS_DIED, 1);
    struct mono back = waiting.deadline;
    process_postpone(&mute, SPAN_SECONDS(100));
    process_postpone(&silent, SPAN_SECONDS(100));
    process_postpone(&waiting, SPAN_SECONDS(100));
    assert_int_equal(step(&mute, PROCESS_LATE, 129), PROCESS_NOTHING);
    assert_int_equal(step(&mute, PROCESS_LATE, 130), PROCESS_SEND_KILL);
    assert_int_equal(step(&silent, PROCESS_LATE, 160), PROCESS_NOTHING);
    assert_int_equal(step(&silent, PROCESS_LATE, 161), PROCESS_SEND_KILL);
    assert_int_equal(waiting.deadline.us, back.us); /* it does not run: its wait is no lateness */
}

static void failing_before_hello_is_told_from_crashing_later(void **state)
{
    struct process early = begun(), later = live();
    (void)state;
    step(&early, PROCESS_SPAWNED, 0);
    step(&early, PROCESS_DIED, 1);
    step(&later, PROCESS_DIED, 5);
    assert_int_equal(early.state, PROCESS_FAILING);
    assert_int_equal(later.state, PROCESS_BACKING_OFF);
}

static void waits_double_with_jitter_up_to_the_cap(void **state)
{
    struct process process = begun();
    double wanted = 1;
    (void)state;
    for (int64_t death = 0, now = 0; death < 12; death++, now += 100) {
        step(&process, PROCESS_SPAWNED, now);
        step(&process, PROCESS_DIED, now + 1);
        double waits = delay(&process, now + 1);
        assert_true(waits >= 0.75 * wanted - 0.001 && waits <= 1.25 * wanted && waits <= 60);
        wanted = wanted * 2 > 60 ? 60 : wanted * 2;
        assert_int_equal(step(&process, PROCESS_LATE, now + 90), PROCESS_NOTHING);
        assert_true(process_is_due(&process));
    }
    assert_int_equal(process.deaths, 12);
}

static void proven_uptime_resets_the_wait(void **state)
{
    struct process process = live();
    (void)state;
    process.failures = 6;
    process_beat(&process, &settings, at(100));
    assert_int_equal(process.failures, 6);
    process_beat(&process, &settings, at(601));
    assert_int_equal(process.failures, 0);
    step(&process, PROCESS_DIED, 602);
    assert_true(delay(&process, 602) <= 1.25);
}

static void only_completed_ticks_keep_it_alive(void **state)
{
    struct process process = live();
    (void)state;
    process_beat(&process, &settings, at(50));
    assert_int_equal(step(&process, PROCESS_LATE, 61), PROCESS_NOTHING);
    assert_int_equal(step(&process, PROCESS_LATE, 110), PROCESS_SEND_KILL);
    process_beat(&process, &settings, at(111)); /* too late */
    assert_int_equal(process.state, PROCESS_STOPPING);
    step(&process, PROCESS_DIED, 112);
    assert_int_equal(process.state, PROCESS_BACKING_OFF);
}

static void a_restart_asks_politely_then_presses_harder(void **state)
{
    struct process process = live();
    (void)state;
    assert_int_equal(step(&process, PROCESS_RESTART, 10), PROCESS_SEND_HUP);
    assert_int_equal(step(&process, PROCESS_LATE, 13), PROCESS_NOTHING);
    assert_int_equal(step(&process, PROCESS_LATE, 14), PROCESS_SEND_TERM);
    assert_int_equal(step(&process, PROCESS_LATE, 18), PROCESS_SEND_KILL);
    step(&process, PROCESS_DIED, 19);
    assert_int_equal(process.state, PROCESS_BACKING_OFF);
}

static void a_restart_that_is_obeyed_is_due_at_once(void **state)
{
    struct process process = live();
    (void)state;
    step(&process, PROCESS_RESTART, 10);
    step(&process, PROCESS_ASKED_RELOAD, 11);
    assert_true(process_is_due(&process));
    assert_int_equal(process.failures, 0);
}

static void asking_for_a_reload_is_no_crash_but_asking_all_the_time_waits(void **state)
{
    struct process process = live();
    (void)state;
    step(&process, PROCESS_ASKED_RELOAD, 100);
    assert_true(process_is_due(&process));
    for (int64_t now = 200; now < 202; now++) {
        step(&process, PROCESS_SPAWNED, now);
        step(&process, PROCESS_SAID_HELLO, now);
        step(&process, PROCESS_ASKED_RELOAD, now);
    }
    assert_int_equal(process.state, PROCESS_BACKING_OFF);
}

static void reload_status_before_the_hello_is_a_failure(void **state)
{
    struct process process = begun();
    (void)state;
    step(&process, PROCESS_SPAWNED, 0);
    step(&process, PROCESS_ASKED_RELOAD, 0);
    assert_int_equal(process.state, PROCESS_FAILING);
}

static void an_offence_kills_at_once_even_while_it_stops(void **state)
{
    struct process first = live(), second = live();
    (void)state;
    assert_int_equal(step(&first, PROCESS_OFFENDED, 5), PROCESS_SEND_KILL);
    step(&second, PROCESS_RESTART, 5);
    assert_int_equal(step(&second, PROCESS_OFFENDED, 6), PROCESS_SEND_KILL);
}

static void a_stopped_process_ends_and_can_be_wanted_again(void **state)
{
    struct process process = live(), waiting = begun();
    (void)state;
    assert_int_equal(step(&process, PROCESS_STOP, 5), PROCESS_SEND_TERM);
    assert_int_equal(step(&process, PROCESS_LATE, 9), PROCESS_SEND_KILL);
    step(&process, PROCESS_DIED, 10);
    assert_int_equal(process.state, PROCESS_ENDED);
    step(&process, PROCESS_RESTART, 20);
    assert_true(process_is_due(&process) && process.wanted);
    step(&waiting, PROCESS_STOP, 1);
    assert_int_equal(waiting.state, PROCESS_ENDED);
}

static void a_type_that_comes_back_while_its_process_still_stops_is_respawned(void **state)
{
    struct process process = live();
    (void)state;
    step(&process, PROCESS_STOP, 5);
    step(&process, PROCESS_RESTART, 6);
    step(&process, PROCESS_DIED, 7);
    assert_true(process_is_due(&process));
}

static void events_that_come_late_change_nothing(void **state)
{
    struct process process = begun();
    (void)state;
    step(&process, PROCESS_SAID_HELLO, 1);
    step(&process, PROCESS_DIED, 1);
    step(&process, PROCESS_OFFENDED, 1);
    assert_true(process_is_due(&process));
    assert_int_equal(process.deaths, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_without_hello_is_killed_at_the_deadline_from_its_exec),
        cmocka_unit_test(what_the_judge_slept_through_is_no_lateness),
        cmocka_unit_test(failing_before_hello_is_told_from_crashing_later),
        cmocka_unit_test(waits_double_with_jitter_up_to_the_cap),
        cmocka_unit_test(proven_uptime_resets_the_wait),
        cmocka_unit_test(only_completed_ticks_keep_it_alive),
        cmocka_unit_test(a_restart_asks_politely_then_presses_harder),
        cmocka_unit_test(a_restart_that_is_obeyed_is_due_at_once),
        cmocka_unit_test(asking_for_a_reload_is_no_crash_but_asking_all_the_time_waits),
        cmocka_unit_test(reload_status_before_the_hello_is_a_failure),
        cmocka_unit_test(an_offence_kills_at_once_even_while_it_stops),
        cmocka_unit_test(a_stopped_process_ends_and_can_be_wanted_again),
        cmocka_unit_test(a_type_that_comes_back_while_its_process_still_stops_is_respawned),
        cmocka_unit_test(events_that_come_late_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
