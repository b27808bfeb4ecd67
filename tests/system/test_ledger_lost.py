#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""What is believed of a ledger: an unknown lease ends although the daemon is killed again and again; a ledger whose file
was deleted is told from a first start, and what runs is adopted; a first start waits for no grace and for no dark region."""
import json
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
LONG = 3600  # seconds: a grace that no test outlives
DARK = {"match": {"action": "DescribeInstances", "region": "us-west-2"}, "effect": {"reset": "before"}}


def world(faults=(), grace=LONG, **more):
    scenario = {"queues": {"alpha": {}}, "throttle": False, "workers": WORKERS, "faults": list(faults)}
    return World(scenario, types=[type_document("alpha")], tmpfs=False, intervals={"grace": grace}, **more)


def answer(here, *words):
    try:
        return ask(here.run_dir, *words)
    except NoAnswer:
        return None


def alarms(here):
    found = answer(here, "status")
    return {alarm["kind"] for alarm in found["body"]["alarms"]} if found else None


def kinds(here):
    """Of the events since the last start; None: no answer."""
    found = answer(here, "events", "", {"last": 500})
    if not found:
        return None
    all_kinds = [event["kind"] for event in found["body"]["events"]]
    return all_kinds[len(all_kinds) - 1 - all_kinds[::-1].index("started"):] if "started" in all_kinds else []


def truth(here):
    return here.cloud.state()["types"]["alpha"]


def launches(here):
    return [line for line in here.journal("requestStart", "RunInstances") if not line["params"].get("dryRun")]


def kill(here):
    here.child.send_signal(signal.SIGKILL)
    here.child.wait()


def set_grace(here, grace):
    path = here.folder / "provisiond.json"
    path.write_text(json.dumps(dict(json.loads(path.read_text()), grace=grace)))


def run_tasks(here, count, claimed):
    here.add_tasks("alpha", count, duration=3600)
    here.until(lambda: truth(here)["claimed"] == claimed, f"{claimed} tasks to run")


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
    grace, life = 30, 10
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


# ---- a ledger whose file is gone ----

def deleted(tap):
    with world() as here:
        run_tasks(here, 2, 2)
        here.until(lambda: here.open_leases() == 0, "leases to end")
        before = {line["params"]["token"] for line in launches(here)}
        kill(here)
        for path in here.state_dir.glob("ledger.db*"):
            path.unlink()
        here.start()
        here.until(lambda: "ledger-lost" in (alarms(here) or ()), "the alarm")
        tap.check("ledger-lost" in kinds(here), "a deleted ledger is told from a first start: an alarm and an event",
                  kinds(here))
        here.until(lambda: here.ask_ledger("SELECT count(*) FROM instances") == [(2,)], "both instances to be adopted")
        kill(here)
        here.start()
        here.until(lambda: alarms(here) is not None, "the next start")
        tap.check("ledger-lost" in alarms(here), "the next start does not take its new ledger for a whole one")
        kill(here)
        set_grace(here, "6s")
        here.start()
        here.add_tasks("alpha", 1, duration=3600)
        here.until(lambda: truth(here)["claimed"] == 3, "the third task to run, after one grace")
        after = {line["params"]["token"] for line in launches(here)} - before
        tap.check(truth(here)["launched"] == 3 and len(after) == 1, "what runs was adopted, nothing was launched twice",
                  truth(here))
        old = {token.rsplit("-", 1)[0] for token in before}
        tap.check(not old & {token.rsplit("-", 1)[0] for token in after}, "and tokens are of a new incarnation")
        here.until(lambda: "ledger-lost" not in (alarms(here) or ("ledger-lost",)), "the alarm to end")
        tap.check(here.ask_ledger("SELECT key FROM meta WHERE key IN ('rebuilt', 'first-start')") == [],
                  "after one grace the ledger is trusted again")


# ---- a first start ----

def first_start(tap):
    with world() as here:
        run_tasks(here, 1, 1)
        tap.check("ledger-lost" not in alarms(here), "a first start raises no alarm and waits for no grace")
        here.until(lambda: here.ask_ledger("SELECT key FROM meta WHERE key = 'first-start'") == [],
                   "all regions to be listed")
        kill(here)
        here.start()
        run_tasks(here, 1, 2)
        tap.check("ledger-lost" not in alarms(here), "and a second start finds its ledger whole")


def first_start_in_the_dark(tap):
    with world([DARK]) as here:
        run_tasks(here, 1, 1)
        tap.check(True, "a region that is dark at the first start stops nothing elsewhere")
        kill(here)
        here.start()
        run_tasks(here, 1, 2)
        tap.check(all(line["region"] != "us-west-2" for line in launches(here)),
                  "nor does a restart, and in the dark nothing is launched", [line["region"] for line in launches(here)])


if __name__ == "__main__":
    sys.exit(Tap().run(crash_loop, deleted, first_start, first_start_in_the_dark))
