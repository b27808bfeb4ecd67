# SPDX-License-Identifier: MPL-2.0
"""For conformance tests: a program of ours or theirs that answers each line with a line, and the TAP of the cases that
are put to it."""
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()

CASES = []


def case(sentence):
    def add(function):
        CASES.append((sentence, function))
        return function
    return add


def equal(have, want, what=""):
    if have != want:
        raise AssertionError(f"{what}{have!r} instead of {want!r}")


class Talker:
    """Talks in JSON lines; its answers are lines."""

    def __init__(self, *command, **more):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, **more)

    def ask(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"{self.process.args[0]} ended at {line}")
        return answer.rstrip("\n")

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(30)
        if status != 0:
            raise AssertionError(f"{self.process.args[0]} ended with {status}")


def run_cases(tool, make_bench, sentence_of_end):
    """All cases on one bench, which has a close(); returns the exit status."""
    print(f"1..{len(CASES) + 1}")
    if not tool.exists():
        print(f"Bail out! {tool} is not built")
        return 1
    bench = make_bench()
    failed = 0
    for number, (sentence, function) in enumerate([*CASES, (sentence_of_end, lambda bench: bench.close())], 1):
        try:
            function(bench)
            print(f"ok {number} - {sentence}")
        except Exception as error:  # one case must not hide the others
            failed += 1
            print(f"not ok {number} - {sentence}")
            print("\n".join(f"# {line}" for line in f"{type(error).__name__}: {error}"[:3000].splitlines()))
    return 1 if failed else 0
