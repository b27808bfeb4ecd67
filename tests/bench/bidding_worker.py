#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A worker for relay.py: a type's bids one unit again and again and hands each grant back unsent, so that nothing is held
and one bid is like the next; a region's lists nothing. How long each bid waited for its grant, as the worker sees it, goes
to <folder>/waits/TYPE as "microseconds-of-the-clock wait-in-microseconds"."""
import ctypes
import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import zmq

HEADER = Path(__file__).resolve().parents[2] / "proto/messages.h"
VERSION = int(re.search(r"PROTO_VERSION (\d+)", HEADER.read_text()).group(1))
PR_SET_PDEATHSIG = 1
LOT = {"region": "us-west-2", "zone": "us-west-2a", "instanceType": "m3.large", "market": "spot", "count": 1, "capacity": 1,
       "maxPrice": 1000000, "price": -1, "specHash": "a" * 64, "subnet": ""}


def clock_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Bidder:
    def __init__(self, given):
        self.given = given
        self.is_type = "--type" in given
        self.name = given["--type"] if self.is_type else given["--region"]
        with os.fdopen(3, "rb") as pipe:
            secret = pipe.read()
        self.bus = zmq.Context.instance().socket(zmq.DEALER)
        self.bus.setsockopt(zmq.LINGER, 500)
        self.bus.setsockopt(zmq.ROUTING_ID, secret)
        self.bus.connect(f"ipc://{given['--run-dir']}/bus.sock")
        self.ticks = self.seen = 0
        self.chance = random.Random(self.name)
        self.period = float(os.environ["BID_PERIOD_S"])
        self.asked = None  # when the bid went that has no grant yet
        if self.is_type:
            path = Path(given["--run-dir"]).parent / "waits"
            path.mkdir(exist_ok=True)
            self.waits = open(path / self.name, "a", encoding="utf-8", buffering=1)

    def say(self, kind, **fields):
        self.bus.send(json.dumps({"m": kind, **fields}).encode())

    def tick(self):
        began = clock_us()
        self.ticks += 1
        if self.is_type:
            self.say("OBSERVATION", pending=1, claimed=0, demandWall=time.time_ns() // 1000000, oldestWall=0,
                     lagEstimated=False, running=0, booting=0, idle=0, dead=0, inFlight=0, serving=0, occupying=0,
                     occupyingInstances=0, need=1, inventoryWall=0, reason="launching", why="A bench bids.", demandProblem="",
                     registrationsOpen=-1, registrationProblem="")
            self.asked = clock_us()
            self.say("BID", number=self.ticks, seen=self.seen, units=1, lots=[LOT])
        else:
            self.say("LISTED", listing=self.ticks, full=True, beganMono=began, beganWall=time.time_ns() // 1000000,
                     tookUs=1000, pages=1, rows=0, clockMs=0, gone=[])
        self.say("BEAT", tick=self.ticks, tookUs=clock_us() - began, beganMono=began)

    def hear(self, message):
        if message["m"] == "WELCOME":
            self.seen = message["seen"]
        if message["m"] == "GRANT":
            now = clock_us()
            if self.asked is not None:
                self.waits.write(f"{now} {now - self.asked}\n")
            self.asked = None
            self.seen = message["grant"]
            self.say("RESULT", grant=message["grant"], outcome="unsent", launched=[], failure="none", code="Late", message="",
                     tookMs=0, sentMono=0)

    def run(self):
        self.say("HELLO", version=VERSION, role="type" if self.is_type else "region", name=self.name,
                 generation=int(self.given["--generation"]), pid=os.getpid())
        self.hear(json.loads(self.bus.recv()))
        while True:
            next_tick = time.monotonic() + self.period * self.chance.uniform(0.5, 1.5)
            self.tick()
            while (left := next_tick - time.monotonic()) > 0:
                if self.bus.poll(int(left * 1000) + 1):
                    self.hear(json.loads(self.bus.recv()))


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    words = sys.argv[1:]
    Bidder(dict(zip(words[0::2], words[1::2]))).run()


if __name__ == "__main__":
    main()
