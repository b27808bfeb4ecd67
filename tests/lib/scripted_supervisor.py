# SPDX-License-Identifier: MPL-2.0
"""Plays the supervisor, and where wanted the region workers, against one real provisiond-worker process.

    with Supervisor(settings(sim)) as supervisor:
        worker = supervisor.spawn("type", "alpha")
        worker.welcome(definition=...)
        bid = worker.expect("BID", lambda m: m["units"] == 5)

Everything is waited for as an event with a deadline of tens of seconds. What was started is ended by its pid.
"""

import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
DEADLINE_S = 30
VERSION = int(re.search(r"#define PROTO_VERSION (\d+)", (ROOT / "proto/messages.h").read_text()).group(1))


def now_mono_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def now_wall_ms():
    return time.time_ns() // 1000000


def settings(sim_url, **more):
    """The daemon's settings against a simulated cloud at `sim_url`, fast; region r1 unless told otherwise."""
    chosen = {
        "deploymentId": "test-deployment", "provisionerId": "sim", "rootUrl": sim_url,
        "ec2Endpoint": sim_url + "/ec2/{region}/", "metadataEndpoint": "", "maxCapacity": 1000, "maxInstances": 1000,
        "maxHourlyCost": "unlimited", "tick": "1s", "demandPoll": "200ms", "inventoryPoll": "300ms",
        "pricePoll": "1s", "describeRate": 50, "preflight": False,
        "regions": [{"name": "us-west-2", "zones": ["us-west-2a", "us-west-2b"]}],
    }
    chosen.update(more)
    return chosen


def definition(name="alpha", **more):
    """A workerType of one instance type in us-west-2."""
    chosen = {
        "workerType": name, "minCapacity": 0, "maxCapacity": 100, "maxPrice": 1,
        "launchSpec": {"KeyName": "sim-key"},
        "regions": [{"region": "us-west-2", "launchSpec": {"ImageId": "ami-00000001"}}],
        "instanceTypes": [{"instanceType": "m3.large", "capacity": 1, "utility": 1}],
    }
    chosen.update(more)
    return chosen


class Worker:
    """One spawned worker: its process and the messages that came from it."""

    def __init__(self, supervisor, process, role, name, identity, generation, lifeline):
        self.supervisor = supervisor
        self.process = process
        self.role, self.name = role, name
        self.identity, self.generation = identity, generation
        self.lifeline = lifeline
        self.messages = []

    def send(self, kind, **fields):
        self.supervisor.bus.send_multipart([self.identity.encode(), json.dumps({"m": kind, **fields}).encode()])

    def _read(self, wait_ms):
        if not self.supervisor.bus.poll(wait_ms):
            return False
        identity, text = self.supervisor.bus.recv_multipart()
        for worker in self.supervisor.workers:
            if worker.identity.encode() == identity:
                worker.messages.append(json.loads(text))
        return True

    def expect(self, kind, matches=lambda message: True, deadline_s=DEADLINE_S):
        """The first message of the kind that matches; it and all before it are taken out of the list."""
        end = time.monotonic() + deadline_s
        while True:
            for number, message in enumerate(self.messages):
                if message["m"] == kind and matches(message):
                    del self.messages[:number + 1]
                    return message
            if time.monotonic() > end:
                raise TimeoutError(f"no {kind} that matches; came: {json.dumps(self.messages[-6:])[:1500]}"
                                   f"; process: {self.process.poll()}; stderr: {self.stderr()[-1500:]}")
            self._read(100)

    def drain(self):
        """Takes in what has come by now and forgets all of it."""
        while self._read(0):
            pass
        taken, self.messages = self.messages, []
        return taken

    def hello(self):
        hello = self.expect("HELLO")
        assert hello["version"] == VERSION and hello["role"] == self.role and hello["name"] == self.name, hello
        assert hello["generation"] == self.generation and hello["pid"] == self.process.pid, hello
        return hello

    def welcome(self, document, settings_changes=None, **fields):
        """Waits for hello and answers it."""
        self.hello()
        chosen = dict(self.supervisor.settings, **(settings_changes or {}))
        message = {"settings": json.dumps(chosen), "definition": json.dumps(document), "revision": 1,
                   "incarnation": "incarnation-1", "seen": 0, "leases": [], "launched": [], "pollMs": 200, "phaseMs": 0,
                   "forced": False, "images": ""}
        if VERSION >= 2:
            message.update(forced=False, images="")
        message.update(fields)
        self.send("WELCOME", **message)

    def grant(self, bid, number, count=None, send_by_s=60, token=None, lot=0, **more):
        """Grants a lot of a bid."""
        chosen = bid["lots"][lot]
        message = {key: chosen[key] for key in
                   ("region", "zone", "instanceType", "market", "capacity", "maxPrice", "specHash")}
        message.update(grant=number, token=token or f"token-{os.getpid()}-{number}", count=count or chosen["count"],
                       revision=1, generation=self.generation, sendByMono=now_mono_us() + int(send_by_s * 1e6),
                       resend=False)
        message.update(more)
        self.send("GRANT", **message)
        return message

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self, deadline_s=DEADLINE_S):
        """Its exit status; a negative one is a signal."""
        return self.process.wait(deadline_s)

    def stderr(self):
        path = self.supervisor.run_dir / f"{self.name}.{self.generation}.stderr"
        return path.read_text(errors="replace") if path.exists() else ""


