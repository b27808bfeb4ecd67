#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 400
"""provisiond-web over HTTP: what it sends, to whom, and that nobody can make it do more. The page itself, in a real
browser, is tested by test_web_page.py."""
import contextlib
import http.client
import json
import os
import re
import shutil
import socket as sockets
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from status_stream import BUILD, PATIENCE, Program, data_of, run_tests, until  # noqa: E402
from web_scene import ControlServer, Scene, WebStream  # noqa: E402

TOKEN = "a-token-that-nobody-can-guess"


@contextlib.contextmanager
def token_scene(control=True):
    folder = Path(tempfile.mkdtemp(prefix="web-token-"))
    path = folder / "token"
    path.touch(0o600)
    path.write_text(TOKEN + "\n")
    with Scene("--token-file", path, control=control) as scene:
        scene.published()
        yield scene
    shutil.rmtree(folder)


def act(scene, command="pause", name="gecko-decision", token=TOKEN, body=None, **headers):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {}),
               **{key.replace("_", "-"): value for key, value in headers.items()}}
    body = json.dumps({"command": command, "name": name}) if body is None else body
    return scene.ask("/api/act", "POST", body, {key: value for key, value in headers.items() if value is not None})


# ---- what everybody gets ----

def every_answer_has_the_headers_that_bind_a_browser():
    with Scene() as scene:
        for path in ("/", "/app.js", "/style.css", "/uplot.js", "/icon.svg", "/api/history", "/nothing", "/api/nothing"):
            status, headers, _ = scene.ask(path)
            assert status == (404 if "nothing" in path else 200), (path, status)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, policy
            assert "unsafe" not in policy and "*" not in policy and "http" not in policy, policy
            assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY", path
            assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store", path
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin", path


def pages_hold_nothing_inline_and_nothing_from_elsewhere():
    with Scene() as scene:
        page = scene.ask("/")[2]
        assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", page)
        assert not [tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag]
        for path in re.findall(r'(?:src|href)="([^"#]+)"', page):
            assert path.startswith("/") and scene.ask(path)[0] == 200, path
        for path in ("/app.js", "/dom.js", "/overview.js", "/type.js", "/pages.js", "/state.js", "/charts.js", "/actions.js"):
            script = scene.ask(path)[2]
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|https?://", script), path


