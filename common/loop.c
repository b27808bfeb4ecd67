/* SPDX-License-Identifier: MPL-2.0 */
/* loop.c: one wait for ZeroMQ sockets, descriptors, signals and a deadline.
 * Runs in: every process, on its main thread. Owns: the epoll descriptor, the signalfd, and the table of callbacks.
 * May not close a descriptor or socket that was given to it. The only file in common/ that knows libzmq.
 *
 * The zmq_poll array is rebuilt each turn: the epoll descriptor first, then the sockets. Everything else is inside the
 * epoll set. Each registration has a number of its own that comes back with its events: an event for a descriptor that
 * was removed, or closed and given anew, earlier in the same turn no longer matches and is passed over. */
#include "common/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#define MOST_SOCKETS 16
#define EVENTS_A_TURN 64
#define LONGEST_WAIT_MS INT64_C(3600000)

struct watch {
    loop_fd_function *function; /* NULL: the event only wakes loop_wait */
    void *context;
    uint32_t number; /* 0: not registered */
};

struct loop {
    int epoll_fd;
    int signal_fd; /* -1 until loop_catch_signals */
    sigset_t signals;
    void *sockets[MOST_SOCKETS];
    int socket_count;
    struct watch *watches; /* indexed by descriptor */
    int watch_room;
    uint32_t last_number;
};

int loop_create(struct loop **out, struct error *err)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return error_set(err, ERROR_LOCAL, "no memory for the event loop");
    loop->signal_fd = -1;
    sigemptyset(&loop->signals);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        error_set_errno(err, ERROR_LOCAL, "epoll_create1");
        free(loop);
        return -1;
    }
    *out = loop;
    return 0;
}

void loop_destroy(struct loop **loop)
{
    int saved = errno;

    if (!loop || !*loop)
        return;
    if ((*loop)->signal_fd >= 0)
        close((*loop)->signal_fd);
    close((*loop)->epoll_fd);
    free((*loop)->watches);
    free(*loop);
    *loop = NULL;
    errno = saved;
}

int loop_add_socket(struct loop *loop, void *zmq_socket, struct error *err)
{
    if (loop->socket_count == MOST_SOCKETS)
        return error_set(err, ERROR_LIMIT, "the event loop takes at most %d sockets", MOST_SOCKETS);
    loop->sockets[loop->socket_count++] = zmq_socket;
    return 0;
}

void loop_remove_socket(struct loop *loop, void *zmq_socket)
{
    for (int i = 0; i < loop->socket_count; i++)
        if (loop->sockets[i] == zmq_socket) {
            loop->sockets[i] = loop->sockets[--loop->socket_count];
            return;
        }
}

/* Makes the table reach `fd`. */
static int make_room(struct loop *loop, int fd, struct error *err)
{
    int room = loop->watch_room > 0 ? loop->watch_room : 64;

    if (fd < loop->watch_room)
        return 0;
    while (room <= fd)
        room *= 2;
    struct watch *watches = realloc(loop->watches, (size_t)room * sizeof *watches);
    if (!watches)
        return error_set(err, ERROR_LOCAL, "no memory for %d descriptors", room);
    memset(watches + loop->watch_room, 0, (size_t)(room - loop->watch_room) * sizeof *watches);
    loop->watches = watches;
    loop->watch_room = room;
    return 0;
}

/* Tells epoll, whichever of ADD and MOD is the right one now: a descriptor may have been closed behind our back (then
 * MOD says ENOENT) or be known already (then ADD says EEXIST). */
