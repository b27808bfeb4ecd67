#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""docs/INCIDENTS.md is what the tests say, and every case has a test or stands in the list of those that have none."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))
import incidents  # noqa: E402

# Named, so that a missing test is not a surprise: each needs a reason here.
WITHOUT_TEST = {
    "P10": "memory of the whole tree is measured by the scale benchmark, not by a test",
}


def main():
    text, missing, strangers = incidents.page()
    points = [
        ((ROOT / "docs/INCIDENTS.md").read_text(encoding="utf-8") == text,
         "docs/INCIDENTS.md is what tests/lib/incidents.py prints (run it and redirect into the page)"),
        (sorted(missing) == sorted(WITHOUT_TEST), f"every case is named by a test, but {', '.join(WITHOUT_TEST)}"),
        (not strangers, "tests name no case that is not in the list"),
    ]
    print(f"1..{len(points)}")
    for number, (holds, sentence) in enumerate(points, 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {sentence}")
    if sorted(missing) != sorted(WITHOUT_TEST):
        print("# without a test:", ", ".join(missing))
    if strangers:
        print("# not in the list:", ", ".join(strangers))
    return 0 if all(holds for holds, _ in points) else 1


if __name__ == "__main__":
    sys.exit(main())
