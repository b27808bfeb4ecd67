#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The chaos driver. A daemon with all its processes runs against a cloud that loses answers, hangs, throttles, lists
late and goes dark; every 50 to 500 ms one of its processes, the supervisor included, is killed or stopped for a while,
or the disk below its ledger is full, or a reload comes. Then faults end, all must become quiet, and check.py judges.

    run.py [--kills N] [--seed N] [--program PROVISIOND] [--control]

The last line is JSON. Exit status: 0 no violation and not too quiet, 1 otherwise. With --control (a daemon that commits
after sending) the run is right when the checker FINDS violations. A seed fixes the driver's choices, not the scheduler.
"""
import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check  # noqa: E402
from world import (BUILD, MAX_INSTANCES, MAX_UNITS, REGIONS, TYPES, Failed, World,  # noqa: E402
                   type_document)

WEIGHTS = {"supervisor": 5, "type": 57, "region": 33, "helper": 5}  # what a stroke falls on
WEIGHTS_OF_CONTROL = {"supervisor": 40, "type": 35, "region": 25}  # its fault shows when the supervisor dies in time
ACTIONS = {"kill": 76, "stop": 13, "disk": 4, "reload": 5, "dark": 2}
QUIET = {"launches": 500, "unknown": 50, "class": 15}  # of 1,000 kills; fewer kills, as much less
CALM_LIMIT = 120                                       # seconds until all is quiet after the last stroke

# (probability, effect): the first that fits a request is applied. Late launches and late rows stay well below grace.
LAUNCH_FAULTS = [
    (0.06, {"reset": "after"}), (0.04, {"reset": "before"}), (0.04, {"hang": 0.8}), (0.03, {"hang": 3, "after": True}),
    (0.03, {"html": 502, "after": True}), (0.03, {"empty": 503}), (0.03, {"truncate": True}),
    (0.02, {"malformed": True}), (0.04, {"error": "InsufficientInstanceCapacity"}), (0.03, {"error": "InternalError"}),
    (0.01, {"error": "RequestLimitExceeded"}), (0.25, {"slowMs": {"min": 100, "max": 1200}}),
    (0.25, {"listDelay": 0.8}), (0.05, {"tagDelay": 0.5}),
    (0.05, {"killAfter": {"seconds": 1.5, "stateReason": "Server.SpotInstanceTermination"}}),
]
LISTING_FAULTS = [(0.03, {"reset": "before"}), (0.02, {"error": "RequestLimitExceeded"}), (0.01, {"hang": 3}),
                  (0.02, {"truncate": True}), (0.02, {"html": 502}), (0.10, {"slowMs": {"min": 50, "max": 400}}),
                  (0.05, {"pageSize": 2})]
QUEUE_FAULTS = [(0.03, {"reset": "before"}), (0.02, {"error": "InternalServerError"}), (0.01, {"hang": 3}),
                (0.05, {"slowMs": {"min": 50, "max": 300}})]


def scenario(seed):
    faults = [{"match": {"action": action}, "probability": probability, "effect": effect}
              for action, table in (("RunInstances", LAUNCH_FAULTS), ("DescribeInstances", LISTING_FAULTS),
                                    ("counts", QUEUE_FAULTS), ("claimed", QUEUE_FAULTS))
              for probability, effect in table]
    return {"seed": seed, "queues": {name: {"capacity": TYPES[name][0]} for name in TYPES}, "throttle": False,
            "claimExpiry": 2, "journalReads": False, "faults": faults,
            "latencyMs": {"RunInstances": {"min": 20, "max": 400}, "*": {"min": 0, "max": 20}},
            "workers": {"bootTime": {"min": 0.2, "max": 0.6}, "firstClaimAfter": 0.1, "idleAfter": 0.8,
                        "shutdownTime": 0.3, "terminatedListedFor": 4}}


class Driver:
    def __init__(self, world, seed, weights):
        self.world, self.random, self.weights = world, random.Random(seed), weights
        self.kills = {kind: 0 for kind in WEIGHTS}
        self.stops = {kind: 0 for kind in WEIGHTS}
        self.other = {"disk": 0, "reload": 0, "dark": 0}
        self.later = []  # (when, function): what ends a stop, a full disk, a dark region
        self.next_tasks = 0
        self.revision = 0

    def run(self, kills):
        next_stroke = time.monotonic() + 2
        while sum(self.kills.values()) < kills:
            self.world.keep_alive()
            self.end_what_is_due()
            self.add_tasks()
            if time.monotonic() >= next_stroke:
                self.strike()
                next_stroke = time.monotonic() + self.random.uniform(0.05, 0.5)
            time.sleep(0.01)

    def end_what_is_due(self, everything=False):
        for entry in sorted(self.later, key=lambda entry: entry[0]):
            if everything or time.monotonic() >= entry[0]:
                self.later.remove(entry)
                entry[1]()

    def add_tasks(self):
        if time.monotonic() < self.next_tasks:
            return
        self.next_tasks = time.monotonic() + self.random.uniform(0.4, 1.0)
        name = self.random.choice(sorted(TYPES))
        self.world.add_tasks(name, self.random.randint(1, 5), duration=round(self.random.uniform(0.2, 1.2), 2))

    def choose(self, weights):
        return self.random.choices(list(weights), list(weights.values()))[0]

    def target(self):
        kind = self.choose(self.weights)
        if kind == "supervisor":
            return kind, self.world.child.pid
        pids = [pid for role, _, pid in self.world.workers() if role == kind]
        return (kind, self.random.choice(pids)) if pids else (kind, None)

    def strike(self):
        getattr(self, self.choose(ACTIONS))()

    def kill(self):
        kind, pid = self.target()
        if pid is not None and self.world.send(pid, signal.SIGKILL):
            self.kills[kind] += 1
            if kind == "supervisor":
                self.world.child.wait()

    def stop(self):
        kind, pid = self.target()
        if pid is not None and self.world.send(pid, signal.SIGSTOP):
            self.stops[kind] += 1
            longest = 1.5 if kind == "supervisor" else 3
            self.later.append((time.monotonic() + self.random.uniform(0.1, longest),
                               lambda: self.world.send(pid, signal.SIGCONT)))

    def disk(self):
        filler = self.world.state_dir / "filler"
        if not self.world.mounted or filler.exists():
            return
        self.other["disk"] += 1
        try:
            with open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 65536)
        except OSError:
            pass
        self.later.append((time.monotonic() + self.random.uniform(0.3, 3), lambda: filler.unlink(missing_ok=True)))

    def reload(self):
        self.other["reload"] += 1
        self.revision += 1
        name = self.random.choice(sorted(TYPES))
        path = self.world.folder / "workertypes.d" / f"{name}.json"
        if self.random.random() < 0.3:  # half-written: the old one must stay in force
            path.write_text(json.dumps(type_document(name))[:self.random.randint(0, 900)])
            self.later.append((time.monotonic() + 1, lambda: self.world.write_type(type_document(name))))
        else:
            more = {"priority": self.revision % 5} if self.random.random() < 0.5 else {}
            self.world.write_type(type_document(name, description=f"edit {self.revision}", **more))
        for _ in range(self.random.choice((1, 1, 20))):
            self.world.send(self.world.child.pid, signal.SIGHUP)
        pids = [pid for _, _, pid in self.world.workers()]
        if pids and self.random.random() < 0.5:
            self.world.send(self.random.choice(pids), signal.SIGHUP)

    def dark(self):
        self.other["dark"] += 1
        effect = self.random.choice(({"hang": "forever"}, {"reset": "before"}, {"empty": 503}))
        number = self.world.cloud.ask("/_sim/fault", {
            "match": {"service": "ec2", "region": self.random.choice(REGIONS)}, "effect": effect})["id"]
        self.later.append((time.monotonic() + self.random.uniform(1, 5),
                           lambda: self.world.cloud.ask_delete(f"/_sim/fault/{number}")))

    def calm(self, limit):
        """Everything is put right; whatever is still owed must be served by the daemon alone."""
        self.end_what_is_due(everything=True)
        self.world.cloud.ask_delete("/_sim/fault")
        for name in TYPES:
            self.world.write_type(type_document(name))
        self.world.send(self.world.child.pid, signal.SIGHUP)
        self.world.until(self.world.idle, "all tasks to be done and all leases to be over", limit)


def too_quiet(figures, driver, kills, mounted):
    share = min(1, kills / 1000)
    found = []
    for name in ("launches", "unknown"):
        least = int(QUIET[name] * share)
        if figures[name] < least:
            found.append(f"{figures[name]} {name}, below {least}")
    for kind, count in driver.kills.items():
        least = max(1, int(QUIET["class"] * share))
        if count < least:
            found.append(f"{count} kills of class {kind}, below {least}")
    if mounted and driver.other["disk"] == 0 and kills >= 200:
        found.append("the disk was never full")
    return found


def run(kills, seed, program=None, control=False, say=print, calm_limit=CALM_LIMIT):
    """(violations, too quiet because, figures)"""
    began = time.monotonic()
    caps = check.Caps(MAX_UNITS, MAX_INSTANCES, {name: most for name, (_, most) in TYPES.items()})
    with World(scenario(seed), program) as world:
        if not world.mounted:
            say("# no right to mount here: the disk is never full in this run")
        driver = Driver(world, seed, WEIGHTS_OF_CONTROL if control else WEIGHTS)
        driver.run(kills)
        stuck = None
        try:
            driver.calm(calm_limit)
        except Failed as problem:
            stuck = str(problem)
            say("\n".join("# " + line for line in stuck.splitlines()))
        world.stop_daemon()
        it = check.judge(world.cloud.journal, world.state_dir / "ledger.db", caps)
        figures = dict(it.figures(), kills=driver.kills, stops=driver.stops, **driver.other, starts=world.starts,
                       seed=seed, seconds=round(time.monotonic() - began))
        if stuck:
            it.violations.append("it did not become quiet: " + stuck.splitlines()[0])
        return it.violations, too_quiet(figures, driver, kills, world.mounted), figures


def main():
    parser = argparse.ArgumentParser(description="kills anything at any moment and judges what came of it")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default=None, help="the provisiond to run; its worker is beside it")
    parser.add_argument("--control", action="store_true", help="a daemon that is wrong: violations must be found")
    options = parser.parse_args()
    program = options.program or (BUILD / "chaos-control/provisiond" if options.control else None)
    violations, quiet, figures = run(options.kills, options.seed, program, options.control)
    for text in violations:
        print(f"VIOLATION {text}")
    for text in quiet:
        print(f"TOO QUIET {text}")
    print(json.dumps(figures))
    return 0 if bool(violations) == options.control and (options.control or not quiet) else 1


if __name__ == "__main__":
    sys.exit(main())
