#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 420
"""Money against real processes: the caps and their warnings at 80 and 100 percent, the day's stop line and the essential
reserve over a restart, a wrong time zone, on-demand prices from files and the fall-back to on-demand."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402
from processes import BUILD, Daemon  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

FAST = {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600}


def World(types, scenario=None, **settings):
    names = [one["workerType"] for one in types]
    whole = {"queues": {name: {} for name in names}, "workers": FAST, "throttle": False, **(scenario or {})}
    return AnyWorld(whole, types, deploymentId=f"budget-{os.getpid()}", headroom=0, **settings)


def dollar(name, **more):
    """A type whose instances cost one dollar an hour each, whatever the spot price."""
    return simple_type(name, minPrice=1, maxPrice=1, **more)


def body(world, name=""):
    return ask(world.folder / "run", "status", name)["body"]


def alarms(world):
    return {(one["kind"], one["subject"]) for one in body(world)["alarms"]}


def denied(world, name, by):
    return by in body(world, name)["types"][0]["denials"]


def truth(world, name="alpha"):
    return world.cloud.state()["types"][name]


def until_claimed(world, name, tasks):
    world.until(lambda: truth(world, name)["claimed"] == tasks, f"{tasks} tasks of {name} to run")


def restart_killed(world):
    world.daemon.child.send_signal(signal.SIGKILL)
    world.daemon.child.wait()
    world.daemon.log.close()
    world.daemon = Daemon(world.folder / "provisiond.json", world.folder, world.folder / "run")


def hourly(tap):
    """$5.50 an hour, instances of one dollar: the fifth passes 80 percent, and a sixth does not fit."""
    with World([dollar("alpha")], maxHourlyCost="5.5") as world:
        world.until_polled()
        world.add_tasks("alpha", 4)
        until_claimed(world, "alpha", 4)
        world.until_polled(2)
        tap.check(not alarms(world), "at 73 percent of maxHourlyCost there is no alarm", alarms(world))
        world.add_tasks("alpha", 1)
        until_claimed(world, "alpha", 5)
        world.until(lambda: ("budget-80", "maxHourlyCost") in alarms(world), "the warning at 80 percent")
        tap.check(("budget-100", "maxHourlyCost") not in alarms(world), "at 91 percent one alarm warns", alarms(world))
        world.add_tasks("alpha", 2)
        world.until(lambda: ("budget-100", "maxHourlyCost") in alarms(world), "the alarm at 100 percent")
        world.until_polled(4)
        tap.check(truth(world)["launched"] == 5 and denied(world, "alpha", "hourly-cost"),
                  "where the next lot does not fit another alarm says so; nothing is launched, the status says why",
                  truth(world))
        committed = body(world)["supervisor"]["committed"]["value"]
        tap.check(committed == 5.0, "exactly five dollars are committed", committed)


def stop_line(tap):
    """$/day: a stop line with one hour's look ahead. The reserve is for floors of essential types. Both after a restart."""
    types = [dollar("alpha"), dollar("vital", minCapacity=0, essential=True)]
    with World(types, maxHourlyCost="100", maxDailyCost="5", essentialReserve="2") as world:
        world.until_polled()
        world.add_tasks("alpha", 6)
        world.until(lambda: truth(world)["launched"] >= 1 and
                    (denied(world, "alpha", "daily-cost") or denied(world, "alpha", "essential-reserve")), "the stop")
        world.until_polled(4)
        before = truth(world)["launched"]
        tap.check(before <= 3, "ordinary launches stop before the reserve", before)
        spent = world.until(lambda: body(world)["supervisor"]["spentToday"]["value"], "some spend")
        restart_killed(world)
        world.until_polled(6)
        tap.check(truth(world)["launched"] == before, "after a restart the line stands where it stood", truth(world))
        after = body(world)["supervisor"]["spentToday"]["value"]
        tap.check(after >= spent, "and the day's spend is remembered", (spent, after))
        world.write_type(dollar("vital", minCapacity=1, essential=True))
        ask(world.folder / "run", "reload")
        world.until(lambda: truth(world, "vital")["launched"] == 1, "the essential floor")
        tap.check(truth(world)["launched"] == before, "an essential floor may spend the reserve, nobody else")
        world.until(lambda: ("budget-100", "maxDailyCost") in alarms(world), "the alarm of the day")
        tap.check(True, "a day's line that stops launches is an alarm")


def run_daemon(folder, *words):
    return subprocess.run([str(BUILD / "provisiond"), "--config", str(folder / "provisiond.json"), *words],
                          capture_output=True, text=True, timeout=60)


