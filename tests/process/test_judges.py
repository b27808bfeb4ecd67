#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The demo's judges, judged: small journals and reports whose right answer is known, a wrong one for each check."""
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/demo"))
import measure  # noqa: E402
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402

points = Points()
check = points.check


def task(t, event, number, name="small"):
    return {"t": t, "kind": "task", "event": event, "type": name, "task": f"task{number}"}


def asked(t, token, most=1, name="small"):
    return {"t": t, "kind": "requestStart", "service": "ec2", "action": "RunInstances", "type": name,
            "params": {"token": token, "min": 1, "max": most}}


def answered(t, token, launched=(), name="small", status=200, code=None):
    return {"t": t, "kind": "request", "service": "ec2", "action": "RunInstances", "type": name, "status": status,
            "code": code, "launched": list(launched), "params": {"token": token, "min": 1, "max": 1}}


def instance(t, number, was, now, name="small"):
    return {"t": t, "kind": "instance", "id": f"i-{number}", "from": was, "to": now, "type": name, "units": 1}


def polled(t, name="small"):
    return {"t": t, "kind": "request", "service": "queue", "action": "counts", "type": name, "status": 200}


def write(folder, lines):
    path = Path(folder) / "journal.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


ONE_LAUNCH = [polled(0), task(1, "arrived", 1), polled(2), asked(3, "a"), instance(3.1, 1, None, "pending"),
              answered(3.2, "a", ["i-1"]), instance(8, 1, "pending", "running"), task(9, "claimed", 1)]


def story_of(folder, lines):
    story = measure.Story(write(folder, lines))
    story.replay()
    return story


def test_measure(folder):
    story = story_of(folder, ONE_LAUNCH)
    check(story.waits["small"] == [(1, 2)], "a task waits from its arrival to the launch request", story.waits)
    check(story.task_waits["small"] == [8], "and to its claim", story.task_waits)
    again = ONE_LAUNCH + [task(10, "done", 1), task(11, "arrived", 2), task(11.5, "claimed", 2)]
    check(len(story_of(folder, again).waits["small"]) == 1, "an arrival that an idle instance covers does not count")
    busy = ONE_LAUNCH + [task(10, "arrived", 2), asked(15, "b")]
    check(story_of(folder, busy).waits["small"][-1] == (10, 5), "an arrival beside a busy instance does")
    gone = ONE_LAUNCH + [task(10, "done", 1), instance(10.5, 1, "running", "shutting-down"), task(11, "arrived", 2),
                         asked(14, "b")]
    check(story_of(folder, gone).waits["small"][-1] == (11, 3), "and one after the instance has shut down")
    open_end = story_of(folder, ONE_LAUNCH + [task(10, "arrived", 2)])
    check(open_end.waits_between(["small"], 0, 99, 30) == [2, 20], "one that sees no request waits until the end",
          open_end.waits_between(["small"], 0, 99, 30))
    refused = story_of(folder, ONE_LAUNCH + [asked(20, "c"), answered(21, "c", status=400, code="Bad")])
    check(refused.failures["small"] == [(21, "Bad")], "a refused call is a failure")
    check(refused.live_between(3.05, 3.15) == (0, 1) and refused.live_between(4, 5) == (1, 1),
          "live instances are known at each moment")
    check(open_end.longest_wait("small", 30) == 20 and story.longest_wait("small", 30) == 8,
          "the longest wait counts those who still wait")
    check(measure.percentile(list(range(1, 101)), 95) == 95 and measure.percentile([], 95) is None,
          "percentiles are nearest rank")


