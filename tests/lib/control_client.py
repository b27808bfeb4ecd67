# SPDX-License-Identifier: MPL-2.0
"""Asks a running provisiond through its control socket, as provisionctl does, with a deadline.

    answer = ask(run_dir, "status")            # {"ok": True, "text": "...", "body": {...}}
    body = ask(run_dir, "explain", "alpha")["body"]
"""
import json
import uuid

import zmq

DEADLINE_MS = 20000


class NoAnswer(Exception):
    """The supervisor did not answer in time."""


def ask(run_dir, command, name="", argument=None, deadline_ms=DEADLINE_MS):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    try:
        socket.setsockopt(zmq.ROUTING_ID, f"test-{uuid.uuid4().hex}".encode())
        socket.connect(f"ipc://{run_dir}/control.sock")
        socket.send(json.dumps({"m": "CONTROL", "id": 1, "command": command, "name": name, "who": "test",
                                "argument": "" if argument is None else json.dumps(argument)}).encode())
        if not socket.poll(deadline_ms):
            raise NoAnswer(f"{command} {name}")
        answer = json.loads(socket.recv())
        answer["body"] = json.loads(answer["body"]) if answer["body"] else None
        return answer
    finally:
        socket.close()
