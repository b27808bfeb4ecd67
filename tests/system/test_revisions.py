#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""Revisions: the wrong set of 2016-07-21 applied by hand is refused before a bid, with the image that fits; forced, it is
canaried, quarantined and healed by a rollback, after at most three failed launches. Nothing is ever overwritten."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, simple_type  # noqa: E402
from test_preflight import BUILD, FAST, HVM, PV, World, ask, checked, explain, refused, with_set  # noqa: E402
import make_config  # noqa: E402
from processes import Daemon  # noqa: E402

GOOD = {"us-east-1": {"hvm": {"x86_64": HVM}, "pv": {"x86_64": PV}}}
WRONG = {"us-east-1": {"hvm": {"x86_64": HVM}, "pv": {"x86_64": HVM}}}  # the day's mistake: hvm where pv belongs


def provisionctl(world, *words):
    return subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(world.folder / "run"), *words],
                          capture_output=True, text=True, timeout=100, check=False)


def write(world, name, document):
    path = world.folder / "new" / f"{name}.json"
    make_config.write_json(path, document)
    return str(path)


def kinds(world, name):
    return [event["kind"] for event in ask(world.folder / "run", "events", name, {"last": 500})["body"]["events"]]


def the_wrong_set(tap):
    """desktop-test and its set: refused; forced; rolled back."""
    types = [with_set("desktop-test", ("m1.small", "m1.medium", "m1.large"), "desktop", canary=2), simple_type("gecko-decision")]
    with World({"queues": {}, "workers": FAST}, types, {"desktop": GOOD}) as world:
        world.add_tasks("desktop-test", 3)
        world.until(lambda: world.cloud.state()["types"]["desktop-test"]["claimed"] == 3, "the good set to work")
        tap.check(not refused(world, "desktop-test"), "the good set works")
        file = write(world, "desktop", WRONG)
        done = provisionctl(world, "apply", file)
        said = done.stdout + done.stderr
        tap.check(done.returncode == 1 and all(word in said for word in (
            "desktop-test", HVM, "m1.small", "boots only paravirtual", PV)),
            "the wrong set is refused, naming type, image, instance type and the image that fits", said)
        tap.check(json.loads((world.folder / "amisets.d/desktop.json").read_text()) == GOOD, "the file is as it was")
        tap.check(explain(world, "desktop-test")["data"]["revision"]["value"] == 1, "nothing was applied")

        done = provisionctl(world, "apply", "--force", file)
        tap.check(done.returncode == 0 and "forced" in done.stdout, "with --force it is applied", done.stdout + done.stderr)
        world.add_tasks("desktop-test", 50)
        world.until(lambda: explain(world, "desktop-test")["reason"] == "quarantined", "the quarantine")
        tap.check(len(refused(world, "desktop-test")) <= 3, "at most three launches failed",
                  len(refused(world, "desktop-test")))
        tap.check(all(line["params"]["maxCount"] <= 2 for line in world.launch_requests("desktop-test")
                      if line in refused(world, "desktop-test")), "each was a canary's")
        history = provisionctl(world, "history", "desktop-test").stdout
        tap.check("forced" in history and len(history.splitlines()) == 3, "the history says that it was forced", history)

        done = provisionctl(world, "rollback", "desktop-test")
        tap.check(done.returncode == 0 and "pinned" in done.stdout, "rollback goes back to the revision before",
                  done.stdout + done.stderr)
        world.until(lambda: world.cloud.state()["types"]["desktop-test"]["claimed"] >= 20, "the rollback to heal it")
        failed = len(refused(world, "desktop-test"))
        tap.check(failed <= 3, "the journal shows at most three failed launches in all", failed)
        world.add_tasks("gecko-decision", 1)
        world.until(lambda: world.cloud.state()["types"]["gecko-decision"]["claimed"] == 1, "the other type to work")
        tap.check(True, "and the other type was not touched")


def pins_and_files(tap):
    """A pin outlives reloads and restarts; unpin follows the file; all of it is history."""
    with World({"queues": {}, "workers": FAST}, [simple_type("alpha", maxCapacity=10)]) as world:
        world.until(lambda: checked(world, "alpha"), "the check")
        file = write(world, "alpha", simple_type("alpha", maxCapacity=20))
        done = provisionctl(world, "apply", file)
        tap.check(done.returncode == 0 and "revision 2" in done.stdout, "apply makes a revision", done.stdout + done.stderr)
        on_disk = json.loads((world.folder / "workertypes.d/alpha.json").read_text())
        tap.check(on_disk["maxCapacity"] == 20, "and writes the file")
        tap.check("that is live already" in provisionctl(world, "apply", file).stdout, "the same again is no revision")
        done = provisionctl(world, "diff", "alpha@1", "alpha@2")
        tap.check(done.returncode == 1 and "maxCapacity: 10 -> 20" in done.stdout, "diff shows what differs", done.stdout)
        file = write(world, "alpha", simple_type("alpha", ("m3.large",), maxCapacity=20))
        provisionctl(world, "apply", file)
        done = provisionctl(world, "diff", "alpha@2", "alpha@3")
        merged = done.stdout.split("merged specifications:")[-1]
        tap.check("m3.large:\n  only in the second" in merged and "m3.medium:\n  only in the first" in merged,
                  "and the merged launch specifications that differ", done.stdout)
        provisionctl(world, "apply", write(world, "alpha", simple_type("alpha", maxCapacity=20)))
        shown = json.loads(provisionctl(world, "show", "alpha@1").stdout)
        tap.check(shown["maxCapacity"] == 10, "show prints an old revision", shown)

        provisionctl(world, "rollback", "alpha", "1")

        def ceiling():
            return ask(world.folder / "run", "status", "alpha")["body"]["types"][0]["ceiling"]["value"]
        tap.check(ceiling() == 10, "rollback counts at once", ceiling())
        ask(world.folder / "run", "reload")
        tap.check(ceiling() == 10, "a reload does not undo it", ceiling())
        done = provisionctl(world, "apply", write(world, "alpha", simple_type("alpha", maxCapacity=30)))
        tap.check(done.returncode == 1 and "pinned" in done.stderr, "apply to a pinned type is refused", done.stderr)
        world.daemon.stop()
        world.daemon = Daemon(world.folder / "provisiond.json", world.folder, world.folder / "run")
        world.until(lambda: ceiling() == 10, "the pin to be there after a restart")
        tap.check(True, "a restart does not undo it")
        provisionctl(world, "unpin", "alpha")
        tap.check(ceiling() == 20, "unpin follows the file", ceiling())
        rows = json.loads(provisionctl(world, "--json", "history", "alpha").stdout)["revisions"]
        tap.check([row["revision"] for row in rows] == [4, 3, 2, 1], "nothing was overwritten", rows)


