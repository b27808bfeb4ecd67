#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""`make mutants` in short: each mutant still applies to the code of today, and a few of them are built and caught."""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402


def main():
    points = Points()
    mutants = json.loads((ROOT / "tests/mutants/mutants.json").read_text())["mutants"]
    stale = [one["name"] for one in mutants if (ROOT / one["file"]).read_text().count(one["from"]) != 1]
    points.check(len(mutants) >= 30 and not stale, f"each of {len(mutants)} mutants has its place in the code", stale)
    done = subprocess.run([str(ROOT / "tests/mutants/run"), "--only", "share", "--tests", "arbiter_headroom"],
                          capture_output=True, text=True, timeout=240, check=False)
    caught = re.findall(r"^caught +(\S+)", done.stdout, re.MULTILINE)
    points.check("share-is-doubled" in caught and "share-is-for-nobody" in caught,
                 "mutants are built and caught by the test that is meant", done.stdout + done.stderr)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
