# SPDX-License-Identifier: MPL-2.0
"""Writes the daemon's configuration of the demo: provisiond.json and workertypes.d/ in a folder of the run.

All intervals are those of the story at speed 1; at another speed they are divided by it, and rates multiplied."""
import json
from pathlib import Path

import fleet

SHORTEST_MS = 100  # what the daemon's settings allow
PROVISIONER = "sim"

# Seconds at speed 1. The demo polls faster than the defaults, so that a few minutes show what hours would.
INTERVALS_2016 = {
    "tick": 2, "demandPoll": 2, "inventoryPoll": 2, "pricePoll": 30, "statusInterval": 1, "grace": 30,
    "maxInventoryAge": 30, "maxDemandAge": 30, "staleServing": 120, "sendBy": 10, "workerTickLimit": 20,
    "helloLimit": 60, "connectLimit": 5, "queueLimit": 10, "launchLimit": 20, "describeLimit": 20,
    "backoffFirst": 1, "backoffMost": 20, "backoffReset": 60, "capacityDelay": 30, "breakerDelay": 20,
    "breakerMost": 120, "quarantineDelay": 60, "definitionProbe": 86400,
}
# The real pools run with the daemon's own defaults.
INTERVALS_REAL = {
    "tick": 10, "demandPoll": 10, "inventoryPoll": 10, "pricePoll": 60, "statusInterval": 5, "grace": 300,
    "maxInventoryAge": 60, "maxDemandAge": 60, "staleServing": 600, "sendBy": 10, "workerTickLimit": 60,
    "helloLimit": 30, "connectLimit": 10, "queueLimit": 30, "launchLimit": 60, "describeLimit": 60,
    "backoffFirst": 1, "backoffMost": 60, "backoffReset": 600, "capacityDelay": 180, "breakerDelay": 60,
    "breakerMost": 1800, "quarantineDelay": 60, "definitionProbe": 86400,
}
# Limits that guard against a peer that does not answer are about this machine's time, whatever the speed.
REAL_TIME = {"workerTickLimit": 20, "helloLimit": 60, "connectLimit": 5, "queueLimit": 10, "launchLimit": 20,
             "describeLimit": 20, "sendBy": 10, "backoffFirst": 1}


def span(seconds, speed=1):
    return f"{max(SHORTEST_MS, round(seconds * 1000 / speed))}ms"


def daemon_settings(cloud_url, folder, run_dir, intervals, speed, **more):
    settings = {
        "deploymentId": "demo", "provisionerId": PROVISIONER, "rootUrl": cloud_url,
        "ec2Endpoint": cloud_url + "/ec2/{region}/", "metadataEndpoint": "", "stateDir": str(folder / "state"),
        "runDir": str(run_dir), "maxHourlyCost": "unlimited", "policy": "round-robin",
        "launchCallsRefill": 2 * speed, "launchInstancesRefill": 2 * speed, "queueRate": 200 * speed,
        "describeRate": 10 * speed,
        "regions": [{"name": region, "zones": fleet.ZONES[region]} for region in fleet.REGIONS],
    }
    for name, seconds in intervals.items():
        at_least = REAL_TIME.get(name, 0) if speed > 1 else 0
        settings[name] = span(max(seconds / speed, at_least))
    settings.update(more)
    return settings


def worker_type(name, instance_types, image, max_capacity, speed=1, **more):
    """A workerType in aws-provisioner's schema."""
    document = {
        "workerType": name, "description": "a workerType of the demo", "owner": "nobody@example.com",
        "minCapacity": 0, "maxCapacity": max_capacity, "scalingRatio": 0, "minPrice": 0, "maxPrice": 2,
        "canUseSpot": True, "canUseOndemand": False,
        "settle": span(6, speed), "bootLimit": span(1200, speed), "pendingLimit": span(1800, speed),
        "maxLifetime": span(96 * 3600, speed),
        "launchSpec": {"KeyName": "sim-key", "SecurityGroups": ["sim-group"]},
        "userData": {}, "secrets": {}, "scopes": [],
        "instanceTypes": [{"instanceType": kind, "capacity": 1, "utility": 1, "launchSpec": {}, "userData": {},
                           "secrets": {}, "scopes": []} for kind in instance_types],
        "regions": [{"region": region, "launchSpec": {"ImageId": image}, "userData": {}, "secrets": {}, "scopes": []}
                    for region in fleet.REGIONS],
    }
    document.update(more)
    return document


def write_json(path, document):
    """Renamed into place: a reload never reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("." + path.name + ".new")
    fresh.write_text(json.dumps(document, indent=2) + "\n")
    fresh.rename(path)


def write_type(folder, name, act, speed=1):
    write_json(folder / "workertypes.d" / f"{name}.json",
               worker_type(name, fleet.instance_types_of(name), fleet.image_of(name, act),
                           fleet.max_capacity_of(name), speed))


def write_2016(folder, cloud_url, run_dir, speed=1, with_sick=True, **settings):
    """Settings: deploymentId, breakers, preflight, as the run wants them."""
    folder = Path(folder)
    write_json(folder / "provisiond.json",
               daemon_settings(cloud_url, folder, run_dir, INTERVALS_2016, speed, maxCapacity=fleet.MAX_CAPACITY,
                               maxInstances=fleet.MAX_CAPACITY, **settings))
    for name in fleet.all_names(with_sick):
        write_type(folder, name, act=1, speed=speed)
    return folder / "provisiond.json"


def write_real(folder, cloud_url, run_dir, pools, speed, **settings):
    folder = Path(folder)
    write_json(folder / "provisiond.json",
               daemon_settings(cloud_url, folder, run_dir, INTERVALS_REAL, speed, maxCapacity=3000,
                               maxInstances=3000, **settings))
    for name in pools:
        write_json(folder / "workertypes.d" / f"{name}.json",
                   worker_type(name, ("m3.large", "c4.large"), fleet.IMAGE_HVM, 1000, speed, settle=span(60, speed)))
    return folder / "provisiond.json"
