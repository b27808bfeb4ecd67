#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""provisiond-notifier: a scripted publisher raises alarms; a scripted webhook and a scripted command say what they were
told, fail, hang, or die. The last test raises an alarm of the real daemon."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from status_stream import BUILD, PATIENCE, Program, Publisher, data_of, run_tests, until  # noqa: E402

COMMAND = """#!/usr/bin/python3
import json, os, pathlib, subprocess, sys, time
folder = pathlib.Path({folder!r})
document = json.load(sys.stdin)
told = dict((name, value) for name, value in os.environ.items() if name.startswith("PROVISIOND_"))
line = json.dumps(dict(document, environment=told, other=sorted(set(os.environ) - set(told)),
                       files=sorted(os.listdir("/proc/self/fd")), arguments=sys.argv[1:]))
with open(folder / "told", "a") as file:
    file.write(line + "\\n")
kind = document["alarm"]["kind"]
if kind == "hang":
    child = subprocess.Popen(["sleep", "600"])
    (folder / "child").write_text(str(child.pid))
    time.sleep(600)
sys.exit(3 if (folder / "broken").exists() else 0)
"""


class Webhook:
    """Answers each POST by its script: a function of the document that gives a status, or None to hang until the end."""

    def __init__(self, script=lambda document: 200):
        self.posts, self.ended, self.script = [], threading.Event(), script
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.posts.append((document, dict(self.headers), self.path))
                status = outer.script(document)
                if status is None:
                    outer.ended.wait(PATIENCE * 2)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def kinds(self, event="raised"):
        return [document["alarm"]["kind"] for document, _, _ in self.posts if document["alarm"]["event"] == event]


class Scene:
    def __init__(self, command=True, webhook=True, script=None, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="notifier-"))
        self.publisher = Publisher(self.folder)
        self.publisher.types = {"fox": data_of("type", "fox")}
        self.webhook = Webhook(script or (lambda document: 200))
        self.settings = {"runDir": ".", "stateFile": "state.json", "retryFirst": "20ms", "retryMost": "40ms", **settings}
        if command:
            path = self.folder / "tell"
            path.write_text(COMMAND.format(folder=str(self.folder)))
            path.chmod(0o755)
            self.settings["command"] = "tell"
        if webhook:
            self.write_url(f"http://127.0.0.1:{self.webhook.server.server_port}/services/T0/SECRET")
            self.settings["webhookUrlFile"] = "url"
        self.program = None
        self.start()

    def write_url(self, url):
        path = self.folder / "url"
        path.write_text(url + "\n")
        path.chmod(0o600)

    def start(self):
        (self.folder / "config.json").write_text(json.dumps(self.settings))
        self.program = Program("provisiond-notifier", "--config", self.folder / "config.json")
        self.program.wait_line("notifier.ready")
        self.publisher.wait_subscriber()

    def restart(self, sent=signal.SIGTERM):
        self.program.process.send_signal(sent)
        self.program.__exit__()
        self.publisher.wait_farewell()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.webhook.ended.set()
        self.program.__exit__()
        self.webhook.close()
        self.publisher.close()
        shutil.rmtree(self.folder)

    def told(self, event="raised"):
        """What the command was told: documents."""
        path = self.folder / "told"
        lines = path.read_text().splitlines() if path.exists() else []
        return [document for document in map(json.loads, lines) if document["alarm"]["event"] == event]

    def told_kinds(self, event="raised"):
        return [document["alarm"]["kind"] for document in self.told(event)]

    def until(self, condition, what):
        until(lambda: condition() or self.program.must_live(), what, self.program)

    def settle(self):
        """Everything published until now was taken and dealt with: so was a later alarm, and nothing is under way."""
        number = self.publisher.raise_alarm("marker", str(self.publisher.last_alarm))
        self.until(lambda: any(notice["id"] == number for notice in self.notices()) and
                   all(is_over(notice) for notice in self.notices()), f"marker {number} and all before it")

    def notices(self):
        return json.loads((self.folder / "state.json").read_text())["notices"]

    def state(self):
        return {notice["kind"]: notice for notice in self.notices()}


