#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""A floor's instances end themselves for idleness, again and again, and the floor is held all the time: each has a
successor before its limit (the limit is known from the definition). No cap is passed for it."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import Tap, World, simple_type  # noqa: E402

FLOOR, LIMIT = 2, 12
WORKERS = {"bootTime": 1, "firstClaimAfter": 1, "idleAfter": LIMIT, "shutdownTime": 0.3}
IDLE_END = "Client.InstanceInitiatedShutdown"


def world(**definition):
    document = simple_type("alpha", minCapacity=FLOOR, settle="2s", **definition)
    return World({"queues": {"alpha": {"workers": WORKERS}}}, [document], deploymentId=f"floor-{os.getpid()}",
                 grace="2s", maxInstances=10 * FLOOR)


def counts(here):
    """How many live after each change, with the change, from the journal: what EC2 knew, not what was polled."""
    live, lines = set(), []
    for line in here.journal("instance"):
        (live.add if line["to"] in ("pending", "running") else live.discard)(line["id"])
        lines.append((len(live), line))
    return lines


def idle_ends(here):
    return [(count, line) for count, line in counts(here) if line["reason"] == IDLE_END and line["from"] == "running"]


def was_awake(here, since, until):
    """The daemon listed all the while: a machine that stood still is no fault of its."""
    times = [line["t"] for line in here.journal("request", "DescribeInstances") if since <= line["t"] <= until]
    return all(later - earlier < 2 for earlier, later in zip([since, *times], [*times, until]))


def judged_ends(here):
    return [count for count, line in idle_ends(here) if was_awake(here, line["t"] - LIMIT, line["t"])]


def the_floor_is_held(tap):
    with world(idleLimit=f"{LIMIT}s", maxCapacity=10 * FLOOR) as here:
        here.until(lambda: len(judged_ends(here)) >= 3 * FLOOR, f"{3 * FLOOR} instances to idle out", 200)
        left = judged_ends(here)
        tap.check(min(left) >= FLOOR, f"at every idle end {FLOOR} others were there", left)
        most = max(count for count, _ in counts(here))
        tap.check(most <= 2 * FLOOR, f"never more than twice the floor ({most})", most)
        tap.check(not here.journal("request", "TerminateInstances"), "and nobody was terminated for it")


def a_cap_is_not_passed_for_it(tap):
    user_data = {"worker": {"shutdown": {"afterIdleSeconds": LIMIT}}}
    with world(userData=user_data, maxCapacity=FLOOR) as here:
        here.until(lambda: len(idle_ends(here)) >= FLOOR, "the floor to idle out", 90)
        here.until(lambda: sum(line["to"] == "pending" for _, line in counts(here)) >= 2 * FLOOR, "its successors", 90)
        occupying, most = set(), 0
        for line in here.journal("instance"):
            (occupying.discard if line["to"] == "terminated" else occupying.add)(line["id"])
            most = max(most, len(occupying))
        tap.check(most == FLOOR, f"a ceiling that is the floor is not passed: successors come when there is room ({most})")


if __name__ == "__main__":
    sys.exit(Tap().run(the_floor_is_held, a_cap_is_not_passed_for_it))
