#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""The demand source http-json: a real daemon whose type asks a URL of ours in place of the queue; and the example for
Redis lists with a redis-cli of ours."""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World, simple_type  # noqa: E402

MARKER = "Bearer MARKERdemandtoken"


class Source:
    """Answers with what `answer` is: a status and a body."""

    def __init__(self):
        source = self
        self.answer, self.asked, self.authorized = (200, {"jobs": {"waiting": 2, "running": 0}}), 0, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                source.asked += 1
                source.authorized.append((self.path, self.headers.get("Authorization")))
                status, body = source.answer
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/queue/{{workerType}}?x=1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def live(here):
    return [row for row in here.cloud.ask("/_sim/instances") if row["type"] == "alpha" and row["state"] in ("pending", "running")]


def until_asked(here, source, times):
    before = source.asked
    here.until(lambda: source.asked >= before + times, f"{times} questions")


def demand_of_a_url(tap):
    with Source() as source, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "authorization").write_text(MARKER + "\n")
        document = simple_type("alpha", demandUrl=source.url, demandPending="/jobs/waiting", demandClaimed="/jobs/running",
                               demandAuthorizationFile=f"{folder}/authorization")
        with World({"queues": {"alpha": {}}}, [document], deploymentId=f"http-json-{os.getpid()}", grace="2s") as here:
            here.until(lambda: len(live(here)) == 2, "two instances for two tasks")
            tap.check(True, "what a URL counts is launched for")
            tap.check(source.authorized[0] == ("/queue/alpha?x=1", MARKER), "the name and the file's line are sent",
                      source.authorized[:1])
            until_asked(here, source, 6)
            tap.check(len(live(here)) == 2, "and not more")
            tap.check(not here.polls("alpha"), "the queue is not asked")
            for bad in ((500, {"jobs": {"waiting": 50, "running": 0}}), (200, {"jobs": {"waiting": "50", "running": 0}}),
                        (200, b"<html>")):
                source.answer = bad
                until_asked(here, source, 4)
            tap.check(len(live(here)) == 2, "answers that are none launch nothing")
            source.answer = (200, {"jobs": {"waiting": 5, "running": 0}})
            here.until(lambda: len(live(here)) == 5, "three more instances")
            tap.check(True, "a good answer is taken up again")
            text = (here.folder / "provisiond.log").read_text(errors="replace")
            tap.check(MARKER not in text, "the header is not in the log")


def the_example_for_redis(tap):
    with tempfile.TemporaryDirectory() as folder:
        stub = Path(folder) / "redis-cli"
        stub.write_text('#!/bin/sh\n[ "$3" = alpha:pending ] && echo 7 && exit\n[ "$3" = alpha:claimed ] && echo 3 && exit\n'
                        'echo "(error)"\n')
        stub.chmod(0o755)
        child = subprocess.Popen([str(ROOT / "docs/examples/demand-redis.py"), "0"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, text=True,
                                 env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
        try:
            port = child.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/alpha", timeout=30) as answer:
                tap.check(json.load(answer) == {"pending": 7, "claimed": 3}, "the example for Redis counts two lists")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/beta", timeout=30)
                tap.check(False, "and what Redis does not answer is an error, not a zero")
            except urllib.error.HTTPError as refusal:
                tap.check(refusal.code == 503, "and what Redis does not answer is an error, not a zero", refusal)
        finally:
            child.terminate()
            child.wait(20)
            child.stdout.close()


if __name__ == "__main__":
    sys.exit(Tap().run(demand_of_a_url, the_example_for_redis))