def is_over(notice):
    return all(phase["state"] not in ("waiting", "sending") for lane in notice["deliveries"].values() for phase in lane.values())


def delivered(notice, lane, phase="raised"):
    return notice["deliveries"][lane][phase]["state"]


def a_raise_and_its_end_are_told_once_by_both_lanes():
    with Scene() as scene:
        scene.publisher.refresh()
        number = scene.publisher.raise_alarm("lag", "fox", "the oldest task waits for 20 min")
        scene.until(lambda: scene.told_kinds() == ["lag"] and scene.webhook.kinds() == ["lag"], "both to be told")
        document, headers, path = scene.webhook.posts[0]
        assert document["text"] == "provisiond fox: ALARM lag fox: the oldest task waits for 20 min", document
        alarm = document["alarm"]
        assert alarm["id"] == number and alarm["incarnation"] == "run-1" and alarm["deployment"] == "fox", alarm
        assert headers["Content-Type"].startswith("application/json") and path == "/services/T0/SECRET"
        assert headers["Idempotency-Key"] == f"run-1-{number}-raised"
        told = scene.told()[0]
        assert told["alarm"] == alarm and told["arguments"] == []
        assert told["environment"] == {
            "PROVISIOND_ALARM_EVENT": "raised", "PROVISIOND_ALARM_DEPLOYMENT": "fox", "PROVISIOND_ALARM_INCARNATION": "run-1",
            "PROVISIOND_ALARM_ID": str(number), "PROVISIOND_ALARM_KIND": "lag", "PROVISIOND_ALARM_SUBJECT": "fox",
            "PROVISIOND_ALARM_TEXT": "the oldest task waits for 20 min", "PROVISIOND_ALARM_SINCE": alarm["since"]}
        assert set(told["other"]) <= {"PATH", "LANG", "HOME", "LC_CTYPE"}, told["other"]
        assert len(told["files"]) <= 4, told["files"]
        scene.publisher.clear_alarm(number)
        scene.until(lambda: scene.told_kinds("cleared") == ["lag"] and scene.webhook.kinds("cleared") == ["lag"], "the end to be told")
        assert scene.webhook.posts[1][0]["text"].startswith("provisiond fox: cleared: lag fox (it stood for "), scene.webhook.posts[1]


def repeats_and_new_words_are_not_told_again():
    with Scene() as scene:
        number = scene.publisher.raise_alarm("lag", "fox")
        for count in range(20):
            scene.publisher.alarms[number]["text"] = f"now it is {count}"
            scene.publisher.send("alarm.lag.", scene.publisher.alarms[number])
            scene.publisher.refresh()
        scene.settle()
        assert scene.told_kinds().count("lag") == 1 and scene.webhook.kinds().count("lag") == 1


def nothing_is_told_twice_after_a_restart():
    with Scene() as scene:
        scene.publisher.raise_alarm("lag", "fox")
        second = scene.publisher.raise_alarm("budget")
        scene.settle()
        scene.restart()
        scene.publisher.refresh()
        scene.publisher.clear_alarm(second)
        scene.publisher.raise_alarm("budget")
        scene.settle()
        assert sorted(kind for kind in scene.told_kinds() if kind != "marker") == ["budget", "budget", "lag"]
        assert sorted(kind for kind in scene.webhook.kinds() if kind != "marker") == ["budget", "budget", "lag"]


def the_end_that_was_missed_is_seen_by_absence():
    with Scene() as scene:
        number = scene.publisher.raise_alarm("lag", "fox")
        other = scene.publisher.raise_alarm("budget")
        scene.settle()
        scene.restart()
        scene.publisher.clear_alarm(number, silently=True)
        assert other in scene.publisher.alarms
        scene.publisher.refresh()
        scene.until(lambda: scene.webhook.kinds("cleared") == ["lag"] and scene.told_kinds("cleared") == ["lag"], "the end to be told")
        scene.settle()
        assert scene.webhook.kinds("cleared") == ["lag"]


