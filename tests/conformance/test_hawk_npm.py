#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Our Hawk headers before npm's hawk, the implementation that Taskcluster's services use; and hawk's own time stamps
before ours (case B52). `./bootstrap check` installs hawk into build/npm."""
import base64
import json
import os
import shutil
import sys
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from talker import BUILD, Talker, case, equal, run_cases  # noqa: E402

TOOL = BUILD / "tools/hawk_header"
MODULES = ROOT / "build/npm/node_modules"
JUDGE = Path(__file__).resolve().parent / "hawk_judge.js"

KEY = "44-random-characters-of-an-access-token_-abc"
NOW = 1469131560
CERTIFICATE = json.dumps({"version": 1, "scopes": ["queue:pending-count:*"], "start": 1, "expiry": 2, "seed": "s\u00e9\"\\/",
                          "signature": "a+b/c==", "issuer": "i"})


class Bench:
    def __init__(self):
        environment = dict(os.environ, NODE_PATH=str(MODULES))
        self.ours = Talker(TOOL)
        self.theirs = Talker("node", JUDGE, env=environment)

    def header(self, url, **more):
        line = {"url": url, "method": "GET", "seconds": NOW, "nonce": "0123456789abcdef", "id": "mozilla-auth0/ad|x/y",
                "key": KEY, **more}
        header = self.ours.ask(line)
        if not header.startswith("Authorization: "):
            raise AssertionError(header)
        return line, header[len("Authorization: "):]

    def judge(self, line, header, **changes):
        parts = urllib.parse.urlsplit(line["url"])
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        resource = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        return json.loads(self.theirs.ask({"method": line["method"], "resource": resource, "host": parts.hostname,
                                           "port": port, "authorization": header, "id": line["id"], "key": line["key"],
                                           "serverSeconds": NOW, **changes}))

    def accepted(self, url, **more):
        line, header = self.header(url, **more)
        verdict = self.judge(line, header)
        if not verdict["ok"]:
            raise AssertionError(f"{url}: {verdict['error']}: {header}")
        return verdict

    def close(self):
        self.ours.close()
        self.theirs.close()


@case("hawk accepts our header for every route that we ask, with and without a port")
def routes(bench):
    for root in ("https://tc.example.com", "https://TC.Example.COM:443", "http://127.0.0.1:8080", "http://localhost:80",
                 "https://tc.example.com:9443/prefix"):
        for path in ("", "/", "/api/queue/v1/task-queues/aws-provisioner-v1%2Fgecko-1/counts",
                     "/api/queue/v1/pending/aws-provisioner-v1%2Fgecko-1",
                     "/api/queue/v1/task-queues/p%2Ft/pending?limit=1",
                     "/api/queue/v1/task-queues/p%2Ft/claimed?limit=100&continuationToken=a%2Bb%2F%3D"):
            verdict = bench.accepted(root + path)
            equal((verdict["ext"], verdict["hash"]), (None, None))


@case("hawk accepts other methods, ids and hours")
def others(bench):
    bench.accepted("http://localhost:1/x", method="PUT")
    bench.accepted("http://localhost:1/x", id="static/taskcluster/root")
    bench.accepted("http://localhost:1/x", seconds=NOW - 840)
    bench.accepted("http://localhost:1/x", seconds=NOW + 840)


@case("temporary credentials carry their certificate in ext, as Taskcluster's clients send it")
def certificate(bench):
    verdict = bench.accepted("https://tc.example.com/a", certificate=CERTIFICATE)
    equal(json.loads(base64.b64decode(verdict["ext"], validate=True)), {"certificate": json.loads(CERTIFICATE)})


@case("hawk refuses our header for anything that it was not made for")
def tampered(bench):
    line, header = bench.header("https://tc.example.com/a?b=c")
    equal(bench.judge(line, header)["ok"], True)
    for change in ({"method": "POST"}, {"resource": "/a?b=d"}, {"host": "other.example.com"}, {"port": 444},
                   {"key": "another"}, {"authorization": header.replace("0123456789abcdef", "0123456789abcdee")},
                   {"id": "somebody-else"}, {"serverSeconds": NOW + 1000}):
        if bench.judge(line, header, **change)["ok"]:
            raise AssertionError(f"accepted with {change}")


@case("a time stamp that hawk sends is proven by our key, and only by it")
def server_time(bench):
    line, header = bench.header("https://tc.example.com/a", seconds=NOW - 1200)
    verdict = bench.judge(line, header)
    equal((verdict["ok"], verdict["error"]), (False, "Stale timestamp"))
    words = "WWW-Authenticate: " + verdict["header"]
    equal(bench.ours.ask({"verify": words, "key": KEY}), f"1 {NOW}")
    equal(bench.ours.ask({"verify": words, "key": "another"}), "-1 0")
    equal(bench.ours.ask({"verify": words.replace(f'ts="{NOW}"', f'ts="{NOW + 1}"'), "key": KEY}), "-1 0")
    equal(bench.ours.ask({"verify": f'WWW-Authenticate: Hawk ts="{NOW}", error="Stale timestamp"', "key": KEY}), "-1 0")
    equal(bench.ours.ask({"verify": 'WWW-Authenticate: Hawk error="Bad mac"', "key": KEY}), "0 0")
    equal(bench.ours.ask({"verify": "", "key": KEY}), "0 0")


@case("ids that would break out of the header, and keys that are missing, make no header")
def unsafe(bench):
    for more in ({"id": 'a", mac="x'}, {"id": ""}, {"id": "a\nb"}, {"certificate": "not json"}):
        line = {"url": "http://localhost/", "method": "GET", "seconds": NOW, "nonce": "n", "id": "i", "key": KEY, **more}
        answer = bench.ours.ask(line)
        if not answer.startswith("fault: ") or "not json" in answer:
            raise AssertionError(answer)


def main():
    missing = None
    if not shutil.which("node"):
        missing = "node is not installed"
    elif not (MODULES / "hawk").is_dir():
        missing = "npm's hawk is not in build/npm (./bootstrap check fetches it; the registry may be out of reach)"
    if missing:
        print(f"1..1\nok 1 - npm's hawk accepts our headers # SKIP {missing}")
        return 0
    return run_cases(TOOL, Bench, "both sides end cleanly")


if __name__ == "__main__":
    sys.exit(main())
