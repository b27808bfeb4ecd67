# SPDX-License-Identifier: MPL-2.0
"""A scripted publisher of the status stream: what the daemon publishes on status.sock, made anew from docs/STATUS.md, for
tests of subscribers. And the few tools that those tests share."""
import json
import os
import re
import signal
import subprocess
import time
import traceback
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
PATIENCE = 60


def now_ms():
    return int(time.time() * 1000)


def figure(value, unit="units", age=0.0):
    return {"value": value, "unit": unit, "asOf": None if value is None else now_ms() - int(age * 1000)}


def figures_of(topic):
    """(name, unit) of the topic's figures, and its words, from the table itself."""
    table = (ROOT / "proto/status.def").read_text()
    return (re.findall(rf'^FIGURE\({topic}, (\w+), "([^"]*)"', table, re.M), re.findall(rf"^WORD\({topic}, (\w+)", table, re.M))


def data_of(topic, name, age=0.0, **values):
    """All figures 1 unless given; given as (value, age) they have an age of their own."""
    figures, words = figures_of(topic)
    data = {word: values.get(word, "") for word in words}
    data.update({"name": name} if topic != "supervisor" else {})
    data["state"] = values.get("state", "live") if topic != "supervisor" else None
    data = {key: value for key, value in data.items() if value is not None}
    for field, unit in figures:
        value = values.get(field, 1)
        data[field] = figure(*((value[0], unit, value[1]) if isinstance(value, tuple) else (value, unit, age)))
    return data


class Publisher:
    """The daemon's status socket. `types`, `regions` and `alarms` are what a full refresh shows."""

    def __init__(self, directory, incarnation="run-1"):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.linger = 0
        self.socket.sndhwm = 100000
        self.socket.bind(f"ipc://{directory}/status.sock")
        self.incarnation, self.sequence, self.last_alarm = incarnation, 0, 0
        self.supervisor = data_of("supervisor", "", deployment="fox", incarnation="inc-1", configuration="c0ffee", ledger="ok")
        self.types, self.regions, self.alarms = {}, {}, {}

    def send(self, topic, data, refresh=None):
        self.sequence += 1
        body = {"incarnation": self.incarnation, "sequence": self.sequence, "asOf": now_ms(), "data": data}
        if refresh:
            body["refresh"] = {"index": refresh[0], "count": refresh[1]}
        self.send_raw(topic, json.dumps(body))

    def send_raw(self, *frames):
        self.socket.send_multipart([frame if isinstance(frame, bytes) else frame.encode() for frame in frames])

    def refresh(self):
        parts = [("supervisor.", self.supervisor)]
        parts += [(f"region.{name}.", data) for name, data in self.regions.items()]
        parts += [(f"type.{name}.", data) for name, data in self.types.items()]
        parts += [(f"alarm.{alarm['kind']}.", alarm) for alarm in self.alarms.values()]
        for index, (topic, data) in enumerate(parts):
            self.send(topic, data, (index, len(parts)))

    def raise_alarm(self, kind, subject="", text="it is so"):
        self.last_alarm += 1
        alarm = {"id": self.last_alarm, "kind": kind, "subject": subject, "text": text, "since": now_ms(), "raised": True}
        self.alarms[self.last_alarm] = alarm
        self.send(f"alarm.{kind}.", alarm)
        return self.last_alarm

    def clear_alarm(self, number, silently=False):
        alarm = self.alarms.pop(number)
        if not silently:
            self.send(f"alarm.{alarm['kind']}.", dict(alarm, raised=False))

    def wait_subscriber(self):
        """Until somebody subscribed: from then on nothing is lost."""
        if not self.socket.poll(PATIENCE * 1000):
            raise AssertionError("nobody subscribed")
        return self.socket.recv()

    def wait_farewell(self):
        """Until the last subscriber's end is told, so that the next word is a new one's."""
        while self.wait_subscriber()[:1] != b"\0":
            pass

    def close(self):
        self.socket.close(0)
        self.context.term()


class Program:
    """One of our subscriber programs with its log; a context manager that ends it."""

    def __init__(self, name, *words, env=None):
        self.bytes = b""
        self.process = subprocess.Popen([str(BUILD / name), *map(str, words)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env=dict(os.environ, **(env or {})))
        os.set_blocking(self.process.stderr.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.read()
        self.process.stderr.close()

    def read(self):
        """Whole lines of the log."""
        if not self.process.stderr.closed:
            self.bytes += self.process.stderr.read() or b""
        return self.bytes.decode(errors="replace").splitlines()

    def log_line(self, event, **fields):
        """The newest line of an event whose fields hold these texts, or None."""
        for line in reversed(self.read()):
            if f"event={event} " in line + " " and all(f"{key}={value}" in line for key, value in fields.items()):
                return line
        return None

    def wait_line(self, event, **fields):
        return until(lambda: self.log_line(event, **fields) or self.must_live(), f"event={event} {fields}", self)

    def must_live(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the program ended with {self.process.returncode}: " + "\n".join(self.read()[-5:]))

    def finish(self, sent=signal.SIGTERM):
        if sent:
            self.process.send_signal(sent)
        status = self.process.wait(PATIENCE)
        self.read()
        return status

    def memory(self):
        """Resident bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def until(condition, what, program=None):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    tail = "\n" + "\n".join(program.read()[-10:]) if program else ""
    raise AssertionError(f"waited {PATIENCE} s for {what}{tail}")


class Skip(Exception):
    """A test that cannot run here, and why."""


def run_tests(*tests):
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:  # noqa: BLE001 any reason is a failed point
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    return 1 if failed else 0
