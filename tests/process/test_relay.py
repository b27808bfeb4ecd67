#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""provisiond-relay between a scripted publisher and subscribers of every kind: listed, unlisted, late, deaf, hostile.
The last test runs the example of docs/ against the real daemon, over ipc and through the relay."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket as sockets
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from status_stream import BUILD, PATIENCE, Program, Publisher, Skip, data_of, run_tests, until  # noqa: E402

EXAMPLE = ROOT / "docs/examples/subscriber.py"
INSTRUMENTED = "san-" in BUILD.name  # a sanitizer keeps freed memory
HANDSHAKE_FAILED_AUTH = 0x4000
HANDSHAKE_SUCCEEDED = 0x1000


def keygen(path):
    subprocess.run([str(BUILD / "provisionctl"), "keygen", str(path)], check=True, stdout=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, timeout=PATIENCE)


def key_of(path):
    return path.read_bytes().split()[0]


class Scene:
    """A folder with a publisher, the relay's keys, and the keys of fox (listed) and bear (not)."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="relay-"))
        (self.folder / "allow").mkdir()
        for name in ("relay", "fox", "bear", "owl"):
            keygen(self.folder / name)
        self.allow("fox")
        self.allow("owl")
        self.publisher = Publisher(self.folder)
        self.publisher.types = {name: data_of("type", name, pending=number) for number, name in
                                enumerate(("alpha", "beta", "gamma"))}
        self.publisher.regions = {"us-west-2": data_of("region", "us-west-2")}
        self.contexts = []
        self.relay = None

    def allow(self, name):
        shutil.copy(self.folder / f"{name}.pub", self.folder / "allow")

    def start(self, *words, env=None):
        self.relay = Program("provisiond-relay", "--secret-key", self.folder / "relay.key", "--allow", self.folder / "allow",
                             "--run-dir", self.folder, "--listen", "tcp://127.0.0.1:0", *words, env=env)
        return self.relay

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.relay:
            self.relay.__exit__()
        for context in self.contexts:
            context.destroy(0)
        self.publisher.close()
        shutil.rmtree(self.folder)

    def address(self):
        line = self.relay.wait_line("relay.ready")
        return line.split("listen=")[1].split()[0]

    def socket(self, kind, name="fox", **options):
        context = zmq.Context()
        self.contexts.append(context)
        made = context.socket(kind)
        made.linger = 0
        for option, value in options.items():
            setattr(made, option, value)
        if name:
            made.curve_serverkey = key_of(self.folder / "relay.pub")
            made.curve_secretkey = key_of(self.folder / f"{name}.key")
            made.curve_publickey = key_of(self.folder / f"{name}.pub")
        return made

    def subscriber(self, name="fox", topic="", **options):
        made = self.socket(zmq.SUB, name, **options)
        made.subscribe(topic)
        made.connect(self.address())
        return made

    def refresh_until(self, subscriber, wanted=lambda topic, body: True):
        """Publishes the whole status again and again, as the daemon does, until the subscriber has what it wants."""
        found = []

        def step():
            self.publisher.refresh()
            while subscriber.poll(20):
                topic, body = subscriber.recv_multipart()
                if wanted(topic.decode(), json.loads(body)):
                    found.append((topic.decode(), json.loads(body)))
                    return True
            return False
        until(step, "a message", self.relay)
        return found[0]

    def next_marker(self, subscriber, number):
        """A message that only now can have been published reaches the subscriber."""
        self.publisher.supervisor["grants"]["value"] = number
        return self.refresh_until(subscriber, lambda topic, body: topic == "supervisor." and
                                  body["data"]["grants"]["value"] == number)


@contextlib.contextmanager
def running(*words):
    with Scene() as scene:
        scene.start(*words)
        scene.address()
        yield scene


def verdict_of(scene, subscriber):
    """What the handshake came to, from libzmq's own monitor."""
    monitor = subscriber.get_monitor_socket(HANDSHAKE_FAILED_AUTH | HANDSHAKE_SUCCEEDED)
    subscriber.connect(scene.address())
    if not monitor.poll(PATIENCE * 1000):
        raise AssertionError("no verdict")
    event = int.from_bytes(monitor.recv_multipart()[0][:2], sys.byteorder)
    subscriber.disable_monitor()
    return event