def wrong_zone(tap):
    folder = Path(tempfile.mkdtemp(prefix="pd-zone-"))
    try:
        (folder / "workertypes.d").mkdir()
        settings = {"deploymentId": f"zone-{os.getpid()}", "rootUrl": "http://127.0.0.1:1", "stateDir": "state",
                    "runDir": "run", "maxCapacity": 1, "maxInstances": 1, "maxHourlyCost": "1",
                    "regions": [{"name": "us-east-1", "zones": ["us-east-1a"]}]}
        for zone in ("Europe/Berlim", "Europe", "../etc/passwd"):
            (folder / "provisiond.json").write_text(json.dumps(dict(settings, dayZone=zone)))
            started, checked = run_daemon(folder), run_daemon(folder, "--check")
            tap.check(started.returncode == checked.returncode == 2 and zone in started.stderr and zone in checked.stderr,
                      f"a dayZone {zone} is exit status 2, and --check says it too", (started, checked))
        (folder / "provisiond.json").write_text(json.dumps(dict(settings, dayZone="Europe/Berlin")))
        tap.check(run_daemon(folder, "--check").returncode == 0, "a dayZone that exists is none")
    finally:
        shutil.rmtree(folder)


def wrong_zone_at_reload(tap):
    with World([dollar("alpha")], maxHourlyCost="5") as world:
        world.until_polled()
        path = world.folder / "provisiond.json"
        good = path.read_text()
        path.write_text(json.dumps(dict(json.loads(good), dayZone="Mars/Olympus", maxHourlyCost="50")))
        told = ask(world.folder / "run", "reload")
        tap.check(not told["ok"] and "Mars/Olympus" in told["text"], "a reload with a wrong dayZone is refused", told)
        tap.check(("configuration", "") in alarms(world) and
                  body(world)["supervisor"]["committedCeiling"]["value"] == 5.0, "and nothing of it counts")
        path.write_text(good)
        tap.check(ask(world.folder / "run", "reload")["ok"] and not alarms(world), "the good file ends the alarm")


def write_prices(world, **prices):
    (world.folder / "prices.d").mkdir(exist_ok=True)
    (world.folder / "prices.d/us-east-1.json").write_text(json.dumps({"source": "a test", "prices": prices}))


def launched_on(world, market):
    return [line for line in world.journal("request", "RunInstances")
            if line["params"]["market"] == market and line.get("launched")]


def fall_back(tap):
    """No spot capacity: after onDemandAfter of unmet demand at most onDemandMax instances on demand, at the list price."""
    spot = {"match": {"action": "RunInstances", "market": "spot"}, "effect": {"error": "InsufficientInstanceCapacity"}}
    kind = simple_type("alpha", ("m3.medium", "m3.xlarge"), canUseOndemand=True, onDemandAfter="1s", onDemandMax=2)
    with World([kind], {"faults": [spot]}, capacityDelay="10m") as world:
        write_prices(world, **{"m3.medium": "0.067", "m3.xlarge": "0.266"})
        tap.check(ask(world.folder / "run", "reload")["ok"], "price files are read at a reload")
        world.until_polled()
        world.add_tasks("alpha", 4)
        world.until(lambda: truth(world)["claimed"] == 2, "two tasks to run")
        world.until_polled(6)
        calls = launched_on(world, "on-demand")
        count = sum(len(line["launched"]) if isinstance(line["launched"], list) else line["launched"] for line in calls)
        tap.check(count == 2 and truth(world)["launched"] == 2, "onDemandMax instances are launched on demand", calls)
        tap.check({line["params"]["instanceType"] for line in calls} == {"m3.medium"},
                  "the one that is cheaper by the price list", calls)
        committed = body(world, "alpha")["types"][0]["committed"]["value"]
        tap.check(abs(committed - 2 * 0.067) < 1e-9, "the list price is what is committed", committed)
        asked = [line["t"] for line in world.launch_requests()]
        first = next(line["t"] for line in world.launch_requests() if line["params"]["market"] == "on-demand")
        arrived = min(line["t"] for line in world.journal("task") if line["event"] == "arrived")
        tap.check(first - arrived >= 1, "not before onDemandAfter of unmet demand", (arrived, first, asked))


def prices_change(tap):
    """A price above maxPrice stops on-demand launches; a wrong file is kept out; a new one counts after a reload."""
    kind = simple_type("alpha", canUseSpot=False, canUseOndemand=True, onDemandMax=0, maxPrice=0.05)
    with World([kind]) as world:
        write_prices(world, **{"m3.medium": "0.067"})
        ask(world.folder / "run", "reload")
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: body(world, "alpha")["types"][0]["reason"] == "price-too-high", "the price to be too high")
        world.until_polled(3)
        tap.check(not world.launch_requests(), "a list price above maxPrice launches nothing", world.launch_requests())
        (world.folder / "prices.d/us-east-1.json").write_text('{"prices": {"m3.medium": -1}}')
        told = ask(world.folder / "run", "reload")
        tap.check(not told["ok"] and "prices.d/us-east-1.json" in told["text"] and "m3.medium" in told["text"],
                  "a wrong price file is refused with its place", told)
        write_prices(world, **{"m3.medium": "0.04"})
        tap.check(ask(world.folder / "run", "reload")["ok"], "a good one is read")
        until_claimed(world, "alpha", 1)
        committed = body(world, "alpha")["types"][0]["committed"]["value"]
        tap.check(abs(committed - 0.04) < 1e-9, "and its price counts", committed)


if __name__ == "__main__":
    sys.exit(Tap().run(hourly, stop_line, wrong_zone, wrong_zone_at_reload, fall_back, prices_change))
