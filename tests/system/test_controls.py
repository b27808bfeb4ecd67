#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 420
"""What operators change while the daemon runs, each with its effect, its event (who and when), and what a restart or a
reload leaves of it. Real workers and the simulated cloud where the effect is a launch; scripted workers where an outcome
must stay unknown or a ledger be lost."""
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402
from processes import Daemon as RealDaemon  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/process"))
from test_supervisor import Daemon as ScriptedDaemon  # noqa: E402

FAST = {"bootTime": 0.5, "firstClaimAfter": 0.1, "idleAfter": 3600}
CALM = {"queues": {"alpha": {}}, "workers": FAST, "throttle": False}


def World(scenario, types, **settings):
    return AnyWorld(scenario, types, deploymentId=f"controls-{os.getpid()}", **settings)


def tell(world, command, name="", argument=None):
    return ask(world.folder / "run", command, name, argument)


def type_of(world, name="alpha"):
    return tell(world, "status", name)["body"]["types"][0]


def events(world, kind):
    return [one for one in tell(world, "events", "", {"last": 1000})["body"]["events"] if one["kind"] == kind]


def restart_killed(world):
    world.daemon.child.send_signal(signal.SIGKILL)
    world.daemon.child.wait()
    world.daemon.log.close()
    world.daemon = RealDaemon(world.folder / "provisiond.json", world.folder, world.folder / "run")


def launched_in(world):
    return {line["region"] for line in world.journal("request", "RunInstances") if line.get("launched")}


def frozen_regions(world):
    return {one["name"] for one in tell(world, "status")["body"]["regions"] if one["state"] == "frozen"}


def freeze(tap):
    """Of one region and of all; it outlives a killed supervisor, and thaw ends only what it names."""
    regions = ("us-east-1", "us-west-2")
    with World(CALM, [simple_type("alpha", regions=regions)], regions=regions) as world:
        world.until_polled()
        told = tell(world, "freeze", "us-east-1")
        world.until(lambda: frozen_regions(world) == {"us-east-1"}, "the region to be shown as frozen")
        tap.check(told["ok"], "a frozen region is shown as such", told)
        world.add_tasks("alpha", 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the task to run")
        tap.check(launched_in(world) == {"us-west-2"}, "only in the other region something is launched",
                  launched_in(world))
        tap.check(tell(world, "freeze")["ok"] and frozen_regions(world) == set(regions), "freeze alone freezes all")
        restart_killed(world)
        world.add_tasks("alpha", 1)
        world.until(lambda: "frozen" in type_of(world)["denials"], "the refusal after the restart")
        world.until_polled(4)
        world.until(lambda: frozen_regions(world) == set(regions), "all to be shown as frozen")
        tap.check(len(world.launch_requests()) == 1,
                  "a freeze outlives the supervisor: nothing is launched", world.launch_requests())
        told = tell(world, "thaw")
        tap.check(told["ok"] and "us-east-1" in told["text"] and frozen_regions(world) == {"us-east-1"},
                  "thaw alone leaves what was frozen by its name, and says so", told)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 2, "the second task to run")
        tap.check(launched_in(world) == {"us-west-2"}, "and launches go on in the other region", launched_in(world))
        tap.check(tell(world, "thaw", "us-east-1")["ok"] and not frozen_regions(world), "thaw of the region opens it")
        who = [one["text"] for one in events(world, "frozen") + events(world, "thawed")]
        tap.check(len(who) == 4 and all("by test" in text for text in who), "each is an event that says who", who)
        tap.check(not tell(world, "freeze", "mars-1")["ok"], "a region that is not there is refused")


