#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The simulated world itself: arrivals, workers, timed changes, seeds, and the command line."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from simcloud import Sim, Tap, skip_all  # noqa: E402

try:
    import boto3  # noqa: F401
except ImportError:
    skip_all("python3-boto3 is not installed")

tap = Tap()
QUICK = {"bootTime": 5, "firstClaimAfter": 5, "idleAfter": 60, "shutdownTime": 5, "terminatedListedFor": 60}


def check(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


def launch(sim, worker_type, count=1, **more):
    request = dict(ImageId="ami-00000001", InstanceType="m5.large", MinCount=1, MaxCount=count,
                   InstanceInitiatedShutdownBehavior="terminate", TagSpecifications=[
                       {"ResourceType": "instance", "Tags": [{"Key": "provisiond:type", "Value": worker_type}]}])
    request.update(more)
    return sim.boto().run_instances(**request)["Instances"]


def failure(*words, scenario=None):
    """Status and standard error of a start that must fail."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "scenario.json"
        path.write_text(scenario if scenario is not None else "{}")
        words = [str(path) if word == "SCENARIO" else word for word in words]
        run = subprocess.run([Sim().binary, *words], capture_output=True, text=True, timeout=20)
        return run.returncode, run.stderr


@tap.test
def arrivals():
    """arrivals of every kind bring the tasks they promise, and a trace those of its window"""
    with tempfile.TemporaryDirectory() as directory:
        trace = pathlib.Path(directory) / "trace.dat"
        trace.write_bytes(b"".join(struct.pack(">II", second * 1000, 7000) for second in range(100)))
        duration = {"min": 1, "max": 2}
        scenario = {"queues": {
            "fixed": {"arrivals": [{"kind": "fixed", "pending": 3, "duration": duration}]},
            "burst": {"arrivals": [{"kind": "burst", "at": 10, "tasks": 4, "duration": {"mean": 5}}]},
            "every": {"arrivals": [{"kind": "every", "seconds": 10, "tasks": 2, "from": 5, "to": 100, "duration": 1}]},
            "poisson": {"arrivals": [{"kind": "poisson", "perHour": 3600, "from": 0, "to": 400, "duration": 1}]},
            "trace": {"arrivals": [{"kind": "trace", "file": str(trace), "from": 20, "to": 50, "at": 5}]},
            "scaled": {"arrivals": [{"kind": "trace", "file": str(trace), "scale": 2.5}]}}}
        with Sim().start(scenario, speed=500) as sim:
            state = sim.wait_for(lambda state: state["now_s"] > 500)
            arrived = {name: queue["arrived"] for name, queue in state["types"].items()}
            first = min(line["t"] for line in sim.journal("task", event="arrived", type="trace"))
        assert 250 < arrived.pop("poisson") < 550
        assert 200 < arrived.pop("scaled") < 300
        check(arrived, {"fixed": 3, "burst": 4, "every": 20, "trace": 30})
        assert abs(first - 5) < 0.01, first


@tap.test
def seeded():
    """the same seed gives the same arrivals, another seed others"""
    scenario = {"queues": {"alpha": {"arrivals": [{"kind": "poisson", "perHour": 900, "duration": 1, "to": 200}]}}}

    def times(seed):
        with Sim().start(scenario, speed=500, seed=seed) as sim:
            sim.wait_for(lambda state: state["now_s"] > 210)
            return [(line["t"], line["task"]) for line in sim.journal("task", event="arrived")]

    assert times(7) == times(7) != times(8)


@tap.test
def life():
    """workers boot, claim up to their capacity, run each task for its time, idle out, and are forgotten"""
    scenario = {"workers": QUICK, "queues": {"alpha": {"capacity": 2, "arrivals": [
        {"kind": "fixed", "pending": 5, "duration": 20}]}}}
    with Sim().start(scenario, speed=40) as sim:
        launch(sim, "alpha", 2)
        sim.wait_for(lambda state: state["types"]["alpha"]["done"] == 5)
        sim.wait_for(lambda state: not any(state["types"]["alpha"]["instances"].values()))
        check(sim.boto().describe_instances()["Reservations"], [])
        at_once = [0]
        for line in sim.journal("task"):
            at_once.append(at_once[-1] + {"claimed": 1, "done": -1}.get(line["event"], 0))
        check(max(at_once), 4)
        begun = {line["task"]: line["t"] for line in sim.journal("task", event="claimed")}
        for line in sim.journal("task", event="done"):
            assert abs(line["t"] - begun[line["task"]] - 20) < 0.01
        ends = sim.journal("instance", to="shutting-down")
        check({line["reason"] for line in ends}, {"Client.InstanceInitiatedShutdown"})
        waits = [line["waited_s"] for line in sim.journal("task", event="claimed")]
        assert min(waits) >= 10 and sorted(waits) == waits


@tap.test
def stopped():
    """without terminate-on-shutdown an idle worker's instance stays behind, stopped"""
    with Sim().start({"workers": dict(QUICK, idleAfter=5)}, speed=40) as sim:
        launch(sim, "alpha", InstanceInitiatedShutdownBehavior="stop")
        sim.wait_for(lambda state: state["types"]["alpha"]["instances"]["stopped"] == 1)


@tap.test
def broken_workers():
    """workers that never claim neither take tasks nor idle out; a stuck instance stays pending"""
    scenario = {"workers": QUICK, "queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": 2, "duration": 5}]}},
                "faults": [{"match": {"workerType": "alpha"}, "effect": {"neverClaim": True}},
                           {"match": {"workerType": "beta"}, "effect": {"stuckPending": True}}]}
    with Sim().start(scenario, speed=100) as sim:
        launch(sim, "alpha")
        launch(sim, "beta")
        state = sim.wait_for(lambda state: state["now_s"] > 300)["types"]
        check((state["alpha"]["pending"], state["alpha"]["ready"], state["alpha"]["live"]), (2, 1, 1))
        check(state["beta"]["instances"]["pending"], 1)


