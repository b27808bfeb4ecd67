#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""One task from the queue to an instance that runs it, through all real processes; and the same with the supervisor
killed in the middle of the launch call (cases B33, P09): the next one adopts what came of it and launches nothing twice."""
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402
from processes import Daemon  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

FAST = {"bootTime": 1, "firstClaimAfter": 0.2, "idleAfter": 3600}


def World(scenario, types, **settings):
    """Its own deployment id: one daemon a deployment id on a host, and other tests run beside this one."""
    return AnyWorld(scenario, types, deploymentId=f"end-to-end-{os.getpid()}", **settings)


def status_of(world, name):
    return ask(world.folder / "run", "status", name)["body"]["types"][0]


def events_of(world, name=""):
    return ask(world.folder / "run", "events", name, {"last": 500})["body"]["events"]


def one_task(tap):
    """One pending task: an instance is launched, tagged, listed, and runs it."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until_polled(2)
        tap.check(not world.launch_requests(), "nothing is launched while nothing is pending")
        world.add_tasks("alpha", 1, duration=2)
        world.until(world.launch_requests, "a launch")
        tags = world.launch_requests()[0]["params"]["tags"]
        wanted = {f"provisiond:{key}" for key in ("deployment", "incarnation", "type", "grant", "revision")}
        tap.check(wanted <= set(tags), "the launch call carries all five tags", tags)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["done"] == 1, "the task to be done")
        world.until(lambda: status_of(world, "alpha")["occupying"]["value"] == 1 and
                    status_of(world, "alpha")["leased"]["value"] == 0, "the instance to be counted, the lease to be over")
        tap.check(True, "the instance is counted and its lease is over")
        tap.check(len(world.launch_requests()) == 1, "one instance was asked for, once", len(world.launch_requests()))
        kinds = [event["kind"] for event in events_of(world, "alpha")]
        tap.check("launched" in kinds, "the launch is an event", kinds)
        explained = ask(world.folder / "run", "explain", "alpha")["body"]
        tap.check(explained["sentence"] and explained["reason"], "explain says why, in a sentence", explained)
        world.until(lambda: status_of(world, "alpha")["worked"]["value"] == 1, "the work to be seen")
        tap.check(True, "the instance is known to have taken work")


def restart_killed(world):
    world.daemon.child.send_signal(signal.SIGKILL)
    world.daemon.child.wait()
    world.daemon.log.close()
    world.daemon = Daemon(world.folder / "provisiond.json", world.folder, world.folder / "run")


def check_exact(tap, world, tasks, what):
    """After several more polls of everything: as many instances as tasks, in truth and in the status."""
    world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == tasks, f"{tasks} tasks to run")
    world.until_polled(5)
    state = world.cloud.state()["types"]["alpha"]
    tap.check(state["live"] == tasks, f"{what}: {tasks} tasks, {tasks} instances, nothing launched twice", state)
    world.until(lambda: status_of(world, "alpha")["occupying"]["value"] == tasks, "the status to count them all")
    tap.check(True, f"{what}: nothing forgotten: the status counts them all")


def killed_during_the_call(tap):
    """SIGKILL of the supervisor while EC2 has the launch call."""
    scenario = {"queues": {"alpha": {}}, "workers": FAST, "latencyMs": {"RunInstances": 1500}}
    with World(scenario, [simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        world.until(world.launch_requests, "a launch under way")
        restart_killed(world)
        check_exact(tap, world, 3, "killed during the call")


def killed_after_the_call(tap):
    """SIGKILL once instances run: the next supervisor takes them over and its bids know them."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["launched"] == 3, "three launches")
        restart_killed(world)
        check_exact(tap, world, 3, "killed after the call")
        world.add_tasks("alpha", 2)
        check_exact(tap, world, 5, "and two more tasks")


def answer_lost(tap):
    """The launch happens, its answer does not come: looked up, never launched anew."""
    scenario = {"queues": {"alpha": {}}, "workers": FAST,
                "faults": [{"match": {"action": "RunInstances"}, "times": 2, "effect": {"reset": "after"}}]}
    with World(scenario, [simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        check_exact(tap, world, 3, "answer lost")


def ledger_damaged(tap):
    """A damaged ledger is moved aside; what runs is adopted from its tags."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")], grace="3s") as world:
        world.until_polled()
        world.add_tasks("alpha", 2)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 2, "two tasks to run")
        world.daemon.stop()
        ledger = world.folder / "state/ledger.db"
        ledger.write_bytes(b"this is no database " * 500)
        world.daemon = Daemon(world.folder / "provisiond.json", world.folder, world.folder / "run")
        check_exact(tap, world, 2, "ledger damaged")
        aside = list((world.folder / "state").glob("ledger.db.damaged-*"))
        tap.check(len(aside) == 1, "the damaged file is kept", aside)
        world.add_tasks("alpha", 1)
        check_exact(tap, world, 3, "after the grace it launches again")


if __name__ == "__main__":
    sys.exit(Tap().run(one_task, killed_during_the_call, killed_after_the_call, answer_lost, ledger_damaged))