def only_hosts_that_cannot_be_rebound_are_served():
    with Scene("--host", "status.example.org") as scene:
        for host in ("localhost:1234", "127.0.0.1", "[::1]:80", "10.1.2.3", "status.example.org", "STATUS.example.org:443"):
            assert scene.ask("/", headers={"Host": host})[0] == 200, host
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:9730", "[", ""):
            assert scene.ask("/api/stream", headers={"Host": host})[0] in (400, 421), host


def other_methods_paths_and_bodies_are_refused():
    with Scene() as scene:
        for method in ("PUT", "DELETE", "POST", "OPTIONS", "TRACE"):
            assert scene.ask("/", method)[0] in (400, 405), method
        for path in ("/../provisiond-web.c", "/%2e%2e/etc/passwd", "/index.html/x", "/api/history?type=nobody", "/api/act"):
            assert scene.ask(path)[0] == 404, path
        assert scene.ask("/", "HEAD")[2] == ""
        for hostile in (b"GET /" + b"a" * 200000, b"\0\1\2\3\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n",
                        b"POST /api/act HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\nxx"):
            with contextlib.suppress(OSError), contextlib.closing(scene.connect()) as connection:
                connection.sendall(hostile)
                connection.recv(4096)
        assert scene.ask("/-/healthy")[0] == 200
        scene.program.must_live()


# ---- the stream ----

def a_page_is_sent_the_whole_and_then_what_changes():
    with Scene() as scene:
        scene.published()
        with WebStream(scene) as stream:
            hello = stream.next("hello")
            assert hello["canAct"] is False and [word["name"] for word in hello["schema"]["type"]["words"]][:2] == ["name", "state"]
            stream.until(lambda: {"gecko-decision", "owl"} <= set(stream.rows) and stream.supervisor)
            row = stream.figures("gecko-decision")
            assert row["pending"] == 3 and row["oldestWait"] == 252, row
            scene.publisher.types["gecko-decision"] = data_of("type", "gecko-decision", pending=None, claimed=(9, 100))
            scene.publisher.send("type.gecko-decision.", scene.publisher.types["gecko-decision"])
            stream.until(lambda: stream.figures("gecko-decision")["claimed"] == 9)
            assert stream.figures("gecko-decision")["pending"] is None, "unknown is not zero"
            assert 100000 <= stream.ages("gecko-decision")["claimed"] < 130000
            del scene.publisher.types["owl"]
            scene.publisher.refresh()
            stream.until(lambda: "owl" not in stream.names["types"])


def alarms_and_events_reach_the_page_once():
    with Scene() as scene:
        scene.published()
        with WebStream(scene) as stream:
            number = scene.publisher.raise_alarm("demand", "owl", "no answer")
            stream.until(lambda: [alarm["id"] for alarm in stream.alarms] == [number])
            scene.publisher.clear_alarm(number, silently=True)
            scene.publisher.refresh()
            stream.until(lambda: stream.alarms == [])
            event = {"sequence": 7, "at": 1, "kind": "launched", "type": "owl", "region": "", "text": "3 of 3"}
            for _ in range(3):
                scene.publisher.send("event.launched.", event)
            scene.publisher.send("event.launched.", dict(event, sequence=8))
            stream.until(lambda: any(it["sequence"] == 8 for it in stream.events))
            assert [it["sequence"] for it in stream.events] == [7, 8]
            scene.publisher.send("event.definition-applied.", dict(event, sequence=9, kind="definition-applied"))
            for sequence in range(10, 1210):
                scene.publisher.send("event.launched.", dict(event, sequence=sequence))
            scene.published()
        with WebStream(scene) as stream:
            stream.until(lambda: any(it["sequence"] == 1209 for it in stream.events))
            assert len(stream.events) == 101 and stream.events[0]["kind"] == "definition-applied", stream.events[0]


def the_server_says_for_how_long_the_daemon_was_silent():
    with Scene() as scene:
        for _ in range(3):
            scene.published()
        with WebStream(scene) as stream:
            stream.until(lambda: stream.beat and stream.beat["silent"] > stream.beat["quietLimit"])
            assert stream.beat["heard"] and stream.beat["quietLimit"] >= 5000
            scene.published()
            stream.until(lambda: stream.beat["silent"] < 5000)


def a_server_that_never_heard_the_daemon_says_so():
    with Scene(publish=False) as scene, WebStream(scene) as stream:
        stream.until(lambda: stream.beat and not stream.beat["heard"] and stream.beat["silent"] > 0)


def rubbish_in_the_stream_is_harmless():
    with Scene() as scene:
        for frames in ((b"type.",), (b"type.x.", b"{"), (b"\xff\xff.", b"{}"), (b"type.x.", b"[" * 5000), (b"a", b"b", b"c"),
                       (b"type.y.", b'{"incarnation":"i","sequence":1,"asOf":1,"data":{"name":7,"pending":"x","why":[]}}'),
                       (b"alarm.x.", b'{"incarnation":"i","sequence":2,"asOf":1,"data":{"id":"x","raised":true}}'),
                       (b"event.x.", b'{"incarnation":"i","sequence":3,"asOf":1,"data":{"sequence":-1}}')):
            scene.publisher.send_raw(*frames)
        scene.published()
        with WebStream(scene) as stream:
            stream.until(lambda: "gecko-decision" in stream.rows)


def a_new_supervisor_keeps_history_and_drops_alarms():
    with Scene() as scene:
        scene.published()
        scene.publisher.raise_alarm("demand", "owl", "no answer")
        scene.publisher.incarnation, scene.publisher.sequence, scene.publisher.alarms = "run-2", 0, {}
        scene.publisher.types["gecko-decision"]["pending"]["value"] = 1
        scene.published()
        with WebStream(scene) as stream:
            stream.until(lambda: stream.beat and stream.beat["incarnation"] == "run-2" and stream.names)
            assert stream.alarms == []
        assert max(value for value in scene.history("gecko-decision")["pending"] if value is not None) == 3


# ---- history ----

def history_keeps_peaks_adds_up_counters_and_has_gaps_for_what_was_not_seen():
    with Scene() as scene:
        for pending, launches in ((5, 10), (90, 14), (2, 14), (1, 3)):  # the last one: a counter that began anew
            fox = data_of("type", "gecko-decision", pending=pending, launches=launches, occupying=(4, 3600), claimed=None)
            scene.publisher.types["gecko-decision"] = fox
            scene.published()
        for span, step in (("hour", 5), ("day", 180)):
            history = scene.history("gecko-decision", span)
            assert history["step"] == step and len({len(column) for key, column in history.items() if key != "step"}) == 1
            known = [value for value in history["pending"] if value is not None]
            assert max(known) == 90 and history["t"][-1] % step == 0, history
            added = sum(value for value in history["launches"] if value is not None)
            assert added == 4 + 3, history["launches"]
            assert all(value is None for value in history["occupying"]), "an hour old figure is no reading of now"
            assert all(value is None for value in history["claimed"])
        totals = scene.history("")
        assert any(value is not None for value in totals["committed"]) and any(value is not None for value in totals["spent"])


def types_over_the_limit_are_left_out_and_told():
    with Scene("--max-types", 20) as scene:
        for number in range(60):
            scene.publisher.types[f"many-{number:02}"] = data_of("type", f"many-{number:02}", pending=0)
        scene.published(wait=False)
        with WebStream(scene) as stream:
            stream.until(lambda: stream.names and len(stream.names["types"]) == 20 and stream.names["leftOut"] > 0)


# ---- slow and many ----

def pages_that_never_read_cost_nobody_anything():
    with Scene() as scene:
        for number in range(200):
            scene.publisher.types[f"many-{number:03}"] = data_of("type", f"many-{number:03}", pending=number, why="w" * 400)
        scene.published()
        with WebStream(scene) as stream:
            deaf = [scene.connect() for _ in range(70)]
            for connection in deaf:
                connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
                connection.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            stream.until(lambda: "gecko-decision" in stream.rows)
            until(lambda: scene.ask("/api/stream")[0] == 503, "the stream to be full", scene.program)
            before = scene.program.memory()
            for round_number in range(40):
                for data in scene.publisher.types.values():
                    data["claimed"]["value"] = round_number
                scene.publisher.refresh()
                stream.until(lambda: stream.figures("gecko-decision")["claimed"] == round_number)  # pylint: disable=cell-var-from-loop
            grown = scene.program.memory() - before
            assert grown < 30e6 or "san-" in str(BUILD), grown  # a sanitizer keeps what was freed
            assert scene.ask("/")[0] == 200
        for connection in deaf:
            connection.close()


def connections_that_say_nothing_do_not_shut_others_out():
    with Scene() as scene:
        silent = [scene.connect() for _ in range(60)]
        for connection in silent[:30]:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        assert scene.ask("/")[0] == 200
        for connection in silent:
            connection.close()


# ---- acting ----

def without_a_token_nobody_may_act():
    with Scene(control=True) as scene:
        scene.published()
        status, _, text = act(scene)
        assert status == 403 and "read-only" in text, (status, text)
        assert scene.control.asked("pause") == []


def only_the_token_from_our_own_page_may_act():
    with token_scene() as scene:
        own = f"http://127.0.0.1:{scene.port}"
        for expected, words in ((401, {"token": None}), (401, {"token": TOKEN[:-1]}), (401, {"token": TOKEN + "x"}), (401, {"token": ""}),
                                (403, {"Origin": "https://evil.example"}), (403, {"Origin": "null"}), (403, {"Sec_Fetch_Site": "cross-site"}),
                                (415, {"Content_Type": "text/plain"}), (415, {"Content_Type": None}), (415, {"Content_Type": "application/jsonx"}),
                                (400, {"command": "terminate"}), (400, {"body": "[]"}), (400, {"body": "{"}), (400, {"body": ""}),
                                (400, {"name": ""}), (400, {"name": "x" * 300}), (400, {"body": '{"command":"pause","name":"a","who":"b"}'})):
            status, _, text = act(scene, **words)
            assert status == expected, (words, status, text)
        assert scene.control.asked("pause") == [] and TOKEN not in "\n".join(scene.program.read())
        status, _, text = act(scene, Origin=own, Sec_Fetch_Site="same-origin")
        assert status == 200 and json.loads(text)["text"] == "pause of gecko-decision: done", (status, text)
        assert [it["name"] for it in scene.control.asked("pause")] == ["gecko-decision"]
        scene.control.ok = False
        assert act(scene, "restart")[0] == 409


def a_body_without_end_is_cut_off():
    with token_scene() as scene, contextlib.suppress(ConnectionError, BrokenPipeError), contextlib.closing(scene.connect()) as connection:
        connection.sendall(f"POST /api/act HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n"
                           "Content-Length: 100000000\r\n\r\n".encode())
        for _ in range(200):
            connection.sendall(b"x" * 4096)
        assert b"200" not in connection.recv(100)


def a_daemon_that_does_not_answer_is_said_and_gets_nothing_later():
    with token_scene(control=False) as scene:
        status, _, text = act(scene)
        assert status == 504 and "did not answer" in text, (status, text)
        server = ControlServer(scene.folder)
        time.sleep(0.5)  # nothing to wait for: it must not come
        assert server.asked("pause") == []
        server.close()


def explanations_are_asked_only_about_known_types_and_seldom():
    with Scene(control=True) as scene:
        scene.published()
        body = json.loads(scene.ask("/api/explain?type=gecko-decision")[2])
        assert body["sentence"] == "because", body
        assert json.loads(scene.ask("/api/explain?type=nobody")[2])["problem"]
        assert {it["name"] for it in scene.control.asked("explain")} == {"gecko-decision"}
        with ThreadPoolExecutor(20) as many:  # more than ten a second on the slowest machine
            answers = list(many.map(lambda _: scene.ask("/api/explain?type=gecko-decision")[0], range(200)))
        assert 503 in answers, "the daemon can be asked without limit"


def token_files_that_others_can_read_are_refused():
    folder = Path(tempfile.mkdtemp(prefix="web-token-"))
    for name, mode, text, words in (("wide", 0o644, TOKEN, ()), ("written", 0o660, TOKEN, ()), ("short", 0o600, "short", ()), ("absent", None, "", ()),
                                    ("fine", 0o600, TOKEN, ("--listen", "0.0.0.0:0"))):
        path = folder / name
        if mode is not None:
            path.touch(mode)
            path.chmod(mode)
            path.write_text(text)
        with Program("provisiond-web", "--run-dir", folder, *(words or ("--listen", "127.0.0.1:0")), "--token-file", path) as program:
            assert program.finish(sent=None) == 2, name
            assert TOKEN not in "\n".join(program.read())
    shutil.rmtree(folder)


def usage_and_addresses_in_use_end_with_2():
    with Scene() as scene:
        for words in (["--listen", f"127.0.0.1:{scene.port}"], ["--listen", "nowhere"], ["--max-age", "x"], ["--max-types", "0"], ["more"], ["--what"]):
            with Program("provisiond-web", "--run-dir", scene.folder, *words) as program:
                assert program.finish(sent=None) == 2, words


def it_ends_at_once_though_pages_are_open():
    with Scene() as scene:
        scene.published()
        with WebStream(scene) as stream:
            stream.next("hello")
            assert scene.program.finish() == 0


if __name__ == "__main__":
    sys.exit(run_tests(
        every_answer_has_the_headers_that_bind_a_browser,
        pages_hold_nothing_inline_and_nothing_from_elsewhere,
        only_hosts_that_cannot_be_rebound_are_served,
        other_methods_paths_and_bodies_are_refused,
        a_page_is_sent_the_whole_and_then_what_changes,
        alarms_and_events_reach_the_page_once,
        the_server_says_for_how_long_the_daemon_was_silent,
        a_server_that_never_heard_the_daemon_says_so,
        rubbish_in_the_stream_is_harmless,
        a_new_supervisor_keeps_history_and_drops_alarms,
        history_keeps_peaks_adds_up_counters_and_has_gaps_for_what_was_not_seen,
        types_over_the_limit_are_left_out_and_told,
        pages_that_never_read_cost_nobody_anything,
        connections_that_say_nothing_do_not_shut_others_out,
        without_a_token_nobody_may_act,
        only_the_token_from_our_own_page_may_act,
        a_body_without_end_is_cut_off,
        a_daemon_that_does_not_answer_is_said_and_gets_nothing_later,
        explanations_are_asked_only_about_known_types_and_seldom,
        token_files_that_others_can_read_are_refused,
        usage_and_addresses_in_use_end_with_2,
        it_ends_at_once_though_pages_are_open))
