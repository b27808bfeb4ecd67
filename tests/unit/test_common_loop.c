/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_loop.c: descriptors, sockets, signals and deadlines wake one wait. No check depends on how long a wait
 * took: what must come is waited for up to a minute, and what must not come is ruled out by something that comes after.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/loop.h"

static struct loop *loop;

static int set_up(void **state)
{
    (void)state;
    alarm(120);
    return loop_create(&loop, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    loop_destroy(&loop);
    return 0;
}

static struct mono in_a_minute(void)
{
    return mono_add(clock_now(), SPAN_SECONDS(60));
}

struct note {
    int calls, last_fd;
    uint32_t events;
};

static void take_note(void *context, int fd, uint32_t events)
{
    struct note *note = context;

    note->calls++;
    note->last_fd = fd;
    note->events = events;
}

/* A pipe with a byte in it. */
static void open_full(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
}

static void close_both(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void a_ready_descriptor_is_called(void **state)
{
    struct note note = {0};
    int ends[2];

    (void)state;
    open_full(ends);
    assert_int_equal(loop_add_fd(loop, ends[0], EPOLLIN, take_note, &note, NULL), 0);
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.last_fd, ends[0]);
    assert_true(note.events & EPOLLIN);
    loop_remove_fd(loop, ends[0]);
    assert_int_equal(loop_wait(loop, MONO_ZERO, NULL), 0);
    assert_int_equal(note.calls, 1);
    close_both(ends);
}

static void what_is_awaited_can_change(void **state)
{
    struct note note = {0};
    int ends[2];

    (void)state;
    open_full(ends);
    assert_int_equal(loop_add_fd(loop, ends[1], 0, take_note, &note, NULL), 0);
    assert_int_equal(loop_wait(loop, MONO_ZERO, NULL), 0);
    assert_int_equal(note.calls, 0);
    assert_int_equal(loop_change_fd(loop, ends[1], EPOLLOUT, NULL), 0);
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    assert_int_equal(note.calls, 1);
    close_both(ends);
}

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    assert_int_equal(loop_wait(loop, MONO_ZERO, NULL), 0);
    assert_int_equal(loop_wait(loop, mono_add(clock_now(), SPAN_MS(1)), NULL), 0);
}

static void removing_what_is_unknown_or_closed_is_no_fault(void **state)
{
    struct note note = {0};
    struct error err;
    int ends[2], more[2];

    (void)state;
    loop_remove_fd(loop, 3);
    loop_remove_fd(loop, -1);
    loop_remove_fd(loop, 1 << 20);
    open_full(ends);
    assert_int_equal(loop_add_fd(loop, ends[0], EPOLLIN, take_note, &note, NULL), 0);
    close_both(ends);
    errno = 0;
    loop_remove_fd(loop, ends[0]);
    loop_remove_fd(loop, ends[0]);
    assert_int_equal(errno, 0);
    assert_int_equal(loop_change_fd(loop, ends[0], EPOLLIN, &err), -1);
    assert_int_equal(err.code, ERROR_LOCAL);
    /* Closed without being removed, and its number given anew. */
    open_full(ends);
    assert_int_equal(loop_add_fd(loop, ends[0], EPOLLIN, take_note, &note, NULL), 0);
    close_both(ends);
    open_full(more);
    assert_int_equal(more[0], ends[0]);
    assert_int_equal(loop_change_fd(loop, more[0], EPOLLIN, NULL), 0);
    assert_int_equal(loop_add_fd(loop, more[0], EPOLLIN, take_note, &note, NULL), 0);
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    assert_int_equal(note.calls, 1);
    close_both(more);
}

static void what_cannot_be_awaited_is_an_error(void **state)
{
    struct error err;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(loop_add_fd(loop, -1, EPOLLIN, NULL, NULL, &err), -1);
    assert_int_equal(loop_add_fd(loop, file, EPOLLIN, NULL, NULL, &err), -1); /* files are always ready */
    assert_int_equal(err.code, ERROR_LOCAL);
    close(file);
    assert_int_equal(loop_add_fd(loop, file, EPOLLIN, NULL, NULL, NULL), -1);
}

