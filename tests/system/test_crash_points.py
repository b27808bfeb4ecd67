#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 600
"""Visits every crash point of common/crash_points.def: in a small world where everything happens once (launches, a lost
answer, a renewal, a refusal, a failed listing, a termination, a reload, a backup), the process that passes the point
gets SIGKILL there, its successor takes over, all must become quiet, and the chaos checker judges journal and ledger.

    test_crash_points.py [POINT...]     only these
"""
import concurrent.futures
import re
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/chaos"), str(ROOT / "tests/lib")]
import check  # noqa: E402
from control_client import NoAnswer, ask  # noqa: E402
from world import BUILD, Failed, World, fleet, make_config  # noqa: E402

AT_ONCE = 4        # worlds side by side: they mostly wait
VISIT_LIMIT = 60   # seconds until the point is passed
CALM_LIMIT = 60
CAPS = check.Caps(6, 6, {"alpha": 4, "aleph": 2})
SCENARIO = {
    "queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": 3, "duration": 0.5},
                                      {"kind": "burst", "at": 4, "tasks": 2, "duration": 0.5}]}, "aleph": {}},
    "throttle": False, "claimExpiry": 2, "latencyMs": {"RunInstances": 150},
    "workers": {"bootTime": 0.2, "firstClaimAfter": 0.1, "idleAfter": 1, "shutdownTime": 0.2},
    "faults": [
        # One after the other: each stands aside once it has struck so often. A DryRun may take any of them.
        {"match": {"action": "RunInstances"}, "times": 3, "effect": {"reset": "before"}},
        {"match": {"action": "RunInstances"}, "times": 1, "effect": {"reset": "after"}},
        {"match": {"action": "RunInstances"}, "times": 1, "effect": {"error": "InsufficientInstanceCapacity"}},
        {"match": {"action": "RunInstances"}, "times": 3, "effect": {"neverClaim": True}},
        {"match": {"action": "DescribeInstances"}, "from": 1, "times": 6, "effect": {"error": "InternalError"}},
    ],
}


def points():
    text = (ROOT / "common/crash_points.def").read_text()
    return re.findall(r"^POINT\((\w+),", text, re.MULTILINE)


def type_document(name, most):
    return make_config.worker_type(name, ("m3.medium", "c4.large"), fleet.IMAGE_HVM, most, canary=0, settle="2s",
                                   bootLimit="1500ms", maxLifetime="3s")


class Visit:
    def __init__(self, point):
        self.point = point
        self.world = World(SCENARIO, BUILD / "crash/provisiond", [type_document("alpha", 4)], tmpfs=False,
                           intervals={"grace": 1.5, "pricePoll": 0.5}, maxCapacity=6, maxInstances=6)
        self.mark = self.world.folder / "crashed"
        self.world.environment = {"PROVISIOND_CRASH_AT": point, "PROVISIOND_CRASH_MARK": str(self.mark)}
        self.began, self.reloaded, self.copies = time.monotonic(), 0, 0

    def run(self):
        """None, or what went wrong."""
        if self.point.endswith("_aside"):
            self.world.state_dir.mkdir(mode=0o700)
            (self.world.state_dir / "ledger.db").write_bytes(b"this is no database " * 500)
        with self.world as world:
            deadline = time.monotonic() + VISIT_LIMIT
            while not self.mark.exists():
                if time.monotonic() > deadline:
                    return f"not visited in {VISIT_LIMIT} s\n" + "\n".join(world.log_text().splitlines()[-10:])
                world.keep_alive()
                self.provoke()
                time.sleep(0.05)
            world.until(lambda: world.cloud.state()["types"]["alpha"]["arrived"] == 5 and world.idle(),
                        "all tasks done and all leases over", CALM_LIMIT)
            world.stop_daemon()
            it = check.judge(world.cloud.journal, world.state_dir / "ledger.db", CAPS)
            return "\n".join(it.violations) or None

    def provoke(self):
        """What happens only when an operator is there: questions, a new type, a backup."""
        elapsed = time.monotonic() - self.began
        if elapsed > 1 and self.reloaded != self.world.starts:
            self.reloaded = self.world.starts
            self.world.write_type(dict(type_document("aleph", 2), canUseOndemand=True,  # such a type is told prices
                                       description=f"start {self.reloaded}"))
            self.world.send(self.world.child.pid, signal.SIGHUP)
        try:
            if "backup" in self.point:
                self.copies += 1
                ask(self.world.run_dir, "backup", "", {"file": str(self.world.folder / f"copy-{self.copies}.db")}, 300)
            elif "judge" in self.point:
                ask(self.world.run_dir, "preflight", "aleph", None, 300)
            elif "answer" in self.point:
                ask(self.world.run_dir, "status", "", None, 300)
        except NoAnswer:
            pass


def visit(point):
    try:
        return Visit(point).run()
    except Failed as problem:
        return str(problem)


def main():
    chosen = sys.argv[1:] or points()
    failed = 0
    print(f"1..{len(chosen) + 1}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for number, (point, problem) in enumerate(zip(chosen, pool.map(visit, chosen)), 1):
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} {number} - killed at {point}: nothing is lost, nothing launched "
                  "twice", flush=True)
            for line in (problem or "").splitlines():
                print(f"# {line[:300]}", flush=True)
    enough = len(points()) >= 25
    print(f"{'ok' if enough else 'not ok'} {len(chosen) + 1} - the table has {len(points())} points, at least 25")
    return 1 if failed or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
