# SPDX-License-Identifier: MPL-2.0
"""The world of a chaos run: one simulated cloud, one daemon that is started again whenever it is gone, its state on a
small file system of its own where mounting is permitted. Signals go only to processes that are ours by birth: the
daemon that we started, and those whose parent is that daemon at the moment of the signal (held by a pidfd)."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/demo"), str(ROOT / "tests/system"), str(ROOT / "tests/lib"), str(HERE)]
import fleet        # noqa: E402
import make_config  # noqa: E402
from processes import BUILD, CREDENTIALS, Cloud, Failed, end, wait_until  # noqa: E402, F401

REGIONS = fleet.REGIONS
STATE_SIZE = "24m"

# Everything that takes minutes in life takes seconds here; the rules are the same.
INTERVALS = {
    "tick": 0.2, "demandPoll": 0.2, "inventoryPoll": 0.2, "pricePoll": 5, "statusInterval": 0.5, "grace": 2.5,
    "maxInventoryAge": 5, "maxDemandAge": 5, "staleServing": 20, "sendBy": 1, "workerTickLimit": 2, "helloLimit": 5,
    "connectLimit": 1, "queueLimit": 2, "launchLimit": 2, "describeLimit": 2, "backoffFirst": 0.1, "backoffMost": 0.5,
    "backoffReset": 1, "capacityDelay": 0.3, "breakerDelay": 0.3, "breakerMost": 1, "quarantineDelay": 0.3,
    "definitionProbe": 1,
}
# name -> (capacity of an instance, maxCapacity in units)
TYPES = {"alpha": (1, 5), "beta": (1, 4), "gamma": (2, 6), "delta": (1, 4)}
MAX_UNITS, MAX_INSTANCES = 13, 10


def type_document(name, **more):
    capacity, most = TYPES[name]
    document = make_config.worker_type(name, ("m3.medium", "c4.large"), fleet.IMAGE_HVM, most, canary=0,
                                       settle="600s", **more)
    for kind in document["instanceTypes"]:
        kind["capacity"] = capacity
    return document


class World:
    def __init__(self, scenario, program=None, types=None, tmpfs=True, environment=None, autostart=True,
                 **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="pd-chaos-"))
        self.run_dir, self.state_dir = self.folder / "run", self.folder / "state"
        self.program = Path(program or BUILD / "provisiond")
        self.scenario, self.settings = scenario, settings
        self.documents = types if types is not None else [type_document(name) for name in TYPES]
        self.environment = environment or {}
        self.wants_tmpfs, self.mounted, self.autostart = tmpfs, False, autostart
        self.cloud = self.child = self.log = None
        self.starts = 0

    def __enter__(self):
        try:
            self.state_dir.mkdir(mode=0o700, exist_ok=True)
            if self.wants_tmpfs:
                self.mounted = subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", f"size={STATE_SIZE},mode=0700", "pd-chaos", str(self.state_dir)],
                    stderr=subprocess.DEVNULL, check=False).returncode == 0
            (self.folder / "scenario.json").write_text(json.dumps(self.scenario))
            self.cloud = Cloud(self.folder / "scenario.json", self.folder)
            self.write_config()
            for document in self.documents:
                self.write_type(document)
            self.log = open(self.folder / "provisiond.log", "ab")
            if self.autostart:
                self.start()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *unused):
        end(self.child, 30)
        if self.cloud is not None:
            self.cloud.stop()
        if self.log is not None:
            self.log.close()
        if self.mounted:
            subprocess.run(["umount", str(self.state_dir)], check=False)
        if "KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"# kept {self.folder}", file=sys.stderr)

    def write_config(self):
        settings = dict(maxCapacity=MAX_UNITS, maxInstances=MAX_INSTANCES, launchShare=1,
                        launchCallsRefill=50, launchInstancesRefill=50, describeRate=50, lotMax=3, leaseShare=50,
                        deploymentId=f"chaos-{os.getpid()}-{id(self)}")
        intervals = dict(INTERVALS, **self.settings.pop("intervals", {}))
        settings.update(self.settings)
        make_config.write_json(self.folder / "provisiond.json", make_config.daemon_settings(
            self.cloud.url, self.folder, self.run_dir, intervals, 1, **settings))

    def write_type(self, document):
        make_config.write_json(self.folder / "workertypes.d" / f"{document['workerType']}.json", document)

    # ---- the daemon ----

    def start(self, **environment):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("AWS_", "TASKCLUSTER_")) and name not in ("NOTIFY_SOCKET", "MAKEFLAGS")}
        env.update(CREDENTIALS, **self.environment)
        env.update(environment)
        self.starts += 1
        self.child = subprocess.Popen([str(self.program), "--config", str(self.folder / "provisiond.json")], env=env,
                                      stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, process_group=0)

    def keep_alive(self):
        """As an init system would: started again when it is gone. True: it was gone."""
        if self.child.poll() is None:
            return False
        self.start()
        return True

    def workers(self):
        """[(class, name, pid)] of what its pid files name; whether a pid is really a child is asked at the signal."""
        found = []
        for folder, kind in (("types", "type"), ("regions", "region"), ("helpers", "helper")):
            for path in sorted((self.run_dir / folder).glob("*.pid")):
                try:
                    found.append((kind, path.stem, int(path.read_text())))
                except (OSError, ValueError):
                    pass
        return found

    def send(self, pid, number):
        """To our daemon, or to a child of it. False: it is none of ours, or gone."""
        if pid == self.child.pid:
            if self.child.poll() is not None:
                return False
            self.child.send_signal(number)
            return True
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if parent_of(pid) != self.child.pid:
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except OSError:
            return False
        finally:
            os.close(handle)

    # ---- what is true ----

    def ask_ledger(self, sql):
        """Rows, or None while it cannot be read."""
        try:
            database = sqlite3.connect(f"file:{self.state_dir}/ledger.db?mode=ro", uri=True, timeout=5)
            try:
                return database.execute(sql).fetchall()
            finally:
                database.close()
        except sqlite3.Error:
            return None

    def open_leases(self):
        rows = self.ask_ledger("SELECT count(*) FROM grants WHERE ended IS NULL")
        return rows[0][0] if rows else None

    def log_text(self):
        return (self.folder / "provisiond.log").read_text(errors="replace")

    def journal(self, kind=None, action=None):
        with open(self.cloud.journal, encoding="utf-8") as file:
            lines = [json.loads(text) for text in file if text.endswith("\n")]
        return [line for line in lines if (kind is None or line["kind"] == kind) and
                (action is None or line.get("action") == action)]

    def add_tasks(self, name, tasks, duration=1):
        self.cloud.ask("/_sim/tasks", {"workerType": name, "tasks": tasks, "duration": duration})

    def idle(self):
        """All demand is served and every lease is over."""
        state = self.cloud.state()["types"]
        served = all(row["pending"] == 0 and row["claimed"] == 0 and row["done"] == row["arrived"]
                     for row in state.values())
        return served and self.open_leases() == 0

    def until(self, condition, what, seconds=60):
        def alive_and():
            self.keep_alive()
            return condition()
        try:
            return wait_until(alive_and, seconds, what)
        except Failed as problem:
            raise Failed(f"{problem}\n" + "\n".join(self.log_text().splitlines()[-15:])) from problem

    def stop_daemon(self):
        end(self.child, 30)


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def alive(pid):
    """Neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def now():
    return time.monotonic()
