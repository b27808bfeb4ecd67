#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 420
"""Incident cases that are about whole processes: real daemon, real workers, simulated cloud, one small world a case."""
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import INSTRUMENTED, ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402
from processes import BUILD  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

FAST = {"bootTime": 0.5, "firstClaimAfter": 0.1, "idleAfter": 3600}


def World(scenario, types, **settings):
    settings.setdefault("deploymentId", f"cases-{os.getpid()}")
    return AnyWorld(scenario, types, **settings)


def type_of(world, name):
    return ask(world.folder / "run", "status", name)["body"]["types"][0]


def region_pid(world, region):
    return int((world.folder / "run/regions" / f"{region}.pid").read_text())


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def b11_liveness_is_a_completed_tick(tap):
    """B11: a worker that lives but completes no tick is replaced, and its type is served again."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")], workerTickLimit="2s") as world:
        world.until_polled()
        before = world.daemon.worker_pid("alpha")
        os.kill(before, signal.SIGSTOP)
        world.add_tasks("alpha", 1)
        world.until(lambda: world.daemon.worker_pid("alpha") not in (None, before), "another worker")
        tap.check(True, "B11: a worker without a completed tick is killed and replaced")
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the task to run")
        tap.check(True, "B11: and its type is served again")


def b20_a_dark_region_darkens_nothing_else(tap):
    """B20: EC2 of one region accepts and never answers; then it is back."""
    regions = ("us-east-1", "us-west-2")
    dark = {"match": {"region": "us-west-2"}, "effect": {"hang": "forever"}}
    with World({"queues": {"alpha": {}}, "workers": FAST, "faults": [dark]}, [simple_type("alpha", regions=regions)],
               regions=regions, connectLimit="2s", describeLimit="2s", launchLimit="3s", maxInventoryAge="3s") as world:
        world.until_polled(2)
        world.add_tasks("alpha", 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the task to run elsewhere")
        places = {line["region"] for line in world.journal("request", "RunInstances") if line.get("launched")}
        tap.check(places == {"us-east-1"}, "B20: with one region black-holed, launches go on in the other", places)
        tap.check(world.daemon.worker_pid("alpha") is not None and world.daemon.alive(), "B20: nobody was restarted")
        world.cloud.ask_delete("/_sim/fault")
        body = lambda: ask(world.folder / "run", "status")["body"]  # noqa: E731
        world.until(lambda: all(one["state"] == "live" for one in body()["regions"]), "the region to be live again")
        tap.check(True, "B20: when it answers again, it is used again without a restart")


def b39_children_inherit_what_is_named(tap):
    """B39: no listening socket, lock or ledger of the supervisor is open in a worker."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until_polled()
        inherited = []
        for pid in (world.daemon.worker_pid("alpha"), region_pid(world, "us-east-1")):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                target = os.readlink(entry)
                if target.startswith("/") and not target.startswith(("/dev/null", "/dev/urandom")):
                    inherited.append((pid, target))
        tap.check(not inherited, "B39: a worker has no file of the supervisor open", inherited)
        world.daemon.child.send_signal(signal.SIGKILL)
        world.daemon.child.wait()
        world.daemon.log.close()
        world.daemon = type(world.daemon)(world.folder / "provisiond.json", world.folder, world.folder / "run")
        world.until_polled()
        tap.check(True, "B39: after SIGKILL of the supervisor its successor binds and works")


