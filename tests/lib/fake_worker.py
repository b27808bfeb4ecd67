#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A scripted worker process for tests of the supervisor (PROVISIOND_WORKER): speaks the bus like provisiond-worker, and
does what <folder of the run directory>/fake.json says for "type:NAME", "region:NAME", "helper:credentials", or, for types
and regions, "*":

    start   "mute": no hello   "exit": ends at once with status 7   "garbage": after the hello a message that is none
            "flood": after the hello many valid messages without end
            "liar": says hello with another name   "early": sends BEAT before its hello
    signals "deaf": HUP and TERM are ignored
    lifeline false: the end of the supervisor is not looked for
    beats   false: no ticks
    bid     [units, count]: wishes so many units in all, less what was granted, at one placement, in lots of `count`
    launch  "none": grants are not answered   "unknown": outcome unknown   "failed": refused   "renew": unknown, then
            asks for the same lease anew, and then ids come back   else: ids come back
    listing false: the region never completes a listing   rows: [rows] of each listing
Everything received is appended to <folder>/heard/ROLE-NAME as one JSON line, with "_generation", and for a GRANT with
"_inLedger": whether its row could be read in the ledger at that moment."""
import json
import os
import re
import signal
import sqlite3
import sys
import time
from pathlib import Path

import zmq

HASH = "a" * 64
HEADER = Path(__file__).resolve().parents[2] / "proto/messages.h"
VERSION = int(re.search(r"PROTO_VERSION (\d+)", HEADER.read_text()).group(1))


def arguments():
    words = sys.argv[1:]
    given = dict(zip(words[0::2], words[1::2]))
    role = next(role for role in ("type", "region", "helper") if "--" + role in given)
    return role, given["--" + role], Path(given["--run-dir"]), int(given["--generation"]), int(given["--parent"])


class Fake:
    def __init__(self):
        self.role, self.name, self.run_dir, self.generation, self.parent = arguments()
        self.folder = self.run_dir.parent
        script = json.loads((self.folder / "fake.json").read_text())
        self.script = {**(script.get("*", {}) if self.role != "helper" else {}), **script.get(f"{self.role}:{self.name}", {})}
        with os.fdopen(3, "rb") as pipe:
            self.secret = pipe.read()
        self.tick = self.listing = self.bids = self.seen = self.granted = 0
        self.reload = self.ended = False

    def open(self):
        self.bus = zmq.Context.instance().socket(zmq.DEALER)
        self.bus.setsockopt(zmq.LINGER, 500)
        self.bus.setsockopt(zmq.ROUTING_ID, self.secret)
        self.bus.connect(f"ipc://{self.run_dir}/bus.sock")

    def say(self, kind, **fields):
        self.bus.send(json.dumps({"m": kind, **fields}).encode())

    def hello(self):
        name = "somebody-else" if self.script.get("start") == "liar" else self.name
        self.say("HELLO", version=VERSION, role=self.role, name=name, generation=self.generation, pid=os.getpid())

    def hear(self, message):
        message["_generation"] = self.generation
        if message["m"] == "GRANT":
            ledger = sqlite3.connect(f"file:{self.folder}/state/ledger.db?mode=ro", uri=True, timeout=10)
            row = ledger.execute("SELECT count, ended FROM grants WHERE number = ?", (message["grant"],)).fetchone()
            message["_inLedger"] = row is not None and row[0] == message["count"]
        folder = self.folder / "heard"
        folder.mkdir(exist_ok=True)
        with open(folder / f"{self.role}-{self.name}", "a", encoding="utf-8") as file:
            file.write(json.dumps(message) + "\n")
        if message["m"] == "GRANT":
            self.seen = max(self.seen, message["grant"])
            self.granted += 0 if message["resend"] else message["count"]
            self.launch(message)
        if message["m"] == "WELCOME":
            self.seen = message["seen"]
            self.granted = sum(lease["count"] for lease in message["leases"])

    def launch(self, grant):
        how = self.script.get("launch")
        if how == "none":
            return
        if how == "renew":
            how = None if grant["resend"] else "unknown"
        outcome = how if how in ("unknown", "failed") else "launched"
        ids = [{"id": f"i-{grant['grant']:08x}{number:04x}", "code": ""} for number in range(grant["count"])]
        self.say("RESULT", grant=grant["grant"], outcome=outcome, launched=ids if outcome == "launched" else [],
                 failure={"unknown": "no-answer", "failed": "capacity"}.get(outcome, "none"),
                 code={"unknown": "NoAnswer", "failed": "InsufficientInstanceCapacity"}.get(outcome, ""), message="",
                 tookMs=5, sentMono=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)
        if self.script.get("launch") == "renew" and outcome == "unknown":
            self.say("RENEW", grant=grant["grant"])

    def type_tick(self):
        units, count = self.script.get("bid", (0, 1))
        units = max(0, units - self.granted)
        self.say("OBSERVATION", pending=units, claimed=0, demandWall=time.time_ns() // 1000000, oldestWall=0,
                 lagEstimated=False, running=0, booting=0, idle=0, dead=0, inFlight=0, serving=0, occupying=0,
                 occupyingInstances=0, need=units, inventoryWall=0, reason="launching" if units else "no-demand",
                 why="a scripted worker says so.", demandProblem="", registrationsOpen=-1, registrationProblem="")
        if "bid" in self.script:
            self.bids += 1
            lot = {"region": "us-west-2", "zone": "us-west-2a", "instanceType": "m3.large", "market": "spot",
                   "count": count, "capacity": 1, "maxPrice": 1000000, "price": -1, "specHash": HASH, "subnet": ""}
            self.say("BID", number=self.bids, seen=self.seen, units=units, lots=[lot] if units else [])

    def region_tick(self):
        if self.script.get("listing", True) is False:
            return
        self.listing += 1
        rows = self.script.get("rows", [])
        began = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
        self.say("ROWS", listing=self.listing, rows=rows)
        self.say("LISTED", listing=self.listing, full=True, beganMono=began, beganWall=time.time_ns() // 1000000,
                 tookUs=1000, pages=1, rows=len(rows), clockMs=0, gone=[])

    def helper_tick(self):
        if self.tick == 1:
            self.say("CREDENTIALS", present=True, source="environment", refreshedWall=time.time_ns() // 1000000,
                     expiresWall=0, problem="")

    def run(self):
        start = self.script.get("start")
        if start == "exit":
            print("this worker ends at once", file=sys.stderr)
            return 7
        signal.signal(signal.SIGHUP, signal.SIG_IGN if self.script.get("signals") == "deaf" else self.on_hup)
        signal.signal(signal.SIGTERM, signal.SIG_IGN if self.script.get("signals") == "deaf" else self.on_term)
        self.open()
        if start == "early":
            self.say("BEAT", tick=1, tookUs=1, beganMono=1)
        if start != "mute":
            self.hello()
        poller = zmq.Poller()
        poller.register(self.bus, zmq.POLLIN)
        if self.script.get("lifeline", True):
            poller.register(4, zmq.POLLIN)
        welcomed = False
        while not self.reload and not self.ended:
            events = dict(poller.poll(100))
            if 4 in events:
                return 0  # end of file: the supervisor is gone
            while self.bus.poll(0):
                self.hear(json.loads(self.bus.recv()))
                welcomed = True
            if not welcomed:
                continue
            beat = json.dumps({"m": "BEAT", "tick": 1, "tookUs": 1, "beganMono": 1}).encode()
            while start == "flood" and not self.ended:
                self.bus.send(beat)
            if start == "garbage":
                self.bus.send(b'{"m":"BEAT","tick":')
            if self.script.get("beats", True) is False:
                continue
            self.tick += 1
            {"type": self.type_tick, "region": self.region_tick, "helper": self.helper_tick}[self.role]()
            self.say("BEAT", tick=self.tick, tookUs=100, beganMono=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)
        return 64 if self.reload else 0

    def on_hup(self, *_):
        self.reload = True

    def on_term(self, *_):
        self.ended = True


if __name__ == "__main__":
    sys.exit(Fake().run())