def a_listed_subscriber_gets_every_byte_as_it_was_published():
    with running() as scene:
        subscriber = scene.subscriber()
        scene.refresh_until(subscriber)
        topic = "type.\u00fcber."
        scene.publisher.send(topic, {"odd": "\u2603 \\ \" /", "n": 1e-7})
        sent = scene.publisher.sequence

        def got():
            while subscriber.poll(20):
                frames = subscriber.recv_multipart()
                body = json.loads(frames[1])
                if body["sequence"] == sent:
                    return len(frames) == 2 and frames[0].decode() == topic and body["data"]["odd"] == "\u2603 \\ \" /"
            return False
        until(got, "the message", scene.relay)


def an_unlisted_key_and_a_client_without_a_key_are_refused():
    with running() as scene:
        assert verdict_of(scene, scene.socket(zmq.SUB, "bear")) == HANDSHAKE_FAILED_AUTH
        assert verdict_of(scene, scene.socket(zmq.SUB, "fox")) == HANDSHAKE_SUCCEEDED
        scene.relay.wait_line("client.refused", address="127.0.0.1")
        open_one = scene.subscriber(None)
        bear = scene.subscriber("bear")
        fox = scene.subscriber()
        scene.next_marker(fox, 4711)
        scene.next_marker(fox, 4712)
        assert not open_one.poll(0) and not bear.poll(0), "a client that is not on the list got something"


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
int zmq_bind(void *socket, const char *endpoint)
{
    int (*real)(void *, const char *) = (int (*)(void *, const char *))dlsym(RTLD_NEXT, "zmq_bind");
    return strstr(endpoint, "zeromq.zap.01") ? 0 : real(socket, endpoint);
}
"""


def without_its_zap_handler_the_relay_refuses_to_serve():
    """Trap: CURVE without a handler admits everybody. A preloaded library takes the handler away."""
    if INSTRUMENTED:
        raise Skip("a sanitizer's runtime must come first")
    with Scene() as scene:
        source, shim = scene.folder / "shim.c", scene.folder / "shim.so"
        source.write_text(SHIM)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True, timeout=PATIENCE)
        relay = scene.start(env={"LD_PRELOAD": str(shim)})
        status = relay.process.wait(PATIENCE)
        assert status == 1, (status, relay.read())
        assert "a random key was let in" in relay.log_line("selftest.failed"), relay.read()
        assert not scene.publisher.socket.poll(0), "it had subscribed already"


def a_late_subscriber_has_the_whole_status_after_one_refresh():
    with running() as scene:
        early = scene.subscriber()
        scene.next_marker(early, 1)
        late = scene.subscriber("owl")
        scene.next_marker(late, 2)
        while late.poll(100):
            late.recv_multipart()
        scene.publisher.refresh()
        got = {}
        until(lambda: late.poll(20) and got.update([late.recv_multipart()]) or len(got) == 5, "five messages", scene.relay)
        assert [json.loads(body)["refresh"]["index"] for body in got.values()] == list(range(5)), got
        assert {topic.decode() for topic in got} == {"supervisor.", "region.us-west-2.", "type.alpha.", "type.beta.", "type.gamma."}


def topics_are_told_apart():
    with running() as scene:
        subscriber = scene.subscriber(topic="type.beta.")
        topic, body = scene.refresh_until(subscriber)
        assert topic == "type.beta." and body["data"]["pending"]["value"] == 1


def a_reload_admits_new_keys_and_cuts_off_removed_ones():
    with running() as scene:
        fox, owl = scene.subscriber("fox"), scene.subscriber("owl")
        scene.next_marker(fox, 1)
        scene.next_marker(owl, 2)
        scene.allow("bear")
        scene.relay.process.send_signal(signal.SIGHUP)
        scene.relay.wait_line("list.read", keys="3", removed="no")
        bear = scene.subscriber("bear")
        scene.next_marker(bear, 3)
        (scene.folder / "allow/owl.pub").unlink()
        scene.relay.process.send_signal(signal.SIGHUP)
        scene.relay.wait_line("list.read", keys="2", removed="yes")
        scene.relay.wait_line("relay.reopened")
        scene.next_marker(fox, 44)
        scene.next_marker(bear, 45)
        while owl.poll(0):
            assert json.loads(owl.recv_multipart()[1])["data"].get("grants", {}).get("value") not in (44, 45), "still connected"
        (scene.folder / "allow/broken.pub").write_text("no key\n")
        scene.relay.process.send_signal(signal.SIGHUP)
        line = scene.relay.wait_line("list.rejected", kept="2")
        assert "broken.pub: line 1" in line, line
        scene.next_marker(fox, 46)


def the_list_may_be_one_file_with_comments():
    with Scene() as scene:
        allow = scene.folder / "list"
        allow.write_bytes(b"# our dashboards\n\n" + (scene.folder / "fox.pub").read_bytes() + b"\n")
        scene.start("--allow", allow)
        scene.next_marker(scene.subscriber("fox"), 7)
        assert verdict_of(scene, scene.socket(zmq.SUB, "owl")) == HANDSHAKE_FAILED_AUTH


def deaf_subscribers_cost_neither_messages_nor_memory():
    with running("--high-water", "1000") as scene:
        fox = scene.subscriber("fox", rcvhwm=100000)
        deaf = [scene.subscriber("owl", rcvhwm=1, rcvbuf=4096) for _ in range(10)]
        scene.next_marker(fox, 1)
        before = scene.relay.memory()
        filling = "x" * 2000
        got = 0
        for number in range(1, 31):  # 60 MB for each, of which 2 MB may wait
            for _ in range(1000):
                scene.publisher.send("type.alpha.", {"filling": filling})
            scene.next_marker(fox, 1000 + number)
            while fox.poll(0):
                fox.recv_multipart()
                got += 1
        grown = scene.relay.memory() - before
        assert INSTRUMENTED or grown < 60e6, f"grew by {grown / 1e6:.0f} MB"
        assert all(one.poll(0) for one in deaf), "the deaf ones were connected"


class Crowd:
    """build/tools/relay_crowd: subscribers that read everything, and deaf ones, in one process."""

    def __init__(self, scene, live, deaf):
        words = [BUILD / "tools/relay_crowd", scene.address(), scene.folder / "relay.pub", scene.folder / "fox.key",
                 scene.folder / "fox.pub", live, deaf]
        self.process = subprocess.Popen([*map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def tell(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        """Its next line, or None."""
        self.text += self.process.stdout.read() or b""
        line, found, rest = self.text.partition(b"\n")
        if not found:
            assert self.process.poll() is None, "the crowd ended"
            return None
        self.text = rest
        return json.loads(line)


def forty_five_live_ones_get_every_message_beside_five_deaf_ones():
    with running() as scene, Crowd(scene, 45, 5) as crowd:
        crowd.tell("on")

        def ready():
            scene.publisher.refresh()
            return crowd.answer()
        assert until(ready, "every live one's first message", scene.relay)["ready"]
        witness = scene.subscriber("owl", rcvhwm=100000)
        scene.next_marker(witness, 1)
        first = scene.publisher.sequence
        for number in range(2, 12):  # 4 MB for each deaf one: more than its kernel takes
            for _ in range(200):
                scene.publisher.send("type.alpha.", {"filling": "x" * 2000})
            scene.next_marker(witness, number)  # the relay has taken all of it: nothing waits before it
        sent = scene.publisher.sequence - first

        def all_came():
            scene.publisher.refresh()
            crowd.tell("figures")
            figures = until(crowd.answer, "its figures")
            assert figures["lost"] == 0, figures
            return figures["least"] > sent
        until(all_came, f"{sent} messages at each live one", scene.relay)


def raw_bytes_of_strangers_change_nothing():
    with running() as scene:
        fox = scene.subscriber()
        scene.next_marker(fox, 1)
        host, port = scene.address()[len("tcp://"):].rsplit(":", 1)
        strangers = []
        for text in (b"GET / HTTP/1.0\r\n\r\n", b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00CURVE" + bytes(200), os.urandom(70000), b""):
            stranger = sockets.create_connection((host, int(port)), PATIENCE)
            with contextlib.suppress(OSError):
                stranger.sendall(text)
            strangers.append(stranger)
        scene.next_marker(fox, 2)
        for stranger in strangers:
            stranger.close()
        scene.next_marker(fox, 3)


def a_hostile_subscriber_is_barred_and_nobody_else():
    with running() as scene:
        fox, owl = scene.subscriber("fox"), scene.socket(zmq.XSUB, "owl", sndhwm=100000)
        scene.next_marker(fox, 1)
        owl.connect(scene.address())
        for rubbish in (b"", b"\x07what", b"\x01nothing.of.ours.", b"\x01type.\x00\x1b", b"\x01type." + b"x" * 400):
            owl.send(rubbish)
        owl.send(b"\x01type.")
        scene.refresh_until(owl)
        scene.relay.wait_line("client.rubbish", client="owl")
        before = scene.relay.memory()
        for number in range(20000):
            with contextlib.suppress(zmq.Again):
                owl.send(b"\x01type.%d." % number + b"y" * 200, zmq.DONTWAIT)
        scene.relay.wait_line("client.barred", client="owl")
        scene.relay.wait_line("relay.reopened")
        assert verdict_of(scene, scene.socket(zmq.SUB, "owl")) == HANDSHAKE_FAILED_AUTH
        scene.next_marker(fox, 2)
        assert INSTRUMENTED or scene.relay.memory() - before < 300e6
        owl.close()  # or it would come back first and be barred anew
        scene.relay.process.send_signal(signal.SIGHUP)
        scene.relay.wait_line("list.read")
        scene.next_marker(scene.subscriber("owl"), 3)


def many_subscribers_may_share_one_key():
    with running() as scene:
        context = zmq.Context()
        scene.contexts.append(context)
        many = []
        for _ in range(300):
            one = context.socket(zmq.SUB)
            one.linger = 0
            one.curve_serverkey, one.curve_secretkey = key_of(scene.folder / "relay.pub"), key_of(scene.folder / "fox.key")
            one.curve_publickey = key_of(scene.folder / "fox.pub")
            for topic in ("type.", "supervisor.", "alarm."):
                one.subscribe(topic)
            one.connect(scene.address())
            many.append(one)
        for one in many:
            scene.refresh_until(one)
        assert not scene.relay.log_line("client.barred")


def too_long_messages_end_the_connection_that_sent_them():
    with running() as scene:
        fox, owl = scene.subscriber("fox"), scene.socket(zmq.XSUB, "owl")
        scene.next_marker(fox, 1)
        owl.connect(scene.address())
        owl.send(b"\x01type.")
        scene.refresh_until(owl)
        owl.send(b"\x01" + b"z" * 100000)  # libzmq 4.3.4 itself ends on sending 5 MB through CURVE
        scene.next_marker(fox, 2)
        assert INSTRUMENTED or scene.relay.memory() < 200e6


def the_daemon_may_come_and_go():
    with running() as scene:
        fox = scene.subscriber()
        scene.next_marker(fox, 1)
        scene.publisher.close()
        scene.publisher = Publisher(scene.folder, "run-2")
        _, body = scene.next_marker(fox, 2)
        assert body["incarnation"] == "run-2"


def faults_at_start_are_told_and_a_stop_is_no_fault():
    with Scene() as scene:
        secret = scene.folder / "relay.key"
        secret.chmod(0o644)
        assert scene.start().process.wait(PATIENCE) == 2
        assert "may be read by others" in "\n".join(scene.relay.read())
        scene.relay.__exit__()
        secret.chmod(0o600)
        (scene.folder / "allow/bad.pub").write_bytes(b"x" * 39 + b"\n")
        assert scene.start().process.wait(PATIENCE) == 2
        assert "bad.pub: line 1" in "\n".join(scene.relay.read())
        scene.relay.__exit__()
        (scene.folder / "allow/bad.pub").unlink()
        scene.start()
        scene.address()
        assert scene.relay.finish() == 0


def keygen_overwrites_nothing_and_hides_the_secret():
    with Scene() as scene:
        before = key_of(scene.folder / "fox.key")
        assert stat.S_IMODE((scene.folder / "fox.key").stat().st_mode) == 0o600
        got = subprocess.run([str(BUILD / "provisionctl"), "keygen", str(scene.folder / "fox")], capture_output=True, text=True,
                             check=False, timeout=PATIENCE)
        assert got.returncode == 1 and "File exists" in got.stderr, got
        assert key_of(scene.folder / "fox.key") == before
        assert zmq.curve_public(before) == key_of(scene.folder / "fox.pub")


class Example:
    """docs/examples/subscriber.py with its output."""

    def __init__(self, *words):
        self.process = subprocess.Popen(["/usr/bin/python3", str(EXAMPLE), *map(str, words)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self):
        self.text += (self.process.stdout.read() or b"").decode()
        if self.process.poll() is not None:
            raise AssertionError(f"the example ended: {self.text}")
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def the_example_of_the_documentation_works_over_ipc_and_over_curve():
    with running() as scene, \
            Example(f"ipc://{scene.folder}/status.sock") as local, \
            Example(scene.address(), scene.folder / "relay.pub", scene.folder / "fox.key") as remote:
        def both():
            scene.publisher.refresh()
            return all(re.search(r"^gamma 2 pending, oldest waits 1 s, seen \d+ s ago - ", one.read(), re.M) for one in (local, remote))
        until(both, "both to print", scene.relay)


def the_real_daemon_is_heard_over_ipc_and_through_the_relay():
    sys.path.insert(0, str(ROOT / "tests/system"))
    from harness import World, simple_type  # pylint: disable=import-outside-toplevel
    with Scene() as scene, World({"queues": {"alpha": {}}}, [simple_type("alpha")], deploymentId=f"relay-{os.getpid()}") as world:
        world.add_tasks("alpha", 2)
        run_dir = world.folder / "run"
        until(lambda: (run_dir / "status.sock").exists(), "the daemon")
        scene.start("--run-dir", run_dir)
        with Example(f"ipc://{run_dir}/status.sock") as local, \
                Example(scene.address(), scene.folder / "relay.pub", scene.folder / "fox.key") as remote:
            for one in (local, remote):
                until(lambda: "alpha " in one.read() and " s ago - " in one.text, "a line of alpha", scene.relay)


if __name__ == "__main__":
    sys.exit(run_tests(
        a_listed_subscriber_gets_every_byte_as_it_was_published,
        an_unlisted_key_and_a_client_without_a_key_are_refused,
        without_its_zap_handler_the_relay_refuses_to_serve,
        a_late_subscriber_has_the_whole_status_after_one_refresh,
        topics_are_told_apart,
        a_reload_admits_new_keys_and_cuts_off_removed_ones,
        the_list_may_be_one_file_with_comments,
        deaf_subscribers_cost_neither_messages_nor_memory,
        forty_five_live_ones_get_every_message_beside_five_deaf_ones,
        raw_bytes_of_strangers_change_nothing,
        a_hostile_subscriber_is_barred_and_nobody_else,
        many_subscribers_may_share_one_key,
        too_long_messages_end_the_connection_that_sent_them,
        the_daemon_may_come_and_go,
        faults_at_start_are_told_and_a_stop_is_no_fault,
        keygen_overwrites_nothing_and_hides_the_secret,
        the_example_of_the_documentation_works_over_ipc_and_over_curve,
        the_real_daemon_is_heard_over_ipc_and_through_the_relay))
