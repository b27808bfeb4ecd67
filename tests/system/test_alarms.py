#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 600
"""Each alarm of the supervisor's rules is raised by what it is about, once, and cleared when that is over. Real processes
against the simulated cloud. (Budget: test_budget.py; a loop of deaths: test_supervisor.py; ledger: test_ledger_faults.py;
who is told: test_alarm_delivery.py)"""
import os
import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Daemon, Tap, World as AnyWorld, simple_type  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/process"))
from test_supervisor import Daemon as ScriptedDaemon  # noqa: E402

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
    with World([simple_type("alpha"), simple_type("beta")], maxDemandAge="20s") as world:
        world.until_polled()
        world.cloud.ask("/_sim/fault", {"match": {"service": "queue", "workerType": "alpha"},
                                        "effect": {"error": "InternalServerError"}})
        world.until(lambda: ("demand-stale", "alpha") in alarms(world), "the alarm")
        world.until(lambda: ("demand", "alpha") in alarms(world), "the poll's own alarm, once its tries have failed")
        tap.check("500" in alarms(world)["demand", "alpha"]["text"], "demand: raised with what the queue answers", alarms(world))
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
        world.add_tasks("alpha", 3, duration=60)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claims"] == 3, "three tasks to run")
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


def inventory_stale(tap):
    with World([simple_type("alpha")], maxInventoryAge="20s", inventoryPoll="200ms") as world:
        world.until_polled()
        world.until(lambda: ask(world.folder / "run", "status")["body"]["regions"][0]["listing"]["value"] is not None, "a listing")
        world.cloud.ask("/_sim/fault", {"match": {"action": "DescribeInstances"}, "effect": {"error": "InternalError"}})
        world.until(lambda: {("listing", "us-east-1"), ("inventory-stale", "us-east-1")} <= set(alarms(world)), "the alarms")
        tap.check("InternalError" in alarms(world)["listing", "us-east-1"]["text"], "listing: raised with EC2's code")
        ask(world.folder / "run", "freeze", "us-east-1")
        world.until_polled(3)
        tap.check(("inventory-stale", "us-east-1") in alarms(world), "inventory-stale: a freeze does not hide it")
        ask(world.folder / "run", "thaw", "us-east-1")
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: not alarms(world), "the end of both")
        told = history(world, "inventory-stale"), history(world, "listing")
        tap.check(told == (["alarm-raised", "alarm-cleared"],) * 2, "inventory-stale, listing: once each, and cleared by the "
                  "next complete listing", told)


def unreadable_row(tap):
    with World([simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "an instance")

        def cure():
            world.cloud.ask_delete("/_sim/fault")
        world.cloud.ask("/_sim/fault", {"match": {"action": "DescribeInstances"}, "effect": {"omit": "instanceState"}})
        raised_and_cleared(tap, world, "unreadable-row", "us-east-1", cure, "when a row has no state")


def cap_passed(tap):
    with World([simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 3, "three at work")
        world.until_polled(2)
        ask(world.folder / "run", "caps", "", {"maxInstances": 2})

        def cure():
            ask(world.folder / "run", "caps", "", {"maxInstances": 100})
        raised_and_cleared(tap, world, "cap-passed", "maxInstances", cure, "when a cap was lowered below what is held")
        tap.check(world.cloud.state()["types"]["alpha"]["live"] == 3, "cap-passed: nothing is terminated for it")


def second_daemon(tap):
    """Its rows are scripted: a second daemon with our deployment id would need a second host."""
    row = {"id": "i-0123456789abcdef0", "type": "alpha", "grant": 1, "revision": 1, "incarnation": "another-one", "token": "",
           "zone": "us-west-2a", "instanceType": "m3.large", "imageId": "ami-1", "market": "spot", "state": "running",
           "reason": "", "launchWall": (int(time.time()) + 3600) * 1000, "capacity": 1, "specHash": ""}
    with ScriptedDaemon(fake={"region:us-west-2": {"rows": [row]}}) as daemon:
        daemon.until(lambda: "second-daemon" in daemon.alarms(), "the alarm")
        tap.check("another-one" in daemon.alarms()["second-daemon"]["text"], "second-daemon: raised with its incarnation",
                  daemon.alarms())
        daemon.set_fake({})
        daemon.ask("restart", "us-west-2")
        daemon.until(lambda: "second-daemon" not in daemon.alarms(), "its end")
        tap.check(True, "second-daemon: cleared when a listing shows none of its instances")


def termination_brake(tap):
    """Eight reach their maxLifetime; five may be ended within ten minutes."""
    def ended(world):
        texts = [event["text"] for event in ask(world.folder / "run", "events", "alpha", {"last": 1000})["body"]["events"]
                 if event["kind"] == "terminate"]
        return sum(int(text.split()[0]) for text in texts if "max-lifetime" in text)
    with World([simple_type("alpha", maxLifetime="30s")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 8)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claims"] >= 8, "eight at work")
        tap.check(("termination-brake", "alpha") not in alarms(world), "termination-brake: none before")
        world.until(lambda: ("termination-brake", "alpha") in alarms(world), "the alarm")
        world.until_polled(2)
        tap.check(ended(world) == 5, "termination-brake: five are ended, what more there is is held back, with an alarm",
                  ended(world))


def pin(tap):
    with World([simple_type("alpha")]) as world:
        world.until_polled()
        world.write_type(simple_type("alpha", maxCapacity=7))
        ask(world.folder / "run", "reload")
        ask(world.folder / "run", "rollback", "alpha", {"revision": 1})
        world.daemon.stop()
        with sqlite3.connect(world.folder / "state/ledger.db") as ledger:
            changed = ledger.execute("UPDATE revisions SET document = '{' WHERE type = 'alpha' AND revision = 1").rowcount
        ledger.close()
        world.daemon = Daemon(world.folder / "provisiond.json", world.folder, world.folder / "run")
        world.until(lambda: (world.folder / "run/control.sock").exists() and ("pin", "alpha") in alarms(world), "the alarm")
        tap.check(changed == 1, "pin: raised when the pinned revision cannot be read")
        ask(world.folder / "run", "unpin", "alpha")
        world.until(lambda: ("pin", "alpha") not in alarms(world), "its end")
        tap.check(True, "pin: cleared by unpin")


def forgotten(tap):
    with World([simple_type("alpha"), simple_type("beta", latencyTarget="1s")],
               {"faults": [{"match": {"action": "RunInstances"}, "effect": {"error": "InsufficientInstanceCapacity"}}]}) as world:
        world.until_polled()
        world.add_tasks("beta", 1)
        world.until(lambda: ("latency", "beta") in alarms(world), "the alarm")
        (world.folder / "workertypes.d/beta.json").unlink()
        ask(world.folder / "run", "reload")
        world.until(lambda: not [key for key in alarms(world) if key[1] == "beta"], "its end")
        tap.check(True, "a type that is no longer defined has no alarm left")
        body = ask(world.folder / "run", "alarms", "beta")["body"]
        ended = [one for one in body["ended"] if one["kind"] == "latency"]
        tap.check(not body["alarms"] and len(ended) == 1 and ended[0]["ended"] >= ended[0]["since"] and
                  not ended[0]["raised"], "the command alarms remembers it, with the time of its end", body)


if __name__ == "__main__":
    sys.exit(Tap().run(latency, no_progress, demand_stale, quarantine, over_ceiling, foreign, inventory_stale, unreadable_row,
                       cap_passed, second_daemon, termination_brake, pin, forgotten))
