#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 400
"""The demo in short: lead-in and two acts of 20 s with all hundred types, judged like the long one. A busy machine may
be slow, so the wait of the small types is judged against a wide limit here; the real one is `make demo`'s."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402
SMALL_LIMIT = 40.0  # seconds, 2 to 4 on a machine that has time; in 2016 it was 59 minutes

points = Points()
check = points.check


def judge(folder, report):
    sick = report["sick"]
    check(report["types"] == 100 and sick["pending_start"] >= 6000, "a hundred types, and one has 6,000 tasks waiting",
          (report["types"], sick["pending_start"]))
    check(1 <= sick["launch_calls_failed"] <= 20, "act 1: few calls of the sick type are refused",
          sick["launch_calls_failed"])
    check((sick["state"] or "").startswith("quarantined") and any(code in sick["state"] for code in sick["codes"]),
          "act 1: it is quarantined, and its state names EC2's code", sick)
    check(sick["launched_act2"] > 0, "act 2: with the right image it launches", sick)
    for act in ("act1", "act2"):
        for name, figures in report[act].items():
            worst = figures["first_pending_to_launch_request_s"]
            check(figures["arrivals"] > 0 and worst is not None and worst <= SMALL_LIMIT,
                  f"{act}: {name} is not starved ({figures['arrivals']} arrivals, {worst} s at worst)", figures)
    within = report["live_instances_true_within_poll"]
    check(within and within[0] <= report["live_instances_reported"] <= within[1],
          "the live instances shown are the truth within one poll", (report["live_instances_reported"], within))
    judged = subprocess.run([sys.executable, str(ROOT / "tests/demo/check_ceiling.py"),
                             str(folder / "journal.jsonl"), str(folder)], capture_output=True, text=True, check=False)
    check(judged.returncode == 0, "no launch went beyond demand, floor and one lot, or the ceiling", judged.stdout)


def main():
    folder = Path(tempfile.mkdtemp(prefix="pd-demo-test-"))
    try:
        done = subprocess.run([sys.executable, str(ROOT / "tests/demo/run_demo.py"), "--act", "20", "--plain",
                               "--deployment", "demo-short",
                               "--folder", str(folder / "demo")], capture_output=True, text=True, timeout=300,
                              check=False)
        check(done.returncode == 0, "the demo comes to its end", done.stdout + done.stderr)
        if done.returncode == 0:
            judge(folder / "demo", json.loads((folder / "demo/report.json").read_text()))
        else:
            kept = BUILD / "test-logs/demo-short-provisiond.log"
            shutil.copy(folder / "demo/provisiond.log", kept)
            print(f"# the daemon's log is kept in {kept}")
    except (OSError, subprocess.TimeoutExpired) as problem:
        check(False, "the demo could be run", problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
