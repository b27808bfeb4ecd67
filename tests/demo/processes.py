# SPDX-License-Identifier: MPL-2.0
"""Starts and stops the simulated cloud and the daemon, and listens to the daemon's status stream."""
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()

CREDENTIALS = {  # the simulated cloud's defaults, docs/simcloud.md
    "AWS_ACCESS_KEY_ID": "AKIASIMCLOUD00000001", "AWS_SECRET_ACCESS_KEY": "simcloud-secret-access-key",
    "TASKCLUSTER_CLIENT_ID": "simcloud", "TASKCLUSTER_ACCESS_TOKEN": "simcloud-access-token",
}


class Failed(Exception):
    """Something that we start did not start, or ended by itself."""


def wait_until(condition, seconds, what):
    """Polls a cheap condition; returns its value once it is true, raises Failed after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failed(f"waited {seconds} s for {what}")


def end(child, seconds=20):
    """SIGTERM, then SIGKILL: of a child that we started."""
    if child is None or child.poll() is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Cloud:
    """The simulated cloud on a free port of loopback."""

    def __init__(self, scenario, folder, speed=1):
        self.folder = Path(folder)
        self.journal = self.folder / "journal.jsonl"
        self.log = open(self.folder / "simcloud.log", "wb")
        port_file = self.folder / "simcloud.port"
        port_file.unlink(missing_ok=True)
        self.child = subprocess.Popen(
            [str(BUILD / "simcloud"), "--scenario", str(scenario), "--listen", "127.0.0.1:0", "--journal",
             str(self.journal), "--port-file", str(port_file), "--speed", str(speed), "--exit-with-parent"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=False)
        try:
            wait_until(lambda: port_file.exists() or self.child.poll() is not None, 20, "the simulated cloud")
            if self.child.poll() is not None:
                raise Failed("the simulated cloud ended: " + (self.folder / "simcloud.log").read_text().strip())
            self.url = f"http://127.0.0.1:{int(port_file.read_text())}"
        except BaseException:
            self.stop()
            raise

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method="POST" if data is not None else "GET")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"{}")

    def ask_delete(self, path):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method="DELETE"), timeout=20) as answer:
            return answer.read()

    def state(self):
        return self.ask("/_sim/state")

    def stop(self):
        end(self.child)
        self.log.close()


class Daemon:
    """A real provisiond with all its processes, in a process group of its own."""

    def __init__(self, config, folder, run_dir, **environment):
        self.folder, self.run_dir = Path(folder), Path(run_dir)
        self.log = open(self.folder / "provisiond.log", "ab")
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("AWS_", "TASKCLUSTER_")) and name not in ("NOTIFY_SOCKET", "MAKEFLAGS")}
        env.update(CREDENTIALS, **environment)
        self.child = subprocess.Popen([str(BUILD / "provisiond"), "--config", str(config)], env=env,
                                      stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                      process_group=0)

    def alive(self):
        return self.child.poll() is None

    def log_end(self, lines=15):
        text = (self.folder / "provisiond.log").read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    def reload(self):
        self.child.send_signal(signal.SIGHUP)

    def worker_pid(self, name):
        """From the pid file; None where it is not there."""
        try:
            return int((self.run_dir / "types" / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None

    def stop(self):
        end(self.child, 30)
        self.log.close()


class Stream:
    """The newest status of everything, as a subscriber sees it. A thread of its own takes the messages, so that their
    age is not that of our drawing."""

    def __init__(self, run_dir):
        self.address = f"ipc://{run_dir}/status.sock"
        self.arrived = queue.SimpleQueue()
        self.closing = threading.Event()
        self.last = {}         # topic -> last message
        self.notes = []        # (wall time, topic, data) of events and alarms
        self.live_samples = []  # (received, value, asOf seconds)
        self.age_max = {}      # topic -> worst age, seconds
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        import zmq  # Debian's python3-zmq; only needed here
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, 100000)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(self.address)
        while not self.closing.is_set():
            if socket.poll(100):
                frames = socket.recv_multipart()
                self.arrived.put((time.time(), frames))
        socket.close()

    def listen(self, seconds):
        """Takes what has come, after waiting for so many seconds; returns how many messages."""
        time.sleep(seconds)
        taken = 0
        while not self.arrived.empty():
            received, frames = self.arrived.get()
            taken += 1
            if len(frames) == 2:
                self.take(received, frames[0].decode(), json.loads(frames[1]))
        return taken

    def take(self, now, topic, message):
        if topic.startswith(("event.", "alarm.")):
            self.notes.append((now, topic.rstrip("."), message.get("data", {})))
            return
        before = self.last.get(topic)
        if before is not None:
            self.age_max[topic] = max(self.age_max.get(topic, 0), now - before["asOf"] / 1000)
        self.last[topic] = message
        if topic == "supervisor.":
            figure = message["data"].get("instances") or {}
            if figure.get("value") is not None and figure.get("asOf") is not None:
                self.live_samples.append((now, figure["value"], figure["asOf"] / 1000))

    def data(self, topic):
        return self.last.get(topic, {}).get("data", {})

    def figure(self, topic, name):
        value = self.data(topic).get(name)
        return value.get("value") if isinstance(value, dict) else value

    def types(self):
        return {topic[len("type."):-1]: message["data"] for topic, message in self.last.items()
                if topic.startswith("type.")}

    def close(self):
        self.closing.set()
        self.thread.join(5)


def complain(text):
    print(text, file=sys.stderr, flush=True)