def an_incomplete_refresh_ends_nothing():
    with Scene() as scene:
        scene.publisher.raise_alarm("lag", "fox")
        publisher = scene.publisher
        publisher.send("supervisor.", publisher.supervisor, (0, 3))
        publisher.sequence += 1
        publisher.send("type.fox.", publisher.types["fox"], (2, 3))
        scene.settle()
        assert scene.webhook.kinds("cleared") == [] and scene.told_kinds("cleared") == []


def a_webhook_that_hangs_delays_nobody_else():
    with Scene(script=lambda document: None if document["alarm"]["kind"] == "hang" else 200, webhookLimit="60s") as scene:
        for number in range(5):
            scene.publisher.raise_alarm("hang", f"h{number}")
        scene.until(lambda: scene.webhook.kinds().count("hang") == 5, "five to hang")
        for number in range(20):
            scene.publisher.raise_alarm("lag", f"t{number}")
        scene.until(lambda: scene.webhook.kinds().count("lag") == 20 and scene.told_kinds().count("lag") == 20, "the others")


def a_command_that_hangs_delays_nobody_else_and_is_killed_with_its_children():
    with Scene(commandLimit="60s") as scene:
        scene.publisher.raise_alarm("hang", "fox")
        child = scene.folder / "child"
        scene.until(lambda: child.exists() and child.read_text(), "the command to hang")
        for number in range(12):
            scene.publisher.raise_alarm("lag", f"t{number}")
        scene.until(lambda: scene.webhook.kinds().count("lag") == 12 and scene.told_kinds().count("lag") == 12, "the others")
        assert scene.webhook.kinds().count("hang") == 1
    with Scene(commandLimit="20s", webhook=False) as scene:
        scene.publisher.raise_alarm("hang", "fox")
        scene.program.wait_line("told.unknown", lane="command")
        child = int((scene.folder / "child").read_text())
        until(lambda: not Path(f"/proc/{child}").exists() or "State:\tZ" in Path(f"/proc/{child}/status").read_text(),
              "its child to end")
        scene.settle()
        assert scene.told_kinds().count("hang") == 1, "it may have told somebody: not repeated"


def definite_failures_are_tried_again_and_given_up_in_the_end():
    answers = [500, 503, 429, 200]
    with Scene(command=False, script=lambda document: answers.pop(0) if document["alarm"]["kind"] == "lag" else 200) as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.until(lambda: scene.webhook.kinds().count("lag") == 4, "four attempts")
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 4
    with Scene(script=lambda document: 404 if document["alarm"]["kind"] == "lag" else 200, attempts=3) as scene:
        (scene.folder / "broken").touch()
        number = scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.given-up", lane="command")
        scene.program.wait_line("told.given-up", lane="webhook")
        (scene.folder / "broken").unlink()
        scene.publisher.clear_alarm(number)
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 3 and scene.told_kinds().count("lag") == 3
        assert scene.webhook.kinds("cleared") == [], "nobody knew of it"


def a_webhook_that_is_down_gets_it_when_it_is_up():
    with Scene(command=False, attempts=100) as scene:
        scene.webhook.server.socket.close()  # nobody listens
        scene.webhook.server.shutdown()
        scene.webhook.thread.join()
        scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.again", attempt="3")
        old, scene.webhook = scene.webhook, Webhook()
        old.server.server_close()
        # The new one has another port; the notifier learns of it at its next start, and what waited goes there.
        scene.write_url(f"http://127.0.0.1:{scene.webhook.server.server_port}/x")
        scene.restart()
        scene.until(lambda: scene.webhook.kinds() == ["lag"], "the alarm to arrive")


