#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Writes the simulated cloud's scenarios of the demo.

  make_scenario.py 2016 > tests/scenarios/2016-07-21.json    the checked-in one; a test compares
  make_scenario.py real FOLDER HOURS > ...                   the seven real pools of FOLDER, HOURS of them

The 2016 day, compressed: LEAD_IN seconds of ordinary morning, then ACT seconds in which desktop-test's HVM image meets
PV-only instance types and each refusal takes two seconds, then ACT seconds in which the image is right again (the
operator's edit of the definition, not the cloud's) and 6,000 tasks compete with everybody for EC2's launch rate."""
import argparse
import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fleet  # noqa: E402

SMALL_SPACING = 4.1    # seconds between arrivals of one small type, on average: 42 in each act
SMALL_DURATION = 1

# First 24 hours of the traces are warm-up in their own baseline, and here too they are left out.
TRACE_FROM = 86400
REAL_BOOT = {"fixed": 15}
REAL_FIRST_CLAIM = 5
REAL_IDLE = 900


def small_arrivals(name, end, spacing):
    """A little irregular, and no multiple of the queue poll: every phase of the poll is met. Far enough apart that the
    instances of one arrival are gone when the next one comes: it needs its own launch."""
    dice = random.Random(f"2016-07-21 {name}")
    arrivals, at = [], 4 + dice.random() * spacing
    while at < end:
        tasks = 2 if dice.random() < 0.5 else 1
        arrivals.append({"kind": "burst", "at": round(at, 2), "tasks": tasks, "duration": SMALL_DURATION})
        at += spacing * (0.95 + 0.1 * dice.random())
    return arrivals


def queues_2016(act, spacing):
    end = fleet.LEAD_IN + 2 * act
    # They are gone as soon as nothing waits, so that most arrivals need a launch of their own.
    quick = {"idleAfter": 0.1, "bootTime": {"min": 0.5, "max": 1}, "firstClaimAfter": 0.1, "shutdownTime": 1}
    queues = {fleet.SICK: {"arrivals": [{"kind": "burst", "at": fleet.LEAD_IN, "tasks": fleet.SICK_PENDING,
                                         "duration": {"min": 400, "max": 900}}]}}
    for name in fleet.SMALL:
        queues[name] = {"workers": quick, "arrivals": small_arrivals(name, end, spacing)}
    for name, (_, per_hour, duration) in fleet.ordinary().items():
        queues[name] = {"arrivals": [{"kind": "poisson", "perHour": per_hour,
                                      "duration": {"min": duration * 0.5, "max": duration * 1.5}}]}
    return queues


def scenario_2016(act=fleet.ACT, spacing=SMALL_SPACING):
    return {
        "seed": 20160721,
        "regions": {region: {"zones": fleet.ZONES[region]} for region in fleet.REGIONS},
        "workers": {"bootTime": {"min": 6, "max": 10}, "firstClaimAfter": {"min": 1, "max": 2}, "idleAfter": 60,
                    "shutdownTime": 4, "terminatedListedFor": 60},
        "latencyMs": {"RunInstances": {"min": 80, "max": 250}, "DescribeInstances": {"min": 30, "max": 120},
                      "*": {"min": 5, "max": 30}},
        "queues": queues_2016(act, spacing),
        "faults": [{"from": fleet.LEAD_IN, "to": fleet.LEAD_IN + act,
                    "match": {"action": "RunInstances", "workerType": fleet.SICK},
                    "effect": {"slowMs": 2000}}],
    }


def scenario_real(folder, hours):
    queues = {}
    for path in sorted(Path(folder).glob("*.dat")):
        queues[path.stem] = {"arrivals": [{"kind": "trace", "file": str(path.resolve()), "from": TRACE_FROM,
                                           "to": TRACE_FROM + round(hours * 3600), "at": 60}]}
    return {
        "seed": 20160721,
        "regions": {region: {"zones": fleet.ZONES[region]} for region in fleet.REGIONS},
        "workers": {"bootTime": REAL_BOOT, "firstClaimAfter": REAL_FIRST_CLAIM, "idleAfter": REAL_IDLE,
                    "shutdownTime": 20, "terminatedListedFor": 300},
        "queues": queues,
    }


def main():
    parser = argparse.ArgumentParser(description="writes a scenario of the demo to standard output")
    parser.add_argument("which", choices=("2016", "real"))
    parser.add_argument("folder", nargs="?", help="folder of the traces")
    parser.add_argument("hours", nargs="?", type=float, default=24)
    options = parser.parse_args()
    scenario = scenario_2016() if options.which == "2016" else scenario_real(options.folder, options.hours)
    json.dump(scenario, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