def caps_and_priority(tap):
    """They count at once, and until the files are read anew."""
    with World(CALM, [simple_type("alpha", priority=3)]) as world:
        world.until_polled()
        refused = [tell(world, "caps", "", wrong) for wrong in ({"maxCapacity": -1}, {"tick": "1s"}, {}, [1])]
        tap.check(not any(one["ok"] for one in refused) and all(one["text"] for one in refused),
                  "what is no cap, or out of its range, is refused with the reason", refused)
        tap.check(tell(world, "caps", "", {"maxInstances": 1, "headroom": 0})["ok"], "a cap is taken")
        world.add_tasks("alpha", 3)
        world.until(lambda: type_of(world)["occupyingInstances"]["value"] == 1 and
                    "global-instances" in type_of(world)["denials"], "one instance and a refusal")
        world.until_polled(3)
        launched = world.cloud.state()["types"]["alpha"]["launched"]
        tap.check(launched == 1, "it holds from the next decision on", launched)
        denials = tell(world, "explain", "alpha")["body"]["denials"]
        tap.check(any(one["by"] == "global-instances" for one in denials), "explain names the cap", denials)
        tap.check(tell(world, "priority", "alpha", {"priority": 9})["ok"] and type_of(world)["priority"]["value"] == 9,
                  "a priority is taken and shown")
        tap.check(not tell(world, "priority", "alpha", {"priority": "high"})["ok"] and
                  not tell(world, "priority", "nobody", {"priority": 1})["ok"], "nonsense is refused")
        tap.check(tell(world, "reload")["ok"], "the files are read anew")
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 3, "the other two tasks to run")
        tap.check(type_of(world)["priority"]["value"] == 3, "after a reload the files count again")
        texts = [one["text"] for one in events(world, "caps") + events(world, "priority")]
        tap.check(len(texts) == 4 and sum("by test" in text for text in texts) == 2,
                  "each change and its end are events", texts)


def trust(tap):
    """A canary that nothing proves waits; an operator's word lets it go, also after a restart."""
    with World(dict(CALM, workers=dict(FAST, neverClaim=True)), [simple_type("alpha", canary=1)]) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        world.until(lambda: "canary" in type_of(world)["denials"], "the canary's refusal")
        world.until_polled(4)
        state = lambda: world.cloud.state()["types"]["alpha"]  # noqa: E731
        tap.check(state()["launched"] == 1, "one instance on trial", state())
        told = tell(world, "trust", "alpha")
        tap.check(told["ok"], "trust is taken", told)
        world.until(lambda: state()["launched"] == 3, "the others")
        tap.check(any("by test" in one["text"] for one in events(world, "trusted")), "trust is an event that says who")
        restart_killed(world)
        world.add_tasks("alpha", 1)
        world.until(lambda: state()["launched"] == 4, "one more after a restart")
        tap.check(True, "and after a restart the specification is trusted still")


def lift(tap):
    fault = {"match": {"action": "RunInstances"}, "effect": {"error": "InsufficientInstanceCapacity"}}
    with World(dict(CALM, faults=[fault]), [simple_type("alpha")], capacityDelay="10m") as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        closed = lambda: [one for one in tell(world, "explain", "alpha")["body"]["breakers"]  # noqa: E731
                          if one["state"] == "closed"]
        world.until(lambda: len(closed()) == 3, "a breaker for each zone")
        asked = len(world.launch_requests())
        world.cloud.ask_delete("/_sim/fault")
        world.until_polled(4)
        tap.check(len(world.launch_requests()) == asked == 3, "closed: nothing is asked for", asked)
        scope = closed()[1]["scope"]
        tap.check(not tell(world, "lift", "capacity of the moon")["ok"], "a scope that is not there is refused")
        tap.check(tell(world, "lift", scope)["ok"], "a scope as explain names it is lifted", scope)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the launch")
        zone = world.launch_requests()[-1]["params"]["zone"]
        tap.check(zone in scope, "and there the next launch goes", (zone, scope))
        tap.check(any("by test" in one["text"] for one in events(world, "lifted")), "lift is an event that says who")
        restart_killed(world)
        world.until(lambda: len(closed()) == 2, "the other two breakers after a restart")
        tap.check(scope not in [one["scope"] for one in closed()], "a restart brings back the others, not the lifted")


def restart_scripted(daemon, between=None):
    daemon.child.kill()
    daemon.child.wait()
    if between:
        between()
    daemon.start()


def settle(tap):
    with ScriptedDaemon(fake={"type:alpha": {"bid": [1, 1], "launch": "unknown"}}, grace="1h") as daemon:
        leases = lambda: daemon.ask("explain", "alpha")["body"]["leases"]  # noqa: E731
        daemon.until(lambda: [one for one in leases() if one["state"] == "unknown"], "a lease of unknown outcome")
        grant = str(leases()[0]["grant"])
        tap.check(not daemon.ask("settle", "12345")["ok"] and not daemon.ask("settle", grant + "x")["ok"],
                  "a grant that is not open is refused")
        daemon.set_fake({"type:alpha": {"bid": [0, 1]}})
        told = daemon.ask("settle", grant)
        tap.check(told["ok"] and not leases() and daemon.figure("alpha", "leased") == 0,
                  "settle ends it, and its room is free", told)
        daemon.until(lambda: [one for one in daemon.heard("type-alpha", "WELCOME") if one["_generation"] == 2],
                     "the worker anew")
        tap.check(not daemon.heard("type-alpha", "WELCOME")[-1]["leases"], "its worker starts anew without it")
        tap.check("by test" in daemon.events("alpha", "settled")[0]["text"], "settle is an event that says who")
        restart_scripted(daemon)
        daemon.until_live("alpha")
        tap.check(not leases(), "a restart does not bring it back")


