#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Shows `provisionctl watch` as an operator sees it during the demo: plays a shortened 2016 day, opens watch in a tmux of
120x32 and of 80x24, presses keys, and writes what stands there. docs/img/watch.txt is made by it:
    tests/demo/capture_watch.py [--act SECONDS] > docs/img/watch.txt"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fleet  # noqa: E402
from processes import BUILD, ROOT, end, wait_until  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from tmux import Tmux  # noqa: E402


def show(caption, lines):
    print(f"---- {caption} ----\n")
    print("\n".join(lines).rstrip() + "\n", flush=True)


def is_list(lines):
    return lines and lines[-1].startswith("q quit") and lines[0].startswith("provisiond ")


def mark(tmux, name):
    """Moves the mark up, row by row, until it stands at this type: the rows are sorted by lag, the one that hurts is above."""
    for _ in range(100):
        marked = next(line for line in tmux.until(lambda lines: any(one.startswith("> ") for one in lines), "a mark")
                      if line.startswith("> "))
        if marked.split()[1] == name:
            return
        tmux.press("k")
        tmux.until(lambda lines, old=marked: not any(one.startswith("> " + old.split()[1] + " ") for one in lines), "the mark to move")
    raise AssertionError(f"{name} is not to be found upwards")


def first_act(tmux, act):
    tmux.until(lambda lines: is_list(lines) and any(line.startswith("ALARM quarantine") for line in lines), "the quarantine",
               fleet.LEAD_IN + act)
    show("act 1, 120x32: desktop-test's image does not boot; it is quarantined, and nobody else waits", tmux.until(is_list, "list"))
    mark(tmux, "desktop-test")
    tmux.press("Enter")
    show("k, k, ..., Enter: everything about the marked type", tmux.until(lambda lines: lines[-1].startswith("q back"), "the page"))
    tmux.press("a")
    show("a: alarms", tmux.until(lambda lines: "raised" in lines[0], "alarms"))
    tmux.press("q")


def second_act(tmux):
    show("act 2, 120x32: the right image; its valid launches want everything", tmux.until(is_list, "list"))
    tmux.press("t")
    show("t: processes", tmux.until(lambda lines: "since the last look" in lines[0], "processes"))
    tmux.press("q")
    tmux.until(is_list, "list")
    tmux.resize(80, 24)
    show("the same in 80x24: columns give way, the whole reason stands below",
         tmux.until(lambda lines: is_list(lines) and len(lines) == 24, "list"))


def play(folder, act):
    demo = subprocess.Popen([sys.executable, str(ROOT / "tests/demo/run_demo.py"), "--act", str(act), "--plain", "--folder",
                             str(folder / "demo"), "--deployment", f"watch-{os.getpid()}"], stdout=subprocess.DEVNULL)
    try:
        config = folder / "demo/provisiond.json"
        wait_until(config.exists, 30, "the configuration")
        run_dir = json.loads(config.read_text())["runDir"]
        wait_until((Path(run_dir) / "control.sock").exists, 30, "the daemon")
        begun = time.monotonic()
        with Tmux(120, 32, BUILD / "provisionctl", "--run-dir", run_dir, "watch") as tmux:
            first_act(tmux, act)
            wait_until(lambda: time.monotonic() - begun > fleet.LEAD_IN + act * 1.6, 10 * act, "the second act")
            second_act(tmux)
    finally:
        end(demo)


def main():
    parser = argparse.ArgumentParser(description="shows provisionctl watch during the demo")
    parser.add_argument("--act", type=float, default=40, help="seconds of each act")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pd-watch-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        play(folder, options.act)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