def no_answer_is_not_repeated_unless_asked_for():
    with Scene(command=False, script=lambda document: None if document["alarm"]["kind"] == "lag" else 200, webhookLimit="1s") as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.unknown", lane="webhook")
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 1
    with Scene(command=False, script=lambda document: None, webhookLimit="1s", retryUnknown=True, attempts=3) as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.unknown", lane="webhook", attempt="3")
        keys = {headers["Idempotency-Key"] for _, headers, _ in scene.webhook.posts}
        assert len(scene.webhook.posts) == 3 and keys == {"run-1-1-raised"}, keys


def killed_in_the_middle_nothing_is_told_twice():
    with Scene(script=lambda document: None if document["alarm"]["kind"] == "lag" else 200, webhookLimit="60s") as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.until(lambda: scene.webhook.kinds() == ["lag"] and delivered(scene.state()["lag"], "command") == "done", "the POST to be under way")
        assert delivered(scene.state()["lag"], "webhook") == "sending"
        scene.restart(signal.SIGKILL)
        scene.publisher.refresh()
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 1 and scene.told_kinds().count("lag") == 1
        assert delivered(scene.state()["lag"], "webhook") == "unknown"


def what_waited_when_it_was_killed_is_told_later():
    with Scene(command=False, script=lambda document: 500, retryFirst="1h", retryMost="1h") as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.again")
        scene.until(lambda: delivered(scene.state()["lag"], "webhook") == "waiting", "the book")
        scene.webhook.script = lambda document: 200
        scene.restart(signal.SIGKILL)
        scene.until(lambda: len(scene.webhook.posts) == 2, "the second attempt")
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 2 and delivered(scene.state()["lag"], "webhook") == "done"


def a_new_supervisor_does_not_raise_the_same_trouble_twice():
    with Scene(restartGrace="0") as scene:
        publisher = scene.publisher
        publisher.raise_alarm("lag", "fox")
        publisher.raise_alarm("budget")
        scene.settle()
        publisher.incarnation, publisher.sequence, publisher.last_alarm, publisher.alarms = "run-2", 0, 100, {}
        publisher.raise_alarm("lag", "fox")
        publisher.refresh()
        scene.until(lambda: "budget" in scene.webhook.kinds("cleared"), "what is no longer raised to end")
        scene.settle()
        assert scene.webhook.kinds().count("lag") == 1 and scene.told_kinds().count("lag") == 1
        assert "lag" not in scene.webhook.kinds("cleared")
    with Scene(restartGrace="1h") as scene:
        publisher = scene.publisher
        publisher.raise_alarm("lag", "fox")
        scene.settle()
        publisher.incarnation, publisher.sequence, publisher.last_alarm, publisher.alarms = "run-2", 0, 100, {}
        publisher.refresh()
        scene.settle()
        assert "lag" not in scene.webhook.kinds("cleared"), "it may still be raised again"


def the_text_cannot_ring_a_channel():
    with Scene(command=False) as scene:
        scene.publisher.raise_alarm("lag", "fox", "<!channel> & <https://evil.example|click>")
        scene.until(lambda: scene.webhook.posts, "a POST")
        document = scene.webhook.posts[0][0]
        assert document["text"].endswith("ALARM lag fox: &lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;"), document
        assert document["alarm"]["text"] == "<!channel> & <https://evil.example|click>"


def the_urls_secret_is_in_no_log_and_no_state():
    with Scene(script=lambda document: 500, attempts=2) as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.program.wait_line("told.given-up", lane="webhook")
        assert "SECRET" not in "\n".join(scene.program.read()) + (scene.folder / "state.json").read_text()


def ends_need_not_be_told():
    with Scene(cleared=False) as scene:
        scene.publisher.clear_alarm(scene.publisher.raise_alarm("lag", "fox"))
        scene.settle()
        assert scene.webhook.kinds("cleared") == [] and scene.webhook.kinds().count("lag") == 1


def a_damaged_state_is_moved_aside():
    with Scene() as scene:
        scene.program.__exit__()
        (scene.folder / "state.json").write_text('{"notices": [{"id": "x"}]}')
        scene.restart()
        scene.program.wait_line("state.damaged")
        assert (scene.folder / "state.json.damaged").exists()
        scene.publisher.raise_alarm("lag", "fox")
        scene.settle()


