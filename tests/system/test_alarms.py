#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 420
"""Each alarm of the supervisor's rules is raised by what it is about, once, and cleared when that is over. Real processes
against the simulated cloud. (Budget: test_budget.py; a loop of deaths: test_supervisor.py; ledger: test_ledger_faults.py)"""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

FAST = {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600, "shutdownTime": 0.2}


def World(types, scenario=None, **settings):
    names = [one["workerType"] for one in types]
    whole = {"queues": {name: {} for name in names}, "workers": FAST, "throttle": False, **(scenario or {})}
    return AnyWorld(whole, types, deploymentId=f"alarms-{os.getpid()}", **settings)


def alarms(world):
    return {(one["kind"], one["subject"]): one for one in ask(world.folder / "run", "status")["body"]["alarms"]}


def history(world, kind):
    events = ask(world.folder / "run", "events", "", {"last": 1000})["body"]["events"]
    return [one["kind"] for one in events if one["kind"].startswith("alarm-") and one["text"].startswith(kind + " ")]


def raised_and_cleared(tap, world, kind, subject, cure, because):
    world.until(lambda: (kind, subject) in alarms(world), f"the alarm {kind}")
    text = alarms(world)[kind, subject]["text"]
    world.until_polled(3)
    cure()
    world.until(lambda: (kind, subject) not in alarms(world), f"the end of {kind}")
    told = history(world, kind)
    tap.check(told == ["alarm-raised", "alarm-cleared"], f"{kind}: raised once {because}, and cleared once it is over",
              (told, text))


def latency(tap):
    refusal = {"match": {"action": "RunInstances"}, "effect": {"error": "InsufficientInstanceCapacity"}}
    with World([simple_type("alpha", latencyTarget="2s"), simple_type("beta")], {"faults": [refusal]},
               capacityDelay="1s") as world:
        world.until_polled()
        for name in ("alpha", "beta"):
            world.add_tasks(name, 1)
        raised_and_cleared(tap, world, "latency", "alpha", lambda: world.cloud.ask_delete("/_sim/fault"),
                           "when the oldest task waits longer than latencyTarget")
        tap.check(not history(world, "latency beta"), "latency: a type without a target has no such alarm")


def no_progress(tap):
    broken = {"match": {"action": "RunInstances"}, "effect": {"neverClaim": True}}
    with World([simple_type("alpha", bootLimit="2s")], {"faults": [broken]}, breakerDelay="1s") as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: ("no-progress", "alpha") in alarms(world), "the alarm")
        tap.check(True, "no-progress: raised when launches were granted and nothing is taken for bootLimit")
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the task to run at last")
        world.until(lambda: ("no-progress", "alpha") not in alarms(world), "its end")
        tap.check(True, "no-progress: cleared when work is taken")


def demand_stale(tap):
    with World([simple_type("alpha"), simple_type("beta")], maxDemandAge="2s") as world:
        world.until_polled()
        world.cloud.ask("/_sim/fault", {"match": {"service": "queue", "workerType": "alpha"},
                                        "effect": {"error": "InternalServerError"}})
        world.until(lambda: ("demand-stale", "alpha") in alarms(world), "the alarm")
        tap.check(("demand-stale", "beta") not in alarms(world),
                  "demand-stale: raised when one type's counts are older than maxDemandAge")
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: ("demand-stale", "alpha") not in alarms(world), "its end")
        tap.check(history(world, "demand-stale") == ["alarm-raised", "alarm-cleared"], "demand-stale: and cleared")


def quarantine(tap):
    refusal = {"match": {"action": "RunInstances"},
               "effect": {"error": {"code": "InvalidParameterValue", "httpStatus": 400}}}
    kinds = ("m3.medium", "c4.large", "m4.large", "m3.large")
    with World([simple_type("alpha", kinds)], {"faults": [refusal]}, quarantineDelay="1s", preflight=False) as world:
        world.until_polled()
        world.add_tasks("alpha", 1)

        def cure():
            world.cloud.ask_delete("/_sim/fault")
            ask(world.folder / "run", "lift", "type:alpha")
        world.until(lambda: ("quarantine", "alpha") in alarms(world), "the alarm")
        tap.check("InvalidParameterValue" in alarms(world)["quarantine", "alpha"]["text"],
                  "quarantine: raised with EC2's code", alarms(world))
        cure()
        world.until(lambda: ("quarantine", "alpha") not in alarms(world), "its end")
        tap.check(True, "quarantine: cleared when it is lifted")


def over_ceiling(tap):
    with World([simple_type("alpha", maxCapacity=3)]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3, duration=5)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 3, "three tasks to run")
        tap.check(not alarms(world), "over-ceiling: at the ceiling there is none", alarms(world))
        world.write_type(simple_type("alpha", maxCapacity=1))
        ask(world.folder / "run", "reload")

        def cure():
            ids = [one["id"] for one in world.cloud.ask("/_sim/instances")][:2]
            world.cloud.ask("/_sim/kill", {"instanceIds": ids})
        raised_and_cleared(tap, world, "over-ceiling", "alpha", cure, "when the type's maxCapacity was lowered")


def foreign(tap):
    with World([simple_type("alpha"), simple_type("gone")]) as world:
        world.until_polled()
        world.add_tasks("gone", 1)
        world.until(lambda: world.cloud.state()["types"]["gone"]["claimed"] == 1, "an instance")
        tap.check(("foreign-instances", "us-east-1") not in alarms(world), "foreign-instances: ours are none")
        (world.folder / "workertypes.d/gone.json").unlink()
        ask(world.folder / "run", "reload")
        world.types = world.types[:1]

        def cure():
            world.cloud.ask("/_sim/kill", {"workerType": "gone"})
        raised_and_cleared(tap, world, "foreign-instances", "us-east-1", cure, "when instances of no defined type run")


if __name__ == "__main__":
    sys.exit(Tap().run(latency, no_progress, demand_stale, quarantine, over_ceiling, foreign))
