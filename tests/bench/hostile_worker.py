#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A worker that harms: after a proper hello it sends valid bids as fast as it can ("flood"), or what is no message
("garbage"). Started by isolation.py's wrapper in the place of one type's worker; ends with its parent."""
import ctypes
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import zmq

HEADER = Path(__file__).resolve().parents[2] / "proto/messages.h"
VERSION = int(re.search(r"PROTO_VERSION (\d+)", HEADER.read_text()).group(1))
PR_SET_PDEATHSIG = 1


def main():
    mode, words = sys.argv[1], sys.argv[2:]
    given = dict(zip(words[0::2], words[1::2]))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with os.fdopen(3, "rb") as pipe:
        secret = pipe.read()
    bus = zmq.Context.instance().socket(zmq.DEALER)
    bus.setsockopt(zmq.LINGER, 0)
    bus.setsockopt(zmq.ROUTING_ID, secret)
    bus.connect(f"ipc://{given['--run-dir']}/bus.sock")
    bus.send(json.dumps({"m": "HELLO", "version": VERSION, "role": "type", "name": given["--type"],
                         "generation": int(given["--generation"]), "pid": os.getpid()}).encode())
    bus.recv()  # WELCOME
    end = time.monotonic() + 600
    number = 0
    while time.monotonic() < end:
        number += 1
        if mode == "garbage":
            bus.send(b'{"m":"BID","number":' + b"[" * 200)
        else:
            bus.send(json.dumps({"m": "BID", "number": number, "seen": 10 ** 9, "units": 0, "lots": []}).encode())


if __name__ == "__main__":
    main()
