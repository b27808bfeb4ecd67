#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""The real provisiond with scripted workers (tests/lib/fake_worker.py): the life of processes, reloads, the order of
ledger and grants, and what is left when the supervisor is killed."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/system", "tests/lib"):
    sys.path.insert(0, str(ROOT / folder))
from control_client import ask  # noqa: E402
from harness import Tap, wait_until  # noqa: E402

BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
PATIENCE = 60


class Daemon:
    """A provisiond in a folder of its own."""

    def __init__(self, types=("alpha",), fake=None, environment=None, start=True, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="pd-sup-"))
        self.run_dir = self.folder / "run"
        self.environment = environment or {}
        self.settings = dict(deploymentId=f"process-test-{os.getpid()}", rootUrl="http://127.0.0.1:1",
                             stateDir=str(self.folder / "state"), runDir=str(self.run_dir), maxCapacity=1000,
                             maxInstances=1000, maxHourlyCost="unlimited", tick="200ms", demandPoll="200ms",
                             inventoryPoll="200ms", statusInterval="500ms", helloLimit="20s", workerTickLimit="20s",
                             backoffFirst="200ms", backoffMost="2s", launchShare=0, grace="2s", sendBy="5s",
                             regions=[{"name": "us-west-2", "zones": ["us-west-2a"]}])
        self.settings.update(settings)
        self.set_fake(fake or {})
        self.write("provisiond.json", self.settings)
        for name in types:
            self.define(name)
        self.child, self.options = None, ()
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, document):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(document if isinstance(document, str) else json.dumps(document))
        fresh.rename(path)

    def set_fake(self, script):
        self.write("fake.json", script)

    def define(self, name, **more):
        document = {"workerType": name, "minCapacity": 0, "maxCapacity": 100, "maxPrice": 1, "canary": 0,
                    "launchSpec": {"KeyName": "key"},
                    "regions": [{"region": "us-west-2", "launchSpec": {"ImageId": "ami-1"}}],
                    "instanceTypes": [{"instanceType": "m3.large", "capacity": 1, "utility": 1}]}
        document.update(more)
        self.write(f"workertypes.d/{name}.json", document)

    def start(self, **more):
        environment = {**os.environ, "PROVISIOND_WORKER": str(ROOT / "tests/lib/fake_worker.py"), **self.environment}
        self.child = subprocess.Popen([str(BUILD / "provisiond"), "--config", str(self.folder / "provisiond.json"),
                                       *self.options], env=environment, stdin=subprocess.DEVNULL,
                                      stdout=open(self.folder / "log", "ab"), stderr=subprocess.STDOUT, **more)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def until(self, condition, what):
        def check():
            if self.child.poll() is not None:
                raise AssertionError(f"provisiond ended with {self.child.returncode}:\n" + self.log()[-2000:])
            return condition()
        return wait_until(check, PATIENCE, what)

    def ask(self, command, name="", argument=None):
        self.until((self.run_dir / "control.sock").exists, "the control socket")
        return ask(self.run_dir, command, name, argument)

    def type(self, name):
        return self.ask("status", name)["body"]["types"][0]

    def figure(self, name, figure):
        return self.type(name)[figure]["value"]

    def until_live(self, *names):
        for name in names:
            self.until(lambda name=name: self.type(name)["state"] == "live", f"{name} to be live")

    def pid(self, name, folder="types"):
        try:
            return int((self.run_dir / folder / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None

    def heard(self, who, kind=None):
        path = self.folder / "heard" / who
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if kind is None or line["m"] == kind]

    def events(self, name="", kind=None):
        events = self.ask("events", name, {"last": 1000})["body"]["events"]
        return [event for event in events if kind is None or event["kind"] == kind]

    def alarms(self):
        return {alarm["kind"]: alarm for alarm in self.ask("status")["body"]["alarms"]}


def state_of(pid):
    """The letter of a process's state, or None when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return None


def children_of(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.parent.name))
        except (OSError, IndexError):
            pass
    return found


def hello_deadline(tap):
    with Daemon(("alpha", "mute"), {"type:mute": {"start": "mute"}}, helloLimit="20s") as daemon:
        daemon.until_live("alpha")
        daemon.until(lambda: daemon.events("mute", "worker-failing"), "the mute worker's end")
        text = daemon.events("mute", "worker-failing")[0]["text"]
        tap.check("did not say hello" in text and "signal 9" in text, "a worker without hello is killed", text)
        deaths = daemon.ask("explain", "mute")["body"]["deaths"]
        tap.check(deaths and "did not say hello" in deaths[0]["reason"], "its death is remembered with the reason",
                  deaths)
        tap.check(daemon.figure("alpha", "deaths") == 0, "nobody else notices")


def bad_messages(tap):
    scripts = {"type:garbage": {"start": "garbage"}, "type:liar": {"start": "liar"}, "type:early": {"start": "early"}}
    with Daemon(("alpha", "garbage", "liar", "early"), scripts) as daemon:
        daemon.until_live("alpha")
        for name, word in (("garbage", "bad message"), ("liar", "hello is not"), ("early", "may not say BEAT")):
            daemon.until(lambda name=name: daemon.events(name, "worker-killed"), f"the end of {name}")
            text = daemon.events(name, "worker-killed")[0]["text"]
            tap.check(word in text, f"a worker that is {name} is killed, with the reason", text)
        tap.check(daemon.figure("alpha", "deaths") == 0 and daemon.child.poll() is None, "nobody else notices")


def flood(tap):
    """Every message is valid; it is their number that takes the others' time. A region may say more than a type."""
    script = {"type:flood": {"start": "flood"}, "region:us-east-1": {"start": "flood"}}
    regions = [{"name": name, "zones": [name + "a"]} for name in ("us-east-1", "us-west-2")]
    with Daemon(("alpha", "flood"), script, regions=regions) as daemon:
        for name, most in (("flood", "2000"), ("us-east-1", "10000")):
            daemon.until(lambda name=name: daemon.events(name, "worker-killed"), f"the end of {name}")
            text = daemon.events(name, "worker-killed")[0]["text"]
            tap.check(f"more than {most} messages within a second" in text,
                      f"a worker that says more than {most} messages a second is killed, with the reason", text)
        daemon.until(lambda: len(daemon.events("flood", "worker-killed")) >= 3, "it to be killed again")
        daemon.until(lambda: "worker-death-loop" in daemon.alarms(), "the alarm of its deaths")
        tap.check(daemon.alarms()["worker-death-loop"]["subject"] in ("flood", "us-east-1"),
                  "a process that dies again and again is an alarm", daemon.alarms())
        tap.check(daemon.figure("alpha", "deaths") == 0 and daemon.child.poll() is None, "nobody else notices the flood")


def back_off(tap):
    with Daemon(("alpha", "ends"), {"type:ends": {"start": "exit"}}) as daemon:
        daemon.until_live("alpha")
        daemon.until(lambda: len(daemon.events("ends", "worker-failing")) >= 6, "six deaths")
        events = daemon.events("ends", "worker-failing")
        waits = [float(re.search(r"([0-9.]+) s away", event["text"]).group(1)) for event in events]
        tap.check(waits[0] < waits[2] < waits[4] and max(waits) <= 2.01, "the waits double up to the cap (B64)", waits)
        tap.check("exit status 7" in events[0]["text"] and "ends at once" in events[0]["text"],
                  "the exit status and its last words are told", events[0]["text"])
        tap.check(daemon.type("ends")["state"] in ("failing", "starting"), "its state is failing",
                  daemon.type("ends")["state"])
        tap.check(daemon.alarms().get("worker-failing", {}).get("subject") == "ends", "and an alarm says so")


def stopped_worker(tap):
    with Daemon(("alpha", "beta"), workerTickLimit="20s") as daemon:
        daemon.until_live("alpha", "beta")
        pid = daemon.pid("alpha")
        os.kill(pid, signal.SIGSTOP)
        daemon.until(lambda: daemon.figure("alpha", "generation") == 2, "a new generation")
        daemon.until_live("alpha")
        died = daemon.events("alpha", "worker-died")
        tap.check(died and "completed no tick" in died[0]["text"], "a stopped worker is killed at its tick limit", died)
        tap.check(daemon.pid("alpha") != pid and state_of(pid) is None, "its successor has its pid file")
        tap.check(daemon.figure("beta", "deaths") == 0, "nobody else notices")


def standstill(tap):
    """The whole machine stands still for longer than any limit, of ticks and of grants (sendBy, launchLimit and 15 s)."""
    script = {"type:alpha": {"bid": [1, 1], "launch": "none"}}
    with Daemon(("alpha", "beta"), script, workerTickLimit="6s", helloLimit="60s", launchLimit="1s",
                connectLimit="1s", sendBy="1s") as daemon:
        daemon.until_live("alpha", "beta")
        daemon.until(lambda: daemon.heard("type-alpha", "GRANT"), "a grant of which alpha will say nothing")
        pids = [daemon.pid(name) for name in ("alpha", "beta")]
        workers = children_of(daemon.child.pid)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        daemon.ask("status")  # what they had said is heard
        os.kill(daemon.child.pid, signal.SIGSTOP)
        time.sleep(18)  # the standstill itself
        os.kill(daemon.child.pid, signal.SIGCONT)  # the worst order: they speak after it has looked
        daemon.until(lambda: daemon.events("", "stood-still"), "the standstill to be told")
        text = daemon.events("", "stood-still")[0]["text"]
        tap.check(re.match(r"the supervisor did not run for [1-9][0-9]\.", text),
                  "a standstill of everything is told, with its length", text)
        killed = [pid for pid in workers if state_of(pid) in (None, "Z", "X")]
        for pid in set(workers) - set(killed):
            os.kill(pid, signal.SIGCONT)
        tap.check(not killed and [daemon.pid(name) for name in ("alpha", "beta")] == pids, "and no worker is blamed for it",
                  [event["text"] for event in daemon.events() if event["kind"].startswith("worker-")])
        daemon.until(lambda: daemon.events("alpha", "worker-killed"), "alpha's end, when it had time to speak")
        text = daemon.events("alpha", "worker-killed")[0]["text"]
        tap.check("says nothing of grant" in text, "one that stays silent about a grant is killed all the same", text)


def escalation(tap):
    with Daemon(("deaf",), {"type:deaf": {"signals": "deaf"}}) as daemon:
        daemon.until_live("deaf")
        answer = daemon.ask("restart", "deaf")
        tap.check(answer["ok"], "restart is accepted", answer)
        tap.check(daemon.type("deaf")["state"] == "stopping", "a worker told to end is shown as stopping")
        daemon.until(lambda: daemon.figure("deaf", "generation") == 2, "a new generation")
        deaths = daemon.ask("explain", "deaf")["body"]["deaths"]
        tap.check("signal 9" in deaths[0]["reason"], "one that is deaf to HUP and TERM is killed", deaths)
        tap.check(not daemon.ask("restart", "nobody")["ok"], "restart of an unknown type is refused")


def one_type_reloads(tap):
    with Daemon(("alpha", "beta")) as daemon:
        daemon.until_live("alpha", "beta")
        beta, revision = daemon.pid("beta"), daemon.figure("alpha", "revision")
        daemon.define("alpha", maxCapacity=50)
        os.kill(daemon.pid("alpha"), signal.SIGHUP)
        daemon.until(lambda: len(daemon.heard("type-alpha", "WELCOME")) == 2, "the second welcome")
        welcome = daemon.heard("type-alpha", "WELCOME")[-1]
        tap.check(json.loads(welcome["definition"])["maxCapacity"] == 50 and welcome["revision"] == revision + 1,
                  "kill -HUP of one type's process restarts it with the newest definition", welcome["revision"])
        tap.check(daemon.figure("alpha", "generation") == 2 and not daemon.events("alpha", "worker-died"),
                  "and that is no crash")
        daemon.write("workertypes.d/alpha.json", '{"workerType": "alpha", "maxCapacity": ')
        os.kill(daemon.pid("alpha"), signal.SIGHUP)
        daemon.until(lambda: daemon.figure("alpha", "generation") == 3, "the third generation")
        tap.check(daemon.figure("alpha", "revision") == revision + 1 and "definition" in daemon.alarms(),
                  "an invalid file keeps the old definition, with an alarm", daemon.alarms())
        tap.check(daemon.pid("beta") == beta, "the other type goes on undisturbed")


def whole_reload(tap):
    with Daemon(("alpha", "beta", "gone")) as daemon:
        daemon.until_live("alpha", "beta", "gone")
        alpha, gone = daemon.pid("alpha"), daemon.pid("gone")
        daemon.define("beta", maxCapacity=50)
        daemon.define("fresh")
        (daemon.folder / "workertypes.d/gone.json").unlink()
        daemon.child.send_signal(signal.SIGHUP)
        daemon.until(lambda: daemon.events(kind="reloaded"), "the reload")
        daemon.until_live("alpha", "beta", "fresh")
        daemon.until(lambda: daemon.figure("beta", "generation") == 2, "the changed type's restart")
        daemon.until(lambda: state_of(gone) is None, "the end of the removed type's process")
        tap.check(daemon.pid("alpha") == alpha, "SIGHUP: an unchanged type's process stays")
        tap.check(daemon.pid("gone") is None, "SIGHUP: a removed type's process ends")
        status = daemon.ask("status")["body"]
        tap.check([one["name"] for one in status["types"]] == ["alpha", "beta", "fresh"], "the types are the new ones")
        live = status["supervisor"]["configuration"]
        daemon.define("fresh", maxCapacity=-1)
        daemon.define("alpha", maxCapacity=7)
        answer = daemon.ask("reload")
        status = daemon.ask("status")["body"]
        tap.check(not answer["ok"] and "fresh.json" in answer["text"] and "maxCapacity" in answer["text"],
                  "reload answers the one who asked with file and path", answer)
        tap.check(status["supervisor"]["configuration"] == live and status["supervisor"]["configurationProblem"] and
                  daemon.pid("alpha") == alpha, "an invalid file changes nothing and the status says so")
        daemon.define("fresh")
        tap.check(daemon.ask("reload")["ok"] and not daemon.ask("status")["body"]["supervisor"]["configurationProblem"],
                  "a good one is taken and the problem is over")


def truncated_files(tap):
    """An editor or a full disk left a file half written: it is refused wherever it ends, and the old one stays."""
    with Daemon(("alpha", "beta")) as daemon:
        daemon.until_live("alpha", "beta")
        pids = daemon.pid("alpha"), daemon.pid("beta")
        live = daemon.ask("status")["body"]["supervisor"]["configuration"]
        for name in ("workertypes.d/alpha.json", "provisiond.json"):
            whole = (daemon.folder / name).read_text()
            taken = []
            for length in sorted({0, 1, len(whole) - 1, *range(0, len(whole), len(whole) // 12)}):
                daemon.write(name, whole[:length])
                answer = daemon.ask("reload")
                if answer["ok"] or name.rsplit("/", 1)[-1] not in answer["text"]:
                    taken.append((length, answer))
            tap.check(not taken, f"a {name} cut off anywhere is refused by its name", taken)
            status = daemon.ask("status")["body"]["supervisor"]
            tap.check(status["configuration"] == live and status["configurationProblem"] and
                      pids == (daemon.pid("alpha"), daemon.pid("beta")), "the old one is in force, no process restarts")
            daemon.write(name, whole)
            answer = daemon.ask("reload")
            tap.check(answer["ok"] and not daemon.ask("status")["body"]["supervisor"]["configurationProblem"],
                      "whole again it is taken", answer)


def storm_of_hups(tap):
    with Daemon(("alpha",)) as daemon:
        daemon.until_live("alpha")
        for _ in range(100):
            daemon.child.send_signal(signal.SIGHUP)
        daemon.until(lambda: daemon.events(kind="reloaded"), "a reload")
        daemon.define("alpha", maxCapacity=9)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.until(lambda: len(daemon.heard("type-alpha", "WELCOME")) == 2, "the newest definition")
        count = len(daemon.events(kind="reloaded"))
        tap.check(count <= 4, "a hundred SIGHUPs are a few reloads, and the last file wins (B57)", count)


def lifeline(tap):
    names = tuple(f"type-{number}" for number in range(4))
    # Only the signal at the parent's death reaches one that hears nothing and looks for nothing.
    with Daemon(names, {"type:type-0": {"signals": "deaf", "lifeline": False}}) as daemon:
        daemon.until_live(*names)
        daemon.until(lambda: daemon.pid("us-west-2", "regions"), "the region's process")
        children = children_of(daemon.child.pid)
        tap.check(len(children) == 6, "four types, a region and the credentials helper have a process each", children)
        os.kill(daemon.pid(names[0]), signal.SIGSTOP)
        os.kill(daemon.pid("us-west-2", "regions"), signal.SIGSTOP)
        daemon.child.kill()
        daemon.child.wait()
        wait_until(lambda: not any(state_of(pid) not in (None, "Z") for pid in children), PATIENCE, "the end of all")
        tap.check(True, "SIGKILL of the supervisor ends every child, stopped ones too")
        daemon.start()
        daemon.until_live(*names)
        tap.check(True, "a fresh supervisor takes over")


def second_daemon(tap):
    with Daemon() as first, Daemon(start=False, rootUrl="http://127.0.0.1:2") as second:
        first.until_live("alpha")
        second.start()
        status = second.child.wait(PATIENCE)
        tap.check(status == 2 and "another provisiond runs for deployment id" in second.log(),
                  "a second daemon with the same deployment id exits 2 (B09)", second.log()[-500:])
        tap.check(first.type("alpha")["state"] == "live", "and the first goes on")
        lock = Path(re.search(r"\((\S+) is locked\)", second.log()).group(1))
        first.child.kill()
        first.child.wait()
        first.start()
        first.until_live("alpha")
        tap.check(lock.exists(), "the lock of one that was killed hinders nobody")
        first.child.send_signal(signal.SIGTERM)
        first.child.wait(PATIENCE)
        tap.check(not lock.exists(), "and an orderly stop removes it", lock)


def twenty_killed(tap):
    names = tuple(f"type-{number:02}" for number in range(20))
    with Daemon(names) as daemon:
        daemon.until_live(*names)
        pids = [daemon.pid(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        daemon.until(lambda: all(daemon.figure(name, "generation") == 2 for name in names), "twenty new generations")
        daemon.until_live(*names)
        zombies = [pid for pid in children_of(daemon.child.pid) if state_of(pid) == "Z"]
        deaths = [daemon.figure(name, "deaths") for name in names]
        tap.check(not zombies and deaths == [1] * 20, "twenty killed together: all reaped and restarted, 0 zombies "
                  "(B64)", (zombies, deaths))


def inherited(tap):
    with Daemon(environment={"PROBE": "kept", "AWS_SECRET_ACCESS_KEY": "marker", "HTTPS_PROXY": "http://127.0.0.1:9", "WATCHDOG_USEC": "1000000000",
                             "TASKCLUSTER_ACCESS_TOKEN": "marker"}) as daemon:
        daemon.until_live("alpha")
        daemon.until(lambda: daemon.pid("us-west-2", "regions"), "the region's worker")
        daemon.until(lambda: daemon.pid("credentials", "helpers"), "the credentials helper")
        pid, region, helper = daemon.pid("alpha"), daemon.pid("us-west-2", "regions"), daemon.pid("credentials", "helpers")
        variables = Path(f"/proc/{pid}/environ").read_bytes()
        tap.check(b"PROBE=kept" in variables and b"PROXY" not in variables and b"WATCHDOG" not in variables,
                  "a worker's environment has no proxies and nothing of systemd")
        tap.check(b"TASKCLUSTER_ACCESS_TOKEN" in variables and
                  b"TASKCLUSTER_ACCESS_TOKEN" not in Path(f"/proc/{region}/environ").read_bytes(),
                  "a region worker does not get the queue's credentials")
        has = {one: b"AWS_SECRET" in Path(f"/proc/{one}/environ").read_bytes() for one in (pid, region, helper)}
        tap.check(has == {pid: False, region: False, helper: True} and
                  b"TASKCLUSTER" not in Path(f"/proc/{helper}/environ").read_bytes(),
                  "the credentials helper alone gets AWS's variables, and none of the queue's", has)
        status = Path(f"/proc/{pid}/status").read_text()
        blocked = int(re.search(r"SigBlk:\s+(\w+)", status).group(1), 16)
        tap.check(blocked == 0, "no signal is blocked in a worker", f"{blocked:x}")
        tap.check(os.getpgid(pid) == pid, "a worker has its own process group")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        secrets = [line for line in Path(f"/proc/{pid}/fd").iterdir()]
        tap.check(re.search(rb"[0-9a-f]{64}", command + variables) is None, "its secret is in no argument or variable",
                  (command, len(secrets)))


def grants(tap):
    script = {"type:alpha": {"bid": [3, 2]}, "region:us-west-2": {"listing": False}}
    with Daemon(fake=script) as daemon:
        daemon.until_live("alpha")
        refused = daemon.until(lambda: [one for one in daemon.ask("explain", "alpha")["body"]["denials"]
                                        if one["by"] == "region-unlisted" and one["at"] - one["since"] >= 1000],
                               "the refusal to last for five ticks")
        tap.check([one["times"] for one in refused] == [1] and
                  daemon.type("alpha")["denials"] == "region-unlisted 1", "one wish that waits is one refusal", refused)
        tap.check(not daemon.heard("type-alpha", "GRANT"), "no grant in a region before its first complete listing")
        daemon.set_fake({"type:alpha": {"bid": [3, 2]}})
        daemon.ask("restart", "us-west-2")
        daemon.until(lambda: sum(one["count"] for one in daemon.heard("type-alpha", "GRANT")) >= 3, "the grants")
        daemon.until(lambda: daemon.figure("alpha", "occupyingInstances") == 3, "three instances")
        heard = daemon.heard("type-alpha", "GRANT")
        numbers = [one["grant"] for one in heard]
        tap.check(numbers == sorted(numbers), "grants come in rising order", numbers)
        tap.check(all(one["_inLedger"] for one in heard), "each grant was in the ledger before it was sent", heard)
        tap.check(all(one["generation"] == 1 and len(one["token"]) <= 64 for one in heard) and
                  len({one["token"] for one in heard}) == len(heard), "each has a token of its own", heard)
        explained = daemon.ask("explain", "alpha")["body"]
        wanted = {"type", "asOf", "sentence", "reason", "data", "lots", "denials", "breakers", "leases"}
        tap.check(wanted <= set(explained), "explain has all its parts", sorted(explained))


def counted_once(tap):
    with Daemon(fake={"type:alpha": {"bid": [3, 2]}}, grace="1h") as daemon:
        daemon.until_live("alpha")
        status = daemon.until(lambda: next((body for body in [daemon.ask("status")["body"]]
                                            if body["supervisor"]["instances"]["value"] == 3), None), "three instances")
        alpha, all_types = status["types"][0], status["supervisor"]
        tap.check((alpha["occupying"]["value"], alpha["leased"]["value"]) == (3, 0) and
                  (all_types["units"]["value"], all_types["unitsLeased"]["value"]) == (3, 0) and
                  all_types["instancesLeased"]["value"] == 0,
                  "what is launched and not listed yet is counted as occupying, not as leased too", status)


def unknown_outcome(tap):
    script = {"type:alpha": {"bid": [1, 1], "launch": "unknown"}}
    with Daemon(fake=script, grace="1h") as daemon:
        daemon.until(lambda: daemon.heard("type-alpha", "GRANT"), "a grant")
        daemon.until(lambda: [one for one in daemon.ask("explain", "alpha")["body"]["leases"]
                              if one["state"] == "unknown"], "the lease to be unknown")
        daemon.child.kill()
        daemon.child.wait()
        daemon.set_fake({})
        daemon.start()
        daemon.until_live("alpha")
        daemon.until(lambda: len(daemon.heard("type-alpha", "WELCOME")) >= 2, "the second welcome")
        welcome = daemon.heard("type-alpha", "WELCOME")[-1]
        first = daemon.heard("type-alpha", "GRANT")[0]
        tap.check([(one["grant"], one["token"], one["state"]) for one in welcome["leases"]] ==
                  [(first["grant"], first["token"], "unknown")], "an unknown lease outlives the supervisor", welcome)
        tap.check(welcome["seen"] == first["grant"], "and the worker is told its highest grant")
        tap.check(daemon.figure("alpha", "leased") == 1, "and it counts from the start")


def renewed(tap):
    with Daemon(fake={"type:alpha": {"bid": [1, 1], "launch": "renew"}}, grace="1h") as daemon:
        daemon.until(lambda: len(daemon.heard("type-alpha", "GRANT")) == 2, "the lease anew")
        first, second = daemon.heard("type-alpha", "GRANT")
        same = ("grant", "token", "count", "zone", "instanceType", "maxPrice", "revision", "specHash")
        tap.check(second["resend"] and not first["resend"] and all(first[key] == second[key] for key in same) and
                  second["sendByMono"] > first["sendByMono"], "RENEW gives the same lease with a new send-by",
                  (first, second))
        daemon.until(lambda: daemon.figure("alpha", "occupyingInstances") == 1, "the instance")
        tap.check(not daemon.ask("explain", "alpha")["body"]["leases"], "and its ids end the lease")


def lease_is_void(tap):
    script = {"type:alpha": {"bid": [1, 1], "launch": "unknown"}}
    with Daemon(fake=script, grace="1s") as daemon:
        daemon.until(lambda: daemon.events("alpha", "lease-void"), "the lease to be void")
        tap.check(True, "a listing begun after its grace ends a lease of unknown outcome")


def pause(tap):
    with Daemon(fake={"type:alpha": {"bid": [1, 1], "launch": "failed"}}) as daemon:
        daemon.until_live("alpha")
        tap.check(daemon.ask("pause", "alpha")["ok"] and daemon.type("alpha")["state"] == "paused", "pause is shown")
        daemon.child.kill()
        daemon.child.wait()
        daemon.start()
        daemon.until(lambda: daemon.type("alpha")["state"] == "paused", "the pause after a restart")
        tap.check(True, "a pause outlives the supervisor")
        tap.check(daemon.ask("resume", "alpha")["ok"] and daemon.type("alpha")["state"] != "paused", "resume ends it")
        tap.check(not daemon.ask("dance")["ok"] and not daemon.ask("pause")["ok"], "nonsense is refused, not fatal")


def signals(tap):
    """Those that no other test here sends: DESIGN section 9."""
    with Daemon(("alpha",)) as daemon:
        daemon.until_live("alpha")
        first = daemon.pid("alpha")
        os.kill(first, signal.SIGTERM)
        daemon.until(lambda: daemon.figure("alpha", "generation") == 2, "the second generation")
        daemon.until_live("alpha")
        pid, region = daemon.pid("alpha"), daemon.pid("us-west-2", "regions")
        tap.check(pid not in (None, first) and state_of(first) is None and not daemon.events("alpha", "worker-died"),
                  "SIGTERM to a type's worker: it is started again, its pid file is new, and that is no crash")
        daemon.child.send_signal(signal.SIGUSR1)
        daemon.until(lambda: "state.type" in daemon.log(), "the state in the log")
        line = [line for line in daemon.log().splitlines() if "state.type" in line][-1]
        tap.check("type=alpha" in line and f"pid={pid}" in line and "reason=" in line,
                  "SIGUSR1 to the supervisor writes the state to the log", line)
        daemon.child.send_signal(signal.SIGINT)
        tap.check(daemon.child.wait(PATIENCE) == 0, "SIGINT to the supervisor is an orderly stop")
        left = [path.name for path in daemon.run_dir.glob("*/*.pid")]
        tap.check(state_of(pid) is None and state_of(region) is None and not left, "no worker and no pid file is left", left)


def check_option(tap):
    with Daemon(("alpha", "bad", "worse"), start=False) as daemon:
        daemon.define("bad", minCapacity=5, maxCapacity=2)
        daemon.define("worse", launchSpecs={})

        def run(*options):
            return subprocess.run([str(BUILD / "provisiond"), "--config", str(daemon.folder / "provisiond.json"),
                                   *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
        result = run("--check")
        tap.check(result.returncode == 2 and "bad.json" in result.stderr and "worse.json" in result.stderr and
                  "launchSpec" in result.stderr, "--check reports every fault, exit 2", result.stderr)
        tap.check(run().returncode == 2, "and so does a start")
        for name in ("bad", "worse"):
            (daemon.folder / "workertypes.d" / f"{name}.json").unlink()
        tap.check(run("--check").returncode == 0, "--check of good files is 0")
        printed = json.loads(run("--print-config").stdout)
        daemon.write("again.json", printed)
        again = subprocess.run([str(BUILD / "provisiond"), "--config", str(daemon.folder / "again.json"),
                                "--print-config"], capture_output=True, text=True, check=False)
        tap.check(json.loads(again.stdout) == printed, "what --print-config prints is read back the same")
        tap.check(run("--nonsense").returncode == 2, "wrong usage is 2")


TESTS = [hello_deadline, bad_messages, flood, back_off, stopped_worker, standstill, escalation, one_type_reloads,
         whole_reload, truncated_files, storm_of_hups, lifeline, second_daemon, twenty_killed, inherited, grants, counted_once,
         unknown_outcome, renewed, lease_is_void, pause, signals, check_option]

if __name__ == "__main__":
    sys.exit(Tap().run(*[test for test in TESTS if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]]))