class ScriptedHelper(threading.Thread):
    """Plays the credentials helper: hands out what the environment holds, by questions; `keys` may be changed."""

    def __init__(self, context, run_dir, environment):
        super().__init__(daemon=True)
        self.keys = {"accessKey": environment.get("AWS_ACCESS_KEY_ID", ""),
                     "secretKey": environment.get("AWS_SECRET_ACCESS_KEY", ""), "sessionToken": "", "expiresWall": 0,
                     "problem": ""}
        if not self.keys["accessKey"]:
            self.keys["problem"] = "there are none in this test"
        self.questions = []
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(f"ipc://{run_dir}/keys.sock")
        self.closing = threading.Event()
        self.start()

    def run(self):
        while not self.closing.is_set():
            if self.socket.poll(50):
                peer, text = self.socket.recv_multipart()
                question = json.loads(text)
                self.questions.append(question)
                self.socket.send_multipart([peer, json.dumps({"m": "KEYS", "id": question["id"], **self.keys}).encode()])
        self.socket.close()

    def close(self):
        self.closing.set()
        self.join(10)


class Supervisor:
    def __init__(self, chosen_settings, environment=None, helper=True):
        self.settings = chosen_settings
        self.environment = dict(os.environ, AWS_ACCESS_KEY_ID="AKIASIMCLOUD00000001",
                                AWS_SECRET_ACCESS_KEY="simcloud-secret-access-key", TASKCLUSTER_CLIENT_ID="simcloud",
                                TASKCLUSTER_ACCESS_TOKEN="simcloud-access-token", HOME="/nonexistent")
        self.environment.update(environment or {})
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix="sv-"))
        self.context = zmq.Context()
        self.bus = self._bind(zmq.ROUTER, "bus.sock")
        self.helper = ScriptedHelper(self.context, self.run_dir, self.environment) if helper else None
        self.workers = []
        self.regions = {}
        self.generation = 0

    def _bind(self, kind, name):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.ROUTER:
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.bind(f"ipc://{self.run_dir}/{name}")
        return socket

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
            if worker.lifeline is not None:
                os.close(worker.lifeline)
            for line in worker.stderr().splitlines():
                if "Sanitizer" in line or "runtime error" in line or "level=panic" in line:
                    print("# worker:", line, flush=True)
        for region in self.regions.values():
            region.close()
        if self.helper:
            self.helper.close()
        self.bus.close()
        self.context.term()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def spawn(self, role, name, extra_environment=None):
        self.generation += 1
        identity = os.urandom(16).hex()
        secret_read, secret_write = os.pipe()
        life_read, life_write = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in (secret_read, life_read)]
        os.close(secret_read)
        os.close(life_read)
        os.write(secret_write, identity.encode())
        os.close(secret_write)

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        hidden = "TASKCLUSTER_" if role == "helper" else "AWS_"  # as the real supervisor hides them
        environment = {name: value for name, value in self.environment.items() if not name.startswith(hidden)}
        command = [str(BUILD / "provisiond-worker"), "--" + role, name, "--run-dir", str(self.run_dir),
                   "--generation", str(self.generation), "--parent", str(os.getpid())]
        with open(self.run_dir / f"{name}.{self.generation}.stderr", "wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                       preexec_fn=place, pass_fds=(3, 4),
                                       env=dict(environment, **(extra_environment or {})))
        for fd in high:
            os.close(fd)
        worker = Worker(self, process, role, name, identity, self.generation, life_write)
        self.workers.append(worker)
        return worker

    def region(self, name="us-west-2"):
        """Plays that region's worker for type workers."""
        if name not in self.regions:
            self.regions[name] = ScriptedRegion(self, name)
        return self.regions[name]


