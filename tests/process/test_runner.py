#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The test runner must not be fooled: each way in which a test program can fail silently is a failure of the run."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("runner", str(ROOT / "tests/run"))
runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
loader.exec_module(runner)
runner.TO_NOTICE_S = 2

CASES = [
    ("a program whose points all pass passes", "echo 1..2; echo ok 1 - a; echo ok 2 - b", (2, 0, 0)),
    ("a failed point is a failure", "echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1", (1, 1, 0)),
    ("a skipped point counts as skipped", "echo 1..1; echo 'ok 1 - a # SKIP no reason'", (0, 0, 1)),
    ("a program that is skipped as a whole counts as skipped", "echo '1..0 # SKIP no reason'", (0, 0, 1)),
    ("no plan is a failure", "echo ok 1 - a", (1, 1, 0)),
    ("no output is a failure", "true", (0, 1, 0)),
    ("fewer points than planned is a failure", "echo 1..3; echo ok 1 - a", (1, 1, 0)),
    ("a status that no point explains is a failure", "echo 1..1; echo ok 1 - a; exit 3", (1, 1, 0)),
    ("a crash is a failure", "echo 1..1; echo ok 1 - a; kill -SEGV $$", (1, 1, 0)),
    ("a process left behind is a failure", "echo 1..1; echo ok 1 - a; sleep 600 &", (1, 1, 0)),
    ("a hang is ended at the time limit with all it started", "echo 1..1; sleep 600 & wait", (0, 1, 0)),
    ("a sanitizer report is a failure",
     'echo 1..1; echo ok 1 - a; r=${ASAN_OPTIONS#log_path=}; echo bad >"${r%%:*}.1"', (1, 1, 0)),
    ("several plans of one cmocka program add up", "echo 1..1; echo ok 1 - a; echo 1..1; echo ok 1 - b", (2, 0, 0)),
]


def failures_are_recalled(folder):
    path = Path(folder) / "recalled"
    path.write_text("#!/bin/sh\necho 1..2; echo not ok 1 - a; echo '# why'; echo ok 2 - b; sleep 600 & exit 1\n")
    program = runner.Program("process", path, ["/bin/sh", str(path)])
    lines = runner.recall(program, runner.run(program, Path(folder), Path(folder)))
    return lines == [f"  FAIL  process/recalled: {text}" for text in ("it left processes behind", "not ok 1 - a", "# why")]


def main():
    print(f"1..{len(CASES) + 2}")
    failed = 0
    os.environ.pop("ASAN_OPTIONS", None)
    with tempfile.TemporaryDirectory() as folder:
        for number, (sentence, text, expected) in enumerate(CASES, 1):
            path = Path(folder) / f"case{number}"
            path.write_text("#!/bin/sh\n" + text + "\n")
            program = runner.Program("process", path, ["/bin/sh", str(path)])
            program.limit = 1 if "time limit" in sentence else 30
            outcome = runner.run(program, Path(folder), Path(folder))
            got = (outcome.passed, outcome.failed, outcome.skipped)
            failed += got != expected
            print(f"{'ok' if got == expected else 'not ok'} {number} - {sentence}")
            if got != expected:
                print(f"# expected {expected}, got {got}: {outcome.complaints}")
        absent = runner.run(runner.Program("unit", Path(folder) / "absent", ["absent"]), Path(folder), Path(folder))
        failed += absent.failed != 1
        print(f"{'ok' if absent.failed == 1 else 'not ok'} {len(CASES) + 1} - a program that was not built is a failure")
        recalled = failures_are_recalled(folder)
        failed += not recalled
        print(f"{'ok' if recalled else 'not ok'} {len(CASES) + 2} - the end of the output says once more what failed and why")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