static int tell_epoll(struct loop *loop, int fd, uint32_t events, uint32_t number, struct error *err)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)number << 32 | (uint32_t)fd};

    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    if (errno == ENOENT && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    return error_set_errno(err, ERROR_LOCAL, "cannot wait for descriptor %d", fd);
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_function *function, void *context,
                struct error *err)
{
    if (fd < 0)
        return error_set(err, ERROR_LOCAL, "cannot wait for descriptor %d", fd);
    if (make_room(loop, fd, err) != 0)
        return -1;
    if (++loop->last_number == 0)
        loop->last_number = 1;
    if (tell_epoll(loop, fd, events, loop->last_number, err) != 0) {
        loop->watches[fd] = (struct watch){0};
        return -1;
    }
    loop->watches[fd] = (struct watch){function, context, loop->last_number};
    return 0;
}

int loop_change_fd(struct loop *loop, int fd, uint32_t events, struct error *err)
{
    if (fd < 0 || fd >= loop->watch_room || loop->watches[fd].number == 0)
        return error_set(err, ERROR_LOCAL, "descriptor %d is not waited for", fd);
    return tell_epoll(loop, fd, events, loop->watches[fd].number, err);
}

void loop_remove_fd(struct loop *loop, int fd)
{
    int saved = errno;

    if (fd < 0 || fd >= loop->watch_room || loop->watches[fd].number == 0)
        return;
    loop->watches[fd] = (struct watch){0};
    /* EBADF and ENOENT: closed already, and so gone from the set by itself. */
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    errno = saved;
}

int loop_catch_signals(struct loop *loop, const int *signals, int count, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (sigaddset(&loop->signals, signals[i]) != 0)
            return error_set(err, ERROR_LOCAL, "there is no signal %d", signals[i]);
    int failed = pthread_sigmask(SIG_BLOCK, &loop->signals, NULL);
    if (failed) {
        errno = failed;
        return error_set_errno(err, ERROR_LOCAL, "cannot block signals");
    }
    int fd = signalfd(loop->signal_fd, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "signalfd");
    if (fd == loop->signal_fd) /* the set of an old one was widened */
        return 0;
    loop->signal_fd = fd;
    return loop_add_fd(loop, fd, EPOLLIN, NULL, NULL, err);
}

int loop_take_signal(struct loop *loop)
{
    struct signalfd_siginfo info;

    if (loop->signal_fd < 0)
        return 0;
    ssize_t got;
    do
        got = read(loop->signal_fd, &info, sizeof info);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* Rounded up, so that the deadline has come when zmq_poll returns and nobody spins for the rest of a millisecond. */
static long wait_ms(struct mono deadline)
{
    if (deadline.us == MONO_NEVER.us)
        return -1;
    int64_t us = mono_since(clock_now(), deadline).us;
    int64_t ms = us / 1000 + (us % 1000 != 0);
    return (long)(ms < LONGEST_WAIT_MS ? ms : LONGEST_WAIT_MS);
}

static int run_callbacks(struct loop *loop, struct error *err)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_TURN, 0);

    if (count < 0)
        return errno == EINTR ? 0 : error_set_errno(err, ERROR_LOCAL, "epoll_wait");
    for (int i = 0; i < count; i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        uint32_t number = (uint32_t)(events[i].data.u64 >> 32);
        /* Looked up anew each time: a callback may have moved the table. */
        struct watch watch = fd < loop->watch_room ? loop->watches[fd] : (struct watch){0};
        if (watch.number == number && watch.function)
            watch.function(watch.context, fd, events[i].events);
    }
    return 0;
}

int loop_wait(struct loop *loop, struct mono deadline, struct error *err)
{
    zmq_pollitem_t items[1 + MOST_SOCKETS] = {{.fd = loop->epoll_fd, .events = ZMQ_POLLIN}};

    for (int i = 0; i < loop->socket_count; i++)
        items[1 + i] = (zmq_pollitem_t){.socket = loop->sockets[i], .events = ZMQ_POLLIN};
    if (zmq_poll(items, 1 + loop->socket_count, wait_ms(deadline)) < 0)
        return errno == EINTR ? 0 : error_set(err, ERROR_LOCAL, "zmq_poll: %s", zmq_strerror(errno));
    return items[0].revents ? run_callbacks(loop, err) : 0;
}
