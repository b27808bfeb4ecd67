#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Time from the supervisor's exec to its first grant, after a SIGKILL, with many types and live instances.

    restart.py [--types N] [--instances N]     make bench-restart TYPES=1000 INSTANCES=10000

The instances are launched at the simulated cloud directly, with our tags; a first daemon takes them for those of a lost
ledger and adopts them; when it trusts its ledger, one (short) grace later, it is killed, every type gets more pending
tasks than it has idle instances, and a second one is started on the same ledger. The result goes to BUILD/bench/restart.json."""
import argparse
import json
import os
import re
import signal
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/chaos"), str(ROOT / "tests/lib")]
from world import BUILD, REGIONS, World, fleet, make_config  # noqa: E402

PENDING = 25  # of each type: more than its idle instances
LIMIT = 600


def type_names(count):
    return [f"type-{number:04}" for number in range(count)]


def launch(world, name, region, count):
    """As the daemon would, but unsigned: the simulator of this bench checks no signatures."""
    tags = {"deployment": world.settings["deploymentId"], "incarnation": "bench", "type": name, "grant": "0",
            "revision": "1"}
    form = {"Action": "RunInstances", "Version": "2016-11-15", "MinCount": count, "MaxCount": count,
            "ImageId": fleet.IMAGE_HVM, "InstanceType": "m3.medium", "KeyName": "sim-key", "SecurityGroup.1": "sim-group",
            "Placement.AvailabilityZone": region + "a", "InstanceMarketOptions.MarketType": "spot",
            "TagSpecification.1.ResourceType": "instance"}
    for number, (key, value) in enumerate(tags.items(), 1):
        form[f"TagSpecification.1.Tag.{number}.Key"] = f"provisiond:{key}"
        form[f"TagSpecification.1.Tag.{number}.Value"] = value
    urllib.request.urlopen(f"{world.cloud.url}/ec2/{region}/", urllib.parse.urlencode(form).encode(), 30).read()


def launch_all(world, names, instances):
    for index, name in enumerate(names):
        share = instances * (index + 1) // len(names) - instances * index // len(names)
        if share:
            launch(world, name, REGIONS[index % len(REGIONS)], share)


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))


def tree_pss_mb(root):
    """What supervisor and workers have in memory, what they share counted once (case P10)."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if int(folder.name) == root or parent == root:
                found += int(re.search(r"^Pss: +(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE).group(1))
        except (OSError, AttributeError):
            continue  # ended meanwhile
    return found // 1024


def log_moments(text, pid):
    """First time of each event of that supervisor, and how many workers were live when, seconds of wall time."""
    first, live = {}, []
    for line in text.splitlines():
        found = re.match(r"time=(\S+) level=\w+ process=supervisor pid=(\d+) event=(\S+)", line)
        if not found or int(found.group(2)) != pid:
            continue
        at = datetime.fromisoformat(found.group(1).replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()
        first.setdefault(found.group(3), at)
        if found.group(3) == "worker-live":
            live.append(at)
    return first, live


def measure(world, names, instances):
    known = "SELECT count(*) FROM instances"
    world.until(lambda: (world.ask_ledger(known) or [[0]])[0][0] >= instances, "the first daemon to adopt all", LIMIT)
    lost = "SELECT key FROM meta WHERE key IN ('rebuilt', 'first-start')"
    world.until(lambda: world.ask_ledger(lost) == [], "the first daemon to trust its ledger", LIMIT)
    first_peak = peak_mb(world.child.pid)
    world.send(world.child.pid, signal.SIGKILL)
    world.child.wait()
    for name in names:
        world.add_tasks(name, PENDING, duration=3600)
    executed = time.time()
    world.start()
    world.until(lambda: " event=grant.sent " in world.log_text(), "the first grant", LIMIT)
    peak, tree = peak_mb(world.child.pid), tree_pss_mb(world.child.pid)
    world.send(world.child.pid, signal.SIGKILL)
    first, live = log_moments(world.log_text(), world.child.pid)
    return {"types": len(names), "instances": instances,
            "workersLiveAtFirstGrant": sum(at <= first["grant.sent"] for at in live),
            "execToFirstGrant_s": round(first["grant.sent"] - executed, 3),
            "execToStarted_s": round(first["started"] - executed, 3),
            "execToFirstRegionListed_s": round(first["region-listed"] - executed, 3),
            "execToFirstWorker_s": round(live[0] - executed, 3),
            "supervisorPeak_MB": peak, "supervisorPeakOfFirst_MB": first_peak, "treePss_MB": tree,
            "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def main():
    parser = argparse.ArgumentParser(description="measures how long a restart takes until the first grant")
    parser.add_argument("--types", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=10000)
    options = parser.parse_args()
    names = type_names(options.types)
    documents = [make_config.worker_type(name, ("m3.medium",), fleet.IMAGE_HVM, 1000, canary=0) for name in names]
    scenario = {"queues": {name: {} for name in names}, "throttle": False, "checkSignatures": False,
                "journalReads": False, "workers": {"neverClaim": True, "bootTime": 0.1}}
    most = 10 * options.instances + 10 * options.types
    with World(scenario, types=documents, tmpfs=False, intervals=dict(make_config.INTERVALS_REAL, grace=5), maxCapacity=most,
               maxInstances=most, deploymentId=f"restart-{os.getpid()}", queueRate=200, autostart=False) as world:
        launch_all(world, names, options.instances)
        world.start()
        result = measure(world, names, options.instances)
    path = BUILD / "bench/restart.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
