#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""The decision journal: a real daemon writes what it decides, provisionctl replay runs it again and finds no difference;
what is changed by hand is told by its path; files rotate within their bound; a folder that cannot be is an alarm, and
launches go on; a reload switches the supervisor's part off and on."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402

from processes import CREDENTIALS  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
WORKERS = {"bootTime": 0.5, "firstClaimAfter": 0.1, "idleAfter": 2}
SCENARIO = {"queues": {"alpha": {}, "beta": {}}, "workers": WORKERS, "throttle": False}
SECRETS = [value for name, value in CREDENTIALS.items() if "SECRET" in name or "TOKEN" in name]
STEP = 65536  # bytes that each writer may add before it looks at the folder


def World(**settings):
    types = [simple_type("alpha", ("m3.medium", "m3.large"), settle="2s"), simple_type("beta", minCapacity=1)]
    return AnyWorld(SCENARIO, types, deploymentId=f"journal-{os.getpid()}", **settings)


def folder(world):
    return Path(json.loads((world.folder / "provisiond.json").read_text())["stateDir"]) / "journal"


def files(world, kind):
    try:
        return sorted(path for path in folder(world).iterdir() if path.name.startswith(kind + "-"))
    except FileNotFoundError:
        return []


def sizes(world):
    total = 0
    for path in files(world, "decisions") + files(world, "plans"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            pass
    return total


def replay(path, *options):
    done = subprocess.run([str(BUILD / "provisionctl"), "replay", str(path), *options], capture_output=True, text=True,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def replay_json(path):
    code, text = replay(path, "--json")
    return code, json.loads(text)


def grants(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return sum(grant["count"] for line in lines[1:] for grant in line.get("out", {}).get("grants", []))


def changed_by_hand(tap, path):
    """An outcome, an input, the end of the file; and what is no journal."""
    lines = path.read_text().splitlines()
    copy = path.parent.parent / "by-hand.jsonl"

    at, entry = next((i, json.loads(line)) for i, line in enumerate(lines) if '"grants"' in line)
    entry["out"]["grants"][0]["count"] += 1
    copy.write_text("\n".join(lines[:at] + [json.dumps(entry)] + lines[at + 1:]) + "\n")
    code, told = replay_json(copy)
    one = told["differences"][0] if told["differences"] else {}
    tap.check(code == 1 and told["different"] == 1 and one["path"] == "out.grants[0].count" and one["line"] == at + 1 and
              one["recorded"] == one["now"] + 1, "an outcome changed by hand is one difference, named by its path", told)
    code, text = replay(copy)
    tap.check(code == 1 and f"line {at + 1}," in text and "out.grants[0].count: 2 -> 1" in text,
              "the sentence says line, path and both values", text)

    first = json.loads(lines[1])
    first["in"]["settings"]["max_instances"] = 0
    copy.write_text("\n".join([lines[0], json.dumps(first)] + lines[2:]) + "\n")
    code, told = replay_json(copy)
    tap.check(code == 1 and any(one["path"].startswith("out.grants") for one in told["differences"]),
              "with a cap changed by hand other grants come out", told["differences"][:3])

    copy.write_text("\n".join(lines)[:-40])
    code, told = replay_json(copy)
    tap.check(code == 0 and told["cut"], "a last line that was cut is left out", told)
    for text, what in (("", "an empty file"), ('{"journal":"decisions","version":99}\n', "another version"),
                       ('{"kind":"arbitration"}\n', "no header"), (lines[0] + "\n{\n", "no JSON"),
                       (lines[0] + "\n" + lines[2] + "\n", "no complete entry"),
                       ("\n".join(lines[:2]).replace('"max_units"', '"most_units"') + "\n", "unknown members")):
        copy.write_text(text)
        code, told = replay(copy)
        tap.check(code == 2 and str(copy) in told, f"{what}: exit 2 and a sentence", (code, told))
    copy.unlink()
    tap.check(replay(copy)[0] == 2, "no file: exit 2")


def everything_is_told(tap, path, plans):
    """--all: a file holds only what changed; a person wants what came out."""
    for file, kind in ((path, "decisions"), (plans, "plans")):
        done = subprocess.run([str(BUILD / "provisionctl"), "replay", "--all", str(file)], capture_output=True, text=True,
                              timeout=120)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        entries = len(file.read_text().splitlines()) - 1
        tap.check(done.returncode == 0 and len(lines) == entries and f"{entries} entries" in done.stderr,
                  f"--all tells what came out of each of the {kind}", (entries, len(lines), done.stderr))
        if kind == "decisions":
            steps = [line["out"] for line in lines if line["kind"] == "arbitration"]
            tap.check(steps and all([one["name"] for one in step["types"]] == ["alpha", "beta"] for step in steps),
                      "with all types in every entry", steps[-1:])
            tap.check(sum(grant["count"] for step in steps for grant in step.get("grants", [])) == grants(path),
                      "and all grants")
        else:
            tap.check(all("why" in line["out"]["plan"] for line in lines), "with the sentence why")


def short_scenario(tap):
    with World(journal="on") as world:
        world.until_polled()
        world.add_tasks("alpha", 5, 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["launched"] >= 5, "five launches")
        world.until_polled(4)
        world.add_tasks("beta", 2, 1)
        world.until(lambda: world.cloud.state()["types"]["beta"]["launched"] >= 2, "two more")
        launched = sum(one["launched"] for one in world.cloud.state()["types"].values())
        world.until_polled(2)
        world.daemon.stop()
        decisions, plans = files(world, "decisions"), files(world, "plans-alpha") + files(world, "plans-beta")
        tap.check(len(decisions) == 1 and len(plans) == 2, "one file of the supervisor and one of each type worker",
                  [str(path) for path in decisions + plans])
        code, told = replay_json(decisions[0])
        print(f"# {told['entries']} entries of the supervisor, {grants(decisions[0])} instances granted, "
              f"{decisions[0].stat().st_size} bytes")
        tap.check(code == 0 and told["entries"] > 20 and not told["different"],
                  "the supervisor's decisions come out the same", told)
        tap.check(grants(decisions[0]) >= launched > 6, "all that was launched is in them", (grants(decisions[0]), launched))
        for path in plans:
            code, told = replay_json(path)
            print(f"# {told['entries']} plans of {told['header']['workerType']}, {path.stat().st_size} bytes")
            tap.check(code == 0 and told["entries"] > 5 and not told["different"], f"the plans of {path.name[6:11]}, too",
                      told)
        text = "".join(path.read_text() for path in decisions + plans)
        tap.check(not any(word in text for word in SECRETS), "no secret is in them", len(text))
        tap.check(all(path.stat().st_mode & 0o77 == 0 for path in decisions + plans + [folder(world)]),
                  "only the daemon's user may read them")
        everything_is_told(tap, decisions[0], plans[0])
        code, text = replay(plans[0])
        tap.check(code == 0 and "0 of them come out differently" in text, "a sentence says so", text)
        lines = plans[0].read_text().replace('"pending":5', '"pending":6', 1)
        other = plans[0].parent.parent / "plan.jsonl"
        other.write_text(lines)
        code, told = replay_json(other)
        tap.check(code == 1 and any(one["path"] == "out.plan.need" for one in told["differences"]),
                  "with other demand another need comes out", told)
        changed_by_hand(tap, decisions[0])


def rotation(tap):
    limit, total = 65536, 4 * 65536
    with World(journal="on", journalFile=limit, journalTotal=total, tick=0.1, demandPoll=0.1) as world:
        world.until_polled()
        most, seen = 0, set()

        def enough():
            nonlocal most
            most = max(most, sizes(world))
            seen.update(path.name for path in files(world, "decisions") + files(world, "plans"))
            return len(seen) >= 9

        world.add_tasks("alpha", 200, 0.5)
        world.until(enough, "nine files", 120)
        world.daemon.stop()
        left = files(world, "decisions") + files(world, "plans")
        print(f"# {len(seen)} files were seen, {len(left)} are left, at most {most} bytes at a time")
        tap.check(len(left) < len(seen), "the oldest files went", (sorted(seen), left))
        tap.check(most <= total + 4 * STEP, "the bound holds, but for what each writer may add", most)
        results = [(path.name, *replay_json(path)) for path in left]
        tap.check(all(code == 0 and told["entries"] for _, code, told in results), "each file can be run alone",
                  [(name, code, told["different"]) for name, code, told in results])


def what_moves_the_memory(tap):
    """Tokens that come back and a rate limit change what is granted later: they are entries, too."""
    with World(journal="on", launchInstancesRefill=0.5, launchInstancesDepth=2, capacityDelay="1s") as world:
        def told(kind):
            return files(world, "decisions") and f'"kind":"{kind}"' in files(world, "decisions")[0].read_text()

        def refuse(code):
            world.cloud.ask("/_sim/fault", {"match": {"action": "RunInstances"}, "effect": {"error": code}})

        world.until_polled()
        refuse("InsufficientInstanceCapacity")
        world.add_tasks("alpha", 30, 1)
        world.until(lambda: told("returned"), "tokens that came back")
        world.cloud.ask_delete("/_sim/fault")
        refuse("RequestLimitExceeded")
        world.until(lambda: told("rate-limited"), "a rate limit")
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: world.cloud.state()["types"]["alpha"]["launched"] >= 2, "launches again")
        world.daemon.stop()
        code, text = replay(files(world, "decisions")[0])
        tap.check(code == 0, "returned tokens and rate limits are run again, too", text)


def alarms(world):
    return {one["kind"] for one in ask(world.folder / "run", "status", "", None)["body"]["alarms"]}


def trouble_and_switch(tap):
    with World() as world:
        world.until_polled(2)
        tap.check(not folder(world).exists(), "off, nothing is written")
        folder(world).write_text("in the way")
        path = world.folder / "provisiond.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps(dict(settings, journal="on")))
        tap.check(ask(world.folder / "run", "reload", "", None)["ok"], "a reload switches it on")
        world.until(lambda: "journal" in alarms(world), "the alarm")
        world.add_tasks("alpha", 2, 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["launched"] >= 2, "two launches")
        tap.check(True, "a journal that cannot be written is an alarm, and launches go on")
        path.write_text(json.dumps(settings))
        ask(world.folder / "run", "reload", "", None)
        world.until(lambda: "journal" not in alarms(world), "the alarm's end")
        folder(world).unlink()
        path.write_text(json.dumps(dict(settings, journal="on")))
        ask(world.folder / "run", "reload", "", None)
        world.until(lambda: files(world, "decisions") and files(world, "decisions")[0].stat().st_size > 5000, "a file")
        tap.check(not files(world, "plans"), "type workers begin with their next start")
        ask(world.folder / "run", "restart", "alpha", None)
        world.until(lambda: files(world, "plans-alpha"), "the type's file")
        world.until_polled(2)
        world.daemon.stop()
        results = [(path.name, *replay_json(path)) for path in files(world, "decisions") + files(world, "plans")]
        tap.check(len(results) == 2 and all(code == 0 and told["entries"] for _, code, told in results),
                  "what was written in between comes out the same", results)


if __name__ == "__main__":
    sys.exit(Tap().run(short_scenario, rotation, what_moves_the_memory, trouble_and_switch))