/* Two ready pipes; whichever is called first takes the other one out of the loop. */
static int pair[2][2], pair_calls, reused[2];

static void remove_the_other(void *context, int fd, uint32_t events)
{
    (void)context;
    (void)events;
    pair_calls++;
    loop_remove_fd(loop, fd == pair[0][0] ? pair[1][0] : pair[0][0]);
}

static void a_removed_descriptor_is_not_called_in_the_same_turn(void **state)
{
    (void)state;
    pair_calls = 0;
    for (int i = 0; i < 2; i++) {
        open_full(pair[i]);
        assert_int_equal(loop_add_fd(loop, pair[i][0], EPOLLIN, remove_the_other, NULL, NULL), 0);
    }
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    assert_int_equal(pair_calls, 1);
    close_both(pair[0]);
    close_both(pair[1]);
}

static void must_not_be_called(void *context, int fd, uint32_t events)
{
    (void)context;
    (void)fd;
    (void)events;
    fail_msg("the event of a closed descriptor reached its successor");
}

/* Closes the other pipe and gives its number to a new, empty one. */
static void replace_the_other(void *context, int fd, uint32_t events)
{
    int other = fd == pair[0][0] ? 1 : 0;

    (void)context;
    (void)events;
    pair_calls++;
    loop_remove_fd(loop, pair[other][0]);
    close_both(pair[other]);
    assert_int_equal(pipe2(reused, O_CLOEXEC), 0);
    assert_int_equal(reused[0], pair[other][0]);
    assert_int_equal(loop_add_fd(loop, reused[0], EPOLLIN, must_not_be_called, NULL, NULL), 0);
    loop_remove_fd(loop, fd);
}

static void an_event_does_not_reach_a_descriptor_of_the_same_number(void **state)
{
    (void)state;
    pair_calls = 0;
    for (int i = 0; i < 2; i++) {
        open_full(pair[i]);
        assert_int_equal(loop_add_fd(loop, pair[i][0], EPOLLIN, replace_the_other, NULL, NULL), 0);
    }
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    assert_int_equal(pair_calls, 1);
    close_both(reused);
    close_both(fcntl(pair[0][0], F_GETFD) >= 0 ? pair[0] : pair[1]);
}

#define MANY 100

static void many_ready_descriptors_take_turns(void **state)
{
    static struct note notes[MANY];
    static int pipes[MANY][2];
    int called = 0, turns = 0;

    (void)state;
    memset(notes, 0, sizeof notes);
    for (int i = 0; i < MANY; i++) {
        open_full(pipes[i]);
        assert_int_equal(loop_add_fd(loop, pipes[i][0], EPOLLIN, take_note, &notes[i], NULL), 0);
    }
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    for (int i = 0; i < MANY; i++)
        called += notes[i].calls;
    assert_in_range(called, 1, MANY - 1);                    /* a bounded number a turn */
    for (called = 0; called < MANY && turns < 50; turns++) { /* though nobody reads, all are served in the end */
        assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
        called = 0;
        for (int i = 0; i < MANY; i++)
            called += notes[i].calls > 0;
    }
    assert_int_equal(called, MANY);
    for (int i = 0; i < MANY; i++)
        close_both(pipes[i]);
}

