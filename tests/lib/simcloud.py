# SPDX-License-Identifier: MPL-2.0
"""Starts and talks to the simulated cloud (docs/simcloud.md) from tests.

    with Sim().start({"queues": {...}}, speed=10) as sim:
        sim.wait_for(lambda state: state["types"]["alpha"]["done"] == 5, deadline_s=20)

The simulator ends with the test: by stop(), by the end of the with block, or, should the
test be killed, because it asks to end with its parent.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCESS_KEY = "AKIASIMCLOUD00000001"
SECRET_KEY = "simcloud-secret-access-key"
CLIENT_ID = "simcloud"
ACCESS_TOKEN = "simcloud-access-token"


class Sim:
    def __init__(self, binary=None):
        self.binary = str(binary or ROOT / os.environ.get("BUILD", "build") / "simcloud")
        self.process = None
        self.port = None
        self.directory = None

    def start(self, scenario=None, speed=None, seed=None, deadline_s=60):
        """scenario: a dict, or the path of a file."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="simcloud-"))
        path = scenario
        if scenario is None or isinstance(scenario, dict):
            path = self.directory / "scenario.json"
            path.write_text(json.dumps(scenario or {}))
        port_file = self.directory / "port"
        command = [self.binary, "--scenario", str(path), "--listen", "127.0.0.1:0", "--journal",
                   str(self.directory / "journal.jsonl"), "--port-file", str(port_file), "--exit-with-parent"]
        if speed is not None:
            command += ["--speed", str(speed)]
        if seed is not None:
            command += ["--seed", str(seed)]
        with open(self.directory / "stderr", "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
        end = time.monotonic() + deadline_s
        while not port_file.exists():
            if self.process.poll() is not None:
                text = self.stderr()
                self.stop()
                raise RuntimeError(f"simcloud ended at once: {text}")
            if time.monotonic() > end:
                self.stop()
                raise RuntimeError("simcloud did not start in time")
            time.sleep(0.01)
        self.port = int(port_file.read_text())
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal_path(self):
        return self.directory / "journal.jsonl"

    def stderr(self):
        return (self.directory / "stderr").read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout=20):
        """Returns (status, headers, body bytes); errors of HTTP are no exceptions."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def control(self, method, path, body=None):
        status, _, text = self.request(method, path, body)
        answer = json.loads(text)
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def state(self):
        return self.control("GET", "/_sim/state")

    def instances(self):
        return self.control("GET", "/_sim/instances")

    def fault(self, effect, match=None, **more):
        """Adds a fault from now on and returns its number."""
        return self.control("POST", "/_sim/fault", {"effect": effect, "match": match or {}, **more})["id"]

    def clear_faults(self, number=None):
        self.control("DELETE", "/_sim/fault" + (f"/{number}" if number else ""))

    def tasks(self, worker_type, tasks=1, duration=60):
        self.control("POST", "/_sim/tasks", {"workerType": worker_type, "tasks": tasks, "duration": duration})

    def set(self, **changes):
        self.control("POST", "/_sim/set", changes)

    def kill(self, **which):
        return self.control("POST", "/_sim/kill", which)["killed"]

    def journal(self, kind=None, **fields):
        """All lines so far, or those of a kind with these fields."""
        lines = []
        with open(self.journal_path) as file:
            for text in file:
                if not text.endswith("\n"):
                    break  # still being written
                line = json.loads(text)
                if (kind is None or line["kind"] == kind) and all(line.get(k) == v for k, v in fields.items()):
                    lines.append(line)
        return lines

    def wait_for(self, predicate, deadline_s=60, every_s=0.05):
        """Waits until predicate(state) is true and returns that state."""
        end = time.monotonic() + deadline_s
        while True:
            state = self.state()
            if predicate(state):
                return state
            if time.monotonic() > end:
                raise TimeoutError(f"not reached within {deadline_s} s; state: {json.dumps(state)}")
            time.sleep(every_s)

    def stop(self):
        """Ends the simulator. What it said on standard error is shown, a failure raised."""
        text, status = "", None
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            status = self.process.returncode
            self.process = None
        if self.directory is not None:
            text = self.stderr()
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None
        for line in text.splitlines():
            print("# simcloud:", line, flush=True)
        if status not in (None, 0, 2):
            raise RuntimeError(f"simcloud ended with status {status}")

    # AWS clients

    def boto(self, service="ec2", region="us-east-1", **more):
        import boto3
        from botocore.config import Config
        options = dict(region_name=region, endpoint_url=self.url + ("/" if service == "ec2" else "/sts/"),
                       aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
                       config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20,
                                     max_pool_connections=50))
        options.update(more)
        return boto3.client(service, **options)


class Tap:
    """Runs functions as TAP tests: the sentence is the docstring, an exception is a failure."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def run(self, *arguments):
        """Returns the exit status."""
        import traceback
        print(f"1..{len(self.tests)}", flush=True)
        failed = 0
        for number, function in enumerate(self.tests, 1):
            try:
                function(*arguments)
                print(f"ok {number} - {function.__doc__}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {number} - {function.__doc__}")
                print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), flush=True)
        return 1 if failed else 0


def skip_all(why):
    """For a test whose means are missing on this machine."""
    print(f"1..0 # SKIP {why}")
    raise SystemExit(0)
