# SPDX-License-Identifier: MPL-2.0
"""For system tests: a real provisiond with all its processes against the simulated cloud, in a folder that is removed.
Uses the demo's starters; adds TAP, a growing journal, and workerTypes in one line."""
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/demo"))
import fleet        # noqa: E402
import make_config  # noqa: E402
from processes import Cloud, Daemon, Failed, wait_until  # noqa: E402, F401

sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402

PATIENCE = 60  # seconds: a deadline, not a measure
INSTRUMENTED = "san-" in os.environ.get("BUILD", "")  # several times slower, and the sanitizer keeps freed memory

INTERVALS = dict(make_config.INTERVALS_2016, tick=0.5, demandPoll=0.5, inventoryPoll=0.5)


class World:
    """One simulated cloud and one daemon; a context manager that ends both."""

    def __init__(self, scenario, types, regions=("us-east-1",), environment=None, **settings):
        self.scenario, self.types, self.regions = scenario, types, regions
        self.settings, self.environment = settings, environment or {}
        self.folder = Path(tempfile.mkdtemp(prefix="pd-test-"))
        self.cloud = self.daemon = None

    def __enter__(self):
        try:
            (self.folder / "scenario.json").write_text(json.dumps(self.scenario))
            self.cloud = Cloud(self.folder / "scenario.json", self.folder)
            settings = dict(deploymentId=f"system-test-{os.getpid()}", maxCapacity=100000, maxInstances=100000, launchShare=1,
                            regions=[{"name": name, "zones": fleet.ZONES[name]} for name in self.regions])
            settings.update({name: value(self.cloud) if callable(value) else value
                             for name, value in self.settings.items()})
            make_config.write_json(self.folder / "provisiond.json", make_config.daemon_settings(
                self.cloud.url, self.folder, self.folder / "run", INTERVALS, 1, **settings))
            for document in self.types:
                self.write_type(document)
            self.daemon = Daemon(self.folder / "provisiond.json", self.folder, self.folder / "run", **self.environment)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *unused):
        for part in (self.daemon, self.cloud):
            if part is not None:
                part.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_type(self, document):
        make_config.write_json(self.folder / "workertypes.d" / f"{document['workerType']}.json", document)

    def journal(self, kind=None, action=None):
        lines = []
        with open(self.cloud.journal, encoding="utf-8") as file:
            for text in file:
                if text.endswith("\n"):
                    line = json.loads(text)
                    if (kind is None or line["kind"] == kind) and (action is None or line.get("action") == action):
                        lines.append(line)
        return lines

    def launch_requests(self, name=None):
        return [line for line in self.journal("requestStart", "RunInstances")
                if not line["params"].get("dryRun") and (name is None or line.get("type") == name)]

    def until(self, condition, what, seconds=PATIENCE):
        def alive_and():
            if not self.daemon.alive():
                raise Failed("provisiond ended:\n" + self.daemon.log_end())
            return condition()
        return wait_until(alive_and, seconds, what)

    def polls(self, name):
        return [line["t"] for line in self.journal("request") if line["action"] in ("counts", "pendingCount")
                and line.get("type") == name and line["status"] == 200]

    def until_polled(self, times=1):
        """Every type has asked for its counts so many times more, from now on."""
        names = [document["workerType"] for document in self.types]
        before = {name: len(self.polls(name)) for name in names}
        self.until(lambda: all(len(self.polls(name)) >= before[name] + times for name in names),
                   f"{times} polls of each type")

    def add_tasks(self, name, tasks, duration=3600):
        self.cloud.ask("/_sim/tasks", {"workerType": name, "tasks": tasks, "duration": duration})


def simple_type(name, instance_types=("m3.medium",), regions=("us-east-1",), **more):
    """A workerType that is trusted (no canary) and whose settle time covers every boot time of the tests."""
    document = make_config.worker_type(name, instance_types, fleet.IMAGE_HVM, 1000, canary=0, settle="600s")
    document["regions"] = [region for region in document["regions"] if region["region"] in regions]
    document.update(more)
    return document


class Tap(Points):
    """A test function that raises is a failed point with its reason."""

    def run(self, *tests):
        for test in tests:
            try:
                test(self)
            except Exception:  # noqa: BLE001 any reason is a failed point
                self.check(False, f"{test.__name__} came to its end", traceback.format_exc())
        return self.end()
