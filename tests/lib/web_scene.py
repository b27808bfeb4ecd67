# SPDX-License-Identifier: MPL-2.0
"""For tests of the dashboard: provisiond-web between a scripted daemon (its status stream and, where wanted, its control
socket) and HTTP; and a reader of its event stream."""
import http.client
import json
import shutil
import socket as sockets
import tempfile
import threading
import time
from pathlib import Path

import zmq

from status_stream import PATIENCE, Program, Publisher, data_of, until


class ControlServer:
    """Answers on control.sock as the daemon would. `ok` False: it refuses."""

    BODIES = {"explain": {"type": "gecko-decision", "asOf": 1, "sentence": "because", "reason": "launch-rate",
                          "lots": [{"region": "us-east-1", "zone": "us-east-1a", "instanceType": "m3.medium", "market": "spot",
                                    "count": 3, "capacity": 1, "maxPrice": 0.05}],
                          "denials": [{"placement": "us-east-1a m3.medium spot", "wanted": 3, "granted": 0, "by": "launch-rate",
                                       "at": 1, "since": 1, "times": 4}],
                          "breakers": [], "leases": []},
              "events": {"events": [{"sequence": 1, "at": 1, "kind": "started", "type": "", "region": "", "text": "long ago"}]},
              "history": {"name": "gecko-decision", "live": 2, "pin": 0,
                          "revisions": [{"revision": 1, "applied": 1, "who": "file", "forced": False, "hash": "aa" * 32},
                                        {"revision": 2, "applied": 2, "who": "file", "forced": False, "hash": "bb" * 32}]}}

    def __init__(self, directory):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(f"ipc://{directory}/control.sock")
        self.questions, self.ok, self.ending = [], True, False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.ending:
            if not self.socket.poll(50):
                continue
            peer, text = self.socket.recv_multipart()
            question = json.loads(text)
            self.questions.append(question)
            body = self.BODIES.get(question["command"])
            answer = {"m": "ANSWER", "id": question["id"], "ok": self.ok,
                      "text": f"{question['command']} of {question['name']}: {'done' if self.ok else 'no'}",
                      "body": json.dumps(body) if body else ""}
            self.socket.send_multipart([peer, json.dumps(answer).encode()])

    def asked(self, command):
        return [question for question in self.questions if question["command"] == command]

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close(0)
        self.context.term()


class Scene:
    """A context manager; the page's address is `url`."""

    def __init__(self, *words, control=False, publish=True):
        self.folder = Path(tempfile.mkdtemp(prefix="web-"))
        self.publisher = Publisher(self.folder) if publish else None
        self.control = ControlServer(self.folder) if control else None
        if publish:
            self.publisher.types = {"gecko-decision": data_of("type", "gecko-decision", pending=3, oldestWait=252, reason="launch-rate",
                                                              why="It wants 3 units more, but the launch rate is used up."),
                                    "owl": data_of("type", "owl", pending=0, oldestWait=0, why="Nothing waits.", reason="no-demand")}
            self.publisher.regions = {"us-west-2": data_of("region", "us-west-2")}
        self.program = Program("provisiond-web", "--run-dir", self.folder, "--listen", "127.0.0.1:0", *words)
        self.host, port = self.program.wait_line("web.ready").split("listen=")[1].split()[0].rsplit(":", 1)
        self.port = int(port)
        self.url = f"http://{self.host}:{self.port}"
        if publish:
            self.publisher.wait_subscriber()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.__exit__()
        for part in (self.publisher, self.control):
            if part:
                part.close()
        shutil.rmtree(self.folder)

    def connect(self):
        return sockets.create_connection((self.host, self.port), PATIENCE)

    def ask(self, path, method="GET", body=None, headers=None):
        """Status, headers, text; of a stream only the first bytes."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read1(100) if answer.headers["Content-Type"] == "text/event-stream" else answer.read()
            return answer.status, answer.headers, text.decode()
        finally:
            connection.close()

    def history(self, name, span="hour"):
        status, _, text = self.ask(f"/api/history?type={name}&span={span}")
        return json.loads(text) if status == 200 else None

    def published(self, wait=True):
        """Publishes in full; with `wait` until the server has read it (it is told by an event of its own)."""
        self.publisher.refresh()
        if not wait:
            return
        mark = 1000000 + self.publisher.sequence
        self.publisher.send("event.mark.", {"sequence": mark, "at": int(time.time() * 1000), "kind": "mark", "type": "", "region": "", "text": "read"})
        with WebStream(self) as stream:
            stream.until(lambda: any(event["sequence"] == mark for event in stream.all_events))


class WebStream:
    """Reads /api/stream as a page does."""

    def __init__(self, scene):
        self.scene = scene
        self.rows, self.alarms, self.all_events, self.names, self.beat, self.supervisor, self.schema = {}, [], [], None, None, None, None
        self.connection = http.client.HTTPConnection(scene.host, scene.port, timeout=PATIENCE)
        self.connection.request("GET", "/api/stream")
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.answer.close()

    @property
    def events(self):
        return [event for event in self.all_events if event["kind"] != "mark"]

    def one(self):
        """The next event of the stream: (name, data)."""
        name = None
        while True:
            line = self.answer.readline().decode()
            if not line:
                raise AssertionError("the stream ended")
            if line.startswith("event: "):
                name = line[7:-1]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
                self.take(name, data)
                return name, data

    def take(self, name, data):
        if name == "type":
            self.rows[data["n"]] = data
        elif name == "event":
            self.all_events.append(data)
        elif name == "hello":
            self.schema = data["schema"]
        elif name in ("alarms", "names", "beat", "supervisor"):
            setattr(self, name, data)

    def next(self, wanted):
        while True:
            name, data = self.one()
            if name == wanted:
                return data

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("the stream did not say it in time")
            self.one()

    def figures(self, name):
        return dict(zip([field["name"] for field in self.schema["type"]["figures"]], self.rows[name]["v"]))

    def ages(self, name):
        return dict(zip([field["name"] for field in self.schema["type"]["figures"]], self.rows[name]["a"]))


__all__ = ["ControlServer", "Scene", "WebStream", "until"]
