#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""How much one sick workerType delays the others: build/bench/isolation.json.

A real daemon with 100 types against the simulated cloud, poll 100 ms, EC2's buckets and all breakers off: isolation must
rest on neither. One type, "sick", goes through arms that are interleaved in one run, repeat after repeat:
    none     it has no work (what the others are compared with)
    hang     its RunInstances never answer           crash    its worker ends as soon as it is started
    stop     its worker gets SIGSTOP                 fail     EC2 refuses each of its lots
    flood    its worker sends valid bids without end garbage  its worker sends what is no message
Figures are of the other 99: from a task's arrival to the RunInstances request that is meant for it, by the simulator's
journal. A task that an instance took before any request was meant for it is no sample."""
import argparse
import json
import os
import signal
import statistics
import sys
import time
from collections import defaultdict, deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
from harness import World, simple_type  # noqa: E402
from processes import BUILD, Failed  # noqa: E402

SICK = "sick"
ARMS = ("none", "hang", "crash", "stop", "fail", "flood", "garbage")
SETTLE_S = 3  # after a change of arms, before its samples count
REFUSAL = {"error": {"code": "InvalidParameterCombination", "httpStatus": 400, "message": "it does not fit"}}

WRAPPER = """#!/bin/sh
# Starts the worker that the daemon asked for; for the sick type, what the file `mode` says.
mode=$(cat '{folder}/mode')
case "$mode $*" in
crash*--type\\ {sick}\\ *) exit 7 ;;
flood*--type\\ {sick}\\ * | garbage*--type\\ {sick}\\ *) exec /usr/bin/python3 '{hostile}' "$mode" "$@" ;;
esac
exec '{worker}' "$@"
"""


def others(count):
    return [f"type-{number:02}" for number in range(count - 1)]


def scenario(names, per_second):
    work = {"arrivals": [{"kind": "poisson", "perHour": 3600 * per_second, "duration": 0.2, "from": 0, "to": 10 ** 6}]}
    return {"queues": {**{name: work for name in names}, SICK: {}}, "throttle": False, "journalReads": False,
            "workers": {"bootTime": 0.2, "firstClaimAfter": 0, "idleAfter": 0.1, "shutdownTime": 0.1,
                        "terminatedListedFor": 1},
            "latencyMs": {"RunInstances": 20}}


class Bench:
    def __init__(self, world):
        self.world = world
        self.windows = defaultdict(list)  # arm -> [(from, to)] in simulated seconds, one a repeat

    def mode(self, word):
        (self.world.folder / "mode").write_text(word + "\n")

    def sick_pid(self):
        return self.world.daemon.worker_pid(SICK)

    def renew_sick(self):
        """Ends the sick type's process, so that its successor starts in the new mode."""
        pid = self.sick_pid()
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return pid

    def begin(self, arm):
        cloud = self.world.cloud
        if arm in ("crash", "flood", "garbage"):
            self.mode(arm)
            self.renew_sick()
        elif arm == "stop":
            os.kill(self.sick_pid(), signal.SIGSTOP)
        elif arm in ("hang", "fail"):
            effect = {"hang": "forever"} if arm == "hang" else REFUSAL
            cloud.ask("/_sim/fault", {"match": {"action": "RunInstances", "workerType": SICK}, "effect": effect})
            cloud.ask("/_sim/tasks", {"workerType": SICK, "tasks": 10000, "duration": 3600})

    def end(self, arm):
        cloud = self.world.cloud
        cloud.ask("/_sim/set", {"queues": {SICK: {"clear": True}}})
        self.mode("none")
        if arm != "none":
            before = self.renew_sick()
            self.world.until(lambda: self.sick_pid() not in (None, before), "a sound worker of the sick type", 120)
        cloud.ask_delete("/_sim/fault")

    def watch(self, arm, seconds):
        """Keeps an arm up for so long; a worker that was killed and came back is made sick again."""
        end = time.monotonic() + seconds
        stopped = self.sick_pid()
        while time.monotonic() < end:
            if not self.world.daemon.alive():
                raise Failed("provisiond ended:\n" + self.world.daemon.log_end())
            if arm == "stop" and self.sick_pid() not in (None, stopped):
                stopped = self.sick_pid()
                os.kill(stopped, signal.SIGSTOP)
            time.sleep(0.1)

    def now(self):
        return self.world.cloud.state()["now_s"]

    def run(self, arm, seconds):
        self.begin(arm)
        self.watch(arm, SETTLE_S)
        began = self.now()
        self.watch(arm, seconds)
        self.windows[arm].append((began, self.now()))
        self.end(arm)


