#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""What is believed of a ledger: an unknown lease ends although the daemon is killed again and again."""
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/chaos"), str(ROOT / "tests/system"), str(ROOT / "tests/lib")]
from control_client import NoAnswer, ask  # noqa: E402
from harness import Tap  # noqa: E402
from world import World, type_document  # noqa: E402

WORKERS = {"bootTime": 0.2, "firstClaimAfter": 0.1, "idleAfter": 3600}


def world(faults, grace, **more):
    scenario = {"queues": {"alpha": {}}, "throttle": False, "workers": WORKERS, "faults": list(faults)}
    return World(scenario, types=[type_document("alpha")], tmpfs=False, intervals={"grace": grace}, **more)


def answer(here, *words):
    try:
        return ask(here.run_dir, *words)
    except NoAnswer:
        return None


def launches(here):
    return [line for line in here.journal("requestStart", "RunInstances") if not line["params"].get("dryRun")]


def kill(here):
    here.child.send_signal(signal.SIGKILL)
    here.child.wait()


# ---- an unknown lease and a daemon that dies again and again ----

def listed(here):
    return len(here.journal("request", "DescribeInstances"))


def one_life(here, least):
    """From a start until some listings were made and `least` seconds are over, or the lease has ended."""
    here.start()
    began, before = time.monotonic(), listed(here)
    while here.open_leases() != 0 and time.monotonic() < began + 60 and \
            (time.monotonic() < began + least or listed(here) < before + 8):
        time.sleep(0.05)
    return time.monotonic() - began


def crash_loop(tap):
    grace, life = 12, 4
    lost = {"match": {"action": "RunInstances"}, "effect": {"reset": "before"}}
    with world([lost], grace=grace) as here:
        here.add_tasks("alpha", 1, duration=3600)
        here.until(lambda: here.open_leases() == 1 and launches(here), "a launch whose outcome is unknown")
        here.until(lambda: answer(here, "pause", "alpha"), "the type to be paused: nobody asks for that lease again")
        lives, deadline = [], time.monotonic() + 150
        while here.open_leases() != 0 and time.monotonic() < deadline:
            kill(here)
            lives.append(one_life(here, life))
        how = here.ask_ledger("SELECT how FROM grants")
        tap.check(here.open_leases() == 0 and set(how) == {("void",)},
                  "an unknown lease ends although the daemon is killed again and again", (lives, how))
        tap.check(len(lives) >= 2, f"it took {len(lives)} lives, the longest of {max(lives):.1f} s; its grace is {grace} s")


if __name__ == "__main__":
    sys.exit(Tap().run(crash_loop))