def ceiling_of(folder, lines, most=40):
    types = Path(folder) / "workertypes.d"
    types.mkdir(exist_ok=True)
    (types / "small.json").write_text(json.dumps({"workerType": "small", "minCapacity": 0, "maxCapacity": most,
                                                  "instanceTypes": [{"capacity": 1}]}))
    (Path(folder) / "provisiond.json").write_text(json.dumps({"lotMax": 2}))
    done = subprocess.run([sys.executable, str(ROOT / "tests/demo/check_ceiling.py"), str(write(folder, lines)),
                           str(folder)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_ceiling(folder):
    status, text = ceiling_of(folder, ONE_LAUNCH)
    check(status == 0, "one launch for one task is within the ceiling", text)
    status, text = ceiling_of(folder, ONE_LAUNCH + [asked(10, "b", 2)])
    check(status == 0, "one lot more than the demand is allowed", text)
    status, text = ceiling_of(folder, ONE_LAUNCH + [asked(10, "b", 3)])
    check(status == 1 and "did" in text, "more than that is not", text)
    status, text = ceiling_of(folder, ONE_LAUNCH + [asked(10, "b", 1), asked(11, "c", 1), asked(12, "d", 1)])
    check(status == 1, "calls in flight count", text)
    status, text = ceiling_of(folder, ONE_LAUNCH + [asked(10, "a", 3)])
    check(status == 0, "a repeated request asks only for what it has not created", text)
    status, text = ceiling_of(folder, ONE_LAUNCH, most=0)
    check(status == 1, "the type's ceiling counts", text)
    status, text = ceiling_of(folder, ONE_LAUNCH + [asked(10, "z", 1, "stranger")])
    check(status == 1, "a launch for an undefined type is seen", text)
    status, text = ceiling_of(folder, [])
    check(status == 1, "an empty journal proves nothing", text)


def figures(arrivals=40, worst=3.0, median=1.0, p95=2.0):
    return {"arrivals": arrivals, "first_pending_to_launch_request_s": worst, "median_s": median, "p95_s": p95}


GOOD = {
    "types": 100, "queue_poll_s": 2, "status_interval_s": 1, "status_age_max_s": 1.5, "breakers": True,
    "live_instances_reported": 10, "live_instances_true": 10, "live_instances_true_within_poll": [9, 10],
    "live_instances_worst_difference": 0, "live_instances_age_max_s": 2.5, "inventory_poll_s": 2, "kill": None, "worker_deaths": {},
    "sick": {"name": "sick", "pending_start": 6000, "launch_calls_failed": 3, "codes": ["Bad"],
             "state": "quarantined: Bad image"},
    "small": {"one": figures(), "two": figures()},
    "act1": {"one": figures(), "two": figures()}, "act2": {"one": figures(), "two": figures()},
}


def changed(path, value):
    document = copy.deepcopy(GOOD)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return document


def judged(folder, document, without=None):
    (Path(folder) / "report.json").write_text(json.dumps(document))
    more = []
    if without is not None:
        (Path(folder) / "without.json").write_text(json.dumps(without))
        more = ["--without", str(Path(folder) / "without.json")]
    done = subprocess.run([sys.executable, str(ROOT / "tests/demo/check_report.py"),
                           str(Path(folder) / "report.json")] + more, capture_output=True, text=True, check=False)
    return done.returncode


BAD = [
    (("types",), 7), (("act2", "one"), figures(arrivals=29)), (("act1", "two"), figures(worst=4.1)),
    (("act1", "two"), figures(worst=None)), (("sick", "launch_calls_failed"), 21), (("sick", "launch_calls_failed"), 0),
    (("sick", "state"), "live: Bad image"), (("sick", "state"), "quarantined: for some reason"),
    (("sick", "pending_start"), 100), (("status_age_max_s",), 2.1), (("live_instances_reported",), 11),
    (("live_instances_worst_difference",), 1),
    (("live_instances_age_max_s",), 9.0), (("kill",), {"stopped_at": 1}), (("act1",), {}),
]


def test_report(folder):
    check(judged(folder, GOOD) == 0, "a good report passes")
    for path, value in BAD:
        check(judged(folder, changed(path, value)) == 1, f"{'.'.join(path)} = {json.dumps(value)[:60]} fails")
    check(judged(folder, changed(("breakers",), False) | {"sick": dict(GOOD["sick"], state="live", codes=[])}) == 0,
          "with breakers off the sick type's state does not matter")
    checked = {"launch_calls_failed": 0, "launched_act2": 9, "state_act2": "live: launching",
               "state": "unlaunchable: all left out: ami-1 is hvm; m1.small boots only paravirtual"}
    check(judged(folder, GOOD | {"preflight": True, "sick": GOOD["sick"] | checked}) == 0, "a good report with preflight on passes")
    for wrong in ({"launch_calls_failed": 1}, {"state": checked["state"].replace("unlaunchable", "live")},
                  {"state": "unlaunchable: for some reason"}, {"launched_act2": 0}, {"state_act2": checked["state"]}):
        check(judged(folder, GOOD | {"preflight": True, "sick": GOOD["sick"] | checked | wrong}) == 1,
              f"with preflight on {json.dumps(wrong)[:60]} fails")
    check(judged(folder, GOOD, GOOD) == 0, "the same figures without the sick type pass")
    check(judged(folder, changed(("small", "one"), figures(median=1.31)), GOOD) == 1, "a slower median fails")
    check(judged(folder, changed(("small", "one"), figures(median=1.29)), GOOD) == 0, "within 0.3 s it passes")
    killed = {"kill": {"respawned_at": 1, "successor_at": 2}, "worker_deaths": {"sick": 2}}
    check(judged(folder, GOOD | killed) == 0, "two deaths of the sick type's worker pass")
    check(judged(folder, GOOD | killed | {"worker_deaths": {"sick": 2, "one": 1}}) == 1, "another's death fails")


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_measure(folder)
        test_ceiling(folder)
        test_report(folder)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
