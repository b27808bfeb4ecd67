#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""provisionctl against a scripted supervisor: tables, JSON, explanations, orders, events, errors and exit codes.

The scripted supervisor is a thread with the daemon's two sockets (control ROUTER, status XPUB). It knows nothing of
provisiond's code: what a message must look like is written here once more, from docs/PROTOCOL.md.
"""
import fcntl
import functools
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = str(Path(os.environ.get("BUILD", ROOT / "build")) / "provisionctl")
PATIENCE = 60
ESCAPE = "\x1b"


def now_ms():
    return int(time.time() * 1000)


def figure(value, unit="units", age=1.0):
    return {"value": value, "unit": unit, "asOf": None if age is None else now_ms() - int(age * 1000)}


def type_data(name, pending=0, oldest=None, state="live", why="supply covers demand", age=1.0, **more):
    data = {"name": name, "state": state, "reason": "satisfied", "why": why, "demandProblem": "",
            "pending": figure(pending, "tasks", age), "oldestWait": figure(oldest, "seconds", age)}
    for field in ("claimed", "wanted", "running", "booting", "idle", "dead", "serving", "occupying",
                  "occupyingInstances", "leased", "floor", "ceiling", "launches", "launchFailures", "worked",
                  "revision", "pid", "generation", "deaths"):
        data[field] = figure(more.get(field, 3), "units", age)
    data["committed"] = figure(1.5, "dollars per hour", age)
    data["lastLaunch"] = figure(more.get("last_launch"), "milliseconds UTC", age)
    return data


def status(types, **more):
    supervisor = {"deployment": "fox", "incarnation": "inc-1", "configuration": "c0ffee",
                  "configurationProblem": more.get("problem", ""), "ledger": more.get("ledger", "ok")}
    for name, value, unit in (("types", 3, "types"), ("workers", 4, "processes"), ("units", 350, "units"),
                              ("unitsLeased", 12, "units"), ("unitsCeiling", 1000, "units"),
                              ("instances", 300, "instances"), ("instancesLeased", 10, "instances"),
                              ("instancesCeiling", 800, "instances"), ("committed", 12.3, "dollars per hour"),
                              ("committedCeiling", 100, "dollars per hour"), ("spentToday", 33.2, "dollars"),
                              ("dailyCeiling", None, "dollars"), ("grants", 77, "grants"),
                              ("launched", 401, "instances"), ("launchFailures", 6, "calls"),
                              ("unknownOutcomes", 0, "calls")):
        supervisor[name] = figure(value, unit)
    region = {"name": "us-west-2", "state": "live", "problem": "", "instances": figure(300, "instances", 4),
              "foreign": figure(0, "instances", 4), "listing": figure(1.25, "seconds", 4),
              "launchCalls": figure(5, "tokens"), "launchInstances": figure(870, "tokens")}
    return {"incarnation": "inc-1", "sequence": 9, "asOf": now_ms() - int(more.get("age", 0) * 1000),
            "statusInterval": more.get("interval", 5), "supervisor": supervisor, "types": types,
            "regions": [region], "alarms": more.get("alarms", [])}


def event(sequence, kind="launch.failed", name="gecko", text="InsufficientInstanceCapacity"):
    return {"sequence": sequence, "at": 1469131560000 + sequence, "kind": kind, "type": name, "region": "us-west-2",
            "text": text}


class Supervisor:
    """Answers each command by its script: command -> function of the CONTROL that gives (ok, text, body) or None."""

    def __init__(self, script=None, raw=None):
        self.directory = tempfile.mkdtemp(prefix="ctl-")
        self.script = script or {}
        self.raw = raw
        self.asked = []
        self.orders = []
        self.changed = threading.Condition()
        self.context = zmq.Context()
        self.control = self.bind(zmq.ROUTER, "control.sock")
        self.status = self.bind(zmq.XPUB, "status.sock")
        self.wake, self.woken = self.context.socket(zmq.PAIR), self.context.socket(zmq.PAIR)
        self.woken.bind("inproc://wake")
        self.wake.connect("inproc://wake")
        self.subscriptions = set()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def bind(self, kind, name):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.bind(f"ipc://{self.directory}/{name}")
        return socket

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wake.send_json({"end": True})
        self.thread.join()
        for socket in (self.control, self.status, self.wake, self.woken):
            socket.close(0)
        self.context.term()
        shutil.rmtree(self.directory)

    def publish(self, topic, message):
        self.wake.send_json({"topic": topic, "message": message})

    def serve(self):
        poller = zmq.Poller()
        for socket in (self.control, self.status, self.woken):
            poller.register(socket, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                if socket is self.woken:
                    order = self.woken.recv_json()
                    if "end" in order:
                        return
                    self.status.send_multipart([order["topic"].encode(), json.dumps(order["message"]).encode()])
                elif socket is self.status:
                    frame = self.status.recv()
                    with self.changed:
                        (self.subscriptions.add if frame[0] else self.subscriptions.discard)(frame[1:].decode())
                        self.changed.notify_all()
                else:
                    self.answer(*self.control.recv_multipart())

    def answer(self, peer, frame):
        control = json.loads(frame)
        with self.changed:
            self.asked.append(control)
            self.changed.notify_all()
        if self.raw is not None:
            for text in self.raw(control):
                self.control.send_multipart([peer, text])
            return
        given = self.script[control["command"]](control)
        if given is not None:
            ok, text, body = given
            self.control.send_multipart([peer, json.dumps({
                "m": "ANSWER", "id": control["id"], "ok": ok, "text": text,
                "body": json.dumps(body) if body is not None else ""}).encode()])

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), PATIENCE):
                raise AssertionError("the scripted supervisor waited in vain")


def run(directory, *words, env=None):
    clean = {name: value for name, value in os.environ.items() if name not in ("PROVISIOND_RUN_DIR", "NO_COLOR")}
    return subprocess.run([PROGRAM, "--run-dir", str(directory), "--timeout", f"{PATIENCE}s", *words],
                          env=dict(clean, **(env or {})), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=2 * PATIENCE)


class Terminal:
    """A program on a terminal of its own, of a given size."""

    def __init__(self, directory, *words, width=100, height=40, env=None):
        self.output = ""
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen([PROGRAM, "--run-dir", str(directory), *words], stdin=other, stdout=other,
                                        stderr=other, env={**clean, "TERM": "xterm", **(env or {})})
        os.close(other)
        self.main = main

    def resize(self, width, height):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def read_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition(self.output):
            ready = select.select([self.main], [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise AssertionError(f"waited in vain; got: {self.output[-2000:]!r}")
            try:
                got = os.read(self.main, 65536)
            except OSError:
                got = b""
            if not got:
                break
            self.output += got.decode(errors="replace")
        return self.output

    def finish(self, sent=None):
        if sent:
            self.process.send_signal(sent)
        self.read_until(lambda _: False)
        os.close(self.main)
        return self.process.wait(PATIENCE)


def types():
    """Made anew for each answer: ages count from now."""
    return [
        type_data("quiet"),
        type_data("gecko-decision", pending=2, oldest=65, why="launching 2", last_launch=now_ms() - 8000),
        type_data("desktop-test", pending=6000, oldest=4000, state="quarantined", why="UnsupportedOperation in us-west-2"),
        type_data("blind", pending=None, state="starting", why="no view yet", age=None),
        type_data("old", pending=1, oldest=3, age=300),
    ]


def lines_of(text):
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def the_table_is_sorted_by_lag_and_every_row_has_its_age():
    with Supervisor({"status": lambda _: (True, "", status(types()))}) as daemon:
        got = run(daemon.directory, "status")
    assert got.returncode == 0 and not got.stderr, got
    names = [line.split()[0] for line in got.stdout.splitlines() if line.split()[:1] and line.split()[0] in
             {data["name"] for data in types()}]
    assert names == ["desktop-test", "gecko-decision", "old", "quiet", "blind"], names
    rows = lines_of(got.stdout)
    assert re.match(r"gecko-decision +2 +1m(05s)? +3 +3 +3 +3 +\d+s +live +\d+s +launching 2$",
                    rows["gecko-decision"]), rows["gecko-decision"]
    assert "6000" in rows["desktop-test"] and "quarantined" in rows["desktop-test"]
    assert all(re.search(r"\b\d+s|\b\d+m|\?", rows[name]) for name in names)


def old_rows_and_unknown_figures_say_so():
    with Supervisor({"status": lambda _: (True, "", status(types()))}) as daemon:
        rows = lines_of(run(daemon.directory, "status").stdout)
    assert "5m STALE" in rows["old"], rows["old"]
    assert re.match(r"blind +\? +\? +3 +3 +3 +3 +- +starting +\? STALE +no view yet$", rows["blind"]), rows["blind"]
    assert "STALE" not in rows["quiet"] and re.match(r"quiet +0 +- ", rows["quiet"]), rows["quiet"]


def an_old_answer_marks_everything():
    with Supervisor({"status": lambda _: (True, "", status(types()[:1], interval=20, age=41))}) as daemon:
        got = run(daemon.directory, "status").stdout
    assert got.count("STALE") == 3, got
    with Supervisor({"status": lambda _: (True, "", status(types()[:1], interval=20, age=5))}) as daemon:
        got = run(daemon.directory, "status").stdout
    assert "STALE" not in got, got


def the_head_shows_totals_with_units_and_caps():
    alarms = [{"id": 1, "kind": "lag", "subject": "gecko", "text": "it waits too long", "since": now_ms() - 125000,
               "raised": True}]
    with Supervisor({"status": lambda _: (True, "", status(types(), alarms=alarms, problem="foo.json: bad"))}) as daemon:
        got = run(daemon.directory, "status").stdout
    for text in ("provisiond fox", "units 350 occupying + 12 leased of 1000",
                 "instances 300 occupying + 10 leased of 800", "$12.30 per hour committed of $100.00",
                 "$33.20 spent today of unlimited", "configuration rejected: foo.json: bad",
                 "ALARM lag gecko for 2m: it waits too long"):
        assert text in got, (text, got)
    assert "ledger" not in got
    assert re.search(r"^us-west-2 +live +300 +1\.2s +5 +870 +\d+s$", got, re.M), got


def one_type_is_shown_with_all_its_figures():
    with Supervisor({"status": lambda _: (True, "", status(types()))}) as daemon:
        got = run(daemon.directory, "status", "gecko-decision")
        assert daemon.asked[0]["name"] == "gecko-decision"
        region = run(daemon.directory, "status", "us-west-2")
        nobody = run(daemon.directory, "status", "nobody")
    assert got.returncode == 0
    for name in ("pending", "claimed", "booting", "committed", "revision", "generation", "demandProblem"):
        assert re.search(rf"^{name}\b", got.stdout, re.M), (name, got.stdout)
    assert re.search(r"^committed +1\.50 dollars per hour +\d+s ago$", got.stdout, re.M), got.stdout
    assert re.search(r"^lastLaunch +\d{4}-\d\d-\d\dT.*Z \(\d+s ago\)", got.stdout, re.M), got.stdout
    assert re.search(r"^foreign +0 instances +4s ago$", region.stdout, re.M), region.stdout
    assert nobody.returncode == 1 and "there is no workerType or region \"nobody\"" in nobody.stderr


def json_is_what_the_daemon_said():
    body = status(types())
    with Supervisor({"status": lambda _: (True, "", body)}) as daemon:
        got = run(daemon.directory, "status", "--json")
    assert json.loads(got.stdout) == body


def explanation():
    return {
        "type": "desktop-test", "asOf": now_ms(), "sentence": "Nothing is launched: us-west-2 refuses the image.",
        "reason": "quarantined", "data": types()[2],
        "lots": [{"region": "us-west-2", "zone": "us-west-2a", "instanceType": "m3.large", "market": "spot", "count": 4,
                  "capacity": 1, "maxPrice": 0.12}],
        "denials": [{"placement": "us-west-2a/m3.large/spot", "wanted": 4, "granted": 1, "by": "quarantine",
                     "at": now_ms() - 7000, "since": now_ms() - 240000, "times": 12}],
        "breakers": [{"scope": "type:desktop-test", "failure": "definition", "code": "UnsupportedOperation",
                      "state": "closed", "until": now_ms() + 600000, "liftedBy": "a new definition"}],
        "leases": [{"grant": 17, "placement": "us-west-2a/m3.large/spot", "count": 1, "state": "unknown", "age_s": 95}]}


def an_explanation_begins_with_its_sentence():
    body = explanation()
    with Supervisor({"explain": lambda _: (True, "", body)}) as daemon:
        got = run(daemon.directory, "explain", "desktop-test")
        raw = run(daemon.directory, "explain", "desktop-test", "--json")
    assert got.returncode == 0 and got.stdout.splitlines()[0] == body["sentence"]
    for form in (r"us-west-2 +us-west-2a +m3.large +spot +4 +1 +\$0.1200", r"quarantine +us-west-2a\S+ +4 +1 +12 +4m\S* +\d+s",
                 r"type:desktop-test +definition +UnsupportedOperation +closed +(9m\S*|10m\S*) +a new definition",
                 r"17 +us-west-2a/m3.large/spot +1 +unknown +1m", r"^pending +6000 tasks +\d+s ago$"):
        assert re.search(form, got.stdout, re.M), (form, got.stdout)
    assert json.loads(raw.stdout) == body


def orders_reach_the_daemon_in_the_protocols_form():
    orders = [("restart", "gecko"), ("pause", "gecko"), ("resume", "gecko"), ("reload", ""), ("lift", "type:gecko"),
              ("freeze", ""), ("freeze", "us-west-2"), ("thaw", ""), ("trust", "gecko"), ("settle", "17"),
              ("budget", "accept"), ("assume-empty", "us-west-2")]
    script = {name: lambda control: (True, f"done: {control['command']}", None) for name, _ in orders}
    with Supervisor(script) as daemon:
        for command, name in orders:
            got = run(daemon.directory, command, *([name] if name else []))
            assert (got.returncode, got.stdout, got.stderr) == (0, f"done: {command}\n", ""), got
        for control, (command, name) in zip(daemon.asked, orders):
            assert set(control) == {"m", "id", "command", "name", "argument", "who"}
            assert (control["m"], control["command"], control["name"]) == ("CONTROL", command, name)
            assert control["argument"] == "" and 1 <= len(control["who"]) <= 63 and control["id"] >= 1


def orders_with_a_value_carry_it_as_json():
    orders = [(("priority", "gecko", "-3"), "gecko", {"priority": -3}), (("caps", "maxCapacity", "7"), "", {"maxCapacity": 7}),
              (("caps", "maxHourlyCost", "2.5"), "", {"maxHourlyCost": 2.5}),
              (("caps", "maxDailyCost", "unlimited"), "", {"maxDailyCost": "unlimited"})]
    script = {name: lambda _: (True, "", None) for name in ("priority", "caps")}
    with Supervisor(script) as daemon:
        for words, _, _ in orders:
            got = run(daemon.directory, "--", *words)
            assert (got.returncode, got.stdout, got.stderr) == (0, "done\n", ""), got
        for control, (words, name, argument) in zip(daemon.asked, orders):
            assert (control["command"], control["name"]) == (words[0], name), control
            assert json.loads(control["argument"]) == argument, control


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def prices_are_made_from_a_file_or_an_url_of_the_price_list():
    """AWS's offer file, shortened; what is no offer leaves the old file alone."""
    product = {"attributes": {"instanceType": "m3.large", "regionCode": "us-west-2", "operatingSystem": "Linux",
                              "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}}
    term = {"A.J": {"priceDimensions": {"A.J.6": {"unit": "Hrs", "pricePerUnit": {"USD": "0.1330000000"}}}}}
    offer = json.dumps({"products": {"A": product}, "terms": {"OnDemand": {"A": term}}})
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "index.json"), Path(folder, "prices.d")
        source.write_text(offer)
        got = run(folder, "refresh-prices", str(source), str(target))
        assert got.returncode == 0 and "us-west-2.json: 1 prices" in got.stdout, got
        told = json.loads(run(folder, "refresh-prices", str(source), str(target), "--json").stdout)
        assert told == {"file": str(target / "us-west-2.json"), "prices": 1}, told
        made = json.loads((target / "us-west-2.json").read_text())
        assert made["prices"] == {"m3.large": "0.133"} and made["source"] == str(source), made
        server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/index.json"
            got = run(folder, "refresh-prices", url, str(target))
            assert got.returncode == 0 and json.loads((target / "us-west-2.json").read_text())["source"] == url, got
            got = run(folder, "refresh-prices", url + "-not", str(target))
            assert got.returncode == 1 and "404" in got.stderr, got
        finally:
            server.shutdown()
            server.server_close()
        source.write_text('{"products": {}}')
        got = run(folder, "refresh-prices", str(source), str(target))
        assert got.returncode == 1 and "no offer file" in got.stderr, got
        assert [path.name for path in target.iterdir()] == ["us-west-2.json"]
        assert json.loads((target / "us-west-2.json").read_text())["source"] == url


def a_refusal_exits_with_1_and_the_daemons_sentence():
    script = {name: lambda _: (False, "there is no workerType \"nix\"", None)
              for name in ("restart", "status", "explain", "events")}
    with Supervisor(script) as daemon:
        for command in script:
            got = run(daemon.directory, command, "nix")
            assert (got.returncode, got.stdout) == (1, ""), got
            assert got.stderr == "provisionctl: there is no workerType \"nix\"\n", got.stderr


def an_answer_that_cannot_be_used_exits_with_1():
    for answers in ([b"nonsense"], [b'{"m":"ANSWER"}'], [b'{"m":"ANSWER","id":1,"ok":true,"text":"","body":"[]"}'],
                    [b'{"m":"ANSWER","id":1,"ok":true,"text":"","body":""}']):
        with Supervisor(raw=lambda _, answers=answers: answers) as daemon:
            got = run(daemon.directory, "status")
        assert got.returncode == 1 and got.stderr.startswith("provisionctl: the daemon's answer"), (answers, got)


def answers_to_other_questions_are_passed_over():
    stray = b'{"m":"ANSWER","id":4711,"ok":false,"text":"not yours","body":""}'
    mine = b'{"m":"ANSWER","id":1,"ok":true,"text":"yours","body":""}'
    with Supervisor(raw=lambda _: [stray, mine]) as daemon:
        got = run(daemon.directory, "reload")
    assert (got.returncode, got.stdout) == (0, "yours\n"), got


def a_silent_or_absent_daemon_exits_with_3():
    with Supervisor({"status": lambda _: None}) as daemon:
        got = run(daemon.directory, "--timeout", "300ms", "status")
        assert got.returncode == 3 and "no answer" in got.stderr and "300ms" in got.stderr, got
    got = run("/nonexistent", "status")
    assert got.returncode == 3 and "no daemon" in got.stderr, got


def a_wrong_command_line_exits_with_2():
    wrong = ([], ["statsu"], ["explain"], ["explain", ""], ["reload", "x"], ["pause"], ["pause", "a", "b"],
             ["watch", "--json"], ["completion", "bash", "--json"], ["pause", "a", "--last", "1"], ["status", "--follow"],
             ["--timeout", "soon", "status"], ["--nonsense"],
             ["events", "--last", "x"], ["--timeout", "0", "status"], ["pause", "x" * 300])
    for words in wrong:
        got = run("/nonexistent", *words)
        assert got.returncode == 2 and not got.stdout and got.stderr, (words, got)


def help_tells_commands_and_exit_codes():
    got = run("/nonexistent", "--help")
    assert got.returncode == 0
    for word in ("status", "explain", "lift", "--run-dir", "PROVISIOND_RUN_DIR", "Exit status", "NO_COLOR"):
        assert word in got.stdout
    assert run("/nonexistent", "--version").stdout.startswith("provisionctl ")


def the_environment_names_the_run_directory():
    with Supervisor({"reload": lambda _: (True, "fine", None)}) as daemon:
        got = subprocess.run([PROGRAM, "reload"], env=dict(os.environ, PROVISIOND_RUN_DIR=daemon.directory),
                             stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    assert (got.returncode, got.stdout) == (0, "fine\n"), got


def colours_are_for_terminals_and_not_with_no_color():
    with Supervisor({"status": lambda _: (True, "", status(types()))}) as daemon:
        assert ESCAPE not in run(daemon.directory, "status", env={"TERM": "xterm"}).stdout
        coloured = Terminal(daemon.directory, "status")
        plain = Terminal(daemon.directory, "status", env={"NO_COLOR": "1"})
        assert coloured.finish() == 0 and plain.finish() == 0
    assert ESCAPE in coloured.output and "desktop-test" in coloured.output
    assert ESCAPE not in plain.output and "desktop-test" in plain.output


def text_from_the_daemon_cannot_drive_the_terminal():
    evil = [type_data("evil", why="\x1b[2Jgone\u009b31m\nnext")]
    with Supervisor({"status": lambda _: (True, "", status(evil)),
                     "events": lambda _: (True, "", {"events": [event(1, text="\x1b]0;title\x07")]})}) as daemon:
        got = run(daemon.directory, "status").stdout + run(daemon.directory, "events").stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", got), got
    assert "[2Jgone" in lines_of(got)["evil"] and "next" in lines_of(got)["evil"]


def lines_fit_a_narrow_terminal():
    long = [type_data("gecko", pending=1, oldest=1, why="ä" * 200)]
    with Supervisor({"status": lambda _: (True, "", status(long))}) as daemon:
        terminal = Terminal(daemon.directory, "status", width=110, env={"NO_COLOR": "1"})
        terminal.finish()
        wide = run(daemon.directory, "status").stdout
    row = [line for line in terminal.output.splitlines() if line.startswith("gecko")][0]
    assert len(row) == 110 and row.endswith("ä…"), (len(row), row)
    assert "ä" * 200 in wide


def events_are_printed_and_filtered():
    body = {"events": [event(1), event(2, name="other"), event(3, kind="worker.died", text="killed")]}
    with Supervisor({"events": lambda _: (True, "", body)}) as daemon:
        got = run(daemon.directory, "events", "--last", "7")
        assert json.loads(daemon.asked[0]["argument"]) == {"last": 7}
        mine = run(daemon.directory, "events", "gecko")
        raw = run(daemon.directory, "events", "--json")
    assert len(got.stdout.splitlines()) == 3
    assert re.match(r"2016-07-21T20:06:00.001Z  launch.failed +gecko us-west-2  Insufficient", got.stdout), got.stdout
    assert "other" not in mine.stdout and len(mine.stdout.splitlines()) == 2
    assert [json.loads(line) for line in raw.stdout.splitlines()] == body["events"]


def followed_events_come_once_each_and_none_is_lost():
    known = [event(1), event(2)]
    with Supervisor({"events": lambda _: (True, "", {"events": list(known)})}) as daemon:
        process = subprocess.Popen([PROGRAM, "--run-dir", daemon.directory, "events", "--follow", "--json"],
                                   stdout=subprocess.PIPE, text=True)
        try:
            daemon.wait(lambda d: d.asked and {"event.", "supervisor."} <= d.subscriptions)
            known.append(event(3))  # before the reader knows that its subscription works: only the second answer has it
            stream = {"incarnation": "inc-1", "sequence": 1, "asOf": now_ms()}
            daemon.publish("supervisor.", dict(stream, data={}))
            daemon.wait(lambda d: len(d.asked) == 2)
            for number in (3, 4):
                daemon.publish("event.launch.failed.", dict(stream, data=event(number)))
            daemon.publish("event.worker.died.", {"incarnation": "inc-2", "data": event(1, kind="new")})
            got = [json.loads(process.stdout.readline()) for _ in range(5)]
        finally:
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()
    assert [(e["sequence"], e["kind"]) for e in got] == [(1, "launch.failed"), (2, "launch.failed"),
                                                         (3, "launch.failed"), (4, "launch.failed"), (1, "new")], got


def watch_redraws_resizes_and_gives_the_terminal_back():
    count = [0]

    def answer(_):
        count[0] += 1
        return True, "", status([type_data(f"round-{count[0]}")] +
                                [type_data(f"filler-{i:02}") for i in range(60)], interval=0.1)

    with Supervisor({"status": answer}) as daemon:
        terminal = Terminal(daemon.directory, "watch", height=30)
        terminal.read_until(lambda text: "filler-00" in text and text.count("provisiond fox") >= 3)
        assert "... and " in terminal.output and "filler-40" not in terminal.output
        terminal.resize(200, 100)
        terminal.read_until(lambda text: "filler-59" in text)
        assert terminal.finish(signal.SIGINT) == 0
    assert terminal.output.rstrip().endswith("\x1b[?25h"), terminal.output[-100:]


def watch_says_when_the_daemon_is_gone_and_goes_on():
    answers = [(True, "", status(types(), interval=0.1)), (False, "not now", None)]
    asked = [0]

    def answer(_):
        asked[0] += 1
        return answers[asked[0] % 2]

    with Supervisor({"status": answer}) as daemon:
        terminal = Terminal(daemon.directory, "watch")
        terminal.read_until(lambda text: "not now" in text and text.rfind("desktop-test") > text.find("not now"))
        assert terminal.finish(signal.SIGTERM) == 0


TESTS = [the_table_is_sorted_by_lag_and_every_row_has_its_age, old_rows_and_unknown_figures_say_so,
         an_old_answer_marks_everything, the_head_shows_totals_with_units_and_caps,
         one_type_is_shown_with_all_its_figures, json_is_what_the_daemon_said, an_explanation_begins_with_its_sentence,
         orders_reach_the_daemon_in_the_protocols_form, orders_with_a_value_carry_it_as_json,
         prices_are_made_from_a_file_or_an_url_of_the_price_list, a_refusal_exits_with_1_and_the_daemons_sentence,
         an_answer_that_cannot_be_used_exits_with_1, answers_to_other_questions_are_passed_over,
         a_silent_or_absent_daemon_exits_with_3, a_wrong_command_line_exits_with_2, help_tells_commands_and_exit_codes,
         the_environment_names_the_run_directory, colours_are_for_terminals_and_not_with_no_color,
         text_from_the_daemon_cannot_drive_the_terminal, lines_fit_a_narrow_terminal, events_are_printed_and_filtered,
         followed_events_come_once_each_and_none_is_lost, watch_redraws_resizes_and_gives_the_terminal_back,
         watch_says_when_the_daemon_is_gone_and_goes_on]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as problem:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("\n".join(f"# {line}" for line in f"{type(problem).__name__}: {problem}".splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