static void a_socket_wakes_the_wait(void **state)
{
    void *context = zmq_ctx_new(), *one = zmq_socket(context, ZMQ_PAIR), *other = zmq_socket(context, ZMQ_PAIR);
    char text[8];
    int received = 0;

    (void)state;
    assert_int_equal(zmq_bind(one, "inproc://loop"), 0);
    assert_int_equal(zmq_connect(other, "inproc://loop"), 0);
    assert_int_equal(loop_add_socket(loop, other, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(zmq_send(one, "hi", 2, 0), 2);
    while (received < 3) { /* one message a turn: what is left must wake the next wait (STYLE trap 11) */
        assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
        if (zmq_recv(other, text, sizeof text, ZMQ_DONTWAIT) == 2)
            received++;
    }
    loop_remove_socket(loop, other);
    loop_remove_socket(loop, other);
    zmq_close(one);
    zmq_close(other);
    zmq_ctx_term(context);
}

static void a_broken_socket_is_an_error_not_a_spin(void **state)
{
    int nothing[64] = {0};
    struct error err;

    (void)state;
    assert_int_equal(loop_add_socket(loop, nothing, NULL), 0);
    assert_int_equal(loop_wait(loop, in_a_minute(), &err), -1);
    assert_int_equal(err.code, ERROR_LOCAL);
    loop_remove_socket(loop, nothing);
    assert_int_equal(loop_wait(loop, MONO_ZERO, &err), 0);
}

static void there_is_room_for_sixteen_sockets(void **state)
{
    int dummy[17];
    struct error err;

    (void)state;
    for (int i = 0; i < 16; i++)
        assert_int_equal(loop_add_socket(loop, &dummy[i], &err), 0);
    assert_int_equal(loop_add_socket(loop, &dummy[16], &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    loop_remove_socket(loop, &dummy[3]);
    assert_int_equal(loop_add_socket(loop, &dummy[16], &err), 0);
}

static void signals_are_data_and_coalesce(void **state)
{
    static const int first[] = {SIGHUP}, more[] = {SIGUSR1};

    (void)state;
    assert_int_equal(loop_take_signal(loop), 0);
    assert_int_equal(loop_catch_signals(loop, first, 1, NULL), 0);
    assert_int_equal(loop_catch_signals(loop, more, 1, NULL), 0);
    assert_int_equal(loop_take_signal(loop), 0);
    for (int i = 0; i < 3; i++)
        raise(SIGHUP);
    raise(SIGUSR1);
    assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
    int sum = loop_take_signal(loop) + loop_take_signal(loop);
    assert_int_equal(sum, SIGHUP + SIGUSR1); /* three became one; the order is the kernel's */
    assert_int_equal(loop_take_signal(loop), 0);
}

static void dead_children_are_found_by_waiting_for_all(void **state)
{
    static const int signals[] = {SIGCHLD};
    int reaped = 0, lifeline[2];

    (void)state;
    assert_int_equal(pipe2(lifeline, O_CLOEXEC), 0);
    assert_int_equal(loop_catch_signals(loop, signals, 1, NULL), 0);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) { /* die together, when the parent lets go */
            char byte;
            close(lifeline[1]);
            _exit(read(lifeline[0], &byte, 1) == 0 ? 0 : 1);
        }
    }
    close_both(lifeline);
    while (reaped < 3) {
        assert_int_equal(loop_wait(loop, in_a_minute(), NULL), 0);
        while (loop_take_signal(loop) == SIGCHLD)
            while (waitpid(-1, NULL, WNOHANG) > 0)
                reaped++;
    }
}

static void wrong_signals_are_refused(void **state)
{
    static const int signals[] = {4711};
    struct error err;

    (void)state;
    assert_int_equal(loop_catch_signals(loop, signals, 1, &err), -1);
    assert_int_equal(err.code, ERROR_LOCAL);
    loop_destroy(NULL);
}

#define LOOP_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_ready_descriptor_is_called),
        LOOP_TEST(what_is_awaited_can_change),
        LOOP_TEST(a_deadline_ends_the_wait),
        LOOP_TEST(removing_what_is_unknown_or_closed_is_no_fault),
        LOOP_TEST(what_cannot_be_awaited_is_an_error),
        LOOP_TEST(a_removed_descriptor_is_not_called_in_the_same_turn),
        LOOP_TEST(an_event_does_not_reach_a_descriptor_of_the_same_number),
        LOOP_TEST(many_ready_descriptors_take_turns),
        LOOP_TEST(a_socket_wakes_the_wait),
        LOOP_TEST(a_broken_socket_is_an_error_not_a_spin),
        LOOP_TEST(there_is_room_for_sixteen_sockets),
        LOOP_TEST(signals_are_data_and_coalesce),
        LOOP_TEST(dead_children_are_found_by_waiting_for_all),
        LOOP_TEST(wrong_signals_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
