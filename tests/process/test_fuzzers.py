#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 180
"""Each fuzzer for so many inputs, from its seeds (`make fuzz SECONDS=300` is the long form): no crash, leak or hang."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BUILD = Path(os.environ.get("BUILD", "build")).absolute() / "fuzzing"
NAMES = ("configuration", "control", "ec2_answer", "message", "queue_answer")
RUNS = 10000  # inputs, some seconds
LEAST = 200   # where even a minute did not give so many: fewer is no run
LIMIT = 60    # seconds


def run(name, folder):
    """(inputs, what went wrong or "")"""
    program, corpus = BUILD / f"fuzz/fuzz_{name}", folder / name
    corpus.mkdir()
    subprocess.run([str(BUILD / "tools/fuzz_seeds"), program.name, str(corpus)], check=True)
    done = subprocess.run([str(program), f"-runs={RUNS}", f"-max_total_time={LIMIT}", "-timeout=60", "-rss_limit_mb=2048",
                           "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(corpus)],
                          check=False, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT + 120)
    count = re.search(r"number_of_executed_units: (\d+)", done.stdout)
    return int(count.group(1)) if count else 0, done.stdout[-3000:] if done.returncode else ""


def main():
    print(f"1..{len(NAMES) + 1}")
    if not BUILD.exists():
        for number in range(1, len(NAMES) + 2):
            print(f"ok {number} - fuzzers # SKIP there is no clang")
        return 0
    built = sorted(path.name.removeprefix("fuzz_") for path in (BUILD / "fuzz").glob("fuzz_*") if path.suffix == "")
    failed = built != list(NAMES)
    print(f"{'not ok' if failed else 'ok'} 1 - every fuzzer is run here: {', '.join(built)}")
    with tempfile.TemporaryDirectory(prefix="pd-fuzz-") as folder:
        for number, name in enumerate(NAMES, 2):
            count, problem = run(name, Path(folder))
            good = not problem and count >= LEAST
            failed |= not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {count} inputs, no crash, no leak, no hang", flush=True)
            for line in problem.splitlines()[-40:]:
                print(f"# {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