def b41_nothing_comes_after_a_termination(tap):
    """B41: one-time spot; what was terminated does not come back by itself."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until_polled()
        world.add_tasks("alpha", 1, duration=0.5)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["done"] == 1, "the task to be done")
        asked = len(world.launch_requests())
        ids = [instance["id"] for instance in world.cloud.ask("/_sim/instances")]
        killed = world.cloud.ask("/_sim/kill", {"instanceIds": ids})
        tap.check(killed.get("killed") in (1, ids), "B41: the one instance is ended from outside", killed)
        world.until_polled(8)
        tap.check(len(world.launch_requests()) == asked == 1, "B41: after its end no new instance appears", asked)


def b59_waiting_has_one_reason(tap):
    """B59: whenever work waits and nothing is launched, one code says why, and figures keep their age."""
    types = [simple_type("full", maxCapacity=1), simple_type("blind"), simple_type("held")]
    with World({"queues": {"full": {}, "blind": {}, "held": {}}, "workers": FAST}, types, maxDemandAge="2s") as world:
        world.until_polled()
        ask(world.folder / "run", "pause", "held")
        for name in ("full", "held"):
            world.add_tasks(name, 3)
        world.cloud.ask("/_sim/fault", {"match": {"action": "counts", "workerType": "blind"},
                                        "effect": {"error": {"code": "InternalServerError", "httpStatus": 500,
                                                             "message": "down"}}})
        for name, reason in (("full", "at-ceiling"), ("held", "paused"), ("blind", "demand-unknown")):
            world.until(lambda: type_of(world, name)["reason"] == reason, f"{name} to be {reason}")  # noqa: B023
            tap.check(type_of(world, name)["why"], f"B59: {name} says {reason}, with a sentence", type_of(world, name))
        as_of = type_of(world, "blind")["pending"]["asOf"]
        world.until(lambda: time.time() * 1000 - type_of(world, "blind")["pending"]["asOf"] > 4000, "an old figure")
        tap.check(type_of(world, "blind")["pending"]["asOf"] == as_of, "B59: an old figure keeps its old time stamp")


def b60_a_stopped_reader_costs_nobody(tap):
    """B60: one subscriber never reads; another sees every sequence number; the daemon does not grow."""
    names = [f"type-{number:02}" for number in range(20)]
    with World({"queues": {name: {} for name in names}, "workers": FAST}, [simple_type(name) for name in names],
               statusInterval="100ms") as world:
        world.until_polled(2)
        import zmq
        deaf = zmq.Context.instance().socket(zmq.SUB)
        deaf.setsockopt(zmq.RCVHWM, 1)
        deaf.setsockopt(zmq.LINGER, 0)
        deaf.setsockopt(zmq.SUBSCRIBE, b"")
        deaf.connect(f"ipc://{world.folder}/run/status.sock")
        reader = zmq.Context.instance().socket(zmq.SUB)
        reader.setsockopt(zmq.RCVHWM, 0)
        reader.setsockopt(zmq.LINGER, 0)
        reader.setsockopt(zmq.SUBSCRIBE, b"")
        reader.connect(f"ipc://{world.folder}/run/status.sock")

        def read(count):
            numbers = []
            while len(numbers) < count and reader.poll(20000):
                numbers.append(json.loads(reader.recv_multipart()[1])["sequence"])
            return numbers
        read(1000)
        before = memory_kb(world.daemon.child.pid)
        numbers = read(6000)
        steps = {later - earlier for earlier, later in zip(numbers, numbers[1:])}
        tap.check(len(numbers) == 6000 and steps == {1}, "B60: beside a deaf one a reader sees every sequence number",
                  (len(numbers), steps))
        grown = memory_kb(world.daemon.child.pid) - before
        most = 32 * 1024 if INSTRUMENTED else 10 * 1024
        tap.check(grown < most, "B60: the daemon does not grow", f"{grown} KiB")
        deaf.close()
        reader.close()


def b62_a_restarted_worker_is_heard(tap):
    """B62: the worker is killed and replaced while the supervisor is busy; the successor is heard."""
    with World({"queues": {"alpha": {}}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until_polled()
        generation = type_of(world, "alpha")["generation"]["value"]
        os.kill(world.daemon.worker_pid("alpha"), signal.SIGKILL)
        world.daemon.child.send_signal(signal.SIGSTOP)
        time.sleep(1)  # the supervisor hears nothing meanwhile: that is the case, not a wait for something
        world.daemon.child.send_signal(signal.SIGCONT)
        world.until(lambda: type_of(world, "alpha")["generation"]["value"] > generation and
                    type_of(world, "alpha")["state"] == "live", "a new generation to be live")
        world.add_tasks("alpha", 1)
        world.until(lambda: world.launch_requests("alpha"), "a launch of the new generation")
        tap.check(True, "B62: the new generation is heard, bids and launches")


def b66_the_same_failure_does_not_fill_the_log(tap):
    """B66: every RunInstances fails the same way, again and again: lines do not grow with the failures."""
    names = [f"type-{number:02}" for number in range(10)]
    refused = {"match": {"action": "RunInstances"},
               "effect": {"error": {"code": "InsufficientInstanceCapacity", "httpStatus": 500, "message": "none"}}}
    with World({"queues": {name: {} for name in names}, "workers": FAST, "faults": [refused], "throttle": False},
               [simple_type(name) for name in names], breakers=False, launchShare=0) as world:
        world.until_polled()
        for name in names:
            world.add_tasks(name, 50)
        world.until(lambda: len(world.launch_requests()) >= 600, "600 refused launches")
        text = (world.folder / "provisiond.log").read_text(errors="replace")
        lines = [line for line in text.splitlines() if "event=launch.failed" in line]
        tap.check(len(lines) <= 5 * len(names), "B66: 600 equal refusals are a few lines a type", len(lines))
        tap.check(max(map(len, text.splitlines())) < 4096, "B66: no line is longer than 4 KB")


def p04_listings_are_pages_not_instances(tap):
    """P04: 2,500 instances are three calls a listing, and no call an instance."""
    scenario = {"queues": {"alpha": {}}, "throttle": False,
                "workers": {"bootTime": 1, "firstClaimAfter": 0, "idleAfter": 36000}}
    with World(scenario, [simple_type("alpha", maxCapacity=5000)], launchShare=0, lotMax=100) as world:
        world.until_polled()
        world.add_tasks("alpha", 2500)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["live"] == 2500, "2,500 instances", 120)
        world.until(lambda: type_of(world, "alpha")["occupyingInstances"]["value"] == 2500, "the status to show them")
        calls = world.journal("request", "DescribeInstances")
        actions = {line["action"] for line in world.journal("request") if line["service"] == "ec2"}
        tap.check("DescribeInstanceStatus" not in actions, "P04: no call an instance", actions)
        begun = calls[-1]["t"]
        world.until(lambda: world.journal("request", "DescribeInstances")[-1]["t"] > begun + 5, "more listings")
        span = [line["t"] for line in world.journal("request", "DescribeInstances") if line["t"] > begun]
        listings = (span[-1] - span[0]) / 0.5 + 2  # one each inventoryPoll
        tap.check(len(span) <= 3 * listings, "P04: at most three pages a listing", (len(span), listings))


def main():
    if not (BUILD / "provisiond").exists():
        print("1..0 # SKIP provisiond is not built")
        return 0
    return Tap().run(b11_liveness_is_a_completed_tick, b20_a_dark_region_darkens_nothing_else,
                     b39_children_inherit_what_is_named, b41_nothing_comes_after_a_termination,
                     b59_waiting_has_one_reason, b60_a_stopped_reader_costs_nobody,
                     b62_a_restarted_worker_is_heard, b66_the_same_failure_does_not_fill_the_log,
                     p04_listings_are_pages_not_instances)


if __name__ == "__main__":
    sys.exit(main())
