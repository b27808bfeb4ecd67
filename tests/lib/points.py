# SPDX-License-Identifier: MPL-2.0
"""The points of one test program, printed as TAP while they are made. What Tap (tests/system/harness.py) builds on; enough
by itself for a program that is a list of checks."""


class Points:
    def __init__(self):
        self.points = []

    def check(self, holds, sentence, detail=""):
        self.points.append(bool(holds))
        print(f"{'ok' if holds else 'not ok'} {len(self.points)} - {sentence}", flush=True)
        if not holds:
            for line in str(detail).splitlines()[-30:]:
                print(f"# {line}", flush=True)

    def skip(self, sentence, why):
        """What this machine cannot do."""
        self.check(True, f"{sentence} # SKIP {why}")

    def end(self):
        """Returns the exit status: a program without a point is no success."""
        print(f"1..{len(self.points)}", flush=True)
        return 0 if self.points and all(self.points) else 1