def lose_ledger(daemon):
    for path in (daemon.folder / "state").glob("ledger.db*"):
        path.unlink()
    (daemon.folder / "state/ledger.db").write_bytes(b"this is no database " * 500)


def denied(daemon, by):
    return [one for one in daemon.ask("explain", "alpha")["body"]["denials"] if one["by"] == by]


def budget_accept(tap):
    """After the loss of the ledger under a daily cap nothing is granted until an operator accepts the spend."""
    with ScriptedDaemon(fake={"type:alpha": {"bid": [1, 1]}}, grace="1s", maxDailyCost="100") as daemon:
        daemon.until(lambda: daemon.heard("type-alpha", "GRANT"), "a grant")
        tap.check(not daemon.ask("budget", "accept")["ok"], "with a whole ledger there is nothing to accept")
        restart_scripted(daemon, lambda: (lose_ledger(daemon), daemon.set_fake({"type:alpha": {"bid": [2, 1]}})))
        daemon.until(lambda: "ledger-lost" not in daemon.alarms() and denied(daemon, "ledger"), "the refusal")
        heard = len(daemon.heard("type-alpha", "GRANT"))
        tap.check(not daemon.ask("budget", "refuse")["ok"], "budget accept is all there is")
        told = daemon.ask("budget", "accept")
        daemon.until(lambda: len(daemon.heard("type-alpha", "GRANT")) > heard, "a grant after it")
        tap.check(told["ok"] and heard == 1, "no grant before budget accept, grants after it", (told, heard))
        tap.check("by test" in daemon.events("", "budget-accepted")[0]["text"], "it is an event that says who")
        restart_scripted(daemon)
        daemon.until_live("alpha")
        tap.check(not daemon.ask("budget", "accept")["ok"], "a restart remembers that it was accepted")


def assume_empty(tap):
    """After the loss of the ledger one dark region stops all, until an operator vouches for it."""
    regions = [{"name": name, "zones": [name + "a"]} for name in ("us-east-1", "us-west-2")]
    dark = {"type:alpha": {"bid": [2, 1]}, "region:us-east-1": {"listing": False}}
    with ScriptedDaemon(fake={"type:alpha": {"bid": [1, 1]}}, grace="1s", regions=regions) as daemon:
        daemon.until(lambda: daemon.heard("type-alpha", "GRANT"), "a grant")
        tap.check(not daemon.ask("assume-empty", "us-east-1")["ok"], "with a whole ledger no region is waited for")
        restart_scripted(daemon, lambda: (lose_ledger(daemon), daemon.set_fake(dark)))
        daemon.until(lambda: denied(daemon, "region-unlisted"), "the refusal")
        since = time.monotonic()
        daemon.until(lambda: time.monotonic() - since > 2 and denied(daemon, "region-unlisted"), "more than the grace")
        heard = len(daemon.heard("type-alpha", "GRANT"))
        tap.check(heard == 1, "a region that does not list holds everything up", heard)
        tap.check(not daemon.ask("assume-empty", "mars-1")["ok"], "a region that is not there is refused")
        tap.check(daemon.ask("assume-empty", "us-east-1")["ok"], "an operator's word is taken")
        daemon.until(lambda: len(daemon.heard("type-alpha", "GRANT")) > heard, "grants elsewhere")
        daemon.until(lambda: "ledger-lost" not in daemon.alarms(), "the alarm of the lost ledger to end")
        tap.check(True, "and the ledger counts as made good")
        tap.check("by test" in daemon.events("us-east-1", "assumed-empty")[0]["text"], "it is an event that says who")


if __name__ == "__main__":
    sys.exit(Tap().run(freeze, caps_and_priority, trust, lift, settle, budget_accept, assume_empty))
