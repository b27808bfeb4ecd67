#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 420
"""The chaos test in its short form (tests/chaos/run.py; `make chaos` is the long one), and its control beside it: a
daemon that commits a grant after sending it, in which the checker must find what went wrong."""
import concurrent.futures
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/chaos"))
import run  # noqa: E402
from world import BUILD  # noqa: E402

KILLS = int(os.environ.get("CHAOS_KILLS", "170"))
SEED = int(os.environ.get("CHAOS_SEED", "5"))
CONTROL_KILLS = 60


def point(number, holds, sentence, details=()):
    print(f"{'ok' if holds else 'not ok'} {number} - {sentence}", flush=True)
    for text in details:
        print(f"# {str(text)[:400]}", flush=True)
    return holds


def main():
    print("1..4")
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        control = pool.submit(run.run, CONTROL_KILLS, SEED, BUILD / "chaos-control/provisiond", control=True,
                              calm_limit=30)
        violations, quiet, figures = run.run(KILLS, SEED)
        found, _, control_figures = control.result()
    what = f"{sum(figures['kills'].values())} kills, {figures['launches']} launches, {figures['unknown']} unknown"
    good = point(1, not violations, f"{what}: the checker finds no violation", violations + [json.dumps(figures)])
    good &= point(2, not quiet, "the run was not too quiet to mean anything", quiet)
    lost = [text for text in found if "without a grant" in text]
    good &= point(3, bool(lost), "a daemon that commits after sending: the checker finds launches without a grant",
                  [json.dumps(control_figures)])
    good &= point(4, any("0 granted" in text for text in found), "and instances that nobody granted")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