def samples(world):
    """(arrival, delay) of each task for which a launch was asked, first come first served within a type."""
    waiting, found = defaultdict(deque), []
    with open(world.cloud.journal, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            name = line.get("type")
            if name == SICK:
                continue
            if line["kind"] == "task" and line["event"] == "arrived":
                waiting[name].append((line["task"], line["t"]))
            elif line["kind"] == "task" and line["event"] == "claimed":
                if any(task == line["task"] for task, _ in waiting[name]):
                    waiting[name] = deque(entry for entry in waiting[name] if entry[0] != line["task"])
            elif line["kind"] == "requestStart" and line["action"] == "RunInstances":
                for _ in range(min(int(line["params"]["max"]), len(waiting[name]))):
                    arrival = waiting[name].popleft()[1]
                    found.append((arrival, line["t"] - arrival))
    return found


def figures(delays):
    delays = sorted(delays)
    if not delays:
        return {"samples": 0}
    at = lambda share: delays[min(len(delays) - 1, int(share * len(delays)))]  # noqa: E731
    return {"samples": len(delays), "p50_s": round(at(0.5), 4), "p99_s": round(at(0.99), 4),
            "max_s": round(delays[-1], 4)}


def report(bench, found, options):
    arms, ratios = {}, {}
    for arm in ARMS:
        arms[arm] = [figures([delay for arrival, delay in found if began <= arrival < ended])
                     for began, ended in bench.windows[arm]]
    for arm in ARMS[1:]:
        each = [round(one["p99_s"] / base["p99_s"], 3) for one, base in zip(arms[arm], arms["none"])]
        ratios[arm] = {"p99_ratio": each, "min": min(each), "median": round(statistics.median(each), 3),
                       "max": max(each)}
    return {"types": options.types, "poll_s": 0.1, "repeats": options.repeats, "window_s": options.seconds,
            "goal_p99_ratio": 1.1, "ratios": ratios, "arms": arms}


def measure(options):
    names = others(options.types)
    types = [simple_type(name, settle="5s") for name in names + [SICK]]
    intervals = {name: "100ms" for name in ("tick", "demandPoll", "inventoryPoll")}
    wrapper_environment = {}
    world = World(scenario(names, options.rate), types, launchShare=0, breakers=False, queueRate=5000, describeRate=50,
                  leasesPerRegion=4, backoffMost="1s", launchLimit="10s", workerTickLimit="5s",
                  environment=wrapper_environment, **intervals)
    wrapper = world.folder / "worker"
    wrapper.write_text(WRAPPER.format(folder=world.folder, sick=SICK, worker=BUILD / "provisiond-worker",
                                      hostile=ROOT / "tests/bench/hostile_worker.py"))
    wrapper.chmod(0o755)
    (world.folder / "mode").write_text("none\n")
    wrapper_environment["PROVISIOND_WORKER"] = str(wrapper)
    world.environment = wrapper_environment
    with world:
        bench = Bench(world)
        world.until(lambda: all(world.daemon.worker_pid(name) for name in names + [SICK]), "all workers", 120)
        bench.watch("none", options.warm_up)
        for repeat in range(options.repeats):
            for arm in ARMS:
                print(f"  repeat {repeat + 1} of {options.repeats}: {arm}", file=sys.stderr, flush=True)
                bench.run(arm, options.seconds)
        return report(bench, samples(world), options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--types", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="of each arm in each repeat")
    parser.add_argument("--rate", type=float, default=3, help="tasks a second of each type")
    parser.add_argument("--warm-up", type=float, default=20)
    options = parser.parse_args()
    result = measure(options)
    path = BUILD / "bench/isolation.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["ratios"], indent=2))
    for arm in ARMS:
        print(f"  {arm:8} " + "  ".join(json.dumps(one) for one in result["arms"][arm]))
    print(f"  written to {path}")


if __name__ == "__main__":
    main()
