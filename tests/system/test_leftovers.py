#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 240
"""What is left over: a token whose instance died before anybody saw it, and instances in a region that was removed from
the configuration."""
import json
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/chaos"), str(ROOT / "tests/system"), str(ROOT / "tests/lib")]
import check  # noqa: E402
from control_client import ask  # noqa: E402
from harness import Tap  # noqa: E402
from world import World, fleet, type_document  # noqa: E402

WORKERS = {"bootTime": 0.2, "firstClaimAfter": 0.1, "idleAfter": 3600}


def launches(here):
    return [line for line in here.journal("request", "RunInstances") if not line["params"].get("dryRun")]


# ---- a token bound to an instance that is dead ----

def dead_token(tap):
    """The launch happens, its answer is lost, the instance dies unseen: the same token can never launch again."""
    scenario = {"queues": {"alpha": {}}, "throttle": False, "workers": dict(WORKERS, shutdownTime=0.01)}
    with World(scenario, types=[type_document("alpha")], tmpfs=False, intervals={"grace": 15}) as here:
        here.until(lambda: any(line.get("code") == "DryRunOperation" for line in here.journal("request", "RunInstances")),
                   "the DryRun, which would take the fault")
        for effect in ({"reset": "after", "slowMs": 1000},
                       {"listDelay": 3600, "killAfter": {"seconds": 0.05, "stateReason": "Server.InternalError"}}):
            here.cloud.ask("/_sim/fault", {"match": {"action": "RunInstances"}, "times": 1, "effect": effect})
        here.add_tasks("alpha", 1, duration=3600)
        here.until(lambda: any(line.get("code") == "IdempotentInstanceTerminated" for line in launches(here)),
                   "the token to be refused: its instance is dead")
        tap.check(True, "an unknown launch is asked for again with its token, which is bound to a dead instance")
        here.until(lambda: here.cloud.state()["types"]["alpha"]["claimed"] == 1 and here.open_leases() == 0,
                   "the task to run on another instance")
        ends = here.ask_ledger("SELECT how FROM grants ORDER BY number")
        tokens = {line["params"]["token"] for line in launches(here)}
        tap.check(ends[0] == ("void",) and len(tokens) == 2, "a listing settles that lease; a new grant has a new token",
                  (ends, tokens))
        here.stop_daemon()
        it = check.judge(here.cloud.journal, here.state_dir / "ledger.db", check.Caps(13, 10, {"alpha": 5}), True)
        tap.check(not it.violations, "the checker finds no violation", it.violations)


# ---- a region that is no longer configured ----

def in_region(name, region):
    document = type_document(name)
    document["regions"] = [one for one in document["regions"] if one["region"] == region]
    return document


def set_regions(here, names):
    path = here.folder / "provisiond.json"
    settings = json.loads(path.read_text())
    settings["regions"] = [{"name": name, "zones": fleet.ZONES[name]} for name in names]
    path.write_text(json.dumps(settings))


def restart(here):
    here.child.send_signal(signal.SIGKILL)
    here.child.wait()
    here.start()


def shown(here, name):
    return next((one for one in ask(here.run_dir, "status", "")["body"]["types"] if one["name"] == name), None)


def live(here):
    return sorted(row["region"] for row in here.cloud.ask("/_sim/instances") if row["state"] == "running")


def removed_region(tap):
    scenario = {"queues": {"alpha": {}, "beta": {}}, "throttle": False, "workers": WORKERS}
    with World(scenario, types=[in_region("alpha", "us-east-1"), in_region("beta", "us-west-2")], tmpfs=False) as here:
        here.add_tasks("alpha", 1, duration=3600)
        here.add_tasks("beta", 1, duration=3600)
        here.until(lambda: live(here) == ["us-east-1", "us-west-2"] and here.open_leases() == 0, "an instance in each region")
        here.write_type(in_region("beta", "us-east-1"))
        set_regions(here, ["us-east-1"])
        answer = ask(here.run_dir, "reload")
        tap.check(not answer["ok"] and "regions" in answer["text"], "a reload says that a region is removed by a restart only",
                  answer)
        restart(here)
        here.until(lambda: shown(here, "alpha") and shown(here, "alpha")["occupying"]["value"] == 1, "the restart")
        here.add_tasks("alpha", 1, duration=3600)
        here.until(lambda: here.cloud.state()["types"]["alpha"]["claimed"] == 2, "the other region to go on")
        tap.check(shown(here, "beta")["occupying"]["value"] == 1,
                  "what runs in a removed region goes on counting against the caps", shown(here, "beta"))
        tap.check("us-west-2" in live(here) and not here.journal("request", "TerminateInstances"), "and is left alone")
        set_regions(here, ["us-east-1", "us-west-2"])
        restart(here)
        here.until(lambda: shown(here, "beta") and shown(here, "beta")["serving"]["value"] == 1,
                   "the region to be listed again")
        tap.check(shown(here, "beta")["occupying"]["value"] == 1, "once the region is back its instance is known, once")


if __name__ == "__main__":
    sys.exit(Tap().run(dead_token, removed_region))