class ScriptedRegion:
    """A region worker's two sockets, as a type worker sees them."""

    def __init__(self, supervisor, name):
        self.name = name
        self.inventory_socket = supervisor._bind(zmq.XPUB, f"inventory-{name}.sock")
        self.lookup_socket = supervisor._bind(zmq.ROUTER, f"lookup-{name}.sock")
        self.listing = 0

    def close(self):
        self.inventory_socket.close()
        self.lookup_socket.close()

    def wait_for_subscriber(self, topics, deadline_s=DEADLINE_S):
        wanted = {b"\x01" + topic.encode() for topic in topics}
        end = time.monotonic() + deadline_s
        while wanted:
            if not self.inventory_socket.poll(max(0, int((end - time.monotonic()) * 1000))):
                raise TimeoutError(f"nobody subscribed to {wanted}")
            wanted.discard(self.inventory_socket.recv())

    def inventory(self, type_name, rows=(), began_mono=None):
        self.listing += 1
        message = {"m": "INVENTORY", "region": self.name, "listing": self.listing, "generation": 1,
                   "beganMono": began_mono or now_mono_us(), "beganWall": now_wall_ms(), "tookUs": 1000,
                   "rows": list(rows)}
        self.inventory_socket.send_multipart([f"type.{type_name}.".encode(), json.dumps(message).encode()])

    def prices(self, prices):
        message = {"m": "PRICES", "region": self.name, "seenWall": now_wall_ms(), "prices": [
            {"zone": zone, "instanceType": instance_type, "price": price, "current": price, "seenWall": now_wall_ms()}
            for zone, instance_type, price in prices]}
        self.inventory_socket.send_multipart([b"prices.", json.dumps(message).encode()])

    def expect_lookup(self, deadline_s=DEADLINE_S):
        if not self.lookup_socket.poll(int(deadline_s * 1000)):
            raise TimeoutError("no look-up came")
        peer, text = self.lookup_socket.recv_multipart()
        return peer, json.loads(text)

    def answer_lookup(self, peer, question, rows=(), known=True, code="", items=""):
        self.lookup_socket.send_multipart([peer, json.dumps(
            {"m": "FOUND", "id": question["id"], "known": known, "code": code, "rows": list(rows),
             **({"items": ""} if VERSION >= 2 else {})}).encode()])


def row(instance_id, type_name="alpha", state="running", **more):
    """One inventory row."""
    chosen = {"id": instance_id, "type": type_name, "grant": 0, "revision": 1, "incarnation": "incarnation-1",
              "token": "", "zone": "us-west-2a", "instanceType": "m3.large", "imageId": "ami-00000001",
              "market": "spot", "state": state, "reason": "", "launchWall": now_wall_ms(), "capacity": 1,
              "specHash": ""}
    chosen.update(more)
    return chosen


__all__ = ["Supervisor", "settings", "definition", "row", "now_mono_us", "now_wall_ms", "signal", "DEADLINE_S"]
