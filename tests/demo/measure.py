# SPDX-License-Identifier: MPL-2.0
"""The demo's figures, from the simulated cloud's journal alone.

first pending to launch request: for each arrival of tasks that no supply covers (units running, booting or in flight
are fewer than tasks waiting and claimed) the time to the next RunInstances request of that type. An arrival whose
tasks are all claimed before any request, by an instance that became free, needed no launch and does not count.
Arrivals at one moment count once."""
from collections import defaultdict

import journal


def percentile(values, share):
    """Nearest rank; None for an empty list."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * share // 100) - 1))]


def summary(waits):
    def tidy(value):
        return None if value is None else round(value, 3)
    return {"arrivals": len(waits), "first_pending_to_launch_request_s": tidy(max(waits) if waits else None),
            "median_s": tidy(percentile(waits, 50)), "p95_s": tidy(percentile(waits, 95))}


class Story(journal.Reader):
    """All figures of one run."""

    def __init__(self, path, speed=1):
        super().__init__(path, speed)
        self.open = defaultdict(list)        # type -> [time, tasks not claimed yet] of arrivals without a request
        self.waits = defaultdict(list)       # type -> (arrival time, wait until the next launch request)
        self.task_waits = defaultdict(list)  # type -> waits of claimed tasks
        self.arrivals = defaultdict(int)
        self.launched = defaultdict(int)
        self.launch_calls = defaultdict(int)
        self.failures = defaultdict(list)    # type -> (time, code)
        self.lives = {}                      # instance -> [created, terminated]
        self.type_of_task = {}
        self.arrived_at = {}
        self.pending_most = defaultdict(int)

    def arrived(self, t, name, task):
        supply = self.types[name]
        self.arrivals[name] += 1
        self.arrived_at[task] = t
        self.type_of_task[task] = name
        self.pending_most[name] = max(self.pending_most[name], supply.pending)
        if supply.total() >= supply.demand():
            return
        waiting = self.open[name]
        if waiting and waiting[-1][0] == t:
            waiting[-1][1].add(task)
        else:
            waiting.append([t, {task}])

    def launch_asked(self, t, line):
        name = line.get("type") or ""
        self.launch_calls[name] += 1
        for since, _ in self.open.pop(name, []):
            self.waits[name].append((since, t - since))

    def launch_answered(self, t, line):
        name = line.get("type") or ""
        if line["status"] >= 400:
            self.failures[name].append((t, line.get("code")))
        elif not line.get("replayed"):
            self.launched[name] += len(line.get("launched") or ())

    def task_moved(self, t, line):
        if line["event"] != "claimed":
            return
        name, task = line["type"], line["task"]
        self.task_waits[name].append(t - self.arrived_at.get(task, t))
        for waiting in self.open.get(name, []):
            waiting[1].discard(task)
        self.open[name] = [waiting for waiting in self.open.get(name, []) if waiting[1]]

    def instance_changed(self, t, line):
        life = self.lives.setdefault(line["id"], [t, float("inf")])
        if line["to"] == "terminated":
            life[1] = t

    def waits_between(self, names, since, until, still_open_until=None):
        """Waits of arrivals in [since, until); one that never saw a request counts as waiting until the end."""
        found = [wait for name in names for at, wait in self.waits[name] if since <= at < until]
        if still_open_until is not None:
            found += [still_open_until - at for name in names for at, _ in self.open.get(name, [])
                      if since <= at < until]
        return found

    def live_between(self, since, until):
        """How many instances were live (not terminated) all that time, and how many at some moment of it."""
        throughout = sometime = 0
        for born, gone in self.lives.values():
            if born <= until and gone >= since:
                sometime += 1
                throughout += born <= since and gone > until
        return throughout, sometime

    def live_at(self, t):
        return self.live_between(t, t)[1]

    def longest_wait(self, name, end):
        """Of tasks claimed, and of those that still wait at the end."""
        waiting = [end - self.arrived_at[task] for task, event in self.tasks.items()
                   if event == "arrived" and self.type_of_task[task] == name]
        return max(self.task_waits[name] + waiting, default=None)
