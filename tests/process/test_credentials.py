#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""One real credentials helper against a scripted supervisor, a scripted metadata service and a thousand askers: one
refresh serves all; what it tells the supervisor holds no secret; no core file can hold one."""
import json
import os
import resource
import signal
import sys
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/system", "tests/lib"):
    sys.path.insert(0, str(ROOT / folder))
from harness import Tap, wait_until  # noqa: E402
from metadata import Metadata  # noqa: E402
from scripted_supervisor import Supervisor, settings  # noqa: E402

FIRST = ("AKIDFIRST", "MARKERsecret-one", "MARKERtoken-one")
SECOND = ("AKIDSECOND", "MARKERsecret-two", "MARKERtoken-two")
NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ASKERS = 1000
FILES = 8192  # three for each asker; the supervisor raises its own limit for its children
FEW = 30  # requests: three each time, and a busy machine may ask again
PATIENCE = 60


class Stage:
    """The helper, welcomed."""

    def __init__(self, metadata_url, environment=None):
        self.supervisor = Supervisor(settings("http://127.0.0.1:1", metadataEndpoint=metadata_url, tick="200ms"),
                                     {**NO_KEYS, **(environment or {})}, helper=False)
        self.helper = self.supervisor.spawn("helper", "credentials")
        self.helper.welcome({})
        self.askers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for asker in self.askers:
            asker.close()
        self.supervisor.__exit__()

    def asker(self):
        socket = self.supervisor.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.ROUTING_ID, os.urandom(16).hex().encode())
        socket.connect(f"ipc://{self.supervisor.run_dir}/keys.sock")
        self.askers.append(socket)
        return socket


def question(number=1, refused=""):
    return json.dumps({"m": "KEYS_WANTED", "id": number, "refused": refused}).encode()


def ask(socket, number=1, refused=""):
    socket.send(question(number, refused))
    if not socket.poll(PATIENCE * 1000):
        raise TimeoutError("the helper does not answer")
    return json.loads(socket.recv())


def ask_all(sockets, number=1, refused=""):
    for socket in sockets:
        socket.send(question(number, refused))
    return [json.loads(socket.recv()) for socket in sockets if socket.poll(PATIENCE * 1000)]


def a_thousand_askers_are_one_request(tap):
    metadata = Metadata(FIRST)
    with Stage(metadata.url) as stage:
        stage.supervisor.context.set(zmq.MAX_SOCKETS, 4096)
        askers = [stage.asker() for _ in range(ASKERS)]
        answers = []
        wait_until(lambda: answers.append(ask_all(askers)) or all(answer.get("accessKey") for answer in answers[-1]),
                   PATIENCE, "credentials for all")
        answers = answers[-1]
        tap.check(len(answers) == ASKERS and all(answer["accessKey"] == FIRST[0] and answer["secretKey"] == FIRST[1] and
                                                 answer["sessionToken"] == FIRST[2] for answer in answers),
                  f"{ASKERS} askers have the credentials", len(answers))
        tap.check(metadata.requests[-3:] == ["token", "name", "role"] and metadata.count() <= FEW,
                  f"the metadata service was not asked by each: {metadata.count()} requests for {ASKERS} askers",
                  metadata.requests)
        metadata.keys = SECOND
        rounds = []
        wait_until(lambda: rounds.append(ask_all(askers, 2, FIRST[0])) or
                   all(answer["accessKey"] == SECOND[0] for answer in rounds[-1]), PATIENCE, "new credentials for all")
        tap.check(len(rounds[-1]) == ASKERS, f"{ASKERS} refusals bring all of them new ones, {len(rounds)} rounds")
        tap.check(metadata.count("role") <= FEW / 3, "and are no refresh for each", metadata.requests)
        heard = json.dumps([worker.messages for worker in stage.supervisor.workers])
        stage.helper.expect("CREDENTIALS", lambda m: m["present"] and m["source"] == "metadata" and not m["problem"])
        tap.check("MARKER" not in heard + json.dumps(stage.helper.drain()) + stage.helper.stderr(),
                  "no secret in what the supervisor hears, or in the log")
    metadata.close()


def silence_is_said_and_ends(tap):
    metadata = Metadata(FIRST, lasts=30)  # so short that they are refreshed at once, and again
    with Stage(metadata.url) as stage:
        socket = stage.asker()
        tap.check(ask(socket)["accessKey"] == FIRST[0], "credentials that end soon are handed out")
        metadata.hangs = True
        told = stage.helper.expect("CREDENTIALS", lambda m: m["present"] and m["problem"], deadline_s=100)
        tap.check(told["present"] and told["expiresWall"] > 0 and "metadata service" in told["problem"],
                  "a silent metadata service is said in one sentence, with the end of those at hand", told)
        answer = ask(socket, 2)
        tap.check(answer["accessKey"] == FIRST[0] and answer["problem"], "and workers keep what there is", answer["problem"])
        tap.check(stage.helper.expect("BEAT")["tick"] < stage.helper.expect("BEAT")["tick"], "ticks go on meanwhile")
        metadata.hangs, metadata.lasts, metadata.keys = False, 3600, SECOND
        metadata.let_go.set()
        stage.helper.expect("CREDENTIALS", lambda m: m["present"] and not m["problem"], deadline_s=100)
        tap.check(ask(socket, 3)["accessKey"] == SECOND[0], "it recovers alone")
    metadata.close()


def none_is_said(tap):
    with Stage("http://127.0.0.1:1") as stage:
        answer = ask(stage.asker())
        tap.check(not answer["accessKey"] and "no AWS credentials" in answer["problem"],
                  "without any source the answer is one sentence", answer)
        bad = stage.asker()
        bad.send(b'{"m":"KEYS_WANTED","id":1}')
        bad.send(b"\xff\x00")
        tap.check(ask(stage.asker())["problem"], "a question that cannot be read harms nobody")


def keys_of_the_environment_leave_it(tap):
    with Stage("", {"AWS_ACCESS_KEY_ID": FIRST[0], "AWS_SECRET_ACCESS_KEY": FIRST[1],
                    "AWS_SESSION_TOKEN": FIRST[2]}) as stage:
        answer = ask(stage.asker())
        tap.check(answer["secretKey"] == FIRST[1] and answer["expiresWall"] == 0, "keys of the environment count first")
        seen = b"".join(Path(f"/proc/{stage.helper.process.pid}/{what}").read_bytes() for what in ("environ", "cmdline"))
        tap.check(b"MARKER" not in seen, "and are wiped from the helper's own environment once they are read")
        refused = ask(stage.asker(), 1, FIRST[0])
        tap.check(refused["accessKey"] == FIRST[0] and "refused" in refused["problem"],
                  "refused keys of the environment: there are no others, and it says so", refused["problem"])


def dumps_core(pid):
    os.kill(pid, signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(pid, 0)[1])


def no_core_can_hold_one(tap):
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    here = os.getcwd()
    with Stage("", {"AWS_ACCESS_KEY_ID": FIRST[0], "AWS_SECRET_ACCESS_KEY": FIRST[1]}) as stage:
        os.chdir(stage.supervisor.run_dir)
        control = os.fork()
        if control == 0:
            signal.pause()
            os._exit(0)
        possible = dumps_core(control)
        ask(stage.asker())
        dumped = dumps_core(stage.helper.process.pid)
        stage.helper.process.returncode = -signal.SIGABRT
        if possible:
            tap.check(not dumped, "a helper that is aborted leaves no core, where another process leaves one")
        else:
            tap.skip("an aborted helper leaves no core", "no process leaves one here")
        os.chdir(here)


def signals(tap):
    with Stage("http://127.0.0.1:1") as stage:
        stage.helper.expect("BEAT")
        stage.helper.signal(signal.SIGHUP)
        tap.check(stage.helper.wait() == 64, "SIGHUP ends it with the status that is no crash")
        again = stage.supervisor.spawn("helper", "credentials")
        again.welcome({})
        again.expect("BEAT")
        again.signal(signal.SIGTERM)
        tap.check(again.wait() == 0, "SIGTERM ends it with 0")


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(FILES, hard), hard))
    sys.exit(Tap().run(a_thousand_askers_are_one_request, silence_is_said_and_ends, none_is_said,
                       keys_of_the_environment_leave_it, no_core_can_hold_one, signals))
