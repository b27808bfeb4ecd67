/* SPDX-License-Identifier: MPL-2.0 */
/* notify.c: speaks to the init system by sd_notify. Runs in: supervisor, main thread. See notify.h. */
#include "supervisor/notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/decide.h"
#include "supervisor/events.h"
#include "supervisor/workers.h"

#define SLOWEST_STEP SPAN_SECONDS(5)
#define EXTENSION_US (INT64_C(30) * 1000000)

static uint64_t watchdog_us; /* 0: none */
static int ready_fd = -1;    /* s6's */

/* No worker may hold it open: who waits for its end would wait for them. */
int notify_to_fd(int fd, struct error *err)
{
    if (fd <= STDERR_FILENO || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return error_set(err, ERROR_USAGE, "--notify-fd %d: not an open descriptor above 2", fd);
    ready_fd = fd;
    return 0;
}

/* Whoever reads may be gone; SIGPIPE is ignored, and nothing depends on it. */
static void tell_ready_fd(void)
{
    if (ready_fd < 0)
        return;
    if (write(ready_fd, "\n", 1) != 1)
        log_warn("notify.fd", "problem=nobody-reads");
    close(ready_fd);
    ready_fd = -1;
}

void notify_begin(void)
{
    if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
        watchdog_us = 0;
}

/* Half the watchdog's interval, at most once a second (case B63); the status line every few seconds. */
static struct span interval(void)
{
    struct span half = SPAN_US(watchdog_us / 2);

    if (watchdog_us == 0)
        return SLOWEST_STEP;
    return span_max(SPAN_SECONDS(1), span_min(half, SLOWEST_STEP));
}

static void become_ready(struct supervisor *supervisor)
{
    supervisor->ready = true;
    sd_notify(0, "READY=1");
    tell_ready_fd();
    event_record(supervisor, "ready", NULL, NULL, "%zu types, %zu regions, %zu processes live",
                 supervisor_defined(supervisor), supervisor->region_count, workers_live(supervisor));
}

static void send_line(struct supervisor *supervisor)
{
    int64_t held = 0, leased = 0;

    decide_count(supervisor);
    for (size_t i = 0; i < supervisor->fleet->type_count; i++) {
        held += supervisor->fleet->types[i]->totals.held_instances;
        leased += supervisor->fleet->types[i]->totals.leased_instances;
    }
    sd_notifyf(
        0, "STATUS=%zu types, %zu of %zu processes live; %" PRId64 " instances, %" PRId64 " in leases; %zu alarms%s%s",
        supervisor_defined(supervisor), workers_live(supervisor), supervisor->type_count + supervisor->region_count,
        held, leased, supervisor->alarm_count, supervisor->ledger_problem[0] ? "; ledger: " : "",
        supervisor->ledger_problem);
}

void notify_step(struct supervisor *supervisor)
{
    if (!supervisor->ready && !supervisor->stopping && workers_settled(supervisor))
        become_ready(supervisor);
    if (!mono_reached(notify_deadline(supervisor), supervisor->now))
        return;
    supervisor->notified = supervisor->now;
    if (!supervisor->ready || supervisor->stopping)
        sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, EXTENSION_US);
    if (watchdog_us > 0)
        sd_notify(0, "WATCHDOG=1");
    send_line(supervisor);
}

struct mono notify_deadline(const struct supervisor *supervisor)
{
    return mono_add(supervisor->notified, interval());
}

void notify_reloading(const struct supervisor *supervisor)
{
    if (supervisor->ready)
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, supervisor->now.us);
}

void notify_reloaded(const struct supervisor *supervisor)
{
    if (supervisor->ready)
        sd_notify(0, "READY=1");
}

void notify_stopping(const struct supervisor *supervisor)
{
    (void)supervisor;
    sd_notify(0, "STOPPING=1\nSTATUS=stopping: waiting for launches in flight");
}
