#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 240
"""A healthy giant holds all of the global cap that it may, with tasks that do not end: a small type that turns up still
gets its first instance, from the headroom, at its first bid. Without headroom it does not: that is what headroom is for."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World, simple_type  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

CAP = 20
SCENARIO = {"queues": {"giant": {}, "small": {}}, "throttle": False,
            "workers": {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600}}


def status(world, name):
    return ask(world.folder / "run", "status", name)["body"]["types"][0]


def explain(world, name):
    return ask(world.folder / "run", "explain", name)["body"]


def grown(world, units):
    """The giant holds so much, wants far more, and gets nothing."""
    world.until_polled()
    world.add_tasks("giant", 10 * CAP)
    world.until(lambda: world.cloud.state()["types"]["giant"]["claimed"] == units, f"the giant to hold {units}")
    world.until_polled(4)
    return world.cloud.state()["types"]["giant"]["live"]


def giant_world(headroom):
    return World(SCENARIO, [simple_type("giant"), simple_type("small")], deploymentId=f"giant-{os.getpid()}",
                 maxCapacity=CAP, maxInstances=CAP, headroom=headroom, launchShare=0)


def with_headroom(tap):
    with giant_world(10) as world:
        live = grown(world, CAP - 2)
        tap.check(live == CAP - 2, "the giant holds the whole cap but the headroom", live)
        tap.check(any(one["by"] == "headroom" for one in explain(world, "giant")["denials"]),
                  "and is told that the headroom stops it", explain(world, "giant")["denials"])
        calls = len(world.launch_requests("giant"))
        world.add_tasks("small", 1)
        world.until(lambda: world.cloud.state()["types"]["small"]["claimed"] == 1, "the small type's task to run")
        denied = status(world, "small")["denials"]
        tap.check(denied == "", "no cap refused it once: it had its first lot within one round", denied)
        tap.check(len(world.launch_requests("giant")) == calls, "the giant got nothing meanwhile", calls)


def without_headroom(tap):
    with giant_world(0) as world:
        live = grown(world, CAP)
        tap.check(live == CAP, "without headroom the giant holds the whole cap", live)
        world.add_tasks("small", 1)
        world.until(lambda: any(word in status(world, "small")["denials"] for word in ("global-units", "global-instances")),
                    "the refusal")
        world.until_polled(6)
        tap.check(not world.launch_requests("small"), "and the small type starves until the giant lets go of something",
                  world.launch_requests("small"))
        ids = [one["id"] for one in world.cloud.ask("/_sim/instances") if one["type"] == "giant"][:1]
        world.cloud.ask("/_sim/kill", {"instanceIds": ids})
        world.until(lambda: world.launch_requests("small"), "the small type's launch")
        tap.check(True, "what becomes free goes to the small type first")


if __name__ == "__main__":
    sys.exit(Tap().run(with_headroom, without_headroom))
