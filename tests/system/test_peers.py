#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 600
"""Measured faults of a peer that walks its pools in one loop (P01, P03, P05, P07, P08): that we do not have them.
Real processes against the simulated cloud. Where the peer is slow the proof is by order of events, not by the clock:
what would be sequential there has all begun here before the first answer is given."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import INSTRUMENTED, PATIENCE, Tap, World, simple_type  # noqa: E402

SLOW_BOOT = {"bootTime": 3600}


def p01_buckets_off(tap):
    """P01: N pools that need one launch each are served at once, not one after another: no call is ever answered, and
    each pool makes its own all the same."""
    names = [f"pool-{number:02}" for number in range(40)]
    scenario = {"queues": {name: {} for name in names}, "workers": SLOW_BOOT, "throttle": False,
                "faults": [{"match": {"action": "RunInstances"}, "effect": {"hang": "forever"}}]}
    with World(scenario, [simple_type(name) for name in names], launchShare=0, launchLimit="60s") as world:
        world.until_polled()
        for name in names:
            world.add_tasks(name, 1)
        world.until(lambda: {line["type"] for line in world.launch_requests()} == set(names), "a call of each pool", 120)
        answered = [line for line in world.journal("request", "RunInstances") if line["status"] != 0]
        tap.check(not answered, "P01: all 40 pools have asked before the first call is answered", len(answered))
        world.until_polled(3)
        tokens = {line["params"]["token"] for line in world.launch_requests()}
        tap.check(len(tokens) == len(names), "P01: and each has asked for one launch", len(tokens))


def overtaken(world, calls, names):
    """Second lots that left while another pool had been seen waiting for a second and had not had its first."""
    arrived = {line["type"]: line["t"] for line in reversed(world.journal("task")) if line["event"] == "arrived"}
    waits_since = {name: min(t for t in world.polls(name) if t > arrived[name]) + 1 for name in names}
    served, unfair = set(), []
    for call in calls:
        if call["type"] in served:
            unfair += [(call["t"], call["type"], name) for name in names
                       if name not in served and waits_since[name] < call["t"]]
        served.add(call["type"])
    return unfair


def p01_buckets_on(tap):
    """P01: with EC2's buckets on, first lots come first and the bucket is used and not overdrawn."""
    names = [f"pool-{number:02}" for number in range(24)]
    scenario = {"queues": {name: {} for name in names}, "workers": SLOW_BOOT}
    with World(scenario, [simple_type(name) for name in names]) as world:
        world.until_polled()
        for name in names:
            world.add_tasks(name, 4)
        world.until(lambda: len(world.launch_requests()) >= len(names), "as many calls as pools", 120)
        calls = world.launch_requests()[:len(names)]
        unfair = overtaken(world, calls, names)
        if not INSTRUMENTED:  # there a call may leave seconds after its grant
            tap.check(not unfair, "P01: no pool gets a second lot before all that wait have had their first", unfair)
        took = calls[-1]["t"] - calls[0]["t"]
        allowed = (len(names) - 1) / 2  # 2 calls a second
        tap.check(took <= PATIENCE, f"P01: {took:.1f} s for what the bucket allows in {allowed:.1f} s", took)
        refused = [line for line in world.journal("request", "RunInstances") if line["code"] == "RequestLimitExceeded"]
        if not INSTRUMENTED:  # calls that a slow machine holds up come in a bunch
            tap.check(not refused, "P01: and EC2 never had to throttle", len(refused))


def p03_slow_pool(tap):
    """P03: a pool whose calls never come back is noticed by nobody else."""
    scenario = {"queues": {"slow": {"arrivals": [{"kind": "fixed", "pending": 50, "duration": 3600}]}, "small": {}},
                "workers": SLOW_BOOT,
                "faults": [{"match": {"action": "RunInstances", "workerType": "slow"},
                            "effect": {"hang": "forever"}}]}
    with World(scenario, [simple_type("slow"), simple_type("small")], launchLimit="60s") as world:
        world.until(lambda: world.launch_requests("slow"), "the slow pool's call")
        for round_number in range(1, 6):
            world.add_tasks("small", 1)
            world.until(lambda: len(world.launch_requests("small")) >= round_number,  # noqa: B023
                        f"launch {round_number} of the small pool")
        answered = [line for line in world.journal("request", "RunInstances") if line.get("type") == "slow"]
        waits = [asked["t"] for asked in world.launch_requests("small")]
        arrivals = [line["t"] for line in world.journal("task") if line["type"] == "small"
                    and line["event"] == "arrived"]
        worst = max(asked - arrived for arrived, asked in zip(arrivals, waits))
        tap.check(not answered and len(waits) == 5,
                  f"P03: five of the small pool's calls reach EC2 while the slow pool's first hangs, after {worst:.2f} s at worst",
                  (answered, arrivals, waits))
        tap.check(len(world.launch_requests("slow")) <= 4, "P03: the slow pool holds no more than four leases",
                  len(world.launch_requests("slow")))


