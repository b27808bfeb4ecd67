#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The Debian package in a booted Debian: debootstrap makes it, systemd-nspawn boots it, systemd runs the daemon against a
simulated cloud in there. `make container` (root; a few minutes, the base system is kept in BUILD/container).

Prints TAP. Where it cannot run it says so in one line and leaves with status 0: no root, no debootstrap, no nspawn, no
network for the base system, or a sandbox in which no container boots."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
PLACE = BUILD / "container"
BASE = PLACE / "base"
GUEST = PLACE / "guest"
PACKAGES = ("systemd,systemd-sysv,dbus,procps,ca-certificates,libzmq5,libjansson4,libcurl4,libexpat1,libsqlite3-0,"
            "libssl3,libsystemd0,libmicrohttpd12")
PATIENCE = 90
sys.path.insert(0, str(ROOT / "tests/demo"))
import fleet        # noqa: E402
import make_config  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402

SECRETS = {"aws key": "MARKERAWSsecret", "queue token": "MARKERQUEUEtoken", "deployment key": "MARKERDEPLOYMENTkey00000000000000"}


class CannotRun(Exception):
    """This machine has no containers for us."""


def run(words, **more):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, start_new_session=True, **more)


def until(condition, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


def make_base():
    if os.geteuid() != 0:
        raise CannotRun("root is needed")
    for tool in ("debootstrap", "systemd-nspawn", "nsenter"):
        if not shutil.which(tool):
            raise CannotRun(f"{tool} is not here (Debian: debootstrap, systemd-container)")
    if (BASE / "complete").exists():
        return
    shutil.rmtree(BASE, ignore_errors=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    print("# debootstrap: a minute or two", flush=True)
    done = run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", BASE], timeout=900)
    if done.returncode != 0:
        raise CannotRun("debootstrap failed: " + (done.stdout.strip().splitlines() or ["no word"])[-1])
    (BASE / "complete").touch()


class Guest:
    """A booted copy of the base system."""

    def __enter__(self):
        if GUEST.exists():
            shutil.rmtree(GUEST)
        run(["cp", "-a", BASE, GUEST], check=True, timeout=300)
        for program in ("simcloud",):
            shutil.copy(BUILD / program, GUEST / "usr/local/bin" / program)
        self.leader = None
        self.log = open(PLACE / "boot.log", "wb")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--directory", GUEST, "--boot", "--register=no", "--keep-unit", "--private-network",
             "--machine=provisiond-test", "--console=pipe"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.leader = until(self.find_leader, "the container's first process", 30)
            until(lambda: self("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), "the boot")
        except AssertionError as reason:
            self.__exit__()
            last = (PLACE / "boot.log").read_text(errors="replace").strip().splitlines()[-3:]
            raise CannotRun(f"no container boots here ({reason}): {' | '.join(last)}") from reason
        return self

    def find_leader(self):
        if self.nspawn.poll() is not None:
            raise AssertionError("systemd-nspawn ended")
        text = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        for pid in text:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return int(pid)
        return None

    def __exit__(self, *_):
        if self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.log.close()
        shutil.rmtree(GUEST, ignore_errors=True)

    def __call__(self, *words, timeout=PATIENCE):
        return run(["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "--", *words], timeout=timeout)

    def show(self, what, unit="provisiond"):
        return self("systemctl", "show", "-P", what, unit).stdout.strip()

    def main_pid(self):
        """Of a daemon that runs: kill(0) would be ourselves and everybody with us."""
        return until(lambda: int(self.show("MainPID") or 0) > 1 and self.show("MainPID"), "a main process")

    def signal(self, name, pid):
        assert int(pid) > 1
        return self("kill", f"-{name}", str(pid))

    def journal(self):
        return self("journalctl", "--no-pager", "-u", "provisiond").stdout

    def write(self, name, text, mode=0o644):
        path = GUEST / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)


def scenario():
    access, secret = "AKIASIMCLOUD00000001", SECRETS["aws key"]
    return {"credentials": [{"accessKeyId": access, "secretAccessKey": secret}],
            "clients": [{"clientId": "simcloud", "accessToken": SECRETS["queue token"], "scopes": ["*"]}],
            "queues": {"alpha": {}, "beta": {}}, "regions": ["us-east-1"]}


def settings(**more):
    document = make_config.daemon_settings("http://127.0.0.1:8080", Path("/var/lib/provisiond"), "/run/provisiond",
                                           make_config.INTERVALS_2016, 1, maxCapacity=100, maxInstances=100,
                                           deploymentId="container", grace="2s")
    document["stateDir"] = "/var/lib/provisiond"
    document["regions"] = [{"name": "us-east-1", "zones": fleet.ZONES["us-east-1"]}]
    document.update(more)
    return json.dumps(document, indent=2)


def type_of(name):
    document = make_config.worker_type(name, ("m3.medium",), fleet.IMAGE_HVM, 50, canary=0, settle="600s")
    document["regions"] = [region for region in document["regions"] if region["region"] == "us-east-1"]
    return json.dumps(document, indent=2)


def guest_pid(guest, name):
    return guest("cat", f"/run/provisiond/types/{name}.pid").stdout.strip()


def install(guest, points):
    package = sorted(BUILD.glob("provisiond_*.deb"))[-1]
    shutil.copy(package, GUEST / "root/provisiond.deb")
    done = guest("dpkg", "-i", "/root/provisiond.deb")
    points.check(done.returncode == 0, f"{package.name} installs", done.stdout)
    points.check(guest("id", "provisiond").returncode == 0, "its user is there")
    points.check(guest.show("ActiveState") == "inactive", "without a configuration nothing is started")
    guest.write("etc/provisiond/provisiond.json", settings())
    for name in ("alpha", "beta"):
        guest.write(f"etc/provisiond/workertypes.d/{name}.json", type_of(name))
    guest.write("etc/credstore/provisiond.aws", "[default]\naws_access_key_id = AKIASIMCLOUD00000001\n"
                f"aws_secret_access_key = {SECRETS['aws key']}\n", 0o600)
    guest.write("etc/credstore/provisiond.taskcluster",
                json.dumps({"clientId": "simcloud", "accessToken": SECRETS["queue token"]}), 0o600)
    guest.write("etc/credstore/provisiond.deployment-key", SECRETS["deployment key"], 0o600)
    guest.write("root/scenario.json", json.dumps(scenario()))
    guest("systemd-run", "--unit=simcloud", "/usr/local/bin/simcloud", "--scenario", "/root/scenario.json", "--listen",
          "127.0.0.1:8080", "--journal", "/root/journal.jsonl", "--port-file", "/root/port")
    until(lambda: (GUEST / "root/port").exists(), "the simulated cloud")


def start(guest, points):
    done = guest("systemctl", "start", "provisiond")
    points.check(done.returncode == 0 and guest.show("ActiveState") == "active", "systemctl start comes back active",
                 done.stdout + guest.journal())
    status = guest("provisionctl", "events", "--json").stdout
    points.check('"ready"' in status, "and not before the daemon was ready: its workers have said hello", status)
    until(lambda: "2 types, 3 of 3 processes live" in guest.show("StatusText"), "the STATUS line with the essentials")
    points.check("instances" in guest.show("StatusText"), "the STATUS line has the essentials: types, processes, instances")
    points.check(guest("sh", "-c", "ps -o user= -p $(cat /run/provisiond/types/alpha.pid)").stdout.strip()
                 .startswith("provisio"), "the workers run as the package's user")


def dashboard(guest, points):
    """As shipped, without a token: a user of its own, in the group that may ask the daemon."""
    done = guest("systemctl", "start", "provisiond-web")
    page = until(lambda: fetch(guest, "http://127.0.0.1:9730/"), "the dashboard's page")
    first = until(lambda: [line for line in fetch(guest, "http://127.0.0.1:9730/api/explain?type=alpha").splitlines()
                           if "sentence" in line], "the daemon's answer through it")
    points.check(done.returncode == 0 and "<html" in page and first, "provisiond-web.service shows the page and asks the daemon",
                 done.stdout + page[:300])
    points.check(guest("systemctl", "stop", "provisiond-web").returncode == 0 and
                 guest.show("Result", "provisiond-web") == "success", "and stops in order")


def reload(guest, points):
    before = guest.show("MainPID")
    guest.write("etc/provisiond/provisiond.json", settings(maxInstances=77))
    done = guest("systemctl", "reload", "provisiond")
    points.check(done.returncode == 0, "a reload of a good file succeeds", done.stdout + guest.journal())
    guest.write("etc/provisiond/provisiond.json", settings(maxInstance=1))
    done = guest("systemctl", "reload", "provisiond")
    points.check(done.returncode != 0, "a reload of a broken file fails", done.stdout)
    points.check("maxInstance" in guest.journal(), "and its sentence is in the journal", guest.journal()[-2000:])
    points.check(guest.show("MainPID") == before and guest.show("ActiveState") == "active",
                 "the daemon runs on with what it had")
    guest.write("etc/provisiond/provisiond.json", settings())


def restart_types(guest, points):
    supervisor, beta = guest.show("MainPID"), guest_pid(guest, "beta")
    for how in (("sh", "-c", "kill -HUP $(cat /run/provisiond/types/alpha.pid)"), ("provisionctl", "restart", "alpha")):
        before = guest_pid(guest, "alpha")
        done = guest(*how)
        until(lambda: guest_pid(guest, "alpha") not in ("", before), "a new worker")
        points.check(done.returncode == 0 and guest_pid(guest, "beta") == beta and guest.show("MainPID") == supervisor,
                     f"{' '.join(how)} restarts one type and nothing else", done.stdout)


def kill(guest, points):
    before = guest.main_pid()
    old = [guest_pid(guest, name) for name in ("alpha", "beta")]
    guest.signal("KILL", before)
    until(lambda: guest.show("MainPID") not in ("0", before) and guest.show("ActiveState") == "active", "the restart")
    points.check(guest.show("NRestarts") == "1", "after SIGKILL of the supervisor systemd starts it again")
    alive = [pid for pid in old if guest("kill", "-0", pid).returncode == 0]
    points.check(not alive, "no worker outlived it", alive)


def watchdog(guest, points):
    guest("sh", "-c", "mkdir -p /run/systemd/system/provisiond.service.d && printf '[Service]\\nWatchdogSec=5\\n' "
          ">/run/systemd/system/provisiond.service.d/watchdog.conf && systemctl daemon-reload")
    guest("systemctl", "restart", "provisiond")
    before, restarts = guest.main_pid(), int(guest.show("NRestarts"))
    time.sleep(12)  # more than two of its intervals
    points.check(guest.show("MainPID") == before, "a healthy supervisor feeds a watchdog of 5 s")
    guest.signal("STOP", before)
    until(lambda: guest.show("MainPID") not in ("0", before) and guest.show("ActiveState") == "active",
          "the watchdog to strike and the restart")
    points.check(int(guest.show("NRestarts")) > restarts and "watchdog" in guest.journal().lower(),
                 "a stopped supervisor is ended by the watchdog and started again", guest.journal()[-1500:])


def ask(guest, path, body):
    program = ("import sys,urllib.request as u;"
               "print(u.urlopen(u.Request('http://127.0.0.1:8080'+sys.argv[1],data=sys.argv[2].encode() or None)).read())")
    return run(["nsenter", "-t", guest.leader, "-n", "--", "/usr/bin/python3", "-c", program, path, json.dumps(body)],
               timeout=PATIENCE)


def fetch(guest, url):
    """What it answers, from inside; empty while nobody listens."""
    program = "import sys,urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())"
    done = run(["nsenter", "-t", guest.leader, "-n", "--", "/usr/bin/python3", "-c", program, url], timeout=PATIENCE)
    return done.stdout if done.returncode == 0 else ""


def launches(action="RunInstances"):
    lines = [json.loads(text) for text in (GUEST / "root/journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "requestStart" and line.get("action") == action
            and not line["params"].get("dryRun")]


def stop(guest, points):
    done = ask(guest, "/_sim/fault", {"match": {"action": "RunInstances"}, "effect": {"hang": 60, "after": True}})
    ask(guest, "/_sim/tasks", {"workerType": "alpha", "tasks": 5, "duration": 3600})
    until(launches, "a launch in flight")
    begun = time.monotonic()
    answer = guest("systemctl", "stop", "provisiond")
    took = time.monotonic() - begun
    points.check(answer.returncode == 0 and guest.show("Result") == "success" and took < 60,
                 f"stop with a launch in flight ends in order within TimeoutStopSec ({took:.0f} s of 60)",
                 done.stdout + answer.stdout + guest.journal()[-1500:])
    left = guest("pgrep", "-u", "provisiond").stdout.split()
    points.check(not left, "nothing of it is left", left)


def wrong_configuration(guest, points):
    guest.write("etc/provisiond/provisiond.json", settings(maxInstance=1))
    done = guest("systemctl", "start", "provisiond")
    time.sleep(3)  # longer than RestartSec
    points.check(done.returncode != 0 and guest.show("ActiveState") == "failed" and
                 guest.show("ExecMainStatus") == "2", "a wrong configuration ends with status 2 and is not tried again",
                 guest.journal()[-1500:])
    guest.write("etc/provisiond/provisiond.json", settings())
    guest("systemctl", "reset-failed", "provisiond")


def secrets(guest, points):
    guest("systemctl", "start", "provisiond")
    texts = {"journal": guest.journal(),
             "command lines": guest("sh", "-c", "cat /proc/[0-9]*/cmdline").stdout,
             "environments of its processes": guest("sh", "-c", "for p in $(pgrep -u provisiond); do cat /proc/$p/environ; "
                                                    "done").stdout,
             "ledger": guest("sh", "-c", "cat /var/lib/provisiond/*").stdout,
             "run directory": guest("sh", "-c", "find /run/provisiond -type f -exec cat {} +").stdout,
             "unit's properties": guest("systemctl", "show", "provisiond").stdout,
             "status": guest("provisionctl", "status", "--json").stdout + guest("provisionctl", "events", "--json").stdout}
    hits = [f"{name} in {place}" for place, text in texts.items() for name, secret in SECRETS.items() if secret in text]
    points.check(not hits, f"no secret in {', '.join(texts)}", hits)
    points.check(all(texts.values()), "each of these places had something to search",
                 [place for place, text in texts.items() if not text])


def upgrade_and_remove(guest, points):
    before = guest.show("MainPID")
    done = guest("dpkg", "-i", "/root/provisiond.deb")
    until(lambda: guest.show("ActiveState") == "active", "the daemon after the upgrade")
    points.check(done.returncode == 0 and guest.show("MainPID") != before, "an upgrade restarts a running daemon",
                 done.stdout)
    done = guest("dpkg", "-r", "provisiond")
    points.check(done.returncode == 0 and not guest("pgrep", "-u", "provisiond").stdout.split(),
                 "removing the package stops it", done.stdout)
    points.check((GUEST / "var/lib/provisiond/ledger.db").exists(), "its ledger stays")


def main():
    points = Points()
    try:
        make_base()
        with Guest() as guest:
            for part in (install, start, dashboard, reload, restart_types, kill, watchdog, stop, wrong_configuration, secrets,
                         upgrade_and_remove):
                try:
                    part(guest, points)
                except (AssertionError, subprocess.TimeoutExpired) as reason:
                    points.check(False, f"{part.__name__} came to its end", f"{reason}\n{guest.journal()[-3000:]}")
    except CannotRun as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
