#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Prints who waits, live, from provisiond's status stream (docs/STATUS.md).
    subscriber.py ipc:///run/provisiond/status.sock
    subscriber.py tcp://HOST:9732 relay.pub me.key      through provisiond-relay, with the keys of provisionctl keygen"""
import json
import sys
import time

import zmq

socket = zmq.Context().socket(zmq.SUB)
if len(sys.argv) > 2:
    socket.curve_serverkey = open(sys.argv[2], "rb").read().split()[0]
    secret = open(sys.argv[3], "rb").read().split()[0]
    socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
socket.subscribe("type.")
socket.connect(sys.argv[1])
while True:
    topic, body = socket.recv_multipart()
    data = json.loads(body)["data"]
    pending, wait = data["pending"], data["oldestWait"]
    age = "unknown" if pending["asOf"] is None else f"{time.time() - pending['asOf'] / 1000:.0f} s ago"
    print(data["name"], pending["value"], "pending, oldest waits", wait["value"], "s, seen", age, "-", data["why"], flush=True)