@tap.test
def events():
    """timed changes take effect at their time, and only change what they name"""
    scenario = {"events": [{"at": 50, "set": {"images": {"ami-0000000a": {"virtualization": "paravirtual"}},
                                              "queues": {"beta": {"arrivals": [
                                                  {"kind": "burst", "at": 10, "tasks": 3, "duration": 1}]}}}}],
                "images": {"ami-0000000a": {"ena": False}}}
    with Sim().start(scenario) as sim:
        def image():
            return sim.boto().describe_images(ImageIds=["ami-0000000a"])["Images"][0]

        check(image()["VirtualizationType"], "hvm")
        sim.set(speed=50)
        sim.wait_for(lambda state: "beta" in state["types"] and state["types"]["beta"]["arrived"] == 3)
        check((image()["VirtualizationType"], image().get("EnaSupport")), ("paravirtual", None))
        check(sim.journal("event")[0]["set"], ["images", "queues"])
        assert sim.journal("task", event="arrived", type="beta")[0]["t"] >= 60


@tap.test
def changes():
    """control changes speed, clears queues, and refuses what it does not know"""
    with Sim().start({"queues": {"alpha": {"arrivals": [{"kind": "every", "seconds": 1, "duration": 1}]}}}) as sim:
        sim.set(speed=200)
        sim.wait_for(lambda state: state["types"]["alpha"]["pending"] > 50)
        sim.set(queues={"alpha": {"clear": True}})
        before = sim.state()
        check(before["types"]["alpha"]["pending"], 0)
        after = sim.wait_for(lambda state: state["now_s"] > before["now_s"] + 20)
        check(after["types"]["alpha"]["arrived"], before["types"]["alpha"]["arrived"])
        for path, body in [("set", {"nonsense": 1}), ("fault", {"effect": {"explode": True}}), ("fault", {}),
                           ("tasks", {"tasks": 1}), ("set", {"queues": {"a": {"arrivals": [{"kind": "odd"}]}}})]:
            check((path, sim.request("POST", f"/_sim/{path}", body)[0]), (path, 400))
        check(sim.request("POST", "/_sim/set", b"{broken")[0], 400)
        check(sim.request("GET", "/_sim/nowhere")[0], 404)
        sim.request("POST", "/_sim/quit")
        check(sim.process.wait(10), 0)


@tap.test
def command_line():
    """wrong command lines, scenarios and addresses end with a status and a reason"""
    common = ["--scenario", "SCENARIO", "--journal", "/dev/null", "--listen"]
    check(subprocess.run([Sim().binary, "--help"], capture_output=True, timeout=20).returncode, 0)
    check(failure()[0], 2)
    check(failure("--nonsense")[0], 2)
    for address in ["0.0.0.0:0", "10.1.2.3:0", "127.0.0.1", "127.0.0.1:99999", "nowhere:1"]:
        check((address, failure(*common, address)[0]), (address, 1))
    for scenario, word in [("{", "line 1"), ('{"quues": {}}', "quues"), ('{"seed": 1, "seed": 2}', "duplicate"),
                           ('{"queues": {"a": {"arivals": []}}}', "arivals"),
                           ('{"queues": {"a": {"arrivals": [{"kind": "trace", "file": "none.dat"}]}}}', "none.dat"),
                           ('{"images": {"ami-1": {"virtualization": "hwm"}}}', "virtualization"),
                           ('{"faults": [{"match": {"acton": "x"}, "effect": {"error": "x"}}]}', "acton")]:
        status, text = failure(*common, "127.0.0.1:0", scenario=scenario)
        assert status == 2 and word in text, (scenario, status, text)


@tap.test
def scripted_rows():
    """rows can be scripted too: repeated across pages, or with an element missing"""
    with Sim().start({"throttle": False}) as sim:
        client = sim.boto()
        launch(sim, "alpha", 12)
        number = sim.fault({"repeatLast": True}, {"action": "DescribeInstances"})
        rows = [row["InstanceId"] for page in client.get_paginator("describe_instances").paginate(
            PaginationConfig={"PageSize": 5}) for r in page["Reservations"] for row in r["Instances"]]
        assert len(rows) > len(set(rows)) == 12, rows
        sim.clear_faults(number)
        sim.fault({"omit": "instanceState"}, {"action": "DescribeInstances"})
        rows = [row for r in client.describe_instances()["Reservations"] for row in r["Instances"]]
        check(["State" in row for row in rows], [False] + [True] * 11)


@tap.test
def latency():
    """latency is real time, whatever the speed, and the launch is there before the answer"""
    with Sim().start({"latencyMs": {"RunInstances": 1000, "*": 0}}, speed=100) as sim:
        launch(sim, "alpha")
        (begun,), (done,) = sim.journal("requestStart"), sim.journal("request", action="RunInstances")
        assert done["inFlightMs"] >= 900 and done["wall"] - begun["wall"] >= 0.9
        assert sim.journal("instance", to="pending")[0]["wall"] - begun["wall"] < 0.9


if __name__ == "__main__":
    sys.exit(tap.run())
