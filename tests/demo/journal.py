# SPDX-License-Identifier: MPL-2.0
"""Reads the simulated cloud's journal and computes from it what happened: waits, launches, live instances.
Knows only docs/simcloud.md; nothing of the daemon."""
import json
from collections import defaultdict

GONE = ("shutting-down", "terminated")  # an instance in these states takes no more work


def read(path):
    """The lines as dictionaries, in order; a last line that is not whole yet is left out."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def is_launch(line, kind):
    return line["kind"] == kind and line.get("action") == "RunInstances"


def dry(line):
    return bool(line["params"].get("dryRun"))


class Supply:
    """Units of one type that run, boot or are in flight, from the journal's lines in order."""

    def __init__(self):
        self.units = {}            # instance id -> units, while it can work
        self.in_flight = {}        # client token -> instances asked and not created yet
        self.pending = 0
        self.claimed = 0
        self.capacity = 1

    def total(self):
        return sum(self.units.values()) + sum(self.in_flight.values()) * self.capacity

    def demand(self):
        return self.pending + self.claimed


class Reader:
    """Replays a journal; calls the hooks that a subclass defines."""

    def __init__(self, path, speed=1):
        self.path = path
        self.types = defaultdict(Supply)
        self.tasks = {}            # task -> its last event
        self.token_of = {}         # instance -> client token of its launch
        self.begun = float("inf")  # wall time of the story's second 0: of the line that was written with the least delay
        for line in read(path):
            self.begun = min(self.begun, line.get("wall", line["t"] / speed) - line["t"] / speed)
            if is_launch(line, "request") and line.get("launched"):
                for instance in line["launched"]:
                    self.token_of.setdefault(instance, line["params"]["token"])

    def arrived(self, t, name, task):
        pass

    def launch_asked(self, t, line):
        pass

    def launch_answered(self, t, line):
        pass

    def instance_changed(self, t, line):
        pass

    def request_done(self, t, line):
        pass

    def task_moved(self, t, line):
        pass

    def replay(self):
        last = 0.0
        for line in read(self.path):
            last = line["t"]
            self.step(line)
        return last

    def step(self, line):
        t, kind = line["t"], line["kind"]
        if kind == "task":
            self.task_line(t, line)
        elif kind == "instance":
            self.instance_line(t, line)
        elif is_launch(line, "requestStart") and not dry(line):
            self.launch_asked(t, line)
            supply = self.types[line.get("type") or ""]
            supply.in_flight[line["params"]["token"]] = int(line["params"]["max"])
        elif is_launch(line, "request") and not dry(line):
            self.types[line.get("type") or ""].in_flight.pop(line["params"].get("token"), None)
            self.launch_answered(t, line)
        elif kind == "request":
            self.request_done(t, line)

    def task_line(self, t, line):
        """A lost task stays claimed for the queue until its claim runs out, and then waits again without a line."""
        supply, event, task = self.types[line["type"]], line["event"], line["task"]
        before = self.tasks.pop(task, None)
        if before in ("claimed", "lost"):
            supply.claimed -= 1
        elif before == "arrived":
            supply.pending -= 1
        if event == "arrived":
            supply.pending += 1
        elif event in ("claimed", "lost"):
            supply.claimed += 1
        if event != "done":
            self.tasks[task] = event
        if event == "arrived":
            self.arrived(t, line["type"], task)
        self.task_moved(t, line)

    def instance_line(self, t, line):
        supply = self.types[line.get("type") or ""]
        identity = line["id"]
        if line["to"] in GONE:
            supply.units.pop(identity, None)
        else:
            if not line.get("from"):
                token = line.get("token") or self.token_of.get(identity)
                if supply.in_flight.get(token, 0) > 0:
                    supply.in_flight[token] -= 1
            supply.units[identity] = line.get("units") or 1
        self.instance_changed(t, line)