def bad_files(tap):
    """What cannot be a definition changes nothing; new types and sets are applied too."""
    with World({"queues": {}, "workers": FAST}, [simple_type("alpha")]) as world:
        world.until(lambda: checked(world, "alpha"), "the check")
        bad = simple_type("alpha")
        del bad["maxPrice"]
        done = provisionctl(world, "apply", write(world, "alpha", bad))
        tap.check(done.returncode == 1 and "maxPrice: is missing" in done.stderr, "a fault is said with its path", done.stderr)
        done = provisionctl(world, "apply", write(world, "fresh", simple_type("fresh", ("m1.small",))))
        tap.check(done.returncode == 1 and "m1.small boots only paravirtual" in done.stderr,
                  "a new type is checked before it exists", done.stderr)
        done = provisionctl(world, "apply", write(world, "base", GOOD))
        tap.check(done.returncode == 0 and "no type is touched" in done.stdout, "a set that nobody names", done.stdout + done.stderr)
        done = provisionctl(world, "apply", write(world, "fresh", with_set("fresh", ("m1.small",), "base")))
        tap.check(done.returncode == 0, "the type with that set", done.stdout + done.stderr)
        world.add_tasks("fresh", 1)
        world.until(lambda: world.cloud.state()["types"].get("fresh", {}).get("claimed") == 1, "the new type to work")
        tap.check(not refused(world, "fresh"), "it launches the image that fits")
        done = provisionctl(world, "history", "set:base")
        tap.check("(live)" in done.stdout, "sets have a history", done.stdout)
        done = provisionctl(world, "rollback", "set:base")
        tap.check(done.returncode == 1 and "no earlier revision" in done.stderr, "a first revision has none before it",
                  done.stderr)
        other = {"us-east-1": {"pv": {"x86_64": PV}}}
        done = provisionctl(world, "apply", write(world, "base", other))
        tap.check(done.returncode == 0 and "fresh revision 2" in done.stdout, "a set's change is its types' change",
                  done.stdout + done.stderr)
        done = provisionctl(world, "diff", "set:base@1", "set:base@2")
        tap.check(done.returncode == 1 and HVM in done.stdout, "sets have a diff", done.stdout + done.stderr)
        shown = json.loads(provisionctl(world, "show", "set:base@1").stdout)
        tap.check(shown == GOOD, "and an old revision of a set is shown", shown)
        done = provisionctl(world, "rollback", "set:base")
        tap.check(done.returncode == 0 and json.loads((world.folder / "amisets.d/base.json").read_text()) == GOOD,
                  "a set goes back, too", done.stdout + done.stderr)


def imports_come_round(tap):
    """What import makes of another provisioner's file: applied, printed, and applied again it is the same."""
    with World({"queues": {}, "workers": FAST}, [simple_type("alpha", regions=("us-west-2",))], regions=("us-west-2",)) as world:
        world.until(lambda: checked(world, "alpha"), "the check")
        for form, name in (("aws-provisioner", "aws-provisioner"), ("worker-manager", "worker-manager")):
            done = subprocess.run([str(BUILD / "provisionctl"), "import", form, str(ROOT / f"tests/data/import/{name}.json")],
                                  capture_output=True, text=True, timeout=60, check=True)
            document = json.loads(done.stdout)
            kind = document["workerType"]
            document["regions"] = [region for region in document["regions"] if region["region"] == "us-west-2"]
            document["availabilityZones"] = [zone for zone in document.get("availabilityZones", [])
                                             if zone["region"] == "us-west-2"]
            done = provisionctl(world, "apply", "--force", write(world, kind, document))  # its images are not here
            tap.check(done.returncode == 0, f"{name}: what was imported is applied", done.stdout + done.stderr)
            shown = provisionctl(world, "show", f"{kind}@1").stdout
            done = provisionctl(world, "apply", write(world, kind, json.loads(shown)))
            tap.check("that is live already: revision 1" in done.stdout, f"{name}: printed and parsed it is the same",
                      done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(Tap().run(the_wrong_set, pins_and_files, bad_files, imports_come_round))