def p05_booting_counts_once(tap):
    """P05: five booting, pending rises to ten: five more, not none and not ten."""
    with World({"queues": {"pool": {}}, "workers": SLOW_BOOT}, [simple_type("pool")], launchShare=0) as world:
        world.until_polled()

        def launched():
            return sum(len(line.get("launched") or ()) for line in world.journal("request", "RunInstances"))
        world.add_tasks("pool", 5)
        world.until(lambda: launched() >= 5, "five instances")
        world.until_polled(3)
        tap.check(launched() == 5, "P05: five pending launch five", launched())
        world.add_tasks("pool", 5)
        world.until(lambda: launched() >= 10, "five more")
        world.until_polled(4)
        tap.check(launched() == 10, "P05: five booting and ten pending launch five more", launched())


def p07_next_placement(tap):
    """P07: the first of four instance types answers HTTP 400: set aside, and another is used at once."""
    kinds = ("m3.medium", "c4.large", "m4.large", "m3.large")
    scenario = {"queues": {"pool": {}}, "workers": SLOW_BOOT,
                "faults": [{"match": {"action": "RunInstances", "instanceType": "m3.medium"},
                            "effect": {"error": {"code": "InvalidParameterValue", "httpStatus": 400}}}]}
    with World(scenario, [simple_type("pool", kinds)], launchShare=0, tick="15s", demandPoll="15s") as world:
        world.until_polled()
        world.add_tasks("pool", 3)
        world.until(lambda: any(line.get("launched") for line in world.journal("request", "RunInstances")),
                    "a launch")
        calls = world.journal("request", "RunInstances")
        refused = [line for line in calls if line["status"] == 400]
        tap.check(refused and refused[0]["params"]["instanceType"] == "m3.medium",
                  "P07: the cheapest instance type is tried and refused", calls)
        launched = next(line for line in calls if line.get("launched"))
        tap.check(launched["params"]["instanceType"] != "m3.medium" and launched["t"] - refused[0]["t"] < 15,
                  "P07: another is used within the same tick", launched["t"] - refused[0]["t"])
        world.until(lambda: sum(len(line.get("launched") or ()) for line in
                                world.journal("request", "RunInstances")) >= 3, "all three instances")
        world.until_polled()
        again = [line["t"] for line in world.launch_requests() if line["params"]["instanceType"] == "m3.medium"
                 and line["t"] > refused[0]["t"] + 0.5]  # calls that crossed the refusal do not count
        tap.check(not again, "P07: the refused one is not asked again", (refused[0]["t"], again))


def p08_rate_exceeded(tap):
    """P08: RequestLimitExceeded: one call per decision, and the region pauses for all."""
    names = [f"pool-{number:02}" for number in range(15)]
    scenario = {"queues": {name: {} for name in names}, "workers": SLOW_BOOT,
                "faults": [{"match": {"action": "RunInstances"}, "effect": {"error": "RequestLimitExceeded"}}]}
    with World(scenario, [simple_type(name) for name in names]) as world:
        world.until_polled()
        for name in names:
            world.add_tasks(name, 1)
        world.until(lambda: world.launch_requests(), "the first call")
        began = world.launch_requests()[0]["t"]
        world.until(lambda: world.cloud.state()["now_s"] >= began + 15, "15 s of throttling")
        calls = world.launch_requests()
        tokens = [line["params"]["token"] for line in calls]
        tap.check(len(tokens) == len(set(tokens)), "P08: no call is repeated below the decision", len(tokens))
        allowed = 1 + 15 * 1 + 2  # the refill is halved to 1 a second at the first refusal, a second time after 10 s
        tap.check(len(calls) <= allowed, f"P08: {len(calls)} calls in 15 s, at most {allowed}", len(calls))
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: sum(len(line.get("launched") or ()) for line in
                                world.journal("request", "RunInstances")) >= len(names), "all instances", 120)
        world.until_polled(3)
        launched = sum(len(line.get("launched") or ()) for line in world.journal("request", "RunInstances"))
        tap.check(launched == len(names), "P08: afterwards each pool launches its one instance", launched)


if __name__ == "__main__":
    sys.exit(Tap().run(p01_buckets_off, p01_buckets_on, p03_slow_pool, p05_booting_counts_once, p07_next_placement,
                       p08_rate_exceeded))
