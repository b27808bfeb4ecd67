#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""The demand source http-json: a real daemon whose type asks a URL of ours in place of the queue; and the example for
Redis lists with a redis-cli of ours."""
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from control_client import ask  # noqa: E402
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


def live(here, name="alpha"):
    return [row for row in here.cloud.ask("/_sim/instances") if row["type"] == name and row["state"] in ("pending", "running")]


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


SHAPES = {  # what these services answer, shortened; the members are those of docs/demand.md
    "/v3/metrics/queue": {"jobs": {"scheduled": 3, "running": 0, "waiting": 9}, "agents": {"idle": 0}, "name": "alpha"},
    "/repos/OWNER/REPOSITORY/actions/runs": {"total_count": 2, "workflow_runs": [{"id": 1, "status": "queued"}]},
}


def examples_for_ci_services(tap):
    """The members that docs/demand.md gives for Buildkite and for GitHub, as they stand there, against their answers."""
    text = (ROOT / "docs/demand.md").read_text()
    blocks = [json.loads("{" + block.strip().rstrip(",") + "}") for block in re.findall(r"(?:^    \".*\n)+", text, re.MULTILINE)
              if "https://" in block]
    tap.check(len(blocks) == 2, "docs/demand.md has two examples of services", blocks)
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            asked.append((self.path, self.headers.get("Authorization")))
            body = json.dumps(SHAPES.get(self.path.partition("?")[0], {})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "token").write_text("Token of-a-test\n")
        types = []
        for name, block in zip(("alpha", "beta"), blocks):
            block["demandUrl"] = re.sub(r"^https://[^/]+", f"http://127.0.0.1:{server.server_port}", block["demandUrl"])
            block["demandAuthorizationFile"] = f"{folder}/token"
            types.append(simple_type(name, **block))
        with World({"queues": {"alpha": {}, "beta": {}}}, types, deploymentId=f"http-json-{os.getpid()}", grace="2s") as here:
            for name, count in (("alpha", 3), ("beta", 2)):
                here.until(lambda name=name, count=count: len(live(here, name)) == count, f"{count} instances of {name}")
            tap.check(True, "the examples for Buildkite and GitHub count what these services answer")
            tap.check({path for path, _ in asked} == {"/v3/metrics/queue?name=alpha",
                                                      "/repos/OWNER/REPOSITORY/actions/runs?status=queued&per_page=1"} and
                      {value for _, value in asked} == {"Token of-a-test"}, "with the file's line", set(asked))
    server.shutdown()
    server.server_close()


def plain_http_is_for_loopback(tap):
    urls = {"alpha": "http://counter.example/{workerType}", "beta": "http://10.0.0.1/x", "gamma": "http://127.0.0.1.example/x"}
    with World({"queues": {name: {} for name in urls}}, [simple_type(name, demandUrl=url) for name, url in urls.items()],
               deploymentId=f"http-json-{os.getpid()}") as here:
        for name, url in urls.items():
            def refusal(name=name):
                return "plain http" in ask(here.folder / "run", "status", name)["body"]["types"][0]["demandProblem"]
            here.until(refusal, f"the refusal of {url}")
        tap.check(True, "plain http beyond loopback is refused, and status says so")


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
    sys.exit(Tap().run(demand_of_a_url, examples_for_ci_services, plain_http_is_for_loopback, the_example_for_redis))