def wrong_settings_are_told_and_nothing_runs():
    with Scene() as scene:
        def fault(text, **changes):
            settings = {key: value for key, value in {**scene.settings, **changes}.items() if value is not None}
            path = scene.folder / "wrong.json"
            path.write_text(json.dumps(settings))
            with Program("provisiond-notifier", "--config", path) as other:
                assert other.process.wait(PATIENCE) == 2 and text in "\n".join(other.read()), (text, other.read())
        fault("nobody would be told", command=None, webhookUrlFile=None)
        fault("did you mean", comand="x")
        fault("no-such-program", command="no-such-program")
        fault("state", stateFile="missing/state.json")
        (scene.folder / "url").chmod(0o644)
        fault("may be read by others")
        (scene.folder / "url").chmod(0o600)
        printed = subprocess.run([str(BUILD / "provisiond-notifier"), "--config", str(scene.folder / "config.json"), "--print-config"],
                                 capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        (scene.folder / "printed.json").write_text(printed)
        again = subprocess.run([str(BUILD / "provisiond-notifier"), "--config", str(scene.folder / "printed.json"), "--print-config"],
                               capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        assert printed == again and json.loads(printed)["attempts"] == 6


def an_alarm_of_the_real_daemon_is_told_and_its_end_too():
    sys.path.insert(0, str(ROOT / "tests/system"))
    from harness import World, simple_type  # pylint: disable=import-outside-toplevel
    with World({"queues": {"alpha": {}}}, [simple_type("alpha")], deploymentId=f"notifier-{os.getpid()}") as world:
        run_dir = world.folder / "run"
        until(lambda: (run_dir / "status.sock").exists(), "the daemon")
        webhook = Webhook()
        try:
            (world.folder / "url").write_text(f"http://127.0.0.1:{webhook.server.server_port}/hook\n")
            (world.folder / "url").chmod(0o600)
            (world.folder / "notifier.json").write_text(json.dumps({"runDir": "run", "stateFile": "notifier-state.json", "webhookUrlFile": "url"}))
            with Program("provisiond-notifier", "--config", world.folder / "notifier.json") as program:
                program.wait_line("notifier.ready")
                world.until_polled(1)
                good = (world.folder / "workertypes.d/alpha.json").read_text()
                (world.folder / "workertypes.d/alpha.json").write_text("{")
                world.daemon.reload()
                until(lambda: webhook.kinds() == ["configuration"], "the alarm", program)
                (world.folder / "workertypes.d/alpha.json").write_text(good)
                world.daemon.reload()
                until(lambda: webhook.kinds("cleared") == ["configuration"], "its end", program)
        finally:
            webhook.close()


if __name__ == "__main__":
    sys.exit(run_tests(
        a_raise_and_its_end_are_told_once_by_both_lanes,
        repeats_and_new_words_are_not_told_again,
        nothing_is_told_twice_after_a_restart,
        the_end_that_was_missed_is_seen_by_absence,
        an_incomplete_refresh_ends_nothing,
        a_webhook_that_hangs_delays_nobody_else,
        a_command_that_hangs_delays_nobody_else_and_is_killed_with_its_children,
        definite_failures_are_tried_again_and_given_up_in_the_end,
        a_webhook_that_is_down_gets_it_when_it_is_up,
        no_answer_is_not_repeated_unless_asked_for,
        killed_in_the_middle_nothing_is_told_twice,
        what_waited_when_it_was_killed_is_told_later,
        a_new_supervisor_does_not_raise_the_same_trouble_twice,
        the_text_cannot_ring_a_channel,
        the_urls_secret_is_in_no_log_and_no_state,
        ends_need_not_be_told,
        a_damaged_state_is_moved_aside,
        wrong_settings_are_told_and_nothing_runs,
        an_alarm_of_the_real_daemon_is_told_and_its_end_too))
